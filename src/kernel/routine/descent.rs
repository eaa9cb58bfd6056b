//! Sweeps of block coordinate descent over a working set: one workgroup, which keeps the coordinates and the gradient in its
//! memory. The sweeps are sequential by nature; what is parallel is the update of the gradient after each block.

use super::{Steps, kernel, word};
use crate::kernel::Operand;

pub(super) fn lower(steps: &mut Steps<'_>, k: usize, epochs: usize, block: usize) -> Result<(), String> {
    // more invocations than coordinates would wait at every barrier for nothing
    let lanes = if steps.limits.cpu { 16 } else { k.next_power_of_two().clamp(32, 256) };
    let overrides = vec![("WG", lanes as f64), ("BLOCK", block as f64)];
    let pass = kernel("descent", format!("descent/block{block}"), &[], overrides, (4, 1));
    let buffers = (0..4).map(Operand::Source).chain([Operand::Result]).collect();
    steps.dispatch(pass, buffers, vec![word(k), word(k / block), word(epochs), 0], 1)
}
