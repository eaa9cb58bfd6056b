//! Cholesky, LU, substitution.

use super::super::tol::MIN_NORMAL;
use super::matrix::Matrix;
use super::{Found, Known, LINEAR, roundings};

/// Additions that the changes of a factorisation go through: `k` of its own, and what may be flushed.
fn change(magnitude: &Matrix, k: usize, input: &Matrix) -> Matrix {
    let flushed = MIN_NORMAL * (k + 1) as f64;
    magnitude.map(|x| x * roundings(k) * (1.0 + LINEAR) + flushed).plus(input)
}

/// With `g = |l^-1| |d| |l^-T|`, `|d|` the change of the matrix: the factor changes by `l x` with `x` lower and
/// `x + x^T + x x^T = l^-1 d l^-T`, so `|x| <= g + 4 |g|_F^2`.
pub(super) fn cholesky(a: &Known) -> Found {
    let n = a.value.n;
    let mut l = Matrix::from_fn(n, n, |_, _| 0.0);
    for j in 0..n {
        let pivot = a.value[(j, j)] - (0..j).map(|k| l[(j, k)].powi(2)).sum::<f64>();
        if pivot.is_nan() || pivot <= 0.0 {
            return indefinite(a, &l, j, pivot);
        }
        l[(j, j)] = pivot.sqrt();
        for i in j + 1..n {
            let sum: f64 = (0..j).map(|k| l[(i, k)] * l[(j, k)]).sum();
            l[(i, j)] = (a.value[(i, j)] - sum) / l[(j, j)];
        }
    }
    let inverse = l.triangle_inverse(false, false).abs();
    let moved = change(&l.abs().times(&l.abs().t()), n + 8, &a.error);
    let g = inverse.times(&moved).times(&inverse.t());
    let size = g.norm();
    let smallest = (0..n).map(|i| l[(i, i)]).fold(f64::INFINITY, f64::min);
    if size.is_nan() || size > LINEAR || smallest * smallest < 2.0 * MIN_NORMAL {
        return Found::unknown(l.entries);
    }
    let within = Matrix::from_fn(n, n, |i, j| if i >= j { g[(i, j)] + 4.0 * size * size } else { 0.0 });
    let errors = l.abs().times(&within).triangle(false, false).entries;
    Found { values: l.entries, errors }
}

/// The pivot of row `j` is not positive: for certain, if the change of the matrix cannot make it so.
fn indefinite(a: &Known, l: &Matrix, j: usize, pivot: f64) -> Found {
    let n = a.value.n;
    let leading = Matrix::from_fn(j, j, |i, k| l[(i, k)]);
    let row = Matrix::from_fn(j, 1, |i, _| l[(j, i)]);
    // The quadratic form whose value is the pivot: (-A^-1 a, 1).
    let form = leading.t().substituted(&row, true, false);
    let weight = |i: usize| if i == j { 1.0 } else { form[(i, 0)].abs() };
    let magnitude = |i: usize, k: usize| (a.value[(i, i)].abs() * a.value[(k, k)].abs()).sqrt();
    let known = Matrix::from_fn(j + 1, j + 1, |i, k| a.error[(i, k)]);
    let moved = change(&Matrix::from_fn(j + 1, j + 1, magnitude), n + 8, &known);
    let reach: f64 =
        (0..=j).flat_map(|i| (0..=j).map(move |k| (i, k))).map(|(i, k)| weight(i) * moved[(i, k)] * weight(k)).sum();
    match pivot + 2.0 * reach < 0.0 {
        true => Found::nothing(n * n),
        false => Found::unknown(vec![f64::NAN; n * n]),
    }
}

