//! Regularized models: `loss(x b + b0) + penalty(b)`, fitted on a device to f64 accuracy.
//!
//! The loss is `1/(2n) ||y - x b - b0||^2` for [`Model::Linear`] and the mean negative log-likelihood for
//! [`Model::Logistic`] and [`Model::Softmax`]; the intercept `b0` is not penalized. What is minimised is exactly this
//! objective of the given columns: the solver scales columns for its own good ([`design`]), and the penalty is told.
//! Only [`Problem::standardize`] changes the objective: then the penalty acts on the coefficients of the standardized
//! columns, and the reported coefficients are those of the given columns again.
//!
//! The work with the data is done on the device in f32; [`solve`] says how the result is correct to f64 all the same, and
//! [`verify`] how the device's numbers are checked against the reference.

pub mod design;
mod device;
pub mod loss;
#[cfg(test)]
mod mirror;
pub mod path;
pub mod regularizer;
pub mod solve;
#[cfg(test)]
mod tests;
pub mod verify;
mod whole;

pub use path::{Path, Step};
pub use verify::Verified;

use crate::error::{Error, Result};
use crate::penalty::{Parts, Penalty};
use crate::run::Device;
use design::Design;
use device::Accelerator;
use loss::Loss;
use regularizer::Regularizer;
use solve::{Host, Limits, Point, Solution};

/// The relative distance to optimality that problems ask for by default: with columns so much alike that coefficients
/// magnify it by 10^5, four digits of them are still right.
pub const TOL: f64 = 1e-10;

/// What the linear predictor means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A number, with Gaussian noise: least squares.
    Linear,
    /// The log-odds of class 1 against class 0.
    Logistic,
    /// One score per class `0, 1, …, classes - 1`.
    Softmax {
        /// The number of classes, at least 2.
        classes: usize,
    },
}

/// Data, model and penalty.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Features, row-major `[rows, features]`.
    pub x: Vec<f64>,
    /// Columns of `x`.
    pub features: usize,
    /// Responses; 0 and 1 for [`Model::Logistic`], class numbers for [`Model::Softmax`].
    pub y: Vec<f64>,
    /// What is fitted.
    pub model: Model,
    /// What keeps the coefficients small.
    pub penalty: Penalty,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// Whether the penalty acts on the coefficients of standardized columns (mean 0, mean square 1; without an intercept
    /// only the mean square is made 1).
    pub standardize: bool,
    /// The relative distance to optimality that is asked for; see [`Fit::optimality`].
    pub tol: f64,
    /// At most so many iterations on the device.
    pub max_iter: usize,
}

impl Problem {
    /// A linear model with intercept on the columns as they are.
    #[must_use]
    pub fn linear(x: Vec<f64>, features: usize, y: Vec<f64>, penalty: Penalty) -> Problem {
        Problem {
            x,
            features,
            y,
            model: Model::Linear,
            penalty,
            intercept: true,
            standardize: false,
            tol: TOL,
            max_iter: 100_000,
        }
    }

    /// An error if the shapes or the responses are not what the model takes.
    fn check(&self) -> Result<()> {
        let refuse = |message: String, hint: &str| Err(Error::input("fit", message, hint.to_string()));
        let rows = self.y.len();
        if self.features == 0 || rows < 2 {
            return refuse(
                format!("{rows} rows and {} features", self.features),
                "at least two rows and one feature are needed",
            );
        }
        if self.x.len() != rows * self.features {
            return refuse(
                format!("x has {} numbers, y has {rows} rows of {} features", self.x.len(), self.features),
                "x is row-major, one row per response",
            );
        }
        if let Some(row) = self.y.iter().position(|v| !v.is_finite()) {
            return refuse(format!("response {row} is NaN or infinite"), "remove such rows");
        }
        if !(self.tol >= 0.0 && self.tol < 1.0) || self.max_iter == 0 {
            return refuse(
                format!("tol = {}, max_iter = {}", self.tol, self.max_iter),
                "tol must be at least 0 and below 1, max_iter at least 1",
            );
        }
        let classes = match self.model {
            Model::Linear => return Ok(()),
            Model::Logistic => 2,
            Model::Softmax { classes } => classes,
        };
        let mut seen = vec![false; classes];
        for (row, &v) in self.y.iter().enumerate() {
            match seen.get_mut(v as usize) {
                Some(class) if v >= 0.0 && v.fract() == 0.0 => *class = true,
                _ => return refuse(format!("response {row} is {v}"), "classes are numbered 0, 1, …"),
            }
        }
        match seen.iter().position(|s| !s) {
            Some(class) => refuse(format!("no row has class {class}"), "every class must occur"),
            None if classes < 2 => refuse("one class".into(), "at least two classes are needed"),
            None => Ok(()),
        }
    }
}

