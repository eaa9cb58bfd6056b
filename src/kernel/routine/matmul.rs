//! Matrix products: the operands' layouts made canonical, the choice of kernel, the words it gets.
//!
//! Four kernels: `matmul_tile` (GPUs: tiles in workgroup memory), `matmul_block` (host processors: large blocks of 4x4
//! matrices in registers, rows shared by a subgroup where there is one of 8), `matmul_vector` (one of the two outer axes has length 1), and, where k is split over several
//! workgroups to keep the device busy, `matmul_combine`, which sums the parts in order and applies the epilogue.

mod block;
mod choice;

use super::{Epilogue, Source, Steps, flag, kernel, word};
use crate::dtype::DType;
use crate::kernel::{Kernel, Operand};
use block::blocks;
use choice::{Way, choose, vector_sides};

/// The first of an epilogue's words in its dispatch.
pub const EPILOGUE_WORD: usize = 20;

/// An operand: its strides along the batch, the outer axis (rows of a, columns of b) and k, in elements.
#[derive(Clone, Copy, Debug)]
struct Side {
    buffer: Operand,
    dtype: DType,
    batch: usize,
    outer: usize,
    k: usize,
    offset: usize,
    /// The axis that is contiguous goes on with zeros up to a multiple of 4.
    padded: bool,
}

/// The product `c[b, m, n]`; `rows` is the number of rows before batches were merged into them.
#[derive(Clone, Copy, Debug)]
struct Product {
    batch: usize,
    m: usize,
    n: usize,
    k: usize,
    rows: usize,
    a: Side,
    b: Side,
}

/// How neighbours of an operand are fetched; see the kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// One by one, lanes along k.
    Along = 0,
    /// Four along k.
    FourAlong = 1,
    /// Four along the outer axis.
    FourAcross = 2,
    /// One by one, lanes along the outer axis.
    Across = 3,
}

impl Mode {
    fn wide(self) -> bool {
        matches!(self, Mode::FourAlong | Mode::FourAcross)
    }
}

impl Side {
    fn new(buffer: Operand, source: &Source, outer: usize, k: usize) -> Self {
        // the stride of an axis of length 1 is never taken, and 0 is a multiple of everything
        let stride = |axis: usize| match source.shape[axis] {
            0 | 1 => 0,
            _ => usize::try_from(source.strides[axis]).expect("bug: a negative stride"),
        };
        let offset = usize::try_from(source.offset).expect("bug: a negative offset");
        let (batch, outer, k) = (stride(0), stride(outer), stride(k));
        Self { buffer, dtype: source.dtype, batch, outer, k, offset, padded: false }
    }

    fn mode(&self, outer: usize, k: usize) -> Mode {
        let four = |others: [usize; 2]| others.iter().chain([&self.batch, &self.offset]).all(|s| s.is_multiple_of(4));
        let whole = |length: usize| if self.padded { 0 } else { length };
        if self.k == 1 && four([self.outer, whole(k)]) {
            Mode::FourAlong
        } else if self.outer == 1 && four([self.k, whole(outer)]) {
            Mode::FourAcross
        } else if self.outer == 1 {
            Mode::Across
        } else {
            Mode::Along
        }
    }

    fn words(&self) -> [u32; 4] {
        [self.batch, self.outer, self.k, self.offset].map(word)
    }
}

/// The declarations of an operand: its binding, and functions that fetch one element or four neighbours.
pub(super) fn operand_text(name: &str, binding: usize, dtype: DType, wide: bool) -> String {
    let half = |lo: &str, w: &str| match dtype {
        DType::F16 => format!("unpack2x16float({w}).{lo}"),
        _ if lo == "x" => format!("bitcast<f32>({w} << 16u)"),
        _ => format!("bitcast<f32>({w} & 0xffff0000u)"),
    };
    let (item, one, four) = match (dtype == DType::F32, wide) {
        (true, false) => ("f32", format!("{name}[ix]"), format!("vec4<f32>({name}[ix], 0.0, 0.0, 0.0)")),
        (true, true) => ("vec4<f32>", format!("{name}[ix / 4u][ix % 4u]"), format!("{name}[ix / 4u]")),
        (false, _) => {
            let of = |w: &str| [half("x", w), half("y", w)];
            let [lo, hi] = of("w");
            let ([x, y], [z, u]) = (of("w.x"), of("w.y"));
            let pair = if wide { "[ix / 4u][ix / 2u % 2u]" } else { "[ix / 2u]" };
            let one = format!("select({lo}, {hi}, ix % 2u == 1u)");
            let four = format!("vec4<f32>({x}, {y}, {z}, {u})");
            let (item, quad) = if wide { ("vec2<u32>", "[ix / 4u]") } else { ("u32", "[ix / 2u]") };
            let quad = if wide { quad.to_owned() } else { format!("{quad} * vec2<u32>(1u, 0u)") };
            return format!(
                "@group(0) @binding({binding}) var<storage, read> {name}: array<{item}>;\n\n\
                 fn {name}_one(ix: u32) -> f32 {{\n    let w = {name}{pair};\n    return {one};\n}}\n\
                 fn {name}_four(ix: u32) -> vec4<f32> {{\n    let w = {name}{quad};\n    return {four};\n}}"
            );
        }
    };
    format!(
        "@group(0) @binding({binding}) var<storage, read> {name}: array<{item}>;\n\n\
         fn {name}_one(ix: u32) -> f32 {{\n    return {one};\n}}\n\
         fn {name}_four(ix: u32) -> vec4<f32> {{\n    return {four};\n}}"
    )
}

