//! The sanitizer's instructions. They stand before the accesses that they look at and change nothing of them.
use super::super::sanitize::{Checks, Kind};
use super::super::tape::At;
use super::access::{addresses, base, has_lanes};
use super::context::{Any, Context, Ins};
use super::grid::Grid;
use super::line::{LANES, Lane, Line, Words, all, any, blend, splat};
use super::shadow::{EPOCHS, Local, Now, Shared, Turn, Verdict};
use super::shape::uneven;
use super::simd::{Simd, Straight};
use std::collections::HashMap;

/// What is looked at, in the order of the instruction's `t`.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub at: At,
    /// The variable, if it is about one.
    pub mem: Option<u16>,
    /// Units of the shadow that a lane accesses.
    pub units: u32,
}

/// The shadow of a memory variable.
#[derive(Debug)]
pub enum Shadow {
    /// Nothing can happen there.
    None,
    Local(Local),
    Shared(Shared),
}

/// One kind of thing at one place.
#[derive(Clone, Debug)]
pub struct Report {
    pub index: Option<i64>,
    pub invocations: Vec<[u32; 3]>,
    pub count: u64,
}

/// What the sanitizer knows while a dispatch runs.
#[derive(Debug)]
pub struct Watch {
    pub checks: Checks,
    pub shadows: Vec<Shadow>,
    pub reports: HashMap<(Kind, At, Option<u16>), Report>,
    grid: Option<Grid>,
    origin: [u32; 3],
    epoch: u32,
    begun: u32,
    block: u64,
    first: u64,
    storage_epoch: u32,
}

/// No more different reports than these are kept of one dispatch.
const MAX_REPORTS: usize = 4096;

impl Watch {
    pub fn new(checks: Checks, shadows: Vec<Shadow>) -> Self {
        Self {
            checks,
            shadows,
            reports: HashMap::new(),
            grid: None,
            origin: [0; 3],
            epoch: 0,
            begun: 0,
            block: 0,
            first: 1,
            storage_epoch: 0,
        }
    }

    /// A dispatch begins; its bindings have these sizes, by memory variable.
    pub fn dispatch(&mut self, grid: &Grid, bytes: &[u32]) {
        self.grid = Some(*grid);
        self.first = self.block + 1;
        for (n, shadow) in self.shadows.iter_mut().enumerate() {
            if let Shadow::Shared(shared) = shadow {
                if self.first + grid.n_blocks() >= 1 << 31 {
                    *shared = Shared::new(shared.unit);
                }
                shared.reserve(bytes[n]);
            }
        }
        if self.first + grid.n_blocks() >= 1 << 31 {
            (self.block, self.first) = (0, 1);
        }
    }

    /// A block begins. Blocks are numbered in the order in which they run.
    pub fn begin(&mut self, origin: [u32; 3]) {
        self.origin = origin;
        self.block += 1;
        self.storage_epoch = 0;
        self.epoch += 1;
        if self.epoch > EPOCHS / 2 {
            self.restart();
        }
        self.begun = self.epoch;
    }

    /// Counts epochs from the first again.
    fn restart(&mut self) {
        for shadow in &mut self.shadows {
            if let Shadow::Local(local) = shadow {
                local.clear();
            }
        }
        self.epoch = 1;
    }

    fn barrier(&mut self, storage: bool, workgroup: bool) {
        if workgroup {
            self.epoch += 1;
            if self.epoch == EPOCHS {
                // within a block: what was never written is no longer known
                self.restart();
                self.begun = 0;
            }
        }
        if storage {
            self.storage_epoch = (self.storage_epoch + 1) % EPOCHS;
        }
    }

    pub fn now(&self) -> Now {
        Now { epoch: self.epoch, begun: self.begun }
    }

    fn turn(&self) -> Turn {
        Turn { block: self.block, first: self.first, epoch: self.storage_epoch }
    }

