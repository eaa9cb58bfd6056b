// log-barrier: value(x) = -lambda log x for x > 0, else the greatest finite number in place of infinity.
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): the positive root of u^2 - x u - s lambda = 0.
// distance(x, g): from -g to the gradient at x; outside of the domain there is none and the distance is the greatest
// finite number.
// Source: P. Combettes, J.-C. Pesquet, Proximal splitting methods in signal processing, Springer (2011), table 10.2.

fn log_barrier_value(x: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0x1.fffffep+127f;
    }
    return -p.x * special_log(x);
}

fn log_barrier_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return -p.x / x;
}

fn log_barrier_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return p.x / x / x;
}

fn log_barrier_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return root_positive(x, step * p.x);
}

fn log_barrier_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = log_barrier_prox(x, step, p);
    return 1.0 / (1.0 + step * p.x / u / u);
}

fn log_barrier_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0x1.fffffep+127f;
    }
    return abs(g - p.x / x);
}
