//! Reductions over axes.

use super::array::Array;
use super::ball::Ball;
use super::fold::{Fold, Join, arg_extreme};
use super::movement::indices;
use super::tol::sum_depth;
use crate::dtype::DType;
use crate::graph::Reduce;
use crate::shape::Shape;

/// See [`Op::Reduce`](crate::graph::Op::Reduce).
#[must_use]
pub fn reduce(kind: Reduce, axes: &[usize], source: &Array) -> Array {
    let reduced = offsets(&source.shape, |a| axes.contains(&a));
    let kept = offsets(&source.shape, |a| !axes.contains(&a));
    let shape = source.shape.without(axes);
    let fold = |join: Join| {
        let over = |&base: &usize| {
            let mut fold = Fold::new(join, source.dtype);
            reduced.iter().for_each(|&o| fold.push(source.ball(base + o)));
            fold.get(sum_depth(reduced.len()))
        };
        Array::collect(shape.clone(), source.dtype, kept.iter().map(over))
    };
    let position = |max: bool| {
        let over = |&base: &usize| {
            let row: Vec<Ball> = reduced.iter().map(|&o| source.ball(base + o)).collect();
            arg_extreme(max, source.dtype, &row)
        };
        Array::collect(shape.clone(), DType::U32, kept.iter().map(over))
    };
    match kind {
        Reduce::Sum => fold(Join::Sum),
        Reduce::Prod => fold(Join::Prod),
        Reduce::Max => fold(Join::Max),
        Reduce::MaxNumber => fold(Join::MaxNumber),
        Reduce::Min => fold(Join::Min),
        Reduce::ArgMax => position(true),
        Reduce::ArgMin => position(false),
    }
}

/// The distances from the first element to the others along the chosen axes, row-major.
fn offsets(shape: &Shape, chosen: impl Fn(usize) -> bool) -> Vec<usize> {
    let strides = shape.strides();
    let axes: Vec<usize> = (0..shape.rank()).filter(|&a| chosen(a)).collect();
    let part = Shape::from(axes.iter().map(|&a| shape[a]).collect::<Vec<_>>());
    let mut out = Vec::with_capacity(part.elements());
    indices(&part, |i| out.push(i.iter().zip(&axes).map(|(&i, &a)| i * strides[a]).sum()));
    out
}
