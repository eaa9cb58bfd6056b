//! Singular values and eigenvalues by block Jacobi: `start` scales, `round`s orthogonalise columns, `order` sorts; for singular
//! vectors on the left a decomposition into `q` and `r` follows, whose `q` is orthonormal whatever the rank.
//!
//! A round is one dispatch with a workgroup for each pair of blocks; a sweep has as many rounds as there are blocks, less one.
//! Up to 32 columns there is one pair, and a sweep is one dispatch. Rounds after convergence find a flag and
//! return, so the number of dispatches is a limit, not a cost: about 9 sweeps are at work on 512 columns.

use super::dense::{in_place, lanes, qr, stretches};
use super::{Steps, flag, kernel, word};
use crate::graph::dense::Sweeps;
use crate::kernel::Operand;

/// Words of a matrix in the state that do not belong to a sweep.
const HEAD: usize = 4;

/// The buffers between the passes.
struct Jacobi {
    w: Operand,
    v: Operand,
    state: Operand,
    keys: Operand,
    stride: usize,
}

/// Start and rounds.
fn sweeps(steps: &mut Steps<'_>, [b, m, n]: [usize; 3], symmetric: bool) -> Result<Jacobi, String> {
    let plan = Sweeps::of(n);
    let copied = 3 * n * m.div_ceil(lanes(m));
    stretches("jacobi_start", 1, 0, |_| copied)?;
    let stride = HEAD + plan.sweeps;
    let buffers = Jacobi {
        w: steps.scratch((b * m * n) as u64)?,
        v: steps.scratch((b * n * n) as u64)?,
        state: steps.scratch((b * stride) as u64)?,
        keys: steps.scratch((b * 3 * n) as u64)?,
        stride,
    };
    let Jacobi { w, v, state, .. } = buffers;
    let overrides = vec![("WG", lanes(m) as f64), ("SYMMETRIC", flag(symmetric))];
    let start = kernel("jacobi_start", "jacobi_start/f32".into(), &[], overrides, (1, 3));
    let shape = vec![word(m), word(n), word(b), word(stride)];
    steps.dispatch(start, vec![Operand::Source(0), w, v, state], shape, b as u64)?;
    let pairs = plan.blocks / 2;
    // Where a barrier is dear, few invocations are better, if each may take as many turns.
    let square = plan.width * plan.width;
    let few = steps.limits.cpu && !steps.limits.lockstep;
    let lanes = [64, 128, 256].map(|most: usize| most.min(square));
    let fits = |width: usize| stretches("jacobi_round", 1, 0, |_| turns([m, n], plan, width));
    let width = *lanes.iter().find(|&&w| few && fits(w).is_ok()).unwrap_or(&lanes[2]);
    fits(width)?;
    let overrides = vec![("WG", width as f64), ("N", plan.width as f64), ("INNER", plan.inner as f64)];
    let label = format!("jacobi_round/f32/n{}", plan.width);
    let round = in_place(kernel("jacobi_round", label, &[], overrides, (0, 3)), 3);
    for sweep in 0..plan.sweeps {
        for turn in 0..plan.blocks - 1 {
            let words = [m, n, b * pairs, stride, pairs, turn, sweep, 0].map(word).to_vec();
            steps.dispatch(round.clone(), vec![w, v, state], words, (b * pairs) as u64)?;
        }
    }
    Ok(buffers)
}

/// Turns of the loops of one of `width` invocations in a round.
fn turns([m, n]: [usize; 2], plan: Sweeps, width: usize) -> usize {
    let (square, stretch) = (plan.width * plan.width, 1024 / plan.width);
    let entries = 1024usize.div_ceil(width);
    let loaded = m.div_ceil(stretch) * (entries + square.div_ceil(width) * stretch);
    let applied = (m.div_ceil(stretch) + n.div_ceil(stretch)) * entries * (plan.width + 2);
    loaded + applied + plan.inner * plan.width * (square.div_ceil(width) + 2)
}

/// Sorts; the columns of `w` in order go to `sorted`.
fn order(
    steps: &mut Steps<'_>,
    [b, m, n]: [usize; 3],
    of: &Jacobi,
    sorted: Operand,
    symmetric: bool,
) -> Result<(), String> {
    let turns = n.div_ceil(lanes(n)) * (2 * m + 3 * n);
    stretches("jacobi_order", 1, 0, |_| turns)?;
    let overrides = vec![("WG", lanes(n) as f64), ("SYMMETRIC", flag(symmetric))];
    let pass = in_place(kernel("jacobi_order", "jacobi_order/f32".into(), &[], overrides, (3, 3)), 3);
    let words = vec![word(m), word(n), word(b), word(of.stride)];
    steps.dispatch(pass, vec![of.w, of.v, of.state, of.keys, sorted, Operand::Result], words, b as u64)
}

pub(super) fn eigh(steps: &mut Steps<'_>, b: usize, n: usize) -> Result<(), String> {
    let found = sweeps(steps, [b, n, n], true)?;
    let unused = steps.scratch(4)?;
    order(steps, [b, n, n], &found, unused, true)
}

pub(super) fn svd(steps: &mut Steps<'_>, [b, m, n]: [usize; 3]) -> Result<(), String> {
    let found = sweeps(steps, [b, m, n], false)?;
    let sorted = steps.scratch((b * m * n) as u64)?;
    order(steps, [b, m, n], &found, sorted, false)?;
    let parts = steps.scratch((b * (m + n) * n) as u64)?;
    qr(steps, [b, m, n], sorted, parts)?;
    let left = in_place(kernel("svd_left", "svd_left/f32".into(), &[], vec![("WG", 64.0)], (2, 1)), 1);
    let words = vec![word(m * n), word(n), word(b * m * n), word(found.stride)];
    steps.dispatch(left, vec![parts, found.state, Operand::Result], words, (b * m * n).div_ceil(64) as u64)
}
