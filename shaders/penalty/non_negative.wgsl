// non-negative: value(x) = 0 for x >= 0, else the greatest finite number in place of infinity.
//
// p = (-, -, -, -). Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = the projection max(x, 0), whatever the step.
// distance(x, g): from -g to the normal cone at x: (-inf, 0] at 0, {0} above; below 0 there is no subgradient and the distance
// is the greatest finite number.
// Source: N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.2.4.

fn non_negative_value(x: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.0, x >= 0.0);
}

fn non_negative_grad(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn non_negative_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn non_negative_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (x <= 0.0) {
        return 0.0;
    }
    return x;
}

fn non_negative_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(1.0, 0.0, x <= 0.0);
}

fn non_negative_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x < 0.0) {
        return 0x1.fffffep+127f;
    }
    if (x == 0.0 && g >= 0.0) {
        return 0.0;
    }
    return abs(g);
}
