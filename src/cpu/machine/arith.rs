//! Pure instructions: a scalar function over all lanes, or once for a uniform destination.
use super::super::math::call::{
    Binary, Quaternary, Ternary, Unary, WideBinary, WideCompare, WideNarrow, WideUnary, WideWiden,
};
use super::context::{Any, Context, Ins};
use super::line::{Line, Words};
use super::simd::{Simd, Straight};
use std::marker::PhantomData;

/// One lane operand.
pub struct UnLane<O>(PhantomData<O>);
impl<O: Unary> Straight for UnLane<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let a = c.lane(i.s[0]);
        for (k, d) in c.lane(i.d[0]).iter().enumerate() {
            d.set(Line(O::lanes::<HW>(&a[k].get().0)));
        }
    }
}

/// One uniform operand.
pub struct UnUniform<O>(PhantomData<O>);
impl<O: Unary> Straight for UnUniform<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        c.uniform(i.d[0]).set(O::call::<HW>(c.uniform(i.s[0]).get()));
    }
}

/// Two operands, uniform where the flag says so.
pub struct BinLane<O, const A: bool, const B: bool>(PhantomData<O>);
impl<O: Binary, const A: bool, const B: bool> Straight for BinLane<O, A, B> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (a, b) = (c.source::<A>(i, 0), c.source::<B>(i, 1));
        for (k, d) in c.lane(i.d[0]).iter().enumerate() {
            d.set(Line(O::lanes::<HW>(&a.line(k), &b.line(k))));
        }
    }
}

/// Two uniform operands.
pub struct BinUniform<O>(PhantomData<O>);
impl<O: Binary> Straight for BinUniform<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        c.uniform(i.d[0]).set(O::call::<HW>(c.uniform(i.s[0]).get(), c.uniform(i.s[1]).get()));
    }
}

/// Three operands; the kinds of the second and third are known, the first is a lane register.
pub struct TerLane<O, const B: bool, const C: bool>(PhantomData<O>);
impl<O: Ternary, const B: bool, const C: bool> Straight for TerLane<O, B, C> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (x, y, z) = (c.source::<false>(i, 0), c.source::<B>(i, 1), c.source::<C>(i, 2));
        for (k, d) in c.lane(i.d[0]).iter().enumerate() {
            d.set(Line(O::lanes::<HW>(&x.line(k), &y.line(k), &z.line(k))));
        }
    }
}

/// Three operands of any kind.
pub struct TerAny<O>(PhantomData<O>);
impl<O: Ternary> Straight for TerAny<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let [x, y, z] = [0, 1, 2].map(|n| c.any_source(i, n));
        for (k, d) in c.lane(i.d[0]).iter().enumerate() {
            d.set(Line(O::lanes::<HW>(&x.line(k), &y.line(k), &z.line(k))));
        }
    }
}

/// Three uniform operands.
pub struct TerUniform<O>(PhantomData<O>);
impl<O: Ternary> Straight for TerUniform<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let [x, y, z] = [0, 1, 2].map(|n| c.uniform(i.s[n]).get());
        c.uniform(i.d[0]).set(O::call::<HW>(x, y, z));
    }
}

/// Four operands of any kind.
pub struct QuaAny<O>(PhantomData<O>);
impl<O: Quaternary> Straight for QuaAny<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let [x, y, z, w] = [0, 1, 2, 3].map(|n| c.any_source(i, n));
        for (k, d) in c.lane(i.d[0]).iter().enumerate() {
            d.set(Line(O::lanes::<HW>(&x.line(k), &y.line(k), &z.line(k), &w.line(k))));
        }
    }
}

/// Four uniform operands.
pub struct QuaUniform<O>(PhantomData<O>);
impl<O: Quaternary> Straight for QuaUniform<O> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let [x, y, z, w] = [0, 1, 2, 3].map(|n| c.uniform(i.s[n]).get());
        c.uniform(i.d[0]).set(O::call::<HW>(x, y, z, w));
    }
}

