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

/// The angle up to which `sin`, `cos` and `tan` reduce their argument accurately; beyond it only the range is promised.
pub const ANGLE_LIMIT: f64 = 32_768.0;

/// The greatest exponent of a divisor for which division is bounded.
pub const DIVISOR_LIMIT: f64 = 8.507_059_173_023_462e37;

/// The accuracy of one evaluation: `ulps` units in the last place of the result, plus `absolute`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Units in the last place of the result.
    pub ulps: f64,
    /// Added to that.
    pub absolute: f64,
}

const fn ulps(ulps: f64) -> Accuracy {
    Accuracy { ulps, absolute: 0.0 }
}

/// What a function adds to the error of its `f32` arguments `x` where its value is `y`.
///
/// Functions that are exact (selection, rounding to integers, bits, comparisons) have zero here; the conversions to narrow
/// floats are exact too, in the sense that the rounding is part of their meaning.
#[must_use]
pub fn accuracy(func: &Func, x: &[f64], y: f64) -> Accuracy {
    use Func::*;
    match func {
        Neg | Abs | Sign | Floor | Ceil | Round | Trunc | IsNan | IsFinite | Not | Bits | FromBits | Cast(_)
        | Detach => ulps(0.0),
        Min | Max | Copysign | Eq | Ne | Lt | Le | Gt | Ge | And | Or | Xor | Shl | Shr | Select | Philox(_) => {
            ulps(0.0)
        }
        Add | Sub | Mul => ulps(1.0),
        Recip | Div => ulps(2.5),
        // x - y * trunc(x / y): the product and the difference round; where the quotient may be off is a matter of the
        // propagation, not of this table.
        Rem => Accuracy { ulps: 1.0, absolute: ULP * (x[0].abs() + y.abs()) },
        Sqrt => ulps(4.5),
        Rsqrt => ulps(2.0),
        Cbrt => ulps(6.0),
        Exp | Exp2 | Log | Log2 => ulps(4.0),
        Expm1 | Log1p => ulps(6.0),
        Sin | Cos => angle(x[0], 2.0, TRIGONOMETRIC),
        Tan => angle(x[0], f64::INFINITY, quotient_of_angles(y)),
        Asin | Atan | Atan2 => ulps(8.0),
        Acos => Accuracy { ulps: 8.0, absolute: TRIGONOMETRIC },
        Sinh | Cosh | Tanh => ulps(8.0),
        Asinh | Acosh | Atanh => ulps(10.0),
        Sigmoid | Softplus | Erf => ulps(8.0),
        // exp(-x^2) magnifies the rounding of the square.
        Erfc => ulps(16.0 + 2.0 * x[0] * x[0]),
        // exp2(y * log2(x)): the error of the exponent becomes relative error of the result.
        Pow => ulps(8.0 + 5.0 * (x[1] * x[0].abs().log2()).abs().min(256.0)),
        Call(snippet) => ulps(snippet.ulps),
    }
}

/// The absolute error of sine and cosine within [`ANGLE_LIMIT`].
const TRIGONOMETRIC: f64 = 2.0 * ULP;

/// The error of the quotient `y` of a sine and a cosine that are each off by [`TRIGONOMETRIC`].
fn quotient_of_angles(y: f64) -> f64 {
    let relative = TRIGONOMETRIC * y.hypot(1.0);
    if relative < 0.5 { relative * (1.0 + y.abs()) / (1.0 - relative) } else { f64::INFINITY }
}

fn angle(x: f64, range: f64, absolute: f64) -> Accuracy {
    if x.abs() <= ANGLE_LIMIT { Accuracy { ulps: 4.0, absolute } } else { Accuracy { ulps: 0.0, absolute: range } }
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
