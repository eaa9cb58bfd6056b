// lp: value(x) = lambda |x|^q, 0 < q < 1.
//
// p = (lambda, q, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|: the greater root of h(u) = u - r +
// s value'(u), if its objective is below that of 0, else 0. h is convex above 0, so Newton's iteration comes down to
// the greater root from r without passing it; where that root is the minimiser, h' is at least 1 - q/2, so every turn
// halves the error at least and squares it in the end: six turns. One that moves u by d leaves at most s value'(u) (d /
// u)^2 of h: the last one is that whose d^2 / u does not show in u.
// distance(x, g): from -g to the subdifferential at x, which is the whole line at 0 (where the slope is infinite).
// Source: G. Marjanovic, V. Solo, On l_q optimization and matrix completion, IEEE Trans. Signal Process. 60 (2012).

fn lp_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * special_pow(abs(x), p.y);
}

fn lp_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return special_sign_f32(x) * (p.x * p.y * special_pow(abs(x), p.y - 1.0));
}

fn lp_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return -p.x * p.y * (1.0 - p.y) * special_pow(abs(x), p.y - 1.0) / abs(x);
}

// The prox of r >= 0 for step times lambda and the power q.
fn lp_root(r: f32, pull: f32, q: f32) -> f32 {
    if (r == 0.0 || pull == 0.0) {
        return r;
    }
    // the minimiser, if it is not 0, is at least 2 (1 - q) / (2 - q) r
    let least = 1.96 * (1.0 - q) / (2.0 - q) * r;
    var u = r;
    for (var turn = 0u; turn < 6u; turn += 1u) {
        let slope = pull * q * special_pow(u, q - 1.0);
        let next = clamp(u - (u - r + slope) / max(1.0 - (1.0 - q) * slope / u, 0.25), least, r);
        let change = next - u;
        u = next;
        if (next + change * (change / next) == next) {
            break;
        }
    }
    if (u * (0.5 * u - r) + pull * special_pow(u, q) >= 0.0) {
        return 0.0;
    }
    return u;
}

fn lp_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    return sign(x) * lp_root(abs(x), step * p.x, p.y);
}

fn lp_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = lp_root(abs(x), step * p.x, p.y);
    if (u == 0.0 && step * p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * lp_curvature(u, p));
}

fn lp_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return abs(g + lp_grad(x, p));
}
