//! Lane registers are used again: one is as large as the lanes of a workgroup, and those that live must fit the first cache.
//!
//! A register is taken as live from where it is first to where it is last needed (so over all of a loop that it lives around), and registers
//! that never live together share a name. Registers of the prologue and of the machine keep theirs, and so do arrays.
use std::collections::HashMap;

use super::super::{
    super::tape::{EXIST, Label, MASK, Op, Reg, Tape},
    bits::Bits,
    operands::{Role, visit, visit_mut},
};

/// Gives the lane registers new names.
pub fn share(tape: &mut Tape) {
    let n = tape.n_lane as usize;
    let fixed = fixed(tape);
    let intervals = intervals(&tape.body, n);
    let mut names: Vec<Option<u32>> = vec![None; n];
    let mut next = 0;
    for (r, name) in names.iter_mut().enumerate() {
        if fixed.contains(r) {
            *name = Some(next);
            next += 1;
        }
    }
    let mut order: Vec<usize> = (0..n).filter(|r| !fixed.contains(*r) && intervals[*r].0 <= intervals[*r].1).collect();
    order.sort_by_key(|r| intervals[*r]);
    // names in use: (end, name); free ones, the latest last
    let mut active: Vec<(u32, u32)> = vec![];
    let mut free: Vec<u32> = vec![];
    let copies = copies(&tape.body);
    for r in order {
        let (start, end) = intervals[r];
        active.retain(|(e, name)| {
            let done = *e < start;
            if done {
                free.push(*name);
            }
            !done
        });
        let wanted = copies.get(&r).and_then(|s| names[*s]).and_then(|name| free.iter().position(|f| *f == name));
        let name = match wanted {
            Some(i) => free.swap_remove(i),
            None => free.pop().unwrap_or_else(|| {
                next += 1;
                next - 1
            }),
        };
        names[r] = Some(name);
        active.push((end, name));
    }
    for op in tape.prologue.iter_mut().chain(&mut tape.body) {
        visit_mut(op, |_, r| {
            if !r.is_uniform() {
                *r = Reg::lane(names[r.ix()].expect("bug: a register without a name"));
            }
        });
    }
    tape.body.retain(|op| !matches!(op, Op::Copy(d, s) if d == s));
    for (_, r) in &mut tape.builtins {
        if !r.is_uniform() {
            *r = Reg::lane(names[r.ix()].expect("bug: a built-in value without a name"));
        }
    }
    tape.n_lane = next;
}

/// Registers that keep a name of their own, in their order.
fn fixed(tape: &Tape) -> Bits {
    let mut fixed = Bits::new(tape.n_lane as usize);
    fixed.insert(MASK.ix());
    fixed.insert(EXIST.ix());
    let mut add = |r: Reg, n: u32| {
        if !r.is_uniform() {
            (0..n as usize).for_each(|i| fixed.insert(r.ix() + i));
        }
    };
    for (_, r) in &tape.builtins {
        add(*r, 1);
    }
    for op in &tape.prologue {
        visit(op, |_, r| add(*r, 1));
    }
    for op in &tape.body {
        visit(op, |role, r| {
            if let Role::ReadGroup(n) | Role::WriteGroup(n) = role {
                add(*r, n);
            }
        });
    }
    fixed
}

/// For each register that a copy makes: the source.
fn copies(body: &[Op]) -> HashMap<usize, usize> {
    body.iter()
        .filter_map(|op| match op {
            Op::Copy(d, s) if !d.is_uniform() && !s.is_uniform() => Some((d.ix(), s.ix())),
            _ => None,
        })
        .collect()
}

/// May the destination be one of the sources? Instructions that go through the lanes once, each lane by itself.
fn in_place(op: &Op) -> bool {
    matches!(
        op,
        Op::Un(..) | Op::Bin(..) | Op::Ter(..) | Op::Qua(..) | Op::Copy(..) | Op::WideCmp(..) | Op::WideInto(..)
    )
}

