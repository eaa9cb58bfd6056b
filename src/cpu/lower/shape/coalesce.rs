//! Copies between values and variables disappear: a value that is only a snapshot of a variable is the variable itself while no one
//! writes that; a value that is stored in a variable is written there in the first place.
//!
//! Positions are those of lock step: instructions stand in the order in which the machine comes by them.
use std::collections::HashMap;

use super::super::{
    super::tape::{Op, Reg},
    analyse::uniform::Uniformity,
    operands::{Role, visit},
    tree::{Node, Tree, each_register_mut},
};

/// Where registers are read and written: an instruction at n reads at 2n and writes at 2n + 1.
#[derive(Default)]
struct Accesses {
    reads: Vec<u32>,
    writes: Vec<u32>,
}

#[derive(Default)]
struct Positions {
    of: HashMap<Reg, Accesses>,
    /// First and last position of each loop.
    loops: Vec<(u32, u32)>,
    /// Copies: (position, list, destination, source).
    copies: Vec<(u32, u32, Reg, Reg)>,
    /// The list of each instruction, and whether it writes all lanes of one register at a time.
    lists: Vec<(u32, bool)>,
    n_lists: u32,
    /// Jumps out of constructs.
    jumps: Vec<u32>,
}

/// Both kinds of copies.
pub fn coalesce(tree: &mut Tree, facts: &Uniformity, keep_groups: bool) {
    let in_group: Vec<bool> = {
        let mut g = vec![false; tree.origins.len()];
        for (first, n) in &tree.groups {
            g[*first as usize..(*first + *n) as usize].fill(true);
        }
        g
    };
    let mut names: HashMap<Reg, Reg> = HashMap::new();
    let mut p = Positions::default();
    p.list(&tree.root);
    let copies = p.copies.clone();
    for (at, list, d, s) in copies {
        let (d, s) = (named(&names, d), named(&names, s));
        if d == s || facts.varies(d) != facts.varies(s) {
            continue;
        }
        let merged = if !tree.is_variable(d) && tree.is_variable(s) {
            p.is_snapshot(at, d, s).then_some((d, s))
        } else if tree.is_variable(d) && !tree.is_variable(s) && !(keep_groups && in_group[d.ix()]) {
            (tree.constant(s).is_none() && p.is_made_for(at, list, d, s, in_group[d.ix()])).then_some((s, d))
        } else {
            None
        };
        if let Some((old, new)) = merged {
            p.merge(old, new);
            names.insert(old, new);
        }
    }
    each_register_mut(&mut tree.root, &mut |r| *r = named(&names, *r));
    super::dead::retain(&mut tree.root, &mut |op| !matches!(op, Op::Copy(d, s) | Op::Mov(d, s) if d == s));
}

fn named(names: &HashMap<Reg, Reg>, mut r: Reg) -> Reg {
    while let Some(n) = names.get(&r) {
        r = *n;
    }
    r
}

impl Positions {
    fn next(&self) -> u32 {
        u32::try_from(self.lists.len()).expect("bug: instructions")
    }
    fn read(&mut self, r: Reg) {
        let at = 2 * self.next();
        self.of.entry(r).or_default().reads.push(at);
    }

