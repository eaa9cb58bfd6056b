//! Accelerated proximal gradient steps.
//!
//! One iteration extrapolates, steps along the gradient and applies the proximal operators:
//! `y = x + beta (x - x')`, `z = prox(y - s g(y), s)`. Nothing in it waits for the host: whether the step was short enough,
//! whether the momentum is to be dropped and what follows from it are decided by selections on the device, and a step that
//! was too long costs one iteration (the point stays, the step halves).
//!
//! - *Backtracking* compares gradients, not values: `s <g(z) - g(y), z - y> <= ||z - y||^2`. In f32 the difference of two
//!   nearly equal objectives is rounding long before the difference of two gradients is (S. Becker, E. Candes, M. Grant,
//!   *Templates for convex cone problems*, Math. Program. Comput. 3 (2011), section 5.3). A movement of less than 64 units
//!   of rounding of the point is not judged.
//! - *Restart* drops the momentum when it points against the step: `<y - z, z - x> > 0` (B. O'Donoghue, E. Candes, *Adaptive
//!   restart for accelerated gradient schemes*, Found. Comput. Math. 15 (2015)).
//! - The momentum is `t' = (1 + sqrt(1 + 4 t^2)) / 2`, `beta = (t - 1) / t'` (A. Beck, M. Teboulle, *A fast iterative
//!   shrinkage-thresholding algorithm*, SIAM J. Imaging Sci. 2 (2009)).

use super::smooth::{Smooth, lipschitz};
use super::{Options, Progress, Report, Solution, Status, Step, admit, inner, not_finite, zip};
use crate::error::{Error, Result, Site};
use crate::penalty::Penalty;
use crate::run::Device;
use crate::tensor::Tensor;

/// Power iterations for [`Step::Estimate`]: it need not be exact, backtracking corrects it.
const POWER: usize = 12;
/// `(64 * 2^-24)^2`: see the module.
const UNJUDGED: f64 = 1.455_191_522_836_685_2e-11;

/// What lives from iteration to iteration, all on the device.
#[derive(Clone)]
struct State {
    x: Vec<Tensor>,
    previous: Vec<Tensor>,
    t: Tensor,
    step: Tensor,
}

impl State {
    fn all(&self) -> Vec<&Tensor> {
        self.x.iter().chain(&self.previous).chain([&self.t, &self.step]).collect()
    }

    fn settled(&self) -> Result<State> {
        let each = |list: &[Tensor]| list.iter().map(Tensor::leaf).collect::<Result<Vec<_>>>();
        let (x, previous) = (each(&self.x)?, each(&self.previous)?);
        Ok(State { x, previous, t: self.t.leaf()?, step: self.step.leaf()? })
    }
}

struct Problem<'a> {
    smooth: &'a dyn Smooth,
    penalties: &'a [Penalty],
    backtrack: bool,
}

impl Problem<'_> {
    fn iterate(&self, s: &State) -> Result<State> {
        let next = ((s.t.square() * 4.0 + 1.0).sqrt() + 1.0) * 0.5;
        let beta = (&s.t - 1.0) / &next;
        let y = zip(&s.x, &s.previous, |x, p| x + (x - p) * &beta);
        let g = self.smooth.gradient(&y)?;
        let down = zip(&y, &g, |y, g| y - g * &s.step);
        let z: Vec<Tensor> = down.iter().zip(self.penalties).map(|(w, p)| p.prox(w, &s.step)).collect();
        let restart = inner(&zip(&y, &z, |y, z| y - z), &zip(&z, &s.x, |z, x| z - x)).gt(0.0);
        let t = restart.select(1.0, &next);
        let previous = zip(&z, &s.x, |z, x| restart.select(z, x));
        if !self.backtrack {
            return Ok(State { x: z, previous, t, step: s.step.clone() });
        }
        let moved = zip(&z, &y, |z, y| z - y);
        let turned = zip(&self.smooth.gradient(&z)?, &g, |a, b| a - b);
        let length = inner(&moved, &moved);
        // written so that NaN counts as too long, and an infinite gradient with it
        let fits = (inner(&turned, &moved) * &s.step).le(&length);
        let small = length.le(inner(&y, &y) * UNJUDGED);
        let accept = fits.logical_or(&small);
        Ok(State {
            x: zip(&z, &s.x, |z, x| accept.select(z, x)),
            previous: zip(&previous, &s.previous, |new, old| accept.select(new, old)),
            t: accept.select(&t, &s.t),
            step: accept.select(&s.step, &s.step * 0.5),
        })
    }

    /// Objective, distance from optimality and gap at a point.
    fn judge(&self, x: &[Tensor], options: &Options<'_>) -> Result<[Tensor; 3]> {
        let g = self.smooth.gradient(x)?;
        let mut objective = self.smooth.value(x);
        let mut worst = objective.device().scalar(0.0);
        for ((x, g), penalty) in x.iter().zip(&g).zip(self.penalties) {
            objective = objective + penalty.value(x);
            worst = worst.maximum(penalty.optimality(x, g));
        }
        let gap = match &options.gap {
            Some((gap, _)) => gap(x, &g),
            None => objective.device().scalar(0.0),
        };
        Ok([objective, worst, gap])
    }
}