impl Product {
    fn new(a: &Source, b: &Source) -> Self {
        let [batch, m, k] = a.shape[..] else { panic!("bug: a has shape {:?}", a.shape) };
        let n = b.shape[2];
        assert_eq!(b.shape, [batch, k, n], "bug: shapes of a matrix product");
        let mut p = Self {
            batch,
            m,
            n,
            k,
            rows: m,
            a: Side::new(Operand::Source(0), a, 1, 2),
            b: Side::new(Operand::Source(1), b, 2, 1),
        };
        let consecutive = m == 1 || p.a.batch == m * p.a.outer;
        if batch > 1 && p.b.batch == 0 && consecutive {
            p.a.outer = if m == 1 { p.a.batch } else { p.a.outer };
            (p.a.batch, p.batch, p.m) = (0, 1, batch * m);
        }
        p
    }

    fn elements(&self) -> usize {
        self.batch * self.m * self.n
    }
}

pub(super) fn lower(steps: &mut Steps<'_>, a: &Source, b: &Source, epilogue: Option<&Epilogue>) -> Result<(), String> {
    let mut p = Product::new(a, b);
    if steps.limits.tune().matmul_blocks && p.m > 1 && p.n > 1 {
        pack_both(steps, &mut p)?;
    }
    let way = choose(&p, steps.limits);
    let (splits, chunk) = match way {
        Way::Block { splits, .. } => chunks(p.k, splits, 4),
        Way::Tile { splits, .. } | Way::Vector { splits, .. } => chunks(p.k, splits, 16),
    };
    let (narrow, line) = match way {
        // hundreds of single stores make a kernel that compiles for seconds
        Way::Block { block, .. } => {
            (!p.n.is_multiple_of(4) && block.rows * block.cols > NARROW, p.n.next_multiple_of(4))
        }
        Way::Tile { .. } | Way::Vector { .. } => (false, p.n),
    };
    if splits == 1 && !narrow {
        return product(steps, &p, way, (1, chunk), &Finish { epilogue, out: Operand::Result, line: p.n });
    }
    let length = p.batch * p.m * line;
    let parts = steps.scratch((length * splits) as u64)?;
    product(steps, &p, way, (splits, chunk), &Finish { epilogue: None, out: parts, line })?;
    combine(steps, &p, (splits, parts, line), epilogue)
}

/// The greatest block, in 4x4 matrices, that stores its elements one by one.
const NARROW: usize = 4;

/// The number of splits that are not empty, and the length of each, a multiple of `unit`.
fn chunks(k: usize, splits: usize, unit: usize) -> (usize, usize) {
    let chunk = k.div_ceil(splits).next_multiple_of(unit).max(unit);
    (k.div_ceil(chunk).max(1), chunk)
}

/// Text, label and buffers that depend on the epilogue.
struct Finish<'a> {
    epilogue: Option<&'a Epilogue>,
    out: Operand,
    /// The length of a line of the result, n or more.
    line: usize,
}