    /// The global id of a lane of this block.
    fn id(&self, lane: u32) -> [u32; 3] {
        self.grid.map_or([0; 3], |g| g.invocation(self.origin, lane))
    }

    /// Notes what was found.
    pub fn report(&mut self, kind: Kind, site: &Site, index: Option<i64>, invocations: Vec<[u32; 3]>, count: u64) {
        let key = (kind, site.at, site.mem);
        if let Some(known) = self.reports.get_mut(&key) {
            known.count += count;
        } else if self.reports.len() < MAX_REPORTS {
            self.reports.insert(key, Report { index, invocations, count });
        }
    }

    /// Reports what an access revealed.
    fn judge(&mut self, site: &Site, verdict: &Verdict, unit_bytes: u32) {
        if self.checks.races
            && let Some(c) = verdict.conflict
        {
            let mut ids = vec![self.id(c.lane)];
            let grid = self.grid;
            if let (Some(other), None) = (c.other, c.block) {
                ids.push(self.id(other));
            }
            if let (Some(other), Some(block), Some(grid)) = (c.other, c.block, grid) {
                ids.push(grid.invocation(self.origin_of(&grid, block), other));
            }
            let apart = grid.is_some_and(|g| ids.len() == 2 && g.workgroup(ids[0]) != g.workgroup(ids[1]))
                || c.block.is_some() && ids.len() < 2;
            let kind = if apart { Kind::RaceOfWorkgroups } else { Kind::Race };
            self.report(kind, site, Some(i64::from(c.unit * unit_bytes)), ids, verdict.conflicts);
        }
        if self.checks.uninitialised
            && let Some((unit, lane)) = verdict.blank
        {
            let ids = vec![self.id(lane)];
            self.report(Kind::Uninitialised, site, Some(i64::from(unit * unit_bytes)), ids, verdict.blanks);
        }
    }

    /// Where a block of this dispatch lies.
    fn origin_of(&self, grid: &Grid, block: u64) -> [u32; 3] {
        let n = block - self.first;
        grid.origin(super::grid::shuffled(n, grid.n_blocks(), self.checks.shuffle))
    }
}

/// Lends the sanitizer's state to `work`, which needs the context too.
#[inline(always)]
fn with_watch(c: &mut Context<'_>, work: impl FnOnce(&mut Context<'_>, &mut Watch)) {
    if let Some(watch) = c.watch.take() {
        work(c, watch);
        c.watch = Some(watch);
    }
}

/// An access of `N` units in each lane.
pub struct WatchAccess<const WRITE: bool, const N: usize>;
impl<const WRITE: bool, const N: usize> Straight for WatchAccess<WRITE, N> {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        if !c.any {
            return;
        }
        let Some(watch) = c.watch.take() else { return };
        let (now, turn, mut verdict) = (watch.now(), watch.turn(), Verdict::default());
        let site = c.sites[i.t as usize];
        let unit = match &mut watch.shadows[i.mem as usize] {
            Shadow::None => 1,
            Shadow::Local(shadow) => {
                local::<WRITE, N>(c, i, shadow, now, &mut verdict);
                shadow.unit
            }
            Shadow::Shared(shadow) => {
                shared::<WRITE, N>(c, i, shadow, turn, &mut verdict);
                shadow.unit
            }
        };
        if verdict.conflicts + verdict.blanks > 0 {
            watch.judge(&site, &verdict, unit);
        }
        c.watch = Some(watch);
    }
}

