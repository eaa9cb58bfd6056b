//! Power, through a logarithm and an exponential in double precision: its relative error is that of the logarithm times up to 150.
use super::round::{fma64, poly64};

/// Adding it leaves the nearest integer in the low bits.
const LOW: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// Base-2 logarithm of a positive finite number, to 2^-44.
#[inline(always)]
fn log2<const HW: bool>(x: f64) -> f64 {
    /// High word of sqrt 1/2.
    const ROOT: u64 = 0x3fe6_a09e_0000_0000;
    let u = x.to_bits().wrapping_sub(ROOT);
    let e = f64::from((u >> 32) as i32 >> 20);
    let m = f64::from_bits((u & 0xf_ffff_ffff_ffff).wrapping_add(ROOT));
    let s = (m - 1.0) / (m + 1.0);
    let q = [
        2.885_390_081_777_85,
        0.961_796_694_113_305_3,
        0.577_077_942_377_030_1,
        0.412_209_251_041_965_8,
        0.319_905_755_250_481_5,
        0.282_899_282_702_713_7,
    ];
    fma64::<HW>(s, poly64::<HW, 6>(s * s, q), e)
}

/// `2^x` for `x` in [-1000, 1000], to 2^-34.
#[inline(always)]
fn exp2<const HW: bool>(x: f64) -> f64 {
    let t = x + LOW;
    let r = x - (t - LOW);
    let q = [
        0.693_147_180_704_503_9,
        0.240_226_510_665_598_22,
        0.055_504_103_660_648_82,
        0.009_618_038_132_210_467,
        0.001_333_393_501_481_45,
        0.000_154_667_563_022_877_93,
        1.519_616_306_750_042e-5,
    ];
    let p = fma64::<HW>(r, poly64::<HW, 7>(r, q), 1.0);
    let n = t.to_bits() << 52;
    f64::from_bits(p.to_bits().wrapping_add(n))
}

/// `x^y`, within 0.52 ulp. A negative base gives NaN, as on graphics processors, whatever the exponent; any base to the power of
/// zero and 1 to any power give 1; zero and infinity as their limits.
#[inline(always)]
pub(super) fn pow<const HW: bool>(x: f32, y: f32) -> f32 {
    let infinite = if x == f32::INFINITY { f64::INFINITY } else { log2::<HW>(f64::from(x)) };
    let log = if x == 0.0 { f64::NEG_INFINITY } else { infinite };
    let log = if (x < 0.0) | x.is_nan() { f64::NAN } else { log };
    let t = f64::from(y) * log;
    let t = if (y == 0.0) | (x == 1.0) { 0.0 } else { t };
    let t = if t > 1000.0 { 1000.0 } else { t };
    let t = if t < -1000.0 { -1000.0 } else { t };
    exp2::<HW>(t) as f32
}
