//! The uniformity analysis of WGSL, on naga's IR: a value is marked where it may differ between invocations of a
//! workgroup, control flow where not all of them may follow it.
//!
//! It follows the specification's rules (§ 15.2): which built-in values and memory are sources, that variables are followed
//! assignment by assignment, that flow joins again after a statement that is left only by its end, and that a function
//! returns to its caller with the caller's flow. Functions are analysed for each combination of marks that they are called with,
//! which decides as the specification's graph of dependencies does.

use super::{Found, Rule, compute};
use naga::{AddressSpace, BuiltIn, Expression, Function, Handle, Module, Span, Statement, StorageAccess};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Why something may not be uniform: an index into `Analysis::causes`. `None`: it is uniform.
type Mark = Option<usize>;

pub(super) fn check(module: &Module, found: &mut Vec<Found>) {
    let mut analysis = Analysis { module, causes: Vec::new(), summaries: HashMap::new(), stops: Vec::new() };
    for (_, entry) in compute(module) {
        analysis.entry(&entry.function);
    }
    for stop in &analysis.stops {
        let cause = &analysis.causes[stop.cause];
        let (rule, hint) = match stop.subgroup {
            false => (Rule::BarrierUniformity, "move it to where every invocation of the workgroup arrives"),
            true => (
                Rule::SubgroupUniformity,
                "move it to where every invocation arrives; devices differ in who takes part",
            ),
        };
        let message = format!("{} where the flow may not be uniform: it depends on {}", stop.what, cause.what);
        found.push(Found::new(rule, stop.span, message, hint));
    }
}

/// A source of differences.
struct Cause {
    what: String,
}

/// An operation that needs uniform flow and has not got it.
struct Stop {
    span: Span,
    what: &'static str,
    subgroup: bool,
    cause: usize,
}

/// What a function was called with, as far as the analysis distinguishes.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    function: Handle<Function>,
    arguments: Vec<bool>,
    pointees: Vec<bool>,
    flow: bool,
}

/// What it gives back.
#[derive(Clone, Default)]
struct Summary {
    result: Mark,
    pointees: Vec<Mark>,
}

struct Analysis<'a> {
    module: &'a Module,
    causes: Vec<Cause>,
    summaries: HashMap<Key, Summary>,
    stops: Vec<Stop>,
}

impl Analysis<'_> {
    fn cause(&mut self, what: String) -> usize {
        let known = self.causes.iter().position(|cause| cause.what == what);
        known.unwrap_or_else(|| {
            self.causes.push(Cause { what });
            self.causes.len() - 1
        })
    }

    fn stop(&mut self, span: Span, what: &'static str, subgroup: bool, flow: Mark) {
        if let Some(cause) = flow
            && !self.stops.iter().any(|stop| stop.span == span)
        {
            self.stops.push(Stop { span, what, subgroup, cause });
        }
    }

    /// What memory outside of the function may hold.
    fn contents(&mut self, variable: Handle<naga::GlobalVariable>) -> Mark {
        let variable = &self.module.global_variables[variable];
        let name = variable.name.clone().unwrap_or_default();
        let what = match variable.space {
            AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => "the writable buffer",
            AddressSpace::WorkGroup => "the workgroup variable",
            AddressSpace::Private => "the private variable",
            _ => return None,
        };
        Some(self.cause(format!("{what} `{name}`")))
    }

    fn built_in(&mut self, binding: Option<&naga::Binding>) -> Mark {
        let name = match binding {
            Some(naga::Binding::BuiltIn(built_in)) => match built_in {
                BuiltIn::GlobalInvocationId => "global_invocation_id",
                BuiltIn::LocalInvocationId => "local_invocation_id",
                BuiltIn::LocalInvocationIndex => "local_invocation_index",
                BuiltIn::SubgroupInvocationId => "subgroup_invocation_id",
                BuiltIn::SubgroupId => "subgroup_id",
                _ => return None,
            },
            _ => return None,
        };
        Some(self.cause(format!("`{name}`")))
    }

    fn entry(&mut self, function: &Function) {
        let mut arguments = Vec::new();
        let mut members = Vec::new();
        for argument in &function.arguments {
            let fields = match &self.module.types[argument.ty].inner {
                naga::TypeInner::Struct { members, .. } => members.iter().map(|m| m.binding.clone()).collect(),
                _ => Vec::new(),
            };
            let fields: Vec<Mark> = fields.iter().map(|binding| self.built_in(binding.as_ref())).collect();
            let whole = self.built_in(argument.binding.as_ref());
            arguments.push(fields.iter().fold(whole, |all, &field| all.or(field)));
            members.push(fields);
        }
        let pointees = vec![None; arguments.len()];
        Walk::run(self, function, arguments, members, pointees, None);
    }
}

