//! Exponential and hyperbolic functions. Bounds of error are in units in the last place of the result, over all arguments.
use super::round::{fma, poly};

/// Adding it leaves the nearest integer in the low bits.
const LOW: f32 = 12_582_912.0; // 1.5 * 2^23
/// ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `p 2^n` in two steps, so that the result may be subnormal or overflow; `n` within [-252, 254].
#[inline(always)]
fn scale(p: f32, n: i32) -> f32 {
    let power = |n: i32| f32::from_bits((n + 127).cast_unsigned() << 23);
    let half = n >> 1;
    p * power(half) * power(n - half)
}

/// `e^x 2^shift`.
#[inline(always)]
fn scaled<const HW: bool>(x: f32, shift: i32) -> f32 {
    // beyond these the result is infinity or zero; NaN passes
    let x = if x > 90.0 { 90.0 } else { x };
    let x = if x < -105.0 { -105.0 } else { x };
    let t = fma::<HW>(x, core::f32::consts::LOG2_E, LOW);
    let n = t - LOW;
    let r = fma::<HW>(n, -LN_2[1], fma::<HW>(n, -LN_2[0], x));
    let q = poly::<HW, 5>(r, [0.5, 1.666_652_1e-1, 4.166_839e-2, 8.368_718e-3, 1.381_460_2e-3]);
    let p = 1.0 + fma::<HW>(r * r, q, r);
    scale(p, t.to_bits().wrapping_sub(LOW.to_bits()).cast_signed() + shift)
}

/// `e^x`, within 1.2 ulp.
#[inline(always)]
pub(super) fn exp<const HW: bool>(x: f32) -> f32 {
    scaled::<HW>(x, 0)
}

/// `2^x`, within 1.3 ulp; exact for integers.
#[inline(always)]
pub(super) fn exp2<const HW: bool>(x: f32) -> f32 {
    let x = if x > 129.0 { 129.0 } else { x };
    let x = if x < -151.0 { -151.0 } else { x };
    let t = x + LOW;
    let r = x - (t - LOW);
    let q = [6.931_472e-1, 2.402_264_8e-1, 5.550_332_4e-2, 9.618_438e-3, 1.339_887_4e-3, 1.535_334_9e-4];
    let p = fma::<HW>(r, poly::<HW, 6>(r, q), 1.0);
    scale(p, t.to_bits().wrapping_sub(LOW.to_bits()).cast_signed())
}

/// `(e^x - e^-x) / 2`, within 2 ulp.
#[inline(always)]
pub(super) fn sinh<const HW: bool>(x: f32) -> f32 {
    let (a, z) = (x.abs(), x * x);
    let small = fma::<HW>(a * z, poly::<HW, 4>(z, [1.666_666_7e-1, 8.333_35e-3, 1.983_616e-4, 2.816_951_3e-6]), a);
    let e = scaled::<HW>(a, -1);
    let large = e - 0.25 / e;
    (if a < 1.0 { small } else { large }).copysign(x)
}

/// `(e^x + e^-x) / 2`, within 2 ulp.
#[inline(always)]
pub(super) fn cosh<const HW: bool>(x: f32) -> f32 {
    let e = scaled::<HW>(x.abs(), -1);
    e + 0.25 / e
}

/// `sinh x / cosh x`, within 1.5 ulp; 1 or -1 for large arguments, infinity included.
#[inline(always)]
pub(super) fn tanh<const HW: bool>(x: f32) -> f32 {
    let (a, z) = (x.abs(), x * x);
    let q = [-3.333_328e-1, 1.333_144_2e-1, -5.373_971_5e-2, 2.063_908_4e-2, -5.704_984_5e-3];
    let small = fma::<HW>(a * z, poly::<HW, 5>(z, q), a);
    let large = 1.0 - 2.0 / (scaled::<HW>(a + a, 0) + 1.0);
    (if a < 0.625 { small } else { large }).copysign(x)
}