/// `(t + d) x' = y + e` with `|d| <= (n + 4) ulp |t| + …`: `|x' - x| <= |t^-1| (|d| |x'| + |e|)`.
pub(super) fn triangular(t: &Known, y: &Known, upper: bool, unit: bool) -> Found {
    let (n, k) = (t.value.n, y.value.n);
    let (own, error) = (t.value.triangle(upper, unit), t.error.triangle(upper, false));
    let x = own.substituted(&y.value, upper, unit);
    let singular = !unit && (0..n).any(|i| own[(i, i)] == 0.0 && error[(i, i)] == 0.0);
    if singular {
        return Found::nothing(n * k);
    }
    if x.entries.iter().any(|v| !v.is_finite()) {
        return Found::unknown(x.entries);
    }
    let inverse = own.triangle_inverse(upper, unit).abs();
    let mut error = error;
    if unit {
        (0..n).for_each(|i| error[(i, i)] = 0.0);
    }
    let moved = change(&own.abs(), n + 4, &error);
    // What is left after one more turn is a geometric series.
    let turn = inverse.times(&moved);
    let ratio = (0..n).map(|i| (0..n).map(|j| turn[(i, j)]).sum::<f64>()).fold(0.0, f64::max);
    if ratio.is_nan() || ratio > 0.5 {
        return Found::unknown(x.entries);
    }
    let flushed = MIN_NORMAL * (n + 2) as f64;
    let known = y.error.map(|e| e + flushed);
    let first = inverse.times(&moved.times(&x.abs()).plus(&known));
    let second = turn.times(&first);
    let mut errors = first.plus(&second);
    for c in 0..k {
        let rest = (0..n).map(|i| second[(i, c)]).fold(0.0, f64::max) * ratio / (1.0 - ratio);
        (0..n).for_each(|i| errors[(i, c)] += rest);
    }
    Found { values: x.entries, errors: errors.entries }
}

/// With `g = |l^-1| |d| |u^-1|`: `l` changes by at most `|l| (below(g) + 4 |g|^2)`, `u` by `(upper(g) + 4 |g|^2) |u|`, at the same order of
/// rows; which is certain if no other candidate can be as great as a pivot.
pub(super) fn lu(a: &Known) -> Found {
    let n = a.value.n;
    let (mut f, mut order) = (a.value.clone(), (0..n).collect::<Vec<_>>());
    for k in 0..n {
        let better = |best: usize, i: usize| if f[(i, k)].abs() > f[(best, k)].abs() { i } else { best };
        let pivot = (k..n).fold(k, better);
        if pivot != k {
            (0..n).for_each(|j| f.entries.swap(k * n + j, pivot * n + j));
            order.swap(k, pivot);
        }
        if f[(k, k)] == 0.0 {
            continue;
        }
        for i in k + 1..n {
            f[(i, k)] /= f[(k, k)];
            for j in k + 1..n {
                let product = f[(i, k)] * f[(k, j)];
                f[(i, j)] -= product;
            }
        }
    }
    let values = [f.entries.clone(), order.iter().map(|&i| i as f64).collect()].concat();
    let (l, u) = (f.triangle(false, true), f.triangle(true, false));
    let input = Matrix::from_fn(n, n, |i, j| a.error[(order[i], j)]);
    let moved = change(&l.abs().times(&u.abs()), n + 4, &input);
    let g = l.triangle_inverse(false, true).abs().times(&moved).times(&u.triangle_inverse(true, false).abs());
    let size = g.norm();
    if size.is_nan() || size > LINEAR {
        return Found::unknown(values);
    }
    let square = 4.0 * size * size;
    let below = Matrix::from_fn(n, n, |i, j| if i > j { g[(i, j)] + square } else { 0.0 });
    let above = Matrix::from_fn(n, n, |i, j| if i <= j { g[(i, j)] + square } else { 0.0 });
    let (dl, du) = (l.abs().times(&below), above.times(&u.abs()));
    let exact = a.error.entries.iter().all(|&e| e == 0.0);
    for k in usize::from(exact)..n {
        let pivot = u[(k, k)].abs();
        for i in k + 1..n {
            let rival = l[(i, k)].abs() * pivot + pivot * dl[(i, k)] + (l[(i, k)].abs() + 1.0) * du[(k, k)];
            if rival >= pivot {
                return Found::unknown(values);
            }
        }
    }
    let factors = Matrix::from_fn(n, n, |i, j| if i > j { dl[(i, j)] } else { du[(i, j)] });
    Found { values, errors: [factors.entries, vec![0.0; n]].concat() }
}