/// What variables hold at one place of a function.
#[derive(Clone, PartialEq)]
struct State {
    locals: Vec<Mark>,
    /// What the pointers among the arguments point to.
    pointees: Vec<Mark>,
}

impl State {
    /// Takes in another state that flows to the same place; true if that changed something.
    fn join(&mut self, other: &State) -> bool {
        let mut changed = false;
        let own = self.locals.iter_mut().chain(&mut self.pointees);
        for (own, &other) in own.zip(other.locals.iter().chain(&other.pointees)) {
            changed |= own.is_none() && other.is_some();
            *own = own.or(other);
        }
        changed
    }
}

/// States that wait at an exit of a statement.
#[derive(Clone, Default)]
struct Exit {
    taken: bool,
    state: Option<State>,
    flow: Mark,
}

impl Exit {
    fn take(&mut self, state: &State, flow: Mark) {
        self.taken = true;
        self.flow = self.flow.or(flow);
        match &mut self.state {
            Some(own) => {
                own.join(state);
            }
            None => self.state = Some(state.clone()),
        }
    }
}

/// How a block can be left other than by its end.
#[derive(Clone, Default)]
struct Exits {
    to_break: Exit,
    to_continue: Exit,
    to_return: Exit,
}

impl Exits {
    fn any(&self) -> bool {
        self.to_break.taken || self.to_continue.taken || self.to_return.taken
    }

    fn absorb(&mut self, other: Exits) {
        for (own, other) in [
            (&mut self.to_break, other.to_break),
            (&mut self.to_continue, other.to_continue),
            (&mut self.to_return, other.to_return),
        ] {
            if let Some(state) = other.state {
                own.take(&state, other.flow);
            }
        }
    }
}

/// A place in the flow: what variables hold, and whether all invocations are there. `Break`: it is not reached.
type Place = ControlFlow<(), (State, Mark)>;

/// What a pointer points into.
#[derive(Clone, Copy)]
enum Root {
    Local(usize),
    Argument(usize),
    Global(Handle<naga::GlobalVariable>),
}

/// The analysis of one function.
struct Walk<'a, 'm> {
    analysis: &'a mut Analysis<'m>,
    function: &'a Function,
    arguments: Vec<Mark>,
    /// Marks of the members of arguments that are structs of built-in values.
    members: Vec<Vec<Mark>>,
    marks: Vec<Mark>,
    result: Mark,
}

impl<'a, 'm> Walk<'a, 'm> {
    fn run(
        analysis: &'a mut Analysis<'m>,
        function: &'a Function,
        arguments: Vec<Mark>,
        members: Vec<Vec<Mark>>,
        pointees: Vec<Mark>,
        flow: Mark,
    ) -> Summary {
        let marks = vec![None; function.expressions.len()];
        let mut walk = Self { analysis, function, arguments, members, marks, result: None };
        let locals = vec![None; function.local_variables.len()];
        let state = State { locals, pointees };
        for (handle, expression) in function.expressions.iter() {
            if expression.needs_pre_emit() {
                walk.evaluate(handle, &state);
            }
        }
        let mut exits = Exits::default();
        let end = walk.block(&function.body, (state, flow), &mut exits);
        if let ControlFlow::Continue((state, flow)) = end {
            exits.to_return.take(&state, flow);
        }
        let pointees = exits.to_return.state.map(|state| state.pointees).unwrap_or_default();
        Summary { result: walk.result, pointees }
    }

