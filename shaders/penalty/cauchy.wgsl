// cauchy: value(x) = lambda delta^2 / 2 log(1 + (x / delta)^2).
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. In units of delta, t = u / delta, q = |x| /
// delta, P = s lambda: h(t) = t - q + P t / (1 + t^2) has one, two or three roots above 0. It is concave up to the
// square root of 3, where Newton's iteration climbs from q / (1 + P) to the least root, and convex from there, where it
// comes down from q to the greatest; the one with the lower objective is taken. Where h' vanishes with h every turn
// takes h to 8/27 or less, so twelve leave nothing but rounding. A turn that moves t by d leaves at most P d^2 of h: the
// last one is that whose P d^2 does not show in q.
// distance(x, g): from -g to the gradient at x.
// Source: M. Black, P. Anandan, The robust estimation of multiple motions, Comput. Vis. Image Underst. 63 (1996).

fn cauchy_value(x: f32, p: vec4<f32>) -> f32 {
    let t = abs(x) / p.y;
    // the square would overflow before its logarithm does
    if (t > 1e6) {
        return p.x * p.y * p.y * special_log(t);
    }
    return 0.5 * p.x * p.y * p.y * special_log1p(t * t);
}

fn cauchy_weight(t: f32) -> f32 {
    return 1.0 / (1.0 + t * t);
}

// The derivative of t weight(t).
fn cauchy_bend(t: f32) -> f32 {
    if (t > 1.0) {
        let v = 1.0 / t;
        let w = 1.0 + v * v;
        return v * v * (v - 1.0) * (v + 1.0) / (w * w);
    }
    let w = 1.0 + t * t;
    return (1.0 - t) * (1.0 + t) / (w * w);
}

// The integral of t weight(t) from a to b > a, over b - a.
fn cauchy_rise(a: f32, b: f32) -> f32 {
    return 0.5 * special_log1p((b - a) * (b + a) * cauchy_weight(a)) / (b - a);
}

fn cauchy_grad(x: f32, p: vec4<f32>) -> f32 {
    let t = abs(x) / p.y;
    if (t > 1.0) {
        return special_sign_f32(x) * (p.x * p.y / (t + 1.0 / t));
    }
    return p.x * x * cauchy_weight(t);
}

fn cauchy_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.x * cauchy_bend(abs(x) / p.y);
}

// The root of h for q >= 0 whose objective is lower.
fn cauchy_root(q: f32, pull: f32) -> f32 {
    let middle = min(q, 1.7320508);
    var low = min(q / (1.0 + pull), middle);
    var high = q;
    for (var turn = 0u; turn < 12u; turn += 1u) {
        let below = clamp(low - (low - q + pull * low * cauchy_weight(low)) / max(1.0 + pull * cauchy_bend(low), 1e-4), 0.0, middle);
        let above = clamp(high - (high - q + pull * high * cauchy_weight(high)) / max(1.0 + pull * cauchy_bend(high), 1e-4), middle, q);
        let change = max(abs(below - low), abs(above - high));
        low = below;
        high = above;
        if (q + pull * change * change == q) {
            break;
        }
    }
    // objective at high less objective at low, over their difference
    if (high <= low || 0.5 * (low + high) - q + pull * cauchy_rise(low, high) >= 0.0) {
        return low;
    }
    return high;
}

fn cauchy_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    let pull = step * p.x;
    let q = abs(x) / p.y;
    // far out the pull is below the rounding of x, and nothing gains by going back
    if (q > 1e6 && pull < 1e-9 * q * q) {
        return x;
    }
    return sign(x) * p.y * cauchy_root(q, pull);
}

fn cauchy_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * cauchy_curvature(cauchy_prox(x, step, p), p));
}

fn cauchy_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + cauchy_grad(x, p));
}
