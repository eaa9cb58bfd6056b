//! Scalar functions: what one element of an elementwise operation is.
//!
//! A [`Func`] knows its name, its arity and the dtype of its result. What it means is written in three other places that
//! the compiler holds complete (no wildcard arms): WGSL in `kernel/expr.rs`, f64 in `reference/map.rs`, the derivative in
//! `pass/grad.rs`. A [`Snippet`] is a function that a user or a penalty brings along as WGSL text; it fuses,
//! differentiates and is checked like the built-in ones.

use crate::dtype::DType;
use std::fmt;
use std::sync::Arc;

/// A function of one to four scalars.
///
/// The groups say what the arguments are: one number (`F32`, `I32`, `U32`), one `F32`, two numbers of one dtype, and so on;
/// see [`Func::result`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[rustfmt::skip]
pub enum Func {
    // one number
    /// `-x`; integers wrap.
    Neg,
    /// `|x|`; integers wrap.
    Abs,
    /// -1, 0 or 1.
    Sign,
    // one float
    /// `1 / x`.
    Recip,
    /// `x^(1/2)`.
    Sqrt,
    /// `x^(-1/2)`.
    Rsqrt,
    /// `x^(1/3)`, also of negative numbers.
    Cbrt,
    /// `e^x`.
    Exp,
    /// `2^x`.
    Exp2,
    /// `e^x - 1`, with all digits near 0.
    Expm1,
    /// The natural logarithm.
    Log,
    /// The logarithm to base 2.
    Log2,
    /// `log(1 + x)`, with all digits near 0.
    Log1p,
    /// The sine; angles in radians, here and below.
    Sin,
    /// The cosine.
    Cos,
    /// The tangent.
    Tan,
    /// The inverse sine, in `[-pi/2, pi/2]`.
    Asin,
    /// The inverse cosine, in `[0, pi]`.
    Acos,
    /// The inverse tangent, in `(-pi/2, pi/2)`.
    Atan,
    /// The hyperbolic sine.
    Sinh,
    /// The hyperbolic cosine.
    Cosh,
    /// The hyperbolic tangent.
    Tanh,
    /// The inverse hyperbolic sine.
    Asinh,
    /// The inverse hyperbolic cosine, at least 0.
    Acosh,
    /// The inverse hyperbolic tangent.
    Atanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `log(1 + e^x)`, without overflow.
    Softplus,
    /// The error function.
    Erf,
    /// `1 - erf(x)`, with all digits in the tail.
    Erfc,
    /// The greatest integer not above.
    Floor,
    /// The least integer not below.
    Ceil,
    /// The nearest integer, ties to even.
    Round,
    /// The integer part.
    Trunc,
    /// Whether a float is not a number, by its bits.
    IsNan,
    /// Whether a float is neither infinite nor NaN, by its bits.
    IsFinite,
    /// Logical negation of `Bool`, bitwise complement of integers.
    Not,
    /// The bits of an `F32` as `U32`.
    Bits,
    /// The `F32` with the bits of a `U32`.
    FromBits,
    /// Conversion; to integers it truncates and saturates (NaN to 0), to narrow floats it rounds to nearest even.
    Cast(DType),
    /// The same number of any dtype, with derivative zero: gradients stop here.
    Detach,
    // two numbers of one dtype
    /// `a + b`; integers wrap.
    Add,
    /// `a - b`; integers wrap.
    Sub,
    /// `a b`; integers wrap.
    Mul,
    /// Division; of integers truncated, `x / 0 = x`, `i32::MIN / -1 = i32::MIN` (WGSL).
    Div,
    /// Truncated remainder with the sign of the dividend; of integers `x % 0 = 0`, `i32::MIN % -1 = 0` (WGSL).
    Rem,
    /// The lesser; NaN if either is NaN.
    Min,
    /// The greater; NaN if either is NaN.
    Max,
    // two floats
    /// `a^b`; of a negative base NaN unless the exponent is whole.
    Pow,
    /// The angle of the point `(b, a)`, in `[-pi, pi]`.
    Atan2,
    /// `|a|` with the sign of `b`.
    Copysign,
    // two of one dtype to Bool; any comparison with NaN is false but `Ne`
    /// `a = b`.
    Eq,
    /// Not `a = b`; true with NaN.
    Ne,
    /// `a < b`.
    Lt,
    /// `a <= b`.
    Le,
    /// `a > b`.
    Gt,
    /// `a >= b`.
    Ge,
    // two of one dtype: logical on Bool, bitwise on integers
    /// Both.
    And,
    /// Either or both.
    Or,
    /// One but not both.
    Xor,
    /// An integer shifted left by a `U32`, taken modulo 32.
    Shl,
    /// An integer shifted right by a `U32`, taken modulo 32; `I32` keeps its sign.
    Shr,
    /// `Select(condition, a, b)`: `a` where the condition holds, else `b`.
    Select,
    /// Word `0..4` of Philox-4x32-10 with key `(a, b)` and counter `(c, 0, 0, 0)`; all `U32`.
    Philox(u8),
    /// A function given as WGSL text; all arguments and the result are `F32`.
    Call(Arc<Snippet>),
}

impl Func {
    /// The number of arguments.
    #[must_use]
    pub fn arity(&self) -> usize {
        use Func::*;
        match self {
            Neg | Abs | Sign | Recip | Sqrt | Rsqrt | Cbrt | Exp | Exp2 | Expm1 | Log | Log2 | Log1p | Sin | Cos
            | Tan | Asin | Acos | Atan | Sinh | Cosh | Tanh | Asinh | Acosh | Atanh | Sigmoid | Softplus | Erf
            | Erfc | Floor | Ceil | Round | Trunc | IsNan | IsFinite | Not | Bits | FromBits | Cast(_) | Detach => 1,
            Add | Sub | Mul | Div | Rem | Min | Max | Pow | Atan2 | Copysign | Eq | Ne | Lt | Le | Gt | Ge | And
            | Or | Xor | Shl | Shr => 2,
            Select | Philox(_) => 3,
            Call(snippet) => snippet.arity(),
        }
    }

