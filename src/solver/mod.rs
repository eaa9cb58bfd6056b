//! Solvers: minimisers of `smooth(w) + penalty(w)` and of sums with linear maps, over one or several tensors.
//!
//! | method | problem | certificate |
//! | --- | --- | --- |
//! | [`fista()`] (also ISTA) | smooth + penalties | distance from the subdifferential; a gap, if given |
//! | [`proximal_newton`] | smooth, convex + penalties | the same |
//! | [`coordinate_descent`], [`coordinate_path`] | least squares or logistic + l1, l2, elastic net, on elements or groups | the same, and the duality gap |
//! | [`svrg`], [`saga`] | mean of many terms + penalties | the same, of the full objective |
//! | [`lbfgs()`] | smooth | greatest element of the gradient |
//! | [`frank_wolfe`] | smooth over a [`Hull`] | the duality gap |
//! | [`douglas_rachford`], [`davis_yin`] | two functions with proximal operators (+ smooth) | sum of subgradients |
//! | [`pdhg`], [`condat_vu`] | functions of linear images (+ smooth) | subgradients of the saddle function |
//! | [`admm()`] | two functions tied by equations | primal and dual residual |
//! | [`pdlp`] | linear and convex quadratic programs | relative residuals and duality gap |
//! | [`cg()`], [`pcg`] | symmetric positive definite systems | relative residual |
//!
//! All are written as tensor expressions. Many iterations are one graph and one submission; the host reads a few numbers in
//! between, so the device is not kept waiting. The graph's structure repeats, so it is planned once. [`Options`], [`Report`] and
//! what may watch and stop are the same for all; a report's `optimality` is the certificate of the table.
//!
//! The smooth part is any function from tensors to a scalar tensor; its gradient comes by differentiation, unless a
//! [`Smooth`] brings its own. [`Quadratic`] does: least squares through the Gram matrix, which costs `p^2` instead of `n p`
//! per iteration.
//!
//! ```no_run
//! # async fn example(x: ridgepoint::Tensor, y: ridgepoint::Tensor) -> ridgepoint::Result<()> {
//! use ridgepoint::{penalty, solver::{self, Options, Quadratic}};
//! let loss = Quadratic::least_squares(&x, &y)?;
//! let start = [x.device().zeros([10])];
//! let solution = solver::fista(&loss, &[penalty::l1(0.1)], &start, Options::default()).await?;
//! println!("{}", solution.report);
//! # Ok(()) }
//! ```
//!
//! # Numerics
//! Gradients are f32: the distance from optimality falls to some units of rounding of the terms that make up the gradient,
//! and no further. A solver that sees no more progress says [`Status::Stalled`] and returns the best point it met.

mod admm;
mod blocks;
mod cg;
mod coordinate;
mod drive;
mod fista;
mod frank_wolfe;
mod lbfgs;
mod linear_program;
mod newton;
mod primal_dual;
mod proximal;
mod smooth;
mod stochastic;
mod three;

pub use admm::{Admm, Block, Update, admm};
pub use cg::{cg, pcg};
pub use coordinate::{Model, coordinate_descent, coordinate_path};
pub use fista::{Momentum, Restart, Step, fista};
pub use frank_wolfe::{Extreme, Hull, Stride, frank_wolfe};
pub use lbfgs::lbfgs;
pub use linear_program::{LinearProgram, pdlp};
pub use newton::proximal_newton;
pub use primal_dual::{Image, condat_vu, pdhg};
pub use proximal::Proximal;
pub use smooth::{Quadratic, Smooth, lipschitz};
pub use stochastic::{Batches, FiniteSum, saga, svrg};
pub use three::{davis_yin, douglas_rachford};

use crate::error::{Error, Result, Site};
use crate::penalty::Penalty;
use crate::run::Device;
use crate::tensor::Tensor;
use std::fmt;

/// What a solver tells while it runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// Iterations so far.
    pub iterations: usize,
    /// The objective.
    pub objective: f64,
    /// The distance from optimality, see [`Report::optimality`].
    pub optimality: f64,
}

/// Called between submissions; `false` stops the solver.
pub type Watch<'a> = Box<dyn FnMut(&Progress) -> bool + 'a>;

/// Knobs of the solvers.
pub struct Options<'a> {
    /// Stop at this distance from optimality: [`Report::optimality`], mostly in units of the gradient.
    pub tol: f64,
    /// Stop after so many iterations.
    pub max_iter: usize,
    /// Iterations per submission; some methods have their own number.
    pub every: usize,
    /// Submissions without progress after which the solver gives up.
    pub patience: usize,
    /// See [`Step`].
    pub step: Step,
    /// See [`Momentum`].
    pub momentum: Momentum,
    /// The duality gap at a point, if the caller knows it; reported, and a second way to stop: at `tol_gap`.
    pub gap: Option<(Gap<'a>, f64)>,
    /// See [`Watch`].
    pub watch: Option<Watch<'a>>,
}

