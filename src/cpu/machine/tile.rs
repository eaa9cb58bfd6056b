//! Runs of multiply-adds with the sums in processor registers; `fuse` finds them.
//!
//! The instruction first sees whether every address of the run is as it was when the run was put together, and in bounds; if not, it does
//! nothing and the plain instructions behind it run.
#![expect(
    unsafe_code,
    reason = "operands are read through pointers whose bounds are checked once for all products of a line"
)]
use super::super::tape::Reg;
use super::context::{Context, Ins};
use super::fuse::{Grid, MAX_STREAMS, Run, Stream, grids};
use super::line::{LANES, Lane, Line};
use super::simd::{Handler, Simd};
use std::cell::Cell;
use std::marker::PhantomData;

/// A place that factors are read from, as the assembler sees it.
#[derive(Clone, Copy)]
enum Place {
    Uniforms,
    Lanes,
    /// `lane` and `uniform` are places in the register files.
    Memory {
        mem: u16,
        lane: Option<u32>,
        uniform: u32,
        slot: u16,
        stride: u32,
        high: u32,
    },
}

/// A grid of sums: `rows` times `columns`, `steps` products each.
struct Tile {
    rows: u8,
    columns: u8,
    quad: bool,
    steps: u32,
    /// First lines of the registers where the sums begin and end, row by row.
    first: [u32; 16],
    last: [u32; 16],
    /// For each step where the rows' factors are and the columns' (one for a quad): the stream, and bytes from its start.
    factors: Vec<(u32, u32)>,
}

/// A run, ready.
pub struct Tiles {
    places: Vec<Place>,
    tiles: Vec<Tile>,
    /// Where each place begins, for the lines of a block; as many as one call takes.
    lines_at_once: usize,
}

/// Rows of a tile, so that its sums fit the processor's registers.
pub const MAX_ROWS: usize = 4;

impl Tiles {
    /// Of a run; `place` finds a register in its file.
    pub fn new(
        run: &Run,
        zero: u32,
        stride: usize,
        place: &dyn Fn(Reg) -> Result<u32, String>,
    ) -> Result<Option<Self>, String> {
        let Some(grids) = grids(run, MAX_ROWS) else { return Ok(None) };
        let mut places = vec![];
        for (stream, high) in run.streams.iter().zip(&run.high) {
            places.push(match *stream {
                Stream::Uniforms => Place::Uniforms,
                Stream::Lanes => Place::Lanes,
                Stream::Memory { mem, lane, uniform, slot, stride } => Place::Memory {
                    mem,
                    lane: lane.map(place).transpose()?,
                    uniform: uniform.map(place).transpose()?.unwrap_or(zero),
                    slot: slot.unwrap_or(super::context::NO_SLOT),
                    stride,
                    high: *high,
                },
            });
        }
        let tiles = grids.iter().map(|grid| Tile::new(run, grid, stride, place)).collect::<Result<Vec<_>, _>>()?;
        let single = tiles.iter().all(|t| t.rows == 1 && t.columns == 1);
        Ok(Some(Self { places, tiles, lines_at_once: if single { 4 } else { 1 } }))
    }
}

impl Tile {
    fn new(run: &Run, grid: &Grid, stride: usize, place: &dyn Fn(Reg) -> Result<u32, String>) -> Result<Self, String> {
        let sum = |r: usize, c: usize| &run.sums[grid.sums[r * grid.columns + c]];
        let factor = |f: &super::fuse::Factor| match run.streams[f.stream] {
            Stream::Uniforms => (f.stream as u32, f.offset * 4),
            Stream::Lanes => (f.stream as u32, f.offset * (stride * 64) as u32),
            Stream::Memory { .. } => (f.stream as u32, f.offset),
        };
        let columns = if grid.quad { 1 } else { grid.columns };
        let mut tile = Self {
            rows: grid.rows as u8,
            columns: grid.columns as u8,
            quad: grid.quad,
            steps: sum(0, 0).x.len() as u32,
            first: [0; 16],
            last: [0; 16],
            factors: vec![],
        };
        for (n, sum) in grid.sums.iter().map(|n| &run.sums[*n]).enumerate() {
            tile.first[n] = place(sum.first)?;
            tile.last[n] = place(sum.last)?;
        }
        for k in 0..tile.steps as usize {
            tile.factors.extend((0..grid.rows).map(|r| factor(&sum(r, 0).x[k])));
            tile.factors.extend((0..columns).map(|c| factor(&sum(0, c).y[k])));
        }
        Ok(tile)
    }
}

/// Where the streams of a line begin.
type Starts = [*const u8; MAX_STREAMS];

/// Runs the tiles, and goes on at `offset`; or does nothing.
pub struct RunTiles<F>(PhantomData<F>);
/// One rounding.
pub struct Fused;
/// Two roundings.
pub struct Apart;

impl Handler for RunTiles<Fused> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
        tiles::<S, true>(c, i, pc)
    }
}

impl Handler for RunTiles<Apart> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
        tiles::<S, false>(c, i, pc)
    }
}

/// Where stream `n` begins for line `k`, if all that is read of it is in bounds.
#[inline(always)]
fn start(c: &Context<'_>, place: &Place, lane: Option<Lane<'_>>, k: usize) -> Option<*const u8> {
    let (lanes, uniforms) = c.files();
    match *place {
        Place::Uniforms => Some(uniforms.as_ptr().cast()),
        Place::Lanes => Some(lanes[k..].as_ptr().cast()),
        Place::Memory { mem, uniform, high, .. } => {
            let first = lane.map_or(0, |lane| lane[k].get().0[0]);
            c.memory(mem).window(first.wrapping_add(c.uniform(uniform).get()), high)
        }
    }
}

