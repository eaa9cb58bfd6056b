//! Sets: penalties that are 0 within and infinite outside; their proximal operator is the projection, whatever the step.
//!
//! A set is one of whole tensors: `x` in a formula is the tensor read as one vector, unless it says that it is about a
//! matrix or about each row (the last axis). Infinity is `f32::MAX`, as everywhere. A sum or a norm that must have a
//! certain value has it up to rounding: coefficients belong to the set if they miss it by at most [`ROUNDING`] of the
//! numbers that the condition is about.

mod ball;
mod cone;
mod hankel;
mod linear;
mod simplex;
mod transport;

pub use ball::{Norm, ball, sphere};
pub use cone::{exponential_cone, second_order_cone};
pub use hankel::hankel;
pub use linear::{affine, half_space, hyperplane, hyperslab, polyhedron};
pub use simplex::{box_section, simplex, sparse_simplex};
pub use transport::{birkhoff, sinkhorn, transport};

use super::functional::{Description, Functional};
use super::registry::Registered;
use crate::ops::Fixed;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::fmt;

/// What a member may miss a condition by, relative to the numbers in it: 64 units in the last place, which is above the
/// rounding of a projection and of the test itself (a pairwise sum of a million terms: 20 roundings and a few in each).
pub const ROUNDING: f64 = 64.0 / 8_388_608.0;

/// A set with its projection. The methods are those of [`Functional`].
pub(super) trait Set: fmt::Debug + Send + Sync {
    fn description(&self) -> &'static Description;

    /// The nearest point of the set (one of them, if it is not convex).
    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor;

    /// How far `w` is outside, relative to the numbers that the condition is about; a scalar.
    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor;

    /// What a member may miss the condition by.
    fn tolerance(&self) -> f64 {
        ROUNDING
    }

    fn refuse_shape(&self, _shape: &Shape) -> Option<String> {
        None
    }

    fn refuse_parameters(&self, _p: &[f64]) -> Option<String> {
        None
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// The indicator of a set.
#[derive(Debug)]
pub(super) struct Indicator<S>(pub S);

impl<S: Set> Functional for Indicator<S> {
    fn description(&self) -> &'static Description {
        self.0.description()
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        // not `outside > tolerance`: NaN belongs to no set
        let within = self.0.outside(w, p).detach().le(Fixed(self.0.tolerance()));
        within.select(Fixed(0.0), Fixed(f64::from(f32::MAX)))
    }
    fn prox(&self, w: &Tensor, _step: &Tensor, p: &[Tensor]) -> Tensor {
        self.0.project(w, p)
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        self.0.refuse_shape(shape)
    }
    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        self.0.refuse_parameters(p)
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        self.0.options()
    }
}

/// `numerator / size`, 0 where both are: a condition relative to its numbers.
pub(super) fn relative(numerator: &Tensor, size: &Tensor) -> Tensor {
    numerator.div(size.maximum(Fixed(f64::from(f32::MIN_POSITIVE))))
}

/// Those known by name.
pub(super) const REGISTERED: &[&Registered] = &[
    &ball::L1B,
    &ball::L2B,
    &ball::MAXB,
    &ball::L1S,
    &ball::L2S,
    &ball::MAXS,
    &simplex::SIMPLEX,
    &simplex::SPARSE,
    &simplex::BOX,
    &linear::PLANE,
    &linear::HALF,
    &linear::SLAB,
    &linear::AFFINE,
    &linear::POLYHEDRON,
    &cone::SECOND_ORDER,
    &cone::EXPONENTIAL,
    &hankel::HANKEL,
    &transport::BIRKHOFF,
    &transport::TRANSPORT,
];
