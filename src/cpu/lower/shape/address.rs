//! Splits addresses: what is constant goes into the offset, what is uniform into the uniform part, so that the lane part is the same for many
//! accesses, often for the whole workgroup.
use std::collections::HashMap;

use super::super::{
    super::{
        math::Bin,
        tape::{Addr, Op, Reg},
    },
    analyse::uniform::Uniformity,
    tree::{Node, Origin, Tree, each_op},
};

/// More terms than this are left as they are.
const TERMS: usize = 8;

/// Splits every address of a tree.
pub fn split(tree: &mut Tree, facts: &mut Uniformity) {
    let mut makers = HashMap::new();
    each_op(&tree.root, &mut |op| {
        if let Op::Bin(f @ (Bin::IAdd | Bin::ISub | Bin::IMul | Bin::Shl), d, a) = op
            && !tree.is_variable(*d)
        {
            makers.insert(*d, (*f, *a));
        }
    });
    let fixed = super::hoist::invariant(tree, facts);
    let ranks = (0..tree.origins.len()).map(|i| if fixed[i] { 0 } else { 1 }).collect();
    let mut constants = HashMap::new();
    for i in 0..tree.origins.len() {
        let r = Reg::lane(u32::try_from(i).expect("bug: registers"));
        if let Some(w) = tree.constant(r) {
            constants.entry(w).or_insert(r);
        }
    }
    let mut root = std::mem::take(&mut tree.root);
    let mut pass = Splitter { tree, facts, makers, ranks, seen: HashMap::new(), constants, undo: vec![] };
    pass.rank(&root, 1);
    pass.list(&mut root);
    tree.root = root;
}

type Key = (Bin, [Reg; 2]);

struct Splitter<'a> {
    tree: &'a mut Tree,
    facts: &'a mut Uniformity,
    makers: HashMap<Reg, Key>,
    /// How often a register changes: 0 in a workgroup never, 1 outside of loops, 2 in a loop, ...
    ranks: Vec<u32>,
    seen: HashMap<Key, Reg>,
    constants: HashMap<u32, Reg>,
    undo: Vec<Key>,
}

/// A sum of registers times constants, and a constant.
#[derive(Default)]
struct Sum {
    terms: Vec<(Reg, u32)>,
    constant: u32,
}

impl Sum {
    fn add(&mut self, r: Reg, factor: u32) {
        match self.terms.iter_mut().find(|t| t.0 == r) {
            Some(t) => t.1 = t.1.wrapping_add(factor),
            None => self.terms.push((r, factor)),
        }
    }
}