/// Is every address as it was when the run was put together, and in bounds?
#[inline(always)]
fn fits(c: &Context<'_>, tiles: &Tiles) -> bool {
    tiles.places.iter().all(|place| {
        let Place::Memory { lane, slot, stride, .. } = *place else { return true };
        let Some(lane) = lane.map(|r| c.lane(r)) else { return start(c, place, None, 0).is_some() };
        let shape = c.shape(slot, lane);
        let lines = if shape.same() { 1 } else { c.lines() };
        shape.stride() == Some(stride) && (0..lines).all(|k| start(c, place, Some(lane), k).is_some())
    })
}

#[inline(always)]
fn tiles<S: Simd, const FUSED: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
    let t = c.tiles(i);
    if !fits(c, t) {
        return pc + 1;
    }
    let file = c.files().0;
    let mut k = 0;
    while t.lines_at_once == 4 && k + 4 <= c.lines() {
        let starts = [starts(c, t, k), starts(c, t, k + 1), starts(c, t, k + 2), starts(c, t, k + 3)];
        for tile in &t.tiles {
            // SAFETY: `fits` saw that all streams are in bounds for these lines.
            unsafe { tile_of::<S, FUSED, 4, 1, 1, false>(tile, file, k, &starts) }
        }
        k += 4;
    }
    while k < c.lines() {
        let starts = [starts(c, t, k)];
        for tile in &t.tiles {
            // SAFETY: as above.
            unsafe { any_tile::<S, FUSED>(tile, file, k, &starts) }
        }
        k += 1;
    }
    i.offset as usize
}

/// Where the streams begin for line `k`.
#[inline(always)]
fn starts(c: &Context<'_>, t: &Tiles, k: usize) -> Starts {
    let mut starts = [std::ptr::null(); MAX_STREAMS];
    for (n, place) in t.places.iter().enumerate() {
        let lane = match place {
            Place::Memory { lane: Some(r), .. } => Some(c.lane(*r)),
            _ => None,
        };
        if let Some(start) = start(c, place, lane, k) {
            starts[n] = start;
        }
    }
    starts
}

/// A factor of a line.
#[inline(always)]
fn factor(starts: &Starts, f: (u32, u32)) -> *const f32 {
    starts[f.0 as usize].wrapping_add(f.1 as usize).cast()
}

/// The words of a sum, from `half` on.
#[inline(always)]
fn words(file: &[Cell<Line>], places: &[u32; 16], n: usize, k: usize, half: usize) -> *mut f32 {
    file[places[n] as usize + k].as_ptr().cast::<f32>().wrapping_add(half)
}

/// One line of a tile of any size.
///
/// # Safety
/// As of `tile_of`.
#[inline(always)]
unsafe fn any_tile<S: Simd, const FUSED: bool>(tile: &Tile, file: &[Cell<Line>], k: usize, starts: &[Starts; 1]) {
    // SAFETY: the caller's; the sizes are those of the tile.
    unsafe {
        match (tile.rows, tile.columns, tile.quad) {
            (4, 4, true) => tile_of::<S, FUSED, 1, 4, 4, true>(tile, file, k, starts),
            (1, 4, true) => tile_of::<S, FUSED, 1, 1, 4, true>(tile, file, k, starts),
            (4, 4, false) => tile_of::<S, FUSED, 1, 4, 4, false>(tile, file, k, starts),
            (4, 1, false) => tile_of::<S, FUSED, 1, 4, 1, false>(tile, file, k, starts),
            (1, 4, false) => tile_of::<S, FUSED, 1, 1, 4, false>(tile, file, k, starts),
            _ => tile_of::<S, FUSED, 1, 1, 1, false>(tile, file, k, starts),
        }
    }
}

/// `L` lines from line `k` of a tile of `R` rows and `C` columns.
///
/// # Safety
/// The tile has that size, and the streams that it reads are in bounds for these lines at all its offsets.
#[inline(always)]
unsafe fn tile_of<S: Simd, const FUSED: bool, const L: usize, const R: usize, const C: usize, const QUAD: bool>(
    tile: &Tile,
    file: &[Cell<Line>],
    k: usize,
    starts: &[Starts; L],
) {
    let steps = R + if QUAD { 1 } else { C };
    let mut half = 0;
    while half < LANES {
        // SAFETY: the sums are lines of the file, half + WIDTH words of which exist; for the factors the caller's.
        unsafe {
            let mut sums = [[[S::load(words(file, &tile.first, 0, k, half)); C]; R]; L];
            for l in 0..L {
                for r in 0..R {
                    for c in 0..C {
                        sums[l][r][c] = S::load(words(file, &tile.first, r * C + c, k + l, half));
                    }
                }
            }
            for at in tile.factors.chunks_exact(steps) {
                for l in 0..L {
                    let mut y = [S::spread(factor(&starts[l], at[0])); C];
                    if QUAD {
                        let four = S::quads(factor(&starts[l], at[R]).add(4 * half));
                        y.copy_from_slice(&four[..C]);
                    } else {
                        for c in 0..C {
                            y[c] = S::load(factor(&starts[l], at[R + c]).add(half));
                        }
                    }
                    for r in 0..R {
                        let x = S::spread(factor(&starts[l], at[r]));
                        for c in 0..C {
                            sums[l][r][c] = S::multiply_add::<FUSED>(x, y[c], sums[l][r][c]);
                        }
                    }
                }
            }
            for l in 0..L {
                for r in 0..R {
                    for c in 0..C {
                        S::store(words(file, &tile.last, r * C + c, k + l, half), sums[l][r][c]);
                    }
                }
            }
        }
        half += S::WIDTH;
    }
}
