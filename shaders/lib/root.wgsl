// Roots of equations that proximal operators share.

// The root u >= 0 of u^2 - b u - c = 0 for c >= 0, without cancellation and without overflow of squares.
fn root_positive(b: f32, c: f32) -> f32 {
    let half = 0.5 * b;
    let size = abs(half);
    let level = sqrt(c);
    // hypot(half, level)
    let great = max(size, level);
    if (great == 0.0) {
        return 0.0;
    }
    let ratio = min(size, level) / great;
    let reach = great * sqrt(1.0 + ratio * ratio);
    if (half <= 0.0) {
        return level * (level / (reach + size));
    }
    return half + reach;
}
