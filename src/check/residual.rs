//! Laws of factorisations by what they leave: `|a - u s v^T|`, `|u^T u - 1|` and the like. They hold however the problem is
//! conditioned, so they judge where the reference cannot promise single factors: rank-deficient, repeated, scaled, large.
//!
//! The factors are read from the device; residuals are computed in f64 by plain loops. The limit of each is what the
//! algorithm's roundings add up to if their signs are independent: 8 standard deviations of a sum of `k` roundings of up to
//! an ulp, which is `8 sqrt(k)` ulp, relative to the norm of the matrix (Higham, Accuracy and stability, 2.6; a worst case of
//! `k` ulp, as the reference takes, would hide most mistakes).

use super::case::ANY;
use super::laws::{Draw, Law, Sides};
use crate::graph::dense::Sweeps;
use crate::reference::Array;
use crate::reference::tol::independent as limit;
use crate::tensor::Tensor;

/// What is left, and how much may be.
type Left = (f64, f64);

/// Matrices of one kind, as the device has them.
type Make = fn(&mut Draw<'_>) -> Tensor;

/// Computes factors.
type Factor = fn(&Tensor) -> Vec<Tensor>;

/// Judges one matrix (the first) and its factors.
type Judge = fn(&[Matrix]) -> Vec<Left>;

const KINDS: &[(&str, Make)] = &[
    ("random 32", |d| d.leaf(ANY, &[5, 32, 32])),
    ("random 33", |d| d.leaf(ANY, &[33, 33])),
    ("random 70", |d| d.leaf(ANY, &[70, 70])),
    ("rank 3 of 40", |d| d.leaf(ANY, &[40, 3]).matmul(&d.leaf(ANY, &[3, 40]))),
    ("zero", |d| d.leaf(ANY, &[2, 7, 7]).zeros_like()),
    ("identity", |d| d.leaf(ANY, &[6, 6]).ones_like().diagonal(0).diag(0)),
    ("tiny", |d| d.leaf(ANY, &[9, 9]).mul(1e-20)),
    ("huge", |d| d.leaf(ANY, &[9, 9]).mul(1e20)),
    ("graded", |d| d.leaf(ANY, &[20, 20]).mul(d.leaf(ANY, &[20]).mul(9.0).exp())),
    ("clustered", |d| d.leaf(ANY, &[24, 24]).mul(1e-5).add(d.leaf(ANY, &[24, 24]).ones_like().diagonal(0).diag(0))),
    ("one", |d| d.leaf(ANY, &[3, 1, 1])),
];

const TALL: &[(&str, Make)] = &[
    ("tall", |d| d.leaf(ANY, &[2, 50, 8])),
    ("tall of rank 2", |d| d.leaf(ANY, &[60, 2]).matmul(&d.leaf(ANY, &[2, 9]))),
    ("column", |d| d.leaf(ANY, &[300, 1])),
    ("wide", |d| d.leaf(ANY, &[6, 41])),
];

/// All residual laws.
pub(super) fn laws() -> Vec<Law> {
    let mut laws = Vec::new();
    for &(kind, make) in KINDS {
        laws.push(law("eigh", kind, make, symmetric_eigen, eigen));
        laws.push(law("cholesky", kind, make, definite, triangular_square));
        laws.push(law("lu", kind, make, |a| triple(a, a.lu()), permuted));
    }
    for &(kind, make) in KINDS.iter().chain(TALL) {
        laws.push(law("svd", kind, make, |a| triple(a, a.svd()), singular));
        laws.push(law("qr", kind, make, |a| pair(a, a.qr()), orthogonal_triangular));
        laws.push(law("qr_full", kind, make, |a| pair(a, a.qr_full()), orthogonal_triangular));
    }
    laws
}

fn law(op: &str, kind: &str, make: Make, factor: Factor, judge: Judge) -> Law {
    let residuals = move |read: &[Array]| matrices(read).iter().flat_map(|m| judge(m)).collect();
    let sides = move |d: &mut Draw<'_>| Sides::Residual(factor(&make(d)), Box::new(residuals));
    Law::new(format!("law: residual of {op}, {kind}"), sides)
}

fn pair(a: &Tensor, (q, r): (Tensor, Tensor)) -> Vec<Tensor> {
    vec![a.clone(), q, r]
}

fn triple(a: &Tensor, (x, y, z): (Tensor, Tensor, Tensor)) -> Vec<Tensor> {
    vec![a.clone(), x, y, z]
}

fn symmetric_eigen(a: &Tensor) -> Vec<Tensor> {
    pair(a, a.eigh())
}

/// `a a^T` and enough of the identity to be definite within rounding.
fn definite(a: &Tensor) -> Vec<Tensor> {
    let rank = a.shape().map_or(2, crate::shape::Shape::rank);
    let size = a.abs().max([rank - 2, rank - 1]).add(1e-30).unsqueeze(rank - 2).unsqueeze(rank - 1);
    let scaled = a.div(size.sqrt());
    let one = a.ones_like().diagonal(0).diag(0);
    let a = scaled.matmul(&scaled.t()).add(&one.mul(&size));
    vec![a.clone(), a.cholesky()]
}

/// A small matrix in f64.
struct Matrix {
    m: usize,
    n: usize,
    entries: Vec<f64>,
}

/// Each matrix of a batch with its factors; a vector is a row.
fn matrices(read: &[Array]) -> Vec<Vec<Matrix>> {
    let rank = read[0].shape.rank();
    let count = read[0].shape[..rank - 2].iter().product();
    let one = |of: &Array, which: usize| {
        let dims = &of.shape[rank - 2..];
        let (m, n) = if dims.len() == 2 { (dims[0], dims[1]) } else { (1, dims[0]) };
        Matrix { m, n, entries: of.values[which * m * n..(which + 1) * m * n].to_vec() }
    };
    (0..count).map(|which| read.iter().map(|of| one(of, which)).collect()).collect()
}

impl Matrix {
    fn at(&self, i: usize, j: usize) -> f64 {
        self.entries[i * self.n + j]
    }

    /// The sum of squares of `self - other(i, j)`, rooted.
    fn distance(&self, other: impl Fn(usize, usize) -> f64) -> f64 {
        let square = |ix: usize| (self.entries[ix] - other(ix / self.n, ix % self.n)).powi(2);
        (0..self.entries.len()).map(square).sum::<f64>().sqrt()
    }

    fn norm(&self) -> f64 {
        self.distance(|_, _| 0.0)
    }

    /// How far the columns are from orthonormal.
    fn skew(&self) -> f64 {
        let dot = |i: usize, j: usize| (0..self.m).map(|k| self.at(k, i) * self.at(k, j)).sum::<f64>();
        let square = |ix: usize| (dot(ix / self.n, ix % self.n) - unit(ix / self.n, ix % self.n)).powi(2);
        (0..self.n * self.n).map(square).sum::<f64>().sqrt()
    }

    fn t(&self) -> Self {
        let entries = (0..self.m * self.n).map(|ix| self.at(ix % self.m, ix / self.m)).collect();
        Self { m: self.n, n: self.m, entries }
    }
}

fn unit(i: usize, j: usize) -> f64 {
    f64::from(u8::from(i == j))
}

/// What must not be there at all.
fn none(of: impl Iterator<Item = f64>) -> Left {
    (of.fold(0.0, |s: f64, x| if x.is_nan() { f64::NAN } else { s.max(x) }), 0.0)
}

/// That a list does not decrease.
fn ascending(values: &[f64]) -> Left {
    none(values.windows(2).map(|w| w[0] - w[1]))
}

/// The greatest entry is positive.
fn oriented(vectors: &Matrix) -> Left {
    let turned = |j: usize| {
        let column = (0..vectors.m).map(|i| vectors.at(i, j));
        column.fold(0.0f64, |g, x| if x.abs() > g.abs() { x } else { g }) <= 0.0
    };
    none((0..vectors.n).map(|j| f64::from(u8::from(turned(j)))))
}

/// `a v = v diag(w)`, by the lower triangle of `a`.
fn eigen(m: &[Matrix]) -> Vec<Left> {
    let [a, w, v] = m else { panic!("bug: {} factors", m.len()) };
    let n = a.n;
    let lower = |i: usize, j: usize| a.at(i.max(j), i.min(j));
    let norm = (0..n * n).map(|ix| lower(ix / n, ix % n).powi(2)).sum::<f64>().sqrt();
    let rows = (0..n).map(|i| (0..n).map(|j| lower(i, j).abs()).sum::<f64>()).fold(0.0, f64::max);
    let product = |i: usize, j: usize| (0..n).map(|k| lower(i, k) * v.at(k, j)).sum::<f64>();
    let left = (0..n * n).map(|ix| (product(ix / n, ix % n) - v.at(ix / n, ix % n) * w.entries[ix % n]).powi(2));
    let allowed = limit(Sweeps::of(n).roundings());
    let shifted = norm + rows * (n as f64).sqrt();
    vec![
        (left.sum::<f64>().sqrt(), allowed * shifted),
        (v.skew(), allowed * (n as f64).sqrt()),
        ascending(&w.entries),
        oriented(v),
    ]
}

fn singular(m: &[Matrix]) -> Vec<Left> {
    let [a, u, s, vt] = m else { panic!("bug: {} factors", m.len()) };
    let k = s.n;
    let product = |i: usize, j: usize| (0..k).map(|l| u.at(i, l) * s.entries[l] * vt.at(l, j)).sum::<f64>();
    let allowed = limit(Sweeps::roundings_of_svd(a.m, a.n));
    let back: Vec<f64> = s.entries.iter().rev().copied().collect();
    let root = (k as f64).sqrt();
    let v = vt.t();
    let signs = if a.m >= a.n { oriented(&v) } else { oriented(u) };
    let positive = none(s.entries.iter().map(|x| -x));
    vec![
        (a.distance(product), allowed * a.norm()),
        (u.skew(), allowed * root),
        (v.skew(), allowed * root),
        ascending(&back),
        signs,
        positive,
    ]
}

fn orthogonal_triangular(m: &[Matrix]) -> Vec<Left> {
    let [a, q, r] = m else { panic!("bug: {} factors", m.len()) };
    let product = |i: usize, j: usize| (0..q.n).map(|l| q.at(i, l) * r.at(l, j)).sum::<f64>();
    let allowed = limit((4 * a.m * q.n) as f64);
    let below = none((0..r.m * r.n).filter(|ix| ix / r.n > ix % r.n).map(|ix| r.entries[ix].abs()));
    let diagonal = none((0..r.m.min(r.n)).map(|i| -r.at(i, i)));
    vec![(a.distance(product), allowed * a.norm()), (q.skew(), allowed * (q.n as f64).sqrt()), below, diagonal]
}

fn triangular_square(m: &[Matrix]) -> Vec<Left> {
    let [a, l] = m else { panic!("bug: {} factors", m.len()) };
    let product = |i: usize, j: usize| (0..a.n).map(|k| l.at(i, k) * l.at(j, k)).sum::<f64>();
    let above = none((0..a.n * a.n).filter(|ix| ix / a.n < ix % a.n).map(|ix| l.entries[ix].abs()));
    let diagonal = none((0..a.n).map(|i| -l.at(i, i)));
    vec![(a.distance(product), limit((a.n + 8) as f64) * a.norm()), above, diagonal]
}

/// `a[p] = l u`, with no factor of `l` above 1.
fn permuted(m: &[Matrix]) -> Vec<Left> {
    let [a, l, u, p] = m else { panic!("bug: {} factors", m.len()) };
    let n = a.n;
    let product = |i: usize, j: usize| (0..n).map(|k| l.at(i, k) * u.at(k, j)).sum::<f64>();
    let moved = |i: usize| p.entries[i] as usize;
    let left = (0..n * n).map(|ix| (a.at(moved(ix / n), ix % n) - product(ix / n, ix % n)).powi(2)).sum::<f64>().sqrt();
    let magnitude = (0..n * n).map(|ix| (0..n).map(|k| (l.at(ix / n, k) * u.at(k, ix % n)).abs()).sum::<f64>().powi(2));
    let each_once = none((0..n).map(|i| f64::from(u8::from(!(0..n).any(|j| moved(j) == i)))));
    vec![
        (left, limit((n + 4) as f64) * magnitude.sum::<f64>().sqrt()),
        none(l.entries.iter().map(|x| x.abs() - 1.0)),
        none((0..n).map(|i| (l.at(i, i) - 1.0).abs())),
        each_once,
    ]
}
