//! The routines, by plain loops.

use super::array::Array;
use super::ball::Ball;
use super::fold::{Fold, Grid, Join, SumBound, sum_ball};
use super::tol::{MIN_NORMAL, ULP, matmul_depth, scan_depth, sum_depth};
use super::walk;
use crate::dtype::DType;
use crate::graph::{Routine, Scan, Scatter};
use crate::shape::Shape;
use std::cmp::Ordering;

/// See [`Routine`].
#[must_use]
pub fn run(routine: &Routine, sources: &[&Array]) -> Array {
    match routine {
        Routine::Attention(attention) => super::attention::run(attention, sources),
        Routine::Matmul => matmul(sources[0], sources[1]),
        Routine::Scan(kind) => scan(*kind, sources[0]),
        Routine::LinRec => linrec(sources[0], sources[1]),
        Routine::ArgSort { descending } => argsort(*descending, sources[0]),
        Routine::Isotonic => walk::isotonic(sources[0]),
        Routine::TautString => walk::taut_string(sources[0], sources[1]),
        Routine::Excess { magnitude } => walk::excess(*magnitude, sources[0], sources[1]),
        Routine::Scatter(kind) => scatter(*kind, sources[0], sources[1], sources[3]),
        Routine::Dense(kind) => super::dense::run(*kind, sources),
        Routine::Descent { epochs, block } => super::descent::run(*epochs, *block, sources),
        Routine::Fft { inverse } => super::fft::run(*inverse, sources[0]),
        Routine::Sparse { .. } => sparse(sources),
    }
}

/// `a * b` where zero times anything is zero: for bounds.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn matmul(a: &Array, b: &Array) -> Array {
    let (batches, m, k, n) = (a.shape[0], a.shape[1], a.shape[2], b.shape[2]);
    let clean = a.errors.is_empty() && b.errors.is_empty();
    let grid_of = |x: &Array| {
        x.values.iter().fold(Grid::default(), |mut grid, &v| {
            grid.add(v);
            grid
        })
    };
    let grid = grid_of(a).product(grid_of(b));
    let smallest = |x: &Array| x.values.iter().filter(|v| **v != 0.0).fold(f64::INFINITY, |s, v| s.min(v.abs()));
    let small = if !clean || smallest(a) * smallest(b) < MIN_NORMAL / ULP { 2.0 * k as f64 } else { 0.0 };
    let mut out = Vec::with_capacity(batches * m * n);
    let (mut value, mut magnitude, mut error) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for row in 0..batches * m {
        let batch = row / m.max(1);
        value.fill(0.0);
        magnitude.fill(0.0);
        error.fill(0.0);
        for i in 0..k {
            let x = a.ball(row * k + i);
            let base = (batch * k + i) * n;
            for j in 0..n {
                let y = b.values[base + j];
                value[j] += x.value * y;
                if clean {
                    magnitude[j] += (x.value * y).abs();
                } else {
                    let ey = b.error(base + j);
                    let propagated = times(x.value.abs(), ey) + times(x.error, y.abs()) + times(x.error, ey);
                    error[j] += propagated;
                    magnitude[j] += (x.value * y).abs() + propagated;
                }
            }
        }
        out.extend((0..n).map(|j| {
            sum_ball(&SumBound {
                value: value[j],
                magnitude: magnitude[j],
                error: error[j],
                exact: clean && grid.sums_exactly(magnitude[j]),
                one_sign: false,
                small,
                depth: matmul_depth(k),
            })
        }));
    }
    Array::collect(Shape::from([batches, m, n]), DType::F32, out)
}

fn scan(kind: Scan, x: &Array) -> Array {
    let join = match kind {
        Scan::Sum => Join::Sum,
        Scan::Prod => Join::Prod,
        Scan::Max => Join::Max,
        Scan::Min => Join::Min,
    };
    let (rows, n) = (x.shape[0], x.shape[1]);
    let mut out = Vec::with_capacity(x.len());
    for row in 0..rows {
        let mut fold = Fold::new(join, x.dtype);
        out.extend((0..n).map(|i| {
            fold.push(x.ball(row * n + i));
            fold.get(scan_depth(i + 1))
        }));
    }
    Array::collect(x.shape.clone(), x.dtype, out)
}

