//! How far a device may be from the value of a scalar function: the error of the arguments carried through the function,
//! plus the function's own from [`tol`](super::tol).
//!
//! Propagation evaluates the function at the ends of the arguments' intervals, where it is monotone in each argument
//! (then the extremes lie at the corners), and uses what else is known where it is not. Functions that jump (rounding,
//! comparisons, selection) cover every outcome that an argument within its interval can have.

use super::ball::{Ball, deviation};
use super::integer;
use super::map::value;
use super::tol::{DIVISOR_LIMIT, accuracy};
use crate::dtype::DType;
use crate::graph::{Func, Snippet};
use std::f64::consts::{PI, TAU};

/// Beyond the deviation found at the sampled arguments of a snippet: its curvature between them.
const SNIPPET_SAFETY: f64 = 1.25;

/// `func` of `args`, whose dtypes are `kinds`.
#[must_use]
pub fn apply(func: &Func, kinds: &[DType], args: &[Ball]) -> Ball {
    use Func::*;
    let kind = kinds[0];
    match func {
        Eq | Ne | Lt | Le | Gt | Ge => compare(func, kinds, args),
        Select => select(args),
        Not | And | Or | Xor if kind == DType::Bool => logical(func, kinds, args),
        Cast(to) => cast(kind, *to, args[0]),
        Detach => args[0],
        Neg | Abs | Sign | Add | Sub | Mul | Div | Rem | Min | Max | Not | And | Or | Xor | Shl | Shr | Philox(_)
        | FromBits
            if kind.is_int() =>
        {
            integral(func, kinds, args)
        }
        Not | And | Or | Xor | Shl | Shr | Philox(_) | FromBits => unreachable!("bug: {func:?} of {kind}"),
        Bits if args[0].is_exact() => Ball::exact(value(func, kinds, &[args[0].value])),
        Bits => Ball::unknown(value(func, kinds, &[args[0].value])),
        IsNan | IsFinite => {
            let holds = value(func, kinds, &[args[0].value]);
            Ball { value: holds, error: if args[0].is_unknown() { 1.0 } else { 0.0 } }
        }
        Call(snippet) => call(func, snippet, args),
        Neg | Abs | Sign | Recip | Sqrt | Rsqrt | Cbrt | Exp | Exp2 | Expm1 | Log | Log2 | Log1p | Sin | Cos | Tan
        | Asin | Acos | Atan | Sinh | Cosh | Tanh | Asinh | Acosh | Atanh | Sigmoid | Softplus | Erf | Erfc | Floor
        | Ceil | Round | Trunc => one_float(func, args[0].flushed()),
        Add | Sub | Mul | Div | Rem | Min | Max | Pow | Atan2 | Copysign => {
            two_floats(func, args[0].flushed(), args[1].flushed())
        }
    }
}

const FLOATS: [DType; 4] = [DType::F32; 4];

fn one_float(func: &Func, x: Ball) -> Ball {
    let f = |x: f64| value(func, &FLOATS, &[x]);
    let y = f(x.value);
    if x.is_unknown() {
        return Ball::unknown(y);
    }
    // The sign of a zero is not promised, so a negative one may give either infinity.
    if x.is_exact()
        && x.value == 0.0
        && x.value.is_sign_negative()
        && y.is_infinite()
        && !matches!(func, Func::Log | Func::Log2)
    {
        return Ball::unknown(y);
    }
    let propagated = if x.is_exact() { 0.0 } else { spread(func, f, x, y) };
    let own = accuracy(func);
    Ball::rounded(y, propagated, own, 0.0)
}

