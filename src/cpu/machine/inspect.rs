//! Where the sanitizer's instructions stand: before the operations that they look at.
use super::super::sanitize::Checks;
use super::super::tape::{Addr, At, Bound, Cell, EXIST, Memory, Op, Reg, Tape};
use super::assemble::{Assembler, Done};
use super::context::Ins;
use super::operands::{Touch, visit};
use super::shadow::{Local, Shared};
use super::watch::{
    ALIKE, Shadow, Site, Watch, WatchAccess, WatchAtomic, WatchBarrier, WatchDivisor, WatchFinite, WatchIndex,
    WatchMark, WatchSubgroup, WatchWritten,
};
use std::collections::HashMap;

/// Lane registers of the machine's own that remember where another register was written.
pub struct Marks(HashMap<Reg, u32>);

impl Marks {
    /// Of a tape: one for each register of function memory.
    pub fn new(tape: &Tape, checks: Checks) -> Self {
        let mut marks = HashMap::new();
        if checks.uninitialised {
            for op in tape.prologue.iter().chain(&tape.body) {
                if let Op::Forget { first, count } = op {
                    for n in 0..*count {
                        let next = tape.n_lane + marks.len() as u32;
                        marks.entry(Reg(first.0 + n)).or_insert(next);
                    }
                }
            }
        }
        Self(marks)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is a register remembered that an operation touches, or forgets?
    pub fn meets(&self, op: &Op) -> bool {
        let mut meets = matches!(op, Op::Forget { .. }) && self.len() > 0;
        visit(op, &mut |r, _| meets |= self.0.contains_key(&r));
        meets
    }
}

/// Bytes of the smallest cells of a variable that the tape accesses.
fn unit(tape: &Tape, mem: usize) -> u32 {
    let half = tape.prologue.iter().chain(&tape.body).any(|op| {
        matches!(op, Op::Load { addr, cell, .. } | Op::Store { addr, cell, .. } if usize::from(addr.mem.0) == mem && *cell != Cell::Word)
    });
    if half { 2 } else { 4 }
}

/// Does the sanitizer remember who accesses this variable? Then bytes of a unit.
pub fn shadowed(tape: &Tape, checks: Checks, mem: u16) -> Option<u32> {
    let has_shadow = match tape.memory.get(usize::from(mem)) {
        Some(Memory::Workgroup { .. }) => checks.races || checks.uninitialised,
        Some(Memory::Binding { writable, .. }) => checks.races && *writable,
        _ => false,
    };
    has_shadow.then(|| unit(tape, usize::from(mem)))
}

/// What the sanitizer knows before the first dispatch.
pub fn watch(tape: &Tape, checks: Checks) -> Watch {
    let shadow = |(n, memory): (usize, &Memory)| match (shadowed(tape, checks, n as u16), memory) {
        (Some(unit), Memory::Workgroup { bytes, .. }) => Shadow::Local(Local::new(*bytes, unit)),
        (Some(unit), _) => Shadow::Shared(Shared::new(unit)),
        (None, _) => Shadow::None,
    };
    Watch::new(checks, tape.memory.iter().enumerate().map(shadow).collect())
}

impl Assembler<'_> {
    /// An operation, with what the sanitizer looks at before it and remembers after it.
    pub fn watched(&mut self, op: &Op) -> Done {
        if !self.checks.any() {
            return self.op(op);
        }
        self.look(op)?;
        self.op(op)?;
        self.remember(op);
        Ok(())
    }

    /// Where a place is noted.
    fn site(&mut self, at: At, mem: Option<u16>, units: u32) -> u32 {
        self.sites.push(Site { at, mem, units });
        self.sites.len() as u32 - 1
    }