impl Finish<'_> {
    /// The buffers of the epilogue: read, and written.
    fn access(&self) -> (usize, usize) {
        self.epilogue.map_or((0, 0), |e| (e.reads, e.writes))
    }

    fn buffers(&self, first: [Operand; 2]) -> Vec<Operand> {
        let (reads, writes) = self.access();
        let extra = (2..2 + reads + writes).map(Operand::Source);
        first.into_iter().chain(extra).chain([self.out]).collect()
    }

    fn words(&self, own: [[u32; 4]; 5]) -> Vec<u32> {
        let mut words = own.concat();
        words.resize(EPILOGUE_WORD + self.epilogue.map_or(0, |e| e.extra_words), 0);
        words
    }

    /// The kernel `name`, its slots filled.
    fn kernel(
        &self,
        name: &str,
        label: String,
        texts: &[(&str, &str)],
        wide: bool,
        overrides: Vec<(&'static str, f64)>,
    ) -> Kernel {
        let (reads, writes) = self.access();
        let (binding, vectors) = (2 + reads + writes, 5 + self.epilogue.map_or(0, |e| e.extra_words.div_ceil(4)));
        let item = if wide { "vec4<f32>" } else { "f32" };
        let mut result = format!("@group(0) @binding({binding}) var<storage, read_write> out: array<{item}>;");
        if name == "matmul_block" {
            let (ix, value, got) = match wide {
                true => ("ix / 4u", "value", "out[ix / 4u]"),
                false => ("ix", "value.x", "vec4<f32>(out[ix], 0.0, 0.0, 0.0)"),
            };
            result += &format!(
                "\n\nfn out_get(ix: u32) -> vec4<f32> {{\n    return {got};\n}}\n\
                 fn out_put(ix: u32, value: vec4<f32>) {{\n    out[{ix}] = {value};\n}}"
            );
        }
        let params = format!("@group(1) @binding(0) var<uniform> params: array<vec4<u32>, {vectors}>;");
        let mut slots = vec![("result", result.as_str()), ("params", params.as_str())];
        slots.extend(texts);
        slots.extend(self.epilogue.map(|e| ("epilogue", e.wgsl.as_str())));
        kernel(name, label, &slots, overrides, (2 + reads, writes + 1))
    }
}

fn product(
    steps: &mut Steps<'_>,
    p: &Product,
    way: Way,
    (splits, chunk): (usize, usize),
    finish: &Finish<'_>,
) -> Result<(), String> {
    match way {
        Way::Block { block, .. } => blocks(steps, p, finish, block, (splits, chunk)),
        Way::Tile { side, per, .. } => tile(steps, p, finish, (side, per), (splits, chunk)),
        Way::Vector { mode, parts, run, .. } => vector(steps, p, finish, (mode, parts, run), (splits, chunk)),
    }
}

/// The words that the tile and block kernels share: sizes, operands, the grid of blocks.
fn outer_words(p: &Product, block: [usize; 2], splits: usize, chunk: usize) -> ([[u32; 4]; 5], usize) {
    let [rows, cols] = [p.m.div_ceil(block[0]), p.n.div_ceil(block[1])];
    let units = rows * cols * p.batch * splits;
    let [bb, bn, bk, bo] = p.b.words();
    let sizes = [p.m, p.n, p.k, p.rows].map(word);
    let grid = [rows, cols, p.batch, chunk].map(word);
    ([sizes, p.a.words(), [bb, bk, bn, bo], grid, [word(units), 0, 0, 0]], units)
}

fn outer_text(p: &Product, modes: [Mode; 2]) -> String {
    let a = operand_text("a", 0, p.a.dtype, modes[0].wide());
    let b = operand_text("b", 1, p.b.dtype, modes[1].wide());
    format!("{a}\n\n{b}")
}

fn dtypes(p: &Product) -> String {
    if p.a.dtype == p.b.dtype { p.a.dtype.to_string() } else { format!("{}x{}", p.a.dtype, p.b.dtype) }
}

fn tile(
    steps: &mut Steps<'_>,
    p: &Product,
    finish: &Finish<'_>,
    (side, per): (usize, usize),
    (splits, chunk): (usize, usize),
) -> Result<(), String> {
    let edge = 4 * side * per;
    let (words, units) = outer_words(p, [edge, edge], splits, chunk);
    let modes = [p.a.mode(p.m, p.k), p.b.mode(p.n, p.k)];
    let overrides = vec![
        ("SIDE", side as f64),
        ("PER", per as f64),
        ("A_MODE", f64::from(modes[0] as u8)),
        ("B_MODE", f64::from(modes[1] as u8)),
        ("LONG", flag(chunk > 1024)),
    ];
    let label = format!("matmul_tile/{}/{edge}x{edge}/wg{side}x{side}/k{}", dtypes(p), 16 / per);
    let kernel = finish.kernel("matmul_tile", label, &[("operands", outer_text(p, modes).as_str())], false, overrides);
    let buffers = finish.buffers([p.a.buffer, p.b.buffer]);
    steps.dispatch(kernel, buffers, finish.words(words), units as u64)
}

