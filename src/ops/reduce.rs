//! Reductions over sets of axes, and scans along one.
//!
//! `axes` is one axis, several, or `..`; no axes leave the tensor as it is. Each method has a twin `…_keep` that keeps the
//! reduced axes with length 1. The order of summation is fixed by the plan: the same bits from run to run.

use super::axes::{Axes, axis_of};
use super::map::map;
use super::{Fixed, ok, refuse};
use crate::dtype::DType;
use crate::error::Site;
use crate::graph::{Func, Node, Reduce, Routine, Scan};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Methods of `(axes)` and their `…_keep` twins, from a body over resolved axes.
macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident $keep:ident ($($arg:ident: $t:ty),*) |$x:ident, $axes:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self, $($arg: $t,)* axes: impl Into<Axes>) -> Tensor {
                let shape = ok!(self, self.shape());
                let $axes = &ok!(self, axes.into().resolve(stringify!($name), shape, Site::here()))[..];
                let $x = self;
                $body
            }

            #[doc = concat!("[`Tensor::", stringify!($name), "`], the reduced axes kept with length 1.")]
            #[track_caller]
            #[must_use]
            pub fn $keep(&self, $($arg: $t,)* axes: impl Into<Axes>) -> Tensor {
                let shape = ok!(self, self.shape());
                let $axes = &ok!(self, axes.into().resolve(stringify!($name), shape, Site::here()))[..];
                let $x = self;
                let reduced: Tensor = $body;
                reduced.restore($axes, &shape.keeping($axes))
            }
        )*}
    };
}

reduction! {
    /// The sum; 0 of nothing. Integers wrap. Of `bool`, see [`Tensor::count_nonzero`].
    ///
    /// # Numerics
    /// Blocked: the error grows with the depth of a tree, not with the number of elements.
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [2, 2]);
    /// assert_eq!(x.sum(0).read_blocking::<f32>()?, [4.0, 6.0]);
    /// assert_eq!(x.sum(..).read_blocking::<f32>()?, [10.0]);
    /// # Ok(()) }
    /// ```
    sum sum_keep () |x, axes| x.reduce(Reduce::Sum, axes);
    /// The product; 1 of nothing. Integers wrap.
    prod prod_keep () |x, axes| x.reduce(Reduce::Prod, axes);
    /// The greatest element; NaN if any is NaN; of nothing `-inf`, or the lowest integer.
    ///
    /// # Gradient
    /// Goes to the elements that equal the maximum, in equal shares.
    max max_keep () |x, axes| x.reduce(Reduce::Max, axes);
    /// The least element; NaN if any is NaN; of nothing `inf`, or the highest integer.
    ///
    /// # Gradient
    /// Goes to the elements that equal the minimum, in equal shares.
    min min_keep () |x, axes| x.reduce(Reduce::Min, axes);
    /// The mean, floats.
    ///
    /// # Errors
    /// There are no elements along the axes.
    mean mean_keep () |x, axes| x.mean_of("mean", axes);
    /// The sum of squared deviations from the mean, divided by `n - correction` (0: of the population, 1: of a sample).
    ///
    /// # Errors
    /// There are no more than `correction` elements along the axes.
    ///
    /// # Numerics
    /// Two passes: the mean first, so nothing cancels.
    var var_keep (correction: usize) |x, axes| x.variance("var", correction, axes);
    /// The square root of [`Tensor::var`].
    ///
    /// # Gradient
    /// 0 (not NaN) where the deviation is 0.
    std std_keep (correction: usize) |x, axes| x.variance("std", correction, axes).sqrt_safe();
    /// The `p`-norm `(sum |x|^p)^(1/p)`; `p = inf` and `-inf` are the greatest and the least magnitude, `p = 0` counts what
    /// is not 0.
    ///
    /// # Gradient
    /// 0 (a subgradient, for `p >= 1`) where the norm is 0.
    norm norm_keep (p: f64) |x, axes| x.p_norm(p, axes);
    /// `log(sum e^x)`; `-inf` of nothing.
    ///
    /// # Numerics
    /// The maximum is taken out first: no overflow.
    logsumexp logsumexp_keep () |x, axes| x.log_sum_exp(axes);
    /// Whether any element is true (numbers: not 0); false of nothing.
    any any_keep () |x, axes| x.truth().reduce(Reduce::Max, axes);
    /// Whether all elements are true (numbers: not 0); true of nothing.
    all all_keep () |x, axes| x.truth().reduce(Reduce::Min, axes);
    /// How many elements are not 0 (or are true), as `u32`.
    count_nonzero count_nonzero_keep () |x, axes| x.truth().cast(DType::U32).reduce(Reduce::Sum, axes);
    /// The position of the first greatest element, counted row-major over the axes, as `u32`; NaN counts as greatest.
    ///
    /// # Errors
    /// There are no elements along the axes.
    argmax argmax_keep () |x, axes| x.numeric().reduce(Reduce::ArgMax, axes);
    /// The position of the first least element, counted row-major over the axes, as `u32`; NaN counts as least.
    ///
    /// # Errors
    /// There are no elements along the axes.
    argmin argmin_keep () |x, axes| x.numeric().reduce(Reduce::ArgMin, axes);
}

