//! Arithmetic on nodes that knows its literals.
//!
//! Rewriting rules multiply by ones and add zeros all the time. Dropping those here, while the graph is built, keeps
//! gradient graphs as small as the ones a careful hand would write, so fused gradient kernels stay small as well. Only
//! literals (`fixed` constants) are looked through: a user's number that happens to be 0 stays data.
//!
//! A literal 0 absorbs whatever it is multiplied with, also a NaN: it stands for "no dependence", not for a value.

use crate::dtype::DType;
use crate::error::{Result, Site};
use crate::graph::{AxisMap, Fill, Func, Node, Op, Reduce, View};
use crate::shape::Shape;

/// Builds nodes that name `site` as their origin.
#[derive(Clone, Copy)]
pub(super) struct Algebra {
    pub site: Site,
}

impl Algebra {
    /// A literal of any dtype and shape.
    pub fn literal(self, value: f64, dtype: DType, shape: &Shape) -> Result<Node> {
        self.expand(&Node::constant(value, true, dtype, self.site)?, shape)
    }

    /// An `F32` literal in the shape of `like`.
    pub fn number(self, value: f64, like: &Node) -> Result<Node> {
        self.literal(value, DType::F32, like.shape())
    }

    /// `F32` zeros.
    pub fn zeros(self, shape: &Shape) -> Result<Node> {
        self.literal(0.0, DType::F32, shape)
    }

    /// A scalar repeated over `shape`.
    pub fn expand(self, scalar: &Node, shape: &Shape) -> Result<Node> {
        if shape.rank() == 0 {
            return Ok(scalar.clone());
        }
        Node::view(scalar, View { axes: Vec::new(), fill: Fill::Zero }, shape.clone(), self.site)
    }

    /// `func` of one node.
    pub fn map1(self, func: Func, x: &Node) -> Result<Node> {
        Node::map(func, vec![x.clone()], self.site)
    }

    /// `func` of two nodes.
    pub fn map2(self, func: Func, a: &Node, b: &Node) -> Result<Node> {
        Node::map(func, vec![a.clone(), b.clone()], self.site)
    }

    /// `-x`.
    pub fn neg(self, x: &Node) -> Result<Node> {
        match (x.fixed(), x.op()) {
            (Some(v), _) if x.dtype() == DType::F32 => self.number(0.0 - v, x),
            (_, Op::Map(Func::Neg)) => Ok(x.source(0).clone()),
            _ => self.map1(Func::Neg, x),
        }
    }

    /// `a + b`.
    pub fn add(self, a: &Node, b: &Node) -> Result<Node> {
        match (a.fixed(), b.fixed()) {
            (Some(0.0), _) => Ok(b.clone()),
            (_, Some(0.0)) => Ok(a.clone()),
            (Some(x), Some(y)) if representable(a, x + y) => self.number(x + y, a),
            _ => match (a.op(), b.op()) {
                (_, Op::Map(Func::Neg)) => self.map2(Func::Sub, a, b.source(0)),
                (Op::Map(Func::Neg), _) => self.map2(Func::Sub, b, a.source(0)),
                _ => self.map2(Func::Add, a, b),
            },
        }
    }

    /// `a - b`.
    pub fn sub(self, a: &Node, b: &Node) -> Result<Node> {
        match (a.fixed(), b.fixed()) {
            (_, Some(0.0)) => Ok(a.clone()),
            (Some(0.0), _) => self.neg(b),
            (Some(x), Some(y)) if representable(a, x - y) => self.number(x - y, a),
            _ => self.map2(Func::Sub, a, b),
        }
    }

    /// `a * b`.
    pub fn mul(self, a: &Node, b: &Node) -> Result<Node> {
        match (a.fixed(), b.fixed()) {
            (Some(0.0), _) | (_, Some(1.0)) => Ok(a.clone()),
            (_, Some(0.0)) | (Some(1.0), _) => Ok(b.clone()),
            (Some(x), Some(y)) if representable(a, x * y) => self.number(x * y, a),
            (Some(-1.0), _) => self.neg(b),
            (_, Some(-1.0)) => self.neg(a),
            _ => self.map2(Func::Mul, a, b),
        }
    }

