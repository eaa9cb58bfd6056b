//! Limited-memory BFGS for smooth objectives.
//!
//! The two-loop recursion (J. Nocedal, *Updating quasi-Newton matrices with limited storage*, Math. Comput. 35 (1980)) is one
//! graph: its inner products stay on the device. The host reads four numbers per trial of the line search, which bisects
//! for the weak Wolfe conditions (A. Lewis, M. Overton, *Nonsmooth optimization via quasi-Newton methods*, Math. Program.
//! 141 (2013)). Close to the minimum the decrease is below the rounding of the objective; there the slopes alone decide, by
//! the approximate Wolfe conditions (W. Hager, H. Zhang, SIAM J. Optim. 16 (2005)).

use super::smooth::{Smooth, along};
use super::{Options, Progress, Report, Solution, Status, admit, inner, not_finite, zip};
use crate::error::{Result, Site};
use crate::penalty::Penalty;
use crate::run::Device;
use crate::tensor::Tensor;

/// Pairs of movements that approximate the Hessian.
const MEMORY: usize = 8;
/// Sufficient decrease and curvature of the Wolfe conditions.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Trials of one line search.
const TRIALS: usize = 40;
/// Objectives this close, relative to their size, are equal: rounding of a pairwise sum of a million f32 terms.
const ROUNDING: f64 = 20.0 * 5.960_464_477_539_063e-8;

/// A point with its gradient.
#[derive(Clone)]
struct Point {
    w: Vec<Tensor>,
    g: Vec<Tensor>,
    value: f64,
}

/// A movement, the change of the gradient over it, and the reciprocal of their product.
struct Pair {
    s: Vec<Tensor>,
    y: Vec<Tensor>,
    rho: Tensor,
}

/// `-H g`, `H` the approximate inverse Hessian.
fn direction(g: &[Tensor], pairs: &[Pair]) -> Vec<Tensor> {
    let mut q = g.to_vec();
    let mut alphas = Vec::new();
    for pair in pairs.iter().rev() {
        let alpha = inner(&pair.s, &q) * &pair.rho;
        q = along(&q, &-&alpha, &pair.y);
        alphas.push(alpha);
    }
    if let Some(last) = pairs.last() {
        let scale = (&last.rho * inner(&last.y, &last.y)).recip();
        q = q.iter().map(|q| q * &scale).collect();
    }
    for (pair, alpha) in pairs.iter().zip(alphas.iter().rev()) {
        let beta = inner(&pair.y, &q) * &pair.rho;
        q = along(&q, &(alpha - beta), &pair.s);
    }
    q.iter().map(|q| -q).collect()
}

fn settle(list: &[Tensor]) -> Result<Vec<Tensor>> {
    list.iter().map(Tensor::leaf).collect()
}

fn worst(g: &[Tensor]) -> Tensor {
    let each = g.iter().map(|g| match g.shape() {
        Ok(shape) if shape.elements() == 0 => g.device().scalar(0.0),
        _ => g.abs().max(..),
    });
    each.reduce(|a, b| a.maximum(b)).expect("bug: solvers have at least one tensor of coefficients")
}

struct Search<'a> {
    device: &'a Device,
    smooth: &'a dyn Smooth,
}

/// What one trial of the line search gives.
struct Trial {
    point: Point,
    /// The slope along the direction.
    slope: f64,
    worst: f64,
}

