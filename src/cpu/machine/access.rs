//! Loads and stores, by the shape of the address: one for all lanes, consecutive, the same in a line, or any.
use super::super::math::call::Unary;
use super::super::math::un::{Ext16S, Ext16U, F16BitsToF32, F32ToF16Bits};
use super::context::{Any, Context, Ins};
use super::line::{LANES, Lane, Line, Words, all, any, plus, splat};
use super::memory::Mem;
use super::shape::uneven;
use super::simd::{Portable, Simd, Straight};
use std::marker::PhantomData;

/// The part of an address that is the same in all lanes.
#[inline(always)]
pub fn base(c: &Context<'_>, i: &Ins) -> u32 {
    i.offset.wrapping_add(c.uniform(i.s[1]).get())
}

/// The address in each lane of line `k`; `bit 1` of `uniform`: there is no lane part.
#[inline(always)]
pub fn addresses(c: &Context<'_>, i: &Ins, k: usize) -> Words {
    let base = base(c, i);
    if has_lanes(i) { plus(&c.lane(i.s[0])[k].get().0, base) } else { splat(base) }
}

/// In `Ins::uniform` of memory accesses: the address has no lane part.
pub const NO_LANES: u32 = 1 << 31;

/// Has the address a lane part?
#[inline(always)]
pub fn has_lanes(i: &Ins) -> bool {
    i.uniform & NO_LANES == 0
}

/// The destinations of a load.
#[inline(always)]
fn destinations<'a, const N: usize>(c: &Context<'a>, i: &Ins) -> [Lane<'a>; N] {
    let mut d = [c.lane(i.d[0]); N];
    for n in 1..N {
        d[n] = c.lane(i.d[n]);
    }
    d
}

/// Words at an address with a lane part.
pub struct Load<const N: usize>;
impl<const N: usize> Straight for Load<N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (mem, base, a) = (c.memory(i.mem), base(c, i), c.lane(i.s[0]));
        let d = destinations::<N>(c, i);
        let stride = c.shape(i.slot, a).stride();
        if stride == Some(4 * N as u32) {
            for (k, a) in a.iter().enumerate() {
                let Some(words) = mem.line::<S, N>(a.get().0[0].wrapping_add(base)) else {
                    edge::<N>(c, i, k);
                    continue;
                };
                for n in 0..N {
                    d[n][k].set(Line(words[n]));
                }
            }
        } else if stride == Some(0) {
            for (k, a) in a.iter().enumerate() {
                let words = mem.get::<N>(a.get().0[0].wrapping_add(base)).unwrap_or([0; N]);
                for n in 0..N {
                    d[n][k].set(Line(splat(words[n])));
                }
            }
        } else if stride.is_some() {
            for (k, a) in a.iter().enumerate() {
                let words = mem.gather::<S, N>(&plus(&a.get().0, base));
                for n in 0..N {
                    d[n][k].set(Line(words[n]));
                }
            }
        } else {
            for (k, a) in a.iter().enumerate() {
                any_line::<S, N>(mem, &a.get().0, base, k, &d);
            }
        }
    }
}

/// A line of a load that does not lie wholly within its memory.
#[cold]
#[inline(never)]
fn edge<const N: usize>(c: &Context<'_>, i: &Ins, k: usize) {
    let words = c.memory(i.mem).gather::<Portable, N>(&plus(&c.lane(i.s[0])[k].get().0, base(c, i)));
    for n in 0..N {
        c.lane(i.d[n])[k].set(Line(words[n]));
    }
}

