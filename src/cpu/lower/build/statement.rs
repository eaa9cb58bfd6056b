//! Statements.
use naga::{Barrier, Block, Span, Statement as S};

use super::{Builder, Flow, Goto, Node, Op, Res, Value, place::Root};

/// A statement and where it stands.
pub(super) type Item<'m> = (&'m S, &'m Span);

impl<'m> Builder<'m> {
    /// `tail`: jumps that the end of the list stands for.
    pub(super) fn block(&mut self, block: &'m Block, tail: &[Goto]) -> Res<Flow> {
        let items: Vec<Item<'m>> = block.span_iter().collect();
        self.statements(&items, tail)
    }

    pub(super) fn statements(&mut self, list: &[Item<'m>], tail: &[Goto]) -> Res<Flow> {
        for (i, (s, span)) in list.iter().enumerate() {
            let rest = &list[i + 1..];
            let here = if rest.is_empty() { tail } else { &[] };
            self.at = self.locate(**span);
            let flow = match s {
                S::If { condition, accept, reject } => {
                    if self.takes_rest(accept, reject, rest, tail) {
                        return self.branch_with_rest(*condition, accept, reject, rest, tail);
                    }
                    self.branch(*condition, accept, reject, here)?
                }
                S::Block(block) => self.block(block, here)?,
                S::Switch { selector, cases } => self.switch(*selector, cases, here)?,
                S::Loop { body, continuing, break_if } => self.repeat(body, continuing, *break_if)?,
                S::Break => self.leave(self.innermost(false)?, here)?,
                S::Continue => self.leave(self.innermost(true)?, here)?,
                S::Return { value } => {
                    if let Some(e) = value {
                        let words = self.words(*e)?;
                        for (d, s) in self.frame().result.clone().into_iter().zip(words) {
                            self.write(d, s);
                        }
                    }
                    self.leave(Goto::Break(self.frame().exit), here)?
                }
                other => {
                    self.simple(other)?;
                    Flow::Falls
                }
            };
            if flow != Flow::Falls {
                return Ok(flow);
            }
        }
        Ok(Flow::Falls)
    }

    /// Statements that are not flow.
    fn simple(&mut self, s: &'m S) -> Res<()> {
        match s {
            S::Emit(range) => {
                let at = self.at;
                for e in range.clone() {
                    self.emit_expression(e)?;
                }
                self.at = at;
            }
            S::Store { pointer, value } => {
                let words = self.words(*value)?;
                let p = self.place(*pointer)?;
                if self.is_atomic(*pointer) { self.atomic_store(p, &words)? } else { self.store(p, &words)? }
            }
            S::Atomic { pointer, fun, value, result } => self.atomic(*pointer, *fun, *value, *result)?,
            S::ControlBarrier(flags) => self.barrier(*flags),
            // lock step orders all accesses
            S::MemoryBarrier(_) => {}
            S::WorkGroupUniformLoad { pointer, result } => {
                let p = self.place(*pointer)?;
                self.barrier(Barrier::WORK_GROUP);
                let words = if self.is_atomic(*pointer) { self.atomic_load(p)? } else { self.load(p)? };
                self.frame_mut().values[result.index()] = Some(Value::Words(words));
                self.barrier(Barrier::WORK_GROUP);
            }
            S::Call { function, arguments, result } => self.call(*function, arguments, *result)?,
            S::SubgroupBallot { result, predicate } => self.ballot(*result, *predicate)?,
            S::SubgroupGather { mode, argument, result } => self.gather(*mode, *argument, *result)?,
            S::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                self.collect(*op, *collective_op, *argument, *result)?;
            }
            other => return Err(unsupported(other).into()),
        }
        Ok(())
    }

    fn barrier(&mut self, flags: Barrier) {
        let (storage, workgroup) = (flags.contains(Barrier::STORAGE), flags.contains(Barrier::WORK_GROUP));
        self.push(Op::Barrier { storage, workgroup, at: self.at });
        self.touch_all();
        self.cross_lane = true;
    }

    /// A jump. At a place that stands for it, nothing.
    pub(super) fn leave(&mut self, goto: Goto, tail: &[Goto]) -> Res<Flow> {
        if tail.contains(&goto) {
            return Ok(Flow::Falls);
        }
        let (Goto::Break(id) | Goto::Continue(id)) = goto;
        if let Some((_, depth)) = self.unrolling.iter().find(|(u, _)| *u == id) {
            return if *depth == self.depth { Ok(Flow::Left(goto)) } else { Err(super::Fail::Abort(id)) };
        }
        self.out.push(match goto {
            Goto::Break(id) => Node::Break(id),
            Goto::Continue(id) => Node::Continue(id),
        });
        self.exits.push(goto);
        Ok(Flow::Left(goto))
    }

    pub(super) fn innermost(&self, only_loops: bool) -> Res<Goto> {
        let mine = &self.targets[self.frame().targets..];
        let t = mine.iter().rev().find(|t| t.is_loop || !only_loops).ok_or("a break or continue outside of a loop")?;
        Ok(if only_loops { Goto::Continue(t.id) } else { Goto::Break(t.id) })
    }

    /// Registers of the variable that a place lies in.
    pub(super) fn registers_of(root: Root) -> std::ops::Range<u32> {
        match root {
            Root::Registers { first, words, .. } => first..first + words,
            Root::Memory { .. } => 0..0,
        }
    }
}

/// Names what cannot be lowered.
fn unsupported(s: &S) -> String {
    let what = match s {
        S::Kill => "discard, which only fragment shaders have",
        S::ImageStore { .. } | S::ImageAtomic { .. } => "textures; use storage buffers",
        S::RayQuery { .. } | S::RayPipelineFunction(_) => "ray queries",
        S::CooperativeStore { .. } => "cooperative matrices; use workgroup memory",
        other => return format!("the statement {other:?} is not supported by the CPU device"),
    };
    format!("the CPU device has no {what}")
}
