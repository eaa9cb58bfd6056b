//! Integer division. There are no vector instructions for it; the quotient of two 32-bit integers in double precision, cut off, is
//! exact, because it can only come within 2^-33 of the next integer, relatively, and a double has 53 bits.

use super::round::low_word;

/// `x / y` for unsigned words; `x / 0 = x`.
#[inline(always)]
pub(super) fn unsigned<const HW: bool>(x: u32, y: u32) -> u32 {
    low_word::<HW>(f64::from(x) / f64::from(y | u32::from(y == 0)))
}

/// `x % y` for unsigned words; `x % 0 = 0`.
#[inline(always)]
pub(super) fn unsigned_rem<const HW: bool>(x: u32, y: u32) -> u32 {
    x.wrapping_sub(unsigned::<HW>(x, y).wrapping_mul(y | u32::from(y == 0)))
}

/// `x / y` for signed words; `x / 0 = x`, and the low word of `MIN / -1` is `MIN`.
#[inline(always)]
pub(super) fn signed<const HW: bool>(x: u32, y: u32) -> u32 {
    low_word::<HW>(f64::from(x.cast_signed()) / f64::from((y | u32::from(y == 0)).cast_signed()))
}

/// `x % y` for signed words; `x % 0 = 0`, `MIN % -1 = 0`.
#[inline(always)]
pub(super) fn signed_rem<const HW: bool>(x: u32, y: u32) -> u32 {
    x.wrapping_sub(signed::<HW>(x, y).wrapping_mul(y | u32::from(y == 0)))
}