/// The line of a pair of operands.
#[inline(always)]
fn pair(x: &[Any<'_>; 2], k: usize) -> [Words; 2] {
    [x[0].line(k), x[1].line(k)]
}

/// The pair of source operands that begins at `n`.
#[inline(always)]
fn pair_of<'a>(c: &Context<'a>, i: &Ins, n: usize) -> [Any<'a>; 2] {
    [c.any_source(i, n), c.any_source(i, n + 1)]
}

/// The 64-bit value of two uniform source operands.
#[inline(always)]
fn wide(c: &Context<'_>, i: &Ins, n: usize) -> u64 {
    u64::from(c.uniform(i.s[n]).get()) | u64::from(c.uniform(i.s[n + 1]).get()) << 32
}

/// Writes a 64-bit value to two uniform registers.
#[inline(always)]
fn set_wide(c: &Context<'_>, i: &Ins, v: u64) {
    c.uniform(i.d[0]).set(v as u32);
    c.uniform(i.d[1]).set((v >> 32) as u32);
}

/// Writes one line of a pair of lane registers.
#[inline(always)]
fn set_pair(c: &Context<'_>, i: &Ins, k: usize, v: [Words; 2]) {
    c.lane(i.d[0])[k].set(Line(v[0]));
    c.lane(i.d[1])[k].set(Line(v[1]));
}

/// The five forms of 64-bit functions, each with lane and with uniform destination.
macro_rules! wide_handlers {
    ($($lane:ident $uniform:ident: $function:ident, |$c:ident, $i:ident, $k:ident| $by_line:expr, $once:expr;)*) => { $(
        /// Over all lanes.
        pub struct $lane<O>(PhantomData<O>);
        impl<O: $function> Straight for $lane<O> {
            #[inline(always)]
            fn run<S: Simd, const HW: bool>($c: &mut Context<'_>, $i: &Ins) {
                for $k in 0..$c.lines() {
                    $by_line;
                }
            }
        }
        /// Once.
        pub struct $uniform<O>(PhantomData<O>);
        impl<O: $function> Straight for $uniform<O> {
            #[inline(always)]
            fn run<S: Simd, const HW: bool>($c: &mut Context<'_>, $i: &Ins) {
                $once;
            }
        }
    )* };
}
wide_handlers! {
    WideUnLane WideUnUniform: WideUnary, |c, i, k| {
        set_pair(c, i, k, O::lanes::<HW>(&pair(&pair_of(c, i, 0), k)));
    }, set_wide(c, i, O::call::<HW>(wide(c, i, 0)));
    WideBinLane WideBinUniform: WideBinary, |c, i, k| {
        set_pair(c, i, k, O::lanes::<HW>(&pair(&pair_of(c, i, 0), k), &pair(&pair_of(c, i, 2), k)));
    }, set_wide(c, i, O::call::<HW>(wide(c, i, 0), wide(c, i, 2)));
    WideCmpLane WideCmpUniform: WideCompare, |c, i, k| {
        c.lane(i.d[0])[k].set(Line(O::lanes::<HW>(&pair(&pair_of(c, i, 0), k), &pair(&pair_of(c, i, 2), k))));
    }, c.uniform(i.d[0]).set(O::call::<HW>(wide(c, i, 0), wide(c, i, 2)));
    WideFromLane WideFromUniform: WideWiden, |c, i, k| {
        set_pair(c, i, k, O::lanes::<HW>(&c.any_source(i, 0).line(k)));
    }, set_wide(c, i, O::call::<HW>(c.uniform(i.s[0]).get()));
    WideIntoLane WideIntoUniform: WideNarrow, |c, i, k| {
        c.lane(i.d[0])[k].set(Line(O::lanes::<HW>(&pair(&pair_of(c, i, 0), k))));
    }, c.uniform(i.d[0]).set(O::call::<HW>(wide(c, i, 0)));
}
