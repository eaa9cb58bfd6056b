//! Values in vector registers: the one whose next use is farthest goes to memory when a register is wanted.
use super::check::Where;
use super::encode::{BROADCAST, K, LOAD, MOVE, R14, R15, RBP, RBX, Rm, STORE, Zmm};
use super::step::{Operand, Region, Value};
use super::{Emitter, SLOTS};

/// Registers for values: zmm0 up to this one. The others are for work within a step.
const VALUES: u8 = 25;
/// For work within a step.
pub const W: Zmm = Zmm(31);
pub const U: Zmm = Zmm(30);
pub const V: Zmm = Zmm(25);
/// Operands that are not values, spread.
const SPREAD: u8 = 26;
/// The current mask.
pub const MASKED: K = K(1);
/// For work within a step.
pub const PART: K = K(2);

/// Where a value is kept besides its register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Home {
    /// A lane register of the file.
    File(usize),
    /// A line of the scratch memory.
    Slot(usize),
}

#[derive(Clone, Default, Debug)]
struct Place {
    register: Option<Zmm>,
    home: Option<Home>,
    /// Steps that read it, the last first.
    uses: Vec<usize>,
}

/// Which values are where.
pub struct Places {
    values: Vec<Place>,
    /// The value in each register.
    held: [Option<Value>; VALUES as usize],
    /// Registers that the current step needs.
    locked: u32,
    free: Vec<usize>,
    /// Scratch lines that were needed.
    pub slots: usize,
    /// The value whose mask is in `MASKED`.
    mask: Option<Operand>,
    /// Spread operands of the current step.
    spread: u8,
}

impl Places {
    /// Of a region that has not begun.
    pub fn new(region: &Region) -> Self {
        let home = |r: &Option<super::super::super::tape::Reg>| r.map(|r| Home::File(r.ix()));
        let mut values: Vec<Place> =
            region.values.iter().map(|r| Place { home: home(r), ..Place::default() }).collect();
        for (n, step) in region.steps.iter().enumerate().rev() {
            step.reads().for_each(|v| values[v].uses.push(n));
        }
        let held = [None; VALUES as usize];
        Self { values, held, locked: 0, free: vec![], slots: 0, mask: None, spread: 0 }
    }
}

