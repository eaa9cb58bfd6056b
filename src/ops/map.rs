//! Arithmetic of elements: operators, elementary functions, casts.
//!
//! For every method here: operands broadcast; the result has their common shape; `f16` and `bf16` are widened to `f32`.
//! An operand of another dtype is refused, except that a number takes the dtype of the tensor. Derivatives are those of
//! the formula and are not repeated.

use super::operand::constant;
use super::{Operand, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Func, Node};
use crate::tensor::Tensor;

/// `func` of operands that are broadcast to one shape.
#[track_caller]
pub(super) fn map<const N: usize>(func: Func, operands: [&Tensor; N]) -> Tensor {
    let site = Site::here();
    let nodes = Tensor::nodes("elementwise operation", &operands, site);
    Tensor::new(operands[0].device(), nodes.and_then(|nodes| map_nodes(func, &nodes, site)))
}

fn map_nodes(func: Func, nodes: &[Node], site: Site) -> Result<Node> {
    let mut shape = nodes[0].shape().clone();
    for node in &nodes[1..] {
        shape = shape.broadcast(node.shape()).ok_or_else(|| {
            let shapes: Vec<_> = nodes.iter().map(|n| n.shape().to_string()).collect();
            let message = format!("shapes {} do not broadcast", shapes.join(" and "));
            Error::argument(func.name(), message, "aligned at the last axis, lengths must be equal or 1", site)
        })?;
    }
    let sources = nodes.iter().map(|n| super::movement::broadcast_node(&widen_node(n, site)?, &shape, site));
    Node::map(func, sources.collect::<Result<_>>()?, site)
}

fn widen_node(node: &Node, site: Site) -> Result<Node> {
    if node.dtype().compute() == node.dtype() {
        return Ok(node.clone());
    }
    Node::map(Func::Cast(node.dtype().compute()), vec![node.clone()], site)
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident => $func:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self) -> Tensor {
                map(Func::$func, [self])
            }
        )*}
    };
}

unary! {
    /// `-x`; integers wrap.
    neg => Neg;
    /// `|x|`. Gradient: `sign(x)`, 0 at 0. `abs(i32::MIN) = i32::MIN`.
    abs => Abs;
    /// -1, 0 or 1 (NaN for NaN). Gradient: 0.
    sign => Sign;
    /// `1 / x`, floats.
    recip => Recip;
    /// The square root; NaN below 0. Gradient: `1 / (2 sqrt(x))`, infinite at 0.
    sqrt => Sqrt;
    /// `1 / sqrt(x)`.
    rsqrt => Rsqrt;
    /// The real cube root, of negative numbers too.
    cbrt => Cbrt;
    /// `e^x`; infinite from 88.73 on.
    exp => Exp;
    /// `2^x`.
    exp2 => Exp2;
    /// `e^x - 1` without the cancellation near 0.
    expm1 => Expm1;
    /// The natural logarithm; `log(0) = -inf`, NaN below 0.
    log => Log;
    /// The logarithm to base 2.
    log2 => Log2;
    /// `log(1 + x)` without the cancellation near 0.
    log1p => Log1p;
    /// Sine of radians; the angle is reduced first.
    sin => Sin;
    /// Cosine of radians; the angle is reduced first.
    cos => Cos;
    /// Tangent of radians.
    tan => Tan;
    /// Arc sine; NaN outside of `[-1, 1]`.
    asin => Asin;
    /// Arc cosine; NaN outside of `[-1, 1]`.
    acos => Acos;
    /// Arc tangent.
    atan => Atan;
    /// Hyperbolic sine.
    sinh => Sinh;
    /// Hyperbolic cosine.
    cosh => Cosh;
    /// Hyperbolic tangent; ±1 for large arguments.
    tanh => Tanh;
    /// Inverse hyperbolic sine.
    asinh => Asinh;
    /// Inverse hyperbolic cosine; NaN below 1.
    acosh => Acosh;
    /// Inverse hyperbolic tangent; NaN outside of `[-1, 1]`.
    atanh => Atanh;
    /// The error function `2/sqrt(pi) * integral of e^(-t^2) from 0 to x`.
    erf => Erf;
    /// `1 - erf(x)` without the cancellation for large `x`.
    erfc => Erfc;
    /// The greatest integer not above. Gradient: 0.
    floor => Floor;
    /// The least integer not below. Gradient: 0.
    ceil => Ceil;
    /// The nearest integer, ties to even. Gradient: 0.
    round => Round;
    /// The integer part, toward zero. Gradient: 0.
    trunc => Trunc;
    /// Whether a float is NaN, by its bits.
    is_nan => IsNan;
    /// Whether a float is neither infinite nor NaN, by its bits.
    is_finite => IsFinite;
    /// The bits of an `f32` as `u32`.
    bits => Bits;
    /// The `f32` that has these bits (`u32`).
    from_bits => FromBits;
    /// Complement of the bits of integers, negation of `bool`.
    bit_not => Not;
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => $func:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self, other: impl Operand) -> Tensor {
                map(Func::$func, [self, &other.beside(self, Site::here())])
            }
        )*}
    };
}

