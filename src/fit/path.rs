//! The same problem for many strengths of its penalty, each solved from the solution before.

use super::regularizer::Regularizer;
use super::solve::Point;
use super::{Fitter, whole};
use crate::error::{Error, Result};

/// One strength.
#[derive(Clone, Debug)]
pub struct Step {
    /// The value of [`Path::parameter`].
    pub strength: f64,
    /// As in [`Fit`](super::Fit).
    pub coefficients: Vec<f64>,
    /// As in [`Fit`](super::Fit).
    pub standardized: Vec<f64>,
    /// As in [`Fit`](super::Fit).
    pub intercept: Vec<f64>,
    /// As in [`Fit`](super::Fit).
    pub objective: f64,
    /// As in [`Fit`](super::Fit).
    pub optimality: f64,
    /// As in [`Fit`](super::Fit).
    pub converged: bool,
    /// As in [`Fit`](super::Fit).
    pub iterations: usize,
}

/// Solutions from the strongest penalty to the weakest.
#[derive(Clone, Debug)]
pub struct Path {
    /// The parameter that [`Step::strength`] is the value of; the other strengths keep their ratio to it.
    pub parameter: &'static str,
    /// Its value in the problem's penalty.
    pub chosen: f64,
    /// In descending strength, geometrically spaced.
    pub steps: Vec<Step>,
}

/// From the strongest to the weakest penalty, where there are more rows than columns, else its square root.
const SPAN: f64 = 1e-3;
/// Where no strength gives zeros: this much smaller than without a penalty is where the path begins.
const SHRUNK: f64 = 1e-3;

impl Fitter<'_> {
    /// Whether the penalty has a strength above 0, of which a path can be followed.
    #[must_use]
    pub fn has_strength(&self) -> bool {
        self.strength().is_some()
    }

    /// The parameter that a path varies, and its value.
    fn strength(&self) -> Option<(&'static str, f64)> {
        if self.whole { self.problem.penalty.strength() } else { self.regularizer.strength() }
    }

    /// `n` multiples of the penalty, geometrically spaced from the strongest on.
    pub(super) fn multiples(&self, strongest: f64, n: usize) -> impl Iterator<Item = f64> + use<> {
        let span = if self.design.n > self.design.p { SPAN } else { SPAN.sqrt() };
        let weakest = (span * strongest).min(0.5).max(1e-6 * strongest);
        (0..n).map(move |ix| strongest * (weakest / strongest).powf(ix as f64 / (n - 1) as f64))
    }

    /// The regularizer with all strengths multiplied by `m`.
    fn multiplied(&self, m: f64) -> Regularizer {
        self.regularizer.multiplied(m)
    }

    /// The least multiple of the penalty that leaves all coefficients 0 (or, where none does, makes them small).
    fn strongest(&self) -> f64 {
        let slope = self.loss.slope(&self.design, &self.null.b, &self.null.intercept);
        let t = 1.0 / self.lipschitz;
        let moved = |m: f64, t: f64| {
            let step = self.multiplied(m).step(&self.null.b, &slope.gradient, t);
            self.regularizer.scaled(&step).iter().fold(0.0f64, |w, v| w.max(v.abs()))
        };
        let gone = |m: f64| moved(m, t) == 0.0;
        let small = |m: f64| moved(m, 1.0) <= SHRUNK * self.unit;
        let (mut low, mut high) = (-60.0f64, 60.0f64);
        let enough: &dyn Fn(f64) -> bool = if gone(high.exp2()) { &gone } else { &small };
        // bisection of the exponent, to the last bit of what is printed
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if enough(middle.exp2()) { high = middle } else { low = middle }
        }
        high.exp2()
    }

    /// `n` strengths, from the one that leaves no coefficient down to a thousandth of it (a tenth of that where the
    /// problem's own penalty is weaker).
    ///
    /// # Errors
    /// A penalty without a strength, fewer than two steps, and what [`Fitter::fit`] meets.
    pub async fn path(&mut self, n: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<Path> {
        let Some((parameter, chosen)) = self.strength() else {
            return Err(Error::input(
                "path",
                format!("{} has no strength above 0 to vary", self.problem.penalty),
                "use a penalty with a strength such as l1 or lambda, or leave the path out",
            ));
        };
        if n < 2 {
            return Err(Error::input("path", format!("{n} steps"), "a path has at least 2"));
        }
        if self.whole {
            return whole::path(self, (parameter, chosen), n, progress).await;
        }
        let strongest = self.strongest();
        let mut steps: Vec<Step> = Vec::with_capacity(n);
        let mut start: Point = self.null.clone();
        for (ix, m) in self.multiples(strongest, n).enumerate() {
            progress(ix, n);
            let solution = self.solve(&self.multiplied(m), start, &mut |_, _| {}).await?;
            let (coefficients, standardized, intercept) = self.in_users_terms(&solution.point);
            steps.push(Step {
                strength: chosen * m,
                coefficients,
                standardized,
                intercept,
                objective: solution.objective,
                optimality: solution.optimality,
                converged: solution.converged,
                iterations: solution.iterations,
            });
            start = solution.point;
        }
        Ok(Path { parameter, chosen, steps })
    }
}
