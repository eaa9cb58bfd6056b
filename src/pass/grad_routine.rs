//! The adjoints of the hand-written algorithms, in terms of the same algorithms.

use super::algebra::Algebra;
use super::grad::{Adjoint, Cotangents};
use super::grad_walk;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{AxisMap, Fill, Func, Node, Routine, Scan, Scatter, View};
use crate::shape::Shape;

/// The rule of [`Op::Routine`](crate::graph::Op::Routine).
pub(super) fn routine(step: &Adjoint, routine: &Routine) -> Result<Cotangents> {
    match routine {
        Routine::Matmul => step.each(|ix| matmul(step, ix)),
        Routine::Attention(attention) => super::grad_attention::attention(step, attention),
        Routine::Scan(Scan::Sum) => {
            let m = step.algebra;
            step.each(|_| reversed(m, &scan(m, Scan::Sum, &reversed(m, step.g)?)?))
        }
        Routine::Scan(Scan::Prod) => step.each(|_| running_product(step)),
        Routine::Scan(Scan::Max) => step.each(|_| running_extremum(step, Func::Gt)),
        Routine::Scan(Scan::Min) => step.each(|_| running_extremum(step, Func::Lt)),
        Routine::LinRec => recurrence(step),
        // Positions are integers.
        Routine::ArgSort { .. } => Ok(step.none()),
        Routine::Isotonic => step.each(|_| grad_walk::segment_means(step)),
        Routine::TautString => grad_walk::taut_string(step),
        Routine::Excess { .. } => grad_walk::excess(step),
        Routine::Scatter(Scatter::Add) => {
            step.each(|ix| if ix == 0 { Ok(step.g.clone()) } else { picked(step.algebra, step.g, step.node.source(1)) })
        }
        Routine::Scatter(Scatter::Max | Scatter::Min) => scatter_extremum(step),
        Routine::Scatter(Scatter::Replace) => scatter_replace(step),
        Routine::Dense(kind) => super::grad_dense::dense(step, *kind),
        Routine::Descent { .. } => Err(Error::argument(
            "grad",
            "sweeps of coordinate descent have no derivative here",
            "differentiate the conditions of the minimum instead, or detach the result",
            step.node.site(),
        )),
        Routine::Sparse { team } => step.each(|ix| sparse(step, *team, ix)),
        // The conjugate transpose of a symmetric matrix is its conjugate.
        Routine::Fft { inverse } => {
            let back = Routine::Fft { inverse: !inverse };
            step.each(|_| Node::routine(back.clone(), vec![step.g.clone()], step.algebra.site))
        }
    }
}

/// `c = a b`: `g b^T` and `a^T g`.
fn matmul(step: &Adjoint, ix: usize) -> Result<Node> {
    let (m, g) = (step.algebra, step.g);
    let other = m.permute(step.node.source(1 - ix), &[0, 2, 1])?;
    let operands = if ix == 0 { vec![g.clone(), other] } else { vec![other, g.clone()] };
    Node::routine(Routine::Matmul, operands, m.site)
}

/// `y = a x`: `x̄ = a^T g`; of an entry at `(r, c)` the product of row `r` of `g` and row `c` of `x`.
fn sparse(step: &Adjoint, team: [u32; 2], ix: usize) -> Result<Node> {
    let m = step.algebra;
    let of = |ix: usize| step.node.source(ix).clone();
    if ix == 0 {
        let both = m.mul(&picked(m, step.g, &of(4))?, &picked(m, &of(1), &of(3))?)?;
        return m.sum(&both, &[1]);
    }
    let ordered = |ix: usize| Node::gather(&of(ix), 0, &of(7), m.site);
    // The rows of the transposed matrix are the columns of this.
    let sources = vec![ordered(0)?, step.g.clone(), of(5), of(6), ordered(3)?, of(2), of(3), of(8), of(7)];
    Node::routine(Routine::Sparse { team: [team[1], team[0]] }, sources, m.site)
}

/// `y_i = prod_{l <= i} x_l`: `x̄_j = y_{j-1} s_j` with `s_j = g_j + x_{j+1} s_{j+1}`, which is right for zeros too.
fn running_product(step: &Adjoint) -> Result<Node> {
    let m = step.algebra;
    let before = shifted(m, step.node, Neighbour::Before, Fill::One)?;
    m.mul(&before, &backward(m, step.node.source(0), step.g)?)
}

/// All of `g_i` to the element that is the extremum of the first `i`, the first of equal ones: a sum over each stretch
/// between two records, as a recurrence that restarts at records.
fn running_extremum(step: &Adjoint, beats: Func) -> Result<Node> {
    let (m, x) = (step.algebra, step.node.source(0));
    let (n_rows, n) = (x.shape()[0], x.shape()[1]);
    if n == 0 {
        return Ok(step.g.clone());
    }
    let best = shifted(m, step.node, Neighbour::Before, Fill::Zero)?;
    let position = View { axes: vec![AxisMap::same(1)], fill: Fill::Zero };
    let position = Node::view(&Node::iota(n, DType::U32, m.site)?, position, Shape::from([n_rows, n]), m.site)?;
    let first = m.map2(Func::Eq, &position, &m.literal(0.0, DType::U32, x.shape())?)?;
    let record = m.map2(Func::Or, &first, &m.map2(beats, x, &best)?)?;
    let goes_on = m.select(&record, &m.number(0.0, x)?, &m.number(1.0, x)?)?;
    m.masked(&record, &backward(m, &goes_on, step.g)?)
}

