//! Attention and its derivatives: the text that fetches operands, and dispatches of as many blocks as one invocation may take.
//!
//! Two kernels that compute the same, of four results each: `attention_tile` (GPUs: tiles in workgroup memory) and
//! `attention_block` (host processors: blocks of 4x4 matrices in registers).

use super::dense::in_place;
use super::matmul::operand_text;
use super::{Source, Steps, kernel, word};
use crate::dtype::DType;
use crate::graph::attention::{Attention, Lengths, Part};
use crate::kernel::Operand;
use std::fmt::Write;

/// What a kernel binds, in order; by their place among the sources.
fn bound(part: Part) -> &'static [(usize, &'static str)] {
    match part {
        Part::Forward => &[(0, "q"), (1, "k"), (2, "v")],
        Part::Query | Part::Key => &[(0, "q"), (1, "k"), (2, "v"), (3, "lse"), (4, "delta"), (5, "g")],
        Part::Value => &[(0, "q"), (1, "k"), (3, "lse"), (5, "g")],
    }
}

/// The operands whose rows are multiplied, those of the second product, and those added up; see the kernels.
fn roles(part: Part) -> [(&'static str, &'static str); 5] {
    let [own, other, own_second, other_second, table] = match part {
        Part::Forward => ["q", "k", "", "", "v"],
        Part::Query => ["q", "k", "g", "v", "k"],
        Part::Key => ["k", "q", "v", "g", "q"],
        Part::Value => ["k", "q", "", "", "g"],
    };
    [
        ("own_four", own),
        ("other_four", other),
        ("own_second", own_second),
        ("other_second", other_second),
        ("table_four", table),
    ]
}

/// The functions that fetch four neighbours of a row of an operand, zeros beyond its end.
fn rows_text(name: &str, binding: usize, source: &Source) -> String {
    let width = source.shape[2];
    let (plane, rows) = if matches!(name, "q" | "g") { ("query", "x") } else { ("key", "y") };
    let length = if matches!(name, "q" | "k") { "z" } else { "w" };
    let wide = width.is_multiple_of(4);
    let mut text = operand_text(name, binding, source.dtype, wide);
    let start = format!("({plane}_plane * params[0].{rows} + row) * params[0].{length} + c");
    let body = match wide {
        true => format!("    return {name}_four({start});\n"),
        false => format!(
            "    let ix = {start};\n    let left = params[0].{length} - 1u - c;\n    \
             let more = vec4<f32>({name}_one(ix), {name}_one(ix + min(1u, left)), {name}_one(ix + min(2u, left)), \
             {name}_one(ix + min(3u, left)));\n    \
             return select(vec4<f32>(), more, vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(left));\n"
        ),
    };
    let _infallible = write!(text, "\n\nfn {name}_row(row: u32, c: u32) -> vec4<f32> {{\n{body}}}\n");
    text
}

/// A number per query.
fn query_text(name: &str, binding: Option<usize>) -> String {
    match binding {
        Some(binding) => format!(
            "@group(0) @binding({binding}) var<storage, read> {name}: array<f32>;\n\n\
             fn {name}_at(query: u32) -> f32 {{\n    return {name}[query_plane * params[0].x + query];\n}}\n"
        ),
        None => format!("fn {name}_at(query: u32) -> f32 {{\n    return 0.0;\n}}\n"),
    }
}

fn mask_text(mask: Option<(usize, DType)>) -> String {
    let Some((binding, dtype)) = mask else {
        return "fn mask_at(query: u32, key: u32) -> f32 {\n    return 0.0;\n}\n".to_owned();
    };
    let (item, value) = match dtype {
        DType::Bool => ("u32", "select(-3e38, 0.0, mask[ix] != 0u)"),
        _ => ("f32", "mask[ix]"),
    };
    format!(
        "@group(0) @binding({binding}) var<storage, read> mask: array<{item}>;\n\n\
         fn mask_at(query: u32, key: u32) -> f32 {{\n    \
         let ix = query_plane / params[3].x % params[3].y * params[4].x + query * params[3].z + key * params[3].w;\n    \
         return {value};\n}}\n"
    )
}

fn result_text(binding: usize, wide: bool) -> String {
    let (item, get, put) = match wide {
        true => ("vec4<f32>", "    return out[ix / 4u];\n".to_owned(), "    out[ix / 4u] = value;\n".to_owned()),
        false => {
            let more = |f: &dyn Fn(usize, &str) -> String| {
                let each = |(i, c)| format!("    if (left > {i}u) {{\n        {}\n    }}\n", f(i, c));
                [(1, "y"), (2, "z"), (3, "w")].map(each).concat()
            };
            let get = more(&|i, c| format!("value.{c} = out[ix + {i}u];"));
            let put = more(&|i, c| format!("out[ix + {i}u] = value.{c};"));
            (
                "f32",
                format!("    var value = vec4<f32>(out[ix], 0.0, 0.0, 0.0);\n{get}    return value;\n"),
                format!("    out[ix] = value.x;\n{put}"),
            )
        }
    };
    format!(
        "@group(0) @binding({binding}) var<storage, read_write> out: array<{item}>;\n\n\
         fn out_get(ix: u32, left: u32) -> vec4<f32> {{\n{get}}}\n\
         fn out_put(ix: u32, left: u32, value: vec4<f32>) {{\n{put}}}"
    )
}

