//! How a dispatch is cut into blocks of invocations that run together, and the built-in values of a block.
use super::super::tape::{BuiltIn, Tape};
use super::line::{LANES, Line, Words, plus, splat};

/// Bytes of lane registers that should be in the first-level cache together.
const CACHE_BYTES: usize = 24 << 10;
/// Lines that a block should have at most, whatever the cache.
const MAX_LINES: usize = 32;

/// How a kernel's invocations are put together in blocks: boxes in the space of global ids.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Invocations of a workgroup.
    size: [u32; 3],
    /// Invocations of a block.
    extent: [u32; 3],
}

impl Plan {
    /// The plan for a tape. A block is one workgroup if the lanes see each other; else several, or a part of one.
    pub fn new(tape: &Tape) -> Self {
        let size = tape.workgroup_size;
        let mut extent = size;
        if tape.cross_lane {
            return Self { size, extent };
        }
        let lines = (CACHE_BYTES / 64 / tape.n_lane.max(1) as usize).clamp(8, MAX_LINES);
        let target = (lines * LANES) as u32;
        let lanes = |extent: &[u32; 3]| extent.iter().product::<u32>();
        while lanes(&extent) > target {
            let Some(axis) = [2, 1, 0].into_iter().find(|q| extent[*q].is_multiple_of(2)) else { break };
            extent[axis] /= 2;
        }
        let alone = tape.builtins.iter().any(|(b, _)| matches!(b, BuiltIn::WorkgroupId(_)));
        if extent == size && !alone {
            extent[0] *= (target / lanes(&extent).max(1)).max(1);
        }
        Self { size, extent }
    }

    /// Lines from one lane register to the next. An odd number: else many registers share the few places of the first-level cache.
    pub fn stride(&self) -> usize {
        self.lines() | 1
    }

    /// Lines of a full block.
    fn lines(&self) -> usize {
        (self.extent.iter().product::<u32>() as usize).div_ceil(LANES)
    }
}

/// A dispatch of so many workgroups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grid {
    size: [u32; 3],
    extent: [u32; 3],
    /// Workgroups.
    groups: [u32; 3],
    /// Blocks.
    blocks: [u32; 3],
}

impl Grid {
    /// The grid of a dispatch.
    pub fn new(plan: &Plan, groups: [u32; 3]) -> Self {
        let mut extent = plan.extent;
        extent[0] = extent[0].min(plan.size[0].saturating_mul(groups[0].max(1)));
        let blocks =
            [0, 1, 2].map(|q| (u64::from(groups[q]) * u64::from(plan.size[q])).div_ceil(u64::from(extent[q])) as u32);
        Self { size: plan.size, extent, groups, blocks }
    }

    /// How many blocks there are.
    pub fn n_blocks(&self) -> u64 {
        self.blocks.iter().map(|n| u64::from(*n)).product()
    }

    /// The global id of the first invocation of a block.
    pub fn origin(&self, block: u64) -> [u32; 3] {
        let [x, y, _] = self.blocks.map(u64::from);
        let at = [block % x, block / x % y, block / (x * y)];
        [0, 1, 2].map(|q| at[q] as u32 * self.extent[q])
    }

    /// The global id of a lane of the block that begins at `origin`.
    pub fn invocation(&self, origin: [u32; 3], lane: u32) -> [u32; 3] {
        let [x, y, _] = self.extent;
        let place = if self.flat() { [lane, 0, 0] } else { [lane % x, lane / x % y, lane / (x * y)] };
        [0, 1, 2].map(|q| origin[q] + place[q])
    }

    /// The workgroup of an invocation.
    pub fn workgroup(&self, id: [u32; 3]) -> [u32; 3] {
        [0, 1, 2].map(|q| id[q] / self.size[q])
    }

    /// Invocations of a block in each direction that exist.
    fn present(&self, origin: [u32; 3]) -> [u32; 3] {
        [0, 1, 2].map(|q| self.extent[q].min((self.groups[q] * self.size[q]).wrapping_sub(origin[q])))
    }

