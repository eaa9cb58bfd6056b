//! What browsers lack, and what must be asked for there.

use super::{Found, Rule, functions};
use naga::{AddressSpace, Module, Scalar, ScalarKind, Span, Statement, TypeInner};

pub(super) fn check(module: &Module, found: &mut Vec<Found>) {
    let mut once = Once { found, seen: Vec::new() };
    for (handle, ty) in module.types.iter() {
        of_type(&ty.inner, module.types.get_span(handle), &mut once);
    }
    // a scalar type need not be among the types of the module; a literal or a variable then has it
    for function in functions(module) {
        for (handle, expression) in function.expressions.iter() {
            let span = function.expressions.get_span(handle);
            match expression {
                naga::Expression::Literal(literal) => scalar(literal.scalar(), span, &mut once),
                &naga::Expression::As { kind, convert: Some(width), .. } => {
                    scalar(Scalar { kind, width }, span, &mut once);
                }
                _ => {}
            }
        }
        statements(&function.body, &mut once);
    }
    for (handle, variable) in module.global_variables.iter() {
        if variable.space == AddressSpace::Immediate {
            let hint = "ask for the feature, or use a uniform buffer";
            once.report(Rule::OptionalFeature, module.global_variables.get_span(handle), "immediates", hint);
        }
    }
}

/// Reports each thing once, at its first place.
struct Once<'a> {
    found: &'a mut Vec<Found>,
    seen: Vec<&'static str>,
}

impl Once<'_> {
    fn report(&mut self, rule: Rule, span: Span, what: &'static str, hint: &str) {
        if !self.seen.contains(&what) {
            self.seen.push(what);
            let message = match rule {
                Rule::NotWebgpu => format!("no browser has {what}"),
                _ => format!("the shader needs {what}, which must be asked for"),
            };
            self.found.push(Found::new(rule, span, message, hint));
        }
    }
}

fn of_type(inner: &TypeInner, span: Span, once: &mut Once<'_>) {
    match *inner {
        TypeInner::Scalar(of) | TypeInner::Vector { scalar: of, .. } | TypeInner::Matrix { scalar: of, .. } => {
            scalar(of, span, once);
        }
        TypeInner::Atomic(of) if of.width == 8 => {
            once.report(Rule::NotWebgpu, span, "64-bit atomics", "use two words, or 32 bits");
        }
        TypeInner::Atomic(of) if of.kind == ScalarKind::Float => {
            once.report(Rule::NotWebgpu, span, "atomic floats", "compare and exchange the bits of a u32");
        }
        TypeInner::BindingArray { .. } => {
            once.report(Rule::NotWebgpu, span, "arrays of bindings", "bind each, or put them into one buffer");
        }
        TypeInner::AccelerationStructure { .. } | TypeInner::RayQuery { .. } => {
            once.report(Rule::NotWebgpu, span, "ray queries", "trace in the shader");
        }
        TypeInner::CooperativeMatrix { .. } => {
            once.report(Rule::NotWebgpu, span, "cooperative matrices", "multiply tiles in workgroup memory");
        }
        _ => {}
    }
}

fn scalar(scalar: Scalar, span: Span, once: &mut Once<'_>) {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 2) => {
            once.report(Rule::OptionalFeature, span, "the feature shader-f16", "ask for it, or pack halves into words");
        }
        (ScalarKind::Float, 8) => once.report(Rule::NotWebgpu, span, "f64", "use f32, compensated where it matters"),
        (ScalarKind::Sint | ScalarKind::Uint, 8) => {
            once.report(Rule::NotWebgpu, span, "64-bit integers", "use two words");
        }
        (ScalarKind::Sint | ScalarKind::Uint, 2) => {
            once.report(Rule::NotWebgpu, span, "16-bit integers", "pack two into a word");
        }
        _ => {}
    }
}

fn statements(block: &naga::Block, once: &mut Once<'_>) {
    for (statement, &span) in block.span_iter() {
        match statement {
            Statement::Block(inner) => statements(inner, once),
            Statement::If { accept, reject, .. } => [accept, reject].into_iter().for_each(|b| statements(b, once)),
            Statement::Switch { cases, .. } => cases.iter().for_each(|case| statements(&case.body, once)),
            Statement::Loop { body, continuing, .. } => {
                [body, continuing].into_iter().for_each(|b| statements(b, once));
            }
            Statement::ControlBarrier(barrier) if *barrier == naga::Barrier::SUB_GROUP => {
                once.report(Rule::NotWebgpu, span, "subgroupBarrier", "use workgroupBarrier");
            }
            Statement::SubgroupBallot { .. }
            | Statement::SubgroupGather { .. }
            | Statement::SubgroupCollectiveOperation { .. } => {
                let hint = "ask for it, and have a way without";
                once.report(Rule::OptionalFeature, span, "the feature subgroups", hint);
            }
            Statement::ImageAtomic { .. } => {
                once.report(Rule::NotWebgpu, span, "atomic textures", "use a storage buffer");
            }
            _ => {}
        }
    }
}
