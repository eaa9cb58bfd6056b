//! Finds stretches of a tape that one function of machine code can do line by line, and writes them down as values.
//!
//! The tape runs each operation over all lines before the next; a region runs all operations over one line before the next line. Both
//! give the same where lines do not meet: every operation is on lanes, and what is stored is loaded (or stored again) in the region only
//! through the same address, at offsets that do not let a later line see an earlier one differently (`Access::meets`). Uniform operations
//! among them are moved before the region. A jump over what no lane executes is left out: what dead lanes compute is never seen.
use super::super::super::sanitize::Checks;
use super::super::super::tape::{Addr, Cell, Label, MASK, Op, Reg, Tape};
use super::super::inspect::{Marks, shadowed};
use super::super::operands::{Live, Touch, visit};
use super::super::shape::Shape;
use super::step::{Access, Lie, Operand, Region, Step, Value};
use std::collections::{HashMap, HashSet};

/// Fewer operations are not worth a call.
const WORTH: usize = 2;
/// A region has no more operations than this.
const MOST: usize = 4096;
/// A region accesses no more memory variables and slots of addresses.
pub const MEMORIES: usize = 6;
/// A result and four operands: more the sanitizer does not look at.
const MOST_LOOKED_AT: usize = 5;
/// Operations that are done though no lane may execute them.
const SKIPPED: usize = 48;

/// The regions of a tape's body; `shapes`: how the addresses of each slot lie.
pub fn regions(tape: &Tape, shapes: &[Shape], checks: Checks) -> Vec<Region> {
    let marks = Marks::new(tape, checks);
    let (live, mut found, mut at) = (Live::new(tape), vec![], 0);
    let mut jumps: HashMap<Label, usize> = HashMap::new();
    for op in &tape.body {
        if let Op::Jump(l) | Op::JumpZero(_, l) | Op::JumpNonzero(_, l) | Op::JumpNone(l) | Op::JumpAny(l) = op {
            *jumps.entry(*l).or_default() += 1;
        }
    }
    while at < tape.body.len() {
        let mut limit = tape.body.len().min(at + MOST);
        let finder = loop {
            let mut finder = Finder::new(tape, shapes, (checks, &marks), &jumps, at);
            while finder.region.end < limit && finder.take(&tape.body[finder.region.end]).is_some() {
                finder.region.end += 1;
            }
            match finder.open.values().map(|(first, _)| *first).min() {
                Some(first) => limit = first,
                None => break finder,
            }
        };
        let next = finder.region.end.max(at + 1);
        if let Some(region) = finder.finish(&live) {
            found.push(region);
        }
        at = next;
    }
    found
}

/// A region in the making.
struct Finder<'t> {
    tape: &'t Tape,
    shapes: &'t [Shape],
    /// What the sanitizer looks for, and what it remembers of registers.
    checks: Checks,
    marks: &'t Marks,
    jumps: &'t HashMap<Label, usize>,
    region: Region,
    /// What each lane register holds.
    now: HashMap<Reg, Operand>,
    /// Values of registers from before the region.
    before: HashMap<Reg, Value>,
    /// Uniform registers that lanes have read.
    read: HashSet<Reg>,
    /// Labels that were jumped to and are still to come: the first jump, and how many there were.
    open: HashMap<Label, (usize, usize)>,
}

