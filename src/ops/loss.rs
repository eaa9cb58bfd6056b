//! Losses. The prediction is `self`; targets are not differentiated specially: detach them if they are computed.

use super::axes::axis_of;
use super::{Fixed, Operand, ok, refuse};
use crate::dtype::DType;
use crate::error::Site;
use crate::graph::Reduce;
use crate::tensor::Tensor;

/// How the losses of the elements are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reduction {
    /// Not at all.
    None,
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// Options of [`Tensor::cross_entropy`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CrossEntropy {
    /// Mean by default.
    pub reduction: Reduction,
    /// The share of each target that is spread evenly over all classes, in `[0, 1]`.
    pub label_smoothing: f64,
    /// A class index that marks elements without loss; the mean does not count them. Not for target probabilities.
    pub ignore_index: Option<i64>,
}

impl Tensor {
    /// `(x - y)^2`.
    #[track_caller]
    #[must_use]
    pub fn mse(&self, target: &Tensor, reduction: Reduction) -> Tensor {
        self.float("mse").sub(target).square().joined("mse", reduction)
    }

    /// `|x - y|`.
    ///
    /// # Gradient
    /// 0 where they are equal.
    #[track_caller]
    #[must_use]
    pub fn mae(&self, target: &Tensor, reduction: Reduction) -> Tensor {
        self.float("mae").sub(target).abs().joined("mae", reduction)
    }

    /// `d^2 / 2` up to `|d| = delta`, `delta (|d| - delta / 2)` beyond, with `d = x - y`.
    ///
    /// # Source
    /// Huber, *Robust estimation of a location parameter*, 1964.
    #[track_caller]
    #[must_use]
    pub fn huber(&self, target: &Tensor, delta: impl Operand, reduction: Reduction) -> Tensor {
        let d = self.float("huber").sub(target);
        let delta = delta.beside(&d, Site::here());
        let size = d.abs();
        let far = delta.mul(&size.sub(&delta.mul(Fixed(0.5))));
        size.le(&delta).select(d.square().mul(Fixed(0.5)), far).joined("huber", reduction)
    }

    /// The cross-entropy of `sigmoid(x)` with targets `t` in `[0, 1]`: `weight t softplus(-x) + (1 - t) softplus(x)`. The
    /// weight of positive targets is 1 if it is not given.
    ///
    /// # Numerics
    /// No logarithm of a rounded probability: the relative accuracy holds in both tails.
    #[track_caller]
    #[must_use]
    pub fn bce_with_logits(&self, target: &Tensor, positive_weight: Option<&Tensor>, reduction: Reduction) -> Tensor {
        let (x, t) = (self.float("bce_with_logits"), target.float("bce_with_logits"));
        let mut positive = t.mul(&x.neg().softplus());
        if let Some(weight) = positive_weight {
            positive = positive.mul(weight);
        }
        positive.add(&(Fixed(1.0) - &t).mul(&x.softplus())).joined("bce_with_logits", reduction)
    }

    /// The divergence `p (log p - x)` of predicted log-probabilities `x` from target probabilities `p`; 0 where `p = 0`.
    ///
    /// # Shapes
    /// The mean is over all elements; divide the sum by the number of rows for the mean per distribution.
    #[track_caller]
    #[must_use]
    pub fn kl_div(&self, target: &Tensor, reduction: Reduction) -> Tensor {
        let (x, p) = (self.float("kl_div"), target.float("kl_div"));
        let none = p.eq(Fixed(0.0));
        let safe = none.select(Fixed(1.0), &p);
        none.select(Fixed(0.0), p.mul(&safe.log().sub(&x))).joined("kl_div", reduction)
    }

