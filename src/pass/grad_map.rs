//! Derivatives of the scalar functions.

use super::algebra::Algebra;
use super::grad::{Adjoint, Cotangents};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Derivative, Func, Node, Snippet};
use std::f64::consts::{FRAC_2_SQRT_PI, LN_2};

/// The rule of [`Op::Map`](crate::graph::Op::Map).
pub(super) fn map(step: &Adjoint, func: &Func) -> Result<Cotangents> {
    use Func::*;
    let Adjoint { node: y, g, algebra: m, .. } = *step;
    let x = y.source(0);
    let only = |cotangent: Node| Ok(vec![Some(cotangent)]);
    match func {
        Neg => only(m.neg(g)?),
        Abs => only(m.mul(g, &m.map1(Sign, x)?)?),
        Recip => only(m.neg(&m.mul(g, &m.mul(y, y)?)?)?),
        Sqrt => only(m.div(&m.scale(0.5, g)?, y)?),
        Rsqrt => only(m.mul(&m.scale(-0.5, g)?, &m.mul(y, &m.mul(y, y)?)?)?),
        Cbrt => only(m.div(g, &m.scale(3.0, &m.mul(y, y)?)?)?),
        Exp => only(m.mul(g, y)?),
        Exp2 => only(m.mul(&m.scale(LN_2, g)?, y)?),
        // Not `y + 1`, which loses all digits of a small result.
        Expm1 => only(m.mul(g, &m.map1(Exp, x)?)?),
        Log => only(m.div(g, x)?),
        Log2 => only(m.div(g, &m.scale(LN_2, x)?)?),
        Log1p => only(m.div(g, &m.add(x, &m.number(1.0, x)?)?)?),
        Sin => only(m.mul(g, &m.map1(Cos, x)?)?),
        Cos => only(m.neg(&m.mul(g, &m.map1(Sin, x)?)?)?),
        Tan => only(m.mul(g, &one_plus_square(m, y)?)?),
        Asin => only(m.div(g, &m.map1(Sqrt, &one_minus_square(m, x)?)?)?),
        Acos => only(m.neg(&m.div(g, &m.map1(Sqrt, &one_minus_square(m, x)?)?)?)?),
        Atan => only(m.div(g, &one_plus_square(m, x)?)?),
        Sinh => only(m.mul(g, &m.map1(Cosh, x)?)?),
        Cosh => only(m.mul(g, &m.map1(Sinh, x)?)?),
        Tanh => only(m.mul(g, &one_minus_square(m, y)?)?),
        Asinh => only(m.div(g, &m.map1(Sqrt, &one_plus_square(m, x)?)?)?),
        // (x - 1)(x + 1), under two roots so that the derivative is NaN wherever the function is.
        Acosh => only(m.div(g, &acosh_slope(m, x)?)?),
        Atanh => only(m.div(g, &one_minus_square(m, x)?)?),
        Sigmoid => only(m.mul(g, &m.mul(y, &m.sub(&m.number(1.0, y)?, y)?)?)?),
        Softplus => only(m.mul(g, &m.map1(Sigmoid, x)?)?),
        Erf => only(m.mul(&m.scale(FRAC_2_SQRT_PI, g)?, &gaussian(m, x)?)?),
        Erfc => only(m.mul(&m.scale(-FRAC_2_SQRT_PI, g)?, &gaussian(m, x)?)?),
        // Constant wherever they are smooth.
        Sign | Floor | Ceil | Round | Trunc | Detach => Ok(step.none()),
        // The result is no float, or the arguments are none.
        IsNan | IsFinite | Not | Bits | FromBits | Eq | Ne | Lt | Le | Gt | Ge | And | Or | Xor | Shl | Shr
        | Philox(_) => Ok(step.none()),
        // Rounding to a narrow float counts as the identity.
        Cast(DType::F32 | DType::F16 | DType::BF16) => only(g.clone()),
        Cast(DType::I32 | DType::U32 | DType::Bool) => Ok(step.none()),
        Add => step.each(|_| Ok(g.clone())),
        Sub => step.each(|ix| if ix == 0 { Ok(g.clone()) } else { m.neg(g) }),
        Mul if y.source(1) == x => Ok(vec![Some(m.mul(&m.scale(2.0, g)?, x)?), None]),
        Mul => step.each(|ix| m.mul(g, y.source(1 - ix))),
        Div => div(step),
        Rem => step.each(|ix| rem(step, ix)),
        Pow => step.each(|ix| if ix == 0 { pow_base(step) } else { pow_exponent(step) }),
        Atan2 => step.each(|ix| atan2(step, ix)),
        Copysign => step.each(|ix| copysign(step, ix)),
        Min => step.each(|ix| extremum(step, Lt, ix)),
        Max => step.each(|ix| extremum(step, Gt, ix)),
        Select => step.each(|ix| select(step, ix)),
        Call(snippet) => call(step, snippet),
    }
}

/// `1 + x^2`.
fn one_plus_square(m: Algebra, x: &Node) -> Result<Node> {
    m.add(&m.mul(x, x)?, &m.number(1.0, x)?)
}

/// `(1 - x)(1 + x)`, which keeps its digits near 1 where `1 - x^2` does not.
fn one_minus_square(m: Algebra, x: &Node) -> Result<Node> {
    let one = m.number(1.0, x)?;
    m.mul(&m.sub(&one, x)?, &m.add(&one, x)?)
}

