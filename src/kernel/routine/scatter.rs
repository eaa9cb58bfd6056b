//! Deterministic scatter: every element of the result looks up what it receives in the sorted indices.

use super::{Join, Source, Steps, flag, join_text, kernel, word};
use crate::graph::Scatter;
use crate::kernel::Operand;

pub(super) fn lower(steps: &mut Steps<'_>, kind: Scatter, base: &Source, m: usize) -> Result<(), String> {
    let [n, inner] = base.shape[..] else { panic!("bug: a scatter into shape {:?}", base.shape) };
    let join = match kind {
        Scatter::Add => Join::Add,
        Scatter::Max => Join::Max,
        Scatter::Min => Join::Min,
        Scatter::Replace => Join::Last,
    };
    let lanes: usize = 64;
    let overrides = vec![
        ("WG", lanes as f64),
        ("REPLACE", flag(kind == Scatter::Replace)),
        ("BLOCKED", flag(kind == Scatter::Add)),
    ];
    let text = join_text(join, base.dtype);
    let label = format!("scatter/{}/{}", format!("{kind:?}").to_lowercase(), base.dtype);
    let pass = kernel("scatter", label, &[("items", text.as_str())], overrides, (4, 1));
    let buffers = (0..4).map(Operand::Source).chain([Operand::Result]).collect();
    let words = vec![word(inner), word(m), word(n * inner), 0];
    steps.dispatch(pass, buffers, words, (n * inner).div_ceil(lanes) as u64)
}
