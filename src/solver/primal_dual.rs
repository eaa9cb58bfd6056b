//! Primal-dual hybrid gradients: functions of linear images, without inverting anything.
//!
//! For `smooth(x) + g(x) + sum_i h_i(K_i x)` one iteration is
//!
//! `x' = prox_{t g}(x - t (grad smooth(x) + K^T y))`, `y' = prox_{s h*}(y + s K (2 x' - x))`,
//!
//! the method of L. Condat (*A primal-dual splitting method for convex optimization*, J. Optim. Theory Appl. 158 (2013)) and
//! B. Vu (2013); without the smooth part that of A. Chambolle, T. Pock (*A first-order primal-dual algorithm*, J. Math. Imaging
//! Vis. 40 (2011)). The products `K x` and `K^T y` are kept, so an iteration applies each map and each adjoint once.
//!
//! - *Steps*: `s = ratio / ||K||` and `1 / t = L / 2 + ratio ||K||`, which converges for every ratio. The norm is estimated by
//!   Lanczos' method and corrected whenever a movement shows that it is larger; `L` by power iteration.
//! - *Restarts and ratio* are those of D. Applegate et al. (*Practical large-scale linear programming using primal-dual hybrid
//!   gradient*, `NeurIPS` 2021): between submissions the current point and the average since the last restart are measured;
//!   the better one becomes the new start if it is better by far, or better by some and not improving, or if it is time. At
//!   a restart the ratio follows the distances that dual and primal have travelled.
//!
//! # Certificate
//! An iteration knows elements of the subdifferentials at its end: `p = (x - x') / t - K^T (y - y') + grad smooth(x') - grad smooth(x)`
//! of the objective by `x`, `d = (y - y') / s - K (x - x')` of the one by `y`. The greatest magnitude in either is
//! [`Report::optimality`](super::Report::optimality): 0 exactly at a saddle point.

use super::drive::{Marks, Method, Seen, State, drive, number, settle, zeros};
use super::fista::first_step;
use super::proximal::{Proximal, greatest};
use super::smooth::Smooth;
use super::{Options, Solution, Status, admit_start, inner, zip};
use crate::error::{Error, Result, Site};
use crate::linear::Linear;
use crate::run::Device;
use crate::tensor::Tensor;

/// Better by far, better by some, and the share of all iterations after which a restart is due.
const FAR: f64 = 0.2;
const SOME: f64 = 0.8;
const DUE: f64 = 0.36;
/// Lanczos steps for the norm, and how much is added to what they give.
const LANCZOS: usize = 16;
const MARGIN: f64 = 1.01;
/// `(64 * 2^-24)^2`.
const UNJUDGED: f64 = 1.455_191_522_836_685_2e-11;

/// `h(K x)`.
pub struct Image<'a> {
    /// `K`.
    pub map: Linear,
    /// `h`.
    pub of: &'a dyn Proximal,
}

/// A point with its products.
#[derive(Clone)]
pub(super) struct Place {
    pub x: Tensor,
    pub y: Vec<Tensor>,
    pub kx: Vec<Tensor>,
    pub kty: Tensor,
}

/// What is measured at a place.
pub(super) struct Measured {
    pub objective: Tensor,
    pub optimality: Tensor,
    pub gap: Option<Tensor>,
    /// How far the dual and the primal point are from proofs that there is no solution.
    pub proofs: Option<[Tensor; 2]>,
}

pub(super) type Measure<'a> = Box<dyn Fn(&Place) -> Measured + 'a>;

/// What is close enough to a proof: of infeasibility the reciprocal of the length below which there is no feasible point, of
/// unboundedness how far the direction leaves the constraints, relative to what the objective gains.
const PROOFS: [f64; 2] = [1e-6, 1e-4];

pub(super) struct PrimalDual<'a> {
    pub device: Device,
    pub smooth: Option<&'a dyn Smooth>,
    pub g: &'a dyn Proximal,
    pub images: &'a [Image<'a>],
    /// Another certificate than the module's.
    pub measure: Option<Measure<'a>>,
    /// `||K||`, `L`, and the ratio of the steps.
    pub norm: f64,
    pub curvature: f64,
    pub ratio: f64,
    pub restart: Restarted,
}

/// The last restart: after how many iterations, and the distance then and at the last look.
pub(super) struct Restarted {
    at: usize,
    then: f64,
    last: f64,
}

impl Default for Restarted {
    fn default() -> Self {
        Restarted { at: 0, then: f64::INFINITY, last: f64::INFINITY }
    }
}

