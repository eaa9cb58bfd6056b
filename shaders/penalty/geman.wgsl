// geman: value(x) = lambda |x| / (|x| + gamma).
//
// p = (lambda, gamma, -, -), lambda >= 0, gamma > 0. Elementwise: scalars of the caller's kernel; no memory, no
// barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u), the global one. With r = |x|, P = s lambda, c = r + gamma, k = P
// gamma / c^3: u = r - y c for the least root y of y (1 - y)^2 = k, which is k times a function of d = 1 - (1 - 27/4
// k)^(1/2) that is smooth on [0, 1] (minimax of degree 9, relative error 2^-23.9; the next singularity is at d = 2). Its
// objective is below that of 0 where (u + gamma)^2 > 2 P, which is beyond r = (2 P)^(1/2) - gamma / 2; where 2 P <= gamma^2
// all is convex, and u is 0 up to r = P / gamma.
// distance(x, g): from -g to the subdifferential at x, which is an interval around 0 at 0.
// Source: D. Geman, C. Yang, Nonlinear image recovery with half-quadratic regularization, IEEE Trans. Image Process. 4
// (1995).

fn geman_value(x: f32, p: vec4<f32>) -> f32 {
    let r = abs(x);
    // lambda less what is missing, without the quotient of two infinities
    if (r > p.y) {
        return p.x / (1.0 + p.y / r);
    }
    return p.x * r / (r + p.y);
}

// The derivative at t >= 0.
fn geman_rate(t: f32, p: vec4<f32>) -> f32 {
    return p.x / (t + p.y) * (p.y / (t + p.y));
}

fn geman_grad(x: f32, p: vec4<f32>) -> f32 {
    if (x == 0.0) {
        return 0.0;
    }
    return special_sign_f32(x) * geman_rate(abs(x), p);
}

fn geman_curvature(x: f32, p: vec4<f32>) -> f32 {
    let a = abs(x) + p.y;
    return -2.0 * p.x / a / a * (p.y / a);
}

// The prox of r >= 0.
fn geman_root(r: f32, step: f32, p: vec4<f32>) -> f32 {
    let pull = step * p.x;
    let convex = 2.0 * pull <= p.y * p.y;
    if (r <= select(sqrt(2.0 * pull) - 0.5 * p.y, pull / p.y, convex)) {
        return 0.0;
    }
    let near = 1.0 / (r + p.y);
    let slope = pull * near * (p.y * near);
    let d = 1.0 - sqrt(max(1.0 - 6.75 * slope * near, 0.0));
    let high = 0.0526452698 + d * (0.159149289 + d * (-0.221266851 + d * (0.314648062 + d * (-0.205058917 + d * 0.0684418082))));
    let share = 0.99999994 + d * (0.592605114 + d * (0.317832917 + d * (0.171003237 + d * high)));
    return max(r - slope * share, 0.0);
}

fn geman_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (!special_is_finite(x)) {
        return x;
    }
    return sign(x) * geman_root(abs(x), step, p);
}

fn geman_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let u = geman_root(abs(x), step, p);
    if (u == 0.0 && p.x > 0.0) {
        return 0.0;
    }
    return 1.0 / (1.0 + step * geman_curvature(u, p));
}

fn geman_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x != 0.0) {
        return abs(g + geman_grad(x, p));
    }
    let over = abs(g) - geman_rate(0.0, p);
    if (over <= 0.0) {
        return 0.0;
    }
    return over;
}
