//! Small matrices in f64: plain loops.

use std::ops::{Index, IndexMut};

/// Row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub m: usize,
    pub n: usize,
    pub entries: Vec<f64>,
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;
    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.entries[i * self.n + j]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.entries[i * self.n + j]
    }
}

impl Matrix {
    pub fn from_fn(m: usize, n: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        Self { m, n, entries: (0..m * n).map(|ix| f(ix / n, ix % n)).collect() }
    }

    pub fn identity(m: usize, n: usize) -> Self {
        Self::from_fn(m, n, |i, j| f64::from(u8::from(i == j)))
    }

    pub fn t(&self) -> Self {
        Self::from_fn(self.n, self.m, |i, j| self[(j, i)])
    }

    pub fn abs(&self) -> Self {
        self.map(f64::abs)
    }

    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { entries: self.entries.iter().map(|&x| f(x)).collect(), ..*self }
    }

    /// The lower triangle and its mirror image.
    pub fn mirrored(&self) -> Self {
        Self::from_fn(self.n, self.n, |i, j| self[(i.max(j), i.min(j))])
    }

    pub fn times(&self, other: &Matrix) -> Self {
        let mut product = Self { m: self.m, n: other.n, entries: vec![0.0; self.m * other.n] };
        for i in 0..self.m {
            for k in 0..self.n {
                let x = self[(i, k)];
                if x != 0.0 {
                    for j in 0..other.n {
                        product[(i, j)] += x * other[(k, j)];
                    }
                }
            }
        }
        product
    }

    pub fn plus(&self, other: &Matrix) -> Self {
        Self { entries: self.entries.iter().zip(&other.entries).map(|(a, b)| a + b).collect(), ..*self }
    }

    pub fn norm(&self) -> f64 {
        let greatest = self.entries.iter().fold(0.0f64, |g, x| g.max(x.abs()));
        if greatest == 0.0 || !greatest.is_finite() {
            return greatest;
        }
        greatest * self.entries.iter().map(|x| (x / greatest).powi(2)).sum::<f64>().sqrt()
    }

    pub fn column_norm(&self, j: usize) -> f64 {
        (0..self.m).map(|i| self[(i, j)].powi(2)).sum::<f64>().sqrt()
    }

    /// `t^-1 y` for a triangle of `t`; infinite or not a number where the diagonal has a zero.
    pub fn substituted(&self, y: &Matrix, upper: bool, unit: bool) -> Self {
        let (n, mut x) = (self.n, y.clone());
        for c in 0..y.n {
            for step in 0..n {
                let i = if upper { n - 1 - step } else { step };
                let known = if upper { i + 1..n } else { 0..i };
                let sum: f64 = known.map(|j| self[(i, j)] * x[(j, c)]).sum();
                let rest = x[(i, c)] - sum;
                x[(i, c)] = if unit { rest } else { rest / self[(i, i)] };
            }
        }
        x
    }

    /// The inverse of a triangle.
    pub fn triangle_inverse(&self, upper: bool, unit: bool) -> Self {
        self.substituted(&Self::identity(self.n, self.n), upper, unit)
    }

    /// The lower or upper triangle, 0 elsewhere; with ones on the diagonal if `unit`.
    pub fn triangle(&self, upper: bool, unit: bool) -> Self {
        Self::from_fn(self.n, self.n, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Equal if unit => 1.0,
            std::cmp::Ordering::Less if !upper => 0.0,
            std::cmp::Ordering::Greater if upper => 0.0,
            _ => self[(i, j)],
        })
    }
}