/// Where each register is first and last needed: an instruction at n reads at 2n and writes at 2n + 1. Unused: last before first.
fn intervals(body: &[Op], n: usize) -> Vec<(u32, u32)> {
    let blocks = blocks(body);
    let mut out = vec![(u32::MAX, 0); n];
    let mut touch = |r: usize, at: u32| out[r] = (out[r].0.min(at), out[r].1.max(at));
    let live_in = live(body, &blocks, n);
    for (k, b) in blocks.iter().enumerate() {
        let (first, last) = (position(b.start), position(b.end - 1) + 1);
        live_in[k].iter().for_each(|r| touch(r, first));
        for s in &b.next {
            live_in[*s].iter().for_each(|r| touch(r, last));
        }
        for (i, op) in body.iter().enumerate().take(b.end).skip(b.start) {
            visit(op, |role, r| {
                if r.is_uniform() {
                    return;
                }
                let at = position(i);
                match role {
                    Role::Read => touch(r.ix(), at),
                    Role::Write => {
                        touch(r.ix(), at + 1);
                        if !in_place(op) {
                            touch(r.ix(), at);
                        }
                    }
                    Role::ReadGroup(_) | Role::WriteGroup(_) => {}
                }
            });
        }
    }
    out
}
fn position(i: usize) -> u32 {
    2 * u32::try_from(i).expect("bug: instructions")
}

/// Instructions without jumps between them.
struct Block {
    start: usize,
    end: usize,
    next: Vec<usize>,
}

fn blocks(body: &[Op]) -> Vec<Block> {
    let ends = |op: &Op| {
        matches!(op, Op::Jump(_) | Op::JumpZero(..) | Op::JumpNonzero(..) | Op::JumpNone(_) | Op::JumpAny(_) | Op::End)
    };
    let mut out: Vec<Block> = vec![];
    let mut start = 0;
    for (i, op) in body.iter().enumerate() {
        if matches!(op, Op::Label(_)) && i > start {
            out.push(Block { start, end: i, next: vec![] });
            start = i;
        }
        if ends(op) {
            out.push(Block { start, end: i + 1, next: vec![] });
            start = i + 1;
        }
    }
    if start < body.len() {
        out.push(Block { start, end: body.len(), next: vec![] });
    }
    let mut at: HashMap<Label, usize> = HashMap::new();
    for (k, b) in out.iter().enumerate() {
        for op in &body[b.start..b.end] {
            if let Op::Label(l) = op {
                at.insert(*l, k);
            }
        }
    }
    let n = out.len();
    for (k, b) in out.iter_mut().enumerate() {
        let last = &body[b.end - 1];
        if let Op::Jump(l) | Op::JumpZero(_, l) | Op::JumpNonzero(_, l) | Op::JumpNone(l) | Op::JumpAny(l) = last {
            b.next.push(at[l]);
        }
        if !matches!(last, Op::Jump(_) | Op::End) && k + 1 < n {
            b.next.push(k + 1);
        }
    }
    out
}

/// Registers whose contents are needed at the start of each block.
fn live(body: &[Op], blocks: &[Block], n: usize) -> Vec<Bits> {
    let mut reads = vec![];
    let mut writes = vec![];
    for b in blocks {
        let (mut read, mut written) = (Bits::new(n), Bits::new(n));
        for op in &body[b.start..b.end] {
            // a move under the mask keeps what the other lanes have
            if let Op::Mov(d, _) = op
                && !d.is_uniform()
                && !written.contains(d.ix())
            {
                read.insert(d.ix());
            }
            visit(op, |role, r| {
                if r.is_uniform() {
                    return;
                }
                match role {
                    Role::Read if !written.contains(r.ix()) => read.insert(r.ix()),
                    Role::Write => written.insert(r.ix()),
                    Role::Read | Role::ReadGroup(_) | Role::WriteGroup(_) => {}
                }
            });
        }
        reads.push(read);
        writes.push(written);
    }
    let mut live = reads;
    loop {
        let mut changed = false;
        for k in (0..blocks.len()).rev() {
            for s in &blocks[k].next {
                let mut through = live[*s].clone();
                writes[k].iter().for_each(|r| through.remove(r));
                changed |= live[k].join(&through);
            }
        }
        if !changed {
            return live;
        }
    }
}
