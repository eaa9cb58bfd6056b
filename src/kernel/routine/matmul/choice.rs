//! Which kernel computes a matrix product: by shape, layout and device.

use super::block::{Block, LANES};
use super::{Mode, Product, Side};
use crate::kernel::Limits;

/// A way to compute a product, and what it costs in units that mean something only within one device.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// `matmul_block`: the block of a lane.
    Block { block: Block, splits: usize },
    /// `matmul_tile`: lanes along a side, quarters along a side.
    Tile { side: usize, per: usize, splits: usize },
    /// `matmul_vector`: lanes that share an output, and fours of neighbouring outputs that a lane takes.
    Vector { mode: Mode, parts: usize, run: usize, splits: usize },
}

/// Which kernel: the whole choice, by shape, layout and device.
pub(super) fn choose(p: &Product, limits: &Limits) -> Way {
    if p.m == 1 || p.n == 1 {
        vector_way(p, limits)
    } else if limits.tune().matmul_blocks {
        block_way(p, limits)
    } else {
        tile_way(p, limits)
    }
}

/// Splits of k to try: the least power of two that bounds the chain of sums, and more as long as each leaves 256 of k
/// and the parts fit a scratch buffer.
fn splits_of(p: &Product, limits: &Limits, chain: usize) -> impl Iterator<Item = usize> {
    let (k, first) = (p.k, p.k.div_ceil(chain).next_power_of_two());
    let room = limits.binding_bytes.min(limits.buffer_bytes) / (4 * p.elements() as u64).max(1);
    std::iter::successors(Some(first), |s| Some(s * 2))
        .take_while(move |&s| s == first || (k / s >= 256 && s as u64 <= room))
}

/// The longest stretch of k that the tile kernel sums with few enough roundings: 1024 and 512 in two chains.
const TILE_CHAIN: usize = 1 << 19;

/// Turns of its loop over k that an invocation takes at most. llvmpipe ends every loop of an invocation after 65,535
/// turns in all, without a word.
const TURNS: usize = 1 << 15;

/// Measured on llvmpipe (8 lanes in step): fetching four neighbours costs a lane as much as 52 multiply-adds, fetching
/// them one by one 3.2 times that, passing one number round 1; a dispatch costs 40,000. By default four workers, so that two
/// to sixteen cores are kept busy.
fn block_way(p: &Product, limits: &Limits) -> Way {
    const FETCH: f64 = 52.0;
    const SINGLE: f64 = 166.0;
    const DISPATCH: f64 = 40_000.0;
    let tune = limits.tune();
    let (workers, edge) = ((tune.matmul_units as usize / LANES).max(1), tune.matmul_edge as usize);
    let fetch = |mode: Mode| if mode.wide() { FETCH } else { SINGLE };
    let modes = [p.a.mode(p.m, p.k), p.b.mode(p.n, p.k)];
    let (fetch_a, fetch_b) = (fetch(modes[0]), fetch(modes[1]));
    let mut best = (f64::INFINITY, None);
    for splits in splits_of(p, limits, 4 * TURNS) {
        for block in Block::all(limits).filter(|b| 4 * b.rows.max(b.cols) <= edge) {
            let [height, width] = block.extent();
            let units = p.batch * p.m.div_ceil(height) * p.n.div_ceil(width) * splits;
            let groups = if block.shared { units } else { units.div_ceil(LANES) };
            let (r, c, parts) = (block.rows as f64, block.cols as f64, splits as f64);
            let left = match (block.shared, modes[0]) {
                (false, _) => 4.0 * r * fetch_a,
                (true, Mode::FourAcross) => 4.0 * fetch_a + 16.0 * r,
                (true, _) => r / 2.0 * fetch_a + 16.0 * r,
            };
            let step = left + 4.0 * c * fetch_b + 64.0 * r * c;
            let put = 4.0 * r * c * SINGLE;
            let rounds = p.elements().div_ceil(LANES * workers) as f64;
            let combine = if splits > 1 { DISPATCH + rounds * parts * FETCH } else { 0.0 };
            let cost = groups.div_ceil(workers) as f64 * (p.k.div_ceil(4 * splits) as f64 * step + put) + combine;
            if cost < best.0 {
                best = (cost, Some(Way::Block { block, splits }));
            }
        }
    }
    best.1.unwrap_or(Way::Block { block: Block { rows: 1, cols: 1, shared: false }, splits: 1 })
}

