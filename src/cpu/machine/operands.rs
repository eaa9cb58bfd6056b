//! Which registers an operation reads and writes, and which of them are still needed after it.
use super::super::tape::{Addr, Bound, Op, Reg, Tape};

/// How an operation touches a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    Read,
    /// All lanes are written.
    Write,
    /// Some lanes keep what they had.
    Part,
}

/// Calls `f` for the registers of an address.
fn address(a: &Addr, f: &mut dyn FnMut(Reg, Touch)) {
    a.lane.iter().chain(&a.uniform).for_each(|r| f(*r, Touch::Read));
}

/// Calls `f` for each register that an operation touches, reads first.
pub fn visit(op: &Op, f: &mut dyn FnMut(Reg, Touch)) {
    let read = |rs: &[Reg], f: &mut dyn FnMut(Reg, Touch)| rs.iter().for_each(|r| f(*r, Touch::Read));
    let write = |rs: &[Reg], f: &mut dyn FnMut(Reg, Touch)| rs.iter().for_each(|r| f(*r, Touch::Write));
    let part = |r: Reg| if r.is_uniform() { Touch::Write } else { Touch::Part };
    let array = |first: &Reg, count: &u32| (0..*count).map(|n| Reg(first.0 + n)).collect::<Vec<_>>();
    match op {
        Op::Un(_, d, s) | Op::Copy(d, s) => (read(&[*s], f), write(&[*d], f)).1,
        Op::Bin(_, d, s) => (read(s, f), write(&[*d], f)).1,
        Op::Ter(_, d, s) => (read(s, f), write(&[*d], f)).1,
        Op::Qua(_, d, s) => (read(s, f), write(&[*d], f)).1,
        Op::WideUn(_, d, s) => (read(s, f), write(d, f)).1,
        Op::WideBin(_, d, s) => (read(s.as_flattened(), f), write(d, f)).1,
        Op::WideCmp(_, d, s) => (read(s.as_flattened(), f), write(&[*d], f)).1,
        Op::WideFrom(_, d, s) => (read(&[*s], f), write(d, f)).1,
        Op::WideInto(_, d, s) => (read(s, f), write(&[*d], f)).1,
        Op::Mov(d, s) => (read(&[*s], f), f(*d, part(*d))).1,
        Op::Pick { d, first, count, index } => (read(&array(first, count), f), read(&[*index], f), write(&[*d], f)).2,
        Op::Put { first, count, index, s } => {
            read(&[*index, *s], f);
            array(first, count).into_iter().for_each(|r| f(r, Touch::Part));
        }
        Op::Load { d, addr, .. } => (address(addr, f), write(d, f)).1,
        Op::Store { s, addr, .. } => (address(addr, f), read(s, f)).1,
        Op::Length { d, .. } => write(&[*d], f),
        Op::Atomic { d, addr, s, .. } => (address(addr, f), read(s, f), d.iter().for_each(|d| f(*d, part(*d)))).2,
        Op::AtomicWide { d, addr, s, .. } => {
            address(addr, f);
            read(s.as_flattened(), f);
            d.iter().flatten().for_each(|d| f(*d, part(*d)));
        }
        Op::Ballot { d, predicate, .. } => (predicate.iter().for_each(|r| f(*r, Touch::Read)), write(d, f)).1,
        Op::Collect { d, s, .. } => (read(&[*s], f), f(*d, part(*d))).1,
        Op::Gather { d, s, index, .. } => {
            read(&[*s], f);
            index.iter().for_each(|r| f(*r, Touch::Read));
            f(*d, part(*d));
        }
        Op::JumpZero(r, _) | Op::JumpNonzero(r, _) | Op::SetMask(r) => read(&[*r], f),
        Op::CheckIndex { index, bound, .. } => {
            read(&[*index], f);
            if let Bound::Reg(r) = bound {
                read(&[*r], f);
            }
        }
        Op::CheckDivisor { d, .. } => read(&[*d], f),
        Op::CheckFinite { d, s, .. } => (read(&[*d], f), read(s, f)).1,
        Op::CheckWritten { s, .. } => read(&[*s], f),
        Op::Label(_)
        | Op::Jump(_)
        | Op::JumpNone(_)
        | Op::JumpAny(_)
        | Op::Barrier { .. }
        | Op::End
        | Op::Forget { .. } => {}
    }
}

/// The registers whose values are still read, before each operation of a tape's body (and after the last).
pub struct Live {
    n_lane: usize,
    words: usize,
    bits: Vec<u64>,
}

impl Live {
    /// Of a tape.
    pub fn new(tape: &Tape) -> Self {
        let words = (tape.n_lane + tape.n_uniform).div_ceil(64) as usize;
        let n = tape.body.len();
        let mut live = Self { n_lane: tape.n_lane as usize, words, bits: vec![0; words * (n + 1)] };
        let labels: std::collections::HashMap<_, _> = tape
            .body
            .iter()
            .enumerate()
            .filter_map(|(i, op)| if let Op::Label(l) = op { Some((*l, i)) } else { None })
            .collect();
        loop {
            let mut changed = false;
            for i in (0..n).rev() {
                let (next, other) = match &tape.body[i] {
                    Op::End => (None, None),
                    Op::Jump(l) => (None, labels.get(l)),
                    Op::JumpZero(_, l) | Op::JumpNonzero(_, l) | Op::JumpNone(l) | Op::JumpAny(l) => {
                        (Some(i + 1), labels.get(l))
                    }
                    _ => (Some(i + 1), None),
                };
                changed |= live.step(&tape.body[i], i, next.into_iter().chain(other.copied()));
            }
            if !changed {
                return live;
            }
        }
    }

    /// What is live before operation `i`, from what is live after it.
    fn step(&mut self, op: &Op, i: usize, next: impl Iterator<Item = usize>) -> bool {
        let mut now = vec![0; self.words];
        for n in next {
            for w in 0..self.words {
                now[w] |= self.bits[n * self.words + w];
            }
        }
        let mut reads = vec![];
        visit(op, &mut |r, touch| {
            let bit = self.bit(r);
            match touch {
                Touch::Write => now[bit / 64] &= !(1 << (bit % 64)),
                Touch::Read | Touch::Part => reads.push(bit),
            }
        });
        for bit in reads {
            now[bit / 64] |= 1 << (bit % 64);
        }
        let old = &mut self.bits[i * self.words..(i + 1) * self.words];
        let changed = *old != now[..];
        old.copy_from_slice(&now);
        changed
    }

    fn bit(&self, r: Reg) -> usize {
        if r.is_uniform() { self.n_lane + r.ix() } else { r.ix() }
    }

    /// Is the register's value read after operation `i - 1`, before it is written?
    pub fn before(&self, i: usize, r: Reg) -> bool {
        let bit = self.bit(r);
        self.bits[i * self.words + bit / 64] >> (bit % 64) & 1 != 0
    }
}
