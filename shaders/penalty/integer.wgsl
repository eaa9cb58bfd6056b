// integer: value(x) = 0 for whole x, else the greatest finite number in place of infinity.
//
// p = (-, -, -, -). Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): the nearest integer, of two the one towards 0, whatever the step.
// distance(x, g): 0 at integers, where every slope is a subgradient; elsewhere there is none and the distance is the
// greatest finite number.
// Source: S. Diamond, R. Takapoui, S. Boyd, A general system for heuristic minimization of convex functions over non-
// convex sets, Optim. Methods Softw. 33 (2018).

fn integer_value(x: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.0, x == floor(x));
}

fn integer_grad(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn integer_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn integer_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    // exact: where |x| - 1/2 rounds, |x| is whole or below 1/4
    let whole = ceil(abs(x) - 0.5);
    if (whole <= 0.0) {
        return 0.0;
    }
    return sign(x) * whole;
}

fn integer_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn integer_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.0, x == floor(x));
}