/// The rounding is bounded through the same recurrence of absolute values: whatever the association, each term of the
/// result goes through at most two roundings per step it has been carried over.
fn linrec(a: &Array, b: &Array) -> Array {
    let (rows, n) = (a.shape[0], a.shape[1]);
    let mut out = Vec::with_capacity(a.len());
    for row in 0..rows {
        let (mut y, mut propagated, mut majorant, mut products) = (0.0f64, 0.0f64, 0.0f64, 1.0f64);
        for i in 0..n {
            let (p, q) = (a.ball(row * n + i).flushed(), b.ball(row * n + i).flushed());
            let reach = p.value.abs() + p.error;
            propagated = times(p.value.abs(), propagated) + times(p.error, y.abs() + propagated) + q.error;
            y = p.value * y + q.value;
            majorant = times(reach, majorant) + q.value.abs() + q.error + MIN_NORMAL;
            products = times(products, reach).max(1.0);
            let ball = if products > f64::from(f32::MAX) || (y.is_finite() && majorant > f64::from(f32::MAX)) {
                Ball::unknown(y)
            } else if y.is_finite() {
                Ball::rounded(y, propagated, 0.0, 2.0 * scan_depth(i + 2) * ULP * majorant)
            } else {
                Ball::rounded(y, propagated, 0.0, 0.0)
            };
            let exact = i == 0 && p.is_exact() && q.is_exact();
            out.push(if exact { Ball::rounded(y, 0.0, 0.0, 0.0) } else { ball });
        }
    }
    Array::collect(a.shape.clone(), DType::F32, out)
}

/// Positions within a run of elements whose intervals overlap are uncertain among each other, unless all are exact.
fn argsort(descending: bool, x: &Array) -> Array {
    let (rows, n) = (x.shape[0], x.shape[1]);
    let mut out = Vec::with_capacity(x.len());
    for row in 0..rows {
        let balls: Vec<Ball> =
            (0..n).map(|i| x.ball(row * n + i)).map(|b| if x.dtype.is_float() { b.flushed() } else { b }).collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| {
            let ascending = nan_last(balls[i].value, balls[j].value);
            if descending { ascending.reverse() } else { ascending }
        });
        let unknown = balls.iter().any(|b| b.is_unknown());
        let mut start = 0;
        while start < n {
            let end = if unknown { n } else { run_end(&order, &balls, start) };
            let run = &order[start..end];
            let certain = run.iter().all(|&i| balls[i].is_exact());
            let (least, most) = run.iter().fold((usize::MAX, 0), |(l, m), &i| (l.min(i), m.max(i)));
            out.extend(run.iter().map(|&i| {
                let value = i as f64;
                Ball { value, error: if certain { 0.0 } else { (value - least as f64).max(most as f64 - value) } }
            }));
            start = end;
        }
    }
    Array::collect(x.shape.clone(), DType::U32, out)
}

fn nan_last(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Where the run of overlapping intervals that begins at `start` ends.
fn run_end(order: &[usize], balls: &[Ball], start: usize) -> usize {
    let first = balls[order[start]];
    let (mut low, mut high) = (first.low(), first.high());
    let mut end = start + 1;
    while end < order.len() {
        let next = balls[order[end]];
        let both_nan = next.value.is_nan() && first.value.is_nan();
        if !(both_nan || next.low() <= high && next.high() >= low) {
            break;
        }
        (low, high) = (low.min(next.low()), high.max(next.high()));
        end += 1;
    }
    end
}

fn scatter(kind: Scatter, base: &Array, index: &Array, source: &Array) -> Array {
    let (n, inner) = (base.shape[0], base.shape[1]);
    if !index.errors.is_empty() {
        return Array::collect(base.shape.clone(), base.dtype, base.values.iter().map(|&v| Ball::unknown(v)));
    }
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (j, &i) in index.values.iter().enumerate() {
        if i < n as f64 {
            targets[i as usize].push(j);
        }
    }
    let mut out = Vec::with_capacity(base.len());
    for (i, sources) in targets.iter().enumerate() {
        for c in 0..inner {
            let start = base.ball(i * inner + c);
            let mut terms = sources.iter().map(|&j| source.ball(j * inner + c));
            let fold = |join: Join| {
                let mut fold = Fold::new(join, base.dtype);
                fold.push(start);
                terms.clone().for_each(|t| fold.push(t));
                fold.get(sum_depth(sources.len() + 1))
            };
            out.push(match kind {
                Scatter::Add => fold(Join::Sum),
                Scatter::Max => fold(Join::Max),
                Scatter::Min => fold(Join::Min),
                Scatter::Replace => terms.next_back().unwrap_or(start),
            });
        }
    }
    Array::collect(base.shape.clone(), base.dtype, out)
}

fn sparse(sources: &[&Array]) -> Array {
    let [values, x, offsets, columns] = [0, 1, 2, 3].map(|ix| sources[ix]);
    let (m, k) = (offsets.len() - 1, x.shape[1]);
    let mut out = Vec::with_capacity(m * k);
    for row in 0..m {
        let entries = offsets.values[row] as usize..offsets.values[row + 1] as usize;
        for c in 0..k {
            let mut sum = Fold::new(Join::Sum, DType::F32);
            for e in entries.clone() {
                let (v, y) = (values.ball(e), x.ball(columns.values[e] as usize * k + c));
                let error = times(v.value.abs(), y.error) + times(v.error, y.value.abs()) + times(v.error, y.error);
                sum.push(Ball { value: v.value * y.value, error });
            }
            out.push(sum.get(entries.len() as f64));
        }
    }
    Array::collect(Shape::from([m, k]), DType::F32, out)
}