    /// Lines of a block that hold invocations.
    pub fn lines(&self, origin: [u32; 3]) -> usize {
        let present = self.present(origin);
        let lanes = if self.flat() { present[0] } else { self.extent.iter().product() };
        (lanes as usize).div_ceil(LANES)
    }

    /// A block is a row.
    fn flat(&self) -> bool {
        self.extent[1] == 1 && self.extent[2] == 1
    }
}

/// The `n`-th of so many in another order, if there is a seed.
pub fn shuffled(n: u64, total: u64, seed: Option<u32>) -> u64 {
    let Some(seed) = seed else { return n };
    let gcd = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let start = total / 2 + u64::from(seed.wrapping_mul(0x9e37_79b9)) % total.max(1);
    let step = (start..).find(|step| gcd(*step, total) == 1).unwrap_or(1);
    ((u128::from(n) * u128::from(step) + u128::from(seed)) % u128::from(total.max(1))) as u64
}

/// What of the built-in values is the same in every block: where the lanes lie in it.
pub struct Pattern {
    grid: Grid,
    /// The place of each lane in the block.
    place: [Vec<Line>; 3],
    /// Its local id, less that of the first lane.
    local: [Vec<Line>; 3],
    /// Its local index, less that of the first lane.
    index: Vec<Line>,
    /// All lanes of a full block.
    exist: Vec<Line>,
}

impl Pattern {
    /// The pattern of a grid.
    pub fn new(grid: &Grid) -> Self {
        let [x, y, z] = grid.extent;
        let lines = ((x * y * z) as usize).div_ceil(LANES);
        let of = |f: &dyn Fn(u32) -> u32| -> Vec<Line> {
            (0..lines).map(|k| Line(std::array::from_fn(|j| f((k * LANES + j) as u32)))).collect()
        };
        let flat = grid.flat();
        let at = move |j: u32| if flat { [j, 0, 0] } else { [j % x, j / x % y, j / (x * y)] };
        let [sx, sy, _] = grid.size;
        let local = move |j: u32| [at(j)[0] % sx, at(j)[1], at(j)[2]];
        Self {
            grid: *grid,
            place: [0, 1, 2].map(|q| of(&|j| at(j)[q])),
            local: [0, 1, 2].map(|q| of(&|j| local(j)[q])),
            index: of(&|j| local(j)[0] + sx * (local(j)[1] + sy * local(j)[2])),
            exist: of(&|j| u32::from(j < x * y * z).wrapping_neg()),
        }
    }

    /// Is it that of this grid?
    pub fn is_of(&self, grid: &Grid) -> bool {
        self.grid.extent == grid.extent
    }

    /// The lanes of line `k` that exist.
    pub fn exist(&self, grid: &Grid, origin: [u32; 3], k: usize) -> Words {
        let present = grid.present(origin);
        let mut exist = self.exist[k].0;
        if present != grid.extent {
            for j in 0..LANES {
                let inside = (0..3).all(|q| self.place[q][k].0[j] < present[q]);
                exist[j] &= u32::from(inside).wrapping_neg();
            }
        }
        exist
    }

    /// Line `k` of a built-in value of lanes.
    pub fn value(&self, grid: &Grid, builtin: BuiltIn, origin: [u32; 3], subgroup: u32, k: usize) -> Words {
        let first = [0, 1, 2].map(|q| origin[q] % grid.size[q]);
        let index = || plus(&self.index[k].0, first[0] + grid.size[0] * (first[1] + grid.size[1] * first[2]));
        match builtin {
            BuiltIn::GlobalId(q) => plus(&self.place[q as usize][k].0, origin[q as usize]),
            BuiltIn::LocalId(q) => plus(&self.local[q as usize][k].0, first[q as usize]),
            BuiltIn::LocalIndex => index(),
            BuiltIn::SubgroupId => index().map(|j| j / subgroup),
            BuiltIn::SubgroupLane => index().map(|j| j % subgroup),
            BuiltIn::WorkgroupId(q) => splat(origin[q as usize] / grid.size[q as usize]),
            BuiltIn::NumWorkgroups(q) => splat(grid.groups[q as usize]),
        }
    }
}