/// The duality gap as a scalar tensor, from the coefficients and the gradient of the smooth part there.
pub type Gap<'a> = Box<dyn Fn(&[Tensor], &[Tensor]) -> Tensor + 'a>;

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            tol: 1e-5,
            max_iter: 10_000,
            every: 10,
            patience: 30,
            step: Step::Estimate,
            momentum: Momentum::Nesterov(Restart::Gradient),
            gap: None,
            watch: None,
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("tol", &self.tol)
            .field("max_iter", &self.max_iter)
            .field("every", &self.every)
            .field("patience", &self.patience)
            .field("step", &self.step)
            .field("momentum", &self.momentum)
            .field("gap", &self.gap.is_some())
            .field("watch", &self.watch.is_some())
            .finish()
    }
}

/// Why a solver stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The tolerance was reached.
    Converged,
    /// No more progress: the rounding of f32 gradients, or a problem without a minimum.
    Stalled,
    /// `max_iter` was reached.
    Limit,
    /// The watch said so.
    Stopped,
    /// No point satisfies the constraints, and the multipliers prove it.
    Infeasible,
    /// The objective falls without end along a direction that the constraints allow; the point is far along it.
    Unbounded,
}

/// What a solver did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Report {
    /// Why it stopped.
    pub status: Status,
    /// Iterations.
    pub iterations: usize,
    /// The objective at the result.
    pub objective: f64,
    /// The greatest distance of `-gradient` from the subdifferential of the penalty, over elements or groups, at the result:
    /// 0 exactly at a stationary point. Methods for other problems say what it is.
    pub optimality: f64,
    /// The duality gap at the result, if one was given or the method knows it.
    pub gap: Option<f64>,
    /// The last step length (of ADMM `rho`, of Newton's and coordinate steps the fraction taken, of systems 0).
    pub step: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            Status::Converged => "converged",
            Status::Stalled => "no more progress",
            Status::Limit => "iteration limit",
            Status::Stopped => "stopped",
            Status::Infeasible => "infeasible",
            Status::Unbounded => "unbounded",
        };
        write!(f, "{status} after {} iterations: objective {:.6e}", self.iterations, self.objective)?;
        write!(f, ", distance from optimality {:.2e}", self.optimality)?;
        if let Some(gap) = self.gap {
            write!(f, ", duality gap {gap:.2e}")?;
        }
        Ok(())
    }
}

/// Where a solver ended.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The coefficients, evaluated.
    pub w: Vec<Tensor>,
    /// The multipliers of the linear maps, evaluated, where the method has some.
    pub dual: Vec<Tensor>,
    /// How it went.
    pub report: Report,
}

/// Checks what all solvers are given; returns the device.
fn admit(op: &str, penalties: &[Penalty], start: &[Tensor], options: &Options<'_>, site: Site) -> Result<Device> {
    if penalties.len() != start.len() {
        let message = format!("{} penalties for {} tensors", penalties.len(), start.len());
        let hint = "give one each; `Penalty::none()` where there is none";
        return Err(Error::argument(op, message, hint, site));
    }
    for penalty in penalties {
        penalty.clone().check()?;
    }
    admit_start(op, start, options, site)
}

/// [`admit`] without penalties.
fn admit_start(op: &str, start: &[Tensor], options: &Options<'_>, site: Site) -> Result<Device> {
    let refuse = |message: String, hint: &str| Err(Error::argument(op, message, hint, site));
    let Some(first) = start.first() else {
        return refuse("no coefficients".into(), "give at least one tensor to start from");
    };
    for w in start {
        if w.dtype()? != crate::dtype::DType::F32 {
            return refuse(format!("coefficients of dtype {}", w.dtype()?), "start from f32 coefficients");
        }
    }
    if options.tol.is_nan() || options.tol < 0.0 || options.every == 0 {
        let message = format!("tol {} and every {}", options.tol, options.every);
        return refuse(message, "tol >= 0, every >= 1");
    }
    Ok(first.device().clone())
}

/// The sum of the inner products of two lists of tensors.
#[track_caller]
fn inner(a: &[Tensor], b: &[Tensor]) -> Tensor {
    let mut sum: Option<Tensor> = None;
    for (a, b) in a.iter().zip(b) {
        let part = (a * b).sum(..);
        sum = Some(match sum {
            Some(sum) => sum + part,
            None => part,
        });
    }
    sum.expect("bug: solvers have at least one tensor of coefficients")
}

/// One result per tensor of two lists.
#[track_caller]
fn zip(a: &[Tensor], b: &[Tensor], f: impl Fn(&Tensor, &Tensor) -> Tensor) -> Vec<Tensor> {
    a.iter().zip(b).map(|(a, b)| f(a, b)).collect()
}

/// The error for an objective that is not a number.
fn not_finite(op: &str, what: &str, value: f64, iterations: usize) -> Error {
    Error::Numeric {
        op: op.into(),
        message: format!("{what} is {value} at iteration {iterations}"),
        hint: "look for NaN or very large numbers in the data, standardize it, or start with a shorter step".into(),
    }
}
