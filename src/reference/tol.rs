//! The accuracy contract: how far a device may be from the exact value, per function and per summation.
//!
//! Tolerances of the engine are not chosen per test; they follow from this table by error propagation (see
//! [`Ball`](super::Ball)). Each row is a promise that the shader side keeps and a number that the checks hold it to:
//!
//! - operators and the built-ins that are called as they are: the [WGSL accuracy table][wgsl];
//! - functions of `shaders/lib`: what their error analysis there says;
//! - sums: the longest chain of additions that any kernel makes.
//!
//! "Correctly rounded" in WGSL leaves the direction open, so it counts as one unit in the last place, not as half of one.
//! Division is bounded by 2.5 units only for divisors in `[2^-126, 2^126]`. Subnormal inputs and results may be flushed.
//!
//! [wgsl]: https://www.w3.org/TR/WGSL/#floating-point-accuracy

use crate::graph::Func;

/// One unit in the last place, relative to the value: at most `2^-23` for a normal `f32`.
pub const ULP: f64 = 1.0 / 8_388_608.0;

/// The smallest normal `f32`; anything below may be flushed to zero, as an argument and as a result.
pub const MIN_NORMAL: f64 = 1.175_494_350_822_287_5e-38;

/// The longest chain of additions of one sum in a generated kernel: at most 512 in a row on each of at most 4 levels
/// (lane, workgroup, and two passes over partial results).
pub const SUM_CHAIN: usize = 2048;

/// The longest chain of additions of one element of a matrix product.
pub const MATMUL_CHAIN: usize = 2048;

/// The longest chain of one element of a scan: lanes, workgroup tree, and the carry over blocks.
pub const SCAN_CHAIN: usize = 4096;

/// The greatest exponent of a divisor for which division is bounded.
pub const DIVISOR_LIMIT: f64 = 8.507_059_173_023_462e37;

/// What a function adds to the error of its `f32` arguments, in units in the last place of the result.
///
/// Functions that are exact (selection, rounding to integers, bits, comparisons) have zero here; the conversions to narrow
/// floats are exact too, in the sense that the rounding is part of their meaning.
#[must_use]
pub fn accuracy(func: &Func) -> f64 {
    use Func::*;
    match func {
        Neg | Abs | Sign | Floor | Ceil | Round | Trunc | IsNan | IsFinite | Not | Bits | FromBits | Cast(_)
        | Detach => 0.0,
        Min | Max | Copysign | Eq | Ne | Lt | Le | Gt | Ge | And | Or | Xor | Shl | Shr | Select | Philox(_) => 0.0,
        Add | Sub | Mul => 1.0,
        Recip | Div => 2.5,
        // Long division in integers.
        Rem => 0.0,
        Sqrt => 4.5,
        Rsqrt => 2.0,
        // The functions of `shaders/lib`. Where roundings go to nearest, as they do on every driver met so far, the
        // greatest errors of dense sweeps are about half of these (`tests/suite/special.rs` prints them); the other half
        // is for the directed roundings, the divisions of 2.5 and the square roots of 4.5 units that WGSL allows.
        Exp | Exp2 | Log => 2.0,
        Log2 | Expm1 => 2.5,
        Cbrt | Sinh | Cosh | Pow => 3.0,
        // At every magnitude: angles are reduced with as many digits of pi as it takes.
        Log1p | Sin | Cos | Atan | Softplus => 4.0,
        Atan2 => 5.0,
        Sigmoid | Tanh | Erf => 6.0,
        Tan | Acos => 8.0,
        Asin | Asinh | Acosh | Atanh | Erfc => 10.0,
        Call(snippet) => snippet.ulps,
    }
}

/// What `k` roundings of independent sign, and the rounding of the result, add up to, relative to the numbers rounded: 8
/// standard deviations of a sum of roundings of up to an ulp (Higham, Accuracy and stability of numerical algorithms, 2.6).
#[must_use]
pub fn independent(k: f64) -> f64 {
    8.0 * (k + 1.0).sqrt() * ULP
}

/// The number of roundings that one term of a sum of `n` may go through.
#[must_use]
pub fn sum_depth(n: usize) -> f64 {
    n.saturating_sub(1).min(SUM_CHAIN) as f64
}

/// The number of roundings that one product of a contraction over `k` may go through, its own among them.
#[must_use]
pub fn matmul_depth(k: usize) -> f64 {
    k.min(MATMUL_CHAIN) as f64
}

/// The number of roundings that one term of the `n`-th element of a scan may go through.
#[must_use]
pub fn scan_depth(n: usize) -> f64 {
    n.saturating_sub(1).min(SCAN_CHAIN) as f64
}

/// The number of roundings, relative to the norm of what is summed, of an element of a Fourier transform of `n` elements: 6 per
/// factor 2 (a product of complex numbers, a root within an ulp, a sum), and 6 between passes, of which there may be 3.
#[must_use]
pub fn fft_depth(n: usize) -> f64 {
    6.0 * (f64::from(n.max(1).ilog2()) + 3.0)
}

/// The blocks of others that a row of attention over `n` is added up in, at most; a sum goes through a product each.
#[must_use]
pub fn attention_blocks(n: usize) -> f64 {
    n.div_ceil(16) as f64
}

/// The number of roundings of an addition that one term of a sum of attention over `n` goes through, its own product among
/// them: within a block of 16 or 32, over lanes, over blocks.
#[must_use]
pub fn attention_depth(n: usize) -> f64 {
    48.0 + attention_blocks(n)
}
