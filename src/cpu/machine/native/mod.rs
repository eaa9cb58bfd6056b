//! An emitter of machine code for straight-line stretches of a tape: x86-64 with AVX-512, made when the first dispatch shows how addresses lie.
//!
//! `region` finds the stretches and writes them as values, `allocate` keeps values in vector registers, `select` and `access` choose the
//! instructions, `check` those of the sanitizer, `encode` writes their bytes, `memory` makes them executable. A function runs its operations over one line of lanes
//! after the other. The plain instructions stay behind it, for when an address does not lie as it did when the code was made.
mod access;
mod allocate;
mod check;
mod encode;
mod memory;
#[cfg(test)]
mod random;
mod region;
mod select;
mod step;
#[cfg(test)]
mod tests;

use super::super::tape::{Op, Reg, Tape};
use super::context::{Context, Files, Ins};
use super::line::Line;
use super::shadow::EPOCH_SHIFT;
use super::watch::Shadow;
use check::{Check, Scene, Written};
use encode::{Code, Gpr, If, R12, R13, R14, R15, RAX, RBP, RBX, RDI};
use memory::Memory;
use region::MEMORIES;
pub use region::regions;
use std::collections::{HashMap, HashSet};
use std::mem::offset_of;
pub use step::Region;
use step::{Operand, Step};

/// Scratch lines for the results and operands of a call, or the mask twice and the operands of a check.
const CALL_LINES: usize = CALL_OPERANDS + 5;
/// Where its operands begin.
const CALL_OPERANDS: usize = 2;
/// Where vector registers are put aside, and where lines for values begin.
const SAVED_LINES: usize = CALL_LINES;
const SLOTS: usize = SAVED_LINES + 32;
/// More limits than this a function does not have.
const LIMITS: usize = 48;

/// What a function gets.
#[repr(C)]
pub struct Arguments {
    lanes: *const u8,
    uniforms: *const u8,
    lines: usize,
    pool: *const u8,
    scratch: *const u8,
    context: *const u8,
    calls: *const Ins,
    function: *const u8,
    scene: *mut u8,
    explain: *const u8,
    /// The present time as entries of shadows: of the block, the length of what is settled, the epoch, and the epoch with the first lane of
    /// the line.
    begun: u32,
    span: u32,
    start: u32,
    me: u32,
    /// The mask, while a check is explained.
    aside: u32,
    memory: [*const u8; MEMORIES],
    shadows: [*mut u32; MEMORIES],
    limits: [i64; LIMITS],
}

impl Arguments {
    const LANES: i32 = offset_of!(Self, lanes) as i32;
    const UNIFORMS: i32 = offset_of!(Self, uniforms) as i32;
    const LINES: i32 = offset_of!(Self, lines) as i32;
    const POOL: i32 = offset_of!(Self, pool) as i32;
    const SCRATCH: i32 = offset_of!(Self, scratch) as i32;
    const CONTEXT: i32 = offset_of!(Self, context) as i32;
    const CALLS: i32 = offset_of!(Self, calls) as i32;
    const FUNCTION: i32 = offset_of!(Self, function) as i32;
    const SCENE: i32 = offset_of!(Self, scene) as i32;
    const EXPLAIN: i32 = offset_of!(Self, explain) as i32;
    const BEGUN: i32 = offset_of!(Self, begun) as i32;
    const SPAN: i32 = offset_of!(Self, span) as i32;
    const START: i32 = offset_of!(Self, start) as i32;
    const ME: i32 = offset_of!(Self, me) as i32;
    const ASIDE: i32 = offset_of!(Self, aside) as i32;
    const SHADOWS: i32 = offset_of!(Self, shadows) as i32;
    const MEMORY: i32 = offset_of!(Self, memory) as i32;
    const LIMITS: i32 = offset_of!(Self, limits) as i32;
}

/// A function, and all that it needs to run.
struct Function {
    entry: usize,
    pool: Vec<Line>,
    mems: Vec<u16>,
    /// Memory variable, bytes of an access.
    limits: Vec<(u16, u32)>,
    /// Accesses of which at least one must fit.
    elements: Vec<(u16, u32)>,
    /// Slot, place of its lane register, distance of lanes, lines follow each other.
    slots: Vec<(u16, u32, u32, bool)>,
    calls: Vec<Ins>,
    checks: Vec<Check>,
    masks: bool,
}

/// How functions are made.
#[derive(Clone, Copy)]
pub struct Manner {
    /// A multiply-add rounds once.
    pub fused: bool,
    /// Lines from one lane register to the next.
    pub stride: usize,
}

/// The functions of a kernel.
#[derive(Default)]
pub struct Native {
    functions: Vec<Function>,
    bytes: Vec<u8>,
    memory: Option<Memory>,
    /// Lines of scratch memory.
    pub scratch: usize,
}

