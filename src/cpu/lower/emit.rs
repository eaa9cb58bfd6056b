//! Tree to tape: registers get their file, flow becomes masks and jumps.
//!
//! A *level* is a lane register with the lanes that execute a list once the lists inside it are done. A branch on a varying condition, and a
//! construct that lanes leave at different times, has a level of its own; leaving takes the lanes out of all levels up to that of the construct.
//! Code is never run without lanes: where a level may have become empty, a jump leads to where it ends (uniform loops rely on that).
use std::collections::{HashMap, HashSet};

use super::{
    super::{
        math::Bin,
        tape::{Addr, BuiltIn, EXIST, Label, MASK, Op, Reg, Tape},
    },
    analyse::uniform::Uniformity,
    build::Built,
    operands::{self, Role},
    tree::{Construct, ENTRY, Node, Origin, Tree},
};

struct Level {
    mask: Reg,
    /// Where to go when it is empty.
    skip: Label,
    /// Lanes have been taken out since it was last made current.
    reduced: bool,
}

/// A construct that is open.
struct Open {
    end: Label,
    next: Label,
    /// The level of those that stay in it, and of those in its body.
    levels: Option<(usize, usize)>,
}

struct Emitter<'a> {
    tree: &'a Tree,
    facts: &'a Uniformity,
    names: Vec<Option<Reg>>,
    constants: Vec<(Reg, u32)>,
    builtins: Vec<(BuiltIn, Reg)>,
    n_lane: u32,
    n_uniform: u32,
    n_labels: u32,
    out: Vec<Op>,
    levels: Vec<Level>,
    open: HashMap<Construct, Open>,
}

/// Writes the tape.
pub fn emit(built: Built, prologue: &[Op], facts: &Uniformity, config: &super::Config) -> Tape {
    let tree = &built.tree;
    let mut e = Emitter {
        tree,
        facts,
        names: vec![None; tree.origins.len()],
        constants: vec![],
        builtins: vec![],
        n_lane: 2,
        n_uniform: 0,
        n_labels: 0,
        out: vec![],
        levels: vec![],
        open: HashMap::new(),
    };
    e.name_groups();
    for op in prologue {
        e.op(op);
    }
    let prologue = std::mem::take(&mut e.out);
    e.entry();
    let body = std::mem::take(&mut e.out);
    let mut tape = Tape {
        workgroup_size: built.workgroup_size,
        subgroup: config.subgroup,
        prologue,
        body,
        n_lane: e.n_lane,
        n_uniform: e.n_uniform,
        constants: e.constants,
        builtins: e.builtins,
        memory: built.tree.memory,
        n_shapes: 0,
        cross_lane: built.cross_lane,
        places: built.places,
        zero_workgroup: config.zero_workgroup,
    };
    name_shapes(&mut tape);
    tape
}

/// A slot for each lane register of an address that the prologue writes.
fn name_shapes(tape: &mut Tape) {
    let fixed: HashSet<Reg> = tape.prologue.iter().flat_map(operands::written).collect();
    let mut slots: HashMap<Reg, u16> = HashMap::new();
    for op in tape.prologue.iter_mut().chain(&mut tape.body) {
        let (Op::Load { addr, .. } | Op::Store { addr, .. } | Op::Atomic { addr, .. } | Op::AtomicWide { addr, .. }) =
            op
        else {
            continue;
        };
        if let Some(r) = addr.lane.filter(|r| fixed.contains(r)) {
            let next = u16::try_from(slots.len()).ok();
            addr.shape = slots.get(&r).copied().or(next);
            if let Some(s) = addr.shape {
                slots.insert(r, s);
            }
        }
    }
    tape.n_shapes = u16::try_from(slots.len()).unwrap_or(u16::MAX);
}

