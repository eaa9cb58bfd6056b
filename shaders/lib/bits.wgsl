// Numbers by their bits: what must not depend on how a driver treats NaN, infinity, subnormals or rounding.

// A float from its bits by a path that is no constant expression (WGSL forbids constant infinities and NaN).
fn bits_float(bits: u32) -> f32 {
    return bitcast<f32>(bits);
}

fn bits_nan() -> f32 {
    return bits_float(0x7fc00000u);
}

fn bits_infinity() -> f32 {
    return bits_float(0x7f800000u);
}

// The same number, as a value no compiler can look through: drivers may reassociate (a + b) - b to a, which would undo
// compensated arithmetic. Only the bit pattern 0xffffffff, a NaN, is changed, to another NaN.
fn bits_keep(x: f32) -> f32 {
    return bitcast<f32>(min(bitcast<u32>(x), 0xfffffffeu));
}

// The leading 12 significant bits: products of two such are exact.
fn bits_head(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// The value of a binary16 pattern; exact, subnormals included (they are normal numbers of binary32).
fn bits_from_f16(h: u32) -> f32 {
    let sign = (h & 0x8000u) << 16u;
    let magnitude = h & 0x7fffu;
    // Normal: move the fields, correct the bias by 127 - 15. Subnormal: an integer times 2^-24.
    let normal = (magnitude << 13u) + 0x38000000u;
    let subnormal = bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8f);
    let special = (magnitude << 13u) | 0x7f800000u;
    let bits = select(select(normal, subnormal, magnitude < 0x0400u), special, magnitude >= 0x7c00u);
    return bitcast<f32>(bits | sign);
}

// The nearest binary16 pattern, ties to even; from 65520 on infinity, NaN stays NaN (quiet, leading payload kept).
fn bits_to_f16(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let sign = (bits >> 16u) & 0x8000u;
    let magnitude = bits & 0x7fffffffu;
    let normal = (magnitude - 0x38000000u + 0x0fffu + ((magnitude >> 13u) & 1u)) >> 13u;
    // Below 2^-14 the result is a multiple of 2^-24: shift the significand right, round what falls out.
    let shift = min(126u - min(magnitude >> 23u, 126u), 31u);
    let significand = (magnitude & 0x007fffffu) | 0x00800000u;
    let kept = significand >> shift;
    let rest = significand & ((1u << shift) - 1u);
    let tie = (1u << shift) >> 1u;
    let up = select(0u, 1u, rest > tie || (rest == tie && (kept & 1u) == 1u));
    let subnormal = select(kept + up, 0u, shift > 25u);
    let finite = select(normal, subnormal, magnitude < 0x38800000u);
    let nan = 0x7e00u | ((magnitude >> 13u) & 0x03ffu);
    return sign | select(select(finite, 0x7c00u, magnitude >= 0x477ff000u), nan, magnitude > 0x7f800000u);
}

// The value of a bfloat16 pattern.
fn bits_from_bf16(h: u32) -> f32 {
    return bitcast<f32>(h << 16u);
}

// The nearest bfloat16 pattern, ties to even; overflow to infinity, NaN stays NaN.
fn bits_to_bf16(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let rounded = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
    return select(rounded, (bits >> 16u) | 0x0040u, (bits & 0x7fffffffu) > 0x7f800000u);
}

// Rounded to binary16, as f32.
fn bits_round_f16(x: f32) -> f32 {
    return bits_from_f16(bits_to_f16(x));
}

// Rounded to bfloat16, as f32.
fn bits_round_bf16(x: f32) -> f32 {
    return bits_from_bf16(bits_to_bf16(x));
}

// The high word of a 32 by 32 bit product, by halves: 64-bit integers are no part of portable WGSL.
fn bits_high_product(a: u32, b: u32) -> u32 {
    let a_l = a & 0xffffu;
    let a_h = a >> 16u;
    let b_l = b & 0xffffu;
    let b_h = b >> 16u;
    let middle = a_h * b_l + ((a_l * b_l) >> 16u);
    let carry = (middle & 0xffffu) + a_l * b_h;
    return a_h * b_h + (middle >> 16u) + (carry >> 16u);
}
