//! The adjoint of a gather: a scatter-add of rows.
//!
//! Axes on which the index does not depend (an index broadcast along them: `index_select`, embeddings) are the inside of
//! a row and move as a whole; the others are joined to one position. So an embedding's gradient sorts its `m` indices
//! once, however wide the rows, and a general gather sorts its elements.

use super::algebra::{Algebra, inverse};
use super::grad::Adjoint;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{AxisMap, Fill, Func, Node, Op, Routine, Scatter, View};
use crate::shape::Shape;

/// The rule of [`Op::Gather`]; an index out of range sends its cotangent nowhere.
pub(super) fn gather(step: &Adjoint, axis: usize) -> Result<Node> {
    let (m, g, source, index) = (step.algebra, step.g, step.node.source(0), step.node.source(1));
    let inside = independent(index);
    let (inner, outer): (Vec<usize>, Vec<usize>) = (0..index.shape().rank()).partition(|&a| a != axis && inside[a]);
    let order = [outer.clone(), inner.clone()].concat();
    let along = |shape: &Shape, axes: &[usize]| axes.iter().map(|&a| shape[a]).collect::<Vec<_>>();
    let (n, width) = (along(source.shape(), &outer), along(source.shape(), &inner));

    let rows = along(index.shape(), &outer);
    let (n_rows, inner_len) = (rows.iter().product(), width.iter().product::<usize>());
    let position = m.reshape(&positions(m, index, axis, &outer, &n)?, &Shape::from([n_rows]))?;
    let updates = m.reshape(&m.permute(g, &order)?, &Shape::from([n_rows, inner_len]))?;
    let base = m.zeros(&Shape::from([n.iter().product(), inner_len]))?;
    let sums = scatter_add(m, &base, &position, &updates)?;
    m.permute(&m.reshape(&sums, &[n, width].concat().into())?, &inverse(&order))
}

/// `base[i, :] + sum of source[j, :] over index[j] = i`.
fn scatter_add(m: Algebra, base: &Node, index: &Node, source: &Node) -> Result<Node> {
    let n = index.elements();
    let row = m.reshape(index, &Shape::from([1, n]))?;
    let order = Node::routine(Routine::ArgSort { descending: false }, vec![row], m.site)?;
    let order = m.reshape(&order, &Shape::from([n]))?;
    Node::routine(Routine::Scatter(Scatter::Add), vec![base.clone(), index.clone(), order, source.clone()], m.site)
}

/// For each index over the axes `outer`: the row-major position in `dims` that it reads, or one past the end.
fn positions(m: Algebra, index: &Node, axis: usize, outer: &[usize], dims: &[usize]) -> Result<Node> {
    let shape = Shape::from(outer.iter().map(|&a| index.shape()[a]).collect::<Vec<_>>());
    let place = |a: usize| outer.iter().position(|&o| o == a);
    let axes = (0..index.shape().rank()).map(|a| place(a).map_or(AxisMap::fixed(0), AxisMap::same)).collect();
    let index = m.view(index, View { axes, fill: Fill::Zero }, &shape)?;
    let literal = |value: usize| m.literal(value as f64, DType::U32, &shape);
    let axis_place = place(axis).expect("bug: the gathered axis is an outer one");
    let len = dims[axis_place];
    let index = unsigned(m, &index, len)?;
    if dims.len() == 1 {
        return Ok(index);
    }
    let strides = Shape::from(dims).strides();
    let mut sum = m.map2(Func::Mul, &index, &literal(strides[axis_place])?)?;
    for (a, &stride) in strides.iter().enumerate().filter(|&(a, _)| a != axis_place && dims[a] > 1) {
        let coordinate = View { axes: vec![AxisMap::same(a)], fill: Fill::Zero };
        let coordinate = Node::view(&Node::iota(dims[a], DType::U32, m.site)?, coordinate, shape.clone(), m.site)?;
        sum = m.map2(Func::Add, &sum, &m.map2(Func::Mul, &coordinate, &literal(stride)?)?)?;
    }
    m.select(&m.map2(Func::Lt, &index, &literal(len)?)?, &sum, &literal(dims.iter().product())?)
}

/// An index as `U32`; negative ones become `len`, which is out of range.
fn unsigned(m: Algebra, index: &Node, len: usize) -> Result<Node> {
    if index.dtype() == DType::U32 {
        return Ok(index.clone());
    }
    let literal = |value: usize| m.literal(value as f64, DType::I32, index.shape());
    let clean = m.select(&m.map2(Func::Lt, index, &literal(0)?)?, &literal(len)?, index)?;
    m.map1(Func::Cast(DType::U32), &clean)
}

/// Along which axes a node's elements are seen to be equal.
fn independent(node: &Node) -> Vec<bool> {
    let repeats: Vec<bool> = match node.op() {
        Op::View(view) => {
            let used = |axis| view.axes.iter().any(|relation| relation.terms.iter().any(|&(a, _)| a == axis));
            (0..node.shape().rank()).map(|axis| !used(axis)).collect()
        }
        Op::Map(func) if func.arity() == 1 => independent(node.source(0)),
        Op::Map(_)
        | Op::Const { .. }
        | Op::Data(_)
        | Op::Iota
        | Op::Reshape
        | Op::Gather { .. }
        | Op::Reduce { .. }
        | Op::Routine(_) => vec![false; node.shape().rank()],
    };
    repeats.iter().zip(node.shape().iter()).map(|(&repeated, &len)| repeated || len == 1).collect()
}