/// `y_i = a_i y_{i-1} + b_i`: `b̄ = s` with `s_i = g_i + a_{i+1} s_{i+1}`, and `ā_i = s_i y_{i-1}`.
fn recurrence(step: &Adjoint) -> Result<Cotangents> {
    let m = step.algebra;
    let s = backward(m, step.node.source(0), step.g)?;
    step.each(
        |ix| {
            if ix == 1 { Ok(s.clone()) } else { m.mul(&s, &shifted(m, step.node, Neighbour::Before, Fill::Zero)?) }
        },
    )
}

/// `s_i = g_i + a_{i+1} s_{i+1}`, `s_n = 0`: the recurrence run from the end.
fn backward(m: Algebra, a: &Node, g: &Node) -> Result<Node> {
    let next = reversed(m, &shifted(m, a, Neighbour::After, Fill::Zero)?)?;
    reversed(m, &Node::routine(Routine::LinRec, vec![next, reversed(m, g)?], m.site)?)
}

/// Equal shares for the base and the sources that equal the extremum.
fn scatter_extremum(step: &Adjoint) -> Result<Cotangents> {
    let (m, y) = (step.algebra, step.node);
    let [base, index, order, source] = [0, 1, 2, 3].map(|ix| y.source(ix));
    let base_is = m.map2(Func::Eq, base, y)?;
    let source_is = m.map2(Func::And, &m.map2(Func::Eq, source, &picked(m, y, index)?)?, &in_range(m, index, y)?)?;
    let counted = [m.map1(Func::Cast(DType::F32), &base_is)?, m.map1(Func::Cast(DType::F32), &source_is)?];
    let [n_base, n_source] = counted;
    let arguments = vec![n_base, index.clone(), order.clone(), n_source];
    let share = m.div(step.g, &Node::routine(Routine::Scatter(Scatter::Add), arguments, m.site)?)?;
    step.each(|ix| if ix == 0 { m.masked(&base_is, &share) } else { m.masked(&source_is, &picked(m, &share, index)?) })
}

/// To the last source of each row, or to the base where there is none.
fn scatter_replace(step: &Adjoint) -> Result<Cotangents> {
    let (m, y) = (step.algebra, step.node);
    let (index, order) = (y.source(1), y.source(2));
    let (n, inner, n_updates) = (y.shape()[0], y.shape()[1], index.elements());
    // Per row: one more than the last source's number, or 0.
    let number = Node::iota(n_updates, DType::U32, m.site)?;
    let number = m.map2(Func::Add, &number, &m.literal(1.0, DType::U32, number.shape())?)?;
    let number = m.reshape(&number, &Shape::from([n_updates, 1]))?;
    let none = m.literal(0.0, DType::U32, &Shape::from([n, 1]))?;
    let arguments = vec![none, index.clone(), order.clone(), number.clone()];
    let last = Node::routine(Routine::Scatter(Scatter::Max), arguments, m.site)?;
    let wide = |column: &Node, len: usize| {
        let axes = vec![AxisMap::same(0), AxisMap::fixed(0)];
        m.view(column, View { axes, fill: Fill::Zero }, &Shape::from([len, inner]))
    };
    step.each(|ix| {
        if ix == 0 {
            let untouched = m.map2(Func::Eq, &last, &m.literal(0.0, DType::U32, last.shape())?)?;
            return m.masked(&wide(&untouched, n)?, step.g);
        }
        let wins = m.map2(Func::Eq, &number, &picked(m, &last, index)?)?;
        m.masked(&wide(&wins, n_updates)?, &picked(m, step.g, index)?)
    })
}

/// Rows `index` of `x: [n, inner]`; 0 where the index is out of range.
fn picked(m: Algebra, x: &Node, index: &Node) -> Result<Node> {
    let shape = Shape::from([index.elements(), x.shape()[1]]);
    let zero = m.literal(0.0, x.dtype(), &shape)?;
    let rows = match x.fixed() {
        Some(v) => m.literal(v, x.dtype(), &shape)?,
        None => Node::gather(x, 0, &along(m, index, &shape)?, m.site)?,
    };
    m.select(&in_range(m, index, x)?, &rows, &zero)
}

/// Whether `index` names a row of `x`, in the shape of the rows picked.
fn in_range(m: Algebra, index: &Node, x: &Node) -> Result<Node> {
    let shape = Shape::from([index.elements(), x.shape()[1]]);
    let len = m.literal(x.shape()[0] as f64, DType::U32, &shape)?;
    m.map2(Func::Lt, &along(m, index, &shape)?, &len)
}

/// `[m]` repeated along a second axis.
fn along(m: Algebra, index: &Node, shape: &Shape) -> Result<Node> {
    m.view(index, View { axes: vec![AxisMap::same(0)], fill: Fill::Zero }, shape)
}

/// An inclusive scan of `[rows, n]`.
pub(super) fn scan(m: Algebra, kind: Scan, x: &Node) -> Result<Node> {
    Node::routine(Routine::Scan(kind), vec![x.clone()], m.site)
}

/// `[rows, n]` with each row back to front.
pub(super) fn reversed(m: Algebra, x: &Node) -> Result<Node> {
    let back = AxisMap { terms: vec![(1, -1)], offset: x.shape()[1] as i64 - 1, divisor: 1 };
    m.view(x, View { axes: vec![AxisMap::same(0), back], fill: Fill::Zero }, x.shape())
}

/// Which neighbour in a row.
#[derive(Clone, Copy)]
pub(super) enum Neighbour {
    Before,
    After,
}

/// Each element's neighbour in its row; `fill` at the end that has none.
pub(super) fn shifted(m: Algebra, x: &Node, neighbour: Neighbour, fill: Fill) -> Result<Node> {
    let offset = match neighbour {
        Neighbour::Before => -1,
        Neighbour::After => 1,
    };
    let moved = AxisMap { terms: vec![(1, 1)], offset, divisor: 1 };
    m.view(x, View { axes: vec![AxisMap::same(0), moved], fill }, x.shape())
}
