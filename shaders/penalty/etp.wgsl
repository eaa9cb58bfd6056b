// etp: value(x) = lambda (1 - exp(-gamma |x|)) / (1 - exp(-gamma)).
//
// p = (lambda, gamma, -, -), lambda >= 0, gamma > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|, P = s lambda / (1 - exp(-gamma)), K =
// P gamma^2 exp(-gamma r): u = r - w / gamma for the least root w of w exp(-w) = K, which is K times a function of d = 1 -
// (1 - e K)^(1/2) that is smooth on [0, 1] (minimax of degree 9, relative error 2^-23; the next singularity is at d = 2).
// Where there is no such root, where it is below 0, or where its objective is not below that of 0, it is 0.
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
    let slope = pull * p.y * special_exp(-p.y * r);
    let d = 1.0 - sqrt(max(1.0 - 2.71828183 * p.y * slope, 0.0));
    let high = 0.0729035884 + d * (0.29870075 + d * (-0.440366566 + d * (0.619899392 + d * (-0.407739401 + d * 0.135688946))));
    let share = 0.999999881 + d * (0.735782444 + d * (0.443349659 + d * (0.260062814 + d * high)));
    let u = max(r - slope * share, 0.0);
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
