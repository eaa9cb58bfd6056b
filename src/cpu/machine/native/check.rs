//! What the sanitizer looks at, as machine code: a quick test beside the operation. Where it does not pass for a line, all registers are put
//! aside, and the plain instruction of the check looks at the line; what is reported is what the plain instruction finds.
//!
//! A value is looked at with one comparison under the mask. Entries of workgroup memory's shadow (`shadow`) are compared with the
//! present time, and brought up to it, where the lanes of a line lie side by side or read one place; all else is for the plain instruction.
use super::super::super::tape::{Bound, Memory, Op, Tape};
use super::super::context::{Context, Ins};
use super::super::line::{LANES, Line, Words, plus, splat};
use super::super::shadow::{Local, MANY};
use super::allocate::{MASKED, PART, U, V, W};
use super::encode as x;
use super::encode::{If, K0, R12, R13, R14, RAX, RCX, RDI, RDX, RSI, Rm, Target, Zmm};
use super::step::{Access, Lie, Operand};
use super::{Arguments, CALL_OPERANDS, Emitter, SAVED_LINES, SLOTS};

/// The lanes whose entry says that someone else reads too.
const OTHER: x::K = x::K(3);
/// Classes of numbers: quiet and signalling NaN, both infinities.
const NOT_FINITE: u8 = 0x99;
/// Comparisons of unsigned words.
const LESS: u8 = 1;
const DIFFERENT: u8 = 4;
const NOT_LESS: u8 = 5;

/// Where the words of a line are while a check is explained.
#[derive(Clone, Copy, Debug)]
pub enum Where {
    /// They were in this vector register.
    Register(Zmm),
    /// In a lane register of the file.
    File(usize),
    /// In a line of the scratch memory.
    Slot(usize),
    /// In a uniform register.
    Uniform(u32),
    /// They are this word.
    Word(u32),
}

/// A check as it is written: the operation that it belongs to, and where its operands are.
pub struct Written {
    op: usize,
    mask: Where,
    operands: Vec<Where>,
    /// Of an access: what is added to the address.
    base: (Option<u32>, u32),
}

/// A check of a function.
pub struct Check {
    ins: Ins,
    mask: Where,
    operands: Vec<Where>,
    base: (Option<u32>, u32),
}

impl Written {
    /// With the plain instruction, for which `handler` is asked.
    pub fn finish(self, tape: &Tape, handler: &mut dyn FnMut(&Op) -> Option<Ins>) -> Option<Check> {
        let op = &tape.body[self.op];
        let mut ins = handler(op)?;
        ins.uniform = 0;
        let operand = |n: usize| (CALL_OPERANDS + n) as u32;
        if matches!(op, Op::CheckFinite { .. }) {
            ins.d[0] = operand(0);
            (1..self.operands.len()).for_each(|n| ins.s[n - 1] = operand(n));
        } else {
            (0..self.operands.len()).for_each(|n| ins.s[n] = operand(n));
        }
        Some(Check { ins, mask: self.mask, operands: self.operands, base: self.base })
    }
}

/// What a check is explained with: the block, and one line of it.
pub struct Scene<'s, 'c> {
    pub block: &'s mut Context<'c>,
    pub line: Context<'c>,
    pub checks: &'s [Check],
}

impl Scene<'_, '_> {
    /// Sets the scene for a check that did not pass for the line that is so many from the end; gives the plain instruction, to be run on `line`.
    pub fn begin(&mut self, check: usize, left: usize) -> &Ins {
        let check = &self.checks[check];
        let k = self.block.lines() - left;
        let (files, scratch, stride) = (self.block.files(), self.block.scratch(), self.block.stride());
        let words = |at: Where| -> Words {
            match at {
                Where::Register(Zmm(r)) => scratch[SAVED_LINES + r as usize].get().0,
                Where::Slot(n) => scratch[SLOTS + n].get().0,
                Where::File(ix) => files.0[ix * stride + k].get().0,
                Where::Uniform(ix) => splat(files.1[ix as usize].get()),
                Where::Word(word) => splat(word),
            }
        };
        // mask, and the lanes that exist: to a check of one line they are the same
        (0..2).for_each(|n| scratch[n].set(Line(words(check.mask))));
        let base = check.base.0.map_or(0, |ix| files.1[ix as usize].get()).wrapping_add(check.base.1);
        for (n, at) in check.operands.iter().enumerate() {
            scratch[CALL_OPERANDS + n].set(Line(plus(&words(*at), base)));
        }
        self.line.first = (k * LANES) as u32;
        self.line.refresh();
        self.line.watch = self.block.watch.take();
        &check.ins
    }

