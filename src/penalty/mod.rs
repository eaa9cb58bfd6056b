//! Penalties: value, gradient, proximal operator and distance from optimality, on any device.
//!
//! A separable penalty is three scalar functions, `value(x)`, `grad(x)` and `prox(x, step)`, written once in WGSL
//! (`shaders/penalty/<name>.wgsl`) and once in f64 (`src/penalty/<name>.rs`, listed by [`all`]). A [`Penalty`] is such a
//! function with its parameters, lifted to a tensor: on every element, or on the norms of [`Groups`] of coefficients
//! (group lasso, group MCP, …), or both (the sparse group lasso). Its results are ordinary tensors, so they fuse with what
//! stands around them: a value and a gradient are one kernel, an optimizer's step and its proximal operator another.
//!
//! Penalties on whole tensors, sets among them, are [`Functional`]s: a value and a proximal operator as tensor expressions.
//! There are
//! - sorted magnitudes: [`slope`], [`oscar`], [`largest_k`], [`top_k`], the k-support norm;
//! - differences: [`fused_lasso`] (exactly), [`total_variation`] and [`graph_tv`] (by a dual solver; [`denoise`] certifies
//!   its result), [`laplacian`];
//! - singular values: [`nuclear`], [`spectral_norm`], [`rank`], [`Penalty::singular_values`] of any other;
//! - sets: [`ball`], [`sphere`], [`simplex`], [`box_section`], [`half_space`], [`affine`], [`polyhedron`], cones,
//!   [`stiefel`], [`birkhoff`], [`transport`], …: value 0 or `f32::MAX`, the proximal operator a projection;
//! - what the calculus makes of others: [`Penalty::translate`], [`Penalty::tilt`], [`Penalty::conjugate`],
//!   [`Penalty::envelope`], [`Penalty::through_map`], [`Penalty::blocks`], …
//!
//! Vectors are the whole tensor or its rows, see [`Along`]; matrices are the last two axes. [`catalogue()`] lists all.
//!
//! Parameters travel as data: following a path of `lambda` compiles nothing.
//!
//! ```no_run
//! # async fn example(device: &ridgepoint::Device) -> ridgepoint::Result<()> {
//! use ridgepoint::penalty::{self, Groups};
//! let w = device.tensor(&[0.3f32, -0.02, 0.0, 1.5], [4]);
//! let net = penalty::elastic_net(0.1, 0.05);
//! let (value, gradient, shrunk) = (net.value(&w), net.gradient(&w), net.prox(&w, 0.5));
//! let pairs = penalty::group_lasso(0.2, &Groups::equal(4, 2)?);
//! let from_text = penalty::parse("mcp(lambda=0.2,gamma=3)")?;
//! # Ok(()) }
//! ```
//!
//! # Conventions
//! The objective is `smooth(w) + penalty(w)`, and the proximal operator of a step `s` is
//! `argmin_u ||u - w||^2 / (2 s) + penalty(u)`. Each module states how its parameters relate to those of scikit-learn and
//! skglm under the objective `1/(2n) ||y - Xb||^2 + penalty(b)`, where that is not the identity.
//!
//! A weight multiplies the value, and so the step of the proximal operator. Groups have the weight 1 as in celer and skglm;
//! [`GroupWeights::Root`] gives the square root of the group's size.

mod calculus;
pub mod catalogue;
mod certificate;
pub mod custom;
mod difference;
mod functional;
mod group;
mod lift;
pub mod matrix;
mod overlap;
mod polar;
mod profile;
mod registry;
mod rows;
pub mod separable;
mod set;
mod sorted;
mod spec;
mod spectral;
mod stationary;
mod term;
mod terms;

#[cfg(test)]
mod laws;

