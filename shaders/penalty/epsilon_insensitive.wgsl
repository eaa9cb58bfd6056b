// epsilon-insensitive: value(x) = lambda max(|x| - epsilon, 0).
//
// p = (lambda, epsilon, -, -), lambda >= 0, epsilon >= 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): the soft threshold of what sticks out of [-epsilon, epsilon].
// distance(x, g): from -g to the subdifferential at x, which is [0, lambda] at epsilon, [-lambda, 0] at -epsilon.
// Source: V. Vapnik, The nature of statistical learning theory, Springer (1995).

fn epsilon_insensitive_value(x: f32, p: vec4<f32>) -> f32 {
    let over = abs(x) - p.y;
    return select(p.x * over, 0.0, over <= 0.0);
}

fn epsilon_insensitive_grad(x: f32, p: vec4<f32>) -> f32 {
    return select(p.x * special_sign_f32(x), 0.0, abs(x) <= p.y);
}

fn epsilon_insensitive_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn epsilon_insensitive_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (abs(x) <= p.y) {
        return x;
    }
    if (abs(x) <= p.y + pull) {
        return sign(x) * p.y;
    }
    return x - sign(x) * pull;
}

fn epsilon_insensitive_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let stays = abs(x) >= p.y && abs(x) <= p.y + step * p.x;
    return select(1.0, 0.0, stays && p.x > 0.0);
}

fn epsilon_insensitive_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (abs(x) != p.y) {
        return abs(g + epsilon_insensitive_grad(x, p));
    }
    let low = select(0.0, -p.x, x == -p.y);
    let high = select(0.0, p.x, x == p.y);
    let over = max(low + g, -g - high);
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
