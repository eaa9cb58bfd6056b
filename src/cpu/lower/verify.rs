//! What must hold of every tape; run in tests and by whoever writes a pass.
use std::collections::{HashMap, HashSet};

use super::{
    super::tape::{EXIST, Label, MASK, Memory, Op, Reg, Tape},
    operands::{Role, visit},
};

/// Checks a tape: registers exist and are written, in straight order, before they are read; uniform registers are made of uniform ones only;
/// jumps have labels; the prologue is straight and its registers stay; addresses have their parts in the right file.
///
/// # Errors
/// The first rule that is broken, with the instruction.
pub fn verify(tape: &Tape) -> Result<(), String> {
    let mut v = Verifier { tape, written: HashSet::from([MASK, EXIST]), fixed: HashSet::new(), labels: HashMap::new() };
    v.written.extend(tape.constants.iter().map(|c| c.0));
    v.written.extend(tape.builtins.iter().map(|b| b.1));
    v.fixed = v.written.clone();
    for op in &tape.prologue {
        v.instruction(op, true).map_err(|e| format!("prologue: {op:?}: {e}"))?;
    }
    v.fixed = v.written.clone();
    for (i, op) in tape.body.iter().enumerate() {
        if let Op::Label(l) = op
            && v.labels.insert(*l, i).is_some()
        {
            return Err(format!("{i}: {l:?} stands twice"));
        }
    }
    for (i, op) in tape.body.iter().enumerate() {
        v.instruction(op, false).map_err(|e| format!("{i}: {op:?}: {e}"))?;
    }
    match tape.body.last() {
        Some(Op::End) => Ok(()),
        other => Err(format!("the body ends with {other:?}, not with End")),
    }
}

struct Verifier<'a> {
    tape: &'a Tape,
    written: HashSet<Reg>,
    /// Registers that the body must not write.
    fixed: HashSet<Reg>,
    labels: HashMap<Label, usize>,
}

impl Verifier<'_> {
    fn exists(&self, r: Reg) -> Result<(), String> {
        let n = if r.is_uniform() { self.tape.n_uniform } else { self.tape.n_lane };
        if r.ix() < n as usize { Ok(()) } else { Err(format!("{r:?} does not exist")) }
    }

    fn instruction(&mut self, op: &Op, prologue: bool) -> Result<(), String> {
        let mut reads = vec![];
        let mut writes = vec![];
        let mut groups = vec![];
        visit(op, |role, r| match role {
            Role::Read => reads.push(*r),
            Role::Write => writes.push(*r),
            Role::ReadGroup(n) | Role::WriteGroup(n) => groups.push((*r, n, matches!(role, Role::WriteGroup(_)))),
        });
        for (first, n, _) in &groups {
            self.exists(*first)?;
            self.exists(Reg(first.0 + n - 1))?;
        }
        for r in &reads {
            self.exists(*r)?;
            if !self.written.contains(r) {
                return Err(format!("{r:?} is read before it is written"));
            }
        }
        let lanes_read = reads.iter().chain(groups.iter().filter(|g| !g.2).map(|g| &g.0)).any(|r| !r.is_uniform());
        for r in &writes {
            self.exists(*r)?;
            if self.fixed.contains(r) {
                return Err(format!("{r:?} must not be written here"));
            }
            if r.is_uniform() && lanes_read {
                return Err(format!("uniform {r:?} is made of lane registers"));
            }
        }
        if writes.iter().any(|r| r.is_uniform()) && writes.iter().any(|r| !r.is_uniform()) {
            return Err("it writes both files".into());
        }
        self.rules(op, prologue)?;
        self.written.extend(writes);
        for (first, n, writes) in groups {
            if writes {
                self.written.extend((0..n).map(|i| Reg(first.0 + i)));
            }
        }
        Ok(())
    }

    fn rules(&self, op: &Op, prologue: bool) -> Result<(), String> {
        if prologue && !op.is_pure() {
            return Err("not an instruction for the prologue".into());
        }
        match op {
            Op::Load { addr, .. } | Op::Store { addr, .. } | Op::Atomic { addr, .. } | Op::AtomicWide { addr, .. } => {
                if addr.lane.is_some_and(Reg::is_uniform) || addr.uniform.is_some_and(|r| !r.is_uniform()) {
                    return Err("a part of the address is in the wrong file".into());
                }
                let Some(memory) = self.tape.memory.get(addr.mem.0 as usize) else {
                    return Err("no such memory".into());
                };
                let reads_only = matches!(op, Op::Load { .. });
                if !reads_only && matches!(memory, Memory::Binding { writable: false, .. } | Memory::Immediates { .. })
                {
                    let loads = matches!(op, Op::Atomic { f: super::super::tape::AtomicFn::Load, .. });
                    if !loads {
                        return Err("the memory is read-only".into());
                    }
                }
                if addr.shape.is_some() && addr.lane.is_none_or(|r| !self.fixed.contains(&r) && !prologue) {
                    return Err("a shape without a register of the prologue".into());
                }
                if addr.shape.is_some_and(|s| s >= self.tape.n_shapes) {
                    return Err("no such shape".into());
                }
                Ok(())
            }
            Op::Jump(l) | Op::JumpZero(_, l) | Op::JumpNonzero(_, l) | Op::JumpNone(l) | Op::JumpAny(l) => {
                if let Op::JumpZero(c, _) | Op::JumpNonzero(c, _) = op
                    && !c.is_uniform()
                {
                    return Err("a jump on a lane register".into());
                }
                if self.labels.contains_key(l) { Ok(()) } else { Err(format!("{l:?} does not stand anywhere")) }
            }
            Op::SetMask(r) if r.is_uniform() => Err("a mask in a uniform register".into()),
            _ => Ok(()),
        }
    }
}