pub use catalogue::{Entry, Plane, catalogue};
pub(crate) use certificate::{Certified, Problem, distance};
pub use custom::{Custom, Function, Module};
pub use difference::{Denoised, Kind, denoise, fused_lasso, graph_tv, laplacian, total_variation};
pub use functional::{Description, Functional};
pub use group::{GroupWeights, Groups};
pub use overlap::Overlap;
pub use profile::{Parameter, Parameters, Range, Separable};
pub use registry::Choice;
pub(crate) use registry::{Computed, Registered, checked, registered};
pub use rows::Along;
pub use set::{
    Norm, ROUNDING, affine, ball, birkhoff, box_section, exponential_cone, half_space, hankel, hyperplane, hyperslab,
    polyhedron, second_order_cone, simplex, sinkhorn, sparse_simplex, sphere, transport,
};
pub use sorted::{largest_k, oscar, slope, top_k};
pub use spec::parse;
pub use spectral::{
    doubly_non_negative, nuclear, nuclear_ball, rank, rank_k, semidefinite_cone, spectral_ball, spectral_norm, stiefel,
};

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::tensor::Tensor;
use functional::Whole;
use std::fmt;
use term::Term;
use terms::Inner;

/// The descriptions of all built-in separable penalties, sorted by name.
#[must_use]
pub fn all() -> impl ExactSizeIterator<Item = &'static Separable> {
    separable::LIST.iter().map(|(of, _)| *of)
}

/// A number, or a tensor of one element (for weights and steps: one per coefficient).
#[derive(Clone, Debug)]
pub enum Scalar {
    /// Known to the host; travels to the device as data.
    Number(f64),
    /// Known to the device.
    Tensor(Tensor),
}

impl From<f64> for Scalar {
    fn from(x: f64) -> Self {
        Scalar::Number(x)
    }
}
impl From<f32> for Scalar {
    fn from(x: f32) -> Self {
        Scalar::Number(f64::from(x))
    }
}
impl From<Tensor> for Scalar {
    fn from(x: Tensor) -> Self {
        Scalar::Tensor(x)
    }
}
impl From<&Tensor> for Scalar {
    fn from(x: &Tensor) -> Self {
        Scalar::Tensor(x.clone())
    }
}
impl From<&Scalar> for Scalar {
    fn from(x: &Scalar) -> Self {
        x.clone()
    }
}

/// One part of a penalty as numbers, for code that works in f64 on the host.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The functions.
    pub of: &'static Separable,
    /// Their parameters.
    pub parameters: Parameters,
    /// Multiplies the value.
    pub weight: f64,
}

/// A penalty as numbers; see [`Penalty::parts`].
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// What acts on every element.
    pub elements: Option<Part>,
    /// What acts on the norms of groups (whose own weights are in [`Groups::weights`]).
    pub groups: Option<(Part, Groups)>,
}

/// A penalty on a tensor of coefficients; see the module. Cheap to clone.
///
/// Like a tensor it carries the error that building it met (`lambda < 0`) to where it is used; [`Penalty::check`] asks for
/// it at once.
#[derive(Clone, Debug)]
pub struct Penalty(Result<Form, Box<Error>>);

/// What a penalty is.
#[derive(Clone, Debug)]
enum Form {
    /// A sum over elements, over groups, or both.
    Terms(Inner),
    /// A function of the whole tensor.
    Whole(Whole),
}

impl Penalty {
    /// No penalty: value 0, the proximal operator is the identity.
    #[must_use]
    pub fn none() -> Penalty {
        Penalty::terms(Inner::default())
    }

    /// A built-in penalty by name or alias, with its default parameters.
    ///
    /// # Errors
    /// An unknown name; the message lists the known ones.
    #[track_caller]
    pub fn named(name: &str) -> Result<Penalty> {
        spec::named(name, Site::here())
    }

    #[track_caller]
    fn built_in(name: &str, parameters: &[Scalar]) -> Penalty {
        let site = Site::here();
        let term = Term::built_in(name, site).and_then(|term| term.with_all(parameters, site));
        Penalty(term.map(|term| Form::Terms(Inner::elements(term))).map_err(Box::new))
    }

    fn terms(inner: Inner) -> Penalty {
        Penalty(Ok(Form::Terms(inner)))
    }

    #[track_caller]
    fn then(self, change: impl FnOnce(Form, Site) -> Result<Form>) -> Penalty {
        let site = Site::here();
        Penalty(self.0.and_then(|form| change(form, site).map_err(Box::new)))
    }

    /// Itself, or the error it carries.
    ///
    /// # Errors
    /// The one that building it met.
    pub fn check(self) -> Result<Penalty> {
        match self.0 {
            Ok(_) => Ok(self),
            Err(error) => Err(*error),
        }
    }