/// A fitted model.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Coefficients of the given columns, `[features, outputs]` row-major; `outputs` is the number of classes for
    /// [`Model::Softmax`], else 1.
    pub coefficients: Vec<f64>,
    /// The same per standard deviation of each column.
    pub standardized: Vec<f64>,
    /// The intercepts, one per output; 0 where none was asked for. For softmax models their sum is 0.
    pub intercept: Vec<f64>,
    /// Loss plus penalty, in f64 (in f32 if not [`Fit::polished`]).
    pub objective: f64,
    /// The distance of the negative gradient from the penalty's subdifferential, in f64: the greatest over coefficients (of
    /// columns scaled to mean square 1), relative to the greatest gradient of the model without features. 0 at a solution.
    pub optimality: f64,
    /// Whether `optimality` is at most [`Problem::tol`], or as small as f64 can tell.
    pub converged: bool,
    /// Whether the coefficients were polished to f64 accuracy on the host. A penalty on whole tensors has no mirror for
    /// that: its coefficients, objective and optimality (the greatest move of a proximal step, asked for to 1e-5 at best) are
    /// those of the device, in f32.
    pub polished: bool,
    /// Iterations on the device.
    pub iterations: usize,
    /// The device's objective and gradient against the reference.
    pub verified: Verified,
    /// Columns without spread; their coefficients are 0 wherever the penalty prefers 0.
    pub constant: Vec<usize>,
}

impl Fit {
    /// Outputs per row of the data.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.intercept.len()
    }

    /// The number of coefficients that are not exactly 0.
    #[must_use]
    pub fn nonzero(&self) -> usize {
        self.coefficients.iter().filter(|v| **v != 0.0).count()
    }
}

/// A problem prepared for solving with one or many strengths of its penalty: the data is scaled and uploaded once.
pub struct Fitter<'a> {
    problem: &'a Problem,
    design: Design,
    loss: Loss,
    regularizer: Regularizer,
    accelerator: Accelerator,
    lipschitz: f64,
    unit: f64,
    null: Point,
    /// Whether the penalty is one on whole tensors; then the regularizer is empty.
    whole: bool,
}