/// Code in the making.
struct Emitter<'r> {
    region: &'r Region,
    fused: bool,
    stride: usize,
    constants: &'r HashMap<u32, u32>,
    code: Code,
    places: allocate::Places,
    step: usize,
    pool: Vec<u32>,
    words: HashMap<u32, usize>,
    lines: HashMap<[u32; 16], usize>,
    mems: Vec<u16>,
    limits: Vec<(u16, u32)>,
    elements: HashSet<(u16, u32)>,
    /// Lane and uniform part of the addresses in two general registers.
    bases: [Option<(Option<Reg>, Option<u32>)>; 2],
    older: usize,
    slow: Vec<access::Slow>,
    /// Operations done by calls; results, operands.
    calls: Vec<(Op, usize, usize)>,
    /// The sanitizer looks at something.
    looks: bool,
    checks: Vec<Written>,
    /// Where each check goes, and where it comes back.
    stubs: Vec<(encode::Target, encode::Target)>,
}

/// Registers that a function gives back as they were; an odd number with RAX, so that the stack is aligned.
const SAVED: [Gpr; 7] = [RBX, RBP, R12, R13, R14, R15, RAX];

impl Native {
    /// Adds a function for a region; `handler` gives the plain code of an operation on lane registers. None where it is too large.
    pub fn add(
        &mut self,
        tape: &Tape,
        region: &Region,
        manner: Manner,
        handler: &mut dyn FnMut(&Op) -> Option<Ins>,
    ) -> Option<u32> {
        let constants = tape.constants.iter().map(|(r, word)| (r.ix() as u32, *word)).collect();
        let mut e = Emitter {
            region,
            fused: manner.fused,
            stride: manner.stride,
            constants: &constants,
            code: Code::default(),
            places: allocate::Places::new(region),
            step: 0,
            pool: vec![],
            words: HashMap::new(),
            lines: HashMap::new(),
            mems: vec![],
            limits: vec![],
            elements: HashSet::new(),
            bases: [None; 2],
            older: 0,
            slow: vec![],
            calls: vec![],
            looks: region.steps.iter().any(|s| matches!(s, Step::Look { .. } | Step::Touch { .. })),
            checks: vec![],
            stubs: vec![],
        };
        e.function(tape);
        let reach = manner.stride as u64 * u64::from(tape.n_lane) * 64;
        if e.limits.len() > LIMITS || reach > i32::MAX as u64 {
            return None;
        }
        let mut calls = vec![];
        for (op, results, operands) in &e.calls {
            let mut i = handler(op)?;
            i.uniform = 0;
            (0..*results).for_each(|n| i.d[n] = n as u32);
            (0..*operands).for_each(|n| i.s[n] = (CALL_OPERANDS + n) as u32);
            calls.push(i);
        }
        let mut checks = vec![];
        for check in e.checks {
            checks.push(check.finish(tape, handler)?);
        }
        let slot = |(slot, (lane, stride, rising)): (&u16, &(Reg, u32, bool))| {
            (*slot, (lane.ix() * manner.stride) as u32, *stride, *rising)
        };
        self.scratch = self.scratch.max(SLOTS + e.places.slots);
        self.bytes.resize(self.bytes.len().next_multiple_of(64), 0xcc);
        self.functions.push(Function {
            entry: self.bytes.len(),
            pool: e.pool.chunks(16).map(|c| Line(std::array::from_fn(|j| c.get(j).copied().unwrap_or(0)))).collect(),
            mems: e.mems,
            limits: e.limits,
            elements: e.elements.into_iter().collect(),
            slots: region.slots.iter().map(slot).collect(),
            calls,
            checks,
            masks: region.masks,
        });
        self.bytes.extend(e.code.finish());
        Some(self.functions.len() as u32 - 1)
    }

    /// Makes the code executable; where that is not possible no function runs.
    pub fn seal(mut self) -> Self {
        self.memory = Memory::new(&std::mem::take(&mut self.bytes)).filter(|_| !self.functions.is_empty());
        self
    }

    /// Runs a function over all lines of the block, if addresses lie as it expects.
    #[inline]
    pub fn run(&self, n: u32, c: &mut Context<'_>) -> bool {
        let (Some(memory), Some(f)) = (&self.memory, self.functions.get(n as usize)) else { return false };
        let lie = |(slot, lane, stride, rising): &(u16, u32, u32, bool)| {
            let shape = c.shape(*slot, c.lane(*lane));
            shape.stride() == Some(*stride) && (!rising || shape.rises())
        };
        if c.shuffle != 0
            || !f.checks.is_empty() && c.watch.is_none()
            || !f.slots.iter().all(lie)
            || !f.elements.iter().all(|(mem, bytes)| c.memory(*mem).bytes() >= *bytes)
            || !f.mems.iter().all(|mem| i32::try_from(c.memory(*mem).bytes()).is_ok())
        {
            return false;
        }
        f.call(memory, c);
        if f.masks {
            c.refresh();
        }
        true
    }
}