    fn list(&mut self, nodes: &[Node]) {
        let list = self.n_lists;
        self.n_lists += 1;
        for node in nodes {
            match node {
                Node::Op(op) => self.op(op, list),
                Node::If { condition, accept, reject } => {
                    self.read(*condition);
                    self.lists.push((list, false));
                    self.list(accept);
                    // where the branch on a varying condition looks at it again
                    self.read(*condition);
                    self.lists.push((list, false));
                    self.list(reject);
                }
                Node::Loop { body, continuing, break_if, .. } => {
                    let start = self.next();
                    self.list(body);
                    self.list(continuing);
                    if let Some(r) = break_if {
                        self.read(*r);
                    }
                    self.lists.push((list, false));
                    self.loops.push((2 * start, 2 * self.next()));
                }
                Node::Block { body, .. } => self.list(body),
                Node::Break(_) | Node::Continue(_) => {
                    self.jumps.push(2 * self.next());
                    self.lists.push((list, false));
                }
            }
        }
    }
    fn op(&mut self, op: &Op, list: u32) {
        let at = self.next();
        if let Op::Copy(d, s) = op {
            self.copies.push((at, list, *d, *s));
        }
        visit(op, |role, r| {
            let (n, write) = match role {
                Role::Read => (1, false),
                Role::Write => (1, true),
                Role::ReadGroup(n) => (n, false),
                Role::WriteGroup(n) => (n, true),
            };
            for i in 0..n {
                let a = self.of.entry(Reg(r.0 + i)).or_default();
                if write { a.writes.push(2 * at + 1) } else { a.reads.push(2 * at) }
            }
        });
        let whole = op.is_pure() && !matches!(op, Op::Pick { .. } | Op::Copy(..));
        self.lists.push((list, whole));
    }

    /// The last position at which what is written at `from` may be read at one of these reads: to the end of loops that it stands outside of.
    fn last(&self, r: Reg, from: u32) -> u32 {
        let reads = self.of.get(&r).map_or(&[][..], |a| &a.reads);
        let mut last = from;
        for u in reads.iter().copied().filter(|u| *u > from) {
            last = last.max(u);
            for (start, end) in &self.loops {
                if (*start..*end).contains(&u) && !(*start..*end).contains(&from) {
                    last = last.max(*end);
                }
            }
        }
        last
    }
    fn writes_between(&self, r: Reg, from: u32, to: u32) -> bool {
        self.of.get(&r).is_some_and(|a| a.writes.iter().any(|w| *w > from && *w < to))
    }
    fn reads_between(&self, r: Reg, from: u32, to: u32) -> bool {
        self.of.get(&r).is_some_and(|a| a.reads.iter().any(|w| *w > from && *w < to))
    }

    /// `value = variable` at `at`: is the variable not written as long as the value is read?
    fn is_snapshot(&self, at: u32, value: Reg, variable: Reg) -> bool {
        !self.writes_between(variable, 2 * at + 1, self.last(value, 2 * at + 1))
    }

    /// `variable = value` at `at`: may the value be written to the variable where it is made?
    fn is_made_for(&self, at: u32, list: u32, variable: Reg, value: Reg, in_group: bool) -> bool {
        let Some([made]) = self.of.get(&value).map(|a| &a.writes[..]) else { return false };
        let maker = made / 2;
        let (its_list, whole) = self.lists[maker as usize];
        if its_list != list || !whole || maker >= at || in_group {
            return false;
        }
        // who leaves in between must find the old value
        if self.jumps.iter().any(|j| (2 * maker..2 * at).contains(j)) {
            return false;
        }
        // the maker may not read what it writes in a way that could see both: several registers at a time
        let reads_it = self.of.get(&variable).is_some_and(|a| a.reads.contains(&(2 * maker)));
        !reads_it_badly(reads_it, self.of.values(), *made)
            && !self.reads_between(variable, 2 * maker, 2 * at)
            && !self.writes_between(variable, *made - 1, 2 * at + 1)
            && !self.writes_between(variable, 2 * at + 1, self.last(value, *made))
    }

    fn merge(&mut self, old: Reg, new: Reg) {
        let Some(a) = self.of.remove(&old) else { return };
        let b = self.of.entry(new).or_default();
        b.reads.extend(a.reads);
        b.writes.extend(a.writes);
    }
}

/// An instruction that reads the variable and writes several registers.
fn reads_it_badly<'a>(reads_it: bool, mut all: impl Iterator<Item = &'a Accesses>, made: u32) -> bool {
    reads_it && {
        let first = all.find(|a| a.writes.contains(&made)).is_some();
        first && all.any(|a| a.writes.contains(&made))
    }
}