/// The deviation of a function of one float over the interval of its argument.
fn spread(func: &Func, f: impl Fn(f64) -> f64, x: Ball, y: f64) -> f64 {
    let ends = |low: f64, high: f64| deviation(y, f(low)).max(deviation(y, f(high)));
    let crosses_zero = x.low() <= 0.0 && x.high() >= 0.0;
    match func {
        Func::Recip | Func::Rsqrt if crosses_zero => f64::INFINITY,
        Func::Sin | Func::Cos if x.value.is_finite() => x.error.min(2.0),
        Func::Tan if (x.low() / PI + 0.5).floor() != (x.high() / PI + 0.5).floor() => f64::INFINITY,
        Func::Abs if x.value.is_finite() => x.error,
        Func::Sign if crosses_zero => ends(x.low(), x.high()).max(deviation(y, 0.0)),
        Func::Cosh if crosses_zero => ends(0.0, x.value.abs() + x.error),
        Func::Abs
        | Func::Neg
        | Func::Sign
        | Func::Cosh
        | Func::Recip
        | Func::Rsqrt
        | Func::Tan
        | Func::Sqrt
        | Func::Cbrt
        | Func::Exp
        | Func::Exp2
        | Func::Expm1
        | Func::Log
        | Func::Log2
        | Func::Log1p
        | Func::Sin
        | Func::Cos
        | Func::Asin
        | Func::Acos
        | Func::Atan
        | Func::Sinh
        | Func::Tanh
        | Func::Asinh
        | Func::Acosh
        | Func::Atanh
        | Func::Sigmoid
        | Func::Softplus
        | Func::Erf
        | Func::Erfc
        | Func::Floor
        | Func::Ceil
        | Func::Round
        | Func::Trunc => ends(x.low(), x.high()),
        other => unreachable!("bug: {other:?} is no function of one float"),
    }
}

fn two_floats(func: &Func, a: Ball, b: Ball) -> Ball {
    let f = |a: f64, b: f64| value(func, &FLOATS, &[a, b]);
    let y = f(a.value, b.value);
    if a.is_unknown() || b.is_unknown() {
        return Ball::unknown(y);
    }
    let exact = a.is_exact() && b.is_exact();
    let corners = || {
        let at = |p: f64, q: f64| deviation(y, f(p, q));
        at(a.low(), b.low()).max(at(a.low(), b.high())).max(at(a.high(), b.low())).max(at(a.high(), b.high()))
    };
    let propagated = match func {
        Func::Div => quotient(a, b, y, exact, corners),
        Func::Rem => return remainder(a, b, y),
        Func::Pow => power(a, b, y, exact, corners, f),
        Func::Atan2 => angle(a, b, exact, corners),
        Func::Copysign => {
            let certain = !b.value.is_nan() && (b.low() > 0.0 || b.high() < 0.0 || (b.is_exact() && b.value != 0.0));
            // The sign of a zero, or of what is not a number, is not promised.
            a.error + if certain || y == 0.0 { 0.0 } else { 2.0 * y.abs() }
        }
        Func::Add | Func::Sub | Func::Mul | Func::Min | Func::Max => {
            if exact {
                0.0
            } else {
                corners()
            }
        }
        other => unreachable!("bug: {other:?} is no function of two floats"),
    };
    if exact && matches!(func, Func::Add | Func::Sub | Func::Mul) && is_exact_result(func, a.value, b.value, y) {
        return Ball::rounded(y, 0.0, 0.0, 0.0);
    }
    let own = accuracy(func);
    let ball = Ball::rounded(y, propagated, own, 0.0);
    // A product that overflows on its own need not inside of a fused multiply-add.
    if *func == Func::Mul && ball.value.is_infinite() && y.is_finite() { Ball::unknown(ball.value) } else { ball }
}

/// Whether `y`, computed in f64 from two `f32`, is their sum, difference or product exactly and an `f32` itself.
fn is_exact_result(func: &Func, a: f64, b: f64, y: f64) -> bool {
    let whole = match func {
        Func::Add => y - a == b && y - b == a,
        Func::Sub => a - y == b && y + b == a,
        _product => true,
    };
    whole && f64::from(y as f32) == y
}

