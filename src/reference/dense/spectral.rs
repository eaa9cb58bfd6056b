//! QR, eigenvalues, singular values.

use super::super::tol::ULP;
use super::matrix::Matrix;
use super::{Found, Known, LINEAR, roundings};
use crate::graph::dense::Sweeps;

/// Sweeps of the f64 iterations; they end when nothing is turned any more.
const SWEEPS: usize = 60;

/// Householder reflections; the diagonal of `r` is not negative.
fn factors(a: &Matrix) -> (Matrix, Matrix) {
    let (m, n, mut r, mut q) = (a.m, a.n, a.clone(), Matrix::identity(a.m, a.m));
    for k in 0..n {
        let norm = (k..m).map(|i| r[(i, k)].powi(2)).sum::<f64>().sqrt();
        let mut v: Vec<f64> = (k..m).map(|i| r[(i, k)]).collect();
        v[0] += norm.copysign(v[0]);
        let square: f64 = v.iter().map(|x| x * x).sum();
        if square == 0.0 {
            continue;
        }
        for j in 0..n {
            let dot: f64 = v.iter().zip(k..).map(|(x, i)| x * r[(i, j)]).sum::<f64>() * 2.0 / square;
            v.iter().zip(k..).for_each(|(x, i)| r[(i, j)] -= dot * x);
        }
        for i in 0..m {
            let dot: f64 = v.iter().zip(k..).map(|(x, j)| x * q[(i, j)]).sum::<f64>() * 2.0 / square;
            v.iter().zip(k..).for_each(|(x, j)| q[(i, j)] -= dot * x);
        }
    }
    let sign = |k: usize| if r[(k, k)] < 0.0 { -1.0 } else { 1.0 };
    let upper = Matrix::from_fn(n, n, |i, j| if i <= j { sign(i) * r[(i, j)] } else { 0.0 });
    (Matrix::from_fn(m, n, |i, j| sign(j) * q[(i, j)]), upper)
}

/// The relative change of a column by reflections.
fn reflections(m: usize, n: usize) -> f64 {
    roundings((4 * m + 8) * n)
}

/// A change `d` of the matrix, `x = |d r^-1|_F`: `r` changes by `w r` with `|w|_F <= sqrt(2) x + …`, `q` by `(1 + sqrt(2)) x + …`.
pub(super) fn qr(a: &Known) -> Found {
    let (m, n) = (a.value.m, a.value.n);
    let (q, r) = factors(&a.value);
    let values = [q.entries, r.entries.clone()].concat();
    let own = reflections(m, n);
    let moved: Vec<f64> = (0..n).map(|j| own * a.value.column_norm(j) + a.error.column_norm(j)).collect();
    let inverse = r.triangle_inverse(true, false).abs();
    let reach = |j: usize| (0..n).map(|k| moved[k] * inverse[(k, j)]).sum::<f64>().powi(2);
    let x = (0..n).map(reach).sum::<f64>().sqrt();
    if x.is_nan() || x > LINEAR {
        return Found::unknown(values);
    }
    let of_q = 2.5 * x * (1.0 + 4.0 * x) + own * (n as f64).sqrt();
    let of_r = Matrix::from_fn(n, n, |i, j| {
        if i <= j { 1.5 * x * (1.0 + 4.0 * x) * r.column_norm(j) + own * r.column_norm(j) } else { 0.0 }
    });
    Found { values, errors: [vec![of_q; m * n], of_r.entries].concat() }
}

/// The sine (with the cosine) of the angle that makes `g` vanish between diagonal entries `a` and `b`.
fn angle(a: f64, b: f64, g: f64) -> (f64, f64) {
    let zeta = (b - a) / (2.0 * g);
    let t = if zeta.is_finite() { 1.0f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0)) } else { 0.0 };
    let c = 1.0 / t.hypot(1.0);
    (c, c * t)
}

fn turn_columns(x: &mut Matrix, p: usize, q: usize, (c, s): (f64, f64)) {
    for i in 0..x.m {
        let (a, b) = (x[(i, p)], x[(i, q)]);
        x[(i, p)] = c * a - s * b;
        x[(i, q)] = s * a + c * b;
    }
}

/// The sign that makes the first of the greatest entries positive, and whether `reach` on every entry leaves it certain.
fn orientation(vector: &[f64], reach: f64) -> (f64, bool) {
    let greatest = vector.iter().fold(0.0f64, |g: f64, &x| if x.abs() > g.abs() { x } else { g });
    let sign = if greatest < 0.0 { -1.0 } else { 1.0 };
    let rival = vector.iter().any(|&x| x * sign < 0.0 && x.abs() + 2.0 * reach >= greatest.abs());
    (sign, !rival && greatest.abs() > reach)
}

/// What is left unturned, and the lengths of columns: see `jacobi_round.wgsl`.
fn left_over(m: usize, n: usize) -> f64 {
    (2.0 * n as f64 + 2.0 * (m as f64).sqrt() + m as f64) * ULP
}

/// How far a vector may be: its angle by the distance of its value to the others, and its own roundings.
fn reach(gap: f64, moved: f64, own: f64) -> f64 {
    if gap > 4.0 * moved { 2.0 * moved / (gap - moved) + own } else { f64::INFINITY }
}

