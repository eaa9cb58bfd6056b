//! Atomic read-modify-write, lane by lane in order. Other workgroups may run on other threads, so that on bindings these are
//! real atomics; workgroup memory belongs to one thread.
use super::super::math::{Bin, bin, call::Binary as _};
use super::super::tape::AtomicFn;
use super::access::addresses;
use super::context::{Context, Ins};
use super::line::{LANES, Line, any, splat};
use super::memory::Mem;
use super::simd::{Simd, Straight};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// The functions, by the number that stands in the instruction.
const FUNCTIONS: [AtomicFn; 14] = [
    AtomicFn::Add,
    AtomicFn::Sub,
    AtomicFn::And,
    AtomicFn::Or,
    AtomicFn::Xor,
    AtomicFn::MinS,
    AtomicFn::MinU,
    AtomicFn::MaxS,
    AtomicFn::MaxU,
    AtomicFn::AddF32,
    AtomicFn::Exchange,
    AtomicFn::CompareExchange,
    AtomicFn::Load,
    AtomicFn::Store,
];

/// The number of a function.
pub fn number(f: AtomicFn) -> u32 {
    FUNCTIONS.iter().position(|g| *g == f).map_or(0, |n| n as u32)
}

/// What is in memory afterwards.
#[inline(always)]
fn combine(f: AtomicFn, old: u32, value: u32, compare: u32) -> u32 {
    let call = |f: Bin| f.eval(old, value);
    match f {
        AtomicFn::Add => old.wrapping_add(value),
        AtomicFn::Sub => old.wrapping_sub(value),
        AtomicFn::And => old & value,
        AtomicFn::Or => old | value,
        AtomicFn::Xor => old ^ value,
        AtomicFn::MinS => call(Bin::SMin),
        AtomicFn::MinU => old.min(value),
        AtomicFn::MaxS => call(Bin::SMax),
        AtomicFn::MaxU => old.max(value),
        AtomicFn::AddF32 => bin::FAdd::call::<false>(old, value),
        AtomicFn::Exchange | AtomicFn::Store => value,
        AtomicFn::CompareExchange => {
            if old == compare {
                value
            } else {
                old
            }
        }
        AtomicFn::Load => old,
    }
}

/// What is in memory afterwards, 64 bits.
#[inline(always)]
fn combine_wide(f: AtomicFn, old: u64, value: u64, compare: u64) -> u64 {
    match f {
        AtomicFn::Add => old.wrapping_add(value),
        AtomicFn::Sub => old.wrapping_sub(value),
        AtomicFn::And => old & value,
        AtomicFn::Or => old | value,
        AtomicFn::Xor => old ^ value,
        AtomicFn::MinS => old.cast_signed().min(value.cast_signed()).cast_unsigned(),
        AtomicFn::MinU => old.min(value),
        AtomicFn::MaxS => old.cast_signed().max(value.cast_signed()).cast_unsigned(),
        AtomicFn::MaxU => old.max(value),
        AtomicFn::Exchange | AtomicFn::Store => value,
        AtomicFn::CompareExchange => {
            if old == compare {
                value
            } else {
                old
            }
        }
        AtomicFn::Load | AtomicFn::AddF32 => old,
    }
}

/// One word of a binding.
fn shared(a: &AtomicU32, f: AtomicFn, value: u32, compare: u32) -> u32 {
    match f {
        AtomicFn::Add => a.fetch_add(value, Relaxed),
        AtomicFn::Sub => a.fetch_sub(value, Relaxed),
        AtomicFn::And => a.fetch_and(value, Relaxed),
        AtomicFn::Or => a.fetch_or(value, Relaxed),
        AtomicFn::Xor => a.fetch_xor(value, Relaxed),
        AtomicFn::MinU => a.fetch_min(value, Relaxed),
        AtomicFn::MaxU => a.fetch_max(value, Relaxed),
        AtomicFn::Exchange | AtomicFn::Store => a.swap(value, Relaxed),
        AtomicFn::Load => a.load(Relaxed),
        AtomicFn::CompareExchange => a.compare_exchange(compare, value, Relaxed, Relaxed).unwrap_or_else(|old| old),
        AtomicFn::MinS | AtomicFn::MaxS | AtomicFn::AddF32 => {
            a.fetch_update(Relaxed, Relaxed, |old| Some(combine(f, old, value, compare))).unwrap_or_else(|old| old)
        }
    }
}

