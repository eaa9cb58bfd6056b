// hinge: value(x) = lambda max(margin - x, 0).
//
// p = (lambda, margin, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): x above the margin, else x + s lambda, but not beyond the margin.
// distance(x, g): from -g to the subdifferential at x, which is [-lambda, 0] at the margin.
// Source: C. Cortes, V. Vapnik, Support-vector networks, Mach. Learn. 20 (1995).

fn hinge_value(x: f32, p: vec4<f32>) -> f32 {
    if (x >= p.y) {
        return 0.0;
    }
    return p.x * (p.y - x);
}

fn hinge_grad(x: f32, p: vec4<f32>) -> f32 {
    return select(-p.x, 0.0, x >= p.y);
}

fn hinge_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn hinge_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let moved = x + step * p.x;
    if (x >= p.y) {
        return x;
    }
    if (moved >= p.y) {
        return p.y;
    }
    return moved;
}

fn hinge_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let stays = x <= p.y && x + step * p.x >= p.y;
    return select(1.0, 0.0, stays && p.x > 0.0);
}

fn hinge_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != p.y) {
        return abs(g + hinge_grad(x, p));
    }
    let over = max(-g, g - p.x);
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
