// log-cosh: value(x) = lambda delta^2 log cosh(x / delta).
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u). In units of delta, t = u / delta, q = |x| / delta, P = s lambda:
// the root of h(t) = t - q + P tanh t, which rises and is concave, so that Newton's iteration climbs to it from any
// lower bound; from the greatest of three, eight turns suffice. A turn that moves t by d leaves at most P d^2 / 2 of h,
// so the last one is that whose P d^2 does not show in q.
// distance(x, g): from -g to the gradient at x.
// Source: P. Green, Bayesian reconstructions from emission tomography data using a modified EM algorithm, IEEE Trans.
// Med. Imaging 9 (1990).

fn log_cosh_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    let t = r / p.y;
    // beyond, e^(-2 t) is below the rounding
    if (t > 12.0) {
        return p.x * p.y * (r - 0.69314718 * p.y);
    }
    let s = special_sinh(0.5 * t);
    return p.x * p.y * p.y * special_log1p(2.0 * s * s);
}

fn log_cosh_grad(x: f32, p: vec4<f32>) -> f32 {
    return p.x * p.y * special_tanh(x / p.y);
}

fn log_cosh_curvature(x: f32, p: vec4<f32>) -> f32 {
    let c = special_cosh(x / p.y);
    return p.x / c / c;
}

// The root for q >= 0, P >= 0.
fn log_cosh_root(q: f32, pull: f32) -> f32 {
    // it is below q, below the root without t on the left, and below what 1 - tanh t <= 2 e^(-2 t) gives
    var high = min(q, max(q - pull, 0.0) + 0.5 * special_log1p(2.0 * pull) + 0.3);
    if (q < pull) {
        high = min(high, special_atanh(q / pull));
    }
    var t = max(max(q / (1.0 + pull), q - pull), 0.75 * high);
    for (var turn = 0u; turn < 8u; turn += 1u) {
        let y = special_tanh(t);
        let next = max(t - (t - q + pull * y) / (1.0 + pull * (1.0 - y) * (1.0 + y)), 0.0);
        let change = next - t;
        t = next;
        if (q + pull * change * change == q) {
            break;
        }
    }
    return t;
}

fn log_cosh_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    let pull = step * p.x;
    // far out the slope is that of the straight line, up to rounding
    if (abs(x) > (20.0 + pull) * p.y) {
        return x - sign(x) * pull * p.y;
    }
    return sign(x) * p.y * log_cosh_root(abs(x) / p.y, pull);
}

fn log_cosh_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * log_cosh_curvature(log_cosh_prox(x, step, p), p));
}

fn log_cosh_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + log_cosh_grad(x, p));
}
