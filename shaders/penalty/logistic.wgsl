// logistic: value(x) = lambda log(1 + e^(-x)).
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the root of h(u) = u - x - P sigmoid(-u), P = s lambda. The
// problem is the same for -x - P and -u, so let x >= -P / 2 and u >= 0, where h rises and is concave: Newton's
// iteration climbs to the root from any lower bound, and from the greatest of three (x, the tangent at 0, the fixed-
// point map at an upper bound) seven turns suffice. One that moves u by d leaves at most P d^2 / 16 of h: the last one is
// that whose P d^2 does not show in u.
// distance(x, g): from -g to the gradient at x.
// Source: D. Cox, The regression analysis of binary sequences, JRSS B 20 (1958).

fn logistic_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * special_softplus(-x);
}

fn logistic_grad(x: f32, p: vec4<f32>) -> f32 {
    return -p.x * special_sigmoid(-x);
}

fn logistic_curvature(x: f32, p: vec4<f32>) -> f32 {
    return p.x * special_sigmoid(-x) * special_sigmoid(x);
}

// The root for x >= -P / 2.
fn logistic_root(x: f32, pull: f32) -> f32 {
    // u <= max(x, 0) + log(1 + P), and u = log((P - (u - x)) / (u - x))
    let over = special_log1p(pull) + max(-x, 0.0);
    var u = max(max(x, (x + 0.5 * pull) / (1.0 + 0.25 * pull)), 0.0);
    if (pull > 2.0 * over) {
        u = max(u, special_log((pull - over) / over));
    }
    for (var turn = 0u; turn < 7u; turn += 1u) {
        let share = special_sigmoid(-u);
        let next = max(u - (u - x - pull * share) / (1.0 + pull * share * (1.0 - share)), 0.0);
        let change = next - u;
        u = next;
        if (next + pull * change * change == next) {
            break;
        }
    }
    return u;
}

fn logistic_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    let pull = step * p.x;
    if (x < -0.5 * pull) {
        return -logistic_root(-x - pull, pull);
    }
    return logistic_root(x, pull);
}

fn logistic_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * logistic_curvature(logistic_prox(x, step, p), p));
}

fn logistic_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + logistic_grad(x, p));
}
