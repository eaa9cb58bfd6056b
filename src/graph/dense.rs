//! What the hand-written linear algebra computes, and how much work its iterations are granted.

use crate::shape::Shape;

/// What [`Routine::Dense`](super::Routine::Dense) computes. Several results of one matrix lie in one tensor, row after row, to be sliced apart.
/// A factored matrix that holds NaN or infinity gives NaN throughout, whatever the others of its batch are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dense {
    /// `a: [b, n, n]`, of which the lower triangle is read, gives `l: [b, n, n]`, lower, with `a = l l^T`; NaN throughout for
    /// a matrix that is not positive definite.
    Cholesky,
    /// `t: [b, n, n]`, of which one triangle is read, and `y: [b, n, k]` give `x: [b, n, k]` with `t x = y`; NaN throughout
    /// where the diagonal holds a zero.
    Triangular {
        /// The upper triangle is read, else the lower.
        upper: bool,
        /// The diagonal is taken as ones.
        unit: bool,
    },
    /// `a: [b, n, n]` gives `[b, n + 1, n]`: rows `0..n` hold `l` below the diagonal and `u` from it on, row `n` the order `p` of
    /// the rows, with `a[p] = l u`. The pivot is the first of the greatest by magnitude.
    Lu,
    /// `a: [b, m, n]`, `m >= n`, gives `[b, m + n, n]`: `q: [m, n]` with orthonormal columns above `r: [n, n]`, upper. The columns
    /// of `q` are orthonormal whatever the rank. The diagonal of `r` is not negative.
    Qr,
    /// `a: [b, n, n]`, of which the lower triangle is read, gives `[b, n + 1, n]`: the eigenvalues, ascending, above the
    /// eigenvectors as columns. The entry of greatest magnitude of each vector is positive.
    Eigh,
    /// `a: [b, m, n]`, `m >= n`, gives `[b, m + 1 + n, n]`: `u: [m, n]`, the singular values, descending, `v^T: [n, n]`. The entry of
    /// greatest magnitude of each row of `v^T` is positive; the columns of `u` are orthonormal whatever the rank.
    Svd,
}

impl Dense {
    /// For messages and labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dense::Cholesky => "cholesky",
            Dense::Triangular { .. } => "triangular_solve",
            Dense::Lu => "lu",
            Dense::Qr => "qr",
            Dense::Eigh => "eigh",
            Dense::Svd => "svd",
        }
    }

    /// The shape of the result, or what the routine takes.
    pub(super) fn result(self, dims: &[&[usize]]) -> Result<Shape, &'static str> {
        match (self, dims) {
            (Dense::Cholesky, [[b, n, n2]]) if n == n2 => Ok(Shape::from([*b, *n, *n])),
            (Dense::Lu | Dense::Eigh, [[b, n, n2]]) if n == n2 => Ok(Shape::from([*b, *n + 1, *n])),
            (Dense::Cholesky | Dense::Lu | Dense::Eigh, _) => Err("takes a: [b, n, n]"),
            (Dense::Triangular { .. }, [[b, n, n2], [b2, n3, k]]) if n == n2 && n == n3 && b == b2 => {
                Ok(Shape::from([*b, *n, *k]))
            }
            (Dense::Triangular { .. }, _) => Err("takes t: [b, n, n] and y: [b, n, k]"),
            (Dense::Qr, [[b, m, n]]) if m >= n => Ok(Shape::from([*b, m + n, *n])),
            (Dense::Svd, [[b, m, n]]) if m >= n => Ok(Shape::from([*b, m + 1 + n, *n])),
            (Dense::Qr | Dense::Svd, _) => Err("takes a: [b, m, n] with m >= n"),
        }
    }
}

/// The plan of a Jacobi iteration over `n` columns: what the kernels do, and so what the bounds of the reference count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sweeps {
    /// Columns that one workgroup turns against each other, a power of two: two blocks.
    pub width: usize,
    /// Blocks, an even number.
    pub blocks: usize,
    /// The most sweeps over all pairs of blocks. In numerical experiments random matrices converge within 5 sweeps (of one
    /// pair) and 12 (512 columns); columns of very different lengths take about twice as many.
    pub sweeps: usize,
    /// Sweeps within a pair of blocks per visit.
    pub inner: usize,
}

impl Sweeps {
    /// For matrices of `n` columns.
    #[must_use]
    pub fn of(n: usize) -> Self {
        let width = n.next_power_of_two().clamp(4, 32);
        match n.div_ceil(width / 2).next_multiple_of(2) {
            0..=2 => Self { width, blocks: 2, sweeps: 10, inner: 2 },
            blocks => Self { width, blocks, sweeps: 24, inner: 1 },
        }
    }

    /// How often a column takes part in something that rounds, at most: the rotations within a pair, and their product with the
    /// columns.
    #[must_use]
    pub fn roundings(self) -> f64 {
        let visit = 4 * self.inner * (self.width - 1) + self.width + 2;
        (self.sweeps * (self.blocks - 1) * visit) as f64
    }

    /// The same of a whole singular value decomposition of `[m, n]`, with the reflections that come before the rotations.
    #[must_use]
    pub fn roundings_of_svd(m: usize, n: usize) -> f64 {
        let k = m.min(n);
        Self::of(k).roundings() + (8 * m.max(n) * k + k) as f64
    }
}