    fn look(&mut self, op: &Op) -> Done {
        match op {
            Op::Load { d, addr, cell, at } => self.look_at::<false>(addr, *cell, d.len(), *at, false),
            Op::Store { s, addr, cell, at } => {
                self.look_at::<true>(addr, *cell, s.len(), *at, s.iter().all(|r| r.is_uniform()))
            }
            Op::Atomic { addr, at, .. } => self.look_atomic(addr, 4, *at),
            Op::AtomicWide { addr, at, .. } => self.look_atomic(addr, 8, *at),
            Op::Barrier { storage, workgroup, at } => {
                let mut i = self.blank::<WatchBarrier>();
                i.offset = u32::from(*storage) | u32::from(*workgroup) << 1;
                self.push_site(i, *at, None);
                Ok(())
            }
            Op::Ballot { at, .. } | Op::Collect { at, .. } | Op::Gather { at, .. } if self.checks.uniformity => {
                let i = self.blank::<WatchSubgroup>();
                self.push_site(i, *at, None);
                Ok(())
            }
            Op::CheckIndex { index, bound, signed, mem, at } => {
                self.look_index(*index, *bound, *signed, mem.map(|m| m.0), *at)
            }
            Op::CheckDivisor { d, at } => {
                let mut i = self.blank::<WatchDivisor>();
                self.source(&mut i, 0, *d)?;
                self.push_site(i, *at, None);
                Ok(())
            }
            Op::CheckFinite { d, s, at } => self.look_finite(*d, s, *at),
            Op::CheckWritten { s, at } => {
                let Some(mark) = self.marks.0.get(s).copied() else { return Ok(()) };
                let mut i = self.blank::<WatchWritten>();
                i.s[0] = mark * self.stride as u32;
                self.push_site(i, *at, None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The instruction that looks at an operation whose operands, and the address of which, are lane registers. It stands nowhere.
    pub fn look_alone(&mut self, op: &Op) -> Option<Ins> {
        let (mut op, n) = (op.clone(), self.ins.len());
        if let Op::Load { addr, .. } | Op::Store { addr, .. } = &mut op {
            *addr = Addr { lane: Some(EXIST), uniform: None, offset: 0, shape: None, ..*addr };
        }
        self.look(&op).ok()?;
        let i = self.ins[n..].last().copied();
        self.ins.truncate(n);
        i
    }

    fn push_site(&mut self, mut i: Ins, at: At, mem: Option<u16>) {
        i.t = self.site(at, mem, 1);
        self.ins.push(i);
    }

    fn look_at<const WRITE: bool>(&mut self, addr: &Addr, cell: Cell, n: usize, at: At, alike: bool) -> Done {
        let Some(unit) = shadowed(self.tape, self.checks, addr.mem.0) else { return Ok(()) };
        let bytes = if cell == Cell::Word { 4 } else { 2 };
        let run = match n as u32 * bytes / unit {
            1 => self.isa.code::<WatchAccess<WRITE, 1>>(),
            2 => self.isa.code::<WatchAccess<WRITE, 2>>(),
            3 => self.isa.code::<WatchAccess<WRITE, 3>>(),
            4 => self.isa.code::<WatchAccess<WRITE, 4>>(),
            6 => self.isa.code::<WatchAccess<WRITE, 6>>(),
            8 => self.isa.code::<WatchAccess<WRITE, 8>>(),
            n => return Err(format!("bug: an access of {n} units")),
        };
        let mut i = self.with(run);
        self.address(&mut i, addr)?;
        i.uniform |= u32::from(alike) * ALIKE;
        self.push_site(i, at, Some(addr.mem.0));
        Ok(())
    }

    fn look_atomic(&mut self, addr: &Addr, bytes: u32, at: At) -> Done {
        if !self.checks.uninitialised {
            return Ok(());
        }
        let mut i = self.blank::<WatchAtomic>();
        self.address(&mut i, addr)?;
        i.t = self.site(at, Some(addr.mem.0), bytes / unit(self.tape, usize::from(addr.mem.0)));
        self.ins.push(i);
        Ok(())
    }

    fn look_index(&mut self, index: Reg, bound: Bound, signed: bool, mem: Option<u16>, at: At) -> Done {
        let mut i = self.blank::<WatchIndex>();
        self.source(&mut i, 0, index)?;
        match bound {
            Bound::Reg(r) => self.source(&mut i, 1, r)?,
            Bound::Const(n) => {
                i.s[1] = self.passing(0).ix() as u32;
                let mut set = self.blank::<super::flow::SetUniform>();
                (set.d[0], set.t) = (i.s[1], n);
                self.ins.push(set);
            }
        }
        i.offset = u32::from(signed);
        self.push_site(i, at, mem);
        Ok(())
    }

    fn look_finite(&mut self, d: Reg, s: &[Reg], at: At) -> Done {
        let mut i = self.blank::<WatchFinite>();
        i.d[0] = self.place(d)?;
        i.uniform |= u32::from(d.is_uniform()) << 4;
        i.offset = s.len().min(4) as u32;
        for (n, r) in s.iter().take(4).enumerate() {
            self.source(&mut i, n, *r)?;
        }
        self.push_site(i, at, None);
        Ok(())
    }

    /// Notes which registers of function memory are written now, or forgotten.
    fn remember(&mut self, op: &Op) {
        if self.marks.len() == 0 {
            return;
        }
        let mut touched = vec![];
        if let Op::Forget { first, count } = op {
            touched.extend((0..*count).map(|n| (Reg(first.0 + n), 0)));
        }
        visit(op, &mut |r, touch| {
            if touch != Touch::Read {
                touched.push((r, 1));
            }
        });
        for (r, value) in touched {
            if let Some(mark) = self.marks.0.get(&r).copied() {
                let mut i = self.blank::<WatchMark>();
                (i.d[0], i.offset) = (mark * self.stride as u32, value);
                self.ins.push(i);
            }
        }
    }
}
