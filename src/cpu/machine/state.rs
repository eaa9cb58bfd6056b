//! What a thread needs to run blocks: the register files, workgroup memory, the pattern of the built-in values.
#![expect(
    unsafe_code,
    reason = "instructions are called through pointers to code compiled for the processor's instruction set"
)]
use super::super::tape::{Memory, Op, Tape};
use super::assemble::Code;
use super::context::{Context, Ins};
use super::grid::{Grid, Pattern};
use super::line::Line;
use super::memory::{Mem, Span};
use super::shape::Shape;
use super::watch::Watch;
use std::cell::Cell;

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub tape: &'a Tape,
    pub code: &'a Code,
    pub grid: &'a Grid,
    pub bindings: &'a [Span],
    pub immediates: &'a [u32],
}

/// One thread's state; it serves one kernel, any number of dispatches.
pub struct State {
    lanes: Vec<Line>,
    uniforms: Vec<u32>,
    workgroup: Vec<Line>,
    immediates: Vec<u32>,
    shapes: Vec<Shape>,
    pattern: Option<Pattern>,
}

/// Bytes of a workgroup variable, to the next cache line.
fn padded(bytes: u32) -> usize {
    (bytes as usize).next_multiple_of(64)
}

impl State {
    /// A state for this code.
    pub fn new(tape: &Tape, code: &Code) -> Self {
        let files = &code.files;
        let workgroup: usize =
            tape.memory.iter().map(|m| if let Memory::Workgroup { bytes, .. } = m { padded(*bytes) } else { 0 }).sum();
        let immediates =
            tape.memory.iter().map(|m| if let Memory::Immediates { bytes } = m { *bytes as usize } else { 0 }).max();
        let mut uniforms = vec![0; files.uniforms];
        for (r, word) in &tape.constants {
            uniforms[r.ix()] = *word;
        }
        Self {
            lanes: vec![Line::ZERO; files.lanes * files.stride + files.scratch],
            uniforms,
            workgroup: vec![Line::ZERO; workgroup / 64],
            immediates: vec![0; immediates.unwrap_or(0).div_ceil(4)],
            shapes: vec![Shape::UNKNOWN; files.shapes],
            pattern: None,
        }
    }

    /// Where each memory variable lies.
    fn memory(&mut self, tape: &Tape, bindings: &[Span]) -> Vec<Mem> {
        let (mut bindings, mut at) = (bindings.iter(), 0);
        let (workgroup, immediates) =
            (self.workgroup.as_mut_ptr().cast::<u8>(), self.immediates.as_mut_ptr().cast::<u8>());
        let span = |m: &Memory| match m {
            Memory::Binding { .. } => *bindings.next().expect("bug: one span for each binding"),
            Memory::Workgroup { bytes, .. } => {
                at += padded(*bytes);
                // SAFETY: `new` made room for all variables one after the other; while the run lasts only instructions and
                // `Mem::clear`, between two blocks, touch it.
                unsafe { Span::new(workgroup.add(at - padded(*bytes)), *bytes as usize) }
            }
            // SAFETY: `new` made room for so many bytes, and nothing else touches them while the run lasts.
            Memory::Immediates { bytes } => unsafe { Span::new(immediates, *bytes as usize) },
        };
        tape.memory.iter().map(span).map(Mem::of).collect()
    }

    /// Runs the blocks that `next` names.
    pub fn run(&mut self, job: &Job<'_>, next: &mut dyn FnMut() -> Option<u64>) {
        self.with(job, None, |c, pattern, zeroed| {
            while let Some(block) = next() {
                zeroed.iter().for_each(|m| m.clear());
                begin(job, pattern, c, job.grid.origin(block));
                execute(c, &job.code.ins);
            }
        });
    }

    /// Runs all blocks, one after the other, and looks at what they do.
    pub fn watch(&mut self, job: &Job<'_>, watch: &mut Watch) {
        let (shuffle, grid) = (watch.checks.shuffle, job.grid);
        self.with(job, Some(watch), |c, pattern, zeroed| {
            // an odd or even number that is not zero, by the seed
            c.shuffle = shuffle.map_or(0, |seed| (seed.wrapping_mul(0x9e37_79b9) >> 1) | 1 << 31);
            let bytes: Vec<u32> = (0..job.tape.memory.len()).map(|n| c.memory(n as u16).bytes()).collect();
            if let Some(watch) = &mut c.watch {
                watch.dispatch(grid, &bytes);
            }
            for block in 0..grid.n_blocks() {
                let origin = grid.origin(super::grid::shuffled(block, grid.n_blocks(), shuffle));
                zeroed.iter().for_each(|m| m.clear());
                begin(job, pattern, c, origin);
                if let Some(watch) = &mut c.watch {
                    watch.begin(origin);
                }
                execute(c, &job.code.ins);
            }
        });
    }