/// Weyl: each value moves by at most `|d|_2`; Davis, Kahan: each vector by `|d|_2` over its gap.
pub(super) fn eigh(a: &Known) -> Found {
    let n = a.value.n;
    let (mut g, mut v) = (a.value.clone(), Matrix::identity(n, n));
    for _ in 0..SWEEPS {
        let mut still = true;
        for p in 0..n {
            for q in p + 1..n {
                let small = f64::EPSILON * 1e-3 * (g[(p, p)].abs() * g[(q, q)].abs()).sqrt();
                if g[(p, q)].abs() <= small.max(f64::MIN_POSITIVE) {
                    continue;
                }
                let turn = angle(g[(p, p)], g[(q, q)], g[(p, q)]);
                still &= turn.1.abs() < f64::EPSILON * 1e-3;
                turn_columns(&mut g, p, q, turn);
                g = g.t();
                turn_columns(&mut g, p, q, turn);
                g = g.t();
                turn_columns(&mut v, p, q, turn);
            }
        }
        if still {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| g[(i, i)].total_cmp(&g[(j, j)]));
    let w: Vec<f64> = order.iter().map(|&i| g[(i, i)]).collect();
    let rows = (0..n).map(|i| (0..n).map(|j| a.value[(i, j)].abs()).sum::<f64>()).fold(0.0, f64::max);
    let shifted = a.value.norm() + rows * (n as f64).sqrt();
    let own = Sweeps::of(n).roundings() * ULP;
    let moved = (own + left_over(n, n)) * shifted + a.error.norm();
    let mut values = w.clone();
    values.resize((n + 1) * n, 0.0);
    let mut errors = vec![moved; (n + 1) * n];
    for (place, &column) in order.iter().enumerate() {
        let gap = (0..n).filter(|&k| k != place).map(|k| (w[k] - w[place]).abs()).fold(f64::INFINITY, f64::min);
        let far = reach(gap, moved, own);
        let vector: Vec<f64> = (0..n).map(|i| v[(i, column)]).collect();
        let (sign, certain) = orientation(&vector, far);
        for (i, x) in vector.iter().enumerate() {
            values[(i + 1) * n + place] = sign * x;
            errors[(i + 1) * n + place] = if certain { far } else { f64::INFINITY };
        }
    }
    Found { values, errors }
}

/// Mirsky and Wedin: as [`eigh`], for the symmetric matrix of which the singular values and their negatives are eigenvalues.
pub(super) fn svd(a: &Known) -> Found {
    let (m, n) = (a.value.m, a.value.n);
    let (w, v) = orthogonal_columns(&a.value);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| w.column_norm(j).total_cmp(&w.column_norm(i)));
    let s: Vec<f64> = order.iter().map(|&j| w.column_norm(j)).collect();
    // Two decompositions into q and r where there are many rows, and the product of their q's.
    let own = Sweeps::of(n).roundings() * ULP + 2.0 * reflections(m, n) + roundings(n);
    let moved = (own + left_over(m, n)) * a.value.norm() + a.error.norm();
    let mut far = vec![0.0; n];
    let mut sign = vec![1.0; n];
    for (place, &column) in order.iter().enumerate() {
        let others = (0..n).filter(|&k| k != place).map(|k| (s[k] - s[place]).abs());
        let zero = if m > n { s[place] } else { 2.0 * s[place] };
        far[place] = reach(others.fold(zero, f64::min), moved, own);
        let vector: Vec<f64> = (0..n).map(|i| v[(i, column)]).collect();
        let (turned, certain) = orientation(&vector, far[place]);
        sign[place] = turned;
        if !certain {
            far[place] = f64::INFINITY;
        }
    }
    let sorted = Matrix::from_fn(m, n, |i, j| sign[j] * w[(i, order[j])]);
    let (u, _) = factors(&sorted);
    let vt = Matrix::from_fn(n, n, |i, j| sign[i] * v[(j, order[i])]);
    let values = [u.entries, s, vt.entries].concat();
    let of_u = (0..m * n).map(|ix| far[ix % n]);
    let of_v = (0..n * n).map(|ix| far[ix / n]);
    let errors = of_u.chain(std::iter::repeat_n(moved, n)).chain(of_v).collect();
    Found { values, errors }
}

/// `w = a v` with orthogonal columns.
fn orthogonal_columns(a: &Matrix) -> (Matrix, Matrix) {
    let n = a.n;
    let (mut w, mut v) = (a.clone(), Matrix::identity(n, n));
    let floor = f64::EPSILON * 1e-3 * a.norm();
    for _ in 0..SWEEPS {
        let mut still = true;
        for p in 0..n {
            for q in p + 1..n {
                let dot = |i: usize, j: usize| (0..a.m).map(|r| w[(r, i)] * w[(r, j)]).sum::<f64>();
                let (x, y, g) = (dot(p, p), dot(q, q), dot(p, q));
                let (left, right) = (x.sqrt(), y.sqrt());
                if g == 0.0 || g.abs() <= f64::EPSILON * left * right || g.abs() <= floor * left.max(right) {
                    continue;
                }
                still = false;
                let turn = angle(x, y, g);
                turn_columns(&mut w, p, q, turn);
                turn_columns(&mut v, p, q, turn);
            }
        }
        if still {
            break;
        }
    }
    (w, v)
}