fn quotient(a: Ball, b: Ball, y: f64, exact: bool, corners: impl Fn() -> f64) -> f64 {
    if b.value == 0.0 && b.is_exact() {
        // Not-a-number for 0 / 0; an infinity whose sign follows that of the zero, which only +0 is trusted for.
        return if y.is_nan() || (a.is_exact() || a.low() > 0.0 || a.high() < 0.0) && b.value.is_sign_positive() {
            if y.is_nan() && !a.is_exact() { f64::INFINITY } else { 0.0 }
        } else {
            f64::INFINITY
        };
    }
    if b.low() <= 0.0 && b.high() >= 0.0 {
        return f64::INFINITY;
    }
    let propagated = if exact { 0.0 } else { corners() };
    // Outside of the range in which division is bounded, the reciprocal may have been flushed to zero.
    if b.value.is_finite() && b.value.abs() + b.error > DIVISOR_LIMIT { propagated + 2.0 * y.abs() } else { propagated }
}

/// `a - b * trunc(a / b)`: exact if the quotient truncates to one number over all it may be, off by multiples of the
/// divisor otherwise.
fn remainder(a: Ball, b: Ball, y: f64) -> Ball {
    if b.value.is_infinite() || (b.low() <= 0.0 && b.high() >= 0.0 && !b.is_exact()) {
        return Ball::unknown(y);
    }
    if y.is_nan() {
        return Ball::exact(y);
    }
    let q = a.value / b.value;
    let quotient_error = (a.error + q.abs() * b.error) / (b.value.abs() - b.error);
    let (least, most) = ((q - quotient_error).trunc(), (q + quotient_error).trunc());
    let jumps = (most - least) * (b.value.abs() + b.error);
    let propagated = a.error + least.abs().max(most.abs()) * b.error + jumps;
    Ball::rounded(y, propagated, accuracy(&Func::Rem), 0.0)
}

fn power(a: Ball, b: Ball, y: f64, exact: bool, corners: impl Fn() -> f64, f: impl Fn(f64, f64) -> f64) -> f64 {
    // IEEE gives 1 for pow(1, anything) and pow(anything, 0); with infinities and not-a-number nothing is promised.
    if (a.value.is_nan() || b.value.is_nan()) && !y.is_nan() || (b.value.is_infinite() && a.value.abs() == 1.0) {
        return f64::INFINITY;
    }
    if exact {
        // The sign of pow(-0, -odd) follows that of the zero.
        return if a.value == 0.0 && a.value.is_sign_negative() && y.is_infinite() { f64::INFINITY } else { 0.0 };
    }
    if a.low() > 0.0 {
        return corners();
    }
    let integer = b.is_exact() && b.value.fract() == 0.0;
    let touches_zero = a.high() >= 0.0;
    if !touches_zero {
        return if b.is_exact() { corners() } else { f64::INFINITY };
    }
    if integer && b.value >= 0.0 {
        return corners().max(deviation(y, f(0.0, b.value)));
    }
    // Next to a pole, or next to arguments without a value.
    if a.low() == 0.0 && b.low() > 0.0 { corners() } else { f64::INFINITY }
}

/// `atan2(a, b)`: the corners, unless the box touches the cut along the negative axis, or the origin.
fn angle(a: Ball, b: Ball, exact: bool, corners: impl Fn() -> f64) -> f64 {
    let negative_zero = |z: Ball| z.value == 0.0 && z.value.is_sign_negative();
    if exact {
        let cut = a.value == 0.0 && b.value <= 0.0;
        return if cut && (negative_zero(a) || negative_zero(b)) { TAU } else { 0.0 };
    }
    if a.low() <= 0.0 && a.high() >= 0.0 && b.low() <= 0.0 { TAU } else { corners() }
}

