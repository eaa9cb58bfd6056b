// elastic-net: value(x) = l1 |x| + l2/2 x^2.
//
// p = (l1, l2, -, -), both >= 0. Elementwise: x, step and p are scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): shrinks by s l1, then divides by 1 + s l2; exactly 0 for |x| <= s l1.
// distance(x, g): from -g to the subdifferential at x, which is [-l1, l1] at 0.
// Source: H. Zou, T. Hastie, Regularization and variable selection via the elastic net, JRSS B 67 (2005).

fn elastic_net_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * abs(x) + 0.5 * p.y * x * x;
}

fn elastic_net_grad(x: f32, p: vec4<f32>) -> f32 {
    return p.x * sign(x) + p.y * x;
}

fn elastic_net_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.y;
}

fn elastic_net_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let rest = abs(x) - step * p.x;
    if (rest <= 0.0) {
        return 0.0;
    }
    return sign(x) * rest / (1.0 + step * p.y);
}

fn elastic_net_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(1.0 / (1.0 + step * p.y), 0.0, abs(x) <= step * p.x && p.x > 0.0);
}

fn elastic_net_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + p.x * sign(x) + p.y * x);
    }
    let over = abs(g) - p.x;
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