impl Search<'_> {
    async fn read(&self, numbers: &[&Tensor]) -> Result<Vec<f64>> {
        Ok(self.device.read::<f32>(numbers).await?.iter().map(|v| f64::from(v[0])).collect())
    }

    async fn trial(&self, from: &Point, d: &[Tensor], t: f64) -> Result<Trial> {
        let w = along(&from.w, &self.device.scalar(t), d);
        let (value, g) = (self.smooth.value(&w), self.smooth.gradient(&w)?);
        let (slope, worst) = (inner(&g, d), worst(&g));
        let all: Vec<&Tensor> = w.iter().chain(&g).chain([&value, &slope, &worst]).collect();
        self.device.eval(&all)?;
        let [value, slope, worst] = self.read(&[&value, &slope, &worst]).await?[..] else {
            unreachable!("bug: three numbers were asked for")
        };
        Ok(Trial { point: Point { w: settle(&w)?, g: settle(&g)?, value }, slope, worst })
    }

    /// A point along `d` that satisfies the conditions, or `None`.
    async fn search(&self, from: &Point, d: &[Tensor], slope: f64, first: f64) -> Result<Option<(Trial, f64)>> {
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, first);
        for _ in 0..TRIALS {
            let trial = self.trial(from, d, t).await?;
            let value = trial.point.value;
            let lower = value <= from.value + DECREASE * t * slope;
            let equal = (value - from.value).abs() <= ROUNDING * from.value.abs();
            let flat = equal && trial.slope <= (2.0 * DECREASE - 1.0) * slope;
            if !(lower || flat) {
                high = t;
            } else if trial.slope < CURVATURE * slope {
                low = t;
            } else {
                return Ok(Some((trial, t)));
            }
            t = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * low };
            if !t.is_finite() {
                break;
            }
        }
        Ok(None)
    }
}

/// Minimises `smooth(w)` from `start`; see the source's module text for the method. `options.step`, `every` and `gap` are not
/// used, an iteration is a line search.
///
/// # Errors
/// An objective that is not finite ([`Error::Numeric`](crate::Error::Numeric)), whatever evaluating it meets.
pub async fn lbfgs(smooth: &dyn Smooth, start: &[Tensor], mut options: Options<'_>) -> Result<Solution> {
    let none = vec![Penalty::none(); start.len()];
    let device = admit("lbfgs", &none, start, &options, Site::here())?;
    let search = Search { device: &device, smooth };
    let zero: Vec<Tensor> = start.iter().map(Tensor::zeros_like).collect();
    let Trial { mut point, worst: mut optimality, .. } = {
        let at = Point { w: start.to_vec(), g: zero.clone(), value: 0.0 };
        search.trial(&at, &zero, 0.0).await?
    };
    let mut pairs: Vec<Pair> = Vec::new();
    let (mut iterations, mut length) = (0, 0.0);
    let status = loop {
        if !point.value.is_finite() || !optimality.is_finite() {
            return Err(not_finite("lbfgs", "the objective or its gradient", point.value, iterations));
        }
        let progress = Progress { iterations, objective: point.value, optimality };
        if optimality <= options.tol {
            break Status::Converged;
        } else if options.watch.as_mut().is_some_and(|w| !w(&progress)) {
            break Status::Stopped;
        } else if iterations >= options.max_iter {
            break Status::Limit;
        }
        let d = direction(&point.g, &pairs);
        let (slope, size) = (inner(&point.g, &d), inner(&point.g, &point.g).sqrt());
        device.eval(&d.iter().chain([&slope, &size]).collect::<Vec<_>>())?;
        let d = settle(&d)?;
        let numbers = search.read(&[&slope, &size]).await?;
        let first = if pairs.is_empty() { 1.0 / numbers[1].max(1.0) } else { 1.0 };
        let found = match numbers[0] {
            slope if slope < 0.0 => search.search(&point, &d, slope, first).await?,
            _ => None,
        };
        let Some((trial, t)) = found else {
            // the approximate Hessian is rounding by now: once more with the plain gradient, then it is over
            if pairs.is_empty() {
                break Status::Stalled;
            }
            pairs.clear();
            continue;
        };
        iterations += 1;
        length = t;
        let s = zip(&trial.point.w, &point.w, |a, b| a - b);
        let y = zip(&trial.point.g, &point.g, |a, b| a - b);
        let product = inner(&s, &y);
        let rho = product.recip();
        device.eval(&s.iter().chain(&y).chain([&product, &rho]).collect::<Vec<_>>())?;
        // the Wolfe conditions make it positive, but for rounding
        if search.read(&[&product]).await?[0] > 0.0 {
            pairs.push(Pair { s: settle(&s)?, y: settle(&y)?, rho: rho.leaf()? });
            if pairs.len() > MEMORY {
                pairs.remove(0);
            }
        }
        (point, optimality) = (trial.point, trial.worst);
    };
    let report = Report { status, iterations, objective: point.value, optimality, gap: None, step: length };
    Ok(Solution { w: point.w, dual: Vec::new(), report })
}
