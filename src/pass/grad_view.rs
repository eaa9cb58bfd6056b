//! The adjoint of a view: which result elements read a given source element, as a view again.
//!
//! A view reads source index `i` at result index `o` where, for every source axis, `divisor * i = sum_j c_j o_j + offset`.
//! The cotangent of element `i` is the sum of the result's cotangents over all `o` that satisfy these equations. Solving
//! them for as many of the `o` as they determine (whole-number Gauss-Jordan elimination) leaves, for each solved `o`,
//! `pivot * o = sum a_j i_j + sum b_t o_t + c`: the relation of a view on the cotangent with result axes `i` and the free
//! `o_t`, over which it is then summed. So
//!
//! - a permutation, slice, flip, dilation or padding gives the view with the roles of `i` and `o` swapped;
//! - a broadcast axis occurs in no equation, is free, and is summed;
//! - a sliding window solves for the longer of position and offset, and sums over the other;
//! - an equation without any `o` (a fixed index, a diagonal) is a condition on `i`: an axis of length 1 is appended to the
//!   cotangent, whose index is in range exactly where the condition holds.
//!
//! Elements outside of the source (the fill) depend on nothing and send nothing.

use super::grad::Adjoint;
use crate::error::Result;
use crate::graph::{AxisMap, Fill, Node, View};
use crate::shape::{MAX_RANK, Shape};

/// The rule of [`Op::View`](crate::graph::Op::View).
pub(super) fn view(step: &Adjoint, view: &View) -> Result<Node> {
    let (m, g, source) = (step.algebra, step.g, step.node.source(0));
    let mut system = System::of(view, source.shape(), g.shape());
    system.solve(g.shape());

    // Broadcast axes are summed first, unless there is another sum to join them with in one reduction.
    let absent: Vec<usize> = (0..g.shape().rank()).filter(|&o| !system.uses(o)).collect();
    let tied: Vec<usize> = (0..g.shape().rank()).filter(|&o| system.uses(o) && !system.solved(o)).collect();
    let wanted: Vec<usize> = (0..source.shape().rank()).filter(|&i| system.matters(i, source.shape())).collect();
    let apart = tied.is_empty() || wanted.len() + tied.len() + absent.len() > MAX_RANK;
    let (reduced, free) = if apart { (absent, tied) } else { (Vec::new(), [tied, absent].concat()) };
    let g = m.sum(g, &reduced)?;

    // The result axes of the adjoint: the source's, then the free ones.
    let axis_of = |o: usize| wanted.len() + free.iter().position(|&f| f == o).expect("bug: a free axis");
    let terms = |row: &Row, skip: Option<usize>| -> Vec<(usize, i64)> {
        let known = wanted.iter().enumerate().map(|(axis, &i)| (axis, row.i[i]));
        let open =
            row.o.iter().enumerate().filter(|&(o, &c)| c != 0 && Some(o) != skip).map(|(o, &c)| (axis_of(o), -c));
        known.chain(open).filter(|&(_, c)| c != 0).collect()
    };
    let mut axes = Vec::new();
    for o in (0..step.g.shape().rank()).filter(|o| !reduced.contains(o)) {
        axes.push(match system.rows.iter().find(|row| row.pivot == Some(o)) {
            Some(row) => AxisMap { terms: terms(row, Some(o)), offset: row.c, divisor: row.o[o] },
            None => AxisMap::same(axis_of(o)),
        });
    }
    let conditions: Vec<&Row> =
        system.rows.iter().filter(|r| r.pivot.is_none() && !r.trivial(source.shape())).collect();
    axes.extend(conditions.iter().map(|row| AxisMap { terms: terms(row, None), offset: row.c, divisor: 1 }));
    let unit = Shape::from([g.shape().dims(), &vec![1; conditions.len()]].concat());
    let g = m.reshape(&g, &unit)?;

    let dims: Vec<usize> =
        wanted.iter().map(|&i| source.shape()[i]).chain(free.iter().map(|&o| step.g.shape()[o])).collect();
    let spread = m.view(&g, View { axes, fill: Fill::Zero }, &dims.into())?;
    let summed = m.sum(&spread, &(wanted.len()..wanted.len() + free.len()).collect::<Vec<_>>())?;
    m.reshape(&summed, source.shape())
}