    /// The same penalty with another value of one parameter (a name of the catalogue; in a sparse group lasso `l1` is the
    /// elements' and `lambda` the groups').
    ///
    /// # Errors
    /// An unknown parameter, or a value out of its range.
    #[must_use]
    #[track_caller]
    pub fn with(self, parameter: &str, value: impl Into<Scalar>) -> Penalty {
        let value = value.into();
        self.then(|form, site| match form {
            Form::Terms(inner) => inner.with(parameter, &value, site).map(Form::Terms),
            Form::Whole(whole) => whole.with(parameter, &value, site).map(Form::Whole),
        })
    }

    /// The penalty multiplied by a number, or elementwise by a tensor that broadcasts to the coefficients (or has one
    /// element per group): the adaptive lasso. Weights must not be negative.
    #[must_use]
    #[track_caller]
    pub fn weight(self, weight: impl Into<Scalar>) -> Penalty {
        let weight = weight.into();
        self.then(|form, site| match form {
            Form::Terms(inner) => inner.weigh(&weight, site).map(Form::Terms),
            Form::Whole(whole) => whole.weigh(&weight, site).map(Form::Whole),
        })
    }

    /// The penalty on the norms of groups instead of on elements: `sum_g weight_g profile(||w_g||)`.
    ///
    /// # Errors
    /// A penalty that is not even (`bounds`, `non-negative`) says nothing about norms.
    #[must_use]
    #[track_caller]
    pub fn grouped(self, groups: &Groups) -> Penalty {
        let groups = groups.clone();
        self.then(|form, site| match form {
            Form::Terms(inner) => inner.grouped(&groups, site).map(Form::Terms),
            Form::Whole(whole) => Err(Error::argument(
                "grouped",
                format!("{whole} is no function of one number"),
                "lift a penalty on elements",
                site,
            )),
        })
    }

    /// The sum of a penalty on elements (this one) and one on groups.
    ///
    /// # Errors
    /// Unless this one is positively homogeneous (`l1`, `non-negative`), because only then is the proximal operator of the
    /// sum the one of the groups after the one of the elements (Y. Yu, On decomposing the proximal map, NIPS 2013).
    #[must_use]
    #[track_caller]
    pub fn and_groups(self, groups: Penalty) -> Penalty {
        let site = Site::here();
        Penalty(match (self.0, groups.0) {
            (Ok(Form::Terms(elements)), Ok(Form::Terms(groups))) => {
                elements.join(groups, site).map(Form::Terms).map_err(Box::new)
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(Form::Whole(whole)), _) | (_, Ok(Form::Whole(whole))) => Err(Box::new(Error::argument(
                "and_groups",
                format!("{whole} acts on the whole tensor"),
                "it joins one penalty on elements with one on groups",
                site,
            ))),
        })
    }

    /// The sum over elements or groups, a scalar tensor.
    ///
    /// # Gradient
    /// [`Penalty::gradient`]: at a kink the subgradient of least magnitude. With respect to parameters given as tensors it
    /// is not defined, with respect to a weight it is.
    #[must_use]
    #[track_caller]
    pub fn value(&self, w: &Tensor) -> Tensor {
        self.on(w, &[], |form, nodes, site| match form {
            Form::Terms(inner) => inner.value(w.device(), &nodes[0], site),
            Form::Whole(whole) => whole.value(&w.cast(DType::F32), site),
        })
    }

    /// The gradient of the value, in the shape of `w`; at a kink the subgradient of least magnitude.
    #[must_use]
    #[track_caller]
    pub fn gradient(&self, w: &Tensor) -> Tensor {
        self.on(w, &[], |form, nodes, site| match form {
            Form::Terms(inner) => inner.gradient(w.device(), &nodes[0], site),
            Form::Whole(whole) => whole.gradient(&w.cast(DType::F32), site),
        })
    }

    /// `argmin_u ||u - w||^2 / (2 step) + penalty(u)`, the global one also where the penalty is not convex; zeros are exact.
    /// A separable penalty takes one step for all coefficients or one each (a diagonal metric).
    #[must_use]
    #[track_caller]
    pub fn prox(&self, w: &Tensor, step: impl Into<Scalar>) -> Tensor {
        let step = step.into();
        self.on(w, &[], |form, nodes, site| match form {
            Form::Terms(inner) => inner.prox(w, &nodes[0], &step, site),
            Form::Whole(whole) => whole.prox(&w.cast(DType::F32), &step, site),
        })
    }