    /// `value * x`.
    pub fn scale(self, value: f64, x: &Node) -> Result<Node> {
        self.mul(&self.number(value, x)?, x)
    }

    /// `a / b`.
    pub fn div(self, a: &Node, b: &Node) -> Result<Node> {
        match (a.fixed(), b.fixed()) {
            (Some(0.0), _) | (_, Some(1.0)) => Ok(a.clone()),
            (Some(x), Some(y)) if representable(a, x / y) => self.number(x / y, a),
            _ => self.map2(Func::Div, a, b),
        }
    }

    /// `a` where the condition holds, else `b`.
    pub fn select(self, condition: &Node, a: &Node, b: &Node) -> Result<Node> {
        if a == b || a.fixed().is_some() && a.fixed() == b.fixed() {
            return Ok(a.clone());
        }
        Node::map(Func::Select, vec![condition.clone(), a.clone(), b.clone()], self.site)
    }

    /// `x` where the condition holds, else 0.
    pub fn masked(self, condition: &Node, x: &Node) -> Result<Node> {
        self.select(condition, x, &self.number(0.0, x)?)
    }

    /// The same elements in another shape.
    pub fn reshape(self, x: &Node, shape: &Shape) -> Result<Node> {
        match x.fixed() {
            Some(v) if x.elements() == shape.elements() => self.literal(v, x.dtype(), shape),
            _ => Node::reshape(x, shape.clone(), self.site),
        }
    }

    /// A view, or the source itself where nothing moves, or a literal where the source is one.
    pub fn view(self, x: &Node, view: View, shape: &Shape) -> Result<Node> {
        let still =
            x.shape() == shape && view.axes.iter().enumerate().all(|(axis, relation)| *relation == AxisMap::same(axis));
        if still {
            return Ok(x.clone());
        }
        match x.fixed() {
            Some(v) if v == view.fill.value(x.dtype()) || covered(&view, x.shape(), shape) => {
                self.literal(v, x.dtype(), shape)
            }
            _ => Node::view(x, view, shape.clone(), self.site),
        }
    }

    /// Result axis `order[j]` is source axis `j`.
    pub fn scatter_axes(self, x: &Node, order: &[usize]) -> Result<Node> {
        let mut dims = vec![0; order.len()];
        for (axis, &to) in order.iter().enumerate() {
            dims[to] = x.shape()[axis];
        }
        let axes = order.iter().map(|&to| AxisMap::same(to)).collect();
        self.view(x, View { axes, fill: Fill::Zero }, &dims.into())
    }

    /// Result axis `j` is source axis `order[j]`.
    pub fn permute(self, x: &Node, order: &[usize]) -> Result<Node> {
        self.scatter_axes(x, &inverse(order))
    }

    /// Sums over `axes`.
    pub fn sum(self, x: &Node, axes: &[usize]) -> Result<Node> {
        let n: usize = axes.iter().map(|&a| x.shape()[a]).product();
        let shape = x.shape().without(axes);
        match x.fixed() {
            Some(v) if representable(x, v * n as f64) => self.literal(v * n as f64, x.dtype(), &shape),
            _ if n == 1 => self.reshape(x, &shape),
            _ if x.op() == &Op::Map(Func::Neg) => self.neg(&self.sum(x.source(0), axes)?),
            _ => Node::reduce(Reduce::Sum, x, axes, self.site),
        }
    }
}

/// The inverse permutation.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (axis, &to) in order.iter().enumerate() {
        inverse[to] = axis;
    }
    inverse
}

/// Whether a folded literal can be written down: WGSL has no infinities, and integers wrap.
fn representable(like: &Node, value: f64) -> bool {
    like.dtype() == DType::F32 && value.abs() <= f64::from(f32::MAX)
}

/// Whether no element of the view is its fill.
fn covered(view: &View, source: &Shape, shape: &Shape) -> bool {
    view.axes.iter().zip(source.iter()).all(|(relation, &len)| {
        let extent = |sign: i64| -> i64 {
            let reach = |&(axis, c): &(usize, i64)| (sign * c).max(0) * (shape[axis] as i64 - 1);
            sign * relation.terms.iter().map(reach).sum::<i64>() + relation.offset
        };
        relation.divisor == 1 && extent(-1) >= 0 && extent(1) < len as i64
    })
}