/// Writes the words at a line of addresses of which nothing is known.
#[inline(always)]
fn any_line<S: Simd, const N: usize>(mem: Mem, a: &Words, base: u32, k: usize, d: &[Lane<'_>; N]) {
    let step = a[1].wrapping_sub(a[0]);
    if step == 4 * N as u32 && uneven(a, 4 * N as u32) == 0 {
        if let Some(words) = mem.line::<S, N>(a[0].wrapping_add(base)) {
            for n in 0..N {
                d[n][k].set(Line(words[n]));
            }
            return;
        }
    } else if step == 0 && uneven(a, 0) == 0 {
        let words = mem.get::<N>(a[0].wrapping_add(base)).unwrap_or([0; N]);
        for n in 0..N {
            d[n][k].set(Line(splat(words[n])));
        }
        return;
    }
    let words = mem.gather::<S, N>(&plus(a, base));
    for n in 0..N {
        d[n][k].set(Line(words[n]));
    }
}

/// Words at one address, to lane registers.
pub struct LoadSplat<const N: usize>;
impl<const N: usize> Straight for LoadSplat<N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let words = c.memory(i.mem).get::<N>(base(c, i)).unwrap_or([0; N]);
        let d = destinations::<N>(c, i);
        for n in 0..N {
            for d in d[n] {
                d.set(Line(splat(words[n])));
            }
        }
    }
}

/// Words at one address, to uniform registers.
pub struct LoadUniform<const N: usize>;
impl<const N: usize> Straight for LoadUniform<N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let words = c.memory(i.mem).get::<N>(base(c, i)).unwrap_or([0; N]);
        for n in 0..N {
            c.uniform(i.d[n]).set(words[n]);
        }
    }
}

/// What is stored.
#[inline(always)]
fn stored<'a, const N: usize>(c: &Context<'a>, i: &Ins) -> [Any<'a>; N] {
    let mut s = [c.either(i.d[0], i.uniform & 1 != 0); N];
    for n in 1..N {
        s[n] = c.either(i.d[n], i.uniform >> n & 1 != 0);
    }
    s
}

/// Words to addresses with a lane part, where the mask is set.
pub struct Store<const N: usize>;
impl<const N: usize> Straight for Store<N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        if !c.any {
            return;
        }
        let (mem, base, a, mask) = (c.memory(i.mem), base(c, i), c.lane(i.s[0]), c.mask());
        let s = stored::<N>(c, i);
        let even = c.shape(i.slot, a).stride() == Some(4 * N as u32);
        for k in 0..a.len() {
            let k = c.turn(k, a.len());
            let (a, m) = (a[k].get().0, mask[k].get().0);
            let mut words = [s[0].line(k); N];
            for n in 1..N {
                words[n] = s[n].line(k);
            }
            let whole = (c.solid || all(&m)) && (even || uneven(&a, 4 * N as u32) == 0);
            if whole && mem.set_line::<S, N>(a[0].wrapping_add(base), &words) {
                continue;
            }
            scatter(c, i, k, &words);
        }
    }
}

/// Lane by lane, in order.
#[inline(never)]
fn scatter<const N: usize>(c: &Context<'_>, i: &Ins, k: usize, words: &[Words; N]) {
    let (mem, base, a, m) = (c.memory(i.mem), base(c, i), c.lane(i.s[0])[k].get().0, c.mask()[k].get().0);
    if !any(&m) {
        return;
    }
    for j in 0..LANES {
        let j = c.turn(j, LANES);
        if m[j] != 0 {
            mem.set::<N>(a[j].wrapping_add(base), std::array::from_fn(|n| words[n][j]));
        }
    }
}

/// Words to one address: those of the last active lane.
pub struct StoreOne<const N: usize>;
impl<const N: usize> Straight for StoreOne<N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        if let Some(lane) = winner(c) {
            let words = stored::<N>(c, i).map(|s| s.word(lane));
            c.memory(i.mem).set::<N>(base(c, i), words);
        }
    }
}

