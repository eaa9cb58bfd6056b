// etp: value(x) = lambda (1 - exp(-gamma |x|)) / (1 - exp(-gamma)).
//
// p = (lambda, gamma, -, -), lambda >= 0, gamma > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|: the greater root of h(u) = u - r +
// s value'(u), if its objective is below that of 0, else 0. h is convex above 0, so Newton's iteration comes down to
// the greater root from r without passing it; next to a double root every turn takes h to a quarter, so ten leave
// nothing but rounding.
// distance(x, g): from -g to the subdifferential at x, which is an interval around 0 at 0.
// Source: C. Gao, N. Wang, Q. Yu, Z. Zhang, A feasible nonconvex relaxation approach to feature selection, AAAI (2011).

fn etp_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * special_expm1(-p.y * abs(x)) / special_expm1(-p.y);
}

// The derivative at t >= 0.
fn etp_rate(t: f32, p: vec4<f32>) -> f32 {
    return -p.x * p.y * special_exp(-p.y * t) / special_expm1(-p.y);
}

fn etp_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return special_sign_f32(x) * etp_rate(abs(x), p);
}

fn etp_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.x * p.y * p.y * special_exp(-p.y * abs(x)) / special_expm1(-p.y);
}

// The prox of r >= 0.
fn etp_root(r: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = -step * p.x / special_expm1(-p.y);
    var u = r;
    for (var turn = 0u; turn < 10u; turn += 1u) {
        let slope = pull * p.y * special_exp(-p.y * u);
        u = clamp(u - (u - r + slope) / max(1.0 - p.y * slope, 1e-4), 0.0, r);
    }
    // objective at u less objective at 0; convex from 0 on if pull gamma^2 <= 1
    let jumps = pull * p.y * p.y > 1.0;
    if (jumps && u * (0.5 * u - r) - pull * special_expm1(-p.y * u) >= 0.0) {
        return 0.0;
    }
    return u;
}

fn etp_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    return sign(x) * etp_root(abs(x), step, p);
}

fn etp_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = etp_root(abs(x), step, p);
    if (u == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * etp_curvature(u, p));
}

fn etp_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + etp_grad(x, p));
    }
    let over = abs(g) - etp_rate(0.0, p);
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