fn vector(
    steps: &mut Steps<'_>,
    p: &Product,
    finish: &Finish<'_>,
    (mode, parts, run): (Mode, usize, usize),
    (splits, chunk): (usize, usize),
) -> Result<(), String> {
    let (w, v, outs, columns) = vector_sides(p);
    let lanes = steps.limits.lanes(steps.limits.tune().vector_lanes);
    let width = if mode == Mode::FourAcross { 4 * run } else { 1 };
    let per_plane = outs.div_ceil(lanes / parts * width);
    let units = per_plane * p.batch * splits;
    let words = [
        [word(outs), 0, word(p.k), word(p.rows)],
        w.words(),
        [word(v.batch), word(v.k), 0, word(v.offset)],
        [word(per_plane), word(chunk), word(p.batch), 0],
        [word(units), 0, 0, 0],
    ];
    let text = [operand_text("w", 0, w.dtype, mode.wide()), operand_text("v", 1, v.dtype, mode == Mode::FourAlong)]
        .join("\n\n");
    let overrides = vec![
        ("WG", lanes as f64),
        ("PARTS", parts as f64),
        ("RUN", run as f64),
        ("MODE", f64::from(mode as u8)),
        ("ALONG_K", flag(w.k == 1)),
        ("COLUMNS", flag(columns)),
    ];
    let label = format!("matmul_vector/{}/wg{lanes}/parts{parts}/run{run}", dtypes(p));
    let kernel = finish.kernel("matmul_vector", label, &[("operands", text.as_str())], false, overrides);
    steps.dispatch(kernel, finish.buffers([w.buffer, v.buffer]), finish.words(words), units as u64)
}

fn combine(
    steps: &mut Steps<'_>,
    p: &Product,
    (splits, parts, line): (usize, Operand, usize),
    epilogue: Option<&Epilogue>,
) -> Result<(), String> {
    let finish = Finish { epilogue, out: Operand::Result, line: p.n };
    let sizes = [p.elements(), splits, p.rows, p.n].map(word);
    let words = [sizes, [word(line), word(p.batch * p.m * line), 0, 0], [0; 4], [0; 4], [0; 4]];
    let kernel = finish.kernel("matmul_combine", "matmul_combine/f32/wg64".into(), &[], false, vec![("WG", 64.0)]);
    let groups = p.elements().div_ceil(64) as u64;
    steps.dispatch(kernel, finish.buffers([parts, parts]), finish.words(words), groups)
}

/// Copies operands that cannot be fetched four at a time where the copy pays: where each element is fetched by at least
/// four blocks of columns (or rows) of the largest size.
fn pack_both(steps: &mut Steps<'_>, p: &mut Product) -> Result<(), String> {
    if !p.a.mode(p.m, p.k).wide() && p.n >= 64 {
        p.a = pack(steps, p.a, p.batch, p.m, p.k)?;
    }
    if !p.b.mode(p.n, p.k).wide() && p.m >= 64 {
        p.b = pack(steps, p.b, p.batch, p.n, p.k)?;
    }
    Ok(())
}

/// A copy that is contiguous along the axis along which the operand is (along k if along none), padded with zeros to a
/// multiple of 4 there; the operand itself if the copy would be too large.
fn pack(steps: &mut Steps<'_>, side: Side, batch: usize, outer: usize, k: usize) -> Result<Side, String> {
    let planes = if side.batch == 0 { 1 } else { batch };
    let across = side.outer == 1;
    let (lines, depth) = if across { (k, outer) } else { (outer, k) };
    let fours = depth.div_ceil(4);
    let vectors = planes * lines * fours;
    if depth == 0 || vectors as u64 * 16 > steps.limits.binding_bytes.min(steps.limits.buffer_bytes) {
        return Ok(side);
    }
    let buffer = steps.scratch(vectors as u64 * 4)?;
    let (line_stride, k_stride) = if across { (side.k, side.outer) } else { (side.outer, side.k) };
    let text = operand_text("x", 0, side.dtype, false);
    let label = format!("matmul_pack/{}/wg64", side.dtype);
    let kernel = kernel("matmul_pack", label, &[("operands", text.as_str())], vec![("WG", 64.0)], (1, 1));
    let words = [side.batch, line_stride, k_stride, side.offset, depth, fours, lines, vectors].map(word).to_vec();
    steps.dispatch(kernel, vec![side.buffer, buffer], words, vectors.div_ceil(64) as u64)?;
    let (batch, line) = (if planes > 1 { lines * fours * 4 } else { 0 }, fours * 4);
    let (outer, k) = if across { (1, line) } else { (line, 1) };
    Ok(Side { buffer, dtype: DType::F32, batch, outer, k, offset: 0, padded: true })
}
