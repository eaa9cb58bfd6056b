//! Integer division. There are no vector instructions for it; the quotient of two 32-bit integers in double precision, cut off, is
//! exact, because it can only come within 2^-33 of the next integer, relatively, and a double has 53 bits.

/// Adding it leaves the integer in the low bits.
const LOW: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// The low word of the integer part.
#[inline(always)]
fn cut<const HW: bool>(q: f64) -> u32 {
    let t = if HW {
        q.trunc()
    } else {
        let r = (q + LOW) - LOW;
        r - f64::from(r.abs() > q.abs()).copysign(q)
    };
    (t + LOW).to_bits() as u32
}

/// `x / y` for unsigned words; `x / 0 = x`.
#[inline(always)]
pub(super) fn unsigned<const HW: bool>(x: u32, y: u32) -> u32 {
    cut::<HW>(f64::from(x) / f64::from(y | u32::from(y == 0)))
}

/// `x % y` for unsigned words; `x % 0 = 0`.
#[inline(always)]
pub(super) fn unsigned_rem<const HW: bool>(x: u32, y: u32) -> u32 {
    x.wrapping_sub(unsigned::<HW>(x, y).wrapping_mul(y | u32::from(y == 0)))
}

/// `x / y` for signed words; `x / 0 = x`, and the low word of `MIN / -1` is `MIN`.
#[inline(always)]
pub(super) fn signed<const HW: bool>(x: u32, y: u32) -> u32 {
    cut::<HW>(f64::from(x.cast_signed()) / f64::from((y | u32::from(y == 0)).cast_signed()))
}

/// `x % y` for signed words; `x % 0 = 0`, `MIN % -1 = 0`.
#[inline(always)]
pub(super) fn signed_rem<const HW: bool>(x: u32, y: u32) -> u32 {
    x.wrapping_sub(signed::<HW>(x, y).wrapping_mul(y | u32::from(y == 0)))
}
