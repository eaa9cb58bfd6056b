//! Deterministic scatter: every element of the result looks up what it receives in the sorted indices. Where there are
//! many sources, stretches of them that share an index are joined beforehand, so that no invocation walks thousands
//! (which is slow, and drivers that guard against endless loops stop after 65,535 turns without a word).

use super::{Join, Source, Steps, flag, join_text, kernel, word};
use crate::graph::Scatter;
use crate::kernel::Operand;

/// The number of sources from which on stretches are joined beforehand.
const MANY: usize = 4096;

pub(super) fn lower(steps: &mut Steps<'_>, kind: Scatter, base: &Source, m: usize) -> Result<(), String> {
    let [n, inner] = base.shape[..] else { panic!("bug: a scatter into shape {:?}", base.shape) };
    let join = match kind {
        Scatter::Add => Join::Add,
        Scatter::Max => Join::Max,
        Scatter::Min => Join::Min,
        Scatter::Replace => Join::Last,
    };
    let lanes = steps.limits.lanes(steps.limits.tune().scatter_lanes);
    let text = join_text(join, base.dtype);
    let name = format!("{}/{}", format!("{kind:?}").to_lowercase(), base.dtype);
    // the ends of a range and the stretches between are about equally many
    let length = ((m / 2).isqrt().next_multiple_of(64)).max(64);
    let stretches = kind != Scatter::Replace && m >= MANY;
    let mut total = Operand::Source(3);
    if stretches {
        let units = m / length * inner;
        total = steps.scratch(units as u64)?;
        let label = format!("scatter_total/{name}");
        let pass = kernel("scatter_total", label, &[("items", text.as_str())], vec![("WG", lanes as f64)], (3, 1));
        let words = vec![word(inner), 0, word(units), word(length)];
        let buffers = vec![Operand::Source(1), Operand::Source(2), Operand::Source(3), total];
        steps.dispatch(pass, buffers, words, units.div_ceil(lanes) as u64)?;
    }
    let overrides =
        vec![("WG", lanes as f64), ("REPLACE", flag(kind == Scatter::Replace)), ("STRETCHES", flag(stretches))];
    let pass = kernel("scatter", format!("scatter/{name}"), &[("items", text.as_str())], overrides, (5, 1));
    let buffers = (0..4).map(Operand::Source).chain([total, Operand::Result]).collect();
    let words = vec![word(inner), word(m), word(n * inner), word(length)];
    steps.dispatch(pass, buffers, words, (n * inner).div_ceil(lanes) as u64)
}
