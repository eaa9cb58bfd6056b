//! Calls: the body of the function takes the place of the call.
use std::collections::HashMap;

use naga::{Expression, Function, Handle, valid::FunctionInfo};

use super::{Builder, Construct, Flow, Frame, Goto, Op, Reg, Res, Value, place::Place};

impl<'m> Builder<'m> {
    pub(super) fn call(
        &mut self,
        callee: Handle<Function>,
        arguments: &[Handle<Expression>],
        result: Option<Handle<Expression>>,
    ) -> Res<()> {
        let mut values = vec![];
        for a in arguments {
            values.push(self.evaluate(*a)?);
        }
        let function = &self.module.functions[callee];
        let id = self.construct();
        let words = match &function.result {
            Some(r) => self.layouts.words(self.layouts.shape(r.ty))?,
            None => 0,
        };
        let results = self.variables(words);
        self.enter(function, &self.info[callee], values, results.clone(), id);
        let at = self.at;
        let done = self.enclosed(id, |this| {
            this.declare_locals()?;
            this.block(&function.body, &[Goto::Break(id)])
        });
        done?;
        self.at = at;
        self.frames.pop();
        if let Some(e) = result {
            let words = results.iter().map(|r| self.read(*r)).collect();
            self.frame_mut().values[e.index()] = Some(Value::Words(words));
        }
        Ok(())
    }

    pub(super) fn enter(
        &mut self,
        function: &'m Function,
        info: &'m FunctionInfo,
        arguments: Vec<Value>,
        result: Vec<Reg>,
        exit: Construct,
    ) {
        self.frames.push(Frame {
            function,
            info,
            values: vec![None; function.expressions.len()],
            locals: HashMap::new(),
            arguments,
            result,
            exit,
            targets: self.targets.len(),
        });
    }

    /// Local variables begin with their initial value, or zero.
    pub(super) fn declare_locals(&mut self) -> Res<Flow> {
        let function = self.frame().function;
        for (h, v) in function.local_variables.iter() {
            let shape = self.layouts.shape(v.ty);
            let words = self.layouts.words(shape)?;
            let init = match v.init {
                Some(e) => Some(self.words(e)?),
                None => None,
            };
            let place = self.declare(words, shape, init);
            self.frame_mut().locals.insert(h, place);
        }
        Ok(Flow::Falls)
    }

    /// A new variable in registers.
    pub(super) fn declare(&mut self, words: u32, shape: super::super::layout::Shape, init: Option<Vec<Reg>>) -> Place {
        let registers = self.variables(words);
        let first = registers[0];
        let forget = init.is_none() && self.config.checks.written;
        let init = init.unwrap_or_else(|| vec![self.constant(0); words as usize]);
        for (d, s) in registers.iter().zip(init) {
            self.write(*d, s);
            if forget {
                self.set_known(*d, None);
            }
        }
        if forget {
            self.tree.groups.push((first.0, words));
            self.push(Op::Forget { first, count: words });
        }
        Place::registers(first.0, words, shape)
    }
}
