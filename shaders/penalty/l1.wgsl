// l1: value(x) = l1 |x|.
//
// p = (l1, -, -, -), l1 >= 0. Elementwise: x, step and p are scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): shrinks by s l1, exactly 0 for |x| <= s l1.
// distance(x, g): from -g to the subdifferential at x, which is [-l1, l1] at 0.
// Source: R. Tibshirani, Regression shrinkage and selection via the lasso, JRSS B 58 (1996).

fn l1_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * abs(x);
}

fn l1_grad(x: f32, p: vec4<f32>) -> f32 {
    return p.x * special_sign_f32(x);
}

fn l1_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn l1_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let rest = abs(x) - step * p.x;
    if (rest <= 0.0) {
        return 0.0;
    }
    return sign(x) * rest;
}

fn l1_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(1.0, 0.0, abs(x) <= step * p.x && p.x > 0.0);
}

fn l1_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + p.x * sign(x));
    }
    let over = abs(g) - p.x;
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
