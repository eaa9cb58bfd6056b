//! The loop around every method that takes many iterations per submission.
//!
//! A [`Method`] says what one iteration is, as tensor expressions over its [`State`], and what is to be measured. The driver
//! chains as many iterations as the options ask for, evaluates them with the measurements in one submission, reads a few
//! numbers, and decides. The graph of a submission has the same structure each time, so it is planned once.

use super::{Options, Progress, Report, Solution, Status, not_finite};
use crate::error::Result;
use crate::run::Device;
use crate::tensor::Tensor;

/// What lives from iteration to iteration, all on the device; which list is what is up to the method.
pub(super) type State = Vec<Vec<Tensor>>;

/// What is measured at the end of a submission; scalar tensors.
pub(super) struct Marks {
    pub objective: Tensor,
    /// See [`Report::optimality`].
    pub optimality: Tensor,
    /// The duality gap, if the method knows one.
    pub gap: Option<Tensor>,
    pub step: Tensor,
    /// For [`Method::adapt`].
    pub more: Vec<Tensor>,
}

impl Marks {
    pub fn new(objective: Tensor, optimality: Tensor, step: Tensor) -> Marks {
        Marks { objective, optimality, gap: None, step, more: Vec::new() }
    }
}

/// One method.
pub(super) trait Method {
    /// Its name in messages.
    const NAME: &'static str;
    /// Whether the objective may be infinite on the way: the parts of a splitting need not be feasible before the end.
    const SPLITS: bool = false;

    /// Iteration `k`, counted from 0.
    fn iterate(&self, state: &State, k: usize) -> Result<State>;

    /// The measurements.
    fn judge(&self, state: &State) -> Result<Marks>;

    /// The coefficients.
    fn point(&self, state: &State) -> Vec<Tensor> {
        state[0].clone()
    }

    /// The multipliers, if there are any.
    fn dual(&self, _state: &State) -> Vec<Tensor> {
        Vec::new()
    }

    /// The duality gap at which the method ends, if one was asked for.
    fn tol_gap(&self) -> Option<f64> {
        None
    }

    /// What the host changes between submissions, in view of what was measured; or why to stop.
    fn adapt(&mut self, _state: &mut State, _seen: &Seen) -> Result<Option<Status>> {
        Ok(None)
    }
}

/// What the host reads between submissions.
pub(super) struct Seen {
    pub report: Report,
    pub more: Vec<f64>,
}

/// The state computed and cut off from its history, each tensor in a buffer of its own: so the first submission has the
/// structure of the others, also where several parts of the state start as the same tensor.
pub(super) fn settle(device: &Device, state: &State) -> Result<State> {
    let own: State = state.iter().map(|list| list.iter().map(Tensor::detach).collect()).collect();
    device.eval(&own.iter().flatten().collect::<Vec<_>>())?;
    leaves(&own)
}

fn leaves(state: &State) -> Result<State> {
    state.iter().map(|list| list.iter().map(Tensor::leaf).collect()).collect()
}

/// A number as a leaf, so that replacing it changes no structure.
pub(super) fn number(device: &Device, value: f64) -> Result<Tensor> {
    device.tensor(&[value as f32], ()).check()
}

/// Zeros as a leaf in the shape of `like`.
pub(super) fn zeros(like: &Tensor) -> Result<Tensor> {
    let shape = like.shape()?;
    like.device().tensor(&vec![0.0f32; shape.elements()], shape).check()
}

/// Runs a method from a state until one of the reasons of [`Status`].
pub(super) async fn drive<M: Method>(
    method: &mut M,
    device: &Device,
    start: &State,
    options: Options<'_>,
) -> Result<Solution> {
    let Options { tol, max_iter, every, patience, mut watch, .. } = options;
    let mut state = settle(device, start)?;
    let mut best: Option<(State, Report)> = None;
    let (mut iterations, mut idle) = (0, 0);
    loop {
        let steps = every.min(max_iter - iterations);
        let mut next = state.clone();
        for ix in 0..steps {
            next = method.iterate(&next, iterations + ix)?;
        }
        let marks = method.judge(&next)?;
        state = submit(device, &next, &marks)?;
        iterations += steps;
        let mut seen = look::<M>(device, &marks, iterations).await?;
        let Report { objective, optimality, gap, .. } = seen.report;
        let before = best.as_ref().map_or(f64::INFINITY, |(_, b)| b.optimality);
        idle = if optimality <= 0.9 * before { 0 } else { idle + 1 };
        if optimality <= before {
            best = Some((state.clone(), seen.report));
        }
        let closed = method.tol_gap().zip(gap).is_some_and(|(tol, gap)| gap <= tol);
        let goes_on = watch.as_mut().is_none_or(|w| w(&Progress { iterations, objective, optimality }));
        seen.report.status = if optimality <= tol || closed {
            Status::Converged
        } else if !goes_on {
            Status::Stopped
        } else if idle >= patience {
            Status::Stalled
        } else if iterations >= max_iter {
            Status::Limit
        } else if let Some(why) = method.adapt(&mut state, &seen)? {
            why
        } else {
            continue;
        };
        let status = seen.report.status;
        let (at, found) = if closed { (state, seen.report) } else { best.unwrap_or((state, seen.report)) };
        let (w, dual) = (computed(device, method.point(&at))?, computed(device, method.dual(&at))?);
        return Ok(Solution { w, dual, report: Report { status, iterations, ..found } });
    }
}

/// Tensors evaluated and cut off from their history.
fn computed(device: &Device, list: Vec<Tensor>) -> Result<Vec<Tensor>> {
    device.eval(&list.iter().collect::<Vec<_>>())?;
    list.iter().map(Tensor::leaf).collect()
}

fn submit(device: &Device, next: &State, marks: &Marks) -> Result<State> {
    let measured = [&marks.objective, &marks.optimality, &marks.step];
    let all = next.iter().flatten().chain(measured).chain(&marks.gap).chain(&marks.more);
    device.eval(&all.collect::<Vec<_>>())?;
    leaves(next)
}

/// What the host reads after a submission.
async fn look<M: Method>(device: &Device, marks: &Marks, iterations: usize) -> Result<Seen> {
    let measured = [&marks.objective, &marks.optimality, &marks.step];
    let all: Vec<&Tensor> = measured.into_iter().chain(&marks.gap).chain(&marks.more).collect();
    let read: Vec<f64> = device.read::<f32>(&all).await?.iter().map(|v| f64::from(v[0])).collect();
    let (objective, optimality, step) = (read[0], read[1], read[2]);
    let lawful = if M::SPLITS { !objective.is_nan() } else { objective.is_finite() };
    if !lawful {
        return Err(not_finite(M::NAME, "the objective", objective, iterations));
    }
    if !optimality.is_finite() {
        return Err(not_finite(M::NAME, "the distance from optimality", optimality, iterations));
    }
    let n_gap = usize::from(marks.gap.is_some());
    let gap = marks.gap.as_ref().map(|_| read[3]);
    let report = Report { status: Status::Limit, iterations, objective, optimality, gap, step };
    Ok(Seen { report, more: read[3 + n_gap..].to_vec() })
}