/// Larger tiles use the bandwidth of workgroup memory better (in the ratio of the rates below), smaller ones keep more
/// workgroups busy and waste less at the edges. A few hundred workgroups fill a large GPU.
fn tile_way(p: &Product, limits: &Limits) -> Way {
    let (units, most) = (f64::from(limits.tune().matmul_units), limits.tune().matmul_edge.max(32) as usize);
    let mut best = (f64::INFINITY, Way::Tile { side: 8, per: 1, splits: 1 });
    for splits in splits_of(p, limits, TILE_CHAIN) {
        for (side, per, rate, full) in [(16, 2, 1.0, units), (16, 1, 0.7, 2.0 * units), (8, 1, 0.4, 4.0 * units)] {
            let tile = 4 * side * per;
            if tile > most {
                continue;
            }
            let tiles = (p.batch * p.m.div_ceil(tile) * p.n.div_ceil(tile)) as f64;
            let busy = (tiles * splits as f64 / full).min(1.0);
            let work = tiles * (tile * tile) as f64 * p.k as f64 / (rate * busy);
            // the parts are written and read again; a dispatch costs some 10 us
            let combine = if splits > 1 { 16.0 * p.elements() as f64 * splits as f64 + 1e7 } else { 0.0 };
            if work + combine < best.0 {
                best = (work + combine, Way::Tile { side, per, splits });
            }
        }
    }
    best.1
}

/// The matrix and the vector of a product with m = 1 or n = 1: (matrix, vector, outputs, whether they are columns).
pub(super) fn vector_sides(p: &Product) -> (Side, Side, usize, bool) {
    if p.n == 1 { (p.a, p.b, p.m, false) } else { (p.b, p.a, p.n, true) }
}

/// Bound by the bandwidth of the matrix: fetch four where possible, share an output among lanes where k is contiguous,
/// split k where there are too few outputs to fill the device.
fn vector_way(p: &Product, limits: &Limits) -> Way {
    let (w, v, outs, _) = vector_sides(p);
    let mode = match (w.mode(outs, p.k), v.mode(1, p.k)) {
        (Mode::FourAlong, Mode::FourAlong) => Mode::FourAlong,
        (Mode::FourAcross, _) => Mode::FourAcross,
        _ => Mode::Along,
    };
    let piece = if mode == Mode::FourAlong { 4 } else { 1 };
    let width = if mode == Mode::FourAcross { 4 } else { 1 };
    let tune = limits.tune();
    if mode == Mode::FourAcross && tune.vector_run > 1 {
        return run_way(p, outs, limits);
    }
    // lanes that share an output of columns fetch far apart: few do
    let most = if w.k == 1 { tune.vector_share } else { tune.vector_share.min(8) };
    let parts = p.k.div_ceil(4 * piece).next_power_of_two().min(most.min(tune.vector_lanes) as usize);
    let lanes = p.batch * outs.div_ceil(width) * parts;
    let wanted = tune.vector_units as usize;
    let splits =
        (wanted / lanes.max(1)).min(p.k / (64 * piece * parts)).max(p.k.div_ceil(parts * piece * TURNS)).max(1);
    Way::Vector { mode, parts, run: 1, splits }
}

/// The matrix is fetched cache line by cache line, a stretch of its rows at a time, as columns are summed: so the pages that a
/// processor walks down stay known to it for the next columns.
fn run_way(p: &Product, outs: usize, limits: &Limits) -> Way {
    const MOST: usize = 256;
    let tune = limits.tune();
    let rows = match tune.column_part as usize {
        0 => RUN_CHAIN,
        part => part.min(RUN_CHAIN),
    };
    let room = limits.binding_bytes.min(limits.buffer_bytes) / (4 * p.elements() as u64).max(1);
    let splits = p.k.div_ceil(rows).min(MOST).min(room as usize).max(1);
    let short = p.k.div_ceil(splits).next_multiple_of(16) <= RUN_CHAIN;
    let run = [4, 2].into_iter().find(|run| short && *run <= tune.vector_run as usize && outs.is_multiple_of(4 * run));
    let splits = if run.is_some() { splits } else { splits.max(p.k.div_ceil(TURNS)) };
    Way::Vector { mode: Mode::FourAcross, parts: 1, run: run.unwrap_or(1), splits }
}

/// The longest stretch of k that a lane with more than four outputs sums: one chain.
const RUN_CHAIN: usize = 512;
