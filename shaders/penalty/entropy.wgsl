// entropy: value(x) = lambda x log x for x >= 0 (0 at 0), else the greatest finite number in place of infinity.
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the root of u + P (1 + log u) = x, P = s lambda. Where u >= P
// Newton's iteration in u climbs to it from a lower bound, elsewhere that in log u comes down to it from an upper
// bound; the slopes lie between 1 and 2, so every turn halves the error at least and squares it in the end: seven
// turns. One that moves log u by d leaves at most d^2 / 2: the last one is that whose d^2 does not show beside 1, or d^2 /
// u beside u.
// distance(x, g): from -g to the gradient at x; below 0 there is none and the distance is the greatest finite number. 0
// stands for every number below the least normal one, m = 2^-126, and takes the slopes up to that at m.
// Source: P. Combettes, J.-C. Pesquet, Proximal splitting methods in signal processing, Springer (2011), table 10.2.

// 1 + log m.
const ENTROPY_STEEPEST: f32 = -86.3365448;

fn entropy_value(x: f32, p: vec4<f32>) -> f32 {
    if (x < 0.0) {
        return 0x1.fffffep+127f;
    }
    if (x == 0.0) {
        return 0.0;
    }
    return p.x * x * special_log(x);
}

fn entropy_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x < 0.0) {
        return 0.0;
    }
    if (x == 0.0) {
        return p.x * ENTROPY_STEEPEST;
    }
    return p.x * (special_log(x) + 1.0);
}

fn entropy_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return p.x / x;
}

// log u for the root u <= P, from P and its logarithm.
fn entropy_log(x: f32, pull: f32, level: f32) -> f32 {
    // far below, the root is 0 whatever it is
    let goal = max(x / pull - 1.0, -1e30);
    var l = min(goal, level);
    for (var turn = 0u; turn < 7u; turn += 1u) {
        let share = special_exp(l) / pull;
        let change = (l - goal + share) / (1.0 + share);
        l = l - change;
        if (1.0 + change * change == 1.0) {
            break;
        }
    }
    return l;
}

// The root u >= P.
fn entropy_root(x: f32, pull: f32) -> f32 {
    var u = max(pull, x - pull * (1.0 + special_log(max(x, pull))));
    for (var turn = 0u; turn < 7u; turn += 1u) {
        let next = max(u - (u - x + pull * (1.0 + special_log(u))) / (1.0 + pull / u), pull);
        let change = next - u;
        u = next;
        if (next + change * (change / next) == next) {
            break;
        }
    }
    return u;
}

fn entropy_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (pull == 0.0 || !special_is_finite(x)) {
        return select(x, 0.0, x < 0.0);
    }
    let level = special_log(pull);
    if (pull * (2.0 + level) < x) {
        return entropy_root(x, pull);
    }
    return special_exp(entropy_log(x, pull, level));
}

fn entropy_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (pull == 0.0 || !special_is_finite(x)) {
        return select(1.0, 0.0, x <= 0.0);
    }
    let level = special_log(pull);
    if (pull * (2.0 + level) < x) {
        return 1.0 / (1.0 + pull / entropy_root(x, pull));
    }
    // u / P, of which u alone may be below the normal numbers
    let share = special_exp(entropy_log(x, pull, level) - level);
    return share / (1.0 + share);
}

fn entropy_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x < 0.0) {
        return 0x1.fffffep+127f;
    }
    let over = g + entropy_grad(x, p);
    return select(abs(over), 0.0, x == 0.0 && over >= 0.0);
}
