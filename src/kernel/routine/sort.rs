//! Stable argsort along rows: runs sorted in registers, then merged pairwise, each element finding its place by a binary
//! search in the other run. `log2(n / 16)` dispatches after the first; no limit on the length, no padding.

use super::{Source, Steps, flag, kernel, word};
use crate::dtype::DType;
use crate::kernel::Operand;

/// Elements of a run sorted by one invocation.
const RUN: usize = 16;

pub(super) fn lower(steps: &mut Steps<'_>, x: &Source, descending: bool) -> Result<(), String> {
    let [rows, n] = x.shape[..] else { panic!("bug: an argsort over shape {:?}", x.shape) };
    let n_merges = n.div_ceil(RUN).next_power_of_two().trailing_zeros() as usize;
    let elements = (rows * n) as u64;
    let mut keys = [steps.scratch(elements)?; 2];
    let mut orders = [Operand::Result; 2];
    if n_merges > 0 {
        keys[1] = steps.scratch(elements)?;
        // the last merge writes the result: the buffers alternate
        orders[usize::from(n_merges.is_multiple_of(2))] = steps.scratch(elements)?;
    }
    let runs = n.div_ceil(RUN);
    let lanes = steps.limits.lanes(steps.limits.tune().sort_lanes);
    let (item, key) = match x.dtype {
        DType::U32 => ("u32", "x[ix]"),
        DType::I32 => ("i32", "bitcast<u32>(x[ix]) ^ 0x80000000u"),
        _ => ("f32", "sort_key_f32(x[ix])"),
    };
    let text = format!(
        "@group(0) @binding(0) var<storage, read> x: array<{item}>;\n\nfn key_of(ix: u32) -> u32 {{\n    return {key};\n}}"
    );
    let overrides = vec![("WG", lanes as f64), ("RUN", RUN as f64), ("DESCENDING", flag(descending))];
    let label = format!("sort_runs/{}/run{RUN}", x.dtype);
    let first = kernel("sort_runs", label, &[("items", text.as_str())], overrides, (1, 2));
    let words = vec![word(n), word(runs), word(rows * runs), 0];
    steps.dispatch(first, vec![Operand::Source(0), keys[0], orders[0]], words, (rows * runs).div_ceil(lanes) as u64)?;
    for merge in 0..n_merges {
        let (from, to) = (merge % 2, (merge + 1) % 2);
        let label = "sort_merge/u32".to_owned();
        let pass = kernel("sort_merge", label, &[], vec![("WG", lanes as f64)], (2, 2));
        let words = vec![word(n), word(RUN << merge), word(rows * n), 0];
        let buffers = vec![keys[from], orders[from], keys[to], orders[to]];
        steps.dispatch(pass, buffers, words, (rows * n).div_ceil(lanes) as u64)?;
    }
    Ok(())
}
