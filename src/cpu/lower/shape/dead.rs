//! Takes out what no one reads.
use std::collections::HashMap;

use super::super::{
    super::tape::{Op, Reg},
    analyse::live::{Meetings, Units, effects, meetings},
    bits::Bits,
    operands::{Role, visit},
    tree::{ENTRY, Node, Tree, each_condition, each_op},
};

/// Stores that are overwritten before they are read, then values that are not used, until nothing is left to take out.
pub fn sweep(tree: &mut Tree) {
    loop {
        let stores = stores(tree);
        let values = values(tree);
        if !(stores | values) {
            return;
        }
    }
}

/// Stores to variables that are not live.
fn stores(tree: &mut Tree) -> bool {
    let units = Units::new(tree);
    let meet = meetings(tree, &units);
    let mut root = std::mem::take(&mut tree.root);
    let mut pass = Stores { units: &units, meet: &meet, found: false };
    pass.list(&mut root, meet.ends[&ENTRY].clone());
    let found = pass.found;
    tree.root = root;
    found
}

struct Stores<'a> {
    units: &'a Units,
    meet: &'a Meetings,
    found: bool,
}

impl Stores<'_> {
    fn list(&mut self, list: &mut Vec<Node>, mut live: Bits) -> Bits {
        let mut dead = vec![false; list.len()];
        for (i, node) in list.iter_mut().enumerate().rev() {
            match node {
                Node::Op(op) => {
                    if let Op::Mov(d, _) | Op::Copy(d, _) | Op::Put { first: d, .. } = op
                        && self.units.unit(*d).is_some_and(|u| !live.contains(u))
                    {
                        dead[i] = true;
                        self.found = true;
                        continue;
                    }
                    let mut reads = vec![];
                    let kills = !matches!(op, Op::Forget { .. });
                    effects(
                        self.units,
                        op,
                        |u| reads.push(u),
                        |u| {
                            if kills && self.units.is_single(u) {
                                live.remove(u);
                            }
                        },
                    );
                    reads.into_iter().for_each(|u| live.insert(u));
                }
                Node::If { condition, accept, reject } => {
                    let a = self.list(accept, live.clone());
                    live = self.list(reject, live);
                    live.join(&a);
                    // a copy of a variable may have become the variable itself
                    self.units.unit(*condition).into_iter().for_each(|u| live.insert(u));
                }
                Node::Block { body, .. } => live = self.list(body, live),
                Node::Loop { id, body, continuing, break_if } => {
                    let mut again = self.meet.tops[id].clone();
                    if break_if.is_some() {
                        again.join(&live);
                    }
                    break_if.iter().filter_map(|r| self.units.unit(*r)).for_each(|u| again.insert(u));
                    let next = self.list(continuing, again);
                    live = self.list(body, next);
                }
                Node::Break(id) => live = self.meet.ends[id].clone(),
                Node::Continue(id) => live = self.meet.nexts[id].clone(),
            }
        }
        let mut k = 0;
        list.retain(|_| {
            k += 1;
            !dead[k - 1]
        });
        live
    }
}

/// How often each register is read; what instructions that only write unread registers read does not count.
pub fn uses(tree: &Tree) -> Vec<u32> {
    let mut uses = vec![0u32; tree.origins.len()];
    each_op(&tree.root, &mut |op| count(op, &mut |r| uses[r.ix()] += 1));
    each_condition(&tree.root, &mut |r| uses[r.ix()] += 1);
    uses
}
fn count(op: &Op, f: &mut impl FnMut(Reg)) {
    visit(op, |role, r| match role {
        Role::Read => f(*r),
        Role::ReadGroup(n) => (0..n).for_each(|i| f(Reg(r.0 + i))),
        Role::Write | Role::WriteGroup(_) => {}
    });
}

/// Instructions that write only what is not read.
fn values(tree: &mut Tree) -> bool {
    let mut uses = uses(tree);
    let mut makers: HashMap<Reg, Vec<usize>> = HashMap::new();
    let is_idle = |op: &Op, uses: &[u32]| {
        let mut idle = op.is_pure() || matches!(op, Op::Mov(..) | Op::Put { .. });
        visit(op, |role, r| match role {
            Role::Write => idle &= uses[r.ix()] == 0,
            Role::WriteGroup(n) => idle &= (0..n).all(|i| uses[r.ix() + i as usize] == 0),
            Role::Read | Role::ReadGroup(_) => {}
        });
        idle
    };
    // an instruction that goes takes its reads with it
    let mut ops: Vec<Op> = vec![];
    each_op(&tree.root, &mut |op| {
        let ix = ops.len();
        visit(op, |role, r| match role {
            Role::Write => makers.entry(*r).or_default().push(ix),
            Role::WriteGroup(n) => (0..n).for_each(|i| makers.entry(Reg(r.0 + i)).or_default().push(ix)),
            Role::Read | Role::ReadGroup(_) => {}
        });
        ops.push(op.clone());
    });
    let mut work: Vec<usize> = (0..ops.len()).filter(|i| is_idle(&ops[*i], &uses)).collect();
    if work.is_empty() {
        drop_results(&mut tree.root, &uses);
        return false;
    }
    let mut gone = vec![false; ops.len()];
    while let Some(ix) = work.pop() {
        if std::mem::replace(&mut gone[ix], true) {
            continue;
        }
        let mut freed = vec![];
        count(&ops[ix], &mut |r| {
            uses[r.ix()] -= 1;
            if uses[r.ix()] == 0 {
                freed.push(r);
            }
        });
        for r in freed {
            work.extend(makers.get(&r).into_iter().flatten().copied().filter(|i| is_idle(&ops[*i], &uses)));
        }
    }
    retain(&mut tree.root, &mut |op| !is_idle(op, &uses));
    drop_results(&mut tree.root, &uses);
    true
}

/// Atomics whose old value is not read need not give it.
fn drop_results(list: &mut [Node], uses: &[u32]) {
    for node in list {
        match node {
            Node::Op(Op::Atomic { d, .. }) => *d = d.filter(|r| uses[r.ix()] > 0),
            Node::Op(Op::AtomicWide { d, .. }) => *d = d.filter(|r| r.iter().any(|r| uses[r.ix()] > 0)),
            Node::If { accept, reject, .. } => {
                drop_results(accept, uses);
                drop_results(reject, uses);
            }
            Node::Loop { body, continuing, .. } => {
                drop_results(body, uses);
                drop_results(continuing, uses);
            }
            Node::Block { body, .. } => drop_results(body, uses),
            Node::Op(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }
}

/// Keeps the instructions that pass; branches and blocks without anything in them go too.
pub fn retain(list: &mut Vec<Node>, keep: &mut impl FnMut(&Op) -> bool) {
    list.retain_mut(|node| match node {
        Node::Op(op) => keep(op),
        Node::If { accept, reject, .. } => {
            retain(accept, keep);
            retain(reject, keep);
            !(accept.is_empty() && reject.is_empty())
        }
        Node::Loop { body, continuing, .. } => {
            retain(body, keep);
            retain(continuing, keep);
            true
        }
        Node::Block { body, .. } => {
            retain(body, keep);
            !body.is_empty()
        }
        Node::Break(_) | Node::Continue(_) => true,
    });
}
