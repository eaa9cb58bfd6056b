// capped-l1: value(x) = lambda min(|x|, theta).
//
// p = (lambda, theta, -, -), lambda >= 0, theta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one: the soft threshold up to a jump, x itself beyond.
// With pull = s lambda the jump is at theta + pull / 2 while the threshold's result is not 0 there (pull <= 2 theta),
// else at (2 pull theta)^(1/2).
// distance(x, g): from -g to the subdifferential at x, which is [-lambda, lambda] at 0 and {0} from theta on.
// Source: T. Zhang, Analysis of multi-stage convex relaxation for sparse regularization, JMLR 11 (2010).

fn capped_l1_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    return p.x * select(r, p.y, r > p.y);
}

fn capped_l1_grad(x: f32, p: vec4<f32>) -> f32 {
    if (abs(x) >= p.y) {
        return 0.0;
    }
    return p.x * special_sign_f32(x);
}

fn capped_l1_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

// |x| up to which the prox shrinks.
fn capped_l1_jump(pull: f32, theta: f32) -> f32 {
    return select(sqrt(2.0 * pull) * sqrt(theta), theta + 0.5 * pull, pull <= 2.0 * theta);
}

fn capped_l1_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (abs(x) > capped_l1_jump(pull, p.y)) {
        return x;
    }
    let rest = abs(x) - pull;
    if (rest <= 0.0) {
        return 0.0;
    }
    return sign(x) * rest;
}

fn capped_l1_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    return select(1.0, 0.0, abs(x) <= min(pull, capped_l1_jump(pull, p.y)) && p.x > 0.0);
}

fn capped_l1_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + capped_l1_grad(x, p));
    }
    let over = abs(g) - p.x;
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