impl Emitter<'_> {
    // ---- registers
    fn lane(&mut self) -> Reg {
        self.n_lane += 1;
        Reg::lane(self.n_lane - 1)
    }
    fn in_file(&mut self, varies: bool) -> Reg {
        if varies {
            return self.lane();
        }
        self.n_uniform += 1;
        Reg::uniform(self.n_uniform - 1)
    }
    /// Groups get consecutive names.
    fn name_groups(&mut self) {
        let mut groups = self.tree.groups.clone();
        groups.sort_unstable();
        let mut at = 0;
        let mut merged: Vec<(u32, u32)> = vec![];
        for (first, count) in groups {
            match merged.last_mut() {
                Some((f, n)) if first < at => *n = (*n).max(first + count - *f),
                _ => merged.push((first, count)),
            }
            at = at.max(first + count);
        }
        for (first, count) in merged {
            for i in first..first + count {
                let r = self.in_file(self.facts.varies(Reg::lane(first)));
                self.names[i as usize] = Some(r);
                if let Origin::Const(w) = self.tree.origins[i as usize] {
                    self.constants.push((r, w));
                }
            }
        }
    }
    fn name(&mut self, r: Reg) -> Reg {
        if r == MASK || r == EXIST {
            return r;
        }
        if let Some(name) = self.names[r.ix()] {
            return name;
        }
        let name = self.in_file(self.facts.varies(r));
        self.names[r.ix()] = Some(name);
        match self.tree.origins[r.ix()] {
            Origin::Const(w) => self.constants.push((name, w)),
            Origin::BuiltIn(b) => self.builtins.push((b, name)),
            Origin::Value | Origin::Variable => {}
        }
        name
    }
    fn label(&mut self) -> Label {
        self.n_labels += 1;
        Label(self.n_labels - 1)
    }

    fn op(&mut self, op: &Op) {
        let mut op = op.clone();
        operands::visit_mut(&mut op, |role, r| {
            let name = self.name(*r);
            debug_assert!(!matches!(role, Role::ReadGroup(_) | Role::WriteGroup(_)) || self.names[r.ix()].is_some());
            *r = name;
        });
        if let Op::Load { addr, .. } | Op::Store { addr, .. } | Op::Atomic { addr, .. } | Op::AtomicWide { addr, .. } =
            &mut op
        {
            place_address(addr);
        }
        self.out.push(op);
    }

    // ---- flow
    fn entry(&mut self) {
        let end = self.label();
        let mut mask = EXIST;
        let leveled = self.facts.has_level(ENTRY);
        if leveled {
            mask = self.lane();
            self.out.push(Op::Copy(mask, EXIST));
        }
        self.levels.push(Level { mask, skip: end, reduced: false });
        self.open.insert(ENTRY, Open { end, next: end, levels: leveled.then_some((0, 0)) });
        let tree = self.tree;
        self.list(&tree.root);
        self.out.push(Op::Label(end));
        self.out.push(Op::End);
    }

    fn list(&mut self, list: &[Node]) {
        for node in list {
            match node {
                Node::Op(op) => self.op(op),
                Node::If { condition, accept, reject } if self.facts.varies(*condition) => {
                    let c = self.name(*condition);
                    self.part(c, accept, reject);
                }
                Node::If { condition, accept, reject } => {
                    let c = self.name(*condition);
                    self.choose(c, accept, reject);
                }
                Node::Loop { id, body, continuing, break_if } if self.facts.has_level(*id) => {
                    self.ragged_loop(*id, body, continuing, *break_if);
                }
                Node::Loop { id, body, continuing, break_if } => self.even_loop(*id, body, continuing, *break_if),
                Node::Block { id, body } => self.block(*id, body),
                Node::Break(id) => {
                    self.leave(*id, false);
                    return;
                }
                Node::Continue(id) => {
                    self.leave(*id, true);
                    return;
                }
            }
        }
    }

    fn current(&self) -> &Level {
        self.levels.last().expect("bug: there is always a level")
    }
    /// The current level is that of the machine again.
    fn resume(&mut self) {
        let level = self.levels.last_mut().expect("bug: there is always a level");
        self.out.push(Op::SetMask(level.mask));
        if std::mem::take(&mut level.reduced) {
            let skip = level.skip;
            self.out.push(Op::JumpNone(skip));
        }
    }

    /// The lowest level that a jump takes lanes out of; `None`: all lanes go together.
    fn lowest(&self, id: Construct, to_next: bool) -> Option<usize> {
        let (stay, body) = self.open[&id].levels?;
        Some(if to_next { body } else { stay })
    }

    /// All lanes of the current level jump.
    fn leave(&mut self, id: Construct, to_next: bool) {
        let target = if to_next { self.open[&id].next } else { self.open[&id].end };
        let top = self.levels.len() - 1;
        match self.lowest(id, to_next) {
            Some(lowest) if lowest < top => {
                let mask = self.current().mask;
                for k in lowest..top {
                    self.reduce(k, Bin::AndNot, mask);
                }
                let skip = self.current().skip;
                self.out.push(Op::Jump(skip));
            }
            _ => self.out.push(Op::Jump(target)),
        }
    }
    fn reduce(&mut self, level: usize, f: Bin, by: Reg) {
        let mask = self.levels[level].mask;
        self.out.push(Op::Bin(f, mask, [mask, by]));
        self.levels[level].reduced = true;
    }

    /// A branch on a uniform condition.
    fn choose(&mut self, c: Reg, accept: &[Node], reject: &[Node]) {
        let end = self.label();
        if accept.is_empty() {
            self.out.push(Op::JumpNonzero(c, end));
            self.list(reject);
        } else {
            let other = if reject.is_empty() { end } else { self.label() };
            self.out.push(Op::JumpZero(c, other));
            self.list(accept);
            if !reject.is_empty() {
                self.out.push(Op::Jump(end));
                self.out.push(Op::Label(other));
                self.list(reject);
            }
        }
        self.out.push(Op::Label(end));
    }

    /// A branch on a varying condition.
    fn part(&mut self, c: Reg, accept: &[Node], reject: &[Node]) {
        match (accept, reject) {
            ([jump @ (Node::Break(_) | Node::Continue(_))], []) => return self.drop_lanes(jump, Bin::AndNot, c),
            ([], [jump @ (Node::Break(_) | Node::Continue(_))]) => return self.drop_lanes(jump, Bin::And, c),
            _ => {}
        }
        let mask = self.current().mask;
        let end = self.label();
        if !accept.is_empty() {
            let other = if reject.is_empty() { end } else { self.label() };
            self.under(Bin::And, mask, c, other, accept);
            if other != end {
                self.out.push(Op::Label(other));
            }
        }
        if !reject.is_empty() {
            self.under(Bin::AndNot, mask, c, end, reject);
        }
        self.out.push(Op::Label(end));
        self.resume();
    }
    fn under(&mut self, f: Bin, mask: Reg, c: Reg, skip: Label, list: &[Node]) {
        let own = self.lane();
        self.out.extend([Op::Bin(f, own, [mask, c]), Op::SetMask(own), Op::JumpNone(skip)]);
        self.levels.push(Level { mask: own, skip, reduced: false });
        self.list(list);
        self.levels.pop();
    }
    /// The lanes with this condition jump, and that is all.
    fn drop_lanes(&mut self, jump: &Node, f: Bin, c: Reg) {
        let lowest = match jump {
            Node::Break(id) => self.lowest(*id, false),
            Node::Continue(id) => self.lowest(*id, true),
            _ => None,
        };
        let lowest = lowest.expect("bug: lanes part at a construct without a level");
        let top = self.levels.len() - 1;
        // a level can only lose what it has: the condition of lanes that do not execute now means nothing
        let mut by = c;
        if lowest < top {
            let mask = self.current().mask;
            by = self.lane();
            self.out.push(Op::Bin(if f == Bin::AndNot { Bin::And } else { Bin::AndNot }, by, [mask, c]));
        }
        for k in lowest..=top {
            let f = if lowest < top { Bin::AndNot } else { f };
            self.reduce(k, f, by);
        }
        self.resume();
    }

    fn block(&mut self, id: Construct, body: &[Node]) {
        let end = self.label();
        if !self.facts.has_level(id) {
            self.open.insert(id, Open { end, next: end, levels: None });
            self.list(body);
            self.out.push(Op::Label(end));
            return;
        }
        let own = self.lane();
        let mask = self.current().mask;
        self.out.push(Op::Copy(own, mask));
        let at = self.levels.len();
        self.levels.push(Level { mask: own, skip: end, reduced: false });
        self.open.insert(id, Open { end, next: end, levels: Some((at, at)) });
        self.list(body);
        self.levels.pop();
        self.out.push(Op::Label(end));
        self.resume();
    }

    /// A loop that all lanes leave together.
    fn even_loop(&mut self, id: Construct, body: &[Node], continuing: &[Node], break_if: Option<Reg>) {
        let [top, next, end] = [self.label(), self.label(), self.label()];
        self.open.insert(id, Open { end, next, levels: None });
        self.out.push(Op::Label(top));
        self.list(body);
        self.out.push(Op::Label(next));
        self.list(continuing);
        match break_if {
            Some(c) => {
                let c = self.name(c);
                self.out.push(Op::JumpZero(c, top));
            }
            None => self.out.push(Op::Jump(top)),
        }
        self.out.push(Op::Label(end));
    }

    /// A loop that lanes leave, or go on in, at different times.
    fn ragged_loop(&mut self, id: Construct, body: &[Node], continuing: &[Node], break_if: Option<Reg>) {
        let [top, next, end] = [self.label(), self.label(), self.label()];
        let mask = self.current().mask;
        let stay = self.lane();
        let at = self.levels.len();
        self.out.push(Op::Copy(stay, mask));
        self.levels.push(Level { mask: stay, skip: end, reduced: false });
        self.out.push(Op::Label(top));
        if self.facts.continues[id as usize] {
            let turn = self.lane();
            self.out.push(Op::Copy(turn, stay));
            self.levels.push(Level { mask: turn, skip: next, reduced: false });
            self.open.insert(id, Open { end, next, levels: Some((at, at + 1)) });
            self.list(body);
            self.levels.pop();
            self.out.push(Op::Label(next));
            self.levels[at].reduced = true;
            self.resume();
        } else {
            self.open.insert(id, Open { end, next, levels: Some((at, at)) });
            self.list(body);
            self.out.push(Op::Label(next));
        }
        self.list(continuing);
        match break_if {
            Some(c) if self.facts.varies(c) => {
                let c = self.name(c);
                self.out.push(Op::Bin(Bin::AndNot, stay, [stay, c]));
                self.out.push(Op::SetMask(stay));
                self.out.push(Op::JumpAny(top));
            }
            Some(c) => {
                let c = self.name(c);
                self.out.push(Op::JumpZero(c, top));
            }
            None => self.out.push(Op::Jump(top)),
        }
        self.levels.pop();
        self.out.push(Op::Label(end));
        self.resume();
    }
}

/// One register of the tree may be either part of an address.
fn place_address(addr: &mut Addr) {
    if addr.lane.is_some_and(Reg::is_uniform) {
        assert!(addr.uniform.is_none(), "bug: two uniform parts of an address");
        addr.uniform = addr.lane.take();
    }
}
