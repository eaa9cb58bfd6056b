//! Subgroup operations: what the active lanes of a subgroup say together.
use super::super::math::{Bin, Un};
use super::super::tape::{Collective, Combine, Gather};
use super::context::{Context, Ins};
use super::line::{LANES, Lane};
use super::simd::{Simd, Straight};

/// A subgroup may have no more lanes than a ballot has bits.
pub const MAX_LANES: usize = 128;

/// One lane's word.
#[inline(always)]
fn word(lane: Lane<'_>, j: usize) -> u32 {
    lane[j / LANES].get().0[j % LANES]
}

/// Sets one lane's word.
#[inline(always)]
fn set(lane: Lane<'_>, j: usize, word: u32) {
    let mut line = lane[j / LANES].get();
    line.0[j % LANES] = word;
    lane[j / LANES].set(line);
}

/// The first lane and the number of lanes of each subgroup.
fn subgroups(c: &Context<'_>) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (lanes, size) = (c.lines() * LANES, c.subgroup);
    (0..lanes.div_ceil(size)).map(move |g| (g * size, size.min(lanes - g * size)))
}

/// Which lanes are active and say yes: `s[0]`, or all where `t` is zero.
pub struct Ballot;
impl Straight for Ballot {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (mask, says) = (c.mask(), (i.t != 0).then(|| c.any_source(i, 0)));
        for (first, n) in subgroups(c) {
            let mut bits = [0u32; 4];
            for j in 0..n {
                let yes = word(mask, first + j) != 0 && says.is_none_or(|s| s.word(first + j) != 0);
                bits[j / 32] |= u32::from(yes) << (j % 32);
            }
            for (d, bits) in i.d.into_iter().zip(bits) {
                let d = c.lane(d);
                (first..first + n).for_each(|j| set(d, j, bits));
            }
        }
    }
}

/// The combinations, by the number that stands in the instruction, each with its neutral element.
const COMBINES: [(Combine, u32); 19] = [
    (Combine::AddF, 0x8000_0000),
    (Combine::MulF, 0x3f80_0000),
    (Combine::MinF, 0x7f80_0000),
    (Combine::MaxF, 0xff80_0000),
    (Combine::AddI, 0),
    (Combine::MulI, 1),
    (Combine::MinS, 0x7fff_ffff),
    (Combine::MaxS, 0x8000_0000),
    (Combine::MinU, u32::MAX),
    (Combine::MaxU, 0),
    (Combine::And, u32::MAX),
    (Combine::Or, 0),
    (Combine::Xor, 0),
    (Combine::All, u32::MAX),
    (Combine::Any, 0),
    (Combine::AddF16, 0x8000_0000),
    (Combine::MulF16, 0x3f80_0000),
    (Combine::MinF16, 0x7f80_0000),
    (Combine::MaxF16, 0xff80_0000),
];

/// The number of a combination and of how it is applied.
pub fn number(how: Collective, f: Combine) -> u32 {
    let n = COMBINES.iter().position(|c| c.0 == f).map_or(0, |n| n as u32);
    n << 2 | how as u32
}

/// Two values together.
fn combine(f: Combine, a: u32, b: u32) -> u32 {
    match f {
        Combine::AddF => Bin::FAdd.eval(a, b),
        Combine::MulF => Bin::FMul.eval(a, b),
        Combine::MinF | Combine::MinF16 => Bin::FMin.eval(a, b),
        Combine::MaxF | Combine::MaxF16 => Bin::FMax.eval(a, b),
        Combine::AddI => a.wrapping_add(b),
        Combine::MulI => a.wrapping_mul(b),
        Combine::MinS => Bin::SMin.eval(a, b),
        Combine::MaxS => Bin::SMax.eval(a, b),
        Combine::MinU => a.min(b),
        Combine::MaxU => a.max(b),
        Combine::And | Combine::All => a & b,
        Combine::Or | Combine::Any => a | b,
        Combine::Xor => a ^ b,
        Combine::AddF16 => Un::RoundF16.eval(Bin::FAdd.eval(a, b)),
        Combine::MulF16 => Un::RoundF16.eval(Bin::FMul.eval(a, b)),
    }
}

/// The neutral element as a shader sees it: a sum of nothing is plus zero.
fn visible(f: Combine, neutral: u32) -> u32 {
    if matches!(f, Combine::AddF | Combine::AddF16) { 0 } else { neutral }
}

/// Reductions and scans.
pub struct Collect;
impl Straight for Collect {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (f, neutral) = COMBINES[(i.t >> 2) as usize];
        let (mask, s, d, how) = (c.mask(), c.any_source(i, 0), c.lane(i.d[0]), i.t & 3);
        for (first, n) in subgroups(c) {
            let active = |j: &usize| word(mask, *j) != 0;
            if how == Collective::Reduce as u32 {
                let total = (first..first + n).filter(active).fold(neutral, |sum, j| combine(f, sum, s.word(j)));
                (first..first + n).filter(active).for_each(|j| set(d, j, total));
                continue;
            }
            let (mut sum, mut empty) = (neutral, true);
            for j in (first..first + n).filter(active) {
                let before = if empty { visible(f, neutral) } else { sum };
                sum = combine(f, sum, s.word(j));
                empty = false;
                set(d, j, if how == Collective::Inclusive as u32 { sum } else { before });
            }
        }
    }
}

/// The number of a gather.
pub fn gather_number(how: Gather) -> u32 {
    how as u32
}

/// From another lane of the subgroup: `s[0]` the value, `s[1]` the lane or distance.
pub struct Exchange;
impl Straight for Exchange {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (mask, s, ix, d) = (c.mask(), c.any_source(i, 0), c.any_source(i, 1), c.lane(i.d[0]));
        for (first, n) in subgroups(c) {
            let active = |j: usize| word(mask, first + j) != 0;
            let mut values = [0; MAX_LANES];
            (0..n).for_each(|j| values[j] = if active(j) { s.word(first + j) } else { 0 });
            let elected = (0..n).find(|j| active(*j));
            for j in (0..n).filter(|j| active(*j)) {
                let from = source(i.t, j, ix.word(first + j) as usize, elected);
                let inside = from.filter(|from| *from < n);
                set(d, first + j, inside.map_or(0, |from| values[from]));
            }
        }
    }
}

/// The lane that lane `j` reads.
fn source(how: u32, j: usize, ix: usize, elected: Option<usize>) -> Option<usize> {
    let is = |g: Gather| how == g as u32;
    if is(Gather::First) {
        elected
    } else if is(Gather::Lane) {
        Some(ix)
    } else if is(Gather::Down) {
        j.checked_add(ix)
    } else if is(Gather::Up) {
        j.checked_sub(ix)
    } else if is(Gather::Xor) {
        Some(j ^ ix)
    } else if is(Gather::Quad) {
        Some((j & !3) + (ix & 3))
    } else {
        Some(j ^ (ix & 3))
    }
}
