//! Whole Jacobians, row by row or column by column, whichever are fewer.

use super::algebra::Algebra;
use super::grad::{jvp, vjp};
use crate::error::{Error, Result, Site};
use crate::graph::{AxisMap, Fill, Node, View};
use crate::shape::{MAX_RANK, Shape};

/// The most rows or columns: each is a differentiation of its own, and a graph of its own to plan.
pub const MAX_PASSES: usize = 4096;

/// `d root / d target`, of shape `[root.., target..]`.
///
/// Takes one differentiation per element of the root (reverse) or of the target (forward), whichever are fewer.
///
/// # Errors
/// More than [`MAX_PASSES`] of both, more than eight axes together; the errors of [`vjp`].
pub fn jacobian(root: &Node, target: &Node, site: Site) -> Result<Node> {
    let m = Algebra { site };
    let (n_rows, n_columns) = (root.elements(), target.elements());
    let shape = Shape::from([root.shape().dims(), target.shape().dims()].concat());
    let refuse = |message: String, hint: &str| Err(Error::argument("jacobian", message, hint, site));
    if shape.rank() > MAX_RANK {
        return refuse(format!("shape {shape} has {} axes", shape.rank()), "flatten the root or the target first");
    }
    if n_rows.min(n_columns) > MAX_PASSES {
        return refuse(
            format!("{n_rows} rows and {n_columns} columns"),
            "at most 4096 of the one or the other; products with vectors (`vjp`, `jvp`) need no Jacobian",
        );
    }
    if n_rows == 0 || n_columns == 0 {
        return m.zeros(&shape);
    }
    let by_rows = n_rows <= n_columns;
    let (n, from, to) = if by_rows { (n_rows, root, target) } else { (n_columns, target, root) };
    let lines = (0..n)
        .map(|at| {
            let unit = m.reshape(&unit_vector(m, at, n)?, from.shape())?;
            let line = if by_rows {
                vjp(std::slice::from_ref(root), &[unit], std::slice::from_ref(target), site)?
            } else {
                jvp(std::slice::from_ref(root), std::slice::from_ref(target), &[unit], site)?
            };
            m.reshape(&line[0], &Shape::from([1, to.elements()]))
        })
        .collect::<Result<Vec<_>>>()?;
    let all = stacked(m, lines)?;
    m.reshape(&if by_rows { all } else { m.permute(&all, &[1, 0])? }, &shape)
}

/// 1 at one place, else 0.
fn unit_vector(m: Algebra, at: usize, n: usize) -> Result<Node> {
    let one = m.literal(1.0, crate::dtype::DType::F32, &Shape::from([1]))?;
    m.view(&one, window(0, at, 1), &Shape::from([n]))
}

/// The rows below each other, joined in pairs, so that each element is copied `log2(rows)` times at most.
fn stacked(m: Algebra, mut parts: Vec<Node>) -> Result<Node> {
    while parts.len() > 1 {
        parts = parts
            .chunks(2)
            .map(|pair| match pair {
                [above, below] => {
                    let (p, q, width) = (above.shape()[0], below.shape()[0], above.shape()[1]);
                    let shape = Shape::from([p + q, width]);
                    m.add(&m.view(above, window(0, 0, 2), &shape)?, &m.view(below, window(0, p, 2), &shape)?)
                }
                rest => Ok(rest[0].clone()),
            })
            .collect::<Result<_>>()?;
    }
    Ok(parts.swap_remove(0))
}

/// A source placed at `start` of `axis` in a larger result, zeros around.
fn window(axis: usize, start: usize, rank: usize) -> View {
    let mut axes: Vec<AxisMap> = (0..rank).map(AxisMap::same).collect();
    axes[axis].offset = -(start as i64);
    View { axes, fill: Fill::Zero }
}