/// Workgroup memory.
#[inline(always)]
fn local<const WRITE: bool, const N: usize>(
    c: &Context<'_>,
    i: &Ins,
    shadow: &mut Local,
    now: Now,
    verdict: &mut Verdict,
) {
    let (unit, shift) = (shadow.unit, shadow.shift);
    if !has_lanes(i) {
        return once::<N>(c, i, unit, |u, lane, many| {
            if WRITE || !many || !shadow.shared_read(now, u as usize, lane) {
                shadow.one(now, WRITE, u, lane, verdict);
            }
        });
    }
    let (base, lane, mask) = (base(c, i), c.lane(i.s[0]), c.mask());
    let stride = c.shape(i.slot, lane).stride();
    let bytes = unit * N as u32;
    for k in 0..lane.len() {
        let a = lane[k].get().0;
        let first = c.first + (k * LANES) as u32;
        let at = a[0].wrapping_add(base);
        if c.solid || all(&mask[k].get().0) {
            let side_by_side = stride == Some(bytes) || stride.is_none() && uneven(&a, bytes) == 0;
            if side_by_side && shadow.line::<WRITE, N>(now, (at >> shift) as usize, first) {
                continue;
            }
            let one = stride == Some(0) || stride.is_none() && uneven(&a, 0) == 0;
            if !WRITE && one {
                let mut fine = true;
                for n in 0..N {
                    fine &= shadow.shared_read(now, (at >> shift) as usize + n, first);
                }
                if fine {
                    continue;
                }
            }
        }
        each::<N>(c, i, k, unit, |u, lane| shadow.one(now, WRITE, u, lane, verdict));
    }
}

/// A binding.
#[inline(always)]
fn shared<const WRITE: bool, const N: usize>(
    c: &Context<'_>,
    i: &Ins,
    shadow: &mut Shared,
    turn: Turn,
    verdict: &mut Verdict,
) {
    let (unit, shift) = (shadow.unit, shadow.shift);
    if !has_lanes(i) {
        return once::<N>(c, i, unit, |u, lane, _| shadow.one(turn, WRITE, u, lane, verdict));
    }
    let (base, lane, mask) = (base(c, i), c.lane(i.s[0]), c.mask());
    let stride = c.shape(i.slot, lane).stride();
    let bytes = unit * N as u32;
    for k in 0..lane.len() {
        let a = lane[k].get().0;
        if c.solid || all(&mask[k].get().0) {
            let side_by_side = stride == Some(bytes) || stride.is_none() && uneven(&a, bytes) == 0;
            let first = (a[0].wrapping_add(base) >> shift) as usize;
            if side_by_side && shadow.line::<WRITE, N>(turn, first, c.first + (k * LANES) as u32) {
                continue;
            }
        }
        each::<N>(c, i, k, unit, |u, lane| shadow.one(turn, WRITE, u, lane, verdict));
    }
}

/// Calls `f` for the units that each active lane of line `k` accesses.
#[inline(never)]
fn each<const N: usize>(c: &Context<'_>, i: &Ins, k: usize, unit: u32, mut f: impl FnMut(u32, u32)) {
    let (m, at) = (c.mask()[k].get().0, addresses(c, i, k));
    for j in (0..LANES).filter(|j| m[*j] != 0) {
        for n in 0..N as u32 {
            f(at[j] / unit + n, c.first + (k * LANES + j) as u32);
        }
    }
}

/// Calls `f` for the units at the one address that all active lanes access; with the first active lane, and whether there are more.
fn once<const N: usize>(c: &Context<'_>, i: &Ins, unit: u32, mut f: impl FnMut(u32, u32, bool)) {
    let first = base(c, i) / unit;
    let mut active = (0..c.lines() * LANES).filter(|j| c.mask()[j / LANES].get().0[j % LANES] != 0);
    let Some(lane) = active.next() else { return };
    let other = active.next();
    for n in 0..N as u32 {
        f(first + n, lane as u32, other.is_some());
        // what only some lanes see is theirs; two are enough to tell that it was not one
        if let (Some(other), false) = (other, i.uniform & ALIKE != 0) {
            f(first + n, other as u32, false);
        }
    }
}

/// In `Ins::uniform` of `WatchAccess`: all lanes write the same.
pub const ALIKE: u32 = 1 << 28;

