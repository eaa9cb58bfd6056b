//! Penalties that hold weights near others: those of a pretrained model (L2-SP), of an earlier task (elastic weight
//! consolidation), of a snapshot.
//!
//! # Source
//! X. Li, Y. Grandvalet, F. Davoine, Explicit inductive bias for transfer learning with convolutional networks, ICML (2018);
//! J. Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, PNAS 114 (2017).

use super::misshapen;
use crate::error::Site;
use crate::ops::Fixed;
use crate::penalty::functional::{Description, Functional};
use crate::penalty::profile::strength;
use crate::penalty::{Penalty, Scalar};
use crate::shape::Shape;
use crate::tensor::Tensor;

static ANCHOR: Description = Description {
    name: "anchor",
    aliases: &[],
    summary: "holds weights near given ones, each as tightly as it is important",
    formula: "lambda/2 sum_i importance_i (x_i - anchor_i)^2",
    parameters: &[strength("f/x^2")],
    convex: true,
    set: false,
    source: "J. Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, PNAS 114 (2017)",
};

#[derive(Debug)]
struct Anchor {
    at: Tensor,
    importance: Option<Tensor>,
}

impl Anchor {
    fn weigh(&self, x: Tensor) -> Tensor {
        match &self.importance {
            Some(importance) => x.mul(importance),
            None => x,
        }
    }
}

impl Functional for Anchor {
    fn description(&self) -> &'static Description {
        &ANCHOR
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        self.weigh(w.sub(&self.at).square()).sum_all().mul(&p[0]).mul(Fixed(0.5))
    }
    fn gradient(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        self.weigh(w.sub(&self.at)).mul(&p[0])
    }
    /// `anchor + (w - anchor) / (1 + step lambda importance)`.
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let pull = self.weigh(w.ones_like()).mul(step.mul(&p[0]));
        self.at.add(w.sub(&self.at).div(pull.add(Fixed(1.0))))
    }
    fn distance(&self, w: &Tensor, g: &Tensor, p: &[Tensor]) -> Tensor {
        self.gradient(w, p).add(g).abs()
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        let at = self.at.shape().ok()?;
        (shape != at).then(|| format!("the anchor has shape {at}"))
    }
}

/// `lambda/2 ||x - at||^2`: L2-SP, and L2 to a snapshot.
///
/// # Shapes
/// Coefficients of the shape of `at`.
/// # Errors
/// `lambda < 0`; on use, coefficients of another shape.
/// # Gradient
/// `lambda (x - at)`.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn near(at: &Tensor, lambda: impl Into<Scalar>) -> Penalty {
    Penalty::from_functional(Anchor { at: at.detach(), importance: None }).with("lambda", lambda)
}

/// `lambda/2 sum_i importance_i (x_i - at_i)^2`: elastic weight consolidation, where the importance is the diagonal of the
/// Fisher information ([`fisher`]). Importances must not be negative.
///
/// # Shapes
/// Coefficients of the shape of `at`; `importance` broadcasts to it.
/// # Errors
/// `lambda < 0`; on use, coefficients of another shape.
/// # Gradient
/// `lambda importance (x - at)`.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn elastic(at: &Tensor, importance: &Tensor, lambda: impl Into<Scalar>) -> Penalty {
    let anchor = Anchor { at: at.detach(), importance: Some(importance.detach()) };
    Penalty::from_functional(anchor).with("lambda", lambda)
}

/// The diagonal of the Fisher information: the mean over examples of the squares of the gradients of their log-likelihoods.
///
/// # Shapes
/// `[n, …]`, one gradient per example; `[…]` comes out.
/// # Errors
/// No axis, or no examples.
#[must_use]
#[track_caller]
pub fn fisher(gradients: &Tensor) -> Tensor {
    match gradients.shape() {
        Ok(shape) if shape.rank() >= 1 && shape[0] > 0 => gradients.detach().square().mean(0),
        _ => misshapen("anchor::fisher", gradients, "one gradient per example along the first axis", Site::here()),
    }
}

/// The importance carried on: `decay old + (1 - decay) gradient^2` (online consolidation).
#[must_use]
#[track_caller]
pub fn carried(old: &Tensor, gradient: &Tensor, decay: f64) -> Tensor {
    gradient.detach().square().lerp(old, decay)
}