/// The active lane whose store to the one address remains: the last, or in another order the first.
#[inline(always)]
fn winner(c: &Context<'_>) -> Option<usize> {
    if !c.any {
        return None;
    }
    let line = |k: usize| c.mask()[k].get().0;
    if c.shuffle & 1 != 0 {
        let k = (0..c.lines()).find(|k| any(&line(*k)))?;
        return line(k).iter().position(|m| *m != 0).map(|j| k * LANES + j);
    }
    let k = (0..c.lines()).rev().find(|k| any(&line(*k)))?;
    line(k).iter().rposition(|m| *m != 0).map(|j| k * LANES + j)
}

/// A half word in memory and the word that stands for it in a register.
pub trait Half {
    /// To the register.
    type Load: Unary;
    /// To memory.
    type Store: Unary;
}
/// An f16; in the register the f32 of the same value.
pub struct F16;
impl Half for F16 {
    type Load = F16BitsToF32;
    type Store = F32ToF16Bits;
}
/// Sign-extended.
pub struct I16;
impl Half for I16 {
    type Load = Ext16S;
    type Store = Ext16U;
}
/// Zero-extended.
pub struct U16;
impl Half for U16 {
    type Load = Ext16U;
    type Store = Ext16U;
}

/// Half words to lane registers.
pub struct LoadHalf<H, const N: usize>(PhantomData<H>);
impl<H: Half, const N: usize> Straight for LoadHalf<H, N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (mem, d) = (c.memory(i.mem), destinations::<N>(c, i));
        for k in 0..c.lines() {
            let at = addresses(c, i, k);
            let mut words = [splat(0); N];
            if uneven(&at, 2 * N as u32) == 0
                && let Some(line) = mem.halves::<N>(at[0])
            {
                for n in 0..N {
                    for j in 0..LANES {
                        words[n][j] = u32::from(line[j][n]);
                    }
                }
            } else {
                for j in 0..LANES {
                    let halves = mem.get_halves::<N>(at[j]).unwrap_or([0; N]);
                    for n in 0..N {
                        words[n][j] = u32::from(halves[n]);
                    }
                }
            }
            for n in 0..N {
                d[n][k].set(Line(H::Load::lanes::<HW>(&words[n])));
            }
        }
    }
}

/// Half words at one address to uniform registers.
pub struct LoadHalfUniform<H, const N: usize>(PhantomData<H>);
impl<H: Half, const N: usize> Straight for LoadHalfUniform<H, N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let halves = c.memory(i.mem).get_halves::<N>(base(c, i)).unwrap_or([0; N]);
        for n in 0..N {
            c.uniform(i.d[n]).set(H::Load::call::<HW>(u32::from(halves[n])));
        }
    }
}

/// Half words where the mask is set.
pub struct StoreHalf<H, const N: usize>(PhantomData<H>);
impl<H: Half, const N: usize> Straight for StoreHalf<H, N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        if !c.any {
            return;
        }
        let (mem, s) = (c.memory(i.mem), stored::<N>(c, i));
        for k in 0..c.lines() {
            let k = c.turn(k, c.lines());
            let (at, m) = (addresses(c, i, k), c.mask()[k].get().0);
            let mut words = [splat(0); N];
            for n in 0..N {
                words[n] = H::Store::lanes::<HW>(&s[n].line(k));
            }
            if all(&m) && uneven(&at, 2 * N as u32) == 0 {
                let mut line = [[0; N]; LANES];
                for j in 0..LANES {
                    for n in 0..N {
                        line[j][n] = words[n][j] as u16;
                    }
                }
                if mem.set_halves_line::<N>(at[0], line) {
                    continue;
                }
            }
            for j in 0..LANES {
                let j = c.turn(j, LANES);
                if m[j] != 0 {
                    mem.set_halves::<N>(at[j], std::array::from_fn(|n| words[n][j] as u16));
                }
            }
        }
    }
}

/// Elements of a runtime-sized array: `offset` bytes into the binding, `t` apart.
pub struct Length;
impl Straight for Length {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let n = c.memory(i.mem).bytes().saturating_sub(i.offset) / i.t.max(1);
        c.uniform(i.d[0]).set(n);
    }
}
