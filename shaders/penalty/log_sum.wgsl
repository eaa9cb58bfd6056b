// log-sum: value(x) = lambda log(1 + |x| / epsilon).
//
// p = (lambda, epsilon, -, -), lambda >= 0, epsilon > 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = the global argmin_u (u - x)^2 / (2 s) + value(u). With r = |x|: the greater root of
// (u - r) (u + epsilon) + s lambda = 0 if there is one above 0 and its objective is below that of 0, else 0.
// lib/special: `special_log1p`, because `log(1 + y)` is only absolutely accurate for small y.
// distance(x, g): from -g to the subdifferential at x, which is [-lambda, lambda] / epsilon at 0.
// Source: E. Candes, M. Wakin, S. Boyd, Enhancing sparsity by reweighted l1 minimization, J. Fourier Anal. Appl. 14 (2008);
// prox: P. Gong et al., A general iterative shrinkage and thresholding algorithm, ICML (2013).

fn log_sum_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * special_log1p(abs(x) / p.y);
}

fn log_sum_grad(x: f32, p: vec4<f32>) -> f32 {
    return p.x * sign(x) / (p.y + abs(x));
}

fn log_sum_curvature(x: f32, p: vec4<f32>) -> f32 {
    let a = p.y + abs(x);
    return -p.x / a / a;
}

// The prox of r >= 0.
fn log_sum_root(r: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    let half_sum = 0.5 * (r + p.y);
    // r less what rounding hides: the penalty is flat there, and the squares below might overflow
    if (pull / half_sum <= 1e-8 * r) {
        return r;
    }
    let square = half_sum * half_sum - pull;
    if (square < 0.0) {
        return 0.0;
    }
    // root of u^2 - (r - epsilon) u + (s lambda - r epsilon), in the form without cancellation
    let half_gap = 0.5 * (r - p.y);
    let reach = sqrt(square);
    var u = half_gap + reach;
    if (half_gap < 0.0) {
        u = (r * p.y - pull) / (reach - half_gap);
    }
    if (u <= 0.0) {
        return 0.0;
    }
    // objective at u less objective at 0, times the step; convex from 0 on if s lambda <= epsilon^2
    if (pull > p.y * p.y && u * (0.5 * u - r) + pull * special_log1p(u / p.y) >= 0.0) {
        return 0.0;
    }
    return u;
}

fn log_sum_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return sign(x) * log_sum_root(abs(x), step, p);
}

fn log_sum_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = log_sum_root(abs(x), step, p);
    if (u == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * log_sum_curvature(u, p));
}

fn log_sum_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + log_sum_grad(x, p));
    }
    let over = abs(g) - p.x / p.y;
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
