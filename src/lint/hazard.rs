//! Hazards with NaN: WGSL lets an implementation assume that there is none, and some built-in functions make one where
//! mathematics does not.

use super::uniformity::operands;
use super::{Found, Rule};
use naga::valid::{FunctionInfo, ModuleInfo};
use naga::{BinaryOperator, Expression, Function, Handle, Literal, MathFunction, Module, ScalarKind};

pub(super) fn check(module: &Module, info: &ModuleInfo, found: &mut Vec<Found>) {
    for (handle, function) in module.functions.iter() {
        Body { module, function, info: &info[handle] }.check(found);
    }
    for (ix, entry) in module.entry_points.iter().enumerate() {
        Body { module, function: &entry.function, info: info.get_entry_point(ix) }.check(found);
    }
}

struct Body<'a> {
    module: &'a Module,
    function: &'a Function,
    info: &'a FunctionInfo,
}

impl Body<'_> {
    fn check(&self, found: &mut Vec<Found>) {
        for (handle, expression) in self.function.expressions.iter() {
            let span = self.function.expressions.get_span(handle);
            let mut report = |message: &str, hint: &str| found.push(Found::new(Rule::Nan, span, message, hint));
            match *expression {
                Expression::Binary { op: BinaryOperator::Equal | BinaryOperator::NotEqual, left, right }
                    if self.is_float(left) && self.same(left, right, 8) =>
                {
                    report(
                        "a value compared with itself finds NaN only where the compiler does not assume that there is none",
                        "look at the bits: (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u",
                    );
                }
                Expression::Math { fun: MathFunction::Tanh, arg, .. } if !self.is_bounded(arg) => report(
                    "`tanh` of large numbers is NaN on some devices, which divide exponentials",
                    "clamp the argument, say to ±15",
                ),
                Expression::Math { fun: MathFunction::Pow, arg, .. } if !self.is_positive(arg, 8) => report(
                    "`pow` of a negative number is NaN, also with a whole exponent",
                    "multiply for whole exponents; otherwise take `abs` or `max(x, 0.0)`",
                ),
                _ => {}
            }
        }
    }

    fn is_float(&self, handle: Handle<Expression>) -> bool {
        self.info[handle].ty.inner_with(&self.module.types).scalar_kind() == Some(ScalarKind::Float)
    }

    /// Whether two expressions are the same computation, to a depth.
    fn same(&self, a: Handle<Expression>, b: Handle<Expression>, depth: u32) -> bool {
        if a == b {
            return true;
        }
        let expressions = &self.function.expressions;
        let (x, y) = (&expressions[a], &expressions[b]);
        let (of_x, of_y) = (operands(x), operands(y));
        let alike = match (x, y) {
            (Expression::Load { .. }, Expression::Load { .. })
            | (Expression::Access { .. }, Expression::Access { .. }) => true,
            (Expression::AccessIndex { index: i, .. }, Expression::AccessIndex { index: j, .. }) => i == j,
            (Expression::GlobalVariable(i), Expression::GlobalVariable(j)) => i == j,
            (Expression::LocalVariable(i), Expression::LocalVariable(j)) => i == j,
            (Expression::FunctionArgument(i), Expression::FunctionArgument(j)) => i == j,
            _ => false,
        };
        alike
            && depth > 0
            && of_x.len() == of_y.len()
            && of_x.iter().zip(&of_y).all(|(&a, &b)| self.same(a, b, depth - 1))
    }

    fn is_bounded(&self, handle: Handle<Expression>) -> bool {
        match self.function.expressions[handle] {
            Expression::Literal(_) | Expression::Constant(_) => true,
            Expression::Math { fun, .. } => matches!(
                fun,
                MathFunction::Clamp
                    | MathFunction::Min
                    | MathFunction::Saturate
                    | MathFunction::Sin
                    | MathFunction::Cos
                    | MathFunction::Tanh
                    | MathFunction::Fract
                    | MathFunction::Sign
            ),
            Expression::Splat { value, .. } => self.is_bounded(value),
            Expression::Compose { ref components, .. } => components.iter().all(|&c| self.is_bounded(c)),
            _ => false,
        }
    }

    /// Whether a value cannot be negative, as far as its expression says.
    fn is_positive(&self, handle: Handle<Expression>, depth: u32) -> bool {
        if depth == 0 {
            return false;
        }
        let positive = |handle| self.is_positive(handle, depth - 1);
        match self.function.expressions[handle] {
            Expression::Literal(literal) => is_positive(literal),
            Expression::Constant(constant) => {
                let init = self.module.constants[constant].init;
                matches!(self.module.global_expressions[init], Expression::Literal(literal) if is_positive(literal))
            }
            Expression::ZeroValue(_) => true,
            Expression::Splat { value, .. } => positive(value),
            Expression::Compose { ref components, .. } => components.iter().all(|&c| positive(c)),
            Expression::As { expr, .. } => {
                let kind = self.info[expr].ty.inner_with(&self.module.types).scalar_kind();
                matches!(kind, Some(ScalarKind::Uint | ScalarKind::Bool)) || positive(expr)
            }
            Expression::Binary { op: BinaryOperator::Multiply, left, right } if self.same(left, right, 8) => true,
            Expression::Binary {
                op: BinaryOperator::Add | BinaryOperator::Multiply | BinaryOperator::Divide,
                left,
                right,
            } => positive(left) && positive(right),
            Expression::Select { accept, reject, .. } => positive(accept) && positive(reject),
            Expression::Math { fun, arg, arg1, .. } => match fun {
                MathFunction::Abs
                | MathFunction::Exp
                | MathFunction::Exp2
                | MathFunction::Sqrt
                | MathFunction::InverseSqrt
                | MathFunction::Length
                | MathFunction::Distance
                | MathFunction::Saturate
                | MathFunction::SmoothStep
                | MathFunction::Fract
                | MathFunction::Pow => true,
                MathFunction::Max => positive(arg) || arg1.is_some_and(positive),
                MathFunction::Min => positive(arg) && arg1.is_some_and(positive),
                MathFunction::Clamp => arg1.is_some_and(positive),
                MathFunction::Dot => arg1.is_some_and(|other| self.same(arg, other, 8)),
                _ => false,
            },
            _ => false,
        }
    }
}

fn is_positive(literal: Literal) -> bool {
    match literal {
        Literal::F32(x) => x >= 0.0,
        Literal::F64(x) | Literal::AbstractFloat(x) => x >= 0.0,
        Literal::F16(x) => x.to_f32() >= 0.0,
        _ => false,
    }
}
