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
//!   of rounding of the point is not judged. With [`Step::Adaptive`] a step that fits is followed by one longer by a ninth.
//! - *Restart* drops the momentum; see [`Restart`].
//! - The momentum is `t' = (1 + sqrt(1 + 4 t^2 s / s')) / 2`, `beta = (t - 1) / t'` (A. Beck, M. Teboulle, *A fast iterative
//!   shrinkage-thresholding algorithm*, SIAM J. Imaging Sci. 2 (2009); for a step that varies from `s` to `s'` K. Scheinberg,
//!   D. Goldfarb, X. Bai, Found. Comput. Math. 14 (2014)). Where the objective is known to be strongly convex with modulus
//!   `mu`, it is the constant `(1 - sqrt(mu s)) / (1 + sqrt(mu s))` (Y. Nesterov, *Introductory lectures on convex
//!   optimization*, 2004, section 2.2).

use super::drive::{Marks, Method, State, drive, number, zeros};
use super::smooth::{Smooth, lipschitz};
use super::{Options, Solution, admit, inner, zip};
use crate::error::{Error, Result, Site};
use crate::penalty::Penalty;
use crate::tensor::Tensor;

/// How the step length is found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Step {
    /// From the curvature at the start (by power iteration), shortened wherever the objective curves more.
    Estimate,
    /// From a given first length, shortened wherever the objective curves more.
    From(f64),
    /// From a given first length, shortened wherever the objective curves more and lengthened by a ninth after each step
    /// that fits: for objectives that curve much here and little there.
    Adaptive(f64),
    /// Always this length; right where the curvature is known to be at most `1 / length`.
    Fixed(f64),
}

/// What the last movement adds to the next step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Momentum {
    /// Nothing: plain proximal gradient steps (ISTA).
    None,
    /// Nesterov's growing momentum, dropped as the rule says (FISTA).
    Nesterov(Restart),
    /// The constant that is best where the objective is strongly convex with this modulus (positive).
    Strong(f64),
}

/// When the momentum is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    /// Never.
    Never,
    /// When it points against the step, `<y - z, z - x> > 0` (B. O'Donoghue, E. Candes, *Adaptive restart for accelerated
    /// gradient schemes*, Found. Comput. Math. 15 (2015)).
    Gradient,
    /// When the objective rises (the same paper); costs two values per iteration, and in f32 it restarts by rounding close
    /// to the minimum.
    Objective,
    /// After every so many iterations.
    Every(usize),
}

/// Power iterations for [`Step::Estimate`]: it need not be exact, backtracking corrects it.
const POWER: usize = 12;
/// `(64 * 2^-24)^2`: see the module.
const UNJUDGED: f64 = 1.455_191_522_836_685_2e-11;
/// `Step::Adaptive` lengthens by its reciprocal.
const GROWTH: f64 = 0.9;

struct Problem<'a> {
    smooth: &'a dyn Smooth,
    penalties: &'a [Penalty],
    momentum: Momentum,
    step: Step,
    gap: Option<(super::Gap<'a>, f64)>,
}

/// The state's lists: the point, the one before, and the numbers `t`, `step`, and the step that led to the point.
const POINT: usize = 0;
const BEFORE: usize = 1;
const NUMBERS: usize = 2;

impl Problem<'_> {
    fn objective(&self, w: &[Tensor]) -> Tensor {
        w.iter().zip(self.penalties).fold(self.smooth.value(w), |sum, (w, p)| sum + p.value(w))
    }

    /// The next `t`, and the factor of the last movement.
    fn inertia(&self, t: &Tensor, step: &Tensor, last: &Tensor) -> (Tensor, Tensor) {
        match self.momentum {
            Momentum::None => (t.clone(), t.zeros_like()),
            Momentum::Nesterov(_) => {
                let next = ((t.square() * (last / step) * 4.0 + 1.0).sqrt() + 1.0) * 0.5;
                let beta = (t - 1.0) / &next;
                (next, beta)
            }
            Momentum::Strong(mu) => {
                let root = (step * mu).sqrt().minimum(1.0);
                (t.clone(), (1.0 - &root) / (1.0 + &root))
            }
        }
    }

    /// Whether the momentum is to be dropped after the step from `x` by `y` to `z`.
    fn drops(&self, x: &[Tensor], y: &[Tensor], z: &[Tensor], k: usize) -> Option<Tensor> {
        match self.momentum {
            Momentum::None | Momentum::Strong(_) | Momentum::Nesterov(Restart::Never) => None,
            Momentum::Nesterov(Restart::Gradient) => {
                Some(inner(&zip(y, z, |y, z| y - z), &zip(z, x, |z, x| z - x)).gt(0.0))
            }
            Momentum::Nesterov(Restart::Objective) => Some(self.objective(z).gt(&self.objective(x))),
            Momentum::Nesterov(Restart::Every(n)) => {
                let due = f64::from(u8::from((k + 1).is_multiple_of(n)));
                Some(x[0].device().scalar(due).gt(0.5))
            }
        }
    }
}