impl Tensor {
    /// The sum of all elements.
    #[track_caller]
    #[must_use]
    pub fn sum_all(&self) -> Tensor {
        self.sum(..)
    }

    /// The mean of all elements.
    #[track_caller]
    #[must_use]
    pub fn mean_all(&self) -> Tensor {
        self.mean(..)
    }

    /// Running sums along an axis, `y[i] = x[0] + … + x[i]`.
    #[track_caller]
    #[must_use]
    pub fn cumsum(&self, axis: usize) -> Tensor {
        self.scan(Scan::Sum, axis)
    }

    /// Running products along an axis.
    #[track_caller]
    #[must_use]
    pub fn cumprod(&self, axis: usize) -> Tensor {
        self.scan(Scan::Prod, axis)
    }

    /// Running maxima along an axis; NaN from the first NaN on.
    #[track_caller]
    #[must_use]
    pub fn cummax(&self, axis: usize) -> Tensor {
        self.scan(Scan::Max, axis)
    }

    /// Running minima along an axis; NaN from the first NaN on.
    #[track_caller]
    #[must_use]
    pub fn cummin(&self, axis: usize) -> Tensor {
        self.scan(Scan::Min, axis)
    }

    /// The linear recurrence `y[i] = x[i] y[i-1] + b[i]` along an axis, `y[-1] = 0`; `x` and `b` broadcast. `f32`.
    #[track_caller]
    #[must_use]
    pub fn linear_recurrence(&self, b: &Tensor, axis: usize) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("linear_recurrence", &[self, b], site));
        let Some(shape) = nodes[0].shape().broadcast(nodes[1].shape()) else {
            let message = format!("shapes {} and {} do not broadcast", nodes[0].shape(), nodes[1].shape());
            return refuse(self, "linear_recurrence", message, "lengths must be equal or 1", site);
        };
        let axis = ok!(self, axis_of("linear_recurrence", axis, &shape, site));
        let a = self.broadcast_to(&shape).widen().rows(axis);
        let b = b.broadcast_to(&shape).widen().rows(axis);
        let rows = a.then(|a| Node::routine(Routine::LinRec, vec![a.clone(), b.node()?.clone()], site));
        rows.unrows(axis, &shape)
    }

    #[track_caller]
    fn scan(&self, kind: Scan, axis: usize) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("cumulative", axis, shape, site));
        let rows = self.widen().rows(axis);
        rows.then(|x| Node::routine(Routine::Scan(kind), vec![x.clone()], site)).unrows(axis, shape)
    }

    /// As a matrix whose rows run along `axis`.
    #[track_caller]
    pub(super) fn rows(&self, axis: usize) -> Tensor {
        let shape = ok!(self, self.shape());
        let n = shape[axis];
        self.move_axis(axis, shape.rank() - 1).reshape([shape.without(&[axis]).elements(), n])
    }

    /// The inverse of [`Tensor::rows`], for a tensor of shape `shape` (the length of `axis` may have changed).
    #[track_caller]
    pub(super) fn unrows(&self, axis: usize, shape: &Shape) -> Tensor {
        let n = ok!(self, self.shape())[1];
        let mut dims = shape.without(&[axis]).dims().to_vec();
        dims.push(n);
        self.reshape(dims).move_axis(shape.rank() - 1, axis)
    }

    /// A primitive reduction over axes that exist.
    #[track_caller]
    pub(super) fn reduce(&self, kind: Reduce, axes: &[usize]) -> Tensor {
        let site = Site::here();
        self.widen().then(|x| Node::reduce(kind, x, axes, site))
    }

    /// Booleans as `u32`, anything else as it is.
    #[track_caller]
    pub(super) fn numeric(&self) -> Tensor {
        match self.dtype() {
            Ok(DType::Bool) => self.cast(DType::U32),
            _ => self.clone(),
        }
    }

    #[track_caller]
    pub(super) fn mean_of(&self, op: &str, axes: &[usize]) -> Tensor {
        let (x, shape) = (self.float(op), ok!(self, self.shape()));
        let n = count(shape, axes);
        if n == 0 {
            let message = format!("no elements along axes {axes:?} of shape {shape}");
            return refuse(self, op, message, "a mean needs at least one element", Site::here());
        }
        x.reduce(Reduce::Sum, axes).mul(Fixed(1.0 / n as f64))
    }

    #[track_caller]
    fn variance(&self, op: &str, correction: usize, axes: &[usize]) -> Tensor {
        let (x, shape) = (self.float(op), ok!(self, self.shape()));
        let n = count(shape, axes);
        if n <= correction {
            let message = format!("{n} elements along axes {axes:?} of shape {shape}, correction {correction}");
            return refuse(self, op, message, "it needs more elements than the correction takes away", Site::here());
        }
        let mean = x.mean_of(op, axes).restore(axes, shape);
        x.sub(&mean).square().reduce(Reduce::Sum, axes).mul(Fixed(1.0 / (n - correction) as f64))
    }

    #[track_caller]
    fn p_norm(&self, p: f64, axes: &[usize]) -> Tensor {
        let x = self.float("norm");
        if p == 2.0 {
            return x.square().reduce(Reduce::Sum, axes).sqrt_safe();
        }
        if p == 0.0 {
            return x.ne(Fixed(0.0)).cast(DType::F32).reduce(Reduce::Sum, axes);
        }
        let magnitude = x.abs();
        if p == 1.0 {
            return magnitude.reduce(Reduce::Sum, axes);
        }
        if p.is_infinite() {
            return magnitude.reduce(if p > 0.0 { Reduce::Max } else { Reduce::Min }, axes);
        }
        if p.is_nan() {
            return refuse(self, "norm", "p is NaN", "give a number, or f64::INFINITY", Site::here());
        }
        if p < 0.0 {
            return magnitude.pow(p).reduce(Reduce::Sum, axes).pow(1.0 / p);
        }
        // The power's derivative is infinite at 0 (of the element for p < 1, of the sum for p > 1): step around it.
        magnitude.pow_safe(p).reduce(Reduce::Sum, axes).pow_safe(1.0 / p)
    }

    /// `x^p` of `x >= 0`, `p > 0`, with gradient 0 at 0.
    #[track_caller]
    fn pow_safe(&self, p: f64) -> Tensor {
        let zero = self.eq(Fixed(0.0));
        zero.select_like(self, Fixed(0.0), zero.select_like(self, Fixed(1.0), self).pow(p))
    }

    #[track_caller]
    fn log_sum_exp(&self, axes: &[usize]) -> Tensor {
        let (x, shape) = (self.float("logsumexp"), ok!(self, self.shape()));
        let max = x.reduce(Reduce::Max, axes).detach();
        // An infinite maximum must not meet itself in a difference.
        let max = map(Func::Select, [&max.is_finite(), &max, &max.zeros_like()]);
        x.sub(&max.restore(axes, shape)).exp().reduce(Reduce::Sum, axes).log().add(&max)
    }
}

/// The number of elements along the axes.
pub(super) fn count(shape: &Shape, axes: &[usize]) -> usize {
    axes.iter().map(|&axis| shape[axis]).product()
}
