// l-two-thirds: value(x) = lambda |x|^(2/3).
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x| and u = r t^3 it is the greatest root of
// t^4 - t + k = 0, k = 2/3 s lambda / r^(4/3), while its objective, r^2 (t^3 / 2 - t^6), is below that of 0: t^3 > 1/2, so
// k < 2^(-4/3). There t is smooth in k alone: a polynomial is within 9e-5 of it, and one step of Newton's method, whose
// slope is at least 1, within 3e-8.
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
    let some = r >= 0x1p-126f;
    let base = select(1.0, r, some);
    let k = pull / 1.5 / base / special_cbrt(base);
    let b = select(k, 0.39685026, k > 0.39685026);
    let bend = -0.19028308 + b * (4.309586 + b * (-14.440423 + b * 21.36975));
    let first = 1.0 - b * (0.333232 + b * (0.238994 + b * bend));
    let cube = first * first * first;
    let t = first - (first * (cube - 1.0) + b) / (4.0 * cube - 1.0);
    let u = select(r * t * t * t, 0.0, k >= 0.39685026);
    return select(select(0.0, r, pull == 0.0), u, some);
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
