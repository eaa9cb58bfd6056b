//! Proximal Newton steps: few iterations, each of which minimises a quadratic model with the penalty.
//!
//! At `x` the model is `<g, d> + 1/2 <d, H d> + penalty(x + d)`; its minimiser is approached by accelerated proximal gradient
//! steps, which need products of the Hessian and a vector alone. Then the best of a few points between `x` and there becomes the
//! next (J. Lee, Y. Sun, M. Saunders, *Proximal Newton-type methods for minimizing composite functions*, SIAM J. Optim. 24
//! (2014)). The step of the inner method is that of the greatest eigenvalue of `H`, followed by the power method whose vector
//! is carried along, with a margin.

use super::drive::{Marks, Method, State, drive, number, settle};
use super::fista::worst_distance;
use super::smooth::{Smooth, along};
use super::{Options, Solution, admit, inner, zip};
use crate::error::{Result, Site};
use crate::linear::spread;
use crate::penalty::Penalty;
use crate::tensor::Tensor;

/// Inner steps, and power iterations in each.
const INNER: usize = 20;
const POWER: usize = 4;
/// Added to the estimate of the greatest eigenvalue, which comes from below.
const MARGIN: f64 = 1.2;
/// Points tried between the old one and the model's minimiser: halvings.
const TRIALS: i32 = 7;
/// Objectives this close, relative, are equal: rounding of a pairwise sum of many f32 terms.
const ROUNDING: f64 = 1e-6;
/// Iterations per submission: each is a graph of hundreds of nodes.
const EVERY: usize = 2;

struct Newton<'a> {
    smooth: &'a dyn Smooth,
    penalties: &'a [Penalty],
}

impl Newton<'_> {
    fn objective(&self, w: &[Tensor]) -> Tensor {
        w.iter().zip(self.penalties).fold(self.smooth.value(w), |sum, (w, p)| sum + p.value(w))
    }

    /// Products with the Hessian at `x`, whose gradient is `g`.
    fn curved(g: &[Tensor], x: &[Tensor], v: &[Tensor]) -> Result<Vec<Tensor>> {
        let [g, x, v] = [g, x, v].map(|list| list.iter().collect::<Vec<_>>());
        crate::autograd::jvp(&g, &x, &v)
    }

    /// The model's minimiser, about.
    fn target(&self, x: &[Tensor], g: &[Tensor], step: &Tensor) -> Result<Vec<Tensor>> {
        let (mut u, mut before, mut t) = (x.to_vec(), x.to_vec(), 1.0f64);
        for _ in 0..INNER {
            let next = (1.0 + (1.0 + 4.0 * t * t).sqrt()) / 2.0;
            let beta = (t - 1.0) / next;
            t = next;
            let y = zip(&u, &before, |u, b| u + (u - b) * beta);
            let bent = Newton::curved(g, x, &zip(&y, x, |y, x| y - x))?;
            let slope = zip(g, &bent, |g, h| g + h);
            let down = zip(&y, &slope, |y, s| y - s * step);
            before = u;
            u = down.iter().zip(self.penalties).map(|(w, p)| p.prox(w, step)).collect();
        }
        Ok(u)
    }
}

/// The state's lists: `x`; the power method's vector; the fraction of the last step.
impl Method for Newton<'_> {
    const NAME: &'static str = "proximal_newton";

    fn iterate(&self, state: &State, _k: usize) -> Result<State> {
        let (x, mut v) = (&state[0], state[1].clone());
        let g = self.smooth.gradient(x)?;
        let mut norm = x[0].device().scalar(0.0);
        for _ in 0..POWER {
            let product = Newton::curved(&g, x, &v)?;
            norm = inner(&product, &product).sqrt();
            let some = norm.gt(0.0);
            let scale = some.select(&norm, 1.0).recip();
            v = zip(&product, &v, |p, v| some.select(p * &scale, v));
        }
        let flat = norm.gt(0.0).logical_not();
        let step = (flat.select(1.0, &norm) * MARGIN).recip();
        let whole = self.target(x, &g, &step)?;
        let d = zip(&whole, x, |u, x| u - x);
        let before = self.objective(x);
        // a whole step may raise the objective by rounding, shorter ones must lower it
        let ceiling = &before + before.abs() * ROUNDING;
        let value = self.objective(&whole);
        let accepted = value.le(&ceiling);
        let (mut best, mut fraction) = (accepted.select(&value, &before), accepted.select(1.0, norm.zeros_like()));
        for halving in 1..TRIALS {
            let t = 0.5f64.powi(halving);
            let value = self.objective(&along(x, &norm.full_like(t), &d));
            let better = value.lt(&best).logical_and(&accepted.logical_not());
            (best, fraction) = (better.select(&value, &best), better.select(t, &fraction));
        }
        // a whole step is taken as it is: its zeros are exact
        let next = zip(&whole, &along(x, &fraction, &d), |whole, part| accepted.select(whole, part));
        Ok(vec![next, v, vec![fraction]])
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        let x = &state[0];
        let g = self.smooth.gradient(x)?;
        Ok(Marks::new(self.objective(x), worst_distance(self.penalties, x, &g), state[2][0].clone()))
    }
}

/// Minimises `smooth(w) + sum penalty_i(w_i)` from `start` by proximal Newton steps; see the source's module text. The smooth part
/// must be convex and twice differentiable. [`Options::step`] and [`Options::every`] are not used.
///
/// # Errors
/// As [`fista`](super::fista()).
pub async fn proximal_newton(
    smooth: &dyn Smooth,
    penalties: &[Penalty],
    start: &[Tensor],
    options: Options<'_>,
) -> Result<Solution> {
    let device = admit("proximal_newton", penalties, start, &options, Site::here())?;
    let x = settle(&device, &vec![start.to_vec()])?.swap_remove(0);
    let v = x.iter().enumerate().map(|(ix, x)| spread(&device, x.shape()?, ix).check()).collect::<Result<Vec<_>>>()?;
    let state = vec![x, v, vec![number(&device, 0.0)?]];
    let options = Options { every: EVERY, ..options };
    drive(&mut Newton { smooth, penalties }, &device, &state, options).await
}
