// l-half: value(x) = lambda |x|^(1/2).
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|: the greater root of h(u) = u - r +
// s value'(u), if its objective is below that of 0, else 0. h is convex above 0, so Newton's iteration comes down to
// the greater root from r without passing it; where that root is the minimiser, h' is at least 3/4, so every turn
// halves the error at least and squares it in the end: six turns. The formula with an arc cosine needs as many
// operations and rounds more.
// distance(x, g): from -g to the subdifferential at x, which is the whole line at 0 (where the slope is infinite).
// Source: Z. Xu, X. Chang, F. Xu, H. Zhang, L1/2 regularization: a thresholding representation theory and a fast
// solver, IEEE Trans. Neural Netw. Learn. Syst. 23 (2012).

fn l_half_value(x: f32, p: vec4<f32>) -> f32 {
    return p.x * sqrt(abs(x));
}

fn l_half_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return special_sign_f32(x) * (0.5 * p.x / sqrt(abs(x)));
}

fn l_half_curvature(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return -0.25 * p.x / sqrt(abs(x)) / abs(x);
}

// The prox of r >= 0 for step times lambda.
fn l_half_root(r: f32, pull: f32) -> f32 {
    if (r == 0.0) {
        return 0.0;
    }
    // the minimiser, if it is not 0, is at least 2/3 r
    let least = 0.66 * r;
    var u = r;
    for (var turn = 0u; turn < 6u; turn += 1u) {
        let slope = 0.5 * pull / sqrt(u);
        u = clamp(u - (u - r + slope) / max(1.0 - 0.5 * slope / u, 0.25), least, r);
    }
    if (u * (0.5 * u - r) + pull * sqrt(u) >= 0.0) {
        return 0.0;
    }
    return u;
}

fn l_half_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    return sign(x) * l_half_root(abs(x), step * p.x);
}

fn l_half_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = l_half_root(abs(x), step * p.x);
    if (u == 0.0 && step * p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * l_half_curvature(u, p));
}

fn l_half_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return abs(g + l_half_grad(x, p));
}
