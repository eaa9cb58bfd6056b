//! Generated kernels, part five: how the units that walk a row in parts join what they found, within one dispatch.
//!
//! Each posts its partial results on the board (`shaders/lib/board.wgsl`) and takes a ticket; the one that takes the last
//! of its row reads all of them, in the order of the parts, so the result has the same bits whoever comes last.

use super::accumulate::{Accumulator, Loop};
use super::emit::{Emitter, Value};
use super::rows::Form;
use std::fmt::Write;

/// The words of a board that one kernel uses: a ticket for each unit of rows, then a region for each partial value.
pub(super) struct Board {
    form: Form,
    n_rows: usize,
    /// Words so far.
    pub words: usize,
}

/// The words of one value: one value per row and part.
struct Region {
    first: usize,
    /// Words of a value.
    stride: usize,
    wgsl: &'static str,
}

impl Board {
    pub fn new(form: Form, n_units: usize, n_rows: usize) -> Self {
        Self { form, n_rows, words: n_units }
    }

    fn region(&mut self, wgsl: &'static str) -> Region {
        let stride = if matches!(wgsl, "u32" | "i32") { 2 } else { 1 };
        let first = self.words;
        self.words += stride * self.n_rows * self.form.parts;
        Region { first, stride, wgsl }
    }

    /// The first word of the value of row `c` of the unit's rows and a part: neighbouring units have neighbouring words.
    fn at(&self, region: &Region, c: usize, part: &str) -> String {
        let value = if self.form.comp_in_col {
            format!("r * {}u + {part}", self.form.parts)
        } else {
            format!("{part} * {}u + r * 4u + {c}u", self.n_rows)
        };
        match region.stride {
            1 => format!("{}u + {value}", region.first),
            stride => format!("{}u + ({value}) * {stride}u", region.first),
        }
    }

    /// Posts the accumulators of this part and opens the block in which the last part of the row has the results of all,
    /// which it returns. The caller closes the block.
    pub fn join(&mut self, accumulators: &[Accumulator], e: &mut Emitter<'_>, out: &mut String) -> Vec<Value> {
        let form = self.form;
        let joined: Vec<Accumulator> = accumulators.iter().map(Accumulator::of_parts).collect();
        let (mut posts, mut elements) = (String::new(), Vec::new());
        for (accumulator, joins) in accumulators.iter().zip(&joined) {
            let regions: Vec<Region> = joins.word_types().into_iter().map(|ty| self.region(ty)).collect();
            let names = accumulator.joined(form, out);
            let mut parts = Vec::new();
            for (c, name) in names.iter().enumerate() {
                let part = format!("p_{name}");
                for (region, suffix) in regions.iter().zip(["", "_at"]) {
                    let (ty, here, there) = (region.wgsl, self.at(region, c, "part"), self.at(region, c, "k"));
                    let _ok = writeln!(posts, "    board_post_{ty}({here}, {name}{suffix});");
                    let _ok = writeln!(e.lines[1], "        let {part}{suffix} = board_take_{ty}({there});");
                }
                parts.push(part);
            }
            elements.push(Value::many(parts, true));
        }
        let last = format!("board_last(r, {}u)", form.parts);
        let _ok = if form.group() {
            writeln!(
                out,
                "@@var<workgroup> sh_last: u32;\n    if (lane == 0u) {{\n{posts}    sh_last = u32({last});\n    }}\n    if \
                 (workgroupUniformLoad(&sh_last) == 1u) {{"
            )
        } else {
            writeln!(out, "{posts}    if ({last}) {{")
        };
        let form = Form { parts: 1, keep: false, width: 1, comp_in_col: true, ..form };
        Loop { form, cols: self.form.parts, accumulators: &joined, elements: &elements, partial: true }.write(e, out);
        joined.iter().map(|a| a.result(form, out)).collect()
    }
}
