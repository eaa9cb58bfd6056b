// Numbers of 16 bits by the adapter's own arithmetic. Floats here are values that a binary16 has: sums, differences and products
// of two such round once, to nearest where the adapter does, which no path through binary32 does better. Subnormals may be lost.

fn half_add(a: f32, b: f32) -> f32 {
    return f32(f16(a) + f16(b));
}

fn half_sub(a: f32, b: f32) -> f32 {
    return f32(f16(a) - f16(b));
}

fn half_mul(a: f32, b: f32) -> f32 {
    return f32(f16(a) * f16(b));
}

// The value of the pattern in the low bits.
fn half_from(word: u32) -> f32 {
    return unpack2x16float(word).x;
}

// The patterns of two values.
fn half_pack(low: f32, high: f32) -> u32 {
    return pack2x16float(vec2<f32>(low, high));
}
