// tukey: value(x) = lambda delta^2 / 6 (1 - (1 - (x / delta)^2)^3) for |x| <= delta, else lambda delta^2 / 6.
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. In units of delta, t = u / delta, q = |x| /
// delta, P = s lambda: h(t) = t - q + P t (1 - t^2)^2 has one, two or three roots above 0. It is concave up to the
// square root of 3/5, where Newton's iteration climbs from q / (1 + P) to the least root, and convex from there, where
// it comes down from q to the greatest; the one with the lower objective is taken. Where h' vanishes with h every turn
// takes h to 8/27 or less, so twelve leave nothing but rounding. A turn that moves t by d leaves at most 4 P d^2 of h: the
// last one is that whose P d^2 does not show in q.
// Beyond t = 1 it is the line t - q.
// distance(x, g): from -g to the gradient at x.
// Source: A. Beaton, J. Tukey, The fitting of power series, meaning polynomials, illustrated on band-spectroscopic
// data, Technometrics 16 (1974).

// 1 - t^2 where that is positive.
fn tukey_rest(t: f32) -> f32 {
    return max((1.0 - t) * (1.0 + t), 0.0);
}

fn tukey_value(x: f32, p: vec4<f32>) -> f32 {
    let t = abs(x) / p.y;
    if (t >= 1.0) {
        return p.x * p.y * p.y / 6.0;
    }
    let a = tukey_rest(t);
    return p.x * x * x * (1.0 + a + a * a) / 6.0;
}

fn tukey_weight(t: f32) -> f32 {
    let a = tukey_rest(t);
    return a * a;
}

// The derivative of t weight(t).
fn tukey_bend(t: f32) -> f32 {
    return select(tukey_rest(t) * (1.0 - 5.0 * t * t), 0.0, t >= 1.0);
}

// The integral of t weight(t) from a to b > a, over b - a.
fn tukey_rise(a: f32, b: f32) -> f32 {
    let c = tukey_rest(a);
    if (b >= 1.0) {
        return c * c * c / (6.0 * (b - a));
    }
    let d = tukey_rest(b);
    return (a + b) * (c * c + c * d + d * d) / 6.0;
}

fn tukey_grad(x: f32, p: vec4<f32>) -> f32 {
    let t = abs(x) / p.y;
    if (t >= 1.0) {
        return 0.0;
    }
    return p.x * x * tukey_weight(t);
}

fn tukey_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.x * tukey_bend(abs(x) / p.y);
}

// The root of h for q >= 0 whose objective is lower.
fn tukey_root(q: f32, pull: f32) -> f32 {
    let middle = min(q, 0.77459667);
    var low = min(q / (1.0 + pull), middle);
    var high = q;
    for (var turn = 0u; turn < 12u; turn += 1u) {
        let below = clamp(low - (low - q + pull * low * tukey_weight(low)) / max(1.0 + pull * tukey_bend(low), 1e-4), 0.0, middle);
        let above = clamp(high - (high - q + pull * high * tukey_weight(high)) / max(1.0 + pull * tukey_bend(high), 1e-4), middle, q);
        let change = max(abs(below - low), abs(above - high));
        low = below;
        high = above;
        if (q + pull * change * change == q) {
            break;
        }
    }
    // objective at high less objective at low, over their difference
    if (high <= low || 0.5 * (low + high) - q + pull * tukey_rise(low, high) >= 0.0) {
        return low;
    }
    return high;
}

fn tukey_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    let pull = step * p.x;
    let q = abs(x) / p.y;
    // far out there is no pull, and nothing gains by going back
    if (q > 1e6 && pull < 1e-9 * q * q) {
        return x;
    }
    return sign(x) * p.y * tukey_root(q, pull);
}

fn tukey_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * tukey_curvature(tukey_prox(x, step, p), p));
}

fn tukey_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + tukey_grad(x, p));
}
