//! The routines that walk rows, in f64. Isotonic fits and taut strings do not expand the greatest norm (a fit of
//! `x + c` is the fit of `x` plus `c`, and neither decreases if `x` increases), so the error of a row is that of its worst
//! element, and a rounding on the way is a change of `x` of its size.

use super::array::Array;
use super::ball::Ball;
use super::fold::{Fold, Join};
use super::tol::{ULP, sum_depth};
use crate::dtype::DType;
use crate::graph::{EXCESS_BLOCK, EXCESS_THRESHOLDS};
use crate::shape::Shape;

/// Roundings of one merge or one step of a walk, each of the greatest magnitude there.
const ROUNDINGS: f64 = 4.0;

/// The rows of a walk: `fit` of each, with the error of its worst element, `more`, and `n` steps' rounding of `size`.
fn walked(x: &Array, more: impl Fn(usize) -> (f64, f64), fit: impl Fn(usize, &[f64]) -> Vec<f64>) -> Array {
    let (rows, n) = (x.shape[0], x.shape[1]);
    let mut out = Vec::with_capacity(x.len());
    for row in 0..rows {
        let balls: Vec<Ball> = (0..n).map(|i| x.ball(row * n + i).flushed()).collect();
        let values: Vec<f64> = balls.iter().map(|b| b.value).collect();
        let (size, extra) = more(row);
        let greatest = values.iter().fold(size, |m, v| m.max(v.abs()));
        let propagated = balls.iter().fold(0.0f64, |m, b| m.max(b.error)) + extra;
        if !greatest.is_finite() || values.iter().any(|v| v.is_nan()) || !propagated.is_finite() {
            out.extend(vec![Ball::unknown(f64::NAN); n]);
            continue;
        }
        let rounding =
            if n > 1 || size > 0.0 { ROUNDINGS * (n as f64 + 4.0) * ULP * (greatest + propagated) } else { 0.0 };
        out.extend(fit(row, &values).into_iter().map(|v| Ball::rounded(v, propagated, 0.0, rounding)));
    }
    Array::collect(x.shape.clone(), DType::F32, out)
}

/// See [`Routine::Isotonic`](crate::graph::Routine::Isotonic).
pub(super) fn isotonic(x: &Array) -> Array {
    walked(x, |_| (0.0, 0.0), |_, values| decreasing(values))
}

/// Pools of neighbours out of order, as sums and counts.
fn decreasing(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for &v in values {
        pools.push((v, 1));
        while let [.., (a, m), (b, k)] = pools[..] {
            if a / m as f64 >= b / k as f64 {
                break;
            }
            pools.pop();
            pools.pop();
            pools.push((a + b, m + k));
        }
    }
    pools.into_iter().flat_map(|(sum, count)| vec![sum / count as f64; count]).collect()
}

/// See [`Routine::TautString`](crate::graph::Routine::TautString). A segment's value moves by at most twice what `lambda`
/// moves.
pub(super) fn taut_string(x: &Array, lambda: &Array) -> Array {
    let of = |row: usize| lambda.ball(row).flushed();
    walked(x, |row| (of(row).value.abs(), 2.0 * of(row).error), |row, values| string(values, of(row).value))
}

/// The shortest path within `lambda` of the running sums, from knot to knot: its slopes are the fit.
fn string(values: &[f64], lambda: f64) -> Vec<f64> {
    let n = values.len();
    let mut sums = vec![0.0; n + 1];
    for i in 0..n {
        sums[i + 1] = sums[i] + values[i];
    }
    let width = |i: usize| if i == 0 || i == n { 0.0 } else { lambda };
    let mut fit = Vec::with_capacity(n);
    let (mut at, mut height) = (0, 0.0);
    while at < n {
        let slope = |j: usize, side: f64| (sums[j] + side * width(j) - height) / (j - at) as f64;
        let (mut above, mut below) = ((f64::INFINITY, at), (f64::NEG_INFINITY, at));
        let mut knot = None;
        for j in at + 1..=n {
            let (high, low) = (slope(j, 1.0), slope(j, -1.0));
            if low > above.0 {
                knot = Some((above.1, above.0));
                break;
            }
            if high < below.0 {
                knot = Some((below.1, below.0));
                break;
            }
            above = if high <= above.0 { (high, j) } else { above };
            below = if low >= below.0 { (low, j) } else { below };
        }
        let (next, slope) = knot.unwrap_or((n, (sums[n] - height) / (n - at) as f64));
        fit.extend(vec![slope; next - at]);
        height += slope * (next - at) as f64;
        at = next;
    }
    fit
}

/// See [`Routine::Excess`](crate::graph::Routine::Excess).
pub(super) fn excess(magnitude: bool, x: &Array, t: &Array) -> Array {
    let (rows, n) = (x.shape[0], x.shape[1]);
    let blocks = n.div_ceil(EXCESS_BLOCK);
    let mut out = Vec::with_capacity(rows * blocks * EXCESS_THRESHOLDS);
    for row in 0..rows {
        for first in (0..n).step_by(EXCESS_BLOCK) {
            for j in 0..EXCESS_THRESHOLDS {
                let threshold = t.ball(row * EXCESS_THRESHOLDS + j).flushed();
                let mut sum = Fold::new(Join::Sum, DType::F32);
                for i in first..(first + EXCESS_BLOCK).min(n) {
                    let x = x.ball(row * n + i).flushed();
                    let value = if magnitude { x.value.abs() } else { x.value };
                    let (over, error) = (value - threshold.value, x.error + threshold.error);
                    // what is below by more than the errors and a rounding adds nothing
                    let nothing = over + error + ULP * (over.abs() + error) < 0.0;
                    let own = Ball::rounded(over, error, 1.0, 0.0);
                    let term = Ball { value: own.value.max(0.0), error: own.error };
                    sum.push(match (nothing, over.is_nan()) {
                        (true, _) => Ball::exact(0.0),
                        (_, true) => Ball::unknown(over),
                        _ => term,
                    });
                }
                out.push(sum.get(sum_depth(EXCESS_BLOCK.min(n))));
            }
        }
    }
    Array::collect(Shape::from([rows, blocks, EXCESS_THRESHOLDS]), DType::F32, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_minimise() {
        let x = [3.0, -1.0, 2.0, 2.5, -4.0, 0.5, 0.5, 6.0, 1.0];
        let decreasing = decreasing(&x);
        assert!(decreasing.windows(2).all(|w| w[0] >= w[1] - 1e-12));
        let tv = |u: &[f64]| u.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>();
        let objective = |u: &[f64]| u.iter().zip(&x).map(|(u, x)| (u - x) * (u - x) / 2.0).sum::<f64>() + 0.8 * tv(u);
        let fit = string(&x, 0.8);
        assert_eq!(fit.len(), x.len());
        for i in 0..x.len() {
            for j in i..x.len() {
                for by in [1e-4, -1e-4] {
                    let mut other = fit.clone();
                    other[i..=j].iter_mut().for_each(|v| *v += by);
                    assert!(objective(&fit) <= objective(&other) + 1e-12, "{i} {j} {by}: {fit:?}");
                }
            }
        }
        assert_eq!(string(&x, 0.0), x);
        assert!(string(&x, 100.0).iter().all(|v| (v - x.iter().sum::<f64>() / 9.0).abs() < 1e-12));
    }
}
