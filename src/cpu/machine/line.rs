//! The unit of lane work: one cache line of sixteen words.
use std::cell::Cell;

/// Lanes in a line.
pub const LANES: usize = 16;

/// The words of sixteen lanes.
pub type Words = [u32; LANES];

/// Sixteen words that begin at a cache line, so that no vector access is split.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Line(pub Words);

impl Line {
    /// All zero.
    pub const ZERO: Self = Self([0; LANES]);
}

/// The lines of one lane register. Cells, because an instruction may read the register that it writes.
pub type Lane<'a> = &'a [Cell<Line>];

/// Sixteen times the same word.
#[inline(always)]
pub fn splat(word: u32) -> Words {
    [word; LANES]
}

/// `yes` where the mask is set, else `no`.
#[inline(always)]
pub fn blend(mask: &Words, yes: &Words, no: &Words) -> Words {
    let mut d = [0; LANES];
    for j in 0..LANES {
        d[j] = (yes[j] & mask[j]) | (no[j] & !mask[j]);
    }
    d
}

/// Are all lanes set?
#[inline(always)]
pub fn all(mask: &Words) -> bool {
    mask.iter().fold(!0, |m, w| m & w) == !0
}

/// Is any lane set?
#[inline(always)]
pub fn any(mask: &Words) -> bool {
    mask.iter().fold(0, |m, w| m | w) != 0
}

/// The sum of a base and sixteen offsets, wrapping.
#[inline(always)]
pub fn plus(offsets: &Words, base: u32) -> Words {
    let mut d = [0; LANES];
    for j in 0..LANES {
        d[j] = offsets[j].wrapping_add(base);
    }
    d
}
