//! Jumps, masks, and moves between registers.
use super::context::{Any, Context, Ins};
use super::line::{LANES, Line, blend, splat};
use super::simd::{Handler, Simd, Straight};

/// Machine code for the operations that follow; goes on at `offset` if it could run.
pub struct RunNative;
impl Handler for RunNative {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
        if c.native.is_some_and(|native| native.run(i.t, c)) { i.offset as usize } else { pc + 1 }
    }
}

/// The position after the last instruction.
pub const DONE: usize = usize::MAX;

/// Goes on at `t`.
pub struct Jump;
impl Handler for Jump {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(_: &mut Context<'_>, i: &Ins, _: usize) -> usize {
        i.t as usize
    }
}

/// Goes on at `t` where the uniform register is zero, or is not.
pub struct JumpIf<const ZERO: bool>;
impl<const ZERO: bool> Handler for JumpIf<ZERO> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
        if (c.uniform(i.s[0]).get() == 0) == ZERO { i.t as usize } else { pc + 1 }
    }
}

/// Goes on at `t` where some lane is active, or none is.
pub struct JumpActive<const ANY: bool>;
impl<const ANY: bool> Handler for JumpActive<ANY> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
        if c.any == ANY { i.t as usize } else { pc + 1 }
    }
}

/// The workgroup is done.
pub struct End;
impl Handler for End {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(_: &mut Context<'_>, _: &Ins, _: usize) -> usize {
        DONE
    }
}

/// Makes a lane register the execution mask.
pub struct SetMask;
impl Straight for SetMask {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        for (d, s) in c.mask().iter().zip(c.lane(i.s[0])) {
            d.set(s.get());
        }
        c.refresh();
    }
}

/// A write under the mask; the source is uniform or not.
pub struct MoveLane<const UNIFORM: bool>;
impl<const UNIFORM: bool> Straight for MoveLane<UNIFORM> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (d, s) = (c.lane(i.d[0]), c.source::<UNIFORM>(i, 0));
        if c.full {
            for (k, d) in d.iter().enumerate() {
                d.set(Line(s.line(k)));
            }
        } else {
            let m = c.mask();
            for (k, d) in d.iter().enumerate() {
                d.set(Line(blend(&m[k].get().0, &s.line(k), &d.get().0)));
            }
        }
    }
}

/// A write of all lanes.
pub struct CopyLane<const UNIFORM: bool>;
impl<const UNIFORM: bool> Straight for CopyLane<UNIFORM> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let s = c.source::<UNIFORM>(i, 0);
        for (k, d) in c.lane(i.d[0]).iter().enumerate() {
            d.set(Line(s.line(k)));
        }
    }
}

/// A write of a uniform register.
pub struct CopyUniform;
impl Straight for CopyUniform {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        c.uniform(i.d[0]).set(c.uniform(i.s[0]).get());
    }
}

/// An array of registers: `s[1]` is the first, `t` their number, `s[0]` the index; bit 1 of `uniform` says which file.
fn element<'a>(c: &Context<'a>, i: &Ins, ix: u32) -> Option<Any<'a>> {
    let uniform = i.uniform >> 1 & 1 != 0;
    let step = if uniform { 1 } else { c.stride() as u32 };
    (ix < i.t).then(|| c.either(i.s[1] + ix * step, uniform))
}

/// A lane register from an array of registers.
pub struct PickLane;
impl Straight for PickLane {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let d = c.lane(i.d[0]);
        match c.any_source(i, 0) {
            Any::Uniform(ix) => {
                let s = element(c, i, ix).unwrap_or(Any::Uniform(0));
                for (k, d) in d.iter().enumerate() {
                    d.set(Line(s.line(k)));
                }
            }
            Any::Lane(ix) => {
                for (k, d) in d.iter().enumerate() {
                    let ix = ix[k].get().0;
                    let mut line = splat(0);
                    for j in 0..LANES {
                        if let Some(s) = element(c, i, ix[j]) {
                            line[j] = s.word(k * LANES + j);
                        }
                    }
                    d.set(Line(line));
                }
            }
        }
    }
}

/// A uniform register from an array of uniform registers.
pub struct PickUniform;
impl Straight for PickUniform {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let ix = c.uniform(i.s[0]).get();
        let word = element(c, i, ix).map_or(0, |s| s.word(0));
        c.uniform(i.d[0]).set(word);
    }
}

/// Into an array of lane registers, under the mask; `s[2]` is what is written.
pub struct PutLane;
impl Straight for PutLane {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (ix, s, mask) = (c.any_source(i, 0), c.any_source(i, 2), c.mask());
        for (k, m) in mask.iter().enumerate() {
            let m = m.get().0;
            if let Any::Uniform(ix) = ix {
                if let Some(Any::Lane(d)) = element(c, i, ix) {
                    d[k].set(Line(blend(&m, &s.line(k), &d[k].get().0)));
                }
                continue;
            }
            let (ix, s) = (ix.line(k), s.line(k));
            for j in 0..LANES {
                if m[j] != 0
                    && let Some(Any::Lane(d)) = element(c, i, ix[j])
                {
                    let mut line = d[k].get();
                    line.0[j] = s[j];
                    d[k].set(line);
                }
            }
        }
    }
}

/// Into an array of uniform registers.
pub struct PutUniform;
impl Straight for PutUniform {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let ix = c.uniform(i.s[0]).get();
        if ix < i.t {
            c.uniform(i.s[1] + ix).set(c.uniform(i.s[2]).get());
        }
    }
}

/// A constant into a uniform register.
pub struct SetUniform;
impl Straight for SetUniform {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        c.uniform(i.d[0]).set(i.t);
    }
}