    /// How far `w` is from optimal if `gradient` is the gradient of the smooth part there: the distance of `-gradient` from
    /// the subdifferential, for each element in the shape of `w`, or in the Euclidean norm for each group as `[groups]`.
    #[must_use]
    #[track_caller]
    pub fn distance(&self, w: &Tensor, gradient: &Tensor) -> Tensor {
        self.on(w, &[gradient], |form, nodes, site| form.distance([w, gradient], nodes, site))
    }

    /// The greatest [`Penalty::distance`], a scalar tensor; 0 exactly at a stationary point.
    #[must_use]
    #[track_caller]
    pub fn optimality(&self, w: &Tensor, gradient: &Tensor) -> Tensor {
        self.on(w, &[gradient], |form, nodes, site| terms::greatest(&form.distance([w, gradient], nodes, site)?, site))
    }

    /// Whether every part of it is convex.
    #[must_use]
    pub fn is_convex(&self) -> bool {
        match &self.0 {
            Ok(Form::Terms(inner)) => inner.is_convex(),
            Ok(Form::Whole(whole)) => whole.of.is_convex(),
            Err(_) => false,
        }
    }

    /// Whether it is the indicator of a set: its value is 0 or `f32::MAX`, its proximal operator a projection.
    #[must_use]
    pub fn is_set(&self) -> bool {
        match &self.0 {
            Ok(Form::Terms(inner)) => inner.is_set(),
            Ok(Form::Whole(whole)) => whole.of.is_set(),
            Err(_) => false,
        }
    }

    /// Whether it is zero everywhere.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.inner().is_some_and(Inner::is_none)
    }

    /// Whether it is a function of the whole tensor, which [`Penalty::parts`] cannot take apart.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.0, Ok(Form::Whole(_)))
    }

    /// Whether it is a sum over elements, so that a proximal step may have another length for each.
    #[must_use]
    pub fn is_separable(&self) -> bool {
        self.inner().is_some_and(|inner| inner.groups.is_none())
    }

    /// The groups it acts on, if any.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.inner().and_then(Inner::groups)
    }

    /// The value of a parameter that is a number.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<f64> {
        match self.0.as_ref().ok()? {
            Form::Terms(inner) => inner.parameter(name),
            Form::Whole(whole) => whole.parameter(name),
        }
    }

    /// The first strength of a penalty on a whole tensor that is a number above 0, else its weight; none of a set.
    pub(crate) fn strength(&self) -> Option<(&'static str, f64)> {
        let Ok(Form::Whole(whole)) = &self.0 else { return None };
        if whole.of.is_set() {
            return None;
        }
        let own = ["lambda", "l1", "l2"].into_iter().find_map(|name| Some((name, whole.parameter(name)?)));
        let (name, value) = own.filter(|(_, value)| *value > 0.0).unwrap_or(("weight", 1.0));
        // as the description has it, not by an alias
        Some((whole.position(name).map_or(name, |ix| whole.of.description().parameters[ix].name), value))
    }

    fn inner(&self) -> Option<&Inner> {
        match &self.0 {
            Ok(Form::Terms(inner)) => Some(inner),
            _ => None,
        }
    }

    /// The penalty as numbers.
    ///
    /// # Errors
    /// The error it carries; a user's penalty, one on the whole tensor, or a parameter or weight that is a tensor.
    #[track_caller]
    pub fn parts(&self) -> Result<Parts> {
        match &self.0 {
            Ok(Form::Terms(inner)) => inner.parts(Site::here()),
            Ok(Form::Whole(whole)) => Err(Error::argument(
                "parts",
                format!("{whole} is no sum over elements or groups"),
                "only penalties on elements and on norms of groups can be taken apart",
                Site::here(),
            )),
            Err(error) => Err((**error).clone()),
        }
    }

    #[track_caller]
    fn on(&self, w: &Tensor, others: &[&Tensor], build: impl FnOnce(&Form, &[Node], Site) -> Result<Node>) -> Tensor {
        let site = Site::here();
        let result = self.0.as_ref().map_err(|e| (**e).clone()).and_then(|form| {
            let mut tensors = vec![w];
            tensors.extend(others);
            let nodes = Tensor::nodes("penalty", &tensors, site)?;
            build(form, &nodes, site)
        });
        Tensor::new(w.device(), result)
    }
}

