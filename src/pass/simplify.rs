//! Graph to graph: equal nodes become one, and operations that do nothing leave.
//!
//! Constants that travel as data are never looked into: their values are no part of the structure. Realised nodes are
//! leaves and stay as they are.

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{AxisMap, Fill, Func, Node, NodeMap, Op, Reduce, Routine, View, topological};
use crate::shape::Shape;
use std::collections::HashMap;

/// What makes two nodes equal, beside their sources, shape and dtype.
#[derive(PartialEq, Eq, Hash)]
enum Same {
    Fixed(u64),
    Iota,
    Map(Func),
    Reshape,
    View(View),
    Gather(usize),
    Reduce(Reduce, Vec<usize>),
    Routine(Routine),
    /// Never equal to another.
    Unique(usize),
}

/// The simplified roots, in order.
pub fn simplify(roots: &[Node]) -> Result<Vec<Node>> {
    let mut new: NodeMap<Node> = NodeMap::default();
    let mut seen: HashMap<(Same, Vec<usize>, Shape, DType), Node> = HashMap::new();
    for node in topological(roots, true) {
        let rebuilt = if node.value().is_some() {
            node.clone()
        } else {
            let sources: Vec<Node> = node.sources().iter().map(|s| new[&s.id()].clone()).collect();
            match identity(&node, &sources) {
                Some(same) => same,
                None if small_product(&node) => spelled_out(&node, &sources)?,
                None => rebuild(&node, sources)?,
            }
        };
        let key = (
            same(&rebuilt),
            rebuilt.sources().iter().map(Node::id).collect(),
            rebuilt.shape().clone(),
            rebuilt.dtype(),
        );
        let unique = seen.entry(key).or_insert(rebuilt).clone();
        new.insert(node.id(), unique);
    }
    Ok(roots.iter().map(|r| new[&r.id()].clone()).collect())
}

fn same(node: &Node) -> Same {
    if node.value().is_some() {
        return Same::Unique(node.id());
    }
    match node.op() {
        Op::Data(_) | Op::Const { fixed: false, .. } => Same::Unique(node.id()),
        Op::Const { value, fixed: true } => Same::Fixed(value.to_bits()),
        Op::Iota => Same::Iota,
        Op::Map(func) => Same::Map(func.clone()),
        Op::Reshape => Same::Reshape,
        Op::View(view) => Same::View(view.clone()),
        Op::Gather { axis } => Same::Gather(*axis),
        Op::Reduce { kind, axes } => Same::Reduce(*kind, axes.clone()),
        Op::Routine(routine) => Same::Routine(routine.clone()),
    }
}

fn rebuild(node: &Node, sources: Vec<Node>) -> Result<Node> {
    if sources.iter().zip(node.sources()).all(|(a, b)| a == b) {
        return Ok(node.clone());
    }
    let site = node.site();
    match node.op() {
        Op::Data(_) | Op::Const { .. } | Op::Iota => Ok(node.clone()),
        Op::Map(func) => Node::map(func.clone(), sources, site),
        Op::Reshape => Node::reshape(&sources[0], node.shape().clone(), site),
        Op::View(view) => Node::view(&sources[0], view.clone(), node.shape().clone(), site),
        Op::Gather { axis } => Node::gather(&sources[0], *axis, &sources[1], site),
        Op::Reduce { kind, axes } => Node::reduce(*kind, &sources[0], axes, site),
        Op::Routine(routine) => Node::routine(routine.clone(), sources, site),
    }
}

/// The number of multiplications up to which a matrix product is cheaper as a fused sum of products: it takes whatever
/// surrounds it into its kernel, and tiles would be mostly empty.
const SMALL_PRODUCT: usize = 1 << 18;

fn small_product(node: &Node) -> bool {
    matches!(node.op(), Op::Routine(Routine::Matmul))
        && node.elements().saturating_mul(node.source(0).shape()[2]) <= SMALL_PRODUCT
}

/// `c[b, m, n] = sum_k a[b, m, k] b[b, k, n]` as a reduction.
fn spelled_out(node: &Node, sources: &[Node]) -> Result<Node> {
    let site = node.site();
    let [b, m, n] = node.shape()[..] else { panic!("bug: a product of shape {}", node.shape()) };
    let space = Shape::from([b, m, n, sources[0].shape()[2]]);
    let factor = |source: &Node, axes: [usize; 3]| {
        let view = View { axes: axes.map(AxisMap::same).to_vec(), fill: Fill::Zero };
        let spread = Node::view(source, view, space.clone(), site)?;
        if spread.dtype() == DType::F32 { Ok(spread) } else { Node::map(Func::Cast(DType::F32), vec![spread], site) }
    };
    let products = Node::map(Func::Mul, vec![factor(&sources[0], [0, 1, 3])?, factor(&sources[1], [0, 3, 2])?], site)?;
    Node::reduce(Reduce::Sum, &products, &[3], site)
}

/// The source that the node equals, if the operation does nothing.
fn identity(node: &Node, sources: &[Node]) -> Option<Node> {
    let is = |ix: usize, value: f64| sources[ix].fixed() == Some(value);
    match node.op() {
        Op::Map(Func::Detach) => Some(sources[0].clone()),
        Op::Map(Func::Cast(to)) if *to == sources[0].dtype() => Some(sources[0].clone()),
        Op::Map(Func::Mul) if is(1, 1.0) => Some(sources[0].clone()),
        Op::Map(Func::Mul) if is(0, 1.0) => Some(sources[1].clone()),
        Op::Map(Func::Add | Func::Sub) if is(1, 0.0) => Some(sources[0].clone()),
        Op::Map(Func::Add) if is(0, 0.0) => Some(sources[1].clone()),
        Op::Map(Func::Div) if is(1, 1.0) => Some(sources[0].clone()),
        Op::Map(Func::Neg) if matches!(sources[0].op(), Op::Map(Func::Neg)) && sources[0].value().is_none() => {
            Some(sources[0].source(0).clone())
        }
        Op::Reshape if matches!(sources[0].op(), Op::Reshape) && sources[0].value().is_none() => {
            let inner = sources[0].source(0);
            if inner.shape() == node.shape() {
                return Some(inner.clone());
            }
            Node::reshape(inner, node.shape().clone(), node.site()).ok()
        }
        Op::View(view)
            if node.shape() == sources[0].shape()
                && view.axes.iter().enumerate().all(|(ix, a)| *a == AxisMap::same(ix)) =>
        {
            Some(sources[0].clone())
        }
        _ => None,
    }
}
