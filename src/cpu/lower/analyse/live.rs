//! Which variables are still to be read, by the flow of one invocation running alone.
use std::collections::HashMap;

use super::super::{
    super::tape::{Op, Reg},
    bits::Bits,
    operands::{Role, visit},
    tree::{Construct, Node, Tree},
};

/// Variables that are read and written together: a single one, or an array that is indexed at run time.
pub struct Units {
    /// The unit of each register, if it is a variable.
    of: Vec<Option<u32>>,
    /// Is it more than one register?
    wide: Vec<bool>,
}

impl Units {
    /// Of all variables of a tree.
    pub fn new(tree: &Tree) -> Self {
        let n = tree.origins.len();
        let mut first: Vec<usize> = (0..n).collect();
        // groups may overlap: all that touch are one
        let mut groups = tree.groups.clone();
        groups.sort_unstable();
        let mut end = 0;
        let mut start = 0;
        for (f, count) in groups {
            let (f, count) = (f as usize, count as usize);
            if f >= end {
                start = f;
            }
            end = end.max(f + count);
            first[f..f + count].fill(start);
        }
        let mut of = vec![None; n];
        let mut wide = vec![];
        let mut names = HashMap::new();
        for r in 0..n {
            if !tree.is_variable(Reg::lane(u32::try_from(r).expect("bug: registers"))) {
                continue;
            }
            let unit = *names.entry(first[r]).or_insert_with(|| {
                wide.push(false);
                u32::try_from(wide.len() - 1).expect("bug: units")
            });
            if first[r] != r {
                wide[unit as usize] = true;
            }
            of[r] = Some(unit);
        }
        Self { of, wide }
    }
    /// The unit of a register, if it is a variable.
    pub fn unit(&self, r: Reg) -> Option<usize> {
        self.of[r.ix()].map(|u| u as usize)
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.wide.len()
    }
    /// Does one write replace all of it?
    pub fn is_single(&self, unit: usize) -> bool {
        !self.wide[unit]
    }
}

/// The variables that an instruction reads and those it writes, as units.
pub fn effects(units: &Units, op: &Op, mut read: impl FnMut(usize), mut write: impl FnMut(usize)) {
    visit(op, |role, r| {
        if let Some(u) = units.unit(*r) {
            match role {
                Role::Read | Role::ReadGroup(_) => read(u),
                Role::Write | Role::WriteGroup(_) => write(u),
            }
        }
    });
}

/// What is live where lanes that took different ways meet again.
#[derive(Default)]
pub struct Meetings {
    /// By the address of the `If`: where the other lanes of the accept branch go on, and those of the reject branch.
    pub branches: HashMap<usize, (Bits, Bits)>,
    /// After a loop or block.
    pub ends: HashMap<Construct, Bits>,
    /// At the second part of a loop.
    pub nexts: HashMap<Construct, Bits>,
    /// At the top of a loop.
    pub tops: HashMap<Construct, Bits>,
}

/// The name of a node, as long as the tree stays as it is.
pub fn address(node: &Node) -> usize {
    std::ptr::from_ref(node) as usize
}

/// Computes liveness for the whole tree.
pub fn meetings(tree: &Tree, units: &Units) -> Meetings {
    let mut m = Meetings::default();
    let nothing = Bits::new(units.len());
    m.ends.insert(super::super::tree::ENTRY, nothing.clone());
    m.list(units, &tree.root, nothing);
    m
}

impl Meetings {
    fn list(&mut self, units: &Units, list: &[Node], mut live: Bits) -> Bits {
        for node in list.iter().rev() {
            live = self.node(units, node, live);
        }
        live
    }
    fn node(&mut self, units: &Units, node: &Node, mut live: Bits) -> Bits {
        match node {
            Node::Op(op) => {
                let mut reads = vec![];
                let kills = !matches!(op, Op::Forget { .. });
                effects(
                    units,
                    op,
                    |u| reads.push(u),
                    |u| {
                        if kills && units.is_single(u) {
                            live.remove(u);
                        }
                    },
                );
                reads.into_iter().for_each(|u| live.insert(u));
                live
            }
            Node::If { condition, accept, reject } => {
                let a = self.list(units, accept, live.clone());
                let mut r = self.list(units, reject, live.clone());
                self.branches.insert(address(node), (r.clone(), live));
                r.join(&a);
                read(units, *condition, &mut r);
                r
            }
            Node::Block { id, body } => {
                self.ends.insert(*id, live.clone());
                self.list(units, body, live)
            }
            Node::Loop { id, body, continuing, break_if } => {
                self.ends.insert(*id, live.clone());
                let mut top = Bits::new(units.len());
                loop {
                    let mut again = top.clone();
                    if break_if.is_some() {
                        again.join(&live);
                    }
                    break_if.iter().for_each(|r| read(units, *r, &mut again));
                    let next = self.list(units, continuing, again);
                    self.nexts.insert(*id, next.clone());
                    let begin = self.list(units, body, next);
                    if !top.join(&begin) {
                        self.tops.insert(*id, top.clone());
                        return top;
                    }
                }
            }
            Node::Break(id) => self.ends[id].clone(),
            Node::Continue(id) => self.nexts[id].clone(),
        }
    }
}

fn read(units: &Units, r: Reg, live: &mut Bits) {
    if let Some(u) = units.unit(r) {
        live.insert(u);
    }
}
