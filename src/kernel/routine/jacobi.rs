//! Singular values and eigenvalues by block Jacobi: `start` scales, `round`s orthogonalise columns, `order` sorts; for singular
//! vectors on the left a decomposition into `q` and `r` follows, whose `q` is orthonormal whatever the rank.
//!
//! A round is one dispatch with a workgroup for each pair of blocks; a sweep has as many rounds as there are blocks, less one.
//! Up to 32 columns there is one pair, and a sweep is one dispatch. Rounds after convergence find a flag and
//! return, so the number of dispatches is a limit, not a cost: about 9 sweeps are at work on 512 columns.

use super::dense::{in_place, lanes, qr};
use super::{Steps, flag, kernel, word};
use crate::graph::dense::Sweeps;
use crate::kernel::Operand;

/// Words of a matrix in the state that do not belong to a sweep.
const HEAD: usize = 4;

/// What is decomposed, and where it lies.
struct Problem {
    matrix: Operand,
    /// Rows of each matrix in its buffer, and the first of those that count.
    rows: [usize; 2],
    shape: [usize; 3],
    symmetric: bool,
}

/// The buffers between the passes.
struct Jacobi {
    w: Operand,
    v: Operand,
    state: Operand,
    keys: Operand,
    stride: usize,
}

/// Start and rounds.
fn sweeps(steps: &mut Steps<'_>, of: &Problem) -> Result<Jacobi, String> {
    let [b, m, n] = of.shape;
    let plan = Sweeps::of(n);
    let copied = 3 * n * m.div_ceil(lanes(m));
    steps.stretches("jacobi_start", 1, 0, |_| copied)?;
    let stride = HEAD + plan.sweeps;
    let buffers = Jacobi {
        w: steps.scratch((b * m * n) as u64)?,
        v: steps.scratch((b * n * n) as u64)?,
        state: steps.scratch((b * stride) as u64)?,
        keys: steps.scratch((b * 3 * n) as u64)?,
        stride,
    };
    let Jacobi { w, v, state, .. } = buffers;
    let overrides = vec![("WG", lanes(m) as f64), ("SYMMETRIC", flag(of.symmetric))];
    let start = kernel("jacobi_start", "jacobi_start/f32".into(), &[], overrides, (1, 3));
    let words = [m, n, b, stride, of.rows[0], of.rows[1]].map(word).to_vec();
    steps.dispatch(start, vec![of.matrix, w, v, state], words, b as u64)?;
    let pairs = plan.blocks / 2;
    // Where a barrier is dear, few invocations are better, if each may take as many turns.
    let square = plan.width * plan.width;
    let few = steps.limits.cpu && !steps.limits.lockstep;
    let fits = |width: usize| steps.stretches("jacobi_round", 1, 0, |_| turns([m, n], plan, width));
    let widths = [64, 128, 256].map(|most: usize| most.min(square));
    let width = *widths.iter().find(|&&w| few && fits(w).is_ok()).unwrap_or(&widths[2]);
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
    let quarters = 256usize.div_ceil(width);
    let loaded = m.div_ceil(stretch) * (quarters + (square / 16).div_ceil(width) * (stretch + 17));
    let applied = (m.div_ceil(stretch) + n.div_ceil(stretch)) * quarters * (plan.width / 4 + 7);
    loaded + applied + plan.inner * plan.width * (square.div_ceil(width) + 2)
}

/// Sorts: values go to row `first` of `rows` of the result, vectors below; the columns of `w` in order to `sorted`.
fn order(
    steps: &mut Steps<'_>,
    of: &Problem,
    found: &Jacobi,
    sorted: Operand,
    [rows, first]: [usize; 2],
) -> Result<(), String> {
    let [b, m, n] = of.shape;
    let turns = n.div_ceil(lanes(n)) * (2 * m + 3 * n);
    steps.stretches("jacobi_order", 1, 0, |_| turns)?;
    let overrides = vec![("WG", lanes(n) as f64), ("SYMMETRIC", flag(of.symmetric))];
    let pass = in_place(kernel("jacobi_order", "jacobi_order/f32".into(), &[], overrides, (3, 3)), 3);
    let words = [m, n, b, found.stride, rows, first].map(word).to_vec();
    let buffers = vec![found.w, found.v, found.state, found.keys, sorted, Operand::Result];
    steps.dispatch(pass, buffers, words, b as u64)
}

pub(super) fn eigh(steps: &mut Steps<'_>, b: usize, n: usize) -> Result<(), String> {
    let problem = Problem { matrix: Operand::Source(0), rows: [n, 0], shape: [b, n, n], symmetric: true };
    let found = sweeps(steps, &problem)?;
    let unused = steps.scratch(4)?;
    order(steps, &problem, &found, unused, [n + 1, 0])
}

/// From twice as many rows as columns on, the triangle of a `q r` decomposition stands for the matrix.
pub(super) fn svd(steps: &mut Steps<'_>, [b, m, n]: [usize; 3]) -> Result<(), String> {
    let tall = m >= 2 * n;
    let (matrix, rows) = if tall {
        let parts = steps.scratch((b * (m + n) * n) as u64)?;
        qr(steps, [b, m, n], Operand::Source(0), parts)?;
        (parts, [m + n, m])
    } else {
        (Operand::Source(0), [m, 0])
    };
    let l = if tall { n } else { m };
    let problem = Problem { matrix, rows, shape: [b, l, n], symmetric: false };
    let found = sweeps(steps, &problem)?;
    let sorted = steps.scratch((b * l * n) as u64)?;
    order(steps, &problem, &found, sorted, [m + 1 + n, m])?;
    let parts = steps.scratch((b * (l + n) * n) as u64)?;
    qr(steps, [b, l, n], sorted, parts)?;
    let overrides = vec![("WG", 64.0), ("TALL", flag(tall))];
    let left = in_place(kernel("svd_left", "svd_left/f32".into(), &[], overrides, (3, 1)), 1);
    let words = [m, n, b * m * n, found.stride].map(word).to_vec();
    let first = if tall { matrix } else { parts };
    let buffers = vec![parts, first, found.state, Operand::Result];
    steps.dispatch(left, buffers, words, (b * m * n).div_ceil(64) as u64)
}
