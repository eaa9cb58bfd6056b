// scad: value(x) = lambda |x|                                                       for |x| <= lambda,
//                  (2 gamma lambda |x| - x^2 - lambda^2) / (2 (gamma - 1))          up to gamma lambda,
//                  (gamma + 1) lambda^2 / 2                                         beyond.
//
// p = (lambda, gamma, -, -), lambda >= 0, gamma > 2. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = the global argmin_u (u - x)^2 / (2 s) + value(u).
//   s < gamma - 1:  soft threshold for |x| <= (1 + s) lambda, then the middle line up to gamma lambda, identity beyond.
//   s >= gamma - 1: the middle piece is concave, so the soft threshold or x itself, whichever is lower: the jump is at
//                   lambda (gamma + 1 + s) / 2 while the threshold's result is not 0 there, else at lambda sqrt(s (gamma + 1)).
// distance(x, g): from -g to the subdifferential at x, which is [-lambda, lambda] at 0.
// Source: J. Fan, R. Li, Variable selection via nonconcave penalized likelihood, JASA 96 (2001).

fn scad_value(x: f32, p: vec4<f32>) -> f32 {
    // lambda r minus what the bend takes away, both no further than the end: no cancellation of squares
    let end = p.x * p.y;
    let r = select(abs(x), end, abs(x) > end);
    let past = select(0.0, r - p.x, r > p.x);
    return p.x * r - 0.5 * past * past / (p.y - 1.0);
}

fn scad_grad(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    let end = p.x * p.y;
    let slope = select(p.x, (end - r) / (p.y - 1.0), r > p.x);
    return special_sign_f32(x) * select(slope, 0.0, r > end);
}

fn scad_curvature(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    return select(0.0, -1.0 / (p.y - 1.0), r > p.x && r <= p.x * p.y);
}

// |x| beyond which the prox with step >= gamma - 1 keeps x.
fn scad_jump(step: f32, p: vec4<f32>) -> f32 {
    return p.x * select(sqrt(step) * sqrt(p.y + 1.0), 0.5 * (p.y + 1.0 + step), step <= p.y + 1.0);
}

fn scad_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    let concave = step >= p.y - 1.0;
    if (r > select(p.x * p.y, scad_jump(step, p), concave)) {
        return x;
    }
    if (!concave && r > p.x * (1.0 + step)) {
        // the line through ((1 + s) lambda, lambda) and (gamma lambda, gamma lambda)
        return sign(x) * (p.x + (r - p.x * (1.0 + step)) * (p.y - 1.0) / (p.y - 1.0 - step));
    }
    let rest = r - step * p.x;
    if (rest <= 0.0) {
        return 0.0;
    }
    return sign(x) * rest;
}

fn scad_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    let concave = step >= p.y - 1.0;
    if (r > select(p.x * p.y, scad_jump(step, p), concave)) {
        return 1.0;
    }
    if (!concave && r > p.x * (1.0 + step)) {
        return (p.y - 1.0) / (p.y - 1.0 - step);
    }
    return select(1.0, 0.0, r <= step * p.x && p.x > 0.0);
}

fn scad_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + scad_grad(x, p));
    }
    let over = abs(g) - p.x;
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
