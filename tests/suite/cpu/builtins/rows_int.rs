//! Functions, operators and conversions on integers and bools; all exact.
use super::{B, Expect, F, I, Row, U, f, i, int, truth};

macro_rules! row {
    ($wgsl:literal, [$($arg:ident),*] -> $result:ident, $want:expr) => {
        Row { wgsl: $wgsl, args: &[$($arg),*], result: $result, want: $want }
    };
}

fn word(x: u32) -> Expect {
    Expect::Word(x)
}

/// The position of a bit, or all ones.
fn position(found: Option<u32>) -> Expect {
    Expect::Word(found.unwrap_or(u32::MAX))
}

/// Offset and count, cut.
fn field(offset: u32, count: u32) -> (u32, u32) {
    (offset.min(32), count.min(32 - offset.min(32)))
}

fn ones(count: u32) -> u32 {
    ((1u64 << count) - 1) as u32
}

pub(super) const ROWS: &[Row] = &[
    row!("a + b", [U, U] -> U, |[a, b, _]| word(a.wrapping_add(b))),
    row!("a - b", [U, U] -> U, |[a, b, _]| word(a.wrapping_sub(b))),
    row!("a * b", [U, U] -> U, |[a, b, _]| word(a.wrapping_mul(b))),
    row!("a / b", [U, U] -> U, |[a, b, _]| word(a.checked_div(b).unwrap_or(a))),
    row!("a % b", [U, U] -> U, |[a, b, _]| word(a.checked_rem(b).unwrap_or(0))),
    row!("a + b", [I, I] -> I, |[a, b, _]| word(a.wrapping_add(b))),
    row!("a - b", [I, I] -> I, |[a, b, _]| word(a.wrapping_sub(b))),
    row!("a * b", [I, I] -> I, |[a, b, _]| word(a.wrapping_mul(b))),
    row!("a / b", [I, I] -> I, |[a, b, _]| int(i(a).checked_div(i(b)).unwrap_or(i(a)))),
    row!("a % b", [I, I] -> I, |[a, b, _]| int(i(a).checked_rem(i(b)).unwrap_or(0))),
    row!("-a", [I] -> I, |[a, ..]| word(a.wrapping_neg())),
    row!("~a", [U] -> U, |[a, ..]| word(!a)),
    row!("~a", [I] -> I, |[a, ..]| word(!a)),
    row!("a & b", [U, U] -> U, |[a, b, _]| word(a & b)),
    row!("a | b", [I, I] -> I, |[a, b, _]| word(a | b)),
    row!("a ^ b", [U, U] -> U, |[a, b, _]| word(a ^ b)),
    row!("a << b", [U, U] -> U, |[a, b, _]| word(a.wrapping_shl(b))),
    row!("a >> b", [U, U] -> U, |[a, b, _]| word(a.wrapping_shr(b))),
    row!("a << b", [I, U] -> I, |[a, b, _]| word(a.wrapping_shl(b))),
    row!("a >> b", [I, U] -> I, |[a, b, _]| int(i(a).wrapping_shr(b))),
    row!("a == b", [U, U] -> B, |[a, b, _]| truth(a == b)),
    row!("a != b", [I, I] -> B, |[a, b, _]| truth(a != b)),
    row!("a < b", [U, U] -> B, |[a, b, _]| truth(a < b)),
    row!("a <= b", [U, U] -> B, |[a, b, _]| truth(a <= b)),
    row!("a > b", [U, U] -> B, |[a, b, _]| truth(a > b)),
    row!("a >= b", [U, U] -> B, |[a, b, _]| truth(a >= b)),
    row!("a < b", [I, I] -> B, |[a, b, _]| truth(i(a) < i(b))),
    row!("a <= b", [I, I] -> B, |[a, b, _]| truth(i(a) <= i(b))),
    row!("a > b", [I, I] -> B, |[a, b, _]| truth(i(a) > i(b))),
    row!("a >= b", [I, I] -> B, |[a, b, _]| truth(i(a) >= i(b))),
    row!("!a", [B] -> B, |[a, ..]| truth(a == 0)),
    row!("a & b", [B, B] -> B, |[a, b, _]| truth(a & b != 0)),
    row!("a | b", [B, B] -> B, |[a, b, _]| truth(a | b != 0)),
    row!("a == b", [B, B] -> B, |[a, b, _]| truth(a == b)),
    row!("a != b", [B, B] -> B, |[a, b, _]| truth(a != b)),
    row!("abs(a)", [I] -> I, |[a, ..]| int(i(a).wrapping_abs())),
    row!("abs(a)", [U] -> U, |[a, ..]| word(a)),
    row!("sign(a)", [I] -> I, |[a, ..]| int(i(a).signum())),
    row!("min(a, b)", [U, U] -> U, |[a, b, _]| word(a.min(b))),
    row!("max(a, b)", [U, U] -> U, |[a, b, _]| word(a.max(b))),
    row!("min(a, b)", [I, I] -> I, |[a, b, _]| int(i(a).min(i(b)))),
    row!("max(a, b)", [I, I] -> I, |[a, b, _]| int(i(a).max(i(b)))),
    row!("clamp(a, min(b, c), max(b, c))", [U, U, U] -> U, |[a, b, c]| word(a.clamp(b.min(c), b.max(c)))),
    row!("clamp(a, min(b, c), max(b, c))", [I, I, I] -> I, |[a, b, c]| int(i(a).clamp(i(b).min(i(c)), i(b).max(i(c))))),
    row!("countOneBits(a)", [U] -> U, |[a, ..]| word(a.count_ones())),
    row!("countOneBits(a)", [I] -> I, |[a, ..]| word(a.count_ones())),
    row!("reverseBits(a)", [U] -> U, |[a, ..]| word(a.reverse_bits())),
    row!("reverseBits(a)", [I] -> I, |[a, ..]| word(a.reverse_bits())),
    row!("countLeadingZeros(a)", [U] -> U, |[a, ..]| word(a.leading_zeros())),
    row!("countLeadingZeros(a)", [I] -> I, |[a, ..]| word(a.leading_zeros())),
    row!("countTrailingZeros(a)", [U] -> U, |[a, ..]| word(a.trailing_zeros())),
    row!("countTrailingZeros(a)", [I] -> I, |[a, ..]| word(a.trailing_zeros())),
    row!("firstLeadingBit(a)", [U] -> U, |[a, ..]| position((0..32).rev().find(|k| a >> k & 1 == 1))),
    row!("firstLeadingBit(a)", [I] -> I, |[a, ..]| position((0..32).rev().find(|k| a >> k & 1 != a >> 31))),
    row!("firstTrailingBit(a)", [U] -> U, |[a, ..]| position((0..32).find(|k| a >> k & 1 == 1))),
    row!("firstTrailingBit(a)", [I] -> I, |[a, ..]| position((0..32).find(|k| a >> k & 1 == 1))),
    row!("TO(a)", [U] -> F, |[a, ..]| Expect::Real(a as f32)),
    row!("TO(a)", [I] -> F, |[a, ..]| Expect::Real(i(a) as f32)),
    row!("TO(a)", [F] -> U, |[a, ..]| saturated(f(a), f(a) as u32, 0.0, 4_294_967_040.0)),
    row!("TO(a)", [F] -> I, |[a, ..]| saturated(f(a), (f(a) as i32).cast_unsigned(), -2_147_483_648.0, 2_147_483_520.0)),
    row!("TO(a)", [F] -> B, |[a, ..]| truth(f(a) != 0.0)),
    row!("TO(a)", [U] -> B, |[a, ..]| truth(a != 0)),
    row!("TO(a)", [B] -> U, |[a, ..]| word(a)),
    row!("TO(a)", [B] -> I, |[a, ..]| word(a)),
    row!("TO(a)", [B] -> F, |[a, ..]| Expect::Real(a as f32)),
    row!("TO(a)", [U] -> I, |[a, ..]| word(a)),
    row!("TO(a)", [I] -> U, |[a, ..]| word(a)),
    row!("select(a, b, c)", [U, U, B] -> U, |[a, b, c]| word(if c != 0 { b } else { a })),
    row!("select(a, b, c)", [B, B, B] -> B, |[a, b, c]| word(if c != 0 { b } else { a })),
];

/// A conversion that saturates; at the upper end implementations may stop at the greatest f32 below.
fn saturated(x: f32, want: u32, low: f32, high: f32) -> Expect {
    if x.is_nan() || x > high {
        return Expect::Open;
    }
    let _ = low;
    Expect::Word(want)
}

/// `extractBits` and `insertBits` take scalars for offset and count, whatever the shape of the rest.
pub(super) fn extract(e: u32, offset: u32, count: u32) -> u32 {
    let (offset, count) = field(offset, count);
    (u64::from(e) >> offset) as u32 & ones(count)
}

pub(super) fn extract_signed(e: u32, offset: u32, count: u32) -> u32 {
    let bits = extract(e, offset, count);
    let (_, count) = field(offset, count);
    if count > 0 && bits >> (count - 1) & 1 == 1 { bits | !ones(count) } else { bits }
}

pub(super) fn insert(e: u32, new: u32, offset: u32, count: u32) -> u32 {
    let (offset, count) = field(offset, count);
    let mask = (u64::from(ones(count)) << offset) as u32;
    e & !mask | (u64::from(new) << offset) as u32 & mask
}
