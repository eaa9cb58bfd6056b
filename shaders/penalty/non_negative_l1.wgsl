// non-negative-l1: value(x) = l1 x for x >= 0, else the greatest finite number in place of infinity.
//
// p = (l1, -, -, -), l1 >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): x - s l1 where that is above 0, else 0.
// distance(x, g): from -g to the subdifferential at x: {l1} above 0, (-inf, l1] at 0; below there is none and the
// distance is the greatest finite number.
// Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least angle regression, Ann. Statist. 32 (2004), section
// 3.4.

fn non_negative_l1_value(x: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, p.x * x, x >= 0.0);
}

fn non_negative_l1_grad(x: f32, p: vec4<f32>) -> f32 {
    return select(0.0, p.x, x > 0.0);
}

fn non_negative_l1_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn non_negative_l1_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let rest = x - step * p.x;
    if (rest <= 0.0) {
        return 0.0;
    }
    return rest;
}

fn non_negative_l1_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(0.0, 1.0, x - step * p.x > 0.0);
}

fn non_negative_l1_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x < 0.0) {
        return 0x1.fffffep+127f;
    }
    if (x == 0.0 && g + p.x >= 0.0) {
        return 0.0;
    }
    return abs(g + p.x);
}
