//! A tape as text, one instruction a line, for debugging and snapshots.
use std::fmt;

use super::super::tape::{Addr, Bound, EXIST, MASK, Op, Reg, Tape};

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            MASK => f.write_str("mask"),
            EXIST => f.write_str("exist"),
            r if r.is_uniform() => write!(f, "u{}", r.ix()),
            r => write!(f, "l{}", r.ix()),
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}[", self.mem.0)?;
        let mut parts = vec![];
        if let Some(r) = self.lane {
            parts.push(match self.shape {
                Some(s) => format!("{r}#{s}"),
                None => r.to_string(),
            });
        }
        parts.extend(self.uniform.map(|r| r.to_string()));
        if self.offset != 0 || parts.is_empty() {
            parts.push(self.offset.cast_signed().to_string());
        }
        write!(f, "{}]", parts.join(" + "))
    }
}

struct List<'a>(&'a [Reg]);
impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, r) in self.0.iter().enumerate() {
            write!(f, "{}{r}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Un(k, d, a) => write!(f, "{d} = {k:?} {a}"),
            Self::Bin(k, d, a) => write!(f, "{d} = {k:?} {}", List(a)),
            Self::Ter(k, d, a) => write!(f, "{d} = {k:?} {}", List(a)),
            Self::Qua(k, d, a) => write!(f, "{d} = {k:?} {}", List(a)),
            Self::WideUn(k, d, a) => write!(f, "{} = Wide{k:?} {}", List(d), List(a)),
            Self::WideBin(k, d, [a, b]) => write!(f, "{} = Wide{k:?} {}, {}", List(d), List(a), List(b)),
            Self::WideCmp(k, d, [a, b]) => write!(f, "{d} = Wide{k:?} {}, {}", List(a), List(b)),
            Self::WideFrom(k, d, a) => write!(f, "{} = WideFrom{k:?} {a}", List(d)),
            Self::WideInto(k, d, a) => write!(f, "{d} = WideInto{k:?} {}", List(a)),
            Self::Mov(d, s) => write!(f, "{d} := {s}"),
            Self::Copy(d, s) => write!(f, "{d} = {s}"),
            Self::Pick { d, first, count, index } => write!(f, "{d} = {first}..{count}[{index}]"),
            Self::Put { first, count, index, s } => write!(f, "{first}..{count}[{index}] := {s}"),
            Self::Load { d, addr, cell, .. } => write!(f, "{} = load {cell:?} {addr}", List(d)),
            Self::Store { s, addr, cell, .. } => write!(f, "store {cell:?} {addr} {}", List(s)),
            Self::Length { d, mem, offset, stride } => write!(f, "{d} = length m{}[{offset}] / {stride}", mem.0),
            Self::Atomic { f: k, d, addr, s, .. } => match d {
                Some(d) => write!(f, "{d} = atomic {k:?} {addr} {}", List(s)),
                None => write!(f, "atomic {k:?} {addr} {}", List(s)),
            },
            Self::AtomicWide { f: k, d, addr, s, .. } => match d {
                Some(d) => write!(f, "{} = atomic wide {k:?} {addr} {}", List(d), List(&s.concat())),
                None => write!(f, "atomic wide {k:?} {addr} {}", List(&s.concat())),
            },
            Self::Ballot { d, predicate: Some(p), .. } => write!(f, "{} = ballot {p}", List(d)),
            Self::Ballot { d, predicate: None, .. } => write!(f, "{} = ballot", List(d)),
            Self::Collect { how, f: k, d, s, .. } => write!(f, "{d} = {how:?} {k:?} {s}"),
            Self::Gather { how, d, s, index: Some(i), .. } => write!(f, "{d} = gather {how:?} {s} {i}"),
            Self::Gather { how, d, s, index: None, .. } => write!(f, "{d} = gather {how:?} {s}"),
            Self::Label(l) => write!(f, "L{}:", l.0),
            Self::Jump(l) => write!(f, "jump L{}", l.0),
            Self::JumpZero(c, l) => write!(f, "unless {c} jump L{}", l.0),
            Self::JumpNonzero(c, l) => write!(f, "if {c} jump L{}", l.0),
            Self::SetMask(r) => write!(f, "mask = {r}"),
            Self::JumpNone(l) => write!(f, "if none jump L{}", l.0),
            Self::JumpAny(l) => write!(f, "if any jump L{}", l.0),
            Self::Barrier { storage, workgroup, .. } => {
                write!(
                    f,
                    "barrier{}{}",
                    if *storage { " storage" } else { "" },
                    if *workgroup { " workgroup" } else { "" }
                )
            }
            Self::End => f.write_str("end"),
            Self::CheckIndex { index, bound: Bound::Const(n), .. } => write!(f, "check {index} < {n}"),
            Self::CheckIndex { index, bound: Bound::Reg(n), .. } => write!(f, "check {index} < {n}"),
            Self::CheckDivisor { d, .. } => write!(f, "check {d} not zero"),
            Self::CheckFinite { d, s, .. } => write!(f, "check {d} finite from {}", List(s)),
            Self::Forget { first, count } => write!(f, "forget {first}..{count}"),
            Self::CheckWritten { s, .. } => write!(f, "check {s} written"),
        }
    }
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.workgroup_size;
        writeln!(f, "workgroup {x} x {y} x {z}, {} lane and {} uniform registers", self.n_lane, self.n_uniform)?;
        for (i, m) in self.memory.iter().enumerate() {
            writeln!(f, "m{i}: {m:?}")?;
        }
        for (b, r) in &self.builtins {
            writeln!(f, "{r} = {b:?}")?;
        }
        for (r, w) in &self.constants {
            writeln!(f, "{r} = {w:#x}")?;
        }
        writeln!(f, "prologue:")?;
        for op in &self.prologue {
            writeln!(f, "  {op}")?;
        }
        writeln!(f, "body:")?;
        for op in &self.body {
            match op {
                Op::Label(_) => writeln!(f, "{op}")?,
                _ => writeln!(f, "  {op}")?,
            }
        }
        Ok(())
    }
}