/// An atomic access: memory is written after it.
pub struct WatchAtomic;
impl Straight for WatchAtomic {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        with_watch(c, |c, watch| {
            let (now, units) = (watch.now(), c.sites[i.t as usize].units);
            let Shadow::Local(shadow) = &mut watch.shadows[i.mem as usize] else { return };
            for k in 0..c.lines() {
                let (m, at) = (c.mask()[k].get().0, addresses(c, i, k));
                for j in (0..LANES).filter(|j| m[*j] != 0) {
                    (0..units).for_each(|n| shadow.atomic(now, at[j] / shadow.unit + n));
                }
            }
        });
    }
}

/// A barrier: all invocations reach it, and a new epoch begins. Bit 0 of `offset`: for bindings, bit 1: for workgroup memory.
pub struct WatchBarrier;
impl Straight for WatchBarrier {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let missing = if c.full { None } else { missing(c, c.lines() * LANES) };
        with_watch(c, |c, watch| {
            if let (true, Some((present, absent))) = (watch.checks.uniformity && c.any, missing) {
                let ids = vec![watch.id(present), watch.id(absent)];
                watch.report(Kind::NotUniform, &c.sites[i.t as usize], None, ids, 1);
            }
            watch.barrier(i.offset & 1 != 0, i.offset & 2 != 0);
        });
    }
}

/// A subgroup operation: all or no invocations of a subgroup reach it.
pub struct WatchSubgroup;
impl Straight for WatchSubgroup {
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        if c.full || !c.any {
            return;
        }
        let found = missing(c, c.subgroup);
        with_watch(c, |c, watch| {
            if let Some((present, absent)) = found {
                let ids = vec![watch.id(present), watch.id(absent)];
                watch.report(Kind::NotUniform, &c.sites[i.t as usize], None, ids, 1);
            }
        });
    }
}

/// An active lane and one that exists and is not active, in the same group of so many lanes.
fn missing(c: &Context<'_>, size: usize) -> Option<(u32, u32)> {
    let lane = |file: Lane<'_>, j: usize| file[j / LANES].get().0[j % LANES] != 0;
    let lanes = c.lines() * LANES;
    (0..lanes.div_ceil(size)).find_map(|g| {
        let group = || g * size..((g + 1) * size).min(lanes);
        let present = group().find(|j| lane(c.mask(), *j))?;
        let absent = group().find(|j| lane(c.exist(), *j) && !lane(c.mask(), *j))?;
        Some((present as u32, absent as u32))
    })
}

/// The first active lane where a line of flags is set, and how many there are.
#[inline(never)]
fn flagged(c: &Context<'_>, flags: impl Fn(usize) -> Words) -> Option<(usize, u64)> {
    if !c.any {
        return None;
    }
    let (mut first, mut count) = (None, 0);
    for k in 0..c.lines() {
        let (f, m) = (flags(k), c.mask()[k].get().0);
        let mut both = [0; LANES];
        for j in 0..LANES {
            both[j] = f[j] & m[j];
        }
        if any(&both) {
            first = first.or_else(|| both.iter().position(|b| *b != 0).map(|j| k * LANES + j));
            count += both.iter().filter(|b| **b != 0).count() as u64;
        }
    }
    first.map(|lane| (lane, count))
}

/// Reports `kind` for the flagged lanes.
fn tell(
    c: &mut Context<'_>,
    i: &Ins,
    kind: Kind,
    found: Option<(usize, u64)>,
    index: impl FnOnce(usize) -> Option<i64>,
) {
    let Some((lane, count)) = found else { return };
    with_watch(c, |c, watch| {
        let ids = vec![watch.id(c.first + lane as u32)];
        watch.report(kind, &c.sites[i.t as usize], index(lane), ids, count);
    });
}

