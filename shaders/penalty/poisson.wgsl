// poisson: value(x) = lambda (x - count log x) for x > 0 (lambda x for x >= 0 if count = 0), else the greatest finite number in place of infinity.
//
// p = (lambda, count, -, -), lambda >= 0, count >= 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): the positive root of u^2 - (x - s lambda) u - s lambda count = 0.
// distance(x, g): from -g to the gradient at x; outside of the domain there is none and the distance is the greatest
// finite number; (-inf, lambda] at 0 if count = 0.
// Source: P. Combettes, J.-C. Pesquet, A Douglas-Rachford splitting approach to nonsmooth convex variational signal
// recovery, IEEE J. Sel. Topics Signal Process. 1 (2007).

fn poisson_outside(x: f32, p: vec4<f32>) -> bool {
    return x < 0.0 || (x == 0.0 && p.y > 0.0);
}

fn poisson_value(x: f32, p: vec4<f32>) -> f32 {
    if (poisson_outside(x, p)) {
        return 0x1.fffffep+127f;
    }
    if (x == 0.0) {
        return 0.0;
    }
    return p.x * (x - p.y * special_log(x));
}

fn poisson_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return p.x * (1.0 - p.y / x);
}

fn poisson_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return p.x * p.y / x / x;
}

fn poisson_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return root_positive(x - step * p.x, step * p.x * p.y);
}

fn poisson_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = poisson_prox(x, step, p);
    if (u == 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * p.x * p.y / u / u);
}

fn poisson_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (poisson_outside(x, p)) {
        return 0x1.fffffep+127f;
    }
    if (x == 0.0) {
        return select(0.0, -g - p.x, g + p.x < 0.0);
    }
    return abs(g + poisson_grad(x, p));
}
