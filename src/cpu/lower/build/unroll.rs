//! Loops whose every exit is decided by constants are built as many times as they run. Nothing is recognised: the loop is built turn
//! by turn, until a condition is not constant or too much has been made; then all is taken back.
use std::collections::HashSet;

use naga::{Block, Expression, Handle, Statement};

use super::{Builder, Fail, Flow, Goto, Reg, Res, Target};

/// Instructions that a loop may come to, moves not counted.
const INSTRUCTIONS: usize = 1024;
/// Times that it may run.
const TURNS: usize = 64;

impl<'m> Builder<'m> {
    /// `None`: it stays a loop, and nothing has been made.
    pub(super) fn unroll(
        &mut self,
        body: &'m Block,
        continuing: &'m Block,
        break_if: Option<Handle<Expression>>,
    ) -> Res<Option<Flow>> {
        let id = self.construct();
        let outer = std::mem::take(&mut self.out);
        let marks = (self.undo.len(), self.writes.len(), self.exits.len(), self.frames.len(), self.targets.len());
        let (depth, unrolling, groups, made) = (self.depth, self.unrolling.len(), self.tree.groups.len(), self.made);
        self.unrolling.push((id, depth));
        self.targets.push(Target { id, is_loop: true });
        let turns = self.turns(id, body, continuing, break_if);
        self.unrolling.truncate(unrolling);
        match turns {
            Err(Fail::Abort(a)) if a == id => {
                self.undo_to(marks.0);
                self.writes.truncate(marks.1);
                self.exits.truncate(marks.2);
                self.frames.truncate(marks.3);
                self.targets.truncate(marks.4);
                self.depth = depth;
                self.tree.groups.truncate(groups);
                self.made = made;
                self.out = outer;
                Ok(None)
            }
            Err(e) => Err(e),
            Ok(flow) => {
                self.targets.truncate(marks.4);
                let inner = std::mem::replace(&mut self.out, outer);
                self.out.extend(inner);
                Ok(Some(flow))
            }
        }
    }

    fn turns(
        &mut self,
        id: u32,
        body: &'m Block,
        continuing: &'m Block,
        break_if: Option<Handle<Expression>>,
    ) -> Res<Flow> {
        let made = self.made;
        for _ in 0..TURNS {
            match self.block(body, &[Goto::Continue(id)])? {
                Flow::Left(g) if g == Goto::Break(id) => return Ok(Flow::Falls),
                Flow::Falls => {}
                Flow::Left(g) if g == Goto::Continue(id) => {}
                left @ Flow::Left(_) => return Ok(left),
            }
            self.block(continuing, &[])?;
            if let Some(e) = break_if {
                let c = self.word(e)?;
                match self.tree.constant(c) {
                    Some(0) => {}
                    Some(_) => return Ok(Flow::Falls),
                    None => return Err(Fail::Abort(id)),
                }
            }
            if self.made - made > INSTRUCTIONS {
                break;
            }
        }
        Err(Fail::Abort(id))
    }

    /// A loop may have written these variables when its top is reached again.
    pub(super) fn forget_written(&mut self, block: &'m Block) {
        let mut registers = HashSet::new();
        self.written_in(block, &mut registers);
        for r in registers {
            self.set_known(Reg::lane(r), None);
        }
    }
    fn written_in(&self, block: &'m Block, out: &mut HashSet<u32>) {
        for s in block {
            match s {
                Statement::Block(b) => self.written_in(b, out),
                Statement::If { accept, reject, .. } => {
                    self.written_in(accept, out);
                    self.written_in(reject, out);
                }
                Statement::Switch { cases, .. } => cases.iter().for_each(|c| self.written_in(&c.body, out)),
                Statement::Loop { body, continuing, .. } => {
                    self.written_in(body, out);
                    self.written_in(continuing, out);
                }
                Statement::Store { pointer, .. } => out.extend(self.root_registers(*pointer)),
                Statement::Call { function, arguments, .. } => {
                    for a in arguments {
                        out.extend(self.root_registers(*a));
                    }
                    for (g, place) in &self.globals {
                        if self.info[*function][*g].contains(naga::valid::GlobalUse::WRITE) {
                            out.extend(Self::registers_of(place.root));
                        }
                    }
                }
                Statement::Return { .. } => out.extend(self.frame().result.iter().map(|r| r.0)),
                _ => {}
            }
        }
    }
    /// All registers of the variable that a pointer points into.
    fn root_registers(&self, mut e: Handle<Expression>) -> std::ops::Range<u32> {
        let frame = self.frame();
        let place = loop {
            match &frame.function.expressions[e] {
                Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => e = *base,
                Expression::LocalVariable(v) => break frame.locals.get(v).copied(),
                Expression::GlobalVariable(g) => break self.globals.get(g).copied(),
                Expression::FunctionArgument(i) => match &frame.arguments[*i as usize] {
                    super::Value::Place(p) => break Some(*p),
                    super::Value::Words(_) => break None,
                },
                _ => break None,
            }
        };
        place.map_or(0..0, |p| Self::registers_of(p.root))
    }
}
