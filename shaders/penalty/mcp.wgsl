// mcp: value(x) = lambda |x| - x^2 / (2 gamma) for |x| <= gamma lambda, else gamma lambda^2 / 2.
//
// p = (lambda, gamma, -, -), lambda >= 0, gamma > 1. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = the global argmin_u (u - x)^2 / (2 s) + value(u).
//   s < gamma:  0 for |x| <= s lambda, firm threshold up to gamma lambda, identity beyond.
//   s >= gamma: the objective is concave up to gamma lambda, so 0 or x itself, whichever is lower: the jump is at
//               sqrt(s gamma) lambda.
// distance(x, g): from -g to the subdifferential at x, which is [-lambda, lambda] at 0.
// Source: C.-H. Zhang, Nearly unbiased variable selection under minimax concave penalty, Ann. Statist. 38 (2010).

fn mcp_value(x: f32, p: vec4<f32>) -> f32 {
    // by selection, not by branches, as in the others that follow: lanes stay together
    let end = p.x * p.y;
    let r = select(abs(x), end, abs(x) > end);
    return r * (p.x - 0.5 * r / p.y);
}

fn mcp_grad(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    return select(sign(x) * (p.x - r / p.y), 0.0, r > p.x * p.y);
}

fn mcp_curvature(x: f32, p: vec4<f32>) -> f32 {
    return select(-1.0 / p.y, 0.0, abs(x) > p.x * p.y || p.x == 0.0);
}

fn mcp_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    if (step >= p.y) {
        if (r <= sqrt(step) * sqrt(p.y) * p.x) {
            return 0.0;
        }
        return x;
    }
    if (r > p.x * p.y) {
        return x;
    }
    let rest = r - step * p.x;
    if (rest <= 0.0) {
        return 0.0;
    }
    return sign(x) * rest * p.y / (p.y - step);
}

fn mcp_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    if (step >= p.y) {
        return select(1.0, 0.0, r <= sqrt(step) * sqrt(p.y) * p.x && p.x > 0.0);
    }
    if (r > p.x * p.y || p.x == 0.0) {
        return 1.0;
    }
    return select(p.y / (p.y - step), 0.0, r <= step * p.x);
}

fn mcp_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + mcp_grad(x, p));
    }
    let over = abs(g) - p.x;
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