/// Two words of a binding.
fn shared_wide(a: &AtomicU64, f: AtomicFn, value: u64, compare: u64) -> u64 {
    match f {
        AtomicFn::Add => a.fetch_add(value, Relaxed),
        AtomicFn::Load => a.load(Relaxed),
        _ => {
            a.fetch_update(Relaxed, Relaxed, |old| Some(combine_wide(f, old, value, compare))).unwrap_or_else(|old| old)
        }
    }
}

/// In `Ins::uniform` of atomics: the memory is a binding.
pub const SHARED: u32 = 1 << 30;
/// In `Ins::uniform` of atomics: the old value is wanted.
pub const WANTED: u32 = 1 << 29;

/// One word; zero where it is out of bounds.
fn word(mem: Mem, binding: bool, at: u32, f: AtomicFn, value: u32, compare: u32) -> u32 {
    if binding {
        return mem.atomic(at).map_or(0, |a| shared(a, f, value, compare));
    }
    let Some([old]) = mem.get::<1>(at) else { return 0 };
    mem.set::<1>(at, [combine(f, old, value, compare)]);
    old
}

/// Two words; zero where they are out of bounds.
fn words(mem: Mem, binding: bool, at: u32, f: AtomicFn, value: u64, compare: u64) -> u64 {
    if binding {
        return mem.atomic_wide(at).map_or(0, |a| shared_wide(a, f, value, compare));
    }
    let Some([low, high]) = mem.get::<2>(at) else { return 0 };
    let old = u64::from(low) | u64::from(high) << 32;
    let new = combine_wide(f, old, value, compare);
    mem.set::<2>(at, [new as u32, (new >> 32) as u32]);
    old
}

/// On words: `s[2]` the value, `s[3]` what is compared.
pub struct Atomic;
impl Straight for Atomic {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (mem, f, binding) = (c.memory(i.mem), FUNCTIONS[i.t as usize], i.uniform & SHARED != 0);
        let (value, compare) = (c.any_source(i, 2), c.any_source(i, 3));
        for k in 0..c.lines() {
            let k = c.turn(k, c.lines());
            let m = c.mask()[k].get().0;
            if !any(&m) {
                continue;
            }
            let (at, value, compare) = (addresses(c, i, k), value.line(k), compare.line(k));
            let mut old = splat(0);
            for j in 0..LANES {
                let j = c.turn(j, LANES);
                if m[j] != 0 {
                    old[j] = word(mem, binding, at[j], f, value[j], compare[j]);
                }
            }
            if i.uniform & WANTED != 0 {
                let d = &c.lane(i.d[0])[k];
                d.set(Line(super::line::blend(&m, &old, &d.get().0)));
            }
        }
    }
}

/// On pairs of words: the value is `s[2]`, `s[3]`, what is compared `d[2]`, `d[3]` (bits 4 and 5 of `uniform` say what they are).
pub struct AtomicWide;
impl Straight for AtomicWide {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (mem, f, binding) = (c.memory(i.mem), FUNCTIONS[i.t as usize], i.uniform & SHARED != 0);
        let value = [c.any_source(i, 2), c.any_source(i, 3)];
        let compare = [c.either(i.d[2], i.uniform >> 4 & 1 != 0), c.either(i.d[3], i.uniform >> 5 & 1 != 0)];
        let join = |v: &[u32; 2]| u64::from(v[0]) | u64::from(v[1]) << 32;
        for k in 0..c.lines() {
            let k = c.turn(k, c.lines());
            let (m, at) = (c.mask()[k].get().0, addresses(c, i, k));
            for j in 0..LANES {
                let j = c.turn(j, LANES);
                if m[j] == 0 {
                    continue;
                }
                let lane = k * LANES + j;
                let [value, compare] = [value, compare].map(|v| join(&v.map(|w| w.word(lane))));
                let old = words(mem, binding, at[j], f, value, compare);
                if i.uniform & WANTED != 0 {
                    for (d, word) in [(i.d[0], old as u32), (i.d[1], (old >> 32) as u32)] {
                        let d = &c.lane(d)[k];
                        let mut line = d.get();
                        line.0[j] = word;
                        d.set(line);
                    }
                }
            }
        }
    }
}