/// The state's lists: `x` and `K^T y`; `y`; `K x`; the sums of `x` and of `y` since the restart; `x` and `y` at the restart; the
/// numbers `t`, `s`, `1 / iterations`, and of the last movement the stretch and the bend.
mod list {
    pub const X: usize = 0;
    pub const Y: usize = 1;
    pub const KX: usize = 2;
    pub const SUM_X: usize = 3;
    pub const SUM_Y: usize = 4;
    pub const START_X: usize = 5;
    pub const START_Y: usize = 6;
    pub const NUMBERS: usize = 7;
}

/// One step and what it tells.
struct Moved {
    to: Place,
    primal: Tensor,
    dual: Tensor,
    /// `||K dx||^2 / ||dx||^2` and `<d grad, dx> / ||dx||^2`: what `||K||^2` and `L` are at least.
    stretch: Tensor,
    bend: Tensor,
}

impl PrimalDual<'_> {
    fn place(state: &State) -> Place {
        let [x, kty] = &state[list::X][..] else { panic!("bug: two tensors") };
        Place { x: x.clone(), kty: kty.clone(), y: state[list::Y].clone(), kx: state[list::KX].clone() }
    }

    /// The products of a point.
    fn at(&self, x: &Tensor, y: &[Tensor]) -> Place {
        let kx = self.images.iter().map(|i| i.map.apply(x)).collect();
        Place { x: x.clone(), y: y.to_vec(), kx, kty: self.back(x, y) }
    }

    fn back(&self, x: &Tensor, y: &[Tensor]) -> Tensor {
        let each = self.images.iter().zip(y).map(|(i, y)| i.map.adjoint(y));
        each.reduce(|a, b| a + b).unwrap_or_else(|| x.zeros_like())
    }

    fn slope(&self, x: &Tensor) -> Result<Option<Tensor>> {
        self.smooth.map(|h| Ok(h.gradient(std::slice::from_ref(x))?.swap_remove(0))).transpose()
    }

    fn step(&self, from: &Place, t: &Tensor, s: &Tensor) -> Result<Moved> {
        let slope = self.slope(&from.x)?;
        let down = slope.as_ref().map_or_else(|| from.kty.clone(), |g| &from.kty + g);
        let x = self.g.prox(&(&from.x - down * t), t);
        let kx: Vec<Tensor> = self.images.iter().map(|i| i.map.apply(&x)).collect();
        let ahead = zip(&kx, &from.kx, |new, old| new * 2.0 - old);
        let y: Vec<Tensor> = (self.images.iter().zip(&from.y).zip(&ahead))
            .map(|((i, y), k)| i.of.conjugate_prox(&(y + k * s), s))
            .collect();
        let kty = self.back(&x, &y);
        let dx = &from.x - &x;
        let length = dx.square().sum(..);
        let moved = length.gt(0.0);
        let per_length = |v: Tensor| moved.select(v / moved.select(&length, 1.0), 0.0);
        let mut primal = &dx / t - (&from.kty - &kty);
        let mut bend = self.device.scalar(0.0);
        if let Some(before) = slope {
            let turned = before - self.slope(&x)?.expect("bug: there is a smooth part");
            bend = per_length((&turned * &dx).sum(..));
            primal = primal - turned;
        }
        let dk = zip(&from.kx, &kx, |old, new| old - new);
        let duals = (from.y.iter().zip(&y).zip(&dk)).map(|((old, new), dk)| greatest(&((old - new) / s - dk)));
        let dual = duals.reduce(|a, b| a.maximum(b)).unwrap_or_else(|| self.device.scalar(0.0));
        let image = if dk.is_empty() { self.device.scalar(0.0) } else { inner(&dk, &dk) };
        let stretch = per_length(image);
        Ok(Moved { to: Place { x, y, kx, kty }, primal: greatest(&primal), dual, stretch, bend })
    }

    /// What a place is worth.
    fn measured(&self, at: &Place, t: &Tensor, s: &Tensor) -> Result<Measured> {
        if let Some(measure) = &self.measure {
            return Ok(measure(at));
        }
        let Moved { to, primal, dual, .. } = self.step(at, t, s)?;
        let mut objective = self.g.value(&to.x);
        if let Some(h) = self.smooth {
            objective = objective + h.value(std::slice::from_ref(&to.x));
        }
        for (image, kx) in self.images.iter().zip(&to.kx) {
            objective = objective + image.of.value(kx);
        }
        Ok(Measured { objective, optimality: primal.maximum(dual), gap: None, proofs: None })
    }

    fn average(&self, state: &State) -> Place {
        let share = &state[list::NUMBERS][2];
        let y: Vec<Tensor> = state[list::SUM_Y].iter().map(|sum| sum * share).collect();
        self.at(&(&state[list::SUM_X][0] * share), &y)
    }

    fn steps(&self) -> (f64, f64) {
        let norm = self.norm.max(f64::MIN_POSITIVE);
        let primal = 0.5 * self.curvature + self.ratio * norm;
        // flat and unconstrained: any length will do
        let t = if primal > 1e-30 { 1.0 / primal } else { 1.0 };
        let s = if self.norm > 1e-30 { self.ratio / self.norm } else { 1.0 };
        (t, s)
    }

    /// The state of a restart.
    pub fn begin(&self, x: &Tensor, y: &[Tensor]) -> Result<State> {
        let at = self.at(x, y);
        let (t, s) = self.steps();
        let numbers = [t, s, 0.0, 0.0, 0.0].map(|v| number(&self.device, v)).into_iter().collect::<Result<Vec<_>>>()?;
        let nothing = |list: &[Tensor]| list.iter().map(zeros).collect::<Result<Vec<_>>>();
        Ok(vec![
            vec![x.clone(), at.kty],
            y.to_vec(),
            at.kx,
            vec![zeros(x)?],
            nothing(y)?,
            vec![x.clone()],
            y.to_vec(),
            numbers,
        ])
    }

    /// Whether to begin again from the candidate.
    fn restarts(&self, candidate: f64, iterations: usize) -> bool {
        let Restarted { at, then, last } = self.restart;
        let improved = candidate <= FAR * then || (candidate <= SOME * then && candidate > last);
        then.is_finite() && (improved || (iterations - at) as f64 >= DUE * iterations as f64)
    }
}

