//! Products on host processors: each lane computes a large block, `matmul_block`.
//!
//! There a lane fetches for itself, and fetching costs more than the arithmetic. Where a workgroup is one subgroup its lanes
//! can share: all have the same rows, each fetches an eighth of them and passes it round (a constant lane to read from is
//! one instruction), and what is left is fetching columns.

use super::super::{Steps, flag, word};
use super::{Finish, Mode, Product, dtypes, outer_text, outer_words};
use crate::kernel::Limits;

/// What a lane of `matmul_block` computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// 4x4 matrices along its rows.
    pub rows: usize,
    /// 4x4 matrices along its columns.
    pub cols: usize,
    /// The lanes of a workgroup, a subgroup of 8, share their rows.
    pub shared: bool,
}

/// The lanes of a workgroup of `matmul_block`.
pub(super) const LANES: usize = 8;

impl Block {
    /// All kinds that a device can run.
    pub fn all(limits: &Limits) -> impl Iterator<Item = Block> {
        let own = [1, 2, 4].into_iter().flat_map(|rows| [1, 2, 4].map(|cols| Block { rows, cols, shared: false }));
        let shared = [(2, 1), (4, 1), (8, 1), (4, 2), (8, 2)].map(|(rows, cols)| Block { rows, cols, shared: true });
        let sharing = limits.tune().matmul_shared && limits.subgroup as usize == LANES;
        own.chain(shared.into_iter().filter(move |_| sharing))
    }

    /// Rows and columns of a unit: of a lane, or of a workgroup that shares its rows.
    pub fn extent(self) -> [usize; 2] {
        [4 * self.rows, 4 * self.cols * if self.shared { LANES } else { 1 }]
    }
}

/// The dispatch of `matmul_block`.
pub(super) fn blocks(
    steps: &mut Steps<'_>,
    p: &Product,
    finish: &Finish<'_>,
    block: Block,
    (splits, chunk): (usize, usize),
) -> Result<(), String> {
    let (mut words, units) = outer_words(p, block.extent(), splits, chunk);
    words[4][1] = word(finish.line);
    let modes = [p.a.mode(p.m, p.k), p.b.mode(p.n, p.k)];
    let wide = finish.line.is_multiple_of(4);
    let code = |mode: Mode| f64::from(if mode.wide() { mode as u8 } else { 0 });
    let overrides = vec![
        ("ROWS", block.rows as f64),
        ("COLS", block.cols as f64),
        ("WG", LANES as f64),
        ("SHARED", flag(block.shared)),
        ("A_MODE", code(modes[0])),
        ("B_MODE", code(modes[1])),
        ("OUT_WIDE", flag(wide)),
        ("LONG", flag(chunk > 4096)),
        ("FINISH", flag(finish.epilogue.is_some())),
    ];
    let kind = if block.shared { "shared" } else { "own" };
    let label = format!("matmul_block/{}/{}x{}/{kind}", dtypes(p), block.rows, block.cols);
    let left = block.shared.then(|| shared_left(block.rows, modes[0] == Mode::FourAcross));
    let operands = outer_text(p, modes);
    let mut texts = vec![("operands", operands.as_str())];
    texts.extend(left.as_deref().map(|text| ("left", text)));
    let kernel = finish.kernel("matmul_block", label, &texts, wide, overrides);
    let groups = if block.shared { units } else { units.div_ceil(LANES) };
    steps.dispatch(kernel, finish.buffers([p.a.buffer, p.b.buffer]), finish.words(words), groups as u64)
}

/// Slot `left` of `matmul_block` for lanes that share their rows: every lane fetches for all of them. The lane that a
/// number comes from is a constant of the text.
fn shared_left(rows: usize, across: bool) -> String {
    let mut fetched = String::new();
    let mut passed = String::new();
    for v in 0..if across { 4 } else { rows / 2 } {
        let four = match across {
            true => format!("a_across(row + lane * 4u, k + {v}u)"),
            false => format!("a_along(row + {}u + lane, k)", v * LANES),
        };
        fetched += &format!("    let v{v} = {four};\n");
    }
    for i in 0..rows {
        let from = |r: usize| match across {
            true => format!("subgroupBroadcast(v{r}, {i}u)"),
            false => format!("subgroupBroadcast(v{}, {}u)", i / 2, i % 2 * 4 + r),
        };
        let columns = [0, 1, 2, 3].map(from).join(", ");
        let (open, close) = if across { ("transpose(", ")") } else { ("", "") };
        passed += &format!("    lefts[{i}] = {open}mat4x4<f32>({columns}){close};\n");
    }
    format!(
        "/// Column r of [i] is row r of block row i, component k is k.\n\
         var<private> lefts: array<mat4x4<f32>, {rows}>;\n\n\
         fn fetch_left(k: u32, lane: u32) {{\n{fetched}{passed}}}\n\n\
         fn left(i: u32, k: u32) -> mat4x4<f32> {{\n    return lefts[i];\n}}"
    )
}
