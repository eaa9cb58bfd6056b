//! A sparse matrix times a dense one: a few invocations for each element of the result, or for four neighbours.

use super::{Source, Steps, kernel, word};
use crate::kernel::Operand;

pub(super) fn lower(steps: &mut Steps<'_>, team: u32, sources: &[Source]) -> Result<(), String> {
    let (m, k) = (sources[2].shape[0] - 1, sources[1].shape[1]);
    let (width, item) = if k.is_multiple_of(4) { (4, "alias Item = vec4<f32>;") } else { (1, "alias Item = f32;") };
    let lanes = 64.max(team as usize);
    let overrides = vec![("WG", lanes as f64), ("TEAM", f64::from(team))];
    let pass = kernel("sparse", format!("sparse/f32x{width}/team{team}"), &[("items", item)], overrides, (4, 1));
    let buffers = (0..4).map(Operand::Source).chain([Operand::Result]).collect();
    let units = m * k / width;
    let groups = units.div_ceil(lanes / team as usize) as u64;
    steps.dispatch(pass, buffers, vec![word(units), word(k / width), 0, 0], groups)
}