/// `sqrt(x - 1) sqrt(x + 1)`: NaN below 1, as `acosh` is, where one root of the product would be a number below -1.
fn acosh_slope(m: Algebra, x: &Node) -> Result<Node> {
    let one = m.number(1.0, x)?;
    m.mul(&m.map1(Func::Sqrt, &m.sub(x, &one)?)?, &m.map1(Func::Sqrt, &m.add(x, &one)?)?)
}

/// `exp(-x^2)`.
fn gaussian(m: Algebra, x: &Node) -> Result<Node> {
    m.map1(Func::Exp, &m.neg(&m.mul(x, x)?)?)
}

/// `a / b`: `g / b`, `-g y / b`.
fn div(step: &Adjoint) -> Result<Cotangents> {
    let m = step.algebra;
    let by_a = m.div(step.g, step.node.source(1))?;
    step.each(|ix| if ix == 0 { Ok(by_a.clone()) } else { m.neg(&m.mul(&by_a, step.node)?) })
}

/// `a - n b` with the integer `n` that was subtracted: `(a - y) / b`, rounded, since a quotient of the device may lie on
/// the other side of an integer than the remainder's.
fn rem(step: &Adjoint, ix: usize) -> Result<Node> {
    let (m, a, b) = (step.algebra, step.node.source(0), step.node.source(1));
    if ix == 0 {
        return Ok(step.g.clone());
    }
    let n = m.map1(Func::Round, &m.div(&m.sub(a, step.node)?, b)?)?;
    m.neg(&m.mul(step.g, &n)?)
}

/// `b a^(b - 1)`; 0 where the exponent is 0, also at base 0, where the formula would be 0 times infinity.
fn pow_base(step: &Adjoint) -> Result<Node> {
    let (m, a, b) = (step.algebra, step.node.source(0), step.node.source(1));
    let power = |less: &Node| match less.fixed() {
        Some(0.0) => m.number(1.0, a),
        Some(1.0) => Ok(a.clone()),
        _ => m.map2(Func::Pow, a, less),
    };
    let one = m.number(1.0, b)?;
    if b.fixed().is_some() {
        return m.mul(&m.mul(b, step.g)?, &power(&m.sub(b, &one)?)?);
    }
    let none = m.map2(Func::Eq, b, &m.number(0.0, b)?)?;
    let less = m.sub(&m.select(&none, &one, b)?, &one)?;
    m.mul(step.g, &m.mul(b, &power(&less)?)?)
}

/// `y log a`; 0 at base 0 with an exponent that is not negative.
fn pow_exponent(step: &Adjoint) -> Result<Node> {
    let (m, a) = (step.algebra, step.node.source(0));
    let zero = m.map2(Func::Eq, a, &m.number(0.0, a)?)?;
    let log = m.map1(Func::Log, &m.select(&zero, &m.number(1.0, a)?, a)?)?;
    m.mul(step.g, &m.mul(step.node, &log)?)
}

/// `atan2(a, b)`: `g b / (a^2 + b^2)`, `-g a / (a^2 + b^2)`.
fn atan2(step: &Adjoint, ix: usize) -> Result<Node> {
    let (m, a, b) = (step.algebra, step.node.source(0), step.node.source(1));
    let part = m.div(step.g, &m.add(&m.mul(a, a)?, &m.mul(b, b)?)?)?;
    if ix == 0 { m.mul(&part, b) } else { m.neg(&m.mul(&part, a)?) }
}

/// `|a|` with the sign of `b`: `sign(a) copysign(1, b)`, nothing for `b`.
fn copysign(step: &Adjoint, ix: usize) -> Result<Node> {
    let (m, a, b) = (step.algebra, step.node.source(0), step.node.source(1));
    if ix == 1 {
        return m.number(0.0, b);
    }
    let one = m.number(1.0, b)?;
    m.mul(step.g, &m.mul(&m.map1(Func::Sign, a)?, &m.map2(Func::Copysign, &one, b)?)?)
}

/// All to the side that won by `wins`, half to each at a tie.
fn extremum(step: &Adjoint, wins: Func, ix: usize) -> Result<Node> {
    let (m, g) = (step.algebra, step.g);
    let (own, other) = (step.node.source(ix), step.node.source(1 - ix));
    let tie = m.masked(&m.map2(Func::Eq, own, other)?, &m.scale(0.5, g)?)?;
    m.select(&m.map2(wins, own, other)?, g, &tie)
}

/// To the chosen side; the condition is a boolean and gets nothing.
fn select(step: &Adjoint, ix: usize) -> Result<Node> {
    let (m, condition) = (step.algebra, step.node.source(0));
    let nothing = m.number(0.0, step.g)?;
    match ix {
        1 => m.select(condition, step.g, &nothing),
        2 => m.select(condition, &nothing, step.g),
        _ => Ok(nothing),
    }
}

/// The derivatives a snippet brings along, called with its own arguments.
fn call(step: &Adjoint, snippet: &Snippet) -> Result<Cotangents> {
    let (m, y) = (step.algebra, step.node);
    step.each(|ix| match snippet.derivatives.get(ix) {
        Some(Derivative::Zero) => m.number(0.0, y),
        Some(Derivative::By(by)) => m.mul(step.g, &Node::map(Func::Call(by.clone()), y.sources().to_vec(), m.site)?),
        Some(Derivative::Missing) | None => Err(Error::argument(
            &snippet.entry,
            format!("no derivative is given with respect to argument {ix}"),
            "register one with the function, or `detach` the argument",
            m.site,
        )),
    })
}
