//! The machine: runs a tape over the invocations of a dispatch.
//!
//! A tape is assembled once into flat code: one instruction after the other, each with a pointer to code that was compiled for its function, the
//! kinds of its operands and the processor's instruction set (`select`, `simd`), and that loops over all lanes of a block. A block is
//! a workgroup, or several, or part of one (`grid`). Threads take blocks from a counter (`threads`); what a thread needs to run a block
//! (`state`) is kept from one dispatch to the next.
#![expect(clippy::needless_range_loop, reason = "loops over lanes and components walk several arrays in step")]
mod access;
mod arith;
mod assemble;
mod atomic;
mod context;
mod flow;
mod fuse;
mod grid;
mod group;
mod inspect;
mod line;
mod memory;
mod native;
mod operands;
mod select;
mod shadow;
mod shape;
mod simd;
mod state;
#[cfg(test)]
mod tests;
mod threads;
mod tile;
mod watch;

use super::sanitize::Kind;
use super::tape::{At, Memory, Tape};
pub use assemble::How;
use assemble::{Code, Stretch};
use grid::{Grid, Plan};
pub use memory::Span;
pub use simd::Isa;
use state::{Job, State};
use std::sync::{Mutex, OnceLock};
pub use threads::Threads;
pub use watch::Report;
use watch::Watch;

/// Something that the sanitizer saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub at: At,
    /// The variable, if it is about one.
    pub mem: Option<u16>,
    /// The rest.
    pub report: Report,
}

/// A tape, ready to run.
pub struct Machine {
    tape: Tape,
    how: How,
    code: Code,
    /// The same with runs of multiply-adds put together; made when the first dispatch shows how addresses lie.
    quick: OnceLock<Option<Code>>,
    plan: Plan,
    /// States of threads that do not run now.
    idle: Mutex<Vec<State>>,
    /// What the sanitizer knows, if it looks.
    watch: Option<Mutex<Watch>>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({} instructions, {:?})", self.code.ins.len(), self.code.files)
    }
}

impl Machine {
    /// Assembles a tape in this way.
    ///
    /// # Errors
    /// Where the tape breaks its own rules.
    pub fn new(tape: Tape, how: How) -> Result<Self, String> {
        if tape.subgroup == 0 || tape.subgroup as usize > group::MAX_LANES {
            return Err(format!("subgroups of {} lanes; 1 to {} are possible", tape.subgroup, group::MAX_LANES));
        }
        let plan = Plan::new(&tape);
        let code = assemble::assemble(&tape, how, plan.stride(), &[])?;
        let watch = how.checks.any().then(|| Mutex::new(inspect::watch(&tape, how.checks)));
        Ok(Self { tape, how, code, quick: OnceLock::new(), plan, idle: Mutex::new(vec![]), watch })
    }

    /// The bindings, by group and number, in the order in which `run` takes their memory.
    pub fn bindings(&self) -> impl Iterator<Item = (u32, u32)> {
        self.tape.memory.iter().filter_map(|m| match m {
            Memory::Binding { group, binding, .. } => Some((*group, *binding)),
            _ => None,
        })
    }

    /// Runs so many workgroups; gives what the sanitizer saw.
    ///
    /// # Panics
    /// Where `memory` is not one span for each binding.
    pub fn run(&self, threads: &Threads, memory: &[Span], immediates: &[u32], groups: [u32; 3]) -> Vec<Seen> {
        assert_eq!(memory.len(), self.bindings().count(), "bug: one span for each binding");
        let grid = Grid::new(&self.plan, groups);
        if grid.n_blocks() == 0 {
            return vec![];
        }
        if let Some(watch) = &self.watch {
            return self.watched(watch, &grid, memory, immediates);
        }
        let quick = self.quick.get_or_init(|| self.quick(&grid, memory, immediates)).as_ref();
        let code = quick.filter(|_| !self.overlap(memory)).unwrap_or(&self.code);
        threads.share(grid.n_blocks(), |next| {
            let Some(mut run) = next() else { return };
            let idle = self.idle().pop();
            let mut state = idle.unwrap_or_else(|| State::new(&self.tape, &self.code));
            let job = Job { tape: &self.tape, code, grid: &grid, bindings: memory, immediates };
            state.run(&job, &mut || {
                while run.is_empty() {
                    run = next()?;
                }
                run.next()
            });
            self.idle().push(state);
        });
        vec![]
    }

    /// Runs the blocks in the caller's thread under the eyes of the sanitizer.
    fn watched(&self, watch: &Mutex<Watch>, grid: &Grid, memory: &[Span], immediates: &[u32]) -> Vec<Seen> {
        let mut watch = watch.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut state = self.idle().pop().unwrap_or_else(|| State::new(&self.tape, &self.code));
        let quick = self.quick.get_or_init(|| self.quick(grid, memory, immediates)).as_ref();
        let code = quick.filter(|_| !self.overlap(memory)).unwrap_or(&self.code);
        let job = Job { tape: &self.tape, code, grid, bindings: memory, immediates };
        state.watch(&job, &mut watch);
        self.idle().push(state);
        let mut seen: Vec<Seen> =
            watch.reports.drain().map(|((kind, at, mem), report)| Seen { kind, at, mem, report }).collect();
        seen.sort_by_key(|s| (s.at.0, s.kind));
        seen
    }

    /// The tape that it runs.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Does a binding that is written share bytes with another? Stretches that are put together take it that none does.
    fn overlap(&self, memory: &[Span]) -> bool {
        let bindings = self.tape.memory.iter().filter_map(|m| match m {
            Memory::Binding { writable, .. } => Some(*writable),
            _ => None,
        });
        let bound: Vec<_> = bindings.zip(memory).collect();
        bound
            .iter()
            .enumerate()
            .any(|(n, (writes, span))| bound[..n].iter().any(|(too, other)| (*writes || *too) && span.meets(other)))
    }

    /// The code with runs of multiply-adds put together, if there are any.
    fn quick(&self, grid: &Grid, memory: &[Span], immediates: &[u32]) -> Option<Code> {
        let mut state = State::new(&self.tape, &self.code);
        let shapes = state.shapes(&Job { tape: &self.tape, code: &self.code, grid, bindings: memory, immediates });
        let native = self.how.native && self.how.isa.min(Isa::best()) == Isa::Avx512;
        let regions = if native { native::regions(&self.tape, &shapes, self.how.checks) } else { vec![] };
        let mut found: Vec<Stretch> = regions.into_iter().map(Stretch::Native).collect();
        let runs = if self.how.checks.any() { vec![] } else { fuse::runs(&self.tape, &shapes) };
        for run in runs {
            let apart = |s: &Stretch| s.range().1 <= run.start || s.range().0 >= run.end;
            if found.iter().all(apart) {
                found.push(Stretch::Tiles(run));
            }
        }
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(Stretch::range);
        assemble::assemble(&self.tape, self.how, self.plan.stride(), &found).ok()
    }

    /// The idle states; a thread that panicked left none behind.
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<State>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