/// Minimises `smooth(w) + sum penalty_i(w_i)` from `start` by accelerated proximal gradient steps; see the source's module
/// text for the method. Where the penalty is not convex, it finds a stationary point.
///
/// # Errors
/// Wrong numbers of penalties, shapes that do not agree, an objective that is not finite ([`Error::Numeric`]), whatever
/// evaluating it meets.
pub async fn fista(
    smooth: &dyn Smooth,
    penalties: &[Penalty],
    start: &[Tensor],
    mut options: Options<'_>,
) -> Result<Solution> {
    let device = admit("fista", penalties, start, &options, Site::here())?;
    device.eval(&start.iter().collect::<Vec<_>>())?;
    let x = start.iter().map(Tensor::leaf).collect::<Result<Vec<_>>>()?;
    let length = first_step(smooth, &x, options.step).await?;
    let upload = |v: f64| device.tensor(&[v as f32], ()).check();
    // The first momentum is 0, so any previous point does. One of its own gives the first chunk the structure of the
    // others, where the two points are two buffers.
    let apart = |x: &Tensor| device.tensor(&vec![0.0f32; x.shape()?.elements()], x.shape()?).check();
    let previous = x.iter().map(apart).collect::<Result<Vec<_>>>()?;
    let mut state = State { previous, x, t: upload(1.0)?, step: upload(length)? };
    let problem = Problem { smooth, penalties, backtrack: !matches!(options.step, Step::Fixed(_)) };
    let mut best: Option<(Vec<Tensor>, Report)> = None;
    let (mut iterations, mut idle) = (0, 0);
    loop {
        let steps = options.every.min(options.max_iter - iterations);
        let mut next = state.clone();
        for _ in 0..steps {
            next = problem.iterate(&next)?;
        }
        let marks = problem.judge(&next.x, &options)?;
        device.eval(&next.all().into_iter().chain(&marks).collect::<Vec<_>>())?;
        state = next.settled()?;
        iterations += steps;
        let mut report = look(&device, &marks, &state.step, iterations).await?;
        report.gap = report.gap.filter(|_| options.gap.is_some());
        let Report { objective, optimality, gap, .. } = report;
        let before = best.as_ref().map_or(f64::INFINITY, |(_, b)| b.optimality);
        idle = if optimality <= 0.9 * before { 0 } else { idle + 1 };
        if optimality <= before {
            best = Some((state.x.clone(), report));
        }
        let closed = options.gap.as_ref().zip(gap).is_some_and(|((_, tol), gap)| gap <= *tol);
        let goes_on = options.watch.as_mut().is_none_or(|w| w(&Progress { iterations, objective, optimality }));
        report.status = if optimality <= options.tol || closed {
            Status::Converged
        } else if !goes_on {
            Status::Stopped
        } else if idle >= options.patience {
            Status::Stalled
        } else if iterations >= options.max_iter {
            Status::Limit
        } else {
            continue;
        };
        let status = report.status;
        let (w, found) = if closed { (state.x, report) } else { best.unwrap_or((state.x, report)) };
        return Ok(Solution { w, report: Report { status, iterations, ..found } });
    }
}

/// What the host reads after a chunk.
async fn look(device: &Device, marks: &[Tensor; 3], step: &Tensor, iterations: usize) -> Result<Report> {
    let read = device.read::<f32>(&[&marks[0], &marks[1], &marks[2], step]).await?;
    let [objective, optimality, gap, step] = [0, 1, 2, 3].map(|ix: usize| f64::from(read[ix][0]));
    for (what, value) in [("the objective", objective), ("the distance from optimality", optimality)] {
        if !value.is_finite() {
            return Err(not_finite("fista", what, value, iterations));
        }
    }
    Ok(Report { status: Status::Limit, iterations, objective, optimality, gap: Some(gap), step })
}

async fn first_step(smooth: &dyn Smooth, x: &[Tensor], step: Step) -> Result<f64> {
    let given = match step {
        Step::Estimate => {
            let curvature = lipschitz(smooth, x, POWER).await?;
            // flat at the start: any length will do, backtracking finds the right one
            return Ok(if curvature > 0.0 { 1.0 / curvature } else { 1.0 });
        }
        Step::From(length) | Step::Fixed(length) => length,
    };
    if given > 0.0 && given.is_finite() {
        return Ok(given);
    }
    let message = format!("a step of length {given}");
    Err(Error::argument("fista", message, "the step must be positive and finite", Site::here()))
}
