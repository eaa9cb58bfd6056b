//! The shape of a scalar function for the machine: one trait for each number of operands. Every variant of the enums is a type of its
//! own that implements one of them, so that a lane loop is compiled for each.
//!
//! `HW` says that the caller is compiled for a processor whose fused multiply-add and rounding instructions may be used
//! (x86-64: within a function with the target features AVX2 and FMA). Without it no library call is made for either.
//!
//! A loop over the lines of a register wants `core::hint::black_box(())` in its body: else the compiler may see one loop in the two and take
//! the same lane of several lines at once, by gathers, which is slower by up to a factor of ten (with AVX-512 in almost every function).
//!
//! The functions for which [`Un::portable`](super::Un::portable) and its sisters are true give the same bits both ways.

/// The words of sixteen lanes.
pub type Line = [u32; 16];

/// A function of one word.
pub trait Unary {
    /// The value in one lane.
    fn call<const HW: bool>(a: u32) -> u32;

    /// The values in sixteen lanes: bit for bit those of `call` (any NaN for a NaN), perhaps sooner.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &Line) -> Line {
        let mut d = [0; 16];
        for i in 0..16 {
            d[i] = Self::call::<HW>(a[i]);
        }
        d
    }
}

/// A function of two words.
pub trait Binary {
    /// The value in one lane.
    fn call<const HW: bool>(a: u32, b: u32) -> u32;

    /// The values in sixteen lanes: bit for bit those of `call` (any NaN for a NaN), perhaps sooner.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &Line, b: &Line) -> Line {
        let mut d = [0; 16];
        for i in 0..16 {
            d[i] = Self::call::<HW>(a[i], b[i]);
        }
        d
    }
}

/// A function of three words.
pub trait Ternary {
    /// The value in one lane.
    fn call<const HW: bool>(a: u32, b: u32, c: u32) -> u32;

    /// The values in sixteen lanes: bit for bit those of `call` (any NaN for a NaN), perhaps sooner.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &Line, b: &Line, c: &Line) -> Line {
        let mut d = [0; 16];
        for i in 0..16 {
            d[i] = Self::call::<HW>(a[i], b[i], c[i]);
        }
        d
    }
}

/// A function of four words.
pub trait Quaternary {
    /// The value in one lane.
    fn call<const HW: bool>(a: u32, b: u32, c: u32, e: u32) -> u32;

    /// The values in sixteen lanes: bit for bit those of `call` (any NaN for a NaN), perhaps sooner.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &Line, b: &Line, c: &Line, e: &Line) -> Line {
        let mut d = [0; 16];
        for i in 0..16 {
            d[i] = Self::call::<HW>(a[i], b[i], c[i], e[i]);
        }
        d
    }
}

/// The 64-bit value in one lane of a pair of lines, low words then high words.
#[inline(always)]
#[must_use]
pub fn join(a: &[Line; 2], i: usize) -> u64 {
    u64::from(a[0][i]) | u64::from(a[1][i]) << 32
}

/// Sets the 64-bit value in one lane of a pair of lines.
#[inline(always)]
pub fn split(d: &mut [Line; 2], i: usize, v: u64) {
    d[0][i] = v as u32;
    d[1][i] = (v >> 32) as u32;
}

/// A function of one 64-bit value.
pub trait WideUnary {
    /// The value in one lane.
    fn call<const HW: bool>(a: u64) -> u64;

    /// The values in sixteen lanes.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &[Line; 2]) -> [Line; 2] {
        let mut d = [[0; 16]; 2];
        for i in 0..16 {
            split(&mut d, i, Self::call::<HW>(join(a, i)));
        }
        d
    }
}

/// A function of two 64-bit values. The second operand of a shift is `amount | amount << 32`, of which the low bits count.
pub trait WideBinary {
    /// The value in one lane.
    fn call<const HW: bool>(a: u64, b: u64) -> u64;

    /// The values in sixteen lanes.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &[Line; 2], b: &[Line; 2]) -> [Line; 2] {
        let mut d = [[0; 16]; 2];
        for i in 0..16 {
            split(&mut d, i, Self::call::<HW>(join(a, i), join(b, i)));
        }
        d
    }
}

/// A comparison of two 64-bit values: all ones or zero.
pub trait WideCompare {
    /// The value in one lane.
    fn call<const HW: bool>(a: u64, b: u64) -> u32;

    /// The values in sixteen lanes.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &[Line; 2], b: &[Line; 2]) -> Line {
        let mut d = [0; 16];
        for (i, d) in d.iter_mut().enumerate() {
            *d = Self::call::<HW>(join(a, i), join(b, i));
        }
        d
    }
}

/// A conversion from 32 bits to 64.
pub trait WideWiden {
    /// The value in one lane.
    fn call<const HW: bool>(a: u32) -> u64;

    /// The values in sixteen lanes.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &Line) -> [Line; 2] {
        let mut d = [[0; 16]; 2];
        for (i, a) in a.iter().enumerate() {
            split(&mut d, i, Self::call::<HW>(*a));
        }
        d
    }
}

/// A conversion from 64 bits to 32.
pub trait WideNarrow {
    /// The value in one lane.
    fn call<const HW: bool>(a: u64) -> u32;

    /// The values in sixteen lanes.
    #[inline(always)]
    #[must_use]
    fn lanes<const HW: bool>(a: &[Line; 2]) -> Line {
        let mut d = [0; 16];
        for (i, d) in d.iter_mut().enumerate() {
            *d = Self::call::<HW>(join(a, i));
        }
        d
    }
}
