// charbonnier: value(x) = lambda delta^2 ((1 + (x / delta)^2)^(1/2) - 1).
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u). In units of delta, t = u / delta, q = |x| / delta, P = s lambda:
// the root of h(t) = t - q + P t / (1 + t^2)^(1/2), which rises and is concave, so that Newton's iteration climbs to it
// from any lower bound. The start is the greatest of three that together come within a factor of 4, from where six
// turns suffice. A turn that moves t by d leaves at most P d^2 / 2 of h: the last one is that whose P d^2 does not show
// in q.
// distance(x, g): from -g to the gradient at x.
// Source: P. Charbonnier, L. Blanc-Feraud, G. Aubert, M. Barlaud, Deterministic edge-preserving regularization in
// computed imaging, IEEE Trans. Image Process. 6 (1997).

fn charbonnier_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    let v = p.y / r;
    if (r > p.y) {
        return p.x * p.y * (r * sqrt(1.0 + v * v) - p.y);
    }
    let t = r / p.y;
    return p.x * r * r / (1.0 + sqrt(1.0 + t * t));
}

fn charbonnier_grad(x: f32, p: vec4<f32>) -> f32 {
    if (abs(x) > p.y) {
        let v = p.y / x;
        return special_sign_f32(x) * (p.x * p.y / sqrt(1.0 + v * v));
    }
    let t = x / p.y;
    return p.x * x / sqrt(1.0 + t * t);
}

fn charbonnier_curvature(x: f32, p: vec4<f32>) -> f32 {
    let t = x / p.y;
    let s = 1.0 + t * t;
    return p.x / s / sqrt(s);
}

// The root for q >= 0, P >= 0.
fn charbonnier_root(q: f32, pull: f32) -> f32 {
    // it is below q, below the root without t on the left, and below what 1 - t / (1 + t^2)^(1/2) <= 1 / (2 t^2) gives
    var high = min(q, max(q - pull, 0.0) + special_cbrt(0.5 * pull));
    if (q < pull) {
        let y = q / pull;
        high = min(high, y / sqrt((1.0 - y) * (1.0 + y)));
    }
    var t = max(max(q / (1.0 + pull), q - pull), 0.25 * high);
    for (var turn = 0u; turn < 8u; turn += 1u) {
        let s = 1.0 + t * t;
        let root = sqrt(s);
        let next = max(t - (t - q + pull * t / root) / (1.0 + pull / (s * root)), 0.0);
        let change = next - t;
        t = next;
        if (q + pull * change * change == q) {
            break;
        }
    }
    return t;
}

fn charbonnier_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    let pull = step * p.x;
    // far out the slope is that of the straight line, up to rounding
    if (abs(x) > 1e4 * (1.0 + pull) * p.y) {
        return x - sign(x) * pull * p.y;
    }
    return sign(x) * p.y * charbonnier_root(abs(x) / p.y, pull);
}

fn charbonnier_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * charbonnier_curvature(charbonnier_prox(x, step, p), p));
}

fn charbonnier_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + charbonnier_grad(x, p));
}
