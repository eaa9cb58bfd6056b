//! Generated kernels, part five: how the units that walk a row in parts join what they found, within one dispatch.
//!
//! Each posts its partial results on the board (`shaders/lib/board.wgsl`) and takes a ticket; the one that takes the last
//! of its row reads all of them, in the order of the parts, so the result has the same bits whoever comes last.

use super::accumulate::{Accumulator, Loop};
use super::emit::{Emitter, Value};
use super::rows::Form;
use std::fmt::Write;

/// The words of a board that one kernel uses: tickets, one for each unit of rows or line of them, then a region for each partial value.
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

    /// Writes to `posts` what posts the accumulators of this part, and to `out` what joins those of all parts; the results.
    pub fn join(
        &mut self,
        accumulators: &[Accumulator],
        e: &mut Emitter<'_>,
        posts: &mut String,
        out: &mut String,
    ) -> Vec<Value> {
        let joined: Vec<Accumulator> = accumulators.iter().map(Accumulator::of_parts).collect();
        let mut elements = Vec::new();
        for (accumulator, joins) in accumulators.iter().zip(&joined) {
            let regions: Vec<Region> = joins.word_types().into_iter().map(|ty| self.region(ty)).collect();
            let mut parts = Vec::new();
            for (c, name) in accumulator.names().iter().enumerate() {
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
        let form = Form { parts: 1, lines: 1, keep: false, width: 1, comp_in_col: true, ..self.form };
        Loop { form, cols: self.form.parts, accumulators: &joined, elements: &elements, partial: true }.write(e, out);
        joined.iter().map(|a| a.result(form, out)).collect()
    }

    /// A part of a row, or of the rows of some lines: `posts`, then a ticket; who takes the last does `last`.
    pub fn close(&self, posts: &str, last: &str, accumulators: &[Accumulator], out: &mut String) {
        let form = self.form;
        if form.group() {
            let _ok = writeln!(
                out,
                "@@var<workgroup> sh_last: u32;\n    if (lane == 0u) {{\n{posts}    sh_last = u32(board_last(r, {}u));\n    }}\n    \
                 if (workgroupUniformLoad(&sh_last) == 1u) {{\n{last}    }}",
                form.parts
            );
        } else if form.lines == 1 {
            let _ok = writeln!(out, "{posts}    if (board_last(r, {}u)) {{\n{last}    }}", form.parts);
        } else {
            for (line, prefix) in form.prefixes("a").iter().enumerate() {
                let _ok = writeln!(out, "    {{\n    let r = r_line + {line}u;");
                accumulators.iter().for_each(|a| a.copy(prefix, "a", out));
                out.extend([posts, "    }\n"]);
            }
            let _ok = writeln!(out, "    if (board_last(r_line / {}u, {}u)) {{", form.lines, form.parts);
            for line in 0..form.lines {
                let _ok = writeln!(out, "    {{\n    let r = r_line + {line}u;\n{last}    }}");
            }
            out.push_str("    }\n");
        }
    }
}