impl Method for PrimalDual<'_> {
    const NAME: &'static str = "primal_dual";
    const SPLITS: bool = true;

    fn iterate(&self, state: &State, _k: usize) -> Result<State> {
        let [t, s, share, ..] = &state[list::NUMBERS][..] else { panic!("bug: five numbers") };
        let Moved { to, stretch, bend, .. } = self.step(&PrimalDual::place(state), t, s)?;
        // 1 / (n + 1) from 1 / n, where 0 stands for no iteration
        let share = share.gt(0.0).select(share / (share + 1.0), 1.0);
        let mut next = state.clone();
        next[list::SUM_X] = zip(&state[list::SUM_X], std::slice::from_ref(&to.x), |sum, x| sum + x);
        next[list::SUM_Y] = zip(&state[list::SUM_Y], &to.y, |sum, y| sum + y);
        next[list::X] = vec![to.x, to.kty];
        next[list::Y] = to.y;
        next[list::KX] = to.kx;
        next[list::NUMBERS] = vec![t.clone(), s.clone(), share, stretch, bend];
        Ok(next)
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        let [t, s, _, stretch, bend] = &state[list::NUMBERS][..] else { panic!("bug: five numbers") };
        let here = self.measured(&PrimalDual::place(state), t, s)?;
        let average = self.measured(&self.average(state), t, s)?.optimality;
        // movements of some units of rounding have no direction and no length
        let travelled = |now: &[Tensor], then: &[Tensor]| {
            let gone = zip(now, then, |a, b| a - b);
            if gone.is_empty() {
                return self.device.scalar(0.0);
            }
            let square = inner(&gone, &gone);
            square.gt(inner(now, now) * UNJUDGED).select(square.sqrt(), 0.0)
        };
        let dx = travelled(&state[list::X][..1], &state[list::START_X]);
        let dy = travelled(&state[list::Y], &state[list::START_Y]);
        let mut more = vec![average, dx, dy, stretch.clone(), bend.clone()];
        more.extend(here.proofs.into_iter().flatten());
        Ok(Marks { gap: here.gap, more, ..Marks::new(here.objective, here.optimality, t.clone()) })
    }

    fn point(&self, state: &State) -> Vec<Tensor> {
        let [t, s, ..] = &state[list::NUMBERS][..] else { panic!("bug: five numbers") };
        let at = PrimalDual::place(state);
        if self.measure.is_some() {
            return vec![at.x];
        }
        // the module's certificate is about the end of the next step
        match self.step(&at, t, s) {
            Ok(moved) => vec![moved.to.x],
            Err(e) => vec![Tensor::new(&self.device, Err(e))],
        }
    }

    fn dual(&self, state: &State) -> Vec<Tensor> {
        state[list::Y].clone()
    }

    fn adapt(&mut self, state: &mut State, seen: &Seen) -> Result<Option<Status>> {
        let [average, dx, dy, stretch, bend, ref proofs @ ..] = seen.more[..] else { panic!("bug: five numbers") };
        for ((proof, enough), why) in proofs.iter().zip(PROOFS).zip([Status::Infeasible, Status::Unbounded]) {
            if *proof <= enough {
                return Ok(Some(why));
            }
        }
        let now = seen.report.optimality;
        let candidate = if average.is_finite() { average.min(now) } else { now };
        let longer = stretch.is_finite() && stretch.sqrt() > self.norm;
        if longer {
            self.norm = MARGIN * stretch.sqrt();
        }
        let steeper = bend.is_finite() && bend > self.curvature;
        if steeper {
            self.curvature = MARGIN * bend;
        }
        if longer || steeper || self.restarts(candidate, seen.report.iterations) {
            let at = if average < now { self.average(state) } else { PrimalDual::place(state) };
            // a step that was too long says nothing about the right ratio
            if !longer && !steeper && dx > 0.0 && dy > 0.0 && (dx / dy).is_finite() {
                self.ratio = (0.5 * (dy / dx).ln() + 0.5 * self.ratio.ln()).exp();
            }
            let own = settle(&self.device, &vec![vec![at.x], at.y])?;
            *state = settle(&self.device, &self.begin(&own[0][0], &own[1])?)?;
            self.restart = Restarted { at: seen.report.iterations, then: candidate, last: f64::INFINITY };
        } else {
            self.restart.last = candidate;
            if !self.restart.then.is_finite() {
                self.restart.then = candidate;
            }
        }
        Ok(None)
    }
}

