//! The outer loop: a problem solved in f32 on the device, to f64 accuracy.
//!
//! f32 gradients stall far from the solution when columns are correlated: an error of 2^-24 in a gradient is an error of
//! 2^-24 times the condition number in a coefficient. The remedy is iterative refinement, as for linear systems: once per
//! outer iteration the host computes the gradient in f64, and the device solves for a *correction*, whose f32 error is
//! relative to the correction, so every outer iteration gains digits.
//!
//! 1. **Which coefficients are zero?** A burst of accelerated proximal gradient steps on the device, on the device's own
//!    loss plus the linear term that makes its gradient right at the start of the burst.
//! 2. One proximal step in f64 on the host puts every coefficient exactly on a kink of the penalty (a zero, a bound) or
//!    on a smooth piece of it.
//! 3. **How large are the others?** Newton's step on that piece: a linear system, solved by conjugate gradients on the
//!    device. Coefficients that would cross a kink stop there; the step is kept only if the f64 objective does not rise.
//!
//! The burst is left out while Newton's steps converge. The method follows the analysis of G. Bareilles, F. Iutzeler,
//! J. Malick, *Newton acceleration on manifolds identified by proximal gradient methods*, Math. Program. 200 (2023).

use super::design::Design;
use super::loss::{Loss, Slope};
use super::regularizer::{Piece, Regularizer};
use crate::error::Result;

/// Coefficients (those the penalty acts on, `[p, k]`) and intercepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// `[p, k]`.
    pub b: Vec<f64>,
    /// `[k]`.
    pub intercept: Vec<f64>,
}

/// The part of an outer iteration that is worth a device.
pub(super) trait Inner {
    /// About `budget` accelerated proximal gradient steps of length `t` from `from`, where the f64 gradient is `slope`.
    async fn burst(&mut self, from: &Point, slope: &Slope, t: f64, budget: usize) -> Result<Burst>;
    /// Solves `(loss'' + piece'' + damping) d = -(slope + piece')` over the free coefficients and the intercepts by about
    /// `budget` steps of conjugate gradients.
    async fn newton(&mut self, at: &Point, slope: &Slope, piece: &Piece, damping: f64, budget: usize)
    -> Result<Newton>;
}

/// What `burst` gives.
#[derive(Clone, Debug)]
pub struct Burst {
    /// Where it ended.
    pub point: Point,
    /// Steps taken.
    pub iterations: usize,
}

/// What `newton` gives, in the solver's coordinates.
#[derive(Clone, Debug)]
pub struct Newton {
    /// By coefficients.
    pub step: Vec<f64>,
    /// By intercepts.
    pub intercept: Vec<f64>,
    /// Steps taken.
    pub iterations: usize,
    /// Whether a direction of negative curvature was met.
    pub indefinite: bool,
}

/// A problem on the host.
pub struct Host<'a> {
    /// The data.
    pub design: &'a Design,
    /// The smooth part.
    pub loss: &'a Loss,
    /// The penalty.
    pub regularizer: &'a Regularizer,
    /// An upper bound on the curvature of the loss.
    pub lipschitz: f64,
    /// What optimality is relative to: the greatest gradient of the model without features.
    pub unit: f64,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Relative distance to optimality; where that is less than f64 can tell from 0, the rounding of its own arithmetic takes its place.
    pub tol: f64,
    /// Device iterations in all.
    pub max_iter: usize,
}

/// Where the loop ended.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The best point met.
    pub point: Point,
    /// Its objective.
    pub objective: f64,
    /// Its distance from optimality, relative to [`Host::unit`].
    pub optimality: f64,
    /// Device iterations.
    pub iterations: usize,
    /// Whether `tol` was reached.
    pub converged: bool,
}

/// The first burst; doubled while bursts are needed.
const BURST: usize = 40;
const LONGEST_BURST: usize = 640;
/// Conjugate gradient steps for one Newton step.
const NEWTON: usize = 320;
/// Relative to the curvature of the loss: keeps singular systems (more free coefficients than rows) solvable, well below
/// the f32 rounding of the products they are solved with.
const DAMPING: f64 = 1e-7;
/// Newton goes on alone while the distance falls by this factor each time.
const FAST: f64 = 0.3;
/// What two objectives may differ by and still be equal, relative: the rounding of long sums in f64.
const ROUNDING: f64 = 1e-14;
/// Outer iterations without a better point after which nothing more is to be expected of f64 either.
const PATIENCE: usize = 12;

