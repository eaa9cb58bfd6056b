//! Assumptions on the size of workgroups and subgroups.

use super::{Found, Rule, compute};
use naga::{
    ArraySize, BinaryOperator, Binding, BuiltIn, EntryPoint, Expression, Handle, Literal, Module, Statement, TypeInner,
};

pub(super) fn check(module: &Module, found: &mut Vec<Found>) {
    for (_, entry) in compute(module) {
        let body = Body { module, entry };
        body.short_arrays(found);
        body.fixed_defaults(found);
        body.fixed_subgroups(found);
    }
}

struct Body<'a> {
    module: &'a Module,
    entry: &'a EntryPoint,
}

impl Body<'_> {
    fn expression(&self, handle: Handle<Expression>) -> &Expression {
        &self.entry.function.expressions[handle]
    }

    /// The built-in value that an expression is, and which component of it.
    fn built_in(&self, handle: Handle<Expression>) -> Option<(BuiltIn, Option<u32>)> {
        let of = |binding: Option<&Binding>| match binding {
            Some(&Binding::BuiltIn(built_in)) => Some(built_in),
            _ => None,
        };
        match *self.expression(handle) {
            Expression::FunctionArgument(ix) => {
                of(self.entry.function.arguments[ix as usize].binding.as_ref()).map(|b| (b, None))
            }
            Expression::AccessIndex { base, index } => {
                if let Some((built_in, None)) = self.built_in(base) {
                    return Some((built_in, Some(index)));
                }
                let Expression::FunctionArgument(ix) = *self.expression(base) else { return None };
                let ty = self.entry.function.arguments[ix as usize].ty;
                let TypeInner::Struct { members, .. } = &self.module.types[ty].inner else { return None };
                of(members[index as usize].binding.as_ref()).map(|b| (b, None))
            }
            _ => None,
        }
    }

    fn whole(&self, handle: Handle<Expression>) -> Option<u32> {
        match *self.expression(handle) {
            Expression::Literal(Literal::U32(n)) => Some(n),
            Expression::Literal(Literal::I32(n)) => u32::try_from(n).ok(),
            Expression::Constant(constant) => {
                match self.module.global_expressions[self.module.constants[constant].init] {
                    Expression::Literal(Literal::U32(n)) => Some(n),
                    Expression::Literal(Literal::I32(n)) => u32::try_from(n).ok(),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Workgroup arrays that every invocation indexes by its number, and that have fewer elements than there are
    /// invocations. Only what is reached by all is looked at: elsewhere a condition may keep the others away.
    fn short_arrays(&self, found: &mut Vec<Found>) {
        let [x, y, z] = self.entry.workgroup_size;
        for statement in &*self.entry.function.body {
            let range = match statement {
                Statement::Emit(range) => range.clone(),
                // behind a condition that may return, not all are there any more
                Statement::If { .. } | Statement::Switch { .. } => return,
                _ => continue,
            };
            for handle in range {
                let Expression::Access { base, index } = *self.expression(handle) else { continue };
                let Expression::GlobalVariable(variable) = *self.expression(base) else { continue };
                let variable = &self.module.global_variables[variable];
                let TypeInner::Array { size: ArraySize::Constant(length), .. } = self.module.types[variable.ty].inner
                else {
                    continue;
                };
                let invocations = match self.built_in(index) {
                    Some((BuiltIn::LocalInvocationIndex, _)) => x.saturating_mul(y).saturating_mul(z),
                    Some((BuiltIn::LocalInvocationId, Some(axis @ 0..=2))) => [x, y, z][axis as usize],
                    _ => continue,
                };
                if variable.space == naga::AddressSpace::WorkGroup && length.get() < invocations {
                    let name = variable.name.as_deref().unwrap_or("a workgroup array");
                    let message = format!("`{name}` has {length} elements for {invocations} invocations");
                    let span = self.entry.function.expressions.get_span(handle);
                    let hint = "let one constant or override say both";
                    found.push(Found::new(Rule::WorkgroupSize, span, message, hint));
                }
            }
        }
    }

    /// The value of an override that sizes the workgroup, written out where the workgroup's number is multiplied by it.
    fn fixed_defaults(&self, found: &mut Vec<Found>) {
        let Some(overrides) = self.entry.workgroup_size_overrides else { return };
        let default = |handle: Handle<Expression>| match self.module.global_expressions[handle] {
            Expression::Override(of) => match self.module.global_expressions[self.module.overrides[of].init?] {
                Expression::Literal(Literal::U32(n)) => Some(n),
                Expression::Literal(Literal::I32(n)) => u32::try_from(n).ok(),
                _ => None,
            },
            _ => None,
        };
        let defaults: Vec<u32> = overrides.into_iter().flatten().filter_map(default).collect();
        for (handle, expression) in self.entry.function.expressions.iter() {
            let &Expression::Binary { op: BinaryOperator::Multiply, left, right } = expression else { continue };
            for (a, b) in [(left, right), (right, left)] {
                let is_group = matches!(self.built_in(a), Some((BuiltIn::WorkGroupId | BuiltIn::NumWorkGroups, _)));
                if let Some(n) = self.whole(b).filter(|n| is_group && defaults.contains(n)) {
                    let message = format!("{n} is the default of an override that sizes the workgroup");
                    let span = self.entry.function.expressions.get_span(handle);
                    found.push(Found::new(Rule::WorkgroupSize, span, message, "use the override here too"));
                }
            }
        }
    }

    /// 32 or 64 where the size of a subgroup belongs.
    fn fixed_subgroups(&self, found: &mut Vec<Found>) {
        if !uses_subgroups(&self.entry.function.body) {
            return;
        }
        for (handle, expression) in self.entry.function.expressions.iter() {
            let &Expression::Binary { op, left, right } = expression else { continue };
            let sizes: &[u32] = match op {
                BinaryOperator::Divide | BinaryOperator::Modulo | BinaryOperator::Multiply => &[8, 16, 32, 64],
                BinaryOperator::And => &[7, 15, 31, 63],
                BinaryOperator::ShiftRight => &[3, 4, 5, 6],
                _ => continue,
            };
            let is_lane = matches!(
                self.built_in(left),
                Some(
                    (BuiltIn::LocalInvocationIndex | BuiltIn::SubgroupInvocationId | BuiltIn::SubgroupId, _)
                        | (BuiltIn::LocalInvocationId, Some(_))
                )
            );
            if let Some(n) = self.whole(right).filter(|n| is_lane && sizes.contains(n)) {
                let message = format!("{n} stands for the size of a subgroup, which is 4 to 128 on devices");
                let span = self.entry.function.expressions.get_span(handle);
                found.push(Found::new(Rule::SubgroupSize, span, message, "use `subgroup_size`"));
            }
        }
    }
}

fn uses_subgroups(block: &naga::Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::SubgroupBallot { .. }
        | Statement::SubgroupGather { .. }
        | Statement::SubgroupCollectiveOperation { .. } => true,
        Statement::Block(inner) => uses_subgroups(inner),
        Statement::If { accept, reject, .. } => uses_subgroups(accept) || uses_subgroups(reject),
        Statement::Switch { cases, .. } => cases.iter().any(|case| uses_subgroups(&case.body)),
        Statement::Loop { body, continuing, .. } => uses_subgroups(body) || uses_subgroups(continuing),
        _ => false,
    })
}
