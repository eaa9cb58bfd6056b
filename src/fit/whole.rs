//! Fits with penalties on whole tensors. These have no mirror by element that Newton's steps in f64 could polish, so the
//! device's accelerated proximal gradients are all there is: the result has the accuracy of f32, and says so.

use super::device::narrow;
use super::path::{Path, Step};
use super::solve::Point;
use super::{Fit, Fitter, Model, verify};
use crate::error::Result;
use crate::ops::{CrossEntropy, Reduction};
use crate::penalty::Penalty;
use crate::run::Device;
use crate::solver::{self, Options, Progress, Solution, Status};
use crate::tensor::Tensor;

/// The distance to optimality that f32 gradients resolve, relative to the gradient of the model without features.
const TOL: f64 = 1e-5;

/// A mean over rows.
struct Mean {
    x: Tensor,
    y: Tensor,
    model: Model,
}

impl Mean {
    /// The loss at coefficients and intercepts.
    fn at(&self, w: &[Tensor]) -> Tensor {
        let product = match w[0].shape() {
            Ok(shape) if shape.rank() == 1 => self.x.matmul(&w[0].unsqueeze(1)).squeeze(1),
            _ => self.x.matmul(&w[0]),
        };
        let score = w.get(1).map_or_else(|| product.clone(), |b| product.add(b));
        match self.model {
            Model::Linear => score.sub(&self.y).square().mean_all().mul(0.5),
            Model::Logistic => score.bce_with_logits(&self.y, None, Reduction::Mean),
            Model::Softmax { .. } => score.cross_entropy(&self.y, 1, CrossEntropy::default()),
        }
    }
}

/// What is fitted, on the device: the loss over the columns that the penalty sees, and where it starts.
fn problem(fitter: &Fitter<'_>, device: &Device) -> (Mean, Vec<Tensor>) {
    let (d, loss) = (&fitter.design, &fitter.loss);
    // the penalty acts on b, the columns here on scale * b
    let columns = d.x.iter().enumerate().map(|(ix, v)| v * d.scale[ix % d.p]);
    let x = device.tensor(&narrow(columns), [d.n, d.p]);
    let y = match loss.model {
        Model::Softmax { .. } => device.tensor(&loss.y.iter().map(|&v| v as u32).collect::<Vec<_>>(), [d.n]),
        _ => device.tensor(&narrow(loss.y.iter().copied()), [d.n]),
    };
    let shape = if loss.k == 1 { vec![d.p] } else { vec![d.p, loss.k] };
    let mut start = vec![device.zeros(shape)];
    if loss.free_intercept {
        let null = narrow(loss.null_intercept());
        start.push(if loss.k == 1 { device.tensor(&null, ()) } else { device.tensor(&null, [loss.k]) });
    }
    (Mean { x, y, model: loss.model }, start)
}

/// The solution for one penalty, from a start, and what was found of it.
async fn solve(
    fitter: &Fitter<'_>,
    mean: &Mean,
    penalty: Penalty,
    start: &[Tensor],
    progress: &mut dyn FnMut(usize, f64),
) -> Result<(Point, Solution)> {
    let mut penalties = vec![penalty];
    penalties.resize(start.len(), Penalty::none());
    let (unit, tol) = (fitter.unit, fitter.problem.tol.max(TOL));
    let watch = |p: &Progress| {
        progress(p.iterations, p.optimality / unit);
        true
    };
    let options = Options {
        tol: tol * unit,
        max_iter: fitter.problem.max_iter,
        watch: Some(Box::new(watch)),
        ..Options::default()
    };
    let smooth = |w: &[Tensor]| mean.at(w);
    let solution = solver::fista(&smooth, &penalties, start, options).await?;
    let mut read = Vec::new();
    for w in &solution.w {
        read.push(w.read::<f32>().await?.into_iter().map(f64::from).collect::<Vec<f64>>());
    }
    let b = read.swap_remove(0);
    let intercept = read.pop().unwrap_or_else(|| vec![0.0; fitter.loss.k]);
    Ok((Point { b, intercept }, solution))
}

/// See the module.
pub(super) async fn fit(fitter: &mut Fitter<'_>, progress: &mut dyn FnMut(usize, f64)) -> Result<Fit> {
    let device = fitter.accelerator.device().clone();
    let (mean, start) = problem(fitter, &device);
    let penalty = fitter.problem.penalty.clone();
    let (point, solution) = solve(fitter, &mean, penalty, &start, progress).await?;
    fitter.accelerator.penalize(&fitter.regularizer)?;
    let verified = verify::verify(&fitter.accelerator, &point).await?;
    let (coefficients, standardized, intercept) = fitter.in_users_terms(&point);
    Ok(Fit {
        coefficients,
        standardized,
        intercept,
        objective: solution.report.objective,
        optimality: solution.report.optimality / fitter.unit,
        converged: solution.report.status == Status::Converged,
        polished: false,
        iterations: solution.report.iterations,
        verified,
        constant: fitter.design.constant.clone(),
    })
}

/// Strengths are looked for between these powers of two, as multiples of the penalty.
const POWERS: f64 = 40.0;

/// Where a stronger penalty moves a proximal step by no more than this, relative to the step, it is as strong as can be.
const STILL: f64 = 1e-5;

/// The least multiple of the penalty beyond which the first step stays what it is: 0, or what the penalty lets pass.
async fn strongest(fitter: &Fitter<'_>, device: &Device, w: &Tensor) -> Result<f64> {
    let slope = fitter.loss.slope(&fitter.design, &fitter.null.b, &fitter.null.intercept);
    let k = fitter.loss.k;
    let down = slope.gradient.iter().enumerate().map(|(ix, g)| -g * fitter.design.scale[ix / k]);
    let down = device.tensor(&narrow(down), w.shape()?.clone());
    let size = f64::from(down.abs().max(..).item::<f32>().await?);
    let step = |power: f64| fitter.problem.penalty.clone().weight(power.exp2()).prox(&down, 1.0);
    let last = step(POWERS);
    last.eval()?;
    let (mut low, mut high) = (-POWERS, POWERS);
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        let off = f64::from(step(middle).sub(&last).abs().max(..).item::<f32>().await?);
        *if off <= STILL * size { &mut high } else { &mut low } = middle;
    }
    Ok(high.exp2())
}

/// As [`Fitter::path`].
pub(super) async fn path(
    fitter: &Fitter<'_>,
    (parameter, chosen): (&'static str, f64),
    n: usize,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Path> {
    let device = fitter.accelerator.device().clone();
    let (mean, mut start) = problem(fitter, &device);
    let strongest = strongest(fitter, &device, &start[0]).await?;
    let mut steps = Vec::with_capacity(n);
    for (ix, m) in fitter.multiples(strongest, n).enumerate() {
        progress(ix, n);
        let penalty = fitter.problem.penalty.clone().weight(m);
        let (point, solution) = solve(fitter, &mean, penalty, &start, &mut |_, _| {}).await?;
        let (coefficients, standardized, intercept) = fitter.in_users_terms(&point);
        steps.push(Step {
            strength: chosen * m,
            coefficients,
            standardized,
            intercept,
            objective: solution.report.objective,
            optimality: solution.report.optimality / fitter.unit,
            converged: solution.report.status == Status::Converged,
            iterations: solution.report.iterations,
        });
        start = solution.w;
    }
    Ok(Path { parameter, chosen, steps })
}
