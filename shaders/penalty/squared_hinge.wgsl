// squared-hinge: value(x) = lambda / 2 max(margin - x, 0)^2.
//
// p = (lambda, margin, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): x above the margin, else (x + s lambda margin) / (1 + s lambda).
// distance(x, g): from -g to the gradient at x.
// Source: O. Mangasarian, A finite Newton method for classification, Optim. Methods Softw. 17 (2002).

fn squared_hinge_value(x: f32, p: vec4<f32>) -> f32 {
    if (x >= p.y) {
        return 0.0;
    }
    return 0.5 * p.x * (p.y - x) * (p.y - x);
}

fn squared_hinge_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x >= p.y) {
        return 0.0;
    }
    return p.x * (x - p.y);
}

fn squared_hinge_curvature(x: f32, p: vec4<f32>) -> f32 {
    return select(p.x, 0.0, x >= p.y);
}

fn squared_hinge_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (x >= p.y) {
        return x;
    }
    return (x + pull * p.y) / (1.0 + pull);
}

fn squared_hinge_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(1.0 / (1.0 + step * p.x), 1.0, x >= p.y);
}

fn squared_hinge_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + squared_hinge_grad(x, p));
}