/// Minimises `g(x) + sum_i h_i(K_i x)` from `start` by primal-dual hybrid gradients; all convex. The point is a value of the
/// proximal operator of `g`; `dual` has one tensor per image.
///
/// # Errors
/// Maps that do not take tensors like the start, numbers that are not finite, whatever evaluating meets.
pub async fn pdhg(g: &dyn Proximal, images: &[Image<'_>], start: &Tensor, options: Options<'_>) -> Result<Solution> {
    primal_dual(None, g, images, start, options).await
}

/// Minimises `smooth(x) + g(x) + sum_i h_i(K_i x)` from `start` by the method of Condat and Vu; all convex.
/// [`Options::step`] says how strongly the smooth part curves: [`Step::Fixed`](super::Step::Fixed) is `1 / L`, all others estimate it
/// at the start and correct it while the method runs.
///
/// # Errors
/// As [`pdhg`].
pub async fn condat_vu(
    smooth: &dyn Smooth,
    g: &dyn Proximal,
    images: &[Image<'_>],
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    primal_dual(Some(smooth), g, images, start, options).await
}

/// The greatest singular value of the maps one above the other, with a margin.
pub(super) async fn norm_of(device: &Device, images: &[Image<'_>]) -> Result<f64> {
    let Some((first, rest)) = images.split_first() else { return Ok(0.0) };
    let mut gram = first.map.gram();
    for image in rest {
        gram = gram.plus(&image.map.gram())?;
    }
    Ok(MARGIN * gram.extremes(device, LANCZOS).await?.1.max(0.0).sqrt())
}

async fn primal_dual(
    smooth: Option<&dyn Smooth>,
    g: &dyn Proximal,
    images: &[Image<'_>],
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    let site = Site::here();
    let device = admit_start("primal_dual", std::slice::from_ref(start), &options, site)?;
    if let Some(odd) = images.iter().find(|i| Some(i.map.domain()) != start.shape().ok()) {
        let message = format!("a {:?} of a start of shape {}", odd.map, start.shape()?);
        return Err(Error::argument("primal_dual", message, "all maps take tensors like the start", site));
    }
    start.eval()?;
    let x = start.leaf()?;
    let curvature = match smooth {
        None => 0.0,
        Some(h) => 1.0 / first_step("primal_dual", h, std::slice::from_ref(&x), options.step).await?,
    };
    let norm = norm_of(&device, images).await?;
    let y = images.iter().map(|i| zeros(&device.zeros(i.map.range().clone()))).collect::<Result<Vec<_>>>()?;
    let mut problem = PrimalDual {
        device: device.clone(),
        smooth,
        g,
        images,
        measure: None,
        norm,
        curvature: MARGIN * curvature,
        ratio: 1.0,
        restart: Restarted::default(),
    };
    let state = problem.begin(&x, &y)?;
    drive(&mut problem, &device, &state, options).await
}