fn compare(func: &Func, kinds: &[DType], args: &[Ball]) -> Ball {
    let float = kinds[0].is_float();
    let [a, b] = [args[0], args[1]].map(|x| if float { x.flushed() } else { x });
    let f = |p: f64, q: f64| value(func, kinds, &[p, q]);
    let y = f(a.value, b.value);
    if a.is_exact() && b.is_exact() {
        return Ball::exact(y);
    }
    if a.is_unknown() || b.is_unknown() {
        return Ball { value: y, error: 1.0 };
    }
    if a.value.is_nan() || b.value.is_nan() {
        return Ball::exact(y);
    }
    if matches!(func, Func::Eq | Func::Ne) {
        let apart = a.high() < b.low() || b.high() < a.low();
        return Ball { value: y, error: if apart { 0.0 } else { 1.0 } };
    }
    let outcomes = [f(a.low(), b.low()), f(a.low(), b.high()), f(a.high(), b.low()), f(a.high(), b.high())];
    Ball { value: y, error: if outcomes.iter().all(|&o| o == y) { 0.0 } else { 1.0 } }
}

fn select(args: &[Ball]) -> Ball {
    let [condition, a, b] = [args[0], args[1], args[2]];
    let (chosen, other) = if condition.value != 0.0 { (a, b) } else { (b, a) };
    if condition.is_exact() {
        return chosen;
    }
    Ball { value: chosen.value, error: chosen.error.max(deviation(chosen.value, other.value) + other.error) }
}

fn logical(func: &Func, kinds: &[DType], args: &[Ball]) -> Ball {
    let outcomes = |x: Ball| if x.is_exact() { vec![x.value] } else { vec![0.0, 1.0] };
    let values: Vec<f64> = args.iter().map(|x| x.value).collect();
    let y = value(func, kinds, &values);
    let second = args.get(1).map_or_else(|| vec![0.0], |&b| outcomes(b));
    let all = outcomes(args[0]).into_iter().flat_map(|a| second.iter().map(move |&b| [a, b]));
    Ball::hull(y, all.map(|pair| value(func, kinds, &pair)).collect::<Vec<_>>()).at_most(1.0)
}

impl Ball {
    /// The ball with an error of at most `limit`.
    fn at_most(self, limit: f64) -> Self {
        Self { error: self.error.min(limit), ..self }
    }
}

/// Integer functions are exact of exact arguments. Of inexact ones the linear and the monotone functions keep a bound as
/// long as nothing wraps around; of the others nothing is known.
fn integral(func: &Func, kinds: &[DType], args: &[Ball]) -> Ball {
    use Func::*;
    let values: Vec<f64> = args.iter().map(|x| x.value).collect();
    let y = value(func, kinds, &values);
    if args.iter().all(|x| x.is_exact()) {
        return Ball::exact(y);
    }
    if args.iter().any(|x| x.is_unknown()) {
        return Ball::unknown(y);
    }
    // The same function without wrapping: where it stays in range, so does the device.
    let real = |x: &[f64]| match func {
        Neg => -x[0],
        Abs => x[0].abs(),
        Sign => value(func, kinds, x),
        Add => x[0] + x[1],
        Sub => x[0] - x[1],
        Mul => x[0] * x[1],
        Min => x[0].min(x[1]),
        Max => x[0].max(x[1]),
        Div if args[1].is_exact() && args[1].value != 0.0 => (x[0] / x[1]).trunc(),
        _unknown => f64::NAN,
    };
    let kinks =
        if args.len() == 1 && args[0].low() <= 0.0 && args[0].high() >= 0.0 { vec![real(&[0.0])] } else { vec![] };
    let second = args.get(1).map_or([0.0; 2], |b| [b.low(), b.high()]);
    let mut outcomes = kinks;
    for a in [args[0].low(), args[0].high()] {
        outcomes.extend(second.iter().map(|&b| real(&[a, b])));
    }
    let (least, most) = integer::range(kinds[0]);
    if outcomes.iter().chain([&real(&values)]).all(|o| (least..=most).contains(o)) {
        Ball::hull(y, outcomes)
    } else {
        Ball::unknown(y)
    }
}

