//! Takes out of loops what is the same in every turn, and into the prologue what addresses are made of.
use std::collections::{HashMap, HashSet, hash_map::Entry};

use super::super::{
    super::tape::{MemIx, Op, Reg},
    analyse::uniform::Uniformity,
    operands::{Role, visit, visit_mut, written},
    tree::{Node, Origin, Tree, each_op},
};

/// Out of loops, the inner ones first.
pub fn loops(tree: &mut Tree) {
    let mut root = std::mem::take(&mut tree.root);
    list(tree, &mut root);
    tree.root = root;
}

fn list(tree: &Tree, nodes: &mut Vec<Node>) {
    let mut i = 0;
    while i < nodes.len() {
        let mut out = vec![];
        match &mut nodes[i] {
            Node::If { accept, reject, .. } => {
                list(tree, accept);
                list(tree, reject);
            }
            Node::Block { body, .. } => list(tree, body),
            Node::Loop { body, continuing, .. } => {
                list(tree, body);
                list(tree, continuing);
                let mut inside = Inside::of(tree, &[body, continuing]);
                inside.take(body, false, &mut out);
                inside.take(continuing, false, &mut out);
            }
            Node::Op(_) | Node::Break(_) | Node::Continue(_) => {}
        }
        let n = out.len();
        nodes.splice(i..i, out.into_iter().map(Node::Op));
        i += n + 1;
    }
}

/// What changes within a loop.
struct Inside<'t> {
    tree: &'t Tree,
    written: HashSet<Reg>,
    stored: HashSet<MemIx>,
    /// There is a barrier: other invocations may have stored.
    meets: bool,
}

impl<'t> Inside<'t> {
    fn of(tree: &'t Tree, lists: &[&Vec<Node>]) -> Self {
        let mut this = Self { tree, written: HashSet::new(), stored: HashSet::new(), meets: false };
        for l in lists {
            each_op(l, &mut |op| {
                visit(op, |role, r| match role {
                    Role::Write => drop(this.written.insert(*r)),
                    Role::WriteGroup(n) => this.written.extend((0..n).map(|i| Reg(r.0 + i))),
                    Role::Read | Role::ReadGroup(_) => {}
                });
                match op {
                    Op::Store { addr, .. } => drop(this.stored.insert(addr.mem)),
                    // atomics, too, may tell that another invocation is done
                    Op::Barrier { .. } | Op::Atomic { .. } | Op::AtomicWide { .. } => this.meets = true,
                    _ => {}
                }
            });
        }
        this
    }

    fn is_fixed(&self, op: &Op, conditional: bool) -> bool {
        if !op.is_pure() || written(op).iter().any(|r| self.tree.is_variable(*r)) {
            return false;
        }
        let mut fixed = true;
        visit(op, |role, r| match role {
            Role::Read => fixed &= !self.written.contains(r),
            Role::ReadGroup(n) => fixed &= (0..n).all(|i| !self.written.contains(&Reg(r.0 + i))),
            Role::Write | Role::WriteGroup(_) => {}
        });
        fixed
            && match op {
                Op::Load { addr, .. } => {
                    let still = !self.tree.is_writable(addr.mem) || !(self.meets || self.stored.contains(&addr.mem));
                    still && !conditional
                }
                // not worth its price where it may not be needed at all
                op if conditional => is_cheap(op),
                _ => true,
            }
    }

    fn take(&mut self, nodes: &mut Vec<Node>, conditional: bool, out: &mut Vec<Op>) {
        nodes.retain_mut(|node| {
            match node {
                Node::Op(op) => {
                    if self.is_fixed(op, conditional) {
                        for r in written(op) {
                            self.written.remove(&r);
                        }
                        out.push(op.clone());
                        return false;
                    }
                }
                Node::If { accept, reject, .. } => {
                    self.take(accept, true, out);
                    self.take(reject, true, out);
                }
                Node::Loop { body, continuing, .. } => {
                    self.take(body, true, out);
                    self.take(continuing, true, out);
                }
                Node::Block { body, .. } => self.take(body, conditional, out),
                Node::Break(_) | Node::Continue(_) => {}
            }
            true
        });
    }
}

/// Worth computing where it may not be needed?
pub fn is_cheap(op: &Op) -> bool {
    use super::super::super::math::{Bin as B, Ter, Un};
    match op {
        Op::Un(f, ..) => f.portable() && !matches!(f, Un::FSqrt | Un::FInvSqrt),
        Op::Bin(f, ..) => !matches!(f, B::FDiv | B::FRem | B::FPow | B::FAtan2 | B::SDiv | B::UDiv | B::SRem | B::URem),
        Op::Copy(..) | Op::Length { .. } => true,
        Op::Ter(f, ..) => *f != Ter::FSmoothStep,
        _ => false,
    }
}