impl Form {
    /// See [`Penalty::distance`]; `nodes` are those of the tensors.
    fn distance(&self, [w, gradient]: [&Tensor; 2], nodes: &[Node], site: Site) -> Result<Node> {
        let (shape, other) = (nodes[0].shape(), nodes[1].shape());
        if shape != other {
            let message = format!("coefficients {shape}, gradient {other}");
            return Err(Error::argument("distance", message, "the gradient has the shape of the coefficients", site));
        }
        match self {
            Form::Terms(inner) => inner.distance(w.device(), &nodes[0], &nodes[1], site),
            Form::Whole(whole) => whole.distance(&w.cast(DType::F32), &gradient.cast(DType::F32), site),
        }
    }
}

impl fmt::Display for Penalty {
    /// As a specification that [`parse`] understands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(Form::Terms(inner)) => inner.fmt(f),
            Ok(Form::Whole(whole)) => whole.fmt(f),
            Err(error) => write!(f, "invalid ({error})"),
        }
    }
}

/// `l1 |x|`, the lasso.
#[must_use]
#[track_caller]
pub fn l1(l1: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("l1", &[l1.into()])
}

/// `l2/2 x^2`, ridge.
#[must_use]
#[track_caller]
pub fn l2(l2: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("l2", &[l2.into()])
}

/// `l1 |x| + l2/2 x^2`.
#[must_use]
#[track_caller]
pub fn elastic_net(l1: impl Into<Scalar>, l2: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("elastic-net", &[l1.into(), l2.into()])
}

/// The minimax concave penalty; `gamma > 1`.
#[must_use]
#[track_caller]
pub fn mcp(lambda: impl Into<Scalar>, gamma: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("mcp", &[lambda.into(), gamma.into()])
}

/// The smoothly clipped absolute deviation; `gamma > 2`.
#[must_use]
#[track_caller]
pub fn scad(lambda: impl Into<Scalar>, gamma: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("scad", &[lambda.into(), gamma.into()])
}

/// The Huber function: `lambda/2 x^2` up to `delta`, then a straight line.
#[must_use]
#[track_caller]
pub fn huber(lambda: impl Into<Scalar>, delta: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("huber", &[lambda.into(), delta.into()])
}

/// `lambda log(1 + |x| / epsilon)`.
#[must_use]
#[track_caller]
pub fn log_sum(lambda: impl Into<Scalar>, epsilon: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("log-sum", &[lambda.into(), epsilon.into()])
}

/// `lambda` for each element that is not 0: the hard threshold.
#[must_use]
#[track_caller]
pub fn l0(lambda: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("l0", &[lambda.into()])
}

/// The indicator of `lower <= x <= upper`.
#[must_use]
#[track_caller]
pub fn bounds(lower: impl Into<Scalar>, upper: impl Into<Scalar>) -> Penalty {
    Penalty::built_in("bounds", &[lower.into(), upper.into()])
}

/// The indicator of `x >= 0`.
#[must_use]
#[track_caller]
pub fn non_negative() -> Penalty {
    Penalty::built_in("non-negative", &[])
}

/// `sum_g weight_g lambda ||w_g||` (M. Yuan, Y. Lin, Model selection and estimation in regression with grouped variables,
/// JRSS B 68 (2006); there `weight_g = sqrt(size)`, here 1 unless the groups say otherwise).
#[must_use]
#[track_caller]
pub fn group_lasso(lambda: impl Into<Scalar>, groups: &Groups) -> Penalty {
    l1(lambda).grouped(groups)
}

/// `l1 ||w||_1 + sum_g weight_g lambda ||w_g||` (N. Simon et al., A sparse-group lasso, J. Comput. Graph. Stat. 22 (2013)).
#[must_use]
#[track_caller]
pub fn sparse_group_lasso(l1: impl Into<Scalar>, lambda: impl Into<Scalar>, groups: &Groups) -> Penalty {
    self::l1(l1).and_groups(group_lasso(lambda, groups))
}