binary! {
    /// `x + y`; also `&x + &y`. Integers wrap.
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[1.0f32, 2.0, 3.0], [3]);
    /// let y = &x + 10.0;
    /// assert_eq!(y.read_blocking::<f32>()?, [11.0, 12.0, 13.0]);
    /// # Ok(()) }
    /// ```
    add => Add;
    /// `x - y`; also `&x - &y`. Integers wrap.
    sub => Sub;
    /// `x * y`; also `&x * &y`. Integers wrap.
    mul => Mul;
    /// `x / y`; also `&x / &y`. Integers truncate; `x / 0 = x` and `i32::MIN / -1 = i32::MIN` as in WGSL.
    div => Div;
    /// The remainder of truncated division, with the sign of `x`; also `&x % &y`. For integers `x % 0 = 0`.
    rem => Rem;
    /// `x^y` of floats. A negative `x` gives a number for integral `y`, otherwise NaN. See [`Tensor::powi`] for a fixed
    /// integral power.
    pow => Pow;
    /// The angle of the point `(y, x)`, with `self` as `y`: in `[-pi, pi]`.
    atan2 => Atan2;
    /// The magnitude of `x` with the sign of `y`.
    copysign => Copysign;
    /// The lesser; NaN if either is NaN.
    minimum => Min;
    /// The greater; NaN if either is NaN.
    maximum => Max;
    /// Bitwise and of integers, logical and of `bool`; also `&x & &y`.
    bit_and => And;
    /// Bitwise or of integers, logical or of `bool`; also `&x | &y`.
    bit_or => Or;
    /// Bitwise exclusive or of integers, logical of `bool`; also `&x ^ &y`.
    bit_xor => Xor;
}

impl Tensor {
    /// `x << n` of integers; `n` (`u32`, or a number) is taken modulo 32.
    #[track_caller]
    #[must_use]
    pub fn shl(&self, bits: impl Operand) -> Tensor {
        self.shift(Func::Shl, bits)
    }

    /// `x >> n` of integers; `n` (`u32`, or a number) is taken modulo 32. `i32` keeps its sign.
    #[track_caller]
    #[must_use]
    pub fn shr(&self, bits: impl Operand) -> Tensor {
        self.shift(Func::Shr, bits)
    }

    #[track_caller]
    fn shift(&self, func: Func, bits: impl Operand) -> Tensor {
        let bits = if bits.tensor().is_some() {
            bits.beside(self, Site::here())
        } else {
            bits.beside(&self.cast(DType::U32), Site::here())
        };
        map(func, [self, &bits])
    }

    /// `x * x`, of any number dtype.
    #[track_caller]
    #[must_use]
    pub fn square(&self) -> Tensor {
        map(Func::Mul, [self, self])
    }

    /// `x^n` by repeated multiplication, of any number dtype; `n < 0` gives the reciprocal (floats only).
    ///
    /// # Numerics
    /// At most `2 log2 |n|` roundings, so prefer it to [`Tensor::pow`] for small powers.
    #[track_caller]
    #[must_use]
    pub fn powi(&self, n: i32) -> Tensor {
        let mut rest = n.unsigned_abs();
        let (mut square, mut product) = (self.clone(), None::<Tensor>);
        while rest > 0 {
            if rest & 1 == 1 {
                product = Some(match product {
                    Some(p) => p.mul(&square),
                    None => square.clone(),
                });
            }
            rest >>= 1;
            if rest > 0 {
                square = square.square();
            }
        }
        match product {
            None => self.ones_like(),
            Some(p) if n < 0 => p.recip(),
            Some(p) => p,
        }
    }

