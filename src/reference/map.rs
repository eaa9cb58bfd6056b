//! What each scalar function means, in f64, written from its formula. No error bounds here: see `bound.rs`.

use super::integer::{self, bits, from_bits};
use crate::dtype::DType;
use crate::graph::Func;

/// `func` of `x`, whose dtypes are `kinds`. Integers wrap; conversions to narrow floats keep the f64.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table, one line per function")]
pub fn value(func: &Func, kinds: &[DType], x: &[f64]) -> f64 {
    use Func::*;
    let kind = kinds[0];
    if kind.is_int()
        && let Some(exact) = integral(func, kind, x)
    {
        return exact;
    }
    let a = x[0];
    match func {
        Neg => -a,
        Abs => a.abs(),
        Sign => sign(a),
        Recip => a.recip(),
        Sqrt => a.sqrt(),
        Rsqrt => a.sqrt().recip(),
        Cbrt => a.cbrt(),
        Exp => a.exp(),
        Exp2 => a.exp2(),
        Expm1 => a.exp_m1(),
        Log => a.ln(),
        Log2 => a.log2(),
        Log1p => a.ln_1p(),
        Sin => a.sin(),
        Cos => a.cos(),
        Tan => a.tan(),
        Asin => a.asin(),
        Acos => a.acos(),
        Atan => a.atan(),
        Sinh => a.sinh(),
        Cosh => a.cosh(),
        Tanh => a.tanh(),
        Asinh => libm::asinh(a),
        // libm gives numbers below 1
        Acosh => {
            if a < 1.0 {
                f64::NAN
            } else {
                libm::acosh(a)
            }
        }
        Atanh => libm::atanh(a),
        Sigmoid => sigmoid(a),
        Softplus => softplus(a),
        Erf => libm::erf(a),
        Erfc => libm::erfc(a),
        Floor => a.floor(),
        Ceil => a.ceil(),
        Round => a.round_ties_even(),
        Trunc => a.trunc(),
        IsNan => truth(a.is_nan()),
        IsFinite => truth(a.is_finite()),
        Not => truth(a == 0.0),
        Bits => f64::from((a as f32).to_bits()),
        FromBits => f64::from(f32::from_bits(bits(a))),
        Cast(to) => cast(kind, *to, a),
        Detach => a,
        Add => a + x[1],
        Sub => a - x[1],
        Mul => a * x[1],
        Div => a / x[1],
        Rem => a % x[1],
        Min => lesser(a, x[1]),
        Max => greater(a, x[1]),
        Pow => a.powf(x[1]),
        Atan2 => a.atan2(x[1]),
        Copysign => a.copysign(x[1]),
        Eq => truth(a == x[1]),
        Ne => truth(a != x[1]),
        Lt => truth(a < x[1]),
        Le => truth(a <= x[1]),
        Gt => truth(a > x[1]),
        Ge => truth(a >= x[1]),
        And => truth(a != 0.0 && x[1] != 0.0),
        Or => truth(a != 0.0 || x[1] != 0.0),
        Xor => truth((a != 0.0) != (x[1] != 0.0)),
        Shl | Shr => unreachable!("bug: shifts take integers"),
        Select => {
            if a != 0.0 {
                x[1]
            } else {
                x[2]
            }
        }
        Philox(_) => unreachable!("bug: random words are made of integers"),
        Call(snippet) => (snippet.mirror)(x),
    }
}

/// The functions whose meaning on integers is of its own; `None` for those that have one formula for all.
fn integral(func: &Func, kind: DType, x: &[f64]) -> Option<f64> {
    use Func::*;
    let a = bits(x[0]);
    let b = x.get(1).map_or(0, |&b| bits(b));
    let word = match func {
        Neg => a.wrapping_neg(),
        Abs if kind == DType::I32 => (a as i32).wrapping_abs() as u32,
        Not => !a,
        Add => a.wrapping_add(b),
        Sub => a.wrapping_sub(b),
        Mul => a.wrapping_mul(b),
        Div => integer::div(kind, a, b),
        Rem => integer::rem(kind, a, b),
        And => a & b,
        Or => a | b,
        Xor => a ^ b,
        Shl => a.wrapping_shl(b),
        Shr => integer::shr(kind, a, b),
        Philox(word) => integer::philox([a, b], [bits(x[2]), 0, 0, 0])[usize::from(*word)],
        Abs | Sign | Recip | Sqrt | Rsqrt | Cbrt | Exp | Exp2 | Expm1 | Log | Log2 | Log1p | Sin | Cos | Tan | Asin
        | Acos | Atan | Sinh | Cosh | Tanh | Asinh | Acosh | Atanh | Sigmoid | Softplus | Erf | Erfc | Floor | Ceil
        | Round | Trunc | IsNan | IsFinite | Bits | FromBits | Cast(_) | Detach | Min | Max | Pow | Atan2
        | Copysign | Eq | Ne | Lt | Le | Gt | Ge | Select | Call(_) => return None,
    };
    Some(from_bits(kind, word))
}

/// A boolean as f64.
#[must_use]
pub fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// -1, 0 or 1; not-a-number stays.
fn sign(a: f64) -> f64 {
    if a > 0.0 {
        1.0
    } else if a < 0.0 {
        -1.0
    } else {
        a
    }
}

/// The lesser of two; not-a-number if either is.
#[must_use]
pub fn lesser(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// The greater of two; not-a-number if either is.
#[must_use]
pub fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// `1 / (1 + exp(-a))`, with the exponential of a negative number on both sides.
fn sigmoid(a: f64) -> f64 {
    let e = (-a.abs()).exp();
    if a >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// `log(1 + exp(a))`.
fn softplus(a: f64) -> f64 {
    greater(a, 0.0) + (-a.abs()).exp().ln_1p()
}

fn cast(from: DType, to: DType, a: f64) -> f64 {
    match (from.is_float(), to) {
        (true, DType::F32 | DType::F16 | DType::BF16) => a,
        (true, DType::I32 | DType::U32) => integer::from_float(to, a),
        (_, DType::Bool) => truth(a != 0.0),
        (false, DType::F32 | DType::F16 | DType::BF16) => a,
        (false, DType::I32 | DType::U32) => from_bits(to, bits(a)),
    }
}