impl Emitter<'_> {
    fn home(&self, home: Home) -> Rm {
        match home {
            Home::File(ix) => Rm::Mem(RBX, (ix * self.stride * 64) as i32),
            Home::Slot(n) => Rm::Mem(R14, ((SLOTS + n) * 64) as i32),
        }
    }

    /// A constant, as an operand.
    pub fn word(&mut self, word: u32) -> Rm {
        let at = *self.words.entry(word).or_insert_with(|| {
            self.pool.push(word);
            self.pool.len() - 1
        });
        Rm::Spread(R15, 4 * at as i32)
    }

    /// A line of constants, as an operand.
    pub fn line(&mut self, line: [u32; 16]) -> Rm {
        let at = *self.lines.entry(line).or_insert_with(|| {
            self.pool.resize(self.pool.len().next_multiple_of(16), 0);
            self.pool.extend(line);
            self.pool.len() - 16
        });
        Rm::Mem(R15, 4 * at as i32)
    }

    /// A value or constant to a register, whatever it was.
    pub fn fill(&mut self, d: Zmm, s: Rm) {
        match s {
            Rm::Spread(base, disp) => self.code.two(BROADCAST, d, Rm::Mem(base, disp)),
            Rm::Mem(..) => self.code.two(LOAD, d, s),
            _ => self.code.two(MOVE, d, s),
        }
    }

    /// Begins a step.
    pub fn begin(&mut self, step: usize) {
        self.step = step;
        self.places.locked = 0;
        self.places.spread = 0;
    }

    /// Ends a step: values that are not read any more leave their registers.
    pub fn end(&mut self, reads: &[Value]) {
        reads.iter().for_each(|v| self.leave_if_done(*v, self.step + 1));
        for r in 0..VALUES as usize {
            if let Some(v) = self.places.held[r] {
                self.leave_if_done(v, self.step + 1);
            }
        }
    }

    fn leave_if_done(&mut self, v: Value, step: usize) {
        let place = &mut self.places.values[v];
        while place.uses.last().is_some_and(|n| *n < step) {
            place.uses.pop();
        }
        if place.uses.is_empty() {
            if let Some(Zmm(r)) = place.register.take() {
                self.places.held[r as usize] = None;
            }
            if let Some(Home::Slot(n)) = place.home.take() {
                self.places.free.push(n);
            }
        }
    }

    /// Is the value read after this step?
    pub fn needed(&self, v: Value) -> bool {
        self.places.values[v].uses.first().is_some_and(|last| *last > self.step)
    }

    /// Sees to it that a value that is still read is in memory too.
    fn keep(&mut self, v: Value) {
        let place = &self.places.values[v];
        let (Some(r), None, true) = (place.register, place.home, !place.uses.is_empty()) else { return };
        let n = self.places.free.pop().unwrap_or_else(|| {
            self.places.slots += 1;
            self.places.slots - 1
        });
        self.places.values[v].home = Some(Home::Slot(n));
        let Rm::Mem(base, disp) = self.home(Home::Slot(n)) else { return };
        self.code.two(STORE, r, Rm::Mem(base, disp));
    }

    /// A free register, locked for this step.
    fn register(&mut self) -> Zmm {
        let held = &self.places.held;
        let free = (0..VALUES).find(|r| held[*r as usize].is_none() && self.places.locked >> r & 1 == 0);
        let r = free.unwrap_or_else(|| {
            let next = |r: &u8| {
                let v = self.places.held[*r as usize].expect("bug: a register is neither free nor held");
                let uses = &self.places.values[v].uses;
                uses.iter().rev().find(|n| **n >= self.step).copied().unwrap_or(usize::MAX)
            };
            let r = (0..VALUES).filter(|r| self.places.locked >> r & 1 == 0).max_by_key(next);
            let r = r.expect("bug: a step locks all registers");
            let v = self.places.held[r as usize].expect("bug: a register is neither free nor held");
            self.keep(v);
            self.places.values[v].register = None;
            self.places.held[r as usize] = None;
            r
        });
        self.places.locked |= 1 << r;
        Zmm(r)
    }

    /// A register for a new value. It is none that an operand of this step is in.
    pub fn new_value(&mut self, v: Value) -> Zmm {
        let r = self.register();
        self.hold(v, r);
        r
    }

    fn hold(&mut self, v: Value, r: Zmm) {
        self.places.values[v].register = Some(r);
        self.places.held[r.0 as usize] = Some(v);
    }

    /// A register for a new value, which may be that of an operand that is not read after this step: for a single instruction.
    pub fn result(&mut self, v: Value, operands: &[Operand]) -> Zmm {
        for o in operands {
            if let Operand::Value(s) = *o
                && let Some(r) = self.places.values[s].register
                && !self.needed(s)
            {
                self.places.values[s].register = None;
                self.hold(v, r);
                return r;
            }
        }
        self.new_value(v)
    }

    /// A register for a new value that holds an operand now: for instructions that change their first operand.
    pub fn result_from(&mut self, v: Value, from: Operand) -> Zmm {
        let s = self.operand(from);
        let d = self.result(v, &[from]);
        if s != Rm::Zmm(d) {
            self.fill(d, s);
        }
        d
    }

    /// An operand in a register.
    pub fn in_register(&mut self, o: Operand) -> Zmm {
        match self.operand(o) {
            Rm::Zmm(r) => r,
            rm => {
                let r = match o {
                    Operand::Value(v) => {
                        let r = self.register();
                        self.hold(v, r);
                        r
                    }
                    Operand::Uniform(_) => {
                        self.places.spread += 1;
                        Zmm(SPREAD + (self.places.spread - 1) % 4)
                    }
                };
                self.fill(r, rm);
                r
            }
        }
    }

    /// An operand in a register, or in memory if it is not read again.
    pub fn operand(&mut self, o: Operand) -> Rm {
        let v = match o {
            Operand::Uniform(ix) => return Rm::Spread(RBP, 4 * ix as i32),
            Operand::Value(v) => v,
        };
        if let Some(r) = self.places.values[v].register {
            self.places.locked |= 1 << r.0;
            return Rm::Zmm(r);
        }
        let home = self.places.values[v].home.expect("bug: a value that is nowhere");
        let rm = self.home(home);
        if !self.needed(v) {
            return rm;
        }
        let r = self.register();
        self.hold(v, r);
        self.fill(r, rm);
        Rm::Zmm(r)
    }

    /// Where an operand is now.
    pub fn whereabouts(&self, o: Operand) -> Where {
        let v = match o {
            Operand::Uniform(ix) => return Where::Uniform(ix),
            Operand::Value(v) => v,
        };
        let place = &self.places.values[v];
        match (place.register, place.home) {
            (Some(r), _) => Where::Register(r),
            (None, Some(Home::File(ix))) => Where::File(ix),
            (None, Some(Home::Slot(n))) => Where::Slot(n),
            (None, None) => panic!("bug: a value that is nowhere"),
        }
    }

    /// The mask that an operand says.
    pub fn mask(&mut self, o: Operand) -> K {
        if self.places.mask != Some(o) {
            let r = self.in_register(o);
            self.code.mask_of(MASKED, r);
            self.places.mask = Some(o);
        }
        MASKED
    }

    /// A value that needs no new register: the register of the file holds it now as well.
    pub fn out(&mut self, register: usize, s: Operand) {
        let r = match self.operand(s) {
            Rm::Zmm(r) => r,
            _ => self.in_register(s),
        };
        let Rm::Mem(base, disp) = self.home(Home::File(register)) else { return };
        self.code.two(STORE, r, Rm::Mem(base, disp));
        if let Operand::Value(v) = s
            && self.places.values[v].home.is_none()
        {
            self.places.values[v].home = Some(Home::File(register));
        }
    }

    /// Before a call, which spoils all vector registers: what is still read is in memory, and no register holds anything.
    pub fn clear(&mut self) {
        for r in 0..VALUES as usize {
            if let Some(v) = self.places.held[r].take() {
                if self.needed(v) {
                    self.keep(v);
                }
                self.places.values[v].register = None;
            }
        }
        self.places.mask = None;
        self.places.locked = 0;
    }
}
