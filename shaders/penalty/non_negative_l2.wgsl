// non-negative-l2: value(x) = l2/2 x^2 for x >= 0, else the greatest finite number in place of infinity.
//
// p = (l2, -, -, -), l2 >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): x / (1 + s l2) above 0, else 0.
// distance(x, g): from -g to the subdifferential at x: the gradient above 0, (-inf, 0] at 0; below there is none and
// the distance is the greatest finite number.
// Source: A. Tikhonov, V. Arsenin, Solutions of ill-posed problems, Winston (1977), on the cone of non-negative
// numbers.

fn non_negative_l2_value(x: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.5 * p.x * x * x, x >= 0.0);
}

fn non_negative_l2_grad(x: f32, p: vec4<f32>) -> f32 {
    return select(0.0, p.x * x, x > 0.0);
}

fn non_negative_l2_curvature(x: f32, p: vec4<f32>) -> f32 {
    return select(0.0, p.x, x > 0.0);
}

fn non_negative_l2_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return x / (1.0 + step * p.x);
}

fn non_negative_l2_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(0.0, 1.0 / (1.0 + step * p.x), x > 0.0);
}

fn non_negative_l2_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x < 0.0) {
        return 0x1.fffffep+127f;
    }
    if (x == 0.0 && g >= 0.0) {
        return 0.0;
    }
    return abs(g + p.x * x);
}
