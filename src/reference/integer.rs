//! Integers as WGSL defines them: 32-bit, wrapping, with a meaning for every division and shift; and Philox.
//!
//! Integers travel as f64, which holds each of them exactly.

use crate::dtype::DType;

/// The 32-bit pattern of an integer (or boolean) held as f64.
#[must_use]
pub fn bits(value: f64) -> u32 {
    // Both signs: -1 and 2^32 - 1 have one pattern.
    value as i64 as u32
}

/// The integer of `dtype` with this bit pattern.
#[must_use]
pub fn from_bits(dtype: DType, bits: u32) -> f64 {
    match dtype {
        DType::I32 => f64::from(bits as i32),
        DType::F32 | DType::F16 | DType::BF16 | DType::U32 | DType::Bool => f64::from(bits),
    }
}

/// The least and the greatest integer of `dtype`.
#[must_use]
pub fn range(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::F32 | DType::F16 | DType::BF16 | DType::U32 => (0.0, f64::from(u32::MAX)),
        DType::Bool => (0.0, 1.0),
    }
}

/// `a / b`, truncated; `a / 0 = a`, `i32::MIN / -1 = i32::MIN`.
#[must_use]
pub fn div(dtype: DType, a: u32, b: u32) -> u32 {
    match (dtype, b) {
        (_, 0) => a,
        (DType::I32, _) => (a as i32).wrapping_div(b as i32) as u32,
        _ => a / b,
    }
}

/// `a % b` with the sign of `a`; `a % 0 = 0`, `i32::MIN % -1 = 0`.
#[must_use]
pub fn rem(dtype: DType, a: u32, b: u32) -> u32 {
    match (dtype, b) {
        (_, 0) => 0,
        (DType::I32, _) => (a as i32).wrapping_rem(b as i32) as u32,
        _ => a % b,
    }
}

/// `a >> (b mod 32)`, keeping the sign of an `I32`.
#[must_use]
pub fn shr(dtype: DType, a: u32, b: u32) -> u32 {
    if dtype == DType::I32 { (a as i32).wrapping_shr(b) as u32 } else { a.wrapping_shr(b) }
}

/// A float as an integer of `dtype`: truncated, saturated, not-a-number to 0.
#[must_use]
pub fn from_float(dtype: DType, value: f64) -> f64 {
    if dtype == DType::I32 { f64::from(value as i32) } else { f64::from(value as u32) }
}

/// Philox-4x32-10: ten rounds on a counter of four words with a key of two.
///
/// # Source
/// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#[must_use]
pub fn philox(mut key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let wide = |a: u32, b: u32| {
        let product = u64::from(a) * u64::from(b);
        ((product >> 32) as u32, product as u32)
    };
    let mut c = counter;
    for _ in 0..10 {
        let (high0, low0) = wide(0xD251_1F53, c[0]);
        let (high1, low1) = wide(0xCD9E_8D57, c[2]);
        c = [high1 ^ c[1] ^ key[0], low1, high0 ^ c[3] ^ key[1], low0];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers_of_random123() {
        assert_eq!(philox([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 2], [u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn division_by_zero_and_its_overflow_follow_wgsl() {
        let min = i32::MIN as u32;
        assert_eq!(div(DType::I32, min, u32::MAX), min);
        assert_eq!(rem(DType::I32, min, u32::MAX), 0);
        assert_eq!((div(DType::U32, 7, 0), rem(DType::U32, 7, 0)), (7, 0));
        assert_eq!((div(DType::I32, -7i32 as u32, 2) as i32, rem(DType::I32, -7i32 as u32, 2) as i32), (-3, -1));
        assert_eq!(shr(DType::I32, -8i32 as u32, 33) as i32, -4);
        assert_eq!(shr(DType::U32, -8i32 as u32, 33), 0x7FFF_FFFC);
    }

    #[test]
    fn patterns_and_floats_become_integers() {
        assert_eq!(bits(-1.0), u32::MAX);
        assert_eq!(from_bits(DType::I32, u32::MAX), -1.0);
        assert_eq!(from_float(DType::I32, -3e9), f64::from(i32::MIN));
        assert_eq!(from_float(DType::U32, -0.5), 0.0);
        assert_eq!(from_float(DType::U32, f64::NAN), 0.0);
        assert_eq!(from_float(DType::I32, -2.7), -2.0);
    }
}