impl Splitter<'_> {
    fn rank(&mut self, list: &[Node], depth: u32) {
        for node in list {
            match node {
                Node::Op(op) => {
                    for r in super::super::operands::written(op) {
                        let rank = &mut self.ranks[r.ix()];
                        if *rank > 0 {
                            *rank = (*rank).max(depth);
                        }
                    }
                }
                Node::If { accept, reject, .. } => {
                    self.rank(accept, depth);
                    self.rank(reject, depth);
                }
                Node::Loop { body, continuing, .. } => {
                    self.rank(body, depth + 1);
                    self.rank(continuing, depth + 1);
                }
                Node::Block { body, .. } => self.rank(body, depth),
                Node::Break(_) | Node::Continue(_) => {}
            }
        }
    }

    fn list(&mut self, list: &mut Vec<Node>) {
        let mark = self.undo.len();
        let mut i = 0;
        while i < list.len() {
            let mut new = vec![];
            match &mut list[i] {
                Node::Op(op) => {
                    if let Op::Load { addr, .. }
                    | Op::Store { addr, .. }
                    | Op::Atomic { addr, .. }
                    | Op::AtomicWide { addr, .. } = op
                    {
                        self.address(addr, &mut new);
                    } else if let Op::Bin(f, d, a) = op
                        && self.makers.contains_key(d)
                    {
                        self.see((*f, *a), *d);
                    }
                }
                Node::If { accept, reject, .. } => {
                    self.list(accept);
                    self.list(reject);
                }
                Node::Loop { body, continuing, .. } => {
                    self.list(body);
                    self.list(continuing);
                }
                Node::Block { body, .. } => self.list(body),
                Node::Break(_) | Node::Continue(_) => {}
            }
            let n = new.len();
            list.splice(i..i, new.into_iter().map(Node::Op));
            i += n + 1;
        }
        for key in self.undo.drain(mark..) {
            self.seen.remove(&key);
        }
    }
    fn see(&mut self, key: Key, d: Reg) {
        if self.seen.insert(key, d).is_none() {
            self.undo.push(key);
        }
    }

    fn address(&mut self, addr: &mut Addr, new: &mut Vec<Op>) {
        let Some(byte) = addr.lane.take() else { return };
        let mut sum = Sum::default();
        self.expand(byte, 1, &mut sum, new);
        sum.terms.retain(|t| t.1 != 0);
        let parts: Vec<(bool, u32)> =
            sum.terms.iter().map(|(r, _)| (self.facts.varies(*r), self.ranks[r.ix()])).collect();
        let alike = parts.iter().all(|p| *p == parts[0]);
        let free = parts.iter().all(|p| p.1 == 0);
        if sum.terms.len() > TERMS || (alike && !free && sum.constant == 0) {
            // nothing to split
            *(if self.facts.varies(byte) { &mut addr.lane } else { &mut addr.uniform }) = Some(byte);
            return;
        }
        addr.offset = addr.offset.wrapping_add(sum.constant);
        addr.lane = self.part(&sum, true, new);
        addr.uniform = self.part(&sum, false, new);
    }

    /// Writes a register as a sum.
    fn expand(&mut self, r: Reg, factor: u32, sum: &mut Sum, new: &mut Vec<Op>) {
        if let Some(w) = self.tree.constant(r) {
            sum.constant = sum.constant.wrapping_add(w.wrapping_mul(factor));
            return;
        }
        let add = |sum: &mut Sum| sum.add(r, factor);
        let Some((f, [a, b])) = self.makers.get(&r).copied() else { return add(sum) };
        if sum.terms.len() > TERMS {
            return add(sum);
        }
        match (f, self.tree.constant(b)) {
            (Bin::IAdd, _) => {
                self.expand(a, factor, sum, new);
                self.expand(b, factor, sum, new);
            }
            (Bin::ISub, _) => {
                self.expand(a, factor, sum, new);
                self.expand(b, factor.wrapping_neg(), sum, new);
            }
            (Bin::IMul, Some(k)) => self.expand(a, factor.wrapping_mul(k), sum, new),
            (Bin::Shl, Some(k)) => self.expand(a, factor.wrapping_shl(k), sum, new),
            (Bin::IMul, None) if self.facts.varies(a) != self.facts.varies(b) => {
                let (lane, uniform) = if self.facts.varies(a) { (a, b) } else { (b, a) };
                if !self.distribute(lane, uniform, factor, sum, new) {
                    add(sum);
                }
            }
            _ => add(sum),
        }
    }

    /// `(lane terms + uniform terms) * uniform`, term by term, if that parts anything.
    fn distribute(&mut self, lane: Reg, uniform: Reg, factor: u32, sum: &mut Sum, new: &mut Vec<Op>) -> bool {
        let mut inner = Sum::default();
        self.expand(lane, 1, &mut inner, new);
        inner.terms.retain(|t| t.1 != 0);
        let parts = |this: &Self, t: &(Reg, u32)| (this.facts.varies(t.0), this.ranks[t.0.ix()]);
        let first = inner.terms.first().map(|t| parts(self, t));
        if inner.terms.len() > TERMS
            || (inner.constant == 0 && inner.terms.iter().all(|t| Some(parts(self, t)) == first))
        {
            return false;
        }
        // the lane terms of one rank share a product
        let mut ranks: Vec<u32> =
            inner.terms.iter().filter(|t| self.facts.varies(t.0)).map(|t| self.ranks[t.0.ix()]).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let mut pieces = vec![];
        for rank in ranks {
            let terms = inner
                .terms
                .iter()
                .copied()
                .filter(|t| self.facts.varies(t.0) && self.ranks[t.0.ix()] == rank)
                .collect();
            pieces.push(Sum { terms, constant: 0 });
        }
        for piece in pieces {
            if let Some(p) = self.part(&piece, true, new) {
                let product = self.make(Bin::IMul, p, uniform, new);
                sum.add(product, factor);
            }
        }
        for (r, k) in inner.terms.iter().copied().filter(|t| !self.facts.varies(t.0)).collect::<Vec<_>>() {
            let product = self.make(Bin::IMul, r, uniform, new);
            sum.add(product, factor.wrapping_mul(k));
        }
        if inner.constant != 0 {
            sum.add(uniform, factor.wrapping_mul(inner.constant));
        }
        true
    }

    /// The lane or the uniform part of a sum; what changes least comes first.
    fn part(&mut self, sum: &Sum, varies: bool, new: &mut Vec<Op>) -> Option<Reg> {
        let mut terms: Vec<(Reg, u32)> =
            sum.terms.iter().copied().filter(|t| self.facts.varies(t.0) == varies).collect();
        terms.sort_by_key(|(r, k)| (self.ranks[r.ix()], *k, *r));
        let mut total: Option<Reg> = None;
        let mut i = 0;
        while i < terms.len() {
            // terms of one rank and factor: add, then scale
            let (first, factor) = terms[i];
            let rank = self.ranks[first.ix()];
            let mut group = first;
            i += 1;
            while i < terms.len() && terms[i].1 == factor && self.ranks[terms[i].0.ix()] == rank {
                group = self.make(Bin::IAdd, group, terms[i].0, new);
                i += 1;
            }
            let scaled = self.scale(group, factor, new);
            total = Some(match total {
                None => scaled,
                Some(t) => self.make(Bin::IAdd, t, scaled, new),
            });
        }
        total
    }
    fn scale(&mut self, r: Reg, factor: u32, new: &mut Vec<Op>) -> Reg {
        if factor == 1 {
            return r;
        }
        let (f, k) = if factor.is_power_of_two() { (Bin::Shl, factor.trailing_zeros()) } else { (Bin::IMul, factor) };
        let k = match self.constants.get(&k) {
            Some(r) => *r,
            None => {
                let r = self.new_register(Origin::Const(k), false, 0);
                self.constants.insert(k, r);
                r
            }
        };
        self.make(f, r, k, new)
    }
    fn new_register(&mut self, origin: Origin, varies: bool, rank: u32) -> Reg {
        self.facts.push(varies);
        self.ranks.push(rank);
        self.tree.register(origin)
    }
    fn make(&mut self, f: Bin, a: Reg, b: Reg, new: &mut Vec<Op>) -> Reg {
        let key = if f == Bin::IAdd && b < a { (f, [b, a]) } else { (f, [a, b]) };
        if let Some(d) = self.seen.get(&key) {
            return *d;
        }
        let varies = self.facts.varies(a) || self.facts.varies(b);
        let rank = self.ranks[a.ix()].max(self.ranks[b.ix()]);
        let d = self.new_register(Origin::Value, varies, rank);
        new.push(Op::Bin(key.0, d, key.1));
        self.makers.insert(d, key);
        self.see(key, d);
        d
    }
}
