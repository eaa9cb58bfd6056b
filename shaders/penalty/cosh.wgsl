// cosh: value(x) = lambda delta^2 (cosh(x / delta) - 1).
//
// p = (lambda, delta, -, -), lambda >= 0, delta > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u). In units of delta, t = u / delta, q = |x| / delta, P = s lambda:
// the root of h(t) = t - q + P sinh t, which rises and is convex, so that Newton's iteration comes down to it from any
// upper bound; from the lesser of two, eight turns suffice. One that moves t by d leaves at most P sinh(t) d^2 / 2 of h:
// the last one is that whose d^2 does not show beside 1. Far out t is below the rounding of q but for a logarithm: t
// = log(2 (q - t) / P) by substitution.
// distance(x, g): from -g to the gradient at x.
// Source: U. Ghai, E. Hazan, Y. Singer, Exponentiated gradient meets gradient descent, ALT (2020): the conjugate of
// their hyperbolic entropy.

fn cosh_value(x: f32, p: vec4<f32>) -> f32 {
    // not 0 times infinity
    if (p.x == 0.0) {
        return 0.0;
    }
    let s = special_sinh(0.5 * abs(x) / p.y);
    // in an order that overflows no sooner than the result
    return 2.0 * (p.x * p.y * s) * (p.y * s);
}

fn cosh_grad(x: f32, p: vec4<f32>) -> f32 {
    if (p.x == 0.0) {
        return 0.0;
    }
    let t = 0.5 * x / p.y;
    return 2.0 * (p.x * p.y * special_sinh(t)) * special_cosh(t);
}

fn cosh_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (p.x == 0.0) {
        return 0.0;
    }
    return p.x * special_cosh(x / p.y);
}

// The root for q >= 0, P > 0.
fn cosh_root(q: f32, pull: f32) -> f32 {
    var t = q / (1.0 + pull);
    if (q <= pull) {
        t = min(t, 0.89);
    } else {
        // asinh y <= log y + 0.89 for y >= 1
        t = min(t, special_log(q) - special_log(pull) + 0.89);
    }
    if (q > 1e4 && q > 1e4 * pull) {
        for (var turn = 0u; turn < 5u; turn += 1u) {
            t = special_log(q - t) - special_log(pull) + 0.69314718;
        }
        return t;
    }
    for (var turn = 0u; turn < 8u; turn += 1u) {
        let next = max(t - (t - q + pull * special_sinh(t)) / (1.0 + pull * special_cosh(t)), 0.0);
        let change = next - t;
        t = next;
        if (1.0 + change * change == 1.0) {
            break;
        }
    }
    return t;
}

fn cosh_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    if (!special_is_finite(x) || pull == 0.0) {
        return x;
    }
    return sign(x) * p.y * cosh_root(abs(x) / p.y, pull);
}

fn cosh_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 1.0 / (1.0 + step * cosh_curvature(cosh_prox(x, step, p), p));
}

fn cosh_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return abs(g + cosh_grad(x, p));
}