    fn mark(&self, handle: Handle<Expression>) -> Mark {
        self.marks[handle.index()]
    }

    fn root(&self, pointer: Handle<Expression>) -> Option<Root> {
        match self.function.expressions[pointer] {
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => self.root(base),
            Expression::LocalVariable(local) => Some(Root::Local(local.index())),
            Expression::FunctionArgument(ix) => Some(Root::Argument(ix as usize)),
            Expression::GlobalVariable(global) => Some(Root::Global(global)),
            _ => None,
        }
    }

    fn contents(&mut self, root: Option<Root>, state: &State) -> Mark {
        match root? {
            Root::Local(ix) => state.locals[ix],
            Root::Argument(ix) => state.pointees[ix],
            Root::Global(global) => self.analysis.contents(global),
        }
    }

    fn evaluate(&mut self, handle: Handle<Expression>, state: &State) {
        let function = self.function;
        let mark = match function.expressions[handle] {
            Expression::FunctionArgument(ix) => self.arguments[ix as usize],
            Expression::Load { pointer } => {
                let root = self.root(pointer);
                self.mark(pointer).or(self.contents(root, state))
            }
            Expression::AccessIndex { base, index } => match function.expressions[base] {
                Expression::FunctionArgument(ix) if !self.members[ix as usize].is_empty() => {
                    self.members[ix as usize][index as usize]
                }
                _ => self.mark(base),
            },
            Expression::ImageLoad { image, .. } if self.is_writable(image) => {
                Some(self.analysis.cause("a writable texture".into()))
            }
            ref other => operands(other).into_iter().fold(None, |all, operand| all.or(self.mark(operand))),
        };
        self.marks[handle.index()] = mark;
    }

    fn is_writable(&self, image: Handle<Expression>) -> bool {
        let Some(Root::Global(global)) = self.root(image) else { return false };
        let module = self.analysis.module;
        matches!(
            module.types[module.global_variables[global].ty].inner,
            naga::TypeInner::Image { class: naga::ImageClass::Storage { access, .. }, .. }
                if access.contains(StorageAccess::STORE)
        )
    }

    /// Assigns through a pointer; all of the variable, unless the pointer is to a part of it.
    fn assign(&mut self, pointer: Handle<Expression>, mark: Mark, state: &mut State) {
        let whole =
            !matches!(self.function.expressions[pointer], Expression::Access { .. } | Expression::AccessIndex { .. });
        let mark = mark.or(self.mark(pointer));
        let place = match self.root(pointer) {
            Some(Root::Local(ix)) => &mut state.locals[ix],
            Some(Root::Argument(ix)) => &mut state.pointees[ix],
            _ => return,
        };
        *place = if whole { mark } else { place.or(mark) };
    }

    fn block(&mut self, block: &naga::Block, start: (State, Mark), exits: &mut Exits) -> Place {
        let mut place = start;
        for (statement, &span) in block.span_iter() {
            place = self.statement(statement, span, place, exits)?;
        }
        ControlFlow::Continue(place)
    }

