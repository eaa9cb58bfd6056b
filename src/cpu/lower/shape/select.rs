//! A small branch on a varying condition that does nothing but compute and store in variables is computed by all lanes, and each takes its own:
//! cheaper than making a mask, looking whether anyone is in it, and going back.
use std::collections::HashMap;

use super::super::{
    super::{
        math::Ter,
        tape::{Op, Reg},
    },
    analyse::uniform::Uniformity,
    operands::written,
    tree::{Node, Origin, Tree},
};

/// Instructions that are cheaper than a mask.
const INSTRUCTIONS: usize = 6;
/// Variables that are cheaper than a mask.
const VARIABLES: usize = 4;

/// The inner branches first. Uniformity must be found out anew afterwards.
pub fn branches(tree: &mut Tree, facts: &Uniformity) {
    let mut in_group = vec![false; tree.origins.len()];
    for (first, n) in &tree.groups {
        in_group[*first as usize..(*first + *n) as usize].fill(true);
    }
    let mut root = std::mem::take(&mut tree.root);
    Pass { tree, facts, in_group }.list(&mut root);
    tree.root = root;
}

struct Pass<'a> {
    tree: &'a mut Tree,
    facts: &'a Uniformity,
    in_group: Vec<bool>,
}

/// A branch as what it computes and what variables hold at its end.
struct Side {
    ops: Vec<Op>,
    stores: HashMap<Reg, Reg>,
    order: Vec<Reg>,
}

impl Pass<'_> {
    fn list(&mut self, list: &mut Vec<Node>) {
        let mut i = 0;
        while i < list.len() {
            let mut new = None;
            match &mut list[i] {
                Node::If { condition, accept, reject } => {
                    self.list(accept);
                    self.list(reject);
                    if self.facts.knows(*condition) && self.facts.varies(*condition) {
                        new = self.both(*condition, accept, reject);
                    }
                }
                Node::Loop { body, continuing, .. } => {
                    self.list(body);
                    self.list(continuing);
                }
                Node::Block { body, .. } => self.list(body),
                Node::Op(_) | Node::Break(_) | Node::Continue(_) => {}
            }
            if let Some(ops) = new {
                let n = ops.len();
                list.splice(i..=i, ops.into_iter().map(Node::Op));
                i += n;
            } else {
                i += 1;
            }
        }
    }

    fn both(&mut self, condition: Reg, accept: &[Node], reject: &[Node]) -> Option<Vec<Op>> {
        let (a, r) = (self.side(accept)?, self.side(reject)?);
        let mut variables = a.order.clone();
        variables.extend(r.order.iter().copied().filter(|v| !a.stores.contains_key(v)));
        if variables.len() > VARIABLES || a.ops.len() + r.ops.len() > INSTRUCTIONS {
            return None;
        }
        let mut out = [a.ops, r.ops].concat();
        let mut stores = vec![];
        for v in variables {
            let mut value = |side: &HashMap<Reg, Reg>, out: &mut Vec<Op>| {
                side.get(&v).copied().unwrap_or_else(|| {
                    let old = self.tree.register(Origin::Value);
                    out.push(Op::Copy(old, v));
                    old
                })
            };
            let (x, y) = (value(&a.stores, &mut out), value(&r.stores, &mut out));
            let d = self.tree.register(Origin::Value);
            out.push(Op::Ter(Ter::Select, d, [condition, x, y]));
            stores.push(Op::Mov(v, d));
        }
        out.extend(stores);
        Some(out)
    }

    fn side(&self, list: &[Node]) -> Option<Side> {
        let mut side = Side { ops: vec![], stores: HashMap::new(), order: vec![] };
        for node in list {
            let Node::Op(op) = node else { return None };
            match op {
                Op::Mov(v, s) | Op::Copy(v, s) if self.tree.is_variable(*v) => {
                    // a variable that is uniform is of no use outside; one of an array may be picked
                    if !self.facts.varies(*v) || self.in_group[v.ix()] {
                        return None;
                    }
                    if side.stores.insert(*v, *s).is_none() {
                        side.order.push(*v);
                    }
                }
                Op::Copy(_, s) if side.stores.contains_key(s) => return None,
                op if super::hoist::is_cheap(op) && !written(op).iter().any(|r| self.tree.is_variable(*r)) => {
                    side.ops.push(op.clone());
                }
                _ => return None,
            }
        }
        Some(side)
    }
}