/// `s[0]` the index, `s[1]` its bound; `offset`: the index is signed.
pub struct WatchIndex;
impl Straight for WatchIndex {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let (index, bound) = (c.any_source(i, 0), c.any_source(i, 1));
        if let (Any::Lane(index), Any::Uniform(bound)) = (index, bound)
            && united(index, |w| bound.wrapping_sub(1).wrapping_sub(w) | w) & SIGN == 0
        {
            return;
        }
        // a negative index is a large one
        let found = flagged(c, |k| {
            let (x, n) = (index.line(k), bound.line(k));
            std::array::from_fn(|j| u32::from(x[j] >= n[j]).wrapping_neg())
        });
        tell(c, i, Kind::OutOfBounds, found, |lane| {
            let word = index.word(lane);
            Some(if i.offset != 0 { i64::from(word.cast_signed()) } else { i64::from(word) })
        });
    }
}

/// `s[0]` the divisor.
pub struct WatchDivisor;
impl Straight for WatchDivisor {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let d = c.any_source(i, 0);
        let mut bad = 0;
        for k in 0..c.lines() {
            let line = d.line(k);
            for j in 0..LANES {
                bad |= u32::from(line[j] == 0);
            }
        }
        if bad == 0 {
            return;
        }
        let found = flagged(c, |k| d.line(k).map(|w| u32::from(w == 0).wrapping_neg()));
        tell(c, i, Kind::DivisionByZero, found, |_| None);
    }
}

/// All bits of a function of all words of a register: quick to say that nothing is wrong.
#[inline(always)]
fn united(lane: Lane<'_>, f: impl Fn(u32) -> u32) -> u32 {
    let mut bits = splat(0);
    for line in lane {
        std::hint::black_box(()); // see `math::call`: without it the compiler gathers
        let line = line.get().0;
        for j in 0..LANES {
            bits[j] |= f(line[j]);
        }
    }
    bits.iter().fold(0, |all, b| all | b)
}

/// The lowest bit of a number's exponent; an exponent of all ones and this one carry into the sign.
const LOWEST: u32 = 1 << 23;
/// The sign of a number.
const SIGN: u32 = 1 << 31;
/// All ones in a number that is not finite.
const EXPONENT: u32 = 0x7f80_0000;

/// All ones where a number is not finite.
fn infinite(w: u32) -> u32 {
    u32::from(w & EXPONENT == EXPONENT).wrapping_neg()
}

/// `d[0]` the result (bit 4 of `uniform`), `s[0..offset]` what it was made of.
pub struct WatchFinite;
impl Straight for WatchFinite {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let d = c.either(i.d[0], i.uniform >> 4 & 1 != 0);
        let fine = match d {
            Any::Lane(lane) => united(lane, |w| (w & !SIGN) + LOWEST) & SIGN == 0,
            Any::Uniform(word) => word & EXPONENT != EXPONENT,
        };
        if fine {
            return;
        }
        let found = flagged(c, |k| {
            let mut flags = d.line(k).map(infinite);
            for n in 0..i.offset as usize {
                let s = c.any_source(i, n).line(k);
                for j in 0..LANES {
                    flags[j] &= !infinite(s[j]);
                }
            }
            flags
        });
        tell(c, i, Kind::NotFinite, found, |_| None);
    }
}

/// `d[0]`: a register that remembers where another one was written; it is set where the mask is (`offset` 1) or cleared (0).
pub struct WatchMark;
impl Straight for WatchMark {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let value = splat(i.offset.wrapping_neg());
        for (d, m) in c.lane(i.d[0]).iter().zip(c.mask()) {
            d.set(Line(blend(&m.get().0, &value, &d.get().0)));
        }
    }
}

/// `s[0]`: a register that remembers where another one was written.
pub struct WatchWritten;
impl Straight for WatchWritten {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins) {
        let written = c.lane(i.s[0]);
        let found = flagged(c, |k| written[k].get().0.map(|w| !w));
        tell(c, i, Kind::Uninitialised, found, |_| None);
    }
}
