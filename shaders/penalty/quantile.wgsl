// quantile: value(x) = lambda tau x for x >= 0, else lambda (tau - 1) x.
//
// p = (lambda, tau, -, -), lambda >= 0, 0 < tau < 1. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): the soft threshold with s lambda tau above and s lambda (1 - tau)
// below.
// distance(x, g): from -g to the subdifferential at x, which is lambda [tau - 1, tau] at 0.
// Source: R. Koenker, G. Bassett, Regression quantiles, Econometrica 46 (1978).

fn quantile_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * x * select(p.y - 1.0, p.y, x >= 0.0);
}

fn quantile_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return p.x * select(p.y - 1.0, p.y, x > 0.0);
}

fn quantile_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn quantile_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let above = x - step * p.x * p.y;
    let below = x + step * p.x * (1.0 - p.y);
    if (above > 0.0) {
        return above;
    }
    if (below >= 0.0) {
        return 0.0;
    }
    return below;
}

fn quantile_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let stays = x <= step * p.x * p.y && x >= -step * p.x * (1.0 - p.y);
    return select(1.0, 0.0, stays && p.x > 0.0);
}

fn quantile_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + quantile_grad(x, p));
    }
    let over = max(-g - p.x * p.y, g - p.x * (1.0 - p.y));
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
