// bounds: value(x) = 0 for lower <= x <= upper, else the greatest finite number in place of infinity.
//
// p = (lower, upper, -, -), lower <= upper. Elementwise: scalars of the caller's kernel; no memory, no barriers.
// prox(x, s) = the projection on [lower, upper], whatever the step.
// distance(x, g): from -g to the normal cone at x: [0, inf) at the upper end, (-inf, 0] at the lower, {0} between; outside
// there is no subgradient and the distance is the greatest finite number.
// Source: N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.2.4.

fn bounds_value(x: f32, p: vec4<f32>) -> f32 {
    return select(0x1.fffffep+127f, 0.0, x >= p.x && x <= p.y);
}

fn bounds_grad(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn bounds_curvature(x: f32, p: vec4<f32>) -> f32 {
    return 0.0;
}

fn bounds_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
    if (x < p.x) {
        return p.x;
    }
    if (x > p.y) {
        return p.y;
    }
    return x;
}

fn bounds_prox_slope(x: f32, step: f32, p: vec4<f32>) -> f32 {
    return select(1.0, 0.0, x <= p.x || x >= p.y);
}

fn bounds_distance(x: f32, g: f32, p: vec4<f32>) -> f32 {
    if (x < p.x || x > p.y) {
        return 0x1.fffffep+127f;
    }
    if ((x == p.x && g >= 0.0) || (x == p.y && g <= 0.0)) {
        return 0.0;
    }
    return abs(g);
}
