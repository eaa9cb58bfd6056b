//! Fields of bits.

/// The highest bit that differs from the sign bit; all ones where none does.
#[inline(always)]
pub(super) fn first_leading_signed(a: u32) -> u32 {
    31u32.wrapping_sub((a ^ (a.cast_signed() >> 31).cast_unsigned()).leading_zeros())
}

/// Offset and count, cut so that the field lies within 32 bits.
#[inline(always)]
fn field(offset: u32, count: u32) -> (u32, u32) {
    let offset = offset.min(32);
    (offset, count.min(32 - offset))
}

/// `count` bits of `e` from bit `offset`, zero-extended.
#[inline(always)]
pub(super) fn extract(e: u32, offset: u32, count: u32) -> u32 {
    let (offset, count) = field(offset, count);
    let top = e.wrapping_shl(32u32.wrapping_sub(count + offset));
    if count == 0 { 0 } else { top.wrapping_shr(32u32.wrapping_sub(count)) }
}

/// `count` bits of `e` from bit `offset`, sign-extended.
#[inline(always)]
pub(super) fn extract_signed(e: u32, offset: u32, count: u32) -> u32 {
    let (offset, count) = field(offset, count);
    let top = e.wrapping_shl(32u32.wrapping_sub(count + offset));
    if count == 0 { 0 } else { top.cast_signed().wrapping_shr(32u32.wrapping_sub(count)).cast_unsigned() }
}

/// `e` with its `count` bits from bit `offset` replaced by the low bits of `new`.
#[inline(always)]
pub(super) fn insert(e: u32, new: u32, offset: u32, count: u32) -> u32 {
    let (offset, count) = field(offset, count);
    let ones = if count == 0 { 0 } else { u32::MAX.wrapping_shr(32u32.wrapping_sub(count)) };
    let mask = ones.wrapping_shl(offset);
    (e & !mask) | (new.wrapping_shl(offset) & mask)
}
