// truncated-quadratic: value(x) = lambda / 2 min(x^2, theta^2).
//
// p = (lambda, theta, -, -), lambda >= 0, theta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one: x / (1 + s lambda) up to theta (1 + s
// lambda)^(1/2), x itself beyond.
// distance(x, g): from -g to the gradient at x, which is 0 from theta on.
// Source: E. Strekalovskiy, D. Cremers, Real-time minimization of the piecewise smooth Mumford-Shah functional, ECCV
// (2014).

fn truncated_quadratic_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    let t = select(r, p.y, r > p.y);
    return 0.5 * p.x * t * t;
}

fn truncated_quadratic_grad(x: f32, p: vec4<f32>) -> f32 {
    if (abs(x) >= p.y) {
        return 0.0;
    }
    return p.x * x;
}

fn truncated_quadratic_curvature(x: f32, p: vec4<f32>) -> f32 {
    return select(p.x, 0.0, abs(x) >= p.y);
}

fn truncated_quadratic_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let shrink = 1.0 + step * p.x;
    if (abs(x) > p.y * sqrt(shrink)) {
        return x;
    }
    return x / shrink;
}

fn truncated_quadratic_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let shrink = 1.0 + step * p.x;
    return select(1.0 / shrink, 1.0, abs(x) > p.y * sqrt(shrink));
}

fn truncated_quadratic_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + truncated_quadratic_grad(x, p));
}