/// The registers that depend on nothing but the workgroup: constants, built-in values, the contents of uniform addresses in memory that is only
/// read, and what is computed of them.
pub fn invariant(tree: &Tree, facts: &Uniformity) -> Vec<bool> {
    let mut is: Vec<bool> = tree.origins.iter().map(|o| matches!(o, Origin::Const(_) | Origin::BuiltIn(_))).collect();
    each_op(&tree.root, &mut |op| {
        let right = match op {
            Op::Load { addr, .. } => !tree.is_writable(addr.mem) && addr.lane.is_none_or(|r| !facts.varies(r)),
            Op::Pick { .. } => false,
            op => op.is_pure(),
        };
        let mut all = right;
        visit(op, |role, r| all &= role != Role::Read || is[r.ix()]);
        if all {
            for r in written(op) {
                is[r.ix()] |= !tree.is_variable(r);
            }
        }
    });
    is
}

/// The prologue: what the lane parts of addresses are made of, if it is invariant. The machine looks at such an address once in a workgroup.
pub fn prologue(tree: &mut Tree, facts: &Uniformity) -> Vec<Op> {
    let fixed = invariant(tree, facts);
    let mut makers: HashMap<Reg, &Op> = HashMap::new();
    let mut wanted = vec![];
    each_op(&tree.root, &mut |op| {
        for r in written(op) {
            if fixed[r.ix()] {
                makers.insert(r, op);
            }
        }
        if let Op::Load { addr, .. } | Op::Store { addr, .. } | Op::Atomic { addr, .. } | Op::AtomicWide { addr, .. } =
            op
        {
            wanted.extend(addr.lane.filter(|r| facts.varies(*r) && fixed[r.ix()]));
        }
    });
    let mut taken: HashSet<Reg> = HashSet::new();
    while let Some(r) = wanted.pop() {
        if let Some(op) = makers.get(&r)
            && taken.insert(r)
        {
            visit(op, |role, r| match role {
                Role::Read | Role::Write => wanted.push(*r),
                Role::ReadGroup(_) | Role::WriteGroup(_) => {}
            });
        }
    }
    let mut out = vec![];
    super::dead::retain(&mut tree.root, &mut |op| {
        let go = op.is_pure() && written(op).iter().any(|r| taken.contains(r));
        if go {
            out.push(op.clone());
        }
        !go
    });
    unify(tree, &mut out);
    out
}

/// Equal instructions of the prologue are one.
fn unify(tree: &mut Tree, prologue: &mut Vec<Op>) {
    let mut names: HashMap<Reg, Reg> = HashMap::new();
    let mut seen: HashMap<String, Vec<Reg>> = HashMap::new();
    let renamed = |op: &Op, names: &HashMap<Reg, Reg>| {
        let mut op = op.clone();
        visit_mut(&mut op, |role, r| {
            if role == Role::Read {
                *r = names.get(r).copied().unwrap_or(*r);
            }
        });
        op
    };
    prologue.retain_mut(|op| {
        *op = renamed(op, &names);
        match seen.entry(key(op)) {
            Entry::Occupied(same) => {
                names.extend(written(op).into_iter().zip(same.get().iter().copied()));
                false
            }
            Entry::Vacant(new) => {
                new.insert(written(op));
                true
            }
        }
    });
    // what the prologue has made need not be made again
    let made: HashSet<Reg> = seen.values().flatten().copied().collect();
    let origins = &tree.origins;
    super::dead::retain(&mut tree.root, &mut |op| {
        let value =
            op.is_pure() && !written(op).iter().any(|r| origins[r.ix()] == Origin::Variable || made.contains(r));
        if !value || matches!(op, Op::Copy(..)) {
            return true;
        }
        match seen.get(&key(&renamed(op, &names))) {
            Some(same) => {
                names.extend(written(op).into_iter().zip(same.iter().copied()));
                false
            }
            None => true,
        }
    });
    super::super::tree::each_register_mut(&mut tree.root, &mut |r| *r = names.get(r).copied().unwrap_or(*r));
}

/// An instruction but for the names of what it writes, and its place.
fn key(op: &Op) -> String {
    let mut op = op.clone();
    visit_mut(&mut op, |role, r| {
        if role == Role::Write {
            *r = Reg(0);
        }
    });
    if let Op::Load { at, .. } = &mut op {
        *at = super::super::super::tape::At(0);
    }
    format!("{op:?}")
}
