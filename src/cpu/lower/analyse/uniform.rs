//! Uniformity: which registers hold the same word for all invocations that execute, and where these part.
//!
//! A *value* is uniform if all it is made of is. A *variable* is uniform if only uniform values are stored in it and no invocation can read
//! what another, on another way, has stored. Invocations part at a branch on a varying condition, and at jumps below one; those that
//! are not executing wait where the ways meet again. So a store is harmless if, at every place where others may wait, the variable
//! is dead. That covers counters of loops that some lanes leave early, and whole functions called by some lanes only.
//! The invocations that have left the entry point wait nowhere.
//!
//! All begins as uniform; what is found varying makes more varying, until nothing changes.
use super::{
    super::{
        super::tape::{BuiltIn, Op, Reg},
        bits::Bits,
        operands::{Role, visit},
        tree::{Construct, ENTRY, Node, Origin, Tree},
    },
    live::{Meetings, Units, address, effects, meetings},
};

/// What is known about the flow.
pub struct Uniformity {
    /// By virtual register.
    varying: Vec<bool>,
    /// Do lanes leave the construct while others stay?
    pub breaks: Vec<bool>,
    /// Do lanes skip to the second part of the loop while others go on?
    pub continues: Vec<bool>,
}

impl Uniformity {
    /// May lanes differ?
    pub fn varies(&self, r: Reg) -> bool {
        self.varying[r.ix()]
    }
    /// Is the register older than the analysis?
    pub fn knows(&self, r: Reg) -> bool {
        r.ix() < self.varying.len()
    }
    /// A new register.
    pub fn push(&mut self, varies: bool) {
        self.varying.push(varies);
    }
    /// Has the construct a mask of its own?
    pub fn has_level(&self, id: Construct) -> bool {
        self.breaks[id as usize] || self.continues[id as usize]
    }
}

/// The fixpoint. Stores that need no mask (no other lane will read the variable) become [`Op::Copy`].
pub fn analyse(tree: &mut Tree) -> Uniformity {
    let units = Units::new(tree);
    let meet = meetings(tree, &units);
    let n = tree.n_constructs as usize;
    let varying = tree
        .origins
        .iter()
        .map(|o| match o {
            Origin::BuiltIn(b) => !matches!(b, BuiltIn::WorkgroupId(_) | BuiltIn::NumWorkgroups(_)),
            Origin::Const(_) | Origin::Value | Origin::Variable => false,
        })
        .collect();
    let mut this = Analysis {
        facts: Uniformity { varying, breaks: vec![false; n], continues: vec![false; n] },
        varying_units: Bits::new(units.len()),
        units: &units,
        changed: true,
    };
    while std::mem::take(&mut this.changed) {
        this.values(&tree.root);
        this.exits(&tree.root, &mut vec![]);
        this.stores(&tree.root, &meet, &Bits::new(units.len()));
        this.spread(tree);
    }
    let facts = this.facts;
    let mut root = std::mem::take(&mut tree.root);
    let unmasked = {
        let mut out = vec![];
        unmasked(&root, &facts, &units, &meet, &Bits::new(units.len()), &mut out);
        out
    };
    let mut unmasked = unmasked.into_iter();
    rewrite(&mut root, &mut unmasked);
    tree.root = root;
    facts
}

struct Analysis<'a> {
    facts: Uniformity,
    units: &'a Units,
    varying_units: Bits,
    changed: bool,
}