fn cast(from: DType, to: DType, x: Ball) -> Ball {
    let f = |v: f64| value(&Func::Cast(to), &[from], &[v]);
    let narrow = |round: fn(f64) -> f64, x: Ball| {
        if x.is_unknown() {
            return Ball::unknown(x.value);
        }
        // Rounding is monotone, so the ends of the interval bound it.
        let y = round(x.value);
        let error = deviation(y, round(x.low())).max(deviation(y, round(x.high())));
        if error == f64::INFINITY { Ball::unknown(y) } else { Ball { value: y, error }.flushed() }
    };
    match (from, to) {
        (_, DType::Bool) => {
            let x = if from.is_float() { x.flushed() } else { x };
            let certain = x.is_exact() || (!x.is_unknown() && (x.value.is_nan() || x.low() > 0.0 || x.high() < 0.0));
            Ball { value: f(x.value), error: if certain { 0.0 } else { 1.0 } }
        }
        (_, DType::F16) => narrow(|v| crate::dtype::to_f16(v).to_f64(), widened(from, x)),
        (_, DType::BF16) => narrow(|v| crate::dtype::to_bf16(v).to_f64(), widened(from, x)),
        (_, DType::F32) => widened(from, x),
        (DType::F32 | DType::F16 | DType::BF16, DType::I32 | DType::U32) => {
            if x.is_unknown() {
                Ball::unknown(f(x.value))
            } else {
                Ball::hull(f(x.value), [f(x.low()), f(x.high())])
            }
        }
        (DType::I32 | DType::U32 | DType::Bool, DType::I32 | DType::U32) => {
            let (least, most) = integer::range(to);
            if x.is_exact() || (x.low() >= least && x.high() <= most) {
                Ball { value: f(x.value), error: x.error }
            } else {
                Ball::unknown(f(x.value))
            }
        }
    }
}

/// A number of any dtype as `F32`: exact but for integers beyond 24 bits.
fn widened(from: DType, x: Ball) -> Ball {
    if from.is_float() || (x.is_exact() && f64::from(x.value as f32) == x.value) {
        return x;
    }
    let rounds = x.value.abs() + x.error > 16_777_216.0;
    Ball::rounded(x.value, x.error, if rounds { 1.0 } else { 0.0 }, 0.0)
}

/// A snippet is exact at arguments moved by its `ulps`, so it is sampled there: at every combination of both ends and the
/// middle for up to three arguments that vary, one argument at a time beyond that.
fn call(func: &Func, snippet: &Snippet, args: &[Ball]) -> Ball {
    let f = |x: &[f64]| (snippet.mirror)(x);
    let mut x: Vec<f64> = args.iter().map(|a| a.value).collect();
    let y = f(&x);
    if args.iter().any(|a| a.is_unknown()) {
        return Ball::unknown(y);
    }
    let own = accuracy(func);
    let moved: Vec<f64> = args
        .iter()
        .map(|&a| a.flushed().error + own * super::tol::ULP * if a.value.is_finite() { a.value.abs() } else { 0.0 })
        .collect();
    let varying: Vec<usize> = (0..args.len()).filter(|&i| moved[i] > 0.0).collect();
    let mut worst = 0.0f64;
    if varying.len() <= 3 {
        for point in 0..3usize.pow(varying.len() as u32) {
            let mut rest = point;
            for &i in &varying {
                x[i] = args[i].value + (rest % 3) as f64 * moved[i] - moved[i];
                rest /= 3;
            }
            worst = worst.max(deviation(y, f(&x)));
        }
    } else {
        for &i in &varying {
            let mut alone = 0.0f64;
            for end in [-moved[i], moved[i]] {
                x[i] = args[i].value + end;
                alone = alone.max(deviation(y, f(&x)));
            }
            x[i] = args[i].value;
            worst += alone;
        }
    }
    Ball::rounded(y, worst * SNIPPET_SAFETY, own, 0.0)
}
