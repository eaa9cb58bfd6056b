// huber: value(x) = lambda x^2 / 2 for |x| <= delta, else lambda delta (|x| - delta / 2).
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): x / (1 + s lambda) where that stays within delta, else x moved
// towards 0 by s lambda delta.
// distance(x, g): from -g to the gradient at x.
// Source: P. Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964).

fn huber_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    if (r > p.y) {
        return p.x * p.y * (r - 0.5 * p.y);
    }
    return 0.5 * p.x * r * r;
}

fn huber_grad(x: f32, p: vec4<f32>) -> f32 {
    if (abs(x) > p.y) {
        return p.x * p.y * sign(x);
    }
    return p.x * x;
}

fn huber_curvature(x: f32, p: vec4<f32>) -> f32 {
    return select(p.x, 0.0, abs(x) > p.y);
}

fn huber_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (abs(x) > p.y * (1.0 + pull)) {
        return x - sign(x) * pull * p.y;
    }
    return x / (1.0 + pull);
}

fn huber_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    return select(1.0 / (1.0 + pull), 1.0, abs(x) > p.y * (1.0 + pull));
}

fn huber_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + huber_grad(x, p));
}
