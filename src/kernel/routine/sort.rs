//! Stable argsort along rows.
//!
//! Short rows: runs sorted in registers, then merged pairwise, each element finding its place by a binary search in the other
//! run; `log2(n / 16)` dispatches after the first, no padding. Long ones: digit by digit, the keys of a chunk counted, places
//! summed up, the keys moved; a number of passes that does not depend on the length.

use super::dense::in_place;
use super::{Source, Steps, flag, kernel, word};
use crate::dtype::DType;
use crate::kernel::Operand;

/// Elements of a run sorted by one invocation.
const RUN: usize = 16;

pub(super) fn lower(steps: &mut Steps<'_>, x: &Source, descending: bool) -> Result<(), String> {
    let [rows, n] = x.shape[..] else { panic!("bug: an argsort over shape {:?}", x.shape) };
    match Digits::of(steps, rows, n) {
        Some(digits) => by_digits(steps, x, descending, &digits),
        None => by_merging(steps, x, descending),
    }
}

/// The type of the elements, and their keys.
fn item(dtype: DType, ix: &str) -> (&'static str, String) {
    match dtype {
        DType::U32 => ("u32", format!("x[{ix}]")),
        DType::I32 => ("i32", format!("bitcast<u32>(x[{ix}]) ^ 0x80000000u")),
        _ => ("f32", format!("sort_key_f32(x[{ix}])")),
    }
}

fn by_merging(steps: &mut Steps<'_>, x: &Source, descending: bool) -> Result<(), String> {
    let [rows, n] = [x.shape[0], x.shape[1]];
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
    let (item, key) = item(x.dtype, "ix");
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

/// How keys are cut into digits and rows into chunks.
struct Digits {
    /// `_lane` or nothing: which of two forms of the kernels.
    form: &'static str,
    bits: usize,
    chunk: usize,
    /// Chunks of a workgroup.
    lanes: usize,
}

impl Digits {
    /// `None` where merging is better, or pairs of keys and positions exceed a binding.
    fn of(steps: &Steps<'_>, rows: usize, n: usize) -> Option<Self> {
        let room = steps.limits.binding_bytes.min(steps.limits.buffer_bytes);
        if n < 1024 || (8 * rows * n) as u64 > room {
            return None;
        }
        if !steps.limits.cpu {
            // merging is kept where lanes run in step
            return (n >= 4 * GROUP && !steps.limits.lockstep).then_some(Self {
                form: "",
                bits: 4,
                chunk: GROUP,
                lanes: 1,
            });
        }
        // whole rows need no sums over chunks; few rows are cut so that there is work for all processors, and no invocation
        // takes more turns than drivers allow
        let whole = rows >= 64 && n <= 8 * LANE;
        let chunk = if whole { n } else { (n * rows / 64).next_power_of_two().clamp(256, LANE) };
        Some(Self { form: "_lane", bits: 8, chunk, lanes: 8 })
    }
}

/// Elements of a chunk: of an invocation, and of a workgroup.
const LANE: usize = 4096;
const GROUP: usize = 4096;

fn by_digits(steps: &mut Steps<'_>, x: &Source, descending: bool, digits: &Digits) -> Result<(), String> {
    let [rows, n] = [x.shape[0], x.shape[1]];
    let chunks = n.div_ceil(digits.chunk);
    let (units, values) = (rows * chunks, 1usize << digits.bits);
    let counts = steps.scratch((units * values) as u64)?;
    let pairs = [steps.scratch(2 * (rows * n) as u64)?, steps.scratch(2 * (rows * n) as u64)?];
    let passes = 32 / digits.bits;
    let groups = units.div_ceil(digits.lanes) as u64;
    let (ty, key) = item(x.dtype, "ix");
    let key = if descending { format!("~({key})") } else { key };
    let source = format!("@group(0) @binding(0) var<storage, read> x: array<{ty}>;\n");
    let paired = "@group(0) @binding(0) var<storage, read> x: array<vec2<u32>>;\n".to_owned();
    for pass in 0..passes {
        let (first, last) = (pass == 0, pass + 1 == passes);
        let (from, binding) = if first { (Operand::Source(0), &source) } else { (pairs[pass % 2], &paired) };
        let words = [n, chunks, units, digits.chunk, pass * digits.bits, 0, 0, 0].map(word).to_vec();
        let of = if first { x.dtype.to_string() } else { "pairs".into() };
        let value = if first { key.as_str() } else { "x[ix].x" };
        let text = format!("{binding}\nfn key_of(ix: u32) -> u32 {{\n    return {value};\n}}");
        let name = format!("sort_count{}", digits.form);
        let overrides = vec![("WHOLE", flag(chunks == 1))];
        let count = kernel(&name, format!("{name}/{of}"), &[("items", text.as_str())], overrides, (1, 1));
        steps.dispatch(count, vec![from, counts], words.clone(), groups)?;
        if chunks > 1 {
            let label = format!("sort_offsets/{values}");
            let sum = in_place(kernel("sort_offsets", label, &[], vec![("DIGITS", values as f64)], (0, 1)), 1);
            steps.dispatch(sum, vec![counts], [chunks, rows, 0, 0].map(word).to_vec(), rows as u64)?;
        }
        let pair = if first { format!("vec2<u32>({key}, i)") } else { "x[ix]".into() };
        let (out, put) = if last { ("u32", "pair.y") } else { ("vec2<u32>", "pair") };
        let text = format!(
            "{binding}@group(0) @binding(2) var<storage, read_write> out: array<{out}>;\n\n\
             fn pair_of(ix: u32, i: u32) -> vec2<u32> {{\n    return {pair};\n}}\n\
             fn put(ix: u32, pair: vec2<u32>) {{\n    out[ix] = {put};\n}}"
        );
        let name = format!("sort_move{}", digits.form);
        let label = format!("{name}/{of}{}", if last { "/last" } else { "" });
        let moved = kernel(&name, label, &[("items", text.as_str())], vec![], (2, 1));
        let to = if last { Operand::Result } else { pairs[(pass + 1) % 2] };
        steps.dispatch(moved, vec![from, counts, to], words, groups)?;
    }
    Ok(())
}
