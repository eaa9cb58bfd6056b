//! Rounding and what is exact: fused multiply-add, floor and its kin, remainder, minimum and maximum, the parts of a number.
use super::table::f;

/// `x y + z`: one rounding with `HW`, two without.
#[inline(always)]
pub(super) fn fma<const HW: bool>(x: f32, y: f32, z: f32) -> f32 {
    if HW { x.mul_add(y, z) } else { x * y + z }
}

/// `x y + z` in double precision: one rounding with `HW`, two without.
#[inline(always)]
pub(super) fn fma64<const HW: bool>(x: f64, y: f64, z: f64) -> f64 {
    if HW { x.mul_add(y, z) } else { x * y + z }
}

/// `c[0] + c[1] x + c[2] x^2 + …`.
#[inline(always)]
pub(super) fn poly<const HW: bool, const N: usize>(x: f32, c: [f32; N]) -> f32 {
    c.into_iter().rev().reduce(|s, c| fma::<HW>(s, x, c)).unwrap_or(0.0)
}

/// `c[0] + c[1] x + c[2] x^2 + …` in double precision.
#[inline(always)]
pub(super) fn poly64<const HW: bool, const N: usize>(x: f64, c: [f64; N]) -> f64 {
    c.into_iter().rev().reduce(|s, c| fma64::<HW>(s, x, c)).unwrap_or(0.0)
}

/// From here on every number is an integer.
const WHOLE: f32 = 8_388_608.0;

/// The nearest integer, half to even: adding and subtracting 2^23 rounds to a whole number.
#[inline(always)]
pub(super) fn even<const HW: bool>(x: f32) -> f32 {
    if HW {
        return x.round_ties_even();
    }
    let r = ((x.abs() + WHOLE) - WHOLE).copysign(x);
    if x.abs() < WHOLE { r } else { x }
}

/// The greatest integer not above `x`.
#[inline(always)]
pub(super) fn floor<const HW: bool>(x: f32) -> f32 {
    if HW {
        return x.floor();
    }
    let r = even::<HW>(x);
    (r - f32::from(r > x)).copysign(x)
}

/// The least integer not below `x`.
#[inline(always)]
pub(super) fn ceil<const HW: bool>(x: f32) -> f32 {
    if HW {
        return x.ceil();
    }
    let r = even::<HW>(x);
    (r + f32::from(r < x)).copysign(x)
}

/// The integer part.
#[inline(always)]
pub(super) fn trunc<const HW: bool>(x: f32) -> f32 {
    if HW {
        return x.trunc();
    }
    let r = even::<HW>(x.abs());
    (r - f32::from(r > x.abs())).copysign(x)
}

/// The low word of the integer part of `x`, which is less than 2^51. (Saturating casts do not vectorise.)
#[inline(always)]
pub(super) fn low_word<const HW: bool>(x: f64) -> u32 {
    /// Adding it leaves the integer in the low bits.
    const LOW: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    let t = if HW {
        x.trunc()
    } else {
        let r = (x + LOW) - LOW;
        r - f64::from(r.abs() > x.abs()).copysign(x)
    };
    (t + LOW).to_bits() as u32
}

/// The integer part as a word, at least `low` and at most `high`; of NaN: 0.
#[inline(always)]
pub(super) fn saturate<const HW: bool>(x: f32, low: f64, high: f64) -> u32 {
    let x = f64::from(if x.is_nan() { 0.0 } else { x });
    let x = if x < low { low } else { x };
    low_word::<HW>(if x > high { high } else { x })
}

/// `x - y trunc(x / y)`, each operation rounded.
#[inline(always)]
pub(super) fn rem<const HW: bool>(x: f32, y: f32) -> f32 {
    x - y * trunc::<HW>(x / y)
}

/// The smaller; a number rather than a NaN.
#[inline(always)]
pub(super) fn min(x: f32, y: f32) -> f32 {
    if (y < x) | x.is_nan() { y } else { x }
}

/// The greater; a number rather than a NaN.
#[inline(always)]
pub(super) fn max(x: f32, y: f32) -> f32 {
    if (y > x) | x.is_nan() { y } else { x }
}

/// `x 2^i`, rounded once: exact in double precision, whose exponents suffice for what `i` can do to an f32.
#[inline(always)]
pub(super) fn ldexp(x: f32, i: i32) -> f32 {
    let scale = f64::from_bits(u64::from((i.clamp(-600, 600) + 1023).cast_unsigned()) << 52);
    (f64::from(x) * scale) as f32
}

/// The words of fraction in [0.5, 1) and exponent; of zero, infinity and NaN: themselves and 0.
#[inline(always)]
pub(super) fn frexp(a: u32) -> (u32, u32) {
    let subnormal = a & 0x7f80_0000 == 0;
    let b = if subnormal { (f(a) * 16_777_216.0).to_bits() } else { a };
    let special = (a & 0x7f80_0000 == 0x7f80_0000) | (a << 1 == 0);
    let bias = if subnormal { 126 + 24 } else { 126 };
    let fract = (b & 0x807f_ffff) | 0x3f00_0000;
    let exp = (b >> 23 & 0xff).wrapping_sub(bias);
    (if special { a } else { fract }, if special { 0 } else { exp })
}

/// `x - trunc(x)` with the sign of `x`; of infinity: zero.
#[inline(always)]
pub(super) fn modf_fract<const HW: bool>(x: f32) -> f32 {
    let fract = if x.abs() == f32::INFINITY { 0.0 } else { x - trunc::<HW>(x) };
    fract.copysign(x)
}
