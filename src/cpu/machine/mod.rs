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
mod line;
mod memory;
mod operands;
mod select;
mod shape;
mod simd;
mod state;
#[cfg(test)]
mod tests;
mod threads;
mod tile;

use super::tape::{Memory, Tape};
use assemble::Code;
use grid::{Grid, Plan};
pub use memory::Span;
pub use simd::Isa;
use state::State;
use std::sync::{Mutex, OnceLock};
pub use threads::Threads;

/// A tape, ready to run.
pub struct Machine {
    tape: Tape,
    isa: Isa,
    fused: bool,
    code: Code,
    /// The same with runs of multiply-adds put together; made when the first dispatch shows how addresses lie.
    quick: OnceLock<Option<Code>>,
    plan: Plan,
    /// States of threads that do not run now.
    idle: Mutex<Vec<State>>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({} instructions, {:?})", self.code.ins.len(), self.code.files)
    }
}

impl Machine {
    /// Assembles a tape; `fused`: multiply-add rounds once where the processor can.
    ///
    /// # Errors
    /// Where the tape breaks its own rules.
    pub fn new(tape: Tape, isa: Isa, fused: bool) -> Result<Self, String> {
        if tape.subgroup == 0 || tape.subgroup as usize > group::MAX_LANES {
            return Err(format!("subgroups of {} lanes; 1 to {} are possible", tape.subgroup, group::MAX_LANES));
        }
        let plan = Plan::new(&tape);
        let code = assemble::assemble(&tape, isa, fused, plan.lines(), &[])?;
        Ok(Self { tape, isa, fused, code, quick: OnceLock::new(), plan, idle: Mutex::new(vec![]) })
    }

    /// The bindings, by group and number, in the order in which `run` takes their memory.
    pub fn bindings(&self) -> impl Iterator<Item = (u32, u32)> {
        self.tape.memory.iter().filter_map(|m| match m {
            Memory::Binding { group, binding, .. } => Some((*group, *binding)),
            _ => None,
        })
    }

    /// Runs so many workgroups.
    ///
    /// # Panics
    /// Where `memory` is not one span for each binding.
    pub fn run(&self, threads: &Threads, memory: &[Span], immediates: &[u32], groups: [u32; 3]) {
        assert_eq!(memory.len(), self.bindings().count(), "bug: one span for each binding");
        let grid = Grid::new(&self.plan, groups);
        if grid.n_blocks() == 0 {
            return;
        }
        let code = self.quick.get_or_init(|| self.quick(&grid, memory, immediates)).as_ref().unwrap_or(&self.code);
        threads.share(grid.n_blocks(), |next| {
            let Some(mut run) = next() else { return };
            let idle = self.idle().pop();
            let mut state = idle.unwrap_or_else(|| State::new(&self.tape, &self.code));
            state.run(&self.tape, code, &grid, memory, immediates, &mut || {
                while run.is_empty() {
                    run = next()?;
                }
                run.next()
            });
            self.idle().push(state);
        });
    }

    /// The code with runs of multiply-adds put together, if there are any.
    fn quick(&self, grid: &Grid, memory: &[Span], immediates: &[u32]) -> Option<Code> {
        let mut state = State::new(&self.tape, &self.code);
        let shapes = state.shapes(&self.tape, &self.code, grid, memory, immediates);
        let runs = fuse::runs(&self.tape, &shapes);
        if runs.is_empty() {
            return None;
        }
        assemble::assemble(&self.tape, self.isa, self.fused, self.plan.lines(), &runs).ok()
    }

    /// The idle states; a thread that panicked left none behind.
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<State>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
