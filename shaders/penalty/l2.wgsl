// l2: value(x) = l2/2 x^2.
//
// p = (l2, -, -, -), l2 >= 0. Elementwise: x, step and p are scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u) = x / (1 + s l2).
// distance(x, g): from -g to the gradient at x.
// Source: A. Hoerl, R. Kennard, Ridge regression, Technometrics 12 (1970).

fn l2_value(x: f32, p: vec4<f32>) -> f32 {
    return 0.5 * p.x * x * x;
}

fn l2_grad(x: f32, p: vec4<f32>) -> f32 {
    return p.x * x;
}

fn l2_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.x;
}

fn l2_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return x / (1.0 + step * p.x);
}

fn l2_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * p.x);
}

fn l2_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + p.x * x);
}