    /// `x - floor(x)`, in `[0, 1)`, as WGSL has it. Gradient: 1.
    #[track_caller]
    #[must_use]
    pub fn fract(&self) -> Tensor {
        self.sub(&self.floor())
    }

    /// `x * a + b`, rounded once or twice as the adapter likes.
    #[track_caller]
    #[must_use]
    pub fn fma(&self, a: impl Operand, b: impl Operand) -> Tensor {
        self.mul(a).add(b)
    }

    /// `x + t (y - x)`.
    #[track_caller]
    #[must_use]
    pub fn lerp(&self, other: impl Operand, t: impl Operand) -> Tensor {
        let other = other.beside(self, Site::here());
        self.add(&other.sub(self).mul(t))
    }

    /// `min(max(x, low), high)`; `high` where `low > high`; NaN stays.
    ///
    /// # Gradient
    /// 1 inside, 0 outside.
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: impl Operand, high: impl Operand) -> Tensor {
        self.maximum(low).minimum(high)
    }

    /// NaN replaced by `nan`, infinities by `positive` and `negative`.
    ///
    /// # Gradient
    /// 1 where `x` is finite, else 0.
    #[track_caller]
    #[must_use]
    pub fn nan_to_num(&self, nan: impl Operand, positive: impl Operand, negative: impl Operand) -> Tensor {
        let x = self.widen();
        let replaced = x.is_nan().select_like(&x, nan, x.gt(super::Fixed(0.0)).select_like(&x, positive, negative));
        x.is_finite().select(&x, &replaced)
    }

    /// Whether a float is infinite, by its bits.
    #[track_caller]
    #[must_use]
    pub fn is_inf(&self) -> Tensor {
        let x = self.widen();
        x.is_nan().bit_or(&x.is_finite()).bit_not()
    }

    /// The same elements as another dtype.
    ///
    /// To integers it truncates and saturates (NaN gives 0); to `f16` and `bf16` it rounds to nearest, ties to even; to
    /// `bool` it is `x != 0`.
    ///
    /// # Gradient
    /// Between floats that of the identity, else 0.
    #[track_caller]
    #[must_use]
    pub fn cast(&self, dtype: DType) -> Tensor {
        let site = Site::here();
        self.then(
            |x| if x.dtype() == dtype { Ok(x.clone()) } else { Node::map(Func::Cast(dtype), vec![x.clone()], site) },
        )
    }

    /// The same values, with derivative zero: gradients stop here.
    ///
    /// Of a tensor that has been computed it is a new leaf, without the history: so a training loop that evaluates and
    /// detaches its parameters keeps nothing of earlier steps alive.
    #[track_caller]
    #[must_use]
    pub fn detach(&self) -> Tensor {
        let site = Site::here();
        self.then(|x| match x.value() {
            Some(data) => Node::data(data.clone(), x.shape().clone(), x.dtype(), site),
            None => Node::map(Func::Detach, vec![x.clone()], site),
        })
    }

    /// `f16` and `bf16` as `f32`; anything else as it is.
    #[track_caller]
    pub(super) fn widen(&self) -> Tensor {
        let site = Site::here();
        self.then(|x| widen_node(x, site))
    }

    /// Widened, and refused with a remedy if it is not a float: for methods named `op` that divide.
    #[track_caller]
    pub(super) fn float(&self, op: &str) -> Tensor {
        match self.dtype() {
            Ok(dtype) if !dtype.is_float() => {
                let shape = ok!(self, self.shape());
                refuse(
                    self,
                    op,
                    format!("dtype {dtype} of shape {shape}"),
                    "it takes floats; cast to f32",
                    Site::here(),
                )
            }
            _ => self.widen(),
        }
    }

    /// The square root with gradient 0 (not infinity) at 0.
    #[track_caller]
    pub(super) fn sqrt_safe(&self) -> Tensor {
        let zero = self.eq(super::Fixed(0.0));
        zero.select_like(self, super::Fixed(0.0), zero.select_like(self, super::Fixed(1.0), self).sqrt())
    }

    /// A number as a scalar of this tensor's device.
    #[track_caller]
    pub(super) fn scalar_beside(&self, value: f64, fixed: bool, dtype: DType) -> Tensor {
        Tensor::new(self.device(), constant(value, fixed, dtype, Site::here()))
    }
}
