//! Conjugate gradients: `A x = b` for a symmetric positive definite map, with or without a preconditioner.
//!
//! The recurrence is that of M. Hestenes, E. Stiefel (J. Res. NBS 49 (1952)). Its residual drifts from the true one by
//! rounding; the true one is computed once per submission, it is what the report states and what decides, and where the two
//! have come apart the recurrence begins again from it. That is iterative refinement, which reaches the accuracy that f32
//! residuals allow.

use super::drive::{Marks, Method, Seen, State, drive, settle};
use super::{Options, Solution, Status, admit_start};
use crate::error::{Error, Result, Site};
use crate::linear::{Conjugate, Linear};
use crate::run::Device;
use crate::tensor::Tensor;

struct System<'a> {
    device: Device,
    a: &'a Linear,
    m: Option<&'a Linear>,
    b: Tensor,
    /// `1 / ||b||`, or 1 for `b = 0`.
    unit: Tensor,
}

impl System<'_> {
    fn read(state: &State) -> Conjugate {
        let [x, r, p, rz, curvature] = &state[0][..] else { panic!("bug: five tensors") };
        Conjugate { x: x.clone(), r: r.clone(), p: p.clone(), rz: rz.clone(), curvature: curvature.clone() }
    }

    fn state(at: Conjugate) -> State {
        vec![vec![at.x, at.r, at.p, at.rz, at.curvature]]
    }

    fn begin(&self, x: &Tensor) -> State {
        System::state(Conjugate::start(self.a, &self.b, x, self.m))
    }
}

impl Method for System<'_> {
    const NAME: &'static str = "cg";

    fn iterate(&self, state: &State, _k: usize) -> Result<State> {
        let next = System::read(state).step(self.a, self.m);
        // the least curvature met so far
        let curvature = next.curvature.minimum(&state[0][4]);
        Ok(System::state(Conjugate { curvature, ..next }))
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        let at = System::read(state);
        let product = self.a.apply(&at.x);
        let objective = (&at.x * (&product * 0.5 - &self.b)).sum(..);
        let relative = |r: &Tensor| r.square().sum(..).sqrt() * &self.unit;
        let (truth, believed) = (relative(&(&self.b - product)), relative(&at.r));
        let step = self.unit.zeros_like();
        Ok(Marks { more: vec![at.curvature, believed], ..Marks::new(objective, truth, step) })
    }

    fn point(&self, state: &State) -> Vec<Tensor> {
        vec![state[0][0].clone()]
    }

    fn adapt(&mut self, state: &mut State, seen: &Seen) -> Result<Option<Status>> {
        if seen.more[0] < 0.0 {
            return Err(Error::Numeric {
                op: "cg".into(),
                message: format!("the map is not positive: <p, A p> = {:e} for a direction p", seen.more[0]),
                hint: "conjugate gradients need a symmetric positive definite map; try its Gram map with `A^T b`"
                    .into(),
            });
        }
        if seen.more[1] < 0.5 * seen.report.optimality {
            *state = settle(&self.device, &self.begin(&state[0][0]))?;
        }
        Ok(None)
    }
}

/// Solves `A x = b` by conjugate gradients from `start`. The report's `objective` is `<x, A x> / 2 - <b, x>`, its
/// `optimality` the true relative residual `||b - A x|| / ||b||` (not divided where `b` is 0).
///
/// A singular system is solved if it has a solution; if not, the report says [`Status::Stalled`](super::Status::Stalled).
///
/// # Errors
/// A map between two shapes, a `b` or a start that does not fit, a map that is not positive, numbers that are not finite.
pub async fn cg(a: &Linear, b: &Tensor, start: &Tensor, options: Options<'_>) -> Result<Solution> {
    system(a, None, b, start, options).await
}

/// [`cg`] with a preconditioner: a symmetric positive definite map close to the inverse of `A`, for instance
/// [`Linear::diagonal`] of the reciprocal of its diagonal.
///
/// # Errors
/// As [`cg`].
pub async fn pcg(
    a: &Linear,
    preconditioner: &Linear,
    b: &Tensor,
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    system(a, Some(preconditioner), b, start, options).await
}

async fn system(a: &Linear, m: Option<&Linear>, b: &Tensor, start: &Tensor, options: Options<'_>) -> Result<Solution> {
    let site = Site::here();
    let device = admit_start("cg", &[start.clone(), b.clone()], &options, site)?;
    for map in [Some(a), m].into_iter().flatten() {
        if map.domain() != map.range() || map.domain() != b.shape()? || b.shape()? != start.shape()? {
            let message = format!("{map:?}, right side {}, start {}", b.shape()?, start.shape()?);
            return Err(Error::argument("cg", message, "all must have one shape", site));
        }
    }
    let norm = b.square().sum(..).sqrt();
    let unit = norm.gt(0.0).select(&norm, 1.0).recip();
    device.eval(&[b, &unit, start])?;
    let mut problem = System { device: device.clone(), a, m, b: b.leaf()?, unit: unit.leaf()? };
    let state = problem.begin(&start.leaf()?);
    drive(&mut problem, &device, &state, options).await
}
