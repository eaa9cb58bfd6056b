//! Packing: `floor(0.5 + scale x)` of the clamped number, in double precision, where neither product nor sum rounds enough to matter.
use super::round::{low_word, max, min};

/// `floor(0.5 + scale x)` for `|scale x|` below 2^16: shifted to where cutting off is the floor.
#[inline(always)]
fn quantise<const HW: bool>(x: f32, scale: f64) -> u32 {
    low_word::<HW>(f64::from(x) * scale + 65536.5).wrapping_sub(65536)
}

#[inline(always)]
pub(super) fn snorm8<const HW: bool>(x: f32) -> u32 {
    quantise::<HW>(min(max(x, -1.0), 1.0), 127.0)
}

#[inline(always)]
pub(super) fn unorm8<const HW: bool>(x: f32) -> u32 {
    quantise::<HW>(min(max(x, 0.0), 1.0), 255.0)
}

#[inline(always)]
pub(super) fn snorm16<const HW: bool>(x: f32) -> u32 {
    quantise::<HW>(min(max(x, -1.0), 1.0), 32767.0)
}

#[inline(always)]
pub(super) fn unorm16<const HW: bool>(x: f32) -> u32 {
    quantise::<HW>(min(max(x, 0.0), 1.0), 65535.0)
}

/// The low bytes of four words, the first lowest.
#[inline(always)]
pub(super) fn bytes(a: u32, b: u32, c: u32, e: u32) -> u32 {
    (a & 0xff) | (b & 0xff) << 8 | (c & 0xff) << 16 | e << 24
}

/// Clamped to a signed byte.
#[inline(always)]
pub(super) fn clamp_signed(a: u32) -> u32 {
    a.cast_signed().clamp(-128, 127).cast_unsigned()
}

/// Byte number `i`.
#[inline(always)]
pub(super) fn byte(a: u32, i: u32) -> u32 {
    a >> (8 * (i & 3)) & 0xff
}

/// Byte number `i`, sign-extended.
#[inline(always)]
pub(super) fn byte_signed(a: u32, i: u32) -> i32 {
    a.wrapping_shl(24 - 8 * (i & 3)).cast_signed() >> 24
}

/// Half number `i`.
#[inline(always)]
pub(super) fn short(a: u32, i: u32) -> u32 {
    a >> (16 * (i & 1)) & 0xffff
}

/// Half number `i`, sign-extended.
#[inline(always)]
pub(super) fn short_signed(a: u32, i: u32) -> i32 {
    a.wrapping_shl(16 - 16 * (i & 1)).cast_signed() >> 16
}

/// Sum of the products of four signed bytes.
#[inline(always)]
pub(super) fn dot_signed(a: u32, b: u32) -> u32 {
    let product = |i| byte_signed(a, i) * byte_signed(b, i);
    (product(0) + product(1) + product(2) + product(3)).cast_unsigned()
}

/// Sum of the products of four unsigned bytes.
#[inline(always)]
pub(super) fn dot_unsigned(a: u32, b: u32) -> u32 {
    let product = |i| byte(a, i) * byte(b, i);
    product(0) + product(1) + product(2) + product(3)
}