    /// The lower-case name, as in WGSL or NumPy where they have one.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Func::Cast(to) => format!("cast_{to}"),
            Func::Philox(word) => format!("philox{word}"),
            Func::Call(snippet) => snippet.entry.clone(),
            other => {
                let mut out = String::new();
                for (i, c) in format!("{other:?}").char_indices() {
                    if c.is_uppercase() && i > 0 {
                        out.push('_');
                    }
                    out.push(c.to_ascii_lowercase());
                }
                out
            }
        }
    }

    /// The dtype of the result. Storage floats are taken by `Cast` and `Detach` alone.
    ///
    /// # Errors
    /// The dtypes the function takes.
    pub fn result(&self, args: &[DType]) -> Result<DType, &'static str> {
        use Func::*;
        let a = args[0];
        let same = args.iter().all(|&d| d == a);
        let arithmetic = matches!(a, DType::F32 | DType::I32 | DType::U32);
        match self {
            Neg | Abs | Sign => arithmetic.then_some(a).ok_or("f32, i32 or u32"),
            Recip | Sqrt | Rsqrt | Cbrt | Exp | Exp2 | Expm1 | Log | Log2 | Log1p | Sin | Cos | Tan | Asin | Acos
            | Atan | Sinh | Cosh | Tanh | Asinh | Acosh | Atanh | Sigmoid | Softplus | Erf | Erfc | Floor | Ceil
            | Round | Trunc => (a == DType::F32).then_some(a).ok_or("f32"),
            IsNan | IsFinite => (a == DType::F32).then_some(DType::Bool).ok_or("f32"),
            Not => (a == DType::Bool || a.is_int()).then_some(a).ok_or("bool, i32 or u32"),
            Bits => (a == DType::F32).then_some(DType::U32).ok_or("f32"),
            FromBits => (a == DType::U32).then_some(DType::F32).ok_or("u32"),
            Cast(to) => Ok(*to),
            Detach => Ok(a),
            Add | Sub | Mul | Div | Rem | Min | Max => {
                (same && arithmetic).then_some(a).ok_or("two of one dtype: f32, i32 or u32")
            }
            Pow | Atan2 | Copysign => (same && a == DType::F32).then_some(a).ok_or("two f32"),
            Eq | Ne => (same && a.compute() == a).then_some(DType::Bool).ok_or("two of one dtype"),
            Lt | Le | Gt | Ge => (same && arithmetic).then_some(DType::Bool).ok_or("two of one dtype: f32, i32 or u32"),
            And | Or | Xor => {
                (same && (a == DType::Bool || a.is_int())).then_some(a).ok_or("two of one dtype: bool, i32 or u32")
            }
            Shl | Shr => (a.is_int() && args[1] == DType::U32).then_some(a).ok_or("an integer and a u32"),
            Select => (a == DType::Bool && args[1] == args[2] && args[1].compute() == args[1])
                .then_some(args[1])
                .ok_or("a bool and two of one dtype"),
            Philox(_) => (same && a == DType::U32).then_some(a).ok_or("three u32"),
            Call(_) => (same && a == DType::F32).then_some(a).ok_or("f32 throughout"),
        }
    }
}

/// How a [`Snippet`] takes its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arg {
    /// One `f32`.
    Scalar,
    /// A `vec4<f32>` made of four consecutive arguments of the [`Func::Call`].
    Vec4,
}

/// The derivative of a [`Snippet`] with respect to one of its (scalar) arguments.
#[derive(Clone)]
pub enum Derivative {
    /// It is zero everywhere.
    Zero,
    /// Another snippet with the same arguments.
    By(Arc<Snippet>),
    /// Not given: differentiating is an error that says so.
    Missing,
}

/// The same function in f64, written from the formula: it decides who is right.
pub type Mirror = Arc<dyn Fn(&[f64]) -> f64 + Send + Sync>;

/// A scalar function as WGSL text, with its f64 mirror and its derivatives.
///
/// Two snippets are equal if their name, text, entry and arguments are: only these reach a shader.
pub struct Snippet {
    /// Module name; snippets of one name must have one text.
    pub module: String,
    /// WGSL declarations, among them the function `entry`; every other global name must start with `module`.
    pub wgsl: String,
    /// The function to call.
    pub entry: String,
    /// Its parameters.
    pub args: Vec<Arg>,
    /// The f64 mirror; receives the flattened arguments.
    pub mirror: Mirror,
    /// One per flattened argument.
    pub derivatives: Vec<Derivative>,
    /// Rounding of the WGSL: it is exact at arguments moved by at most this many units in the last place each, to the
    /// same relative accuracy of the result.
    pub ulps: f64,
}

impl Snippet {
    /// The number of flattened arguments.
    #[must_use]
    pub fn arity(&self) -> usize {
        self.args.iter().map(|a| if *a == Arg::Vec4 { 4 } else { 1 }).sum()
    }

    fn key(&self) -> (&str, &str, &str, &[Arg]) {
        (&self.module, &self.entry, &self.wgsl, &self.args)
    }
}

impl PartialEq for Snippet {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Snippet {}
impl std::hash::Hash for Snippet {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.module, &self.entry).hash(state);
    }
}
impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.entry)
    }
}
