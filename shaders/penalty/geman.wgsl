// geman: value(x) = lambda |x| / (|x| + gamma).
//
// p = (lambda, gamma, -, -), lambda >= 0, gamma > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|: the greater root of h(u) = u - r +
// s value'(u), if its objective is below that of 0, else 0. h is convex above 0, so Newton's iteration comes down to
// the greater root from r without passing it; next to a double root every turn takes h to a quarter, so ten leave
// nothing but rounding.
// distance(x, g): from -g to the subdifferential at x, which is an interval around 0 at 0.
// Source: D. Geman, C. Yang, Nonlinear image recovery with half-quadratic regularization, IEEE Trans. Image Process. 4
// (1995).

fn geman_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    // lambda less what is missing, without the quotient of two infinities
    if (r > p.y) {
        return p.x / (1.0 + p.y / r);
    }
    return p.x * r / (r + p.y);
}

// The derivative at t >= 0.
fn geman_rate(t: f32, p: vec4<f32>) -> f32 {
    return p.x / (t + p.y) * (p.y / (t + p.y));
}

fn geman_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return special_sign_f32(x) * geman_rate(abs(x), p);
}

fn geman_curvature(x: f32, p: vec4<f32>) -> f32 {
    let a = abs(x) + p.y;
    return -2.0 * p.x / a / a * (p.y / a);
}

// The prox of r >= 0.
fn geman_root(r: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    var u = r;
    for (var turn = 0u; turn < 10u; turn += 1u) {
        let a = u + p.y;
        let slope = pull / a * (p.y / a);
        u = clamp(u - (u - r + slope) / max(1.0 - 2.0 * slope / a, 1e-4), 0.0, r);
    }
    // objective at u less objective at 0, over u; convex from 0 on if 2 pull <= gamma^2
    if (2.0 * pull > p.y * p.y && 0.5 * u - r + pull / (u + p.y) >= 0.0) {
        return 0.0;
    }
    return u;
}

fn geman_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    return sign(x) * geman_root(abs(x), step, p);
}

fn geman_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = geman_root(abs(x), step, p);
    if (u == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * geman_curvature(u, p));
}

fn geman_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + geman_grad(x, p));
    }
    let over = abs(g) - geman_rate(0.0, p);
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
