// l-half: value(x) = lambda |x|^(1/2).
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x| and u = r t^2 it is the greatest root of
// t^3 - t + k = 0, k = s lambda / (2 r^(3/2)), while its objective, r^2 (t^2 - 3/2 t^4), is below that of 0: t^2 > 2/3, so
// k < (2/3)^(1/2) / 3. There t is smooth in k alone: a polynomial is within 4e-5 of it, and one step of Newton's method,
// whose slope is at least 1, within 3e-9. The formula with an arc cosine takes more operations and rounds more.
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
    let some = r >= 0x1p-126f;
    let base = select(1.0, r, some);
    let k = 0.5 * pull / base / sqrt(base);
    let b = select(k, 0.27216553, k > 0.27216553);
    let first = 1.0 - b * (0.50007826 + b * (0.3617515 + b * (0.8465143 + b * (-2.1455958 + b * 10.229071))));
    let square = first * first;
    let t = first - (first * (square - 1.0) + b) / (3.0 * square - 1.0);
    let u = select(r * t * t, 0.0, k >= 0.27216553);
    return select(select(0.0, r, pull == 0.0), u, some);
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
