// binary: value(x) = 0 for x = low and x = high, else the greatest finite number in place of infinity.
//
// p = (low, high, -, -), low < high. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = argmin_u (u - x)^2 / (2 s) + value(u): the nearer one, the lesser magnitude at ties, whatever the step.
// distance(x, g): 0 at the two numbers, where every slope is a subgradient; elsewhere there is none and the distance is
// the greatest finite number.
// Source: S. Diamond, R. Takapoui, S. Boyd, A general system for heuristic minimization of convex functions over non-
// convex sets, Optim. Methods Softw. 33 (2018).

fn binary_value(x: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.0, x == p.x || x == p.y);
}

fn binary_grad(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn binary_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn binary_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    let middle = 0.5 * p.x + 0.5 * p.y;
    if (x > middle || (x == middle && abs(p.x) > abs(p.y))) {
        return p.y;
    }
    if (x <= middle) {
        return p.x;
    }
    return x;
}

fn binary_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn binary_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.0, x == p.x || x == p.y);
}