    /// The check has been explained.
    pub fn end(&mut self) {
        self.block.watch = self.line.watch.take();
    }
}

impl Emitter<'_> {
    /// A place behind the loop where this check is explained.
    fn explained(&mut self, written: Written) -> (Target, Target) {
        let (from, back) = (self.code.target(), self.code.target());
        self.stubs.push((from, back));
        self.checks.push(written);
        (from, back)
    }

    /// The sanitizer looks at values.
    pub fn look(&mut self, tape: &Tape, op: usize, s: &[Operand], mask: Operand) {
        let k = self.mask(mask);
        match &tape.body[op] {
            Op::CheckIndex { bound, .. } => {
                let index = self.in_register(s[0]);
                let bound = match bound {
                    Bound::Const(n) => self.word(*n),
                    Bound::Reg(_) => self.operand(s[1]),
                };
                self.code.compare(x::PCMPUD, PART, index, bound, Some(NOT_LESS), k);
            }
            Op::CheckDivisor { .. } => {
                let (divisor, zero) = (self.in_register(s[0]), self.word(0));
                self.code.compare(x::PCMPD, PART, divisor, zero, Some(0), k);
            }
            _ => {
                let result = self.operand(s[0]);
                self.code.compare(x::FPCLASS, PART, Zmm(0), result, Some(NOT_FINITE), k);
            }
        }
        let operands = s.iter().map(|o| self.whereabouts(*o)).chain(match &tape.body[op] {
            Op::CheckIndex { bound: Bound::Const(n), .. } => Some(Where::Word(*n)),
            _ => None,
        });
        let written = Written { op, mask: self.whereabouts(mask), operands: operands.collect(), base: (None, 0) };
        let (from, back) = self.explained(written);
        self.code.any_set(PART, PART);
        self.code.jump_if(If::NotZero, from);
        self.code.bind(back);
    }

    /// The sanitizer looks at an access.
    pub fn touch(&mut self, tape: &Tape, op: usize, access: usize, at: Option<Operand>, mask: Operand) {
        let a = self.region.accesses[access].clone();
        self.mask(mask);
        let lane = match (a.lane, at) {
            (Some(lane), _) => Where::File(lane.ix()),
            (None, Some(at)) => self.whereabouts(at),
            (None, None) => Where::Word(0),
        };
        let mask = self.whereabouts(mask);
        let (from, back) = self.explained(Written { op, mask, operands: vec![lane], base: (a.uniform, a.offset) });
        match &tape.memory[usize::from(a.mem)] {
            Memory::Workgroup { bytes, .. } if a.lie != Lie::Any => {
                let reads = (4 * Local::reads(*bytes, 4)) as i32;
                self.address(&a);
                self.code.all_set(MASKED);
                self.code.jump_if(If::NotCarry, from);
                let row = a.lie == Lie::Row;
                self.bounds(a.mem, if row { 64 } else { 4 } * a.n as u32, from);
                let n =
                    self.mems.iter().position(|m| *m == a.mem).expect("bug: a memory variable that was not counted");
                self.code.load64(RDX, R13, Arguments::SHADOWS + 8 * n as i32);
                for part in 0..a.n {
                    if row {
                        self.entries(&a, part, reads, from);
                    } else {
                        self.entry(4 * part as i32, reads, from);
                    }
                }
            }
            _ => self.code.jump(from),
        }
        self.code.bind(back);
    }

    /// A word of the arguments, in all lanes.
    fn argument(at: i32) -> Rm {
        Rm::Spread(R13, at)
    }

    /// Units in `U` that nobody wrote in this block, or somebody in this epoch, to `PART`.
    fn unsettled(&mut self) {
        self.code.three(x::PSUBD, V, U, Self::argument(Arguments::BEGUN));
        self.code.compare(x::PCMPUD, PART, V, Self::argument(Arguments::SPAN), Some(NOT_LESS), K0);
    }

    /// Entries of sixteen units side by side.
    fn entries(&mut self, a: &Access, part: usize, reads: i32, from: Target) {
        let (written, read) = (Rm::Wide(RDX, RAX, 64 * part as i32), Rm::Wide(RDX, RAX, reads + 64 * part as i32));
        let lanes = self.line(std::array::from_fn(|u| ((part * 16 + u) / a.n) as u32));
        self.fill(W, Self::argument(Arguments::ME));
        self.code.three(x::PADDD, W, W, lanes);
        self.code.two(x::LOAD, U, written);
        if a.store {
            self.code.compare(x::PCMPUD, PART, U, Self::argument(Arguments::START), Some(NOT_LESS), K0);
            self.code.compare(x::PCMPUD, PART, U, Rm::Zmm(W), Some(DIFFERENT), PART);
            self.code.two(x::LOAD, U, read);
            self.code.compare(x::PCMPUD, OTHER, U, Self::argument(Arguments::START), Some(NOT_LESS), K0);
            self.code.compare(x::PCMPUD, OTHER, U, Rm::Zmm(W), Some(DIFFERENT), OTHER);
            self.code.any_set(PART, OTHER);
            self.code.jump_if(If::NotZero, from);
            self.code.two(x::STORE, W, written);
            return;
        }
        self.unsettled();
        self.code.compare(x::PCMPUD, PART, U, Rm::Zmm(W), Some(DIFFERENT), PART);
        self.code.any_set(PART, PART);
        self.code.jump_if(If::NotZero, from);
        self.code.two(x::LOAD, U, read);
        let (many, one) = (self.word(MANY), self.word(!MANY));
        self.code.three(x::PANDD, V, U, one);
        self.code.compare(x::PCMPUD, PART, V, Rm::Zmm(W), Some(DIFFERENT), K0);
        self.code.three_masked(x::PORD, U, U, many, PART);
        self.code.compare(x::PCMPUD, PART, U, Self::argument(Arguments::START), Some(LESS), K0);
        self.code.masked(x::MOVE, U, Rm::Zmm(W), PART);
        self.code.two(x::STORE, U, read);
    }

    /// The entry of one unit that all lanes read.
    fn entry(&mut self, disp: i32, reads: i32, from: Target) {
        self.code.two(x::BROADCAST, U, Rm::Wide(RDX, RAX, disp));
        self.unsettled();
        self.code.any_set(PART, PART);
        self.code.jump_if(If::NotZero, from);
        self.code.two(x::BROADCAST, U, Rm::Wide(RDX, RAX, reads + disp));
        self.code.compare(x::PCMPUD, PART, U, Self::argument(Arguments::START), Some(LESS), K0);
        self.code.masked(x::BROADCAST, U, Rm::Mem(R13, Arguments::ME), PART);
        let many = self.word(MANY);
        self.code.three(x::PORD, U, U, many);
        self.code.two(x::STORE_WORD, U, Rm::Wide(RDX, RAX, reads + disp));
    }

    /// What stands behind the loop: for each check its number, and the code that puts registers aside and calls.
    pub fn stubs(&mut self) {
        let stubs = std::mem::take(&mut self.stubs);
        if stubs.is_empty() {
            return;
        }
        let common = self.code.target();
        for (n, (from, back)) in stubs.into_iter().enumerate() {
            self.code.bind(from);
            self.code.set32(RAX, n as u32);
            self.code.call_near(common);
            self.code.jump(back);
        }
        self.code.bind(common);
        let saved = |r: u8| Rm::Mem(R14, 64 * (SAVED_LINES as i32 + i32::from(r)));
        (0..32).for_each(|r| self.code.two(x::STORE, Zmm(r), saved(r)));
        // an odd number of words on the stack, so that it is aligned for the call
        self.code.push(RCX);
        self.code.read_mask(RCX, MASKED);
        self.code.store32(RCX, R13, Arguments::ASIDE);
        self.code.copy64(RSI, RAX);
        self.code.copy64(RDX, R12);
        self.code.load64(RDI, R13, Arguments::SCENE);
        self.code.call(R13, Arguments::EXPLAIN);
        self.code.load32(RCX, R13, Arguments::ASIDE);
        self.code.write_mask(MASKED, RCX);
        self.code.pop(RCX);
        self.pointers();
        (0..32).for_each(|r| self.code.two(x::LOAD, Zmm(r), saved(r)));
        self.code.back();
    }
}