impl<'t> Finder<'t> {
    fn new(
        tape: &'t Tape,
        shapes: &'t [Shape],
        (checks, marks): (Checks, &'t Marks),
        jumps: &'t HashMap<Label, usize>,
        start: usize,
    ) -> Self {
        let region = Region { start, end: start, ..Region::default() };
        Self {
            tape,
            shapes,
            checks,
            marks,
            jumps,
            region,
            now: HashMap::new(),
            before: HashMap::new(),
            read: HashSet::new(),
            open: HashMap::new(),
        }
    }

    /// Takes the operation, if it fits.
    fn take(&mut self, op: &Op) -> Option<()> {
        if self.marks.meets(op) {
            return None;
        }
        match op {
            // what comes after it is another time to the sanitizer
            Op::Barrier { .. } => return (!self.checks.any()).then_some(()),
            Op::CheckIndex { .. } | Op::CheckDivisor { .. } | Op::CheckFinite { .. } => {
                self.look(op);
                return Some(());
            }
            Op::JumpNone(l) => return self.skip(*l),
            Op::Label(l) => return self.label(*l),
            Op::SetMask(s) => {
                self.set_mask(*s);
                return Some(());
            }
            _ => {}
        }
        let mut uniform = true;
        visit(op, &mut |r, _| uniform &= r.is_uniform());
        if uniform {
            return self.head(op);
        }
        match op {
            Op::Un(_, d, s) => self.compute(&[*d], &[*s]),
            Op::Bin(_, d, s) => self.compute(&[*d], s),
            Op::Ter(_, d, s) => self.compute(&[*d], s),
            Op::Qua(_, d, s) => self.compute(&[*d], s),
            Op::WideUn(_, d, s) => self.compute(d, s),
            Op::WideBin(_, d, s) => self.compute(d, s.as_flattened()),
            Op::WideCmp(_, d, s) => self.compute(&[*d], s.as_flattened()),
            Op::WideFrom(_, d, s) => self.compute(d, &[*s]),
            Op::WideInto(_, d, s) => self.compute(&[*d], s),
            Op::Copy(d, s) => {
                let s = self.operand(*s);
                self.now.insert(*d, s);
                Some(())
            }
            Op::Mov(d, s) => {
                let (mask, yes, no) = (self.operand(MASK), self.operand(*s), self.operand(*d));
                let value = self.write(*d);
                self.region.steps.push(Step::Blend { d: value, mask, yes, no });
                Some(())
            }
            Op::Load { d, addr, cell: Cell::Word, .. } => {
                let (access, at) = self.access(addr, d.len(), false)?;
                self.touch(access, at)?;
                let d = d.iter().map(|r| self.write(*r)).collect();
                self.region.steps.push(Step::Load { d, access, at });
                Some(())
            }
            Op::Store { s, addr, cell: Cell::Word, .. } => {
                let (access, at) = self.access(addr, s.len(), true)?;
                self.touch(access, at)?;
                let (s, mask) = (s.iter().map(|r| self.operand(*r)).collect(), self.operand(MASK));
                self.region.steps.push(Step::Store { s, access, at, mask });
                Some(())
            }
            _ => None,
        }
    }

    /// The mask is another one from now on.
    fn set_mask(&mut self, s: Reg) {
        let s = self.operand(s);
        self.now.insert(MASK, s);
        self.region.masks = true;
    }

    /// The sanitizer looks at values.
    fn look(&mut self, op: &Op) {
        let mut s = vec![];
        visit(op, &mut |r, _| s.push(r));
        let s = s.iter().take(MOST_LOOKED_AT).map(|r| self.operand(*r)).collect();
        let mask = self.operand(MASK);
        self.region.steps.push(Step::Look { op: self.region.end, s, mask });
    }

    /// The sanitizer looks at an access of whole words, if it remembers who accesses the variable.
    fn touch(&mut self, access: usize, at: Option<Operand>) -> Option<()> {
        match shadowed(self.tape, self.checks, self.region.accesses[access].mem) {
            None => Some(()),
            Some(4) => {
                let mask = self.operand(MASK);
                self.region.steps.push(Step::Touch { op: self.region.end, access, at, mask });
                Some(())
            }
            Some(_) => None,
        }
    }

    /// A jump over what no lane executes; if that is little, it is done all the same.
    fn skip(&mut self, to: Label) -> Option<()> {
        let at = self.region.end;
        let ahead = self.tape.body[at..].iter().position(|op| *op == Op::Label(to))?;
        let last = matches!(self.tape.body.get(at + ahead + 1), Some(Op::End) | None);
        if ahead > SKIPPED && !last {
            return None;
        }
        self.open.entry(to).or_insert((at, 0)).1 += 1;
        Some(())
    }

    fn label(&mut self, label: Label) -> Option<()> {
        let (_, n) = self.open.get(&label)?;
        if self.jumps.get(&label) != Some(n) {
            return None;
        }
        self.open.remove(&label);
        Some(())
    }

    /// A uniform operation, to be done before.
    fn head(&mut self, op: &Op) -> Option<()> {
        if !(op.is_pure() || matches!(op, Op::Mov(..) | Op::Put { .. })) {
            return None;
        }
        if let Op::Load { addr, .. } = op {
            let mem = addr.mem.0;
            // the sanitizer looks at loads under the mask
            let masked = self.region.masks && shadowed(self.tape, self.checks, mem).is_some();
            if masked || self.region.accesses.iter().any(|a| a.store && a.mem == mem) {
                return None;
            }
        }
        let mut late = false;
        visit(op, &mut |r, touch| late |= touch != Touch::Read && self.read.contains(&r));
        if late {
            return None;
        }
        self.region.heads.push(self.region.end);
        Some(())
    }

    fn compute(&mut self, d: &[Reg], s: &[Reg]) -> Option<()> {
        if d.iter().any(|r| r.is_uniform()) {
            return None;
        }
        let s = s.iter().map(|r| self.operand(*r)).collect();
        let d = d.iter().map(|r| self.write(*r)).collect();
        self.region.steps.push(Step::Compute { op: self.region.end, d, s });
        Some(())
    }

    fn operand(&mut self, r: Reg) -> Operand {
        if r.is_uniform() {
            self.read.insert(r);
            return Operand::Uniform(r.ix() as u32);
        }
        let (values, before) = (&mut self.region.values, &mut self.before);
        *self.now.entry(r).or_insert_with(|| {
            values.push(Some(r));
            before.insert(r, values.len() - 1);
            Operand::Value(values.len() - 1)
        })
    }

    /// A new value of a lane register.
    fn write(&mut self, r: Reg) -> Value {
        self.region.values.push(None);
        let value = self.region.values.len() - 1;
        self.now.insert(r, Operand::Value(value));
        value
    }

    fn access(&mut self, addr: &Addr, n: usize, store: bool) -> Option<(usize, Option<Operand>)> {
        let mut at = None;
        let mut access = Access {
            mem: addr.mem.0,
            lie: Lie::Same,
            lane: None,
            uniform: addr.uniform.map(|r| r.ix() as u32),
            offset: addr.offset,
            n,
            slot: addr.shape,
            store,
        };
        if let Some(lane) = addr.lane {
            let stride = addr.shape.and_then(|slot| self.shapes[usize::from(slot)].stride());
            let held = self
                .now
                .get(&lane)
                .is_none_or(|o| matches!(o, Operand::Value(v) if self.region.values[*v] == Some(lane)));
            match stride.filter(|_| held) {
                Some(0) if !store => access.lane = Some(lane),
                Some(stride) if stride as usize == 4 * n => (access.lie, access.lane) = (Lie::Row, Some(lane)),
                _ => (access.lie, at) = (Lie::Any, Some(self.operand(lane))),
            }
        }
        let spoils = store && access.lie != Lie::Row && (access.lie == Lie::Same || n > 1);
        let mut mems: HashSet<u16> = self.region.accesses.iter().map(|a| a.mem).collect();
        mems.insert(access.mem);
        if spoils || mems.len() > MEMORIES {
            return None;
        }
        let mut rising = false;
        for before in &self.region.accesses {
            rising |= access.meets(before)?;
        }
        self.read.extend(addr.uniform);
        if let (Some(slot), Some(lane)) = (access.slot, access.lane) {
            let stride = if access.lie == Lie::Row { 4 * n as u32 } else { 0 };
            self.region.slots.entry(slot).or_insert((lane, stride, false)).2 |= rising;
        }
        self.region.accesses.push(access);
        Some((self.region.accesses.len() - 1, at))
    }

    /// The region, with what it leaves in registers, if it is worth it.
    fn finish(mut self, live: &Live) -> Option<Region> {
        if self.region.steps.len() < WORTH {
            return None;
        }
        let mut outs: Vec<(Reg, Operand)> = self
            .now
            .iter()
            .filter(|(r, o)| **o != self.before.get(r).map_or(Operand::Uniform(u32::MAX), |v| Operand::Value(*v)))
            .filter(|(r, _)| **r == MASK || live.before(self.region.end, **r))
            .map(|(r, o)| (*r, *o))
            .collect();
        outs.sort_by_key(|(r, _)| *r);
        // a value from before may be overwritten before it is written elsewhere
        for n in 0..outs.len() {
            let Operand::Value(v) = outs[n].1 else { continue };
            if self.region.values[v].is_some_and(|from| outs.iter().any(|(r, _)| *r == from)) {
                self.region.values.push(None);
                let d = self.region.values.len() - 1;
                self.region.steps.push(Step::Copy { d, s: outs[n].1 });
                outs[n].1 = Operand::Value(d);
            }
        }
        place(&mut self.region, &outs);
        Some(self.region)
    }
}

/// Puts what is written to the file after the step that makes it, or at the end where the register's old value is still read.
fn place(region: &mut Region, outs: &[(Reg, Operand)]) {
    let mut last = vec![0; region.values.len()];
    let mut made = vec![0; region.values.len()];
    for (n, step) in region.steps.iter().enumerate() {
        step.reads().for_each(|v| last[v] = n);
        step.writes().for_each(|v| made[v] = n);
    }
    let read = |r: Reg| region.values.iter().zip(&last).find(|(from, _)| **from == Some(r)).map_or(0, |(_, n)| *n);
    let mut after: HashMap<usize, Vec<Step>> = HashMap::new();
    let mut end = vec![];
    for (r, s) in outs {
        let step = Step::Out { r: *r, s: *s };
        match s {
            Operand::Value(v) if region.values[*v].is_none() && read(*r) <= made[*v] => {
                after.entry(made[*v]).or_default().push(step);
            }
            _ => end.push(step),
        }
    }
    let steps = std::mem::take(&mut region.steps);
    for (n, step) in steps.into_iter().enumerate() {
        region.steps.push(step);
        region.steps.extend(after.remove(&n).into_iter().flatten());
    }
    region.steps.extend(end);
}