    fn statement(
        &mut self,
        statement: &Statement,
        span: Span,
        (mut state, flow): (State, Mark),
        exits: &mut Exits,
    ) -> Place {
        match statement {
            Statement::Block(block) => return self.block(block, (state, flow), exits),
            Statement::If { condition, accept, reject } => {
                let flow_in = flow.or(self.mark(*condition));
                let branches = [accept, reject].map(|branch| (branch, false));
                return self.branches(&branches, (state, flow, flow_in), exits, false);
            }
            Statement::Switch { selector, cases } => {
                let flow_in = flow.or(self.mark(*selector));
                let branches: Vec<_> = cases.iter().map(|case| (&case.body, case.fall_through)).collect();
                return self.branches(&branches, (state, flow, flow_in), exits, true);
            }
            Statement::Loop { body, continuing, break_if } => {
                return self.repeat(body, continuing, *break_if, (state, flow), exits);
            }
            Statement::Break => {
                exits.to_break.take(&state, flow);
                return ControlFlow::Break(());
            }
            Statement::Continue => {
                exits.to_continue.take(&state, flow);
                return ControlFlow::Break(());
            }
            Statement::Return { value } => {
                let mark = value.and_then(|value| self.mark(value));
                self.result = self.result.or(mark).or(flow);
                exits.to_return.take(&state, flow);
                return ControlFlow::Break(());
            }
            Statement::Kill => return ControlFlow::Break(()),
            Statement::Emit(range) => range.clone().for_each(|handle| self.evaluate(handle, &state)),
            Statement::Store { pointer, value } => {
                let mark = self.mark(*value).or(flow);
                self.assign(*pointer, mark, &mut state);
            }
            Statement::Call { function, arguments, result } => {
                self.call(*function, arguments, *result, &mut state, flow);
            }
            other => self.operation(other, span, flow),
        }
        ControlFlow::Continue((state, flow))
    }

    /// What neither branches nor writes variables: barriers, atomics, operations of subgroups.
    fn operation(&mut self, statement: &Statement, span: Span, flow: Mark) {
        match statement {
            Statement::ControlBarrier(barrier) => {
                let subgroup = *barrier == naga::Barrier::SUB_GROUP;
                let what = match *barrier {
                    naga::Barrier::STORAGE => "storageBarrier",
                    naga::Barrier::TEXTURE => "textureBarrier",
                    naga::Barrier::SUB_GROUP => "subgroupBarrier",
                    _ => "workgroupBarrier",
                };
                self.analysis.stop(span, what, subgroup, flow);
            }
            Statement::WorkGroupUniformLoad { pointer, result } => {
                let mark = flow.or(self.mark(*pointer));
                self.analysis.stop(span, "workgroupUniformLoad", false, mark);
                self.marks[result.index()] = None;
            }
            Statement::Atomic { result: Some(result), .. } => {
                self.marks[result.index()] = Some(self.analysis.cause("the result of an atomic operation".into()));
            }
            Statement::SubgroupBallot { result, .. }
            | Statement::SubgroupGather { result, .. }
            | Statement::SubgroupCollectiveOperation { result, .. } => {
                self.analysis.stop(span, "a subgroup operation", true, flow);
                self.marks[result.index()] = Some(self.analysis.cause("the result of a subgroup operation".into()));
            }
            _ => {}
        }
    }

    /// Two or more ways, of which each invocation takes one.
    fn branches(
        &mut self,
        branches: &[(&naga::Block, bool)],
        (state, flow, flow_in): (State, Mark, Mark),
        exits: &mut Exits,
        is_switch: bool,
    ) -> Place {
        let mut own = Exits::default();
        let mut end = Exit::default();
        let mut falls: Option<State> = None;
        for &(block, fall_through) in branches {
            let mut start = state.clone();
            if let Some(falling) = falls.take() {
                start.join(&falling);
            }
            if let ControlFlow::Continue((state, flow)) = self.block(block, (start, flow_in), &mut own) {
                if fall_through {
                    falls = Some(state);
                } else {
                    end.take(&state, flow);
                }
            }
        }
        if is_switch {
            let broken = std::mem::take(&mut own.to_break);
            if let Some(state) = broken.state {
                end.take(&state, broken.flow);
            }
        }
        // where every way leads to the end, all invocations meet there again
        let joined = if own.any() { end.flow.or(flow_in) } else { flow };
        exits.absorb(own);
        match end.state {
            Some(state) => ControlFlow::Continue((state, joined)),
            None => ControlFlow::Break(()),
        }
    }

