//! Structured flow: what is known in a branch is forgotten after it.
use naga::{Block, Expression, Handle, Statement, SwitchCase, SwitchValue};

use super::{Bin, Builder, Flow, Goto, Node, Reg, Res, Target, statement::Item};

/// Deeper nesting of "the rest goes into the other branch" than this is left as jumps.
const NESTING: usize = 48;

/// What a branch left behind.
struct Branch {
    list: Vec<Node>,
    flow: Flow,
    /// The variables it wrote and what they hold at its end.
    wrote: Vec<(Reg, Option<Reg>)>,
}

impl<'m> Builder<'m> {
    /// Builds a list of its own; what it makes known is forgotten.
    fn within(&mut self, build: impl FnOnce(&mut Self) -> Res<Flow>) -> Res<Branch> {
        let (mark, writes) = (self.undo.len(), self.writes.len());
        let outer = std::mem::take(&mut self.out);
        self.depth += 1;
        let flow = build(self);
        self.depth -= 1;
        let list = std::mem::replace(&mut self.out, outer);
        let wrote = self.writes[writes..].iter().map(|v| (*v, self.known.get(v).copied())).collect();
        self.undo_to(mark);
        Ok(Branch { list, flow: flow?, wrote })
    }

    pub(super) fn branch(
        &mut self,
        condition: Handle<Expression>,
        accept: &'m Block,
        reject: &'m Block,
        tail: &[Goto],
    ) -> Res<Flow> {
        let c = self.word(condition)?;
        match self.tree.constant(c) {
            Some(0) => self.block(reject, tail),
            Some(_) => self.block(accept, tail),
            None => self.either(c, |this| this.block(accept, tail), |this| this.block(reject, tail)),
        }
    }