/// The slot of both kernels.
fn text(routine: &Attention, sources: &[Source], wide: bool) -> (String, Vec<Operand>) {
    let mut text = String::new();
    let mut buffers = Vec::new();
    for &(ix, name) in bound(routine.part) {
        if sources[ix].shape.len() == 3 {
            text += &rows_text(name, buffers.len(), &sources[ix]);
        } else {
            text += &query_text(name, Some(buffers.len()));
        }
        buffers.push(Operand::Source(ix));
    }
    for name in ["lse", "delta"] {
        if !bound(routine.part).iter().any(|b| b.1 == name) {
            text += &query_text(name, None);
        }
    }
    let mask = (routine.mask_every > 0).then(|| (buffers.len(), sources[routine.sources()].dtype));
    text += &mask_text(mask);
    if mask.is_some() {
        buffers.push(Operand::Source(routine.sources()));
    }
    for (role, name) in roles(routine.part) {
        let value = if name.is_empty() { "vec4<f32>()".to_owned() } else { format!("{name}_row(row, c)") };
        let _infallible = write!(text, "fn {role}(row: u32, c: u32) -> vec4<f32> {{\n    return {value};\n}}\n");
    }
    text += &result_text(buffers.len(), wide);
    buffers.push(Operand::Result);
    (text, buffers)
}

/// How the work is cut.
struct Cut {
    name: &'static str,
    overrides: Vec<(&'static str, f64)>,
    /// Own rows of a unit, and units of a workgroup.
    rows: usize,
    lanes: usize,
    /// Others of a block.
    others: usize,
    /// Turns of loops: of a block, and around them.
    turns: (usize, usize),
}

impl Cut {
    fn of(steps: &Steps<'_>, part: Part, l: &Lengths, columns: usize) -> Self {
        let second = matches!(part, Part::Query | Part::Key);
        let mode = f64::from(part as u8);
        let own = if matches!(part, Part::Forward | Part::Query) { l.m } else { l.n };
        if steps.limits.cpu {
            // large blocks are faster, but take seconds to compile
            let rows = match l.b * l.m * l.n {
                0..=0x3_ffff => 1,
                0x4_0000..=0x3f_ffff => 2,
                _ => 4,
            };
            let rows = own.div_ceil(4).next_power_of_two().min(rows);
            let quarters = |n: usize| n.div_ceil(4);
            let block = quarters(l.d) + if second { quarters(l.e) } else { 0 } + quarters(columns) + 2;
            Self {
                name: "attention_block",
                overrides: vec![("MODE", mode), ("ROWS", rows as f64), ("WG", 8.0)],
                rows: 4 * rows,
                lanes: 8,
                others: 16,
                turns: (block, 8 * rows * (quarters(columns) + 1) + 2 * l.group + 20),
            }
        } else {
            let chunks = |n: usize| n.div_ceil(32);
            let products = chunks(l.d) + if second { chunks(l.e) } else { 0 };
            Self {
                name: "attention_tile",
                overrides: vec![("MODE", mode), ("CHUNKS", chunks(columns) as f64)],
                rows: 32,
                lanes: 1,
                others: 32,
                turns: (13 * products + 40 * chunks(columns) + 10, 8 * (chunks(columns) + 1) + 2 * l.group + 20),
            }
        }
    }
}

pub(super) fn lower(steps: &mut Steps<'_>, routine: &Attention, sources: &[Source]) -> Result<(), String> {
    let [q, k, v] = [0, 1, 2].map(|ix| &sources[ix].shape[..]);
    let l = Lengths::of(q, k, v).unwrap_or_else(|| panic!("bug: attention over shapes {q:?}, {k:?}, {v:?}"));
    let (planes, own, others) = match routine.part {
        Part::Forward | Part::Query => (l.b, l.m, l.n),
        Part::Key | Part::Value => (l.b / l.group, l.n, l.m),
    };
    let (columns, line) = match routine.part {
        Part::Forward => (l.line() - 4, l.line()),
        Part::Query | Part::Key => (l.d, l.d),
        Part::Value => (l.e, l.e),
    };
    let cut = Cut::of(steps, routine.part, &l, columns);
    let (text, buffers) = text(routine, sources, line.is_multiple_of(4));
    let label = format!("{}/{}/{}x{}", cut.name, routine.name(), sources[0].dtype, cut.rows);
    let reads = buffers.len() - 1;
    let pass = in_place(kernel(cut.name, label, &[("operands", text.as_str())], cut.overrides, (reads, 1)), 1);
    let units = planes * own.div_ceil(cut.rows);
    let heads = if matches!(routine.part, Part::Forward | Part::Query) { 1 } else { l.group };
    let blocks = heads * others.div_ceil(cut.others);
    let (masks, [rows, columns_of_mask]) = match sources.get(routine.sources()).map(|s| &s.shape[..]) {
        Some(&[masks, rows, columns]) => (masks, [rows, columns]),
        _ => (1, [1, 1]),
    };
    let stride = |length: usize, step: usize| if length > 1 { step } else { 0 };
    let (block, around) = cut.turns;
    for range in steps.stretches(routine.name(), blocks, around, |_| block)? {
        let flags = u32::from(range.start == 0) | u32::from(range.end == blocks) << 1 | u32::from(routine.causal) << 2;
        let words = [
            [l.m, l.n, l.d, l.e].map(word),
            [columns, line, units, l.group].map(word),
            [word(range.start), word(range.end), flags, routine.scale],
            [routine.mask_every.max(1), masks, stride(rows, columns_of_mask), stride(columns_of_mask, 1)].map(word),
            [word(rows * columns_of_mask), 0, 0, 0],
        ];
        steps.dispatch(pass.clone(), buffers.clone(), words.concat(), units.div_ceil(cut.lanes) as u64)?;
    }
    Ok(())
}
