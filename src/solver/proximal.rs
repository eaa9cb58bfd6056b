//! Functions with a proximal operator, as the splitting methods take them.

use crate::penalty::Penalty;
use crate::tensor::Tensor;

/// A function of one tensor that is known by its proximal operator. Every [`Penalty`] is one.
pub trait Proximal {
    /// The value, a scalar tensor; the greatest finite number stands for infinity.
    fn value(&self, x: &Tensor) -> Tensor;

    /// `argmin_u ||u - v||^2 / (2 step) + value(u)`; `step` is a scalar tensor.
    fn prox(&self, v: &Tensor, step: &Tensor) -> Tensor;

    /// The proximal operator of the convex conjugate, by default from Moreau's identity
    /// `v - step prox(v / step, 1 / step)`.
    fn conjugate_prox(&self, v: &Tensor, step: &Tensor) -> Tensor {
        v - self.prox(&(v / step), &step.recip()) * step
    }
}

impl Proximal for Penalty {
    fn value(&self, x: &Tensor) -> Tensor {
        Penalty::value(self, x)
    }

    fn prox(&self, v: &Tensor, step: &Tensor) -> Tensor {
        Penalty::prox(self, v, step)
    }
}

/// `<c, x>` plus the indicator of `lower <= x <= upper`, elementwise; bounds may be infinite's stand-in, the greatest finite
/// number.
pub(super) struct Tilted {
    pub c: Option<Tensor>,
    pub lower: Tensor,
    pub upper: Tensor,
}

impl Proximal for Tilted {
    /// Without the indicator: the points it is asked for satisfy the bounds up to rounding.
    fn value(&self, x: &Tensor) -> Tensor {
        match &self.c {
            Some(c) => (c * x).sum(..),
            None => x.device().scalar(0.0),
        }
    }

    fn prox(&self, v: &Tensor, step: &Tensor) -> Tensor {
        match &self.c {
            Some(c) => (v - c * step).clamp(&self.lower, &self.upper),
            None => v.clamp(&self.lower, &self.upper),
        }
    }

    fn conjugate_prox(&self, v: &Tensor, step: &Tensor) -> Tensor {
        match &self.c {
            // where a bound is infinite the product with the step must not be
            None => {
                let low = (v - &self.lower * step).minimum(0.0);
                let high = (v - &self.upper * step).maximum(0.0);
                low + high
            }
            Some(_) => v - self.prox(&(v / step), &step.recip()) * step,
        }
    }
}

/// The greatest magnitude, 0 of nothing.
pub(super) fn greatest(x: &Tensor) -> Tensor {
    match x.shape() {
        Ok(shape) if shape.elements() == 0 => x.device().scalar(0.0),
        _ => x.abs().max(..),
    }
}

/// The Euclidean length.
pub(super) fn length(x: &Tensor) -> Tensor {
    x.square().sum(..).sqrt()
}
