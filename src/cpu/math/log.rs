//! Logarithms and the inverse hyperbolic functions. Bounds of error are in units in the last place of the result, over all
//! arguments.
use super::round::{fma, poly};

/// ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// Of a positive finite `x = 2^e (1 + f)` with `1 + f` in [sqrt 1/2, sqrt 2): `e`, `f` and `ln(1 + f) - f`.
#[inline(always)]
fn parts<const HW: bool>(x: f32) -> (f32, f32, f32) {
    const ROOT: u32 = 0x3f35_04f3;
    let subnormal = x < f32::MIN_POSITIVE;
    let u = (if subnormal { x * 8_388_608.0 } else { x }).to_bits().wrapping_sub(ROOT);
    let e = (u.cast_signed() >> 23) as f32 - if subnormal { 23.0 } else { 0.0 };
    let f = f32::from_bits((u & 0x7f_ffff) + ROOT) - 1.0;
    let q = [
        3.333_331_3e-1,
        -2.500_001e-1,
        2.000_212e-1,
        -1.666_799_6e-1,
        1.421_955_2e-1,
        -1.240_559e-1,
        1.188_816_3e-1,
        -1.167_565_1e-1,
        6.746_638e-2,
    ];
    let z = f * f;
    (e, f, fma::<HW>(f * z, poly::<HW, 9>(f, q), -0.5 * z))
}

/// The logarithm `r` of a positive finite `x`; of others what belongs to them.
#[inline(always)]
fn domain(x: f32, r: f32) -> f32 {
    let outside = if x < 0.0 { f32::NAN } else { x };
    let outside = if x == 0.0 { f32::NEG_INFINITY } else { outside };
    if (x > 0.0) & (x < f32::INFINITY) { r } else { outside }
}

/// Natural logarithm, within 1 ulp.
#[inline(always)]
pub(super) fn ln<const HW: bool>(x: f32) -> f32 {
    let (e, f, y) = parts::<HW>(x);
    let r = f + fma::<HW>(e, LN_2[1], y);
    domain(x, fma::<HW>(e, LN_2[0], r))
}

/// Logarithm to base 2, within 2 ulp; exact for powers of two.
#[inline(always)]
pub(super) fn log2<const HW: bool>(x: f32) -> f32 {
    let (e, f, y) = parts::<HW>(x);
    domain(x, fma::<HW>(f + y, core::f32::consts::LOG2_E, e))
}

/// `ln(x + sqrt(x^2 + 1))`, within 2.5 ulp.
#[inline(always)]
pub(super) fn asinh<const HW: bool>(x: f32) -> f32 {
    let (a, z) = (x.abs(), x * x);
    let q = [
        -1.666_666_4e-1,
        7.499_858e-2,
        -4.461_69e-2,
        3.014_868_1e-2,
        -2.118_064e-2,
        1.362_706_4e-2,
        -6.513_641_7e-3,
        1.590_781_6e-3,
    ];
    let small = fma::<HW>(a * z, poly::<HW, 8>(z, q), a);
    // where the square would lose the one: ln 2a
    let huge = a > 1e4;
    let y = if huge { a } else { a + (z + 1.0).sqrt() };
    let large = ln::<HW>(y) + if huge { core::f32::consts::LN_2 } else { 0.0 };
    (if a < 0.8 { small } else { large }).copysign(x)
}

/// `ln(x + sqrt(x^2 - 1))`, within 2.5 ulp; NaN below 1.
#[inline(always)]
pub(super) fn acosh<const HW: bool>(x: f32) -> f32 {
    let t = x - 1.0;
    let q = [-8.333_333e-2, 1.874_972_3e-2, -5.576_656e-3, 1.875_809_3e-3, -6.243_741_4e-4, 1.432_452_8e-4];
    let s = (t + t).sqrt();
    let small = fma::<HW>(s * t, poly::<HW, 6>(t, q), s);
    let huge = x > 1e4;
    let y = if huge { x } else { x + (t * (x + 1.0)).sqrt() };
    let large = ln::<HW>(y) + if huge { core::f32::consts::LN_2 } else { 0.0 };
    if t < 0.5 { small } else { large }
}

/// `ln((1 + x) / (1 - x)) / 2`, within 1.5 ulp; infinity at 1 and -1, NaN beyond.
#[inline(always)]
pub(super) fn atanh<const HW: bool>(x: f32) -> f32 {
    let (a, z) = (x.abs(), x * x);
    let q = [3.333_330_2e-1, 2.000_251_9e-1, 1.422_276_2e-1, 1.182_372_8e-1, 5.135_832_7e-2, 1.766_910_7e-1];
    let small = fma::<HW>(a * z, poly::<HW, 6>(z, q), a);
    let large = 0.5 * ln::<HW>((1.0 + a) / (1.0 - a));
    (if a < 0.5 { small } else { large }).copysign(x)
}