impl Host<'_> {
    /// Loss and gradient at a point.
    #[must_use]
    pub fn slope(&self, at: &Point) -> Slope {
        self.loss.slope(self.design, &self.regularizer.scaled(&at.b), &at.intercept)
    }

    /// Loss and penalty at a point.
    #[must_use]
    pub fn objective(&self, at: &Point) -> f64 {
        self.loss.value(self.design, &self.regularizer.scaled(&at.b), &at.intercept) + self.regularizer.value(&at.b)
    }

    /// The relative distance from optimality.
    #[must_use]
    pub fn optimality(&self, at: &Point, slope: &Slope) -> f64 {
        let intercept = slope.intercept.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        self.regularizer.distance(&at.b, &slope.gradient).max(intercept) / self.unit
    }

    /// What rounding can make of a relative distance of 0: the linear predictor is a sum of terms of the size of the
    /// coefficients (of columns with mean square 1), rounded several times on the way to a gradient.
    fn rounding(&self, at: &Point) -> f64 {
        let terms: f64 = self.regularizer.scaled(&at.b).iter().chain(&at.intercept).map(|v| v.abs()).sum();
        let response = self.loss.y.iter().fold(0.0f64, |m, y| m.max(y.abs()));
        8.0 * f64::EPSILON * (terms + response) / self.unit
    }

    /// One proximal step in f64.
    fn exact_step(&self, at: &Point, slope: &Slope) -> Point {
        let t = 1.0 / self.lipschitz;
        let intercept = at.intercept.iter().zip(&slope.intercept).map(|(b, g)| b - t * g).collect();
        Point { b: self.regularizer.step(&at.b, &slope.gradient, t), intercept }
    }

    /// Whether a proximal step finds a lower objective. Then a point is not the end even if it is stationary: where the
    /// slope of a penalty is infinite (l0, lp, discrete sets) every point of zeros is.
    fn improves(&self, at: &Point, slope: &Slope, objective: f64) -> bool {
        self.objective(&self.exact_step(at, slope)) < objective - ROUNDING * objective.abs()
    }

    /// Newton's step from `at`, halved until the objective does not rise. `None` if it always rises.
    async fn newton(
        &self,
        inner: &mut impl Inner,
        at: &Point,
        budget: usize,
    ) -> Result<(Option<(Point, bool)>, usize)> {
        let slope = self.slope(at);
        let damping = DAMPING * self.lipschitz;
        let mut piece = self.regularizer.piece(&at.b, false);
        let mut found = inner.newton(at, &slope, &piece, damping, budget.min(NEWTON)).await?;
        if found.indefinite {
            // a concave penalty outweighs the loss somewhere: its convex majorant gives a direction of descent
            let wasted = found.iterations;
            piece = self.regularizer.piece(&at.b, true);
            found = inner.newton(at, &slope, &piece, damping, budget.min(NEWTON)).await?;
            found.iterations += wasted;
        }
        let before = slope.value + self.regularizer.value(&at.b);
        let ceiling = before + ROUNDING * before.abs();
        let mut fraction = 1.0;
        for _ in 0..12 {
            let intercept = at.intercept.iter().zip(&found.intercept).map(|(b, d)| b + fraction * d).collect();
            let moved = Point { b: self.regularizer.moved(&at.b, &piece, &found.step, fraction), intercept };
            if self.objective(&moved) <= ceiling {
                return Ok((Some((moved, fraction == 1.0)), found.iterations));
            }
            fraction *= 0.5;
        }
        Ok((None, found.iterations))
    }

    /// Solves from `start`; `progress` hears of every outer iteration: device iterations so far, and the distance.
    pub(super) async fn solve(
        &self,
        inner: &mut impl Inner,
        start: Point,
        limits: Limits,
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Solution> {
        let (mut at, mut iterations) = (start, 0);
        let mut best: Option<(f64, Point)> = None;
        let (mut newton_alone, mut previous, mut burst, mut since_best) = (false, f64::INFINITY, BURST, 0);
        let mut lowest = f64::INFINITY;
        loop {
            let slope = self.slope(&at);
            let mut distance = self.optimality(&at, &slope);
            let objective = slope.value + self.regularizer.value(&at.b);
            if distance <= limits.tol && self.improves(&at, &slope, objective) {
                distance = f64::INFINITY;
            }
            progress(iterations, distance);
            since_best += 1;
            if objective < lowest - ROUNDING * lowest.abs() {
                (lowest, since_best) = (objective, 0);
            }
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, at.clone()));
                since_best = 0;
            }
            if distance <= limits.tol.max(self.rounding(&at)) || iterations >= limits.max_iter || since_best > PATIENCE
            {
                break;
            }
            let left = limits.max_iter - iterations;
            if !(newton_alone && distance < FAST * previous) {
                let next = inner.burst(&at, &slope, 1.0 / self.lipschitz, burst.min(left)).await?;
                iterations += next.iterations;
                burst = (burst * 2).min(LONGEST_BURST);
                if self.objective(&next.point) <= objective {
                    at = next.point;
                }
            }
            previous = distance;
            at = self.exact_step(&at, &self.slope(&at));
            let (newton, taken) = self.newton(inner, &at, limits.max_iter.saturating_sub(iterations).max(1)).await?;
            iterations += taken;
            newton_alone = newton.as_ref().is_some_and(|(_, whole)| *whole);
            if let Some((moved, _)) = newton {
                at = moved;
            }
        }
        let (optimality, point) = best.unwrap_or((f64::INFINITY, at));
        let objective = self.objective(&point);
        let converged = optimality <= limits.tol.max(self.rounding(&point));
        Ok(Solution { point, objective, optimality, iterations, converged })
    }
}