    /// How the addresses of each slot lie in the first block.
    pub fn shapes(&mut self, job: &Job<'_>) -> Vec<Shape> {
        let mut shapes = vec![Shape::OTHER; usize::from(job.tape.n_shapes)];
        self.with(job, None, |c, pattern, _| {
            begin(job, pattern, c, job.grid.origin(0));
            execute(c, &job.code.ins[..job.code.prologue]);
            for op in &job.tape.body {
                let (Op::Load { addr, .. } | Op::Store { addr, .. }) = op else { continue };
                if let (Some(slot), Some(lane)) = (addr.shape, addr.lane) {
                    shapes[usize::from(slot)] = Shape::of(c.lane((lane.ix() * c.stride()) as u32));
                }
            }
        });
        shapes
    }

    /// Makes a context of the state.
    fn with(
        &mut self,
        job: &Job<'_>,
        watch: Option<&mut Watch>,
        work: impl FnOnce(&mut Context<'_>, &Pattern, &[Mem]),
    ) {
        let Job { tape, code, grid, bindings, immediates } = *job;
        let n = self.immediates.len().min(immediates.len());
        self.immediates[..n].copy_from_slice(&immediates[..n]);
        let pattern = self.pattern.take().filter(|p| p.is_of(grid)).unwrap_or_else(|| Pattern::new(grid));
        let memory = self.memory(tape, bindings);
        let is_workgroup = |m: &Memory| tape.zero_workgroup && matches!(m, Memory::Workgroup { .. });
        let zeroed: Vec<Mem> =
            tape.memory.iter().zip(&memory).filter(|(m, _)| is_workgroup(m)).map(|(_, m)| *m).collect();
        let needed = code.files.lanes * code.files.stride + code.files.scratch;
        self.lanes.resize(needed.max(self.lanes.len()), Line::ZERO);
        let lanes = Cell::from_mut(self.lanes.as_mut_slice()).as_slice_of_cells();
        let uniforms = Cell::from_mut(self.uniforms.as_mut_slice()).as_slice_of_cells();
        let shapes = Cell::from_mut(self.shapes.as_mut_slice()).as_slice_of_cells();
        let mut c = Context::new(&code.files, lanes, uniforms, &memory, shapes, &code.tiles);
        c.subgroup = tape.subgroup as usize;
        c.sites = &code.sites;
        c.native = Some(&code.native);
        c.watch = watch;
        work(&mut c, &pattern, &zeroed);
        self.pattern = Some(pattern);
    }
}

/// Writes the mask and the built-in values of a block.
fn begin(job: &Job<'_>, pattern: &Pattern, c: &mut Context<'_>, origin: [u32; 3]) {
    let Job { tape, grid, .. } = *job;
    c.set_lines(grid.lines(origin));
    for (k, (m, e)) in c.mask().iter().zip(c.exist()).enumerate() {
        let line = Line(pattern.exist(grid, origin, k));
        m.set(line);
        e.set(line);
    }
    c.refresh();
    c.forget_shapes();
    for (builtin, r) in &tape.builtins {
        if r.is_uniform() {
            let word = pattern.value(grid, *builtin, origin, tape.subgroup, 0)[0];
            c.uniform(r.ix() as u32).set(word);
            continue;
        }
        for (k, d) in c.lane((r.ix() * c.stride()) as u32).iter().enumerate() {
            d.set(Line(pattern.value(grid, *builtin, origin, tape.subgroup, k)));
        }
    }
}

/// Runs the code from its beginning to its end.
fn execute(c: &mut Context<'_>, code: &[Ins]) {
    let mut pc = 0;
    while let Some(i) = code.get(pc) {
        // SAFETY: the assembler took the code from `Isa::code`, which gives none that this processor cannot run.
        pc = unsafe { (i.run)(c, i, pc) };
    }
}