impl Analysis<'_> {
    fn mark(&mut self, r: Reg) {
        if !self.facts.varying[r.ix()] {
            self.facts.varying[r.ix()] = true;
            self.changed = true;
        }
    }
    fn mark_unit(&mut self, u: usize) {
        if !self.varying_units.contains(u) {
            self.varying_units.insert(u);
            self.changed = true;
        }
    }
    /// All registers of a varying unit vary.
    fn spread(&mut self, tree: &Tree) {
        for i in 0..tree.origins.len() {
            let r = Reg::lane(u32::try_from(i).expect("bug: registers"));
            if self.units.unit(r).is_some_and(|u| self.varying_units.contains(u)) {
                self.mark(r);
            }
        }
    }

    fn values(&mut self, list: &[Node]) {
        for node in list {
            match node {
                Node::Op(op) => self.value(op),
                Node::If { accept, reject, .. } => {
                    self.values(accept);
                    self.values(reject);
                }
                Node::Loop { body, continuing, .. } => {
                    self.values(body);
                    self.values(continuing);
                }
                Node::Block { body, .. } => self.values(body),
                Node::Break(_) | Node::Continue(_) => {}
            }
        }
    }
    fn value(&mut self, op: &Op) {
        let mut varies = matches!(
            op,
            Op::Atomic { .. } | Op::AtomicWide { .. } | Op::Ballot { .. } | Op::Collect { .. } | Op::Gather { .. }
        );
        visit(op, |role, r| varies |= matches!(role, Role::Read | Role::ReadGroup(_)) && self.facts.varies(*r));
        if !varies {
            return;
        }
        visit(op, |role, r| {
            if matches!(role, Role::Write | Role::WriteGroup(_)) {
                match self.units.unit(*r) {
                    Some(u) => self.mark_unit(u),
                    None => self.mark(*r),
                }
            }
        });
    }

    /// Finds the constructs that lanes leave at different times. `open`: the constructs around, each with whether lanes have parted there.
    fn exits(&mut self, list: &[Node], open: &mut Vec<(Option<Construct>, bool)>) {
        for node in list {
            match node {
                Node::Op(_) => {}
                Node::If { condition, accept, reject } => {
                    open.push((None, self.facts.varies(*condition)));
                    self.exits(accept, open);
                    self.exits(reject, open);
                    open.pop();
                }
                Node::Loop { id, body, continuing, break_if } => {
                    if break_if.is_some_and(|c| self.facts.varies(c)) {
                        self.set_breaks(*id);
                    }
                    open.push((Some(*id), self.facts.has_level(*id)));
                    self.exits(body, open);
                    self.exits(continuing, open);
                    open.pop();
                }
                Node::Block { id, body } => {
                    open.push((Some(*id), self.facts.has_level(*id)));
                    self.exits(body, open);
                    open.pop();
                }
                Node::Break(id) => {
                    if parted(open, *id) || self.facts.continues[*id as usize] {
                        self.set_breaks(*id);
                    }
                }
                Node::Continue(id) => {
                    if parted(open, *id) && !self.facts.continues[*id as usize] {
                        self.facts.continues[*id as usize] = true;
                        self.changed = true;
                    }
                }
            }
        }
    }
    fn set_breaks(&mut self, id: Construct) {
        if !self.facts.breaks[id as usize] {
            self.facts.breaks[id as usize] = true;
            self.changed = true;
        }
    }

    /// `waiting`: variables that lanes not executing now will read.
    fn stores(&mut self, list: &[Node], meet: &Meetings, waiting: &Bits) {
        for node in list {
            if let Node::Op(op) = node {
                let mut bad = vec![];
                effects(
                    self.units,
                    op,
                    |_| {},
                    |u| {
                        if waiting.contains(u) {
                            bad.push(u);
                        }
                    },
                );
                bad.into_iter().for_each(|u| self.mark_unit(u));
                continue;
            }
            for (part, waiting) in parts(node, &self.facts, meet, waiting) {
                self.stores(part, meet, &waiting);
            }
        }
    }
}

/// Has a construct inside `id` let lanes part?
fn parted(open: &[(Option<Construct>, bool)], id: Construct) -> bool {
    let from = if id == ENTRY {
        0
    } else {
        1 + open.iter().position(|(c, _)| *c == Some(id)).expect("bug: a jump out of nothing")
    };
    open[from..].iter().any(|(_, parted)| *parted)
}

/// The lists of a node, each with the variables that lanes not executing it will read.
fn parts<'t>(node: &'t Node, facts: &Uniformity, meet: &Meetings, waiting: &Bits) -> Vec<(&'t [Node], Bits)> {
    let with = |more: &Bits, on: bool| {
        let mut w = waiting.clone();
        if on {
            w.join(more);
        }
        w
    };
    match node {
        Node::If { condition, accept, reject } => {
            let (a, r) = &meet.branches[&address(node)];
            let on = facts.varies(*condition);
            vec![(accept, with(a, on)), (reject, with(r, on))]
        }
        Node::Loop { id, body, continuing, .. } => {
            let at_end = with(&meet.ends[id], facts.has_level(*id));
            let mut at_next = at_end.clone();
            if facts.continues[*id as usize] {
                at_next.join(&meet.nexts[id]);
            }
            vec![(body, at_next), (continuing, at_end)]
        }
        Node::Block { id, body } => vec![(body, with(&meet.ends[id], facts.has_level(*id)))],
        Node::Op(_) | Node::Break(_) | Node::Continue(_) => vec![],
    }
}

/// For each move, in order: may it write all lanes?
fn unmasked(list: &[Node], facts: &Uniformity, units: &Units, meet: &Meetings, waiting: &Bits, out: &mut Vec<bool>) {
    for node in list {
        if let Node::Op(op) = node {
            if let Op::Mov(d, _) = op {
                out.push(!units.unit(*d).is_some_and(|u| waiting.contains(u)));
            }
            continue;
        }
        for (part, waiting) in parts(node, facts, meet, waiting) {
            unmasked(part, facts, units, meet, &waiting, out);
        }
    }
}
fn rewrite(list: &mut [Node], unmasked: &mut impl Iterator<Item = bool>) {
    for node in list {
        match node {
            Node::Op(op) => {
                if let Op::Mov(d, s) = *op
                    && unmasked.next().expect("bug: as many as moves")
                {
                    *op = Op::Copy(d, s);
                }
            }
            Node::If { accept, reject, .. } => {
                rewrite(accept, unmasked);
                rewrite(reject, unmasked);
            }
            Node::Loop { body, continuing, .. } => {
                rewrite(body, unmasked);
                rewrite(continuing, unmasked);
            }
            Node::Block { body, .. } => rewrite(body, unmasked),
            Node::Break(_) | Node::Continue(_) => {}
        }
    }
}