    /// If one branch always jumps to where the end of the list leads anyway, the rest of the list belongs to the other.
    pub(super) fn takes_rest(&self, accept: &Block, reject: &Block, rest: &[Item<'m>], tail: &[Goto]) -> bool {
        let leaves = |b: &Block| self.last_jump(b).is_some_and(|g| tail.contains(&g));
        !rest.is_empty() && self.depth < NESTING && (leaves(accept) || leaves(reject))
    }
    pub(super) fn branch_with_rest(
        &mut self,
        condition: Handle<Expression>,
        accept: &'m Block,
        reject: &'m Block,
        rest: &[Item<'m>],
        tail: &[Goto],
    ) -> Res<Flow> {
        let leaves = [accept, reject].map(|b| self.last_jump(b).is_some_and(|g| tail.contains(&g)));
        let c = self.word(condition)?;
        let go = |this: &mut Self, b: &'m Block, leaves: bool| {
            if leaves {
                return this.block(b, tail);
            }
            match this.block(b, &[])? {
                Flow::Falls => this.statements(rest, tail),
                left @ Flow::Left(_) => Ok(left),
            }
        };
        match self.tree.constant(c) {
            Some(0) => go(self, reject, leaves[1]),
            Some(_) => go(self, accept, leaves[0]),
            None if leaves == [true, true] => {
                self.either(c, |this| this.block(accept, tail), |this| this.block(reject, tail))
            }
            None if leaves[0] => self.either(c, |this| this.block(accept, tail), |this| go(this, reject, false)),
            None => self.either(c, |this| go(this, accept, false), |this| this.block(reject, tail)),
        }
    }
    /// The jump at the very end of a block, if any.
    fn last_jump(&self, b: &Block) -> Option<Goto> {
        match b.last()? {
            Statement::Break => self.innermost(false).ok(),
            Statement::Continue => self.innermost(true).ok(),
            Statement::Return { .. } => Some(Goto::Break(self.frame().exit)),
            Statement::Block(b) => self.last_jump(b),
            _ => None,
        }
    }

    /// Two branches on a condition that is not constant.
    pub(super) fn either(
        &mut self,
        condition: Reg,
        accept: impl FnOnce(&mut Self) -> Res<Flow>,
        reject: impl FnOnce(&mut Self) -> Res<Flow>,
    ) -> Res<Flow> {
        let older = self.tree.origins.len();
        let a = self.within(accept)?;
        let r = self.within(reject)?;
        let keep = match (a.flow, r.flow) {
            (Flow::Falls, Flow::Left(_)) => Some(&a.wrote),
            (Flow::Left(_), Flow::Falls) => Some(&r.wrote),
            _ => None,
        };
        match keep {
            // what one branch knows holds after, if the value was made before
            Some(wrote) => {
                for (v, value) in wrote.clone() {
                    let value = value.filter(|s| s.ix() < older || self.tree.constant(*s).is_some());
                    self.set_known(v, value);
                }
            }
            None => {
                for (v, _) in a.wrote.iter().chain(&r.wrote) {
                    self.set_known(*v, None);
                }
            }
        }
        if !(a.list.is_empty() && r.list.is_empty()) {
            self.out.push(Node::If { condition, accept: a.list, reject: r.list });
        }
        Ok(match (a.flow, r.flow) {
            (Flow::Left(g), Flow::Left(_)) => Flow::Left(g),
            _ => Flow::Falls,
        })
    }

    /// A list that can be left before its end. The jumps that leave it are `Goto::Break(id)`.
    pub(super) fn enclosed(&mut self, id: u32, build: impl FnOnce(&mut Self) -> Res<Flow>) -> Res<()> {
        let (mark, exits, writes) = (self.undo.len(), self.exits.len(), self.writes.len());
        let outer = std::mem::take(&mut self.out);
        self.depth += 1;
        let flow = build(self);
        self.depth -= 1;
        let list = std::mem::replace(&mut self.out, outer);
        flow?;
        if self.exits[exits..].contains(&Goto::Break(id)) {
            self.undo_to(mark);
            self.forget_since(writes);
            self.out.push(Node::Block { id, body: list });
        } else {
            self.out.extend(list);
        }
        Ok(())
    }

    /// Cases one after the other, each in the "else" of the one before; a body that falls through is followed by a copy of the next.
    pub(super) fn switch(&mut self, selector: Handle<Expression>, cases: &'m [SwitchCase], tail: &[Goto]) -> Res<Flow> {
        let s = self.word(selector)?;
        let id = self.construct();
        let value_of = |c: &SwitchCase| match c.value {
            SwitchValue::I32(v) => Some(v.cast_unsigned()),
            SwitchValue::U32(v) => Some(v),
            SwitchValue::Default => None,
        };
        // bodies with the values that lead to them; `None` in the list of values: the default
        let mut bodies: Vec<(Vec<Option<u32>>, usize)> = vec![];
        let mut pending = vec![];
        for (i, c) in cases.iter().enumerate() {
            pending.push(value_of(c));
            if !(c.fall_through && c.body.is_empty()) {
                bodies.push((std::mem::take(&mut pending), i));
            }
        }
        let mut tail = tail.to_vec();
        tail.push(Goto::Break(id));
        self.targets.push(Target { id, is_loop: false });
        let done = self.enclosed(id, |this| {
            if let Some(k) = this.tree.constant(s) {
                let chosen = bodies
                    .iter()
                    .find(|(v, _)| v.contains(&Some(k)))
                    .or_else(|| bodies.iter().find(|(v, _)| v.contains(&None)));
                return chosen.map_or(Ok(Flow::Falls), |(_, i)| this.case(cases, *i, &tail));
            }
            let default = bodies.iter().find(|(v, _)| v.contains(&None)).map(|(_, i)| *i);
            let matched: Vec<_> = bodies.iter().filter(|(v, _)| !v.contains(&None)).collect();
            this.cases(s, cases, &matched, default, &tail)
        });
        self.targets.pop();
        done?;
        Ok(Flow::Falls)
    }
    fn case(&mut self, cases: &'m [SwitchCase], ix: usize, tail: &[Goto]) -> Res<Flow> {
        let c = &cases[ix];
        let falls = c.fall_through && ix + 1 < cases.len();
        match self.block(&c.body, if falls { &[] } else { tail })? {
            Flow::Falls if falls => self.case(cases, ix + 1, tail),
            flow => Ok(flow),
        }
    }
    fn cases(
        &mut self,
        s: Reg,
        cases: &'m [SwitchCase],
        matched: &[&(Vec<Option<u32>>, usize)],
        default: Option<usize>,
        tail: &[Goto],
    ) -> Res<Flow> {
        let Some((first, rest)) = matched.split_first() else {
            return default.map_or(Ok(Flow::Falls), |i| self.case(cases, i, tail));
        };
        let mut hit = None;
        for v in first.0.iter().flatten() {
            let k = self.constant(*v);
            let same = self.bin(Bin::IEq, s, k);
            hit = Some(hit.map_or(same, |h| self.bin(Bin::Or, h, same)));
        }
        let hit = hit.ok_or("a case without a value")?;
        self.either(hit, |this| this.case(cases, first.1, tail), |this| this.cases(s, cases, rest, default, tail))
    }

    pub(super) fn repeat(
        &mut self,
        body: &'m Block,
        continuing: &'m Block,
        break_if: Option<Handle<Expression>>,
    ) -> Res<Flow> {
        if self.may_unroll
            && let Some(flow) = self.unroll(body, continuing, break_if)?
        {
            return Ok(flow);
        }
        self.forget_written(body);
        self.forget_written(continuing);
        self.touch_all();
        let id = self.construct();
        self.targets.push(Target { id, is_loop: true });
        let mark = self.undo.len();
        let (exits, writes) = (self.exits.len(), self.writes.len());
        let outer = std::mem::take(&mut self.out);
        self.depth += 1;
        let parts = self.loop_parts(id, body, continuing, break_if, exits);
        self.depth -= 1;
        self.out = outer;
        let (body, continuing, break_if) = parts?;
        self.undo_to(mark);
        self.forget_since(writes);
        self.touch_all();
        self.targets.pop();
        self.out.push(Node::Loop { id, body, continuing, break_if });
        Ok(Flow::Falls)
    }
    fn loop_parts(
        &mut self,
        id: u32,
        body: &'m Block,
        continuing: &'m Block,
        break_if: Option<Handle<Expression>>,
        exits: usize,
    ) -> Res<(Vec<Node>, Vec<Node>, Option<Reg>)> {
        let (mark, writes) = (self.undo.len(), self.writes.len());
        self.block(body, &[Goto::Continue(id)])?;
        let body = std::mem::take(&mut self.out);
        if self.exits[exits..].contains(&Goto::Continue(id)) {
            self.undo_to(mark);
            self.forget_since(writes);
        }
        self.block(continuing, &[])?;
        let break_if = match break_if {
            Some(e) => Some(self.word(e)?),
            None => None,
        };
        Ok((body, std::mem::take(&mut self.out), break_if))
    }
}
