//! Algorithms that walk rows: one invocation per row, or one per threshold.

use super::{Source, Steps, flag, kernel, word};
use crate::graph::{EXCESS_BLOCK, EXCESS_THRESHOLDS};
use crate::kernel::Operand;

/// How many invocations of a workgroup walk a row each.
fn lanes(steps: &Steps<'_>) -> usize {
    steps.limits.lanes(steps.limits.tune().walk_lanes)
}

pub(super) fn isotonic(steps: &mut Steps<'_>, x: &Source) -> Result<(), String> {
    let [rows, n] = x.shape[..] else { panic!("bug: isotonic of shape {:?}", x.shape) };
    let lanes = lanes(steps);
    let pools = steps.scratch((rows * n) as u64)?;
    let pass = kernel("isotonic", "isotonic/f32".into(), &[], vec![("WG", lanes as f64)], (1, 2));
    let words = vec![word(n), 0, word(rows), 0];
    steps.dispatch(pass, vec![Operand::Source(0), pools, Operand::Result], words, rows.div_ceil(lanes) as u64)
}

pub(super) fn taut_string(steps: &mut Steps<'_>, x: &Source) -> Result<(), String> {
    let [rows, n] = x.shape[..] else { panic!("bug: a taut string of shape {:?}", x.shape) };
    let lanes = lanes(steps);
    let pass = kernel("taut_string", "taut_string/f32".into(), &[], vec![("WG", lanes as f64)], (2, 1));
    let words = vec![word(n), 0, word(rows), 0];
    let buffers = vec![Operand::Source(0), Operand::Source(1), Operand::Result];
    steps.dispatch(pass, buffers, words, rows.div_ceil(lanes) as u64)
}

pub(super) fn excess(steps: &mut Steps<'_>, magnitude: bool, x: &Source) -> Result<(), String> {
    let [rows, n] = x.shape[..] else { panic!("bug: excess of shape {:?}", x.shape) };
    let blocks = n.div_ceil(EXCESS_BLOCK);
    let label = format!("excess/f32/t{EXCESS_THRESHOLDS}");
    let pass = kernel("excess", label, &[], vec![("MAGNITUDE", flag(magnitude))], (2, 1));
    let words = vec![word(n), word(blocks), word(rows * blocks), word(EXCESS_BLOCK)];
    let buffers = vec![Operand::Source(0), Operand::Source(1), Operand::Result];
    steps.dispatch(pass, buffers, words, (rows * blocks) as u64)
}