    fn repeat(
        &mut self,
        body: &naga::Block,
        continuing: &naga::Block,
        break_if: Option<Handle<Expression>>,
        (state, flow): (State, Mark),
        exits: &mut Exits,
    ) -> Place {
        let (mut state_in, mut flow_in) = (state, flow);
        loop {
            let mut own = Exits::default();
            let end = self.block(body, (state_in.clone(), flow_in), &mut own);
            let mut next = std::mem::take(&mut own.to_continue);
            if let ControlFlow::Continue((state, flow)) = end {
                next.take(&state, flow);
            }
            let mut changed = false;
            if let Some(state) = next.state
                && let ControlFlow::Continue((state, flow)) = self.block(continuing, (state, next.flow), &mut own)
            {
                let left = break_if.and_then(|condition| self.mark(condition));
                if break_if.is_some() {
                    own.to_break.take(&state, flow.or(left));
                }
                let back = flow.or(left);
                changed = state_in.join(&state) || (flow_in.is_none() && back.is_some());
                flow_in = flow_in.or(back);
            }
            if changed {
                continue;
            }
            let broken = std::mem::take(&mut own.to_break);
            let joined = if own.to_return.taken { flow_in.or(broken.flow) } else { flow };
            exits.absorb(own);
            return match broken.state {
                Some(state) => ControlFlow::Continue((state, joined)),
                None => ControlFlow::Break(()),
            };
        }
    }

    fn call(
        &mut self,
        function: Handle<Function>,
        arguments: &[Handle<Expression>],
        result: Option<Handle<Expression>>,
        state: &mut State,
        flow: Mark,
    ) {
        let marks: Vec<Mark> = arguments.iter().map(|&argument| self.mark(argument)).collect();
        let mut pointees = Vec::new();
        for &argument in arguments {
            let root = self.root(argument);
            pointees.push(self.contents(root, state));
        }
        let key = Key {
            function,
            arguments: marks.iter().map(Option::is_some).collect(),
            pointees: pointees.iter().map(Option::is_some).collect(),
            flow: flow.is_some(),
        };
        let known = self.analysis.summaries.get(&key).cloned();
        let summary = known.unwrap_or_else(|| {
            let callee = &self.analysis.module.functions[function];
            let members = vec![Vec::new(); marks.len()];
            let summary = Walk::run(self.analysis, callee, marks, members, pointees, flow);
            self.analysis.summaries.insert(key, summary.clone());
            summary
        });
        for (&argument, &mark) in arguments.iter().zip(&summary.pointees) {
            if self.is_pointer(argument) {
                self.assign(argument, mark, state);
            }
        }
        if let Some(result) = result {
            self.marks[result.index()] = summary.result;
        }
    }

    fn is_pointer(&self, argument: Handle<Expression>) -> bool {
        match self.root(argument) {
            Some(Root::Argument(ix)) => {
                let ty = self.function.arguments[ix].ty;
                self.analysis.module.types[ty].inner.pointer_space().is_some()
            }
            Some(Root::Local(_)) => true,
            _ => false,
        }
    }
}

/// The expressions that an expression is made of.
pub(super) fn operands(expression: &Expression) -> Vec<Handle<Expression>> {
    match *expression {
        Expression::Compose { ref components, .. } => components.clone(),
        Expression::Access { base, index } => vec![base, index],
        Expression::AccessIndex { base, .. } => vec![base],
        Expression::Splat { value: a, .. }
        | Expression::Swizzle { vector: a, .. }
        | Expression::Load { pointer: a }
        | Expression::Unary { expr: a, .. }
        | Expression::Derivative { expr: a, .. }
        | Expression::Relational { argument: a, .. }
        | Expression::As { expr: a, .. }
        | Expression::ArrayLength(a)
        | Expression::ImageQuery { image: a, .. } => vec![a],
        Expression::Binary { left, right, .. } => vec![left, right],
        Expression::Select { condition, accept, reject } => vec![condition, accept, reject],
        Expression::Math { arg, arg1, arg2, arg3, .. } => [Some(arg), arg1, arg2, arg3].into_iter().flatten().collect(),
        Expression::ImageLoad { image, coordinate, array_index, sample, level } => {
            [Some(image), Some(coordinate), array_index, sample, level].into_iter().flatten().collect()
        }
        Expression::ImageSample { image, sampler, coordinate, array_index, depth_ref, .. } => {
            [Some(image), Some(sampler), Some(coordinate), array_index, depth_ref].into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}