    /// The cross-entropy `-sum over classes of q log softmax(x)` along `axis`, where `q` is given by
    ///
    /// - class indices (`u32` or `i32`), of the shape of `x` without the axis, or
    /// - probabilities (floats), of the shape of `x`,
    ///
    /// mixed with the uniform distribution by [`CrossEntropy::label_smoothing`].
    ///
    /// # Errors
    /// Shapes do not fit; smoothing is not in `[0, 1]`. A class index out of range that is not `ignore_index` gives NaN,
    /// for nothing on the device can raise an error. If all elements are ignored, the mean is 0.
    ///
    /// # Numerics
    /// By [`Tensor::log_softmax`]; a class with probability 0 in `q` adds nothing even if its logit is `-inf`.
    ///
    /// ```
    /// # use ridgepoint::ops::CrossEntropy;
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let logits = device.tensor(&[2.0f32, 1.0, 0.5, 3.0], [2, 2]);
    /// let classes = device.tensor(&[0u32, 1], [2]);
    /// let loss = logits.cross_entropy(&classes, 1, CrossEntropy::default());
    /// let gradient = loss.grad(&[&logits])?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cross_entropy(&self, target: &Tensor, axis: usize, options: CrossEntropy) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("cross_entropy", &[self, target], site));
        let (shape, kind) = (nodes[0].shape(), nodes[1].dtype());
        let axis = ok!(self, axis_of("cross_entropy", axis, shape, site));
        if !(0.0..=1.0).contains(&options.label_smoothing) {
            let message = format!("label smoothing {}", options.label_smoothing);
            return refuse(self, "cross_entropy", message, "it lies between 0 and 1", site);
        }
        let indices = kind.is_int() && *nodes[1].shape() == shape.without(&[axis]);
        let probabilities = kind.is_float() && nodes[1].shape() == shape && options.ignore_index.is_none();
        if !indices && !probabilities {
            let ignored = options.ignore_index.map_or(String::new(), |i| format!(", ignore_index {i}"));
            let message = format!("logits {shape}, target {kind}{}, axis {axis}{ignored}", nodes[1].shape());
            let hint = format!(
                "give class indices (u32 or i32) of shape {}, or probabilities of shape {shape} without ignore_index",
                shape.without(&[axis])
            );
            return refuse(self, "cross_entropy", message, hint, site);
        }
        let log_p = self.log_softmax(axis);
        if indices { log_p.nll(target, axis, &options) } else { log_p.soft_nll(target, axis, &options) }
    }

    /// Cross-entropy of log-probabilities with class indices.
    #[track_caller]
    fn nll(&self, target: &Tensor, axis: usize, options: &CrossEntropy) -> Tensor {
        let shape = ok!(self, self.shape());
        let kind = ok!(self, target.dtype());
        let classes = shape[axis];
        let chosen = target.restore(&[axis], shape).eq(&self.positions(axis, kind));
        let mut loss = chosen.select(self, Fixed(0.0)).reduce(Reduce::Sum, &[axis]).neg();
        let smoothing = options.label_smoothing;
        if smoothing > 0.0 {
            let even = self.reduce(Reduce::Sum, &[axis]).mul(-smoothing / classes.max(1) as f64);
            loss = loss.mul(1.0 - smoothing).add(&even);
        }
        // The number of classes is below 2^31, so the comparison is right for both index dtypes.
        let mut inside = target.lt(Fixed(classes as f64));
        if kind == DType::I32 {
            inside = inside.bit_and(&target.ge(Fixed(0.0)));
        }
        loss = inside.select(&loss, f64::NAN);
        let Some(ignored) = options.ignore_index else {
            return loss.joined("cross_entropy", options.reduction);
        };
        let counted = target.ne(ignored as f64);
        let loss = counted.select(&loss, Fixed(0.0));
        match options.reduction {
            Reduction::Mean => loss.sum(..).div(&counted.count_nonzero(..).cast(DType::F32).at_least_one()),
            other => loss.joined("cross_entropy", other),
        }
    }

    /// Cross-entropy of log-probabilities with probabilities.
    #[track_caller]
    fn soft_nll(&self, target: &Tensor, axis: usize, options: &CrossEntropy) -> Tensor {
        let classes = ok!(self, self.shape())[axis];
        let mut q = target.widen();
        let smoothing = options.label_smoothing;
        if smoothing > 0.0 {
            q = q.mul(1.0 - smoothing).add(smoothing / classes.max(1) as f64);
        }
        let terms = q.eq(Fixed(0.0)).select(Fixed(0.0), q.mul(self));
        terms.reduce(Reduce::Sum, &[axis]).neg().joined("cross_entropy", options.reduction)
    }

    #[track_caller]
    fn joined(&self, op: &str, reduction: Reduction) -> Tensor {
        let rank = ok!(self, self.shape()).rank();
        let all: Vec<usize> = (0..rank).collect();
        match reduction {
            Reduction::None => self.clone(),
            Reduction::Mean => self.mean_of(op, &all),
            Reduction::Sum => self.reduce(Reduce::Sum, &all),
        }
    }
}