/// One equation `sum_o o[t] o_t = sum_j i[j] i_j + c` in whole numbers.
struct Row {
    o: Vec<i64>,
    i: Vec<i64>,
    c: i64,
    /// The result axis this equation is solved for; its coefficient is positive and no other equation has it.
    pivot: Option<usize>,
}

impl Row {
    /// `0 = i * a` for an axis of length 1: nothing to check.
    fn trivial(&self, source: &Shape) -> bool {
        self.c == 0 && self.i.iter().zip(source.iter()).all(|(&a, &len)| a == 0 || len == 1)
    }

    /// Subtracts the multiple of `other` that removes axis `o`; the common factor of all coefficients is divided out.
    fn eliminate(&mut self, other: &Row, o: usize) {
        let common = gcd(self.o[o], other.o[o]);
        let (scale, times) = (other.o[o] / common, self.o[o] / common);
        let join = |own: &mut i64, others: i64| *own = scale * *own - times * others;
        self.o.iter_mut().zip(&other.o).for_each(|(a, &b)| join(a, b));
        self.i.iter_mut().zip(&other.i).for_each(|(a, &b)| join(a, b));
        join(&mut self.c, other.c);
        self.normalise();
    }

    /// Divides out the common factor; the pivot's coefficient, if there is one, becomes positive.
    fn normalise(&mut self) {
        let all = self.o.iter().chain(&self.i).fold(self.c, |d, &a| gcd(d, a)).max(1);
        let sign = if self.pivot.is_some_and(|p| self.o[p] < 0) { -all } else { all };
        self.o.iter_mut().chain(&mut self.i).for_each(|a| *a /= sign);
        self.c /= sign;
    }
}

struct System {
    rows: Vec<Row>,
}

impl System {
    fn of(view: &View, source: &Shape, result: &Shape) -> Self {
        let rows = view.axes.iter().enumerate().map(|(axis, relation)| {
            let mut row =
                Row { o: vec![0; result.rank()], i: vec![0; source.rank()], c: -relation.offset, pivot: None };
            relation.terms.iter().for_each(|&(o, c)| row.o[o] += c);
            row.i[axis] = relation.divisor;
            row.normalise();
            row
        });
        Self { rows: rows.collect() }
    }

    /// Solves one equation after the other, those with the fewest unknowns first, each for its longest axis.
    fn solve(&mut self, result: &Shape) {
        let unknowns = |row: &Row| row.o.iter().filter(|&&c| c != 0).count();
        loop {
            let open = (0..self.rows.len()).filter(|&r| self.rows[r].pivot.is_none() && unknowns(&self.rows[r]) > 0);
            let Some(r) = open.min_by_key(|&r| unknowns(&self.rows[r])) else { return };
            let candidates = (0..result.rank()).filter(|&o| self.rows[r].o[o] != 0);
            let Some(o) = candidates.min_by_key(|&o| std::cmp::Reverse(result[o])) else { return };
            let mut row = self.rows.remove(r);
            row.pivot = Some(o);
            row.normalise();
            self.rows.iter_mut().filter(|other| other.o[o] != 0).for_each(|other| other.eliminate(&row, o));
            self.rows.insert(r, row);
        }
    }

    /// Whether a result axis occurs in an equation.
    fn uses(&self, o: usize) -> bool {
        self.rows.iter().any(|row| row.o[o] != 0)
    }

    fn solved(&self, o: usize) -> bool {
        self.rows.iter().any(|row| row.pivot == Some(o))
    }

    /// Whether a source axis is more than the index 0 of an axis of length 1 that nothing reads.
    fn matters(&self, i: usize, source: &Shape) -> bool {
        source[i] != 1 || self.rows.iter().any(|row| row.pivot.is_some() && row.i[i] != 0)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}
