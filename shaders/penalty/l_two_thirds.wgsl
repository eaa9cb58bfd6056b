// l-two-thirds: value(x) = lambda |x|^(2/3).
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|: the greater root of h(u) = u - r +
// s value'(u), if its objective is below that of 0, else 0. h is convex above 0, so Newton's iteration comes down to
// the greater root from r without passing it; where that root is the minimiser, h' is at least 2/3, so every turn
// halves the error at least and squares it in the end: six turns.
// distance(x, g): from -g to the subdifferential at x, which is the whole line at 0 (where the slope is infinite).
// Source: W. Cao, J. Sun, Z. Xu, Fast image deconvolution using closed-form thresholding formulas of Lq (q = 1/2, 2/3)
// regularization, J. Vis. Commun. Image Represent. 24 (2013).

fn l_two_thirds_value(x: f32, p: vec4<f32>) -> f32 {
    let c = special_cbrt(abs(x));
    return p.x * c * c;
}

fn l_two_thirds_grad(x: f32, p: vec4<f32>) -> f32 {
    // by selection: llvmpipe was seen to give infinity where this branched
    let none = x == 0.0;
    return select(p.x / (1.5 * special_cbrt(select(x, 1.0, none))), 0.0, none);
}

fn l_two_thirds_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return -p.x / (4.5 * special_cbrt(abs(x))) / abs(x);
}

// The prox of r >= 0 for step times lambda.
fn l_two_thirds_root(r: f32, pull: f32) -> f32 {
    if (r == 0.0) {
        return 0.0;
    }
    // the minimiser, if it is not 0, is at least 1/2 r
    let least = 0.49 * r;
    var u = r;
    for (var turn = 0u; turn < 6u; turn += 1u) {
        let slope = pull / (1.5 * special_cbrt(u));
        u = clamp(u - (u - r + slope) / max(1.0 - slope / (3.0 * u), 0.25), least, r);
    }
    let c = special_cbrt(u);
    if (u * (0.5 * u - r) + pull * c * c >= 0.0) {
        return 0.0;
    }
    return u;
}

fn l_two_thirds_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    return sign(x) * l_two_thirds_root(abs(x), step * p.x);
}

fn l_two_thirds_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = l_two_thirds_root(abs(x), step * p.x);
    if (u == 0.0 && step * p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * l_two_thirds_curvature(u, p));
}

fn l_two_thirds_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return abs(g + l_two_thirds_grad(x, p));
}