impl Function {
    /// Runs it over the lines of a block.
    fn call(&self, memory: &Memory, c: &mut Context<'_>) {
        let (lanes, uniforms) = c.files();
        let scratch = c.scratch();
        let files = Files { lanes: CALL_LINES, uniforms: 0, memory: 0, shapes: 0, stride: 1, scratch: 0 };
        // what a called operation sees: its operands and results in the first scratch lines
        let mut side = Context::new(&files, scratch, &[], &[], &[], &[]);
        let mut arguments = Arguments {
            lanes: lanes.as_ptr().cast(),
            uniforms: uniforms.as_ptr().cast(),
            lines: c.lines(),
            pool: self.pool.as_ptr().cast(),
            scratch: scratch.as_ptr().cast(),
            context: (&raw mut side).cast(),
            calls: self.calls.as_ptr(),
            function: memory::plain(),
            scene: std::ptr::null_mut(),
            explain: memory::explain(),
            begun: 0,
            span: 0,
            start: 0,
            me: 0,
            aside: 0,
            shadows: [std::ptr::null_mut(); MEMORIES],
            memory: [std::ptr::null(); MEMORIES],
            limits: [0; LIMITS],
        };
        for (pointer, mem) in arguments.memory.iter_mut().zip(&self.mems) {
            *pointer = c.memory(*mem).start();
        }
        for (limit, (mem, bytes)) in arguments.limits.iter_mut().zip(&self.limits) {
            *limit = i64::from(c.memory(*mem).bytes()) - i64::from(*bytes);
        }
        self.time(c, &mut arguments);
        let mut line = Context::new(&Files { uniforms: uniforms.len(), ..files }, scratch, uniforms, &[], &[], &[]);
        line.set_lines(1);
        line.sites = c.sites;
        let lines = c.lines();
        let mut scene = Scene { block: c, line, checks: &self.checks };
        arguments.scene = (&raw mut scene).cast();
        if lines > 0 {
            memory.call(self.entry, &mut arguments);
        }
    }

    /// What checks compare the entries of shadows with.
    fn time(&self, c: &mut Context<'_>, arguments: &mut Arguments) {
        let Some(watch) = c.watch.as_mut().filter(|_| !self.checks.is_empty()) else { return };
        let now = watch.now();
        (arguments.begun, arguments.start) = (now.begun << EPOCH_SHIFT, now.epoch << EPOCH_SHIFT);
        (arguments.span, arguments.me) = (arguments.start - arguments.begun, arguments.start);
        for (pointer, mem) in arguments.shadows.iter_mut().zip(&self.mems) {
            if let Some(Shadow::Local(shadow)) = watch.shadows.get_mut(usize::from(*mem)) {
                *pointer = shadow.start();
            }
        }
    }
}

impl Emitter<'_> {
    /// The whole function.
    fn function(&mut self, tape: &Tape) {
        for access in &self.region.accesses {
            if !self.mems.contains(&access.mem) {
                self.mems.push(access.mem);
            }
        }
        SAVED.iter().for_each(|r| self.code.push(*r));
        self.code.copy64(R13, RDI);
        for (r, at) in [
            (RBX, Arguments::LANES),
            (RBP, Arguments::UNIFORMS),
            (R12, Arguments::LINES),
            (R15, Arguments::POOL),
            (R14, Arguments::SCRATCH),
        ] {
            self.code.load64(r, R13, at);
        }
        self.memories();
        let (again, done) = (self.code.target(), self.code.target());
        self.code.bind(again);
        let region = self.region;
        for (n, step) in region.steps.iter().enumerate() {
            self.begin(n);
            self.emit(tape, step);
            self.end(&step.reads().collect::<Vec<_>>());
        }
        self.code.lea64(RBX, RBX, 64);
        if self.looks {
            self.code.increase32(R13, Arguments::ME, 16);
        }
        self.code.decrement(R12);
        self.code.jump_if(If::NotZero, again);
        self.code.jump(done);
        self.slow();
        self.stubs();
        self.code.bind(done);
        SAVED.iter().rev().for_each(|r| self.code.pop(*r));
        self.code.leave();
    }

    fn emit(&mut self, tape: &Tape, step: &Step) {
        match step {
            Step::Compute { op, d, s } => self.compute(&tape.body[*op], d, s),
            Step::Blend { d, mask, yes, no } => {
                let k = self.mask(*mask);
                let (no_register, yes_rm) = (self.in_register(*no), self.operand(*yes));
                let d = self.result(*d, &[*no, *yes]);
                self.code.blend(d, no_register, yes_rm, k);
            }
            Step::Copy { d, s } => {
                let rm = self.operand(*s);
                let d = self.result(*d, &[*s]);
                if rm != encode::Rm::Zmm(d) {
                    self.fill(d, rm);
                }
            }
            Step::Load { d, access, at } => self.load(d, *access, *at),
            Step::Store { s, access, at, mask } => self.store(s, *access, *at, *mask),
            Step::Look { op, s, mask } => self.look(tape, *op, s, *mask),
            Step::Touch { op, access, at, mask } => self.touch(tape, *op, *access, *at, *mask),
            Step::Out { r, s } => self.out(r.ix(), *s),
        }
    }

    /// Is this the last step that reads the value?
    fn dies(&self, o: Operand) -> bool {
        matches!(o, Operand::Value(v) if !self.needed(v))
    }
}
