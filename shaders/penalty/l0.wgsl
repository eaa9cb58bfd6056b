// l0: value(x) = lambda for x != 0, else 0.
//
// p = (lambda, -, -, -), lambda >= 0. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = the global argmin_u (u - x)^2 / (2 s) + value(u): hard threshold at sqrt(2 s lambda).
// distance(x, g): from -g to the (limiting) subdifferential at x, which is the whole line at 0 and {0} elsewhere.
// Source: T. Blumensath, M. Davies, Iterative thresholding for sparse approximations, J. Fourier Anal. Appl. 14 (2008).

fn l0_value(x: f32, p: vec4<f32>) -> f32 {
    return select(p.x, 0.0, x == 0.0);
}

fn l0_grad(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn l0_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn l0_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (abs(x) <= sqrt(2.0 * step * p.x)) {
        return 0.0;
    }
    return x;
}

fn l0_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(1.0, 0.0, abs(x) <= sqrt(2.0 * step * p.x));
}

fn l0_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return select(abs(g), 0.0, x == 0.0);
}