impl<'a> Fitter<'a> {
    /// Checks the problem and brings its data to the device.
    ///
    /// # Errors
    /// Shapes, responses or a penalty that do not fit together; whatever the device reports.
    pub async fn new(device: &Device, problem: &'a Problem) -> Result<Fitter<'a>> {
        problem.check()?;
        let loss = Loss::new(problem.model, &problem.y, problem.intercept);
        let mut design = Design::new(&problem.x, problem.features, problem.intercept, problem.standardize)?;
        let whole = problem.penalty.is_whole();
        let parts =
            if whole { problem.penalty.clone().check().map(|_| Parts::default())? } else { problem.penalty.parts()? };
        let regularizer = Regularizer::new(&mut design, loss.k, parts)?;
        let accelerator = Accelerator::new(device, &design, &loss)?;
        let curvature = match problem.model {
            Model::Linear => 1.0,
            Model::Logistic => 0.25,
            Model::Softmax { .. } => 0.5,
        };
        let lipschitz = curvature * accelerator.greatest_eigenvalue().await?;
        let null = Point { b: vec![0.0; problem.features * loss.k], intercept: loss.null_intercept() };
        let slope = loss.slope(&design, &null.b, &null.intercept);
        // a response without any relation to the columns has a gradient of rounding size: nothing is relative to that
        let size = loss.y.iter().fold(loss.y_center.abs(), |m, v| m.max(v.abs()));
        let unit = slope.gradient.iter().fold(1e-9 * size, |m, g| m.max(g.abs()));
        let unit = if unit > 0.0 { unit } else { 1.0 };
        Ok(Fitter { problem, design, loss, regularizer, accelerator, lipschitz, unit, null, whole })
    }

    async fn solve(
        &mut self,
        regularizer: &Regularizer,
        start: Point,
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Solution> {
        self.accelerator.penalize(regularizer)?;
        let host =
            Host { design: &self.design, loss: &self.loss, regularizer, lipschitz: self.lipschitz, unit: self.unit };
        let limits = Limits { tol: self.problem.tol, max_iter: self.problem.max_iter };
        host.solve(&mut self.accelerator, start, limits, progress).await
    }

    /// Fits with the problem's penalty; `progress` hears of iterations and the distance to optimality.
    ///
    /// # Errors
    /// What the device reports, and an objective that is not finite.
    pub async fn fit(&mut self, progress: &mut dyn FnMut(usize, f64)) -> Result<Fit> {
        if self.whole {
            return whole::fit(self, progress).await;
        }
        let regularizer = self.regularizer.clone();
        let solution = self.solve(&regularizer, self.null.clone(), progress).await?;
        if !solution.objective.is_finite() {
            return Err(Error::Numeric {
                op: "fit".into(),
                message: format!("the objective is {}", solution.objective),
                hint: "rescale the data, or use a stronger penalty".into(),
            });
        }
        let verified = verify::verify(&self.accelerator, &solution.point).await?;
        let (coefficients, standardized, intercept) = self.in_users_terms(&solution.point);
        Ok(Fit {
            coefficients,
            standardized,
            intercept,
            objective: solution.objective,
            optimality: solution.optimality,
            converged: solution.converged,
            polished: true,
            iterations: solution.iterations,
            verified,
            constant: self.design.constant.clone(),
        })
    }

    /// Coefficients of the given columns, the same per standard deviation, and the intercepts.
    fn in_users_terms(&self, point: &Point) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let k = self.loss.k;
        let d = &self.design;
        let per = |ix: usize, v: f64| v * d.scale[ix / k];
        let coefficients: Vec<f64> = if self.problem.standardize {
            point.b.iter().enumerate().map(|(ix, v)| per(ix, *v) / d.spread[ix / k]).collect()
        } else {
            point.b.clone()
        };
        let standardized = coefficients.iter().enumerate().map(|(ix, v)| v * d.deviation[ix / k]).collect();
        let mut intercept = point.intercept.clone();
        if self.problem.intercept {
            for (c, b0) in intercept.iter_mut().enumerate() {
                let shift: f64 = (0..d.p).map(|j| d.center[j] * coefficients[j * k + c]).sum();
                *b0 += self.loss.y_center - shift;
            }
            if k > 1 {
                // adding a number to all scores changes nothing: take the representative with sum 0
                let mean = intercept.iter().sum::<f64>() / k as f64;
                intercept.iter_mut().for_each(|b0| *b0 -= mean);
            }
        }
        (coefficients, standardized, intercept)
    }
}

/// Fits one model; see [`Fitter`] for several strengths of a penalty.
///
/// # Errors
/// See [`Fitter::new`] and [`Fitter::fit`].
pub async fn fit(device: &Device, problem: &Problem, progress: &mut dyn FnMut(usize, f64)) -> Result<Fit> {
    Fitter::new(device, problem).await?.fit(progress).await
}
