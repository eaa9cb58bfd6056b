//! Activations of neural networks, in forms that neither overflow nor cancel.

use super::map::map;
use super::{Fixed, Operand};
use crate::graph::Func;
use crate::tensor::Tensor;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

impl Tensor {
    /// `1 / (1 + e^-x)`.
    #[track_caller]
    #[must_use]
    pub fn sigmoid(&self) -> Tensor {
        map(Func::Sigmoid, [self])
    }

    /// `log(1 + e^x)`; `x` itself for large `x`, no overflow.
    #[track_caller]
    #[must_use]
    pub fn softplus(&self) -> Tensor {
        map(Func::Softplus, [self])
    }

    /// `log(sigmoid(x)) = -softplus(-x)`.
    #[track_caller]
    #[must_use]
    pub fn log_sigmoid(&self) -> Tensor {
        self.neg().softplus().neg()
    }

    /// `max(x, 0)`; NaN stays NaN.
    ///
    /// # Gradient
    /// 1 above 0, 0 below and at 0.
    #[track_caller]
    #[must_use]
    pub fn relu(&self) -> Tensor {
        let x = self.widen();
        x.le(Fixed(0.0)).select_like(&x, Fixed(0.0), &x)
    }

    /// `x` above 0, `slope * x` elsewhere.
    ///
    /// # Gradient
    /// `slope` at 0.
    #[track_caller]
    #[must_use]
    pub fn leaky_relu(&self, slope: impl Operand) -> Tensor {
        let x = self.widen();
        x.le(Fixed(0.0)).select(x.mul(slope), &x)
    }

    /// `x` above 0, `alpha (e^x - 1)` elsewhere.
    #[track_caller]
    #[must_use]
    pub fn elu(&self, alpha: impl Operand) -> Tensor {
        let x = self.widen();
        let below = x.le(Fixed(0.0));
        // The exponential must not overflow where it is not taken, or its gradient there were 0 * inf.
        below.select(below.select(&x, Fixed(0.0)).expm1().mul(alpha), &x)
    }

    /// `x Phi(x) = x/2 erfc(-x / sqrt 2)`, exact form.
    ///
    /// # Numerics
    /// With `erfc` the left tail keeps its relative accuracy; `1 + erf` would cancel there.
    ///
    /// # Source
    /// Hendrycks, Gimpel, arXiv:1606.08415.
    #[track_caller]
    #[must_use]
    pub fn gelu(&self) -> Tensor {
        let x = self.widen();
        x.mul(Fixed(0.5)).mul(&x.mul(Fixed(-FRAC_1_SQRT_2)).erfc())
    }

    /// `x/2 (1 + tanh u) = x sigmoid(2u)` with `u = sqrt(2/pi) (x + 0.044715 x^3)`: the approximation of
    /// [`Tensor::gelu`].
    #[track_caller]
    #[must_use]
    pub fn gelu_tanh(&self) -> Tensor {
        let x = self.widen();
        let twice = 2.0 * (2.0 / PI).sqrt();
        let cubic = x.square().mul(Fixed(0.044_715 * twice)).add(Fixed(twice));
        x.mul(&x.mul(&cubic).sigmoid())
    }

    /// `x sigmoid(x)`, also called swish.
    #[track_caller]
    #[must_use]
    pub fn silu(&self) -> Tensor {
        let x = self.widen();
        x.mul(&x.sigmoid())
    }

    /// `x tanh(softplus(x))`.
    #[track_caller]
    #[must_use]
    pub fn mish(&self) -> Tensor {
        let x = self.widen();
        x.mul(&x.softplus().tanh())
    }

    /// `x clamp(x + 3, 0, 6) / 6`.
    #[track_caller]
    #[must_use]
    pub fn hardswish(&self) -> Tensor {
        let x = self.widen();
        x.mul(&x.add(Fixed(3.0)).clamp(Fixed(0.0), Fixed(6.0))).mul(Fixed(1.0 / 6.0))
    }
}
