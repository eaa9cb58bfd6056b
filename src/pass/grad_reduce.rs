//! The adjoints of reductions.

use super::algebra::{Algebra, inverse};
use super::grad::{Adjoint, Cotangents};
use super::grad_routine::{Neighbour, reversed, scan, shifted};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{AxisMap, Fill, Func, Node, Reduce, Scan, View};
use crate::shape::Shape;

/// The rule of [`Op::Reduce`](crate::graph::Op::Reduce).
pub(super) fn reduce(step: &Adjoint, kind: Reduce, axes: &[usize]) -> Result<Cotangents> {
    let (m, x) = (step.algebra, step.node.source(0));
    let part = match kind {
        Reduce::Sum => spread(m, step.g, x.shape(), axes)?,
        Reduce::Prod => m.mul(&spread(m, step.g, x.shape(), axes)?, &product_of_others(m, x, axes)?)?,
        Reduce::Max | Reduce::MaxNumber | Reduce::Min => extremum(step, axes)?,
        // Positions are integers.
        Reduce::ArgMax | Reduce::ArgMin => return Ok(step.none()),
    };
    Ok(vec![Some(part)])
}

/// A reduced tensor repeated along the axes that were reduced.
fn spread(m: Algebra, reduced: &Node, shape: &Shape, axes: &[usize]) -> Result<Node> {
    let kept = (0..shape.rank()).filter(|a| !axes.contains(a));
    m.view(reduced, View { axes: kept.map(AxisMap::same).collect(), fill: Fill::Zero }, shape)
}

/// Equal shares for all elements that equal the extremum.
fn extremum(step: &Adjoint, axes: &[usize]) -> Result<Node> {
    let (m, x) = (step.algebra, step.node.source(0));
    let top = spread(m, step.node, x.shape(), axes)?;
    let is_top = m.map2(Func::Eq, x, &top)?;
    let n_top = m.sum(&m.map1(Func::Cast(DType::F32), &is_top)?, axes)?;
    m.masked(&is_top, &spread(m, &m.div(step.g, &n_top)?, x.shape(), axes)?)
}

/// For each element the product of all others along `axes`: the product of those before times the product of those
/// after, so that zeros need no division.
fn product_of_others(m: Algebra, x: &Node, axes: &[usize]) -> Result<Node> {
    let kept = (0..x.shape().rank()).filter(|a| !axes.contains(a));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    let moved = m.permute(x, &order)?;
    let n: usize = axes.iter().map(|&a| x.shape()[a]).product();
    let n_rows: usize = x.shape().without(axes).elements();
    let rows = m.reshape(&moved, &Shape::from([n_rows, n]))?;
    let before = shifted(m, &scan(m, Scan::Prod, &rows)?, Neighbour::Before, Fill::One)?;
    let after = reversed(m, &scan(m, Scan::Prod, &reversed(m, &rows)?)?)?;
    let after = shifted(m, &after, Neighbour::After, Fill::One)?;
    m.permute(&m.reshape(&m.mul(&before, &after)?, moved.shape())?, &inverse(&order))
}
