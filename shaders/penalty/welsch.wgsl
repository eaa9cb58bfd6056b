// welsch: value(x) = lambda delta^2 (1 - exp(-(x / delta)^2 / 2)).
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. In units of delta, t = u / delta, q = |x| /
// delta, P = s lambda: h(t) = t - q + P t exp(-t^2 / 2) has one, two or three roots above 0. It is concave up to the
// square root of 3, where Newton's iteration climbs from q / (1 + P) to the least root, and convex from there, where it
// comes down from q to the greatest; the one with the lower objective is taken. Where h' vanishes with h every turn
// takes h to 8/27 or less, so twelve leave nothing but rounding. A turn that moves t by d leaves at most P d^2 of h: the
// last one is that whose P d^2 does not show in q.
// distance(x, g): from -g to the gradient at x.
// Source: J. Dennis, R. Welsch, Techniques for nonlinear least squares and robust regression, Comm. Statist. Simulation
// Comput. 7 (1978).

fn welsch_value(x: f32, p: vec4<f32>) -> f32 {
    let t = x / p.y;
    return -p.x * p.y * p.y * special_expm1(-0.5 * t * t);
}

// value' / value'(0) x, in units of delta.
fn welsch_weight(t: f32) -> f32 {
    return special_exp(-0.5 * t * t);
}

// The derivative of t weight(t).
fn welsch_bend(t: f32) -> f32 {
    // by halves, so that the product reaches 0 no sooner than the result
    let half = special_exp(-0.25 * t * t);
    return select((1.0 - t) * (1.0 + t) * half * half, 0.0, t > 20.0);
}

// The integral of t weight(t) from a to b > a, over b - a.
fn welsch_rise(a: f32, b: f32) -> f32 {
    return -special_exp(-0.5 * a * a) * special_expm1(-0.5 * (b - a) * (b + a)) / (b - a);
}

fn welsch_grad(x: f32, p: vec4<f32>) -> f32 {
    let t = x / p.y;
    if (abs(t) > 20.0) {
        return 0.0;
    }
    return p.x * x * welsch_weight(t);
}

fn welsch_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.x * welsch_bend(abs(x) / p.y);
}

// The root of h for q >= 0 whose objective is lower.
fn welsch_root(q: f32, pull: f32) -> f32 {
    let middle = min(q, 1.7320508);
    var low = min(q / (1.0 + pull), middle);
    var high = q;
    for (var turn = 0u; turn < 12u; turn += 1u) {
        let below = clamp(low - (low - q + pull * low * welsch_weight(low)) / max(1.0 + pull * welsch_bend(low), 1e-4), 0.0, middle);
        let above = clamp(high - (high - q + pull * high * welsch_weight(high)) / max(1.0 + pull * welsch_bend(high), 1e-4), middle, q);
        let change = max(abs(below - low), abs(above - high));
        low = below;
        high = above;
        if (q + pull * change * change == q) {
            break;
        }
    }
    // objective at high less objective at low, over their difference
    if (high <= low || 0.5 * (low + high) - q + pull * welsch_rise(low, high) >= 0.0) {
        return low;
    }
    return high;
}

fn welsch_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    let pull = step * p.x;
    let q = abs(x) / p.y;
    // far out the pull is below the rounding of x, and nothing gains by going back
    if (q > 1e6 && pull < 1e-9 * q * q) {
        return x;
    }
    return sign(x) * p.y * welsch_root(q, pull);
}

fn welsch_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * welsch_curvature(welsch_prox(x, step, p), p));
}

fn welsch_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + welsch_grad(x, p));
}