impl Method for Problem<'_> {
    const NAME: &'static str = "fista";

    fn iterate(&self, s: &State, k: usize) -> Result<State> {
        let (x, before) = (&s[POINT], &s[BEFORE]);
        let [t, step, last] = &s[NUMBERS][..] else { panic!("bug: three numbers") };
        let (next, beta) = self.inertia(t, step, last);
        let y = match self.momentum {
            Momentum::None => x.clone(),
            Momentum::Nesterov(_) | Momentum::Strong(_) => zip(x, before, |x, p| x + (x - p) * &beta),
        };
        let g = self.smooth.gradient(&y)?;
        let down = zip(&y, &g, |y, g| y - g * step);
        let z: Vec<Tensor> = down.iter().zip(self.penalties).map(|(w, p)| p.prox(w, step)).collect();
        let (t_next, previous) = match self.drops(x, &y, &z, k) {
            Some(drops) => (drops.select(1.0, &next), zip(&z, x, |z, x| drops.select(z, x))),
            None => (next, x.clone()),
        };
        if matches!(self.step, Step::Fixed(_)) {
            return Ok(vec![z, previous, vec![t_next, step.clone(), step.clone()]]);
        }
        let moved = zip(&z, &y, |z, y| z - y);
        let turned = zip(&self.smooth.gradient(&z)?, &g, |a, b| a - b);
        let length = inner(&moved, &moved);
        // written so that NaN counts as too long, and an infinite gradient with it
        let fits = (inner(&turned, &moved) * step).le(&length);
        let small = length.le(inner(&y, &y) * UNJUDGED);
        let accept = fits.logical_or(&small);
        let longer = match self.step {
            // a movement that is not judged says nothing about a longer one
            Step::Adaptive(_) => small.select(step, step * (1.0 / GROWTH)),
            Step::Estimate | Step::From(_) | Step::Fixed(_) => step.clone(),
        };
        let numbers = vec![accept.select(&t_next, t), accept.select(&longer, step * 0.5), accept.select(step, last)];
        Ok(vec![
            zip(&z, x, |z, x| accept.select(z, x)),
            zip(&previous, before, |new, old| accept.select(new, old)),
            numbers,
        ])
    }

    fn judge(&self, s: &State) -> Result<Marks> {
        let x = &s[POINT];
        let g = self.smooth.gradient(x)?;
        let optimality = worst_distance(self.penalties, x, &g);
        let gap = self.gap.as_ref().map(|(gap, _)| gap(x, &g));
        Ok(Marks { gap, ..Marks::new(self.objective(x), optimality, s[NUMBERS][1].clone()) })
    }

    fn tol_gap(&self) -> Option<f64> {
        self.gap.as_ref().map(|(_, tol)| *tol)
    }
}

/// The greatest distance of `-g` from the penalties' subdifferentials.
pub(super) fn worst_distance(penalties: &[Penalty], x: &[Tensor], g: &[Tensor]) -> Tensor {
    let each = x.iter().zip(g).zip(penalties).map(|((x, g), penalty)| penalty.optimality(x, g));
    each.reduce(|a, b| a.maximum(b)).expect("bug: solvers have at least one tensor of coefficients")
}

/// Minimises `smooth(w) + sum penalty_i(w_i)` from `start` by accelerated proximal gradient steps; see the source's module
/// text for the method, and [`Options::momentum`] and [`Options::step`] for its variants. Where the penalty is not convex,
/// it finds a stationary point.
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
    lawful(options.momentum)?;
    device.eval(&start.iter().collect::<Vec<_>>())?;
    let x = start.iter().map(Tensor::leaf).collect::<Result<Vec<_>>>()?;
    let length = first_step("fista", smooth, &x, options.step).await?;
    // the first momentum is 0, so any previous point does
    let before = x.iter().map(zeros).collect::<Result<Vec<_>>>()?;
    let numbers = [1.0, length, length].map(|v| number(&device, v)).into_iter().collect::<Result<Vec<_>>>()?;
    let (momentum, step, gap) = (options.momentum, options.step, options.gap.take());
    let mut problem = Problem { smooth, penalties, momentum, step, gap };
    drive(&mut problem, &device, &vec![x, before, numbers], options).await
}

fn lawful(momentum: Momentum) -> Result<()> {
    let hint = match momentum {
        Momentum::Strong(mu) if !(mu > 0.0 && mu.is_finite()) => "the modulus must be positive and finite",
        Momentum::Nesterov(Restart::Every(0)) => "restart after at least one iteration",
        _ => return Ok(()),
    };
    Err(Error::argument("fista", format!("{momentum:?}"), hint, Site::here()))
}

/// The first step length.
pub(super) async fn first_step(op: &str, smooth: &dyn Smooth, x: &[Tensor], step: Step) -> Result<f64> {
    let given = match step {
        Step::Estimate => {
            let curvature = lipschitz(smooth, x, POWER).await?;
            // flat at the start: any length will do, backtracking finds the right one
            return Ok(if curvature > 0.0 { 1.0 / curvature } else { 1.0 });
        }
        Step::From(length) | Step::Fixed(length) | Step::Adaptive(length) => length,
    };
    if given > 0.0 && given.is_finite() {
        return Ok(given);
    }
    let message = format!("a step of length {given}");
    Err(Error::argument(op, message, "the step must be positive and finite", Site::here()))
}
