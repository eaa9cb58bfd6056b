//! Factorisations of matrices, and of each matrix of a batch: Cholesky, LU, QR, eigenvalues of symmetric matrices, singular
//! values. What is computed from them is in [`solve`](super::solve) and [`spectral`](super::spectral).
//!
//! All arithmetic is `f32`; other floats are widened. Axes before the last two are a batch. What a matrix of a batch is like
//! (singular, not definite, full of NaN) is no error, since nothing on the device can raise one: the result of that matrix
//! is what is said here, and the others are as they would be alone.
//!
//! A workgroup has a matrix of its own (singular values and eigenvalues: a pair of blocks of 16 columns): batches of small
//! matrices are what this is fast at. On software adapters, whose drivers stop long loops, large matrices are refused, with
//! the number of turns as the reason: for singular values and eigenvalues from roughly 1,500 columns on.

use super::ok;
use crate::dtype::DType;
use crate::error::Site;
use crate::graph::{Dense, Node, Routine};
use crate::tensor::Tensor;

impl Tensor {
    /// The Cholesky factor `l`, lower triangular with a positive diagonal: `a = l l^T`.
    ///
    /// # Shapes
    /// `[.., n, n]`, as the result. Only the lower triangle is read: the upper is taken to be its mirror image.
    ///
    /// # Errors
    /// Not square, not floats. A matrix that is not positive definite gives NaN throughout.
    ///
    /// # Gradient
    /// `l^-T Φ(l^T g) l^-1`, where `Φ` takes the lower triangle and half of the diagonal; it goes to the lower triangle, which is what is
    /// read.
    ///
    /// # Numerics
    /// `|l l^T - a| <= (n + 8) ulp |l| |l|^T`.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 4.2; Murray, Differentiation of the Cholesky decomposition (2016).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let a = device.tensor(&[4.0f32, 2.0, 2.0, 5.0], [2, 2]);
    /// assert_eq!(a.cholesky().read_blocking::<f32>()?, [2.0, 0.0, 1.0, 2.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cholesky(&self) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("cholesky", Form::Square));
        flat.dense(Dense::Cholesky, &[]).unflatten(&batch)
    }

    /// The triangular factors with the order of rows, `a[p] = l u`, from elimination with partial pivoting: the unit lower
    /// `l`, the upper `u`, and `p` (`u32`).
    ///
    /// # Shapes
    /// `[.., n, n]`, as `l` and `u`; `p: [.., n]`.
    ///
    /// # Errors
    /// Not square, not floats. A singular matrix gives a `u` with a zero on its diagonal.
    ///
    /// # Gradient
    /// That of the factors at a fixed order of rows; infinite where the matrix is singular.
    ///
    /// # Numerics
    /// `|l u - a[p]| <= (n + 4) ulp |l| |u|`; the pivot is the first of the greatest by magnitude.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 3.4.
    #[track_caller]
    #[must_use]
    pub fn lu(&self) -> (Tensor, Tensor, Tensor) {
        let (packed, order) = self.lu_packed("lu");
        let one = packed.ones_like().diagonal(0).diag(0);
        (packed.tril(-1).add(&one), packed.triu(0), order)
    }

    /// Both factors in one matrix, and the order of the rows.
    #[track_caller]
    pub(super) fn lu_packed(&self, op: &str) -> (Tensor, Tensor) {
        let (flat, batch) = match self.matrices(op, Form::Square) {
            Ok(found) => found,
            Err(error) => {
                let failed = super::failed(self, error);
                return (failed.clone(), failed);
            }
        };
        let n = batch.n;
        let both = flat.dense(Dense::Lu, &[]);
        let order = both.slice(1, n..n + 1).squeeze(1).detach().cast(DType::U32);
        let order = order.reshape([&batch.dims[..], &[n]].concat());
        (both.slice(1, ..n).unflatten(&batch), order)
    }

    /// The factors `a = q r`: orthonormal columns and an upper triangle with a diagonal that is not negative, which makes them
    /// unique where the columns of `a` are independent.
    ///
    /// # Shapes
    /// `[.., m, n]` gives `q: [.., m, k]` and `r: [.., k, n]`, `k` the lesser of `m` and `n` ([`Tensor::qr_full`] gives all of `q`).
    ///
    /// # Errors
    /// A scalar or vector, not floats.
    ///
    /// # Gradient
    /// Defined where the first `k` columns are independent.
    ///
    /// # Numerics
    /// Householder reflections: `q r - a` and `q^T q - 1` are within `(4 m + 8) n` ulp column by column, whatever the rank.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 5.2.2; Walter, Lehmann, Algorithmic differentiation of linear algebra functions
    /// (2010), for the gradient.
    #[track_caller]
    #[must_use]
    pub fn qr(&self) -> (Tensor, Tensor) {
        let (flat, batch) = match self.matrices("qr", Form::Any) {
            Ok(found) => found,
            Err(error) => {
                let failed = super::failed(self, error);
                return (failed.clone(), failed);
            }
        };
        let (m, n) = (batch.m, batch.n);
        if m >= n {
            let both = flat.dense(Dense::Qr, &[]);
            return (both.slice(1, ..m).unflatten(&batch), both.slice(1, m..m + n).unflatten(&batch));
        }
        let both = flat.slice(2, ..m).dense(Dense::Qr, &[]);
        let (q, r) = (both.slice(1, ..m), both.slice(1, m..2 * m));
        let rest = q.t().matmul(&flat.slice(2, m..n));
        let wide = Tensor::concat(&[&r, &rest], 2);
        (q.unflatten(&batch), ok_pair(&flat, wide).unflatten(&batch))
    }

    /// [`Tensor::qr`] with all columns of an orthogonal `q: [.., m, m]`, and `r: [.., m, n]`. The gradient is defined only where
    /// `m <= n`: columns that complete a basis do not depend on the matrix in one way.
    #[track_caller]
    #[must_use]
    pub fn qr_full(&self) -> (Tensor, Tensor) {
        let (flat, batch) = match self.matrices("qr_full", Form::Any) {
            Ok(found) => found,
            Err(error) => {
                let failed = super::failed(self, error);
                return (failed.clone(), failed);
            }
        };
        let (m, n) = (batch.m, batch.n);
        if m <= n {
            return self.qr();
        }
        let both = flat.pad([(0, 0), (0, 0), (0, m - n)], crate::graph::Fill::Zero).dense(Dense::Qr, &[]);
        (both.slice(1, ..m).unflatten(&batch), both.slice(1, m..2 * m).slice(2, ..n).unflatten(&batch))
    }

    /// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns: `a v = v diag(w)`, `v^T v = 1`.
    ///
    /// # Shapes
    /// `[.., n, n]` gives `w: [.., n]` and `v: [.., n, n]`. Only the lower triangle is read.
    ///
    /// # Errors
    /// Not square, not floats.
    ///
    /// # Gradient
    /// To the lower triangle, which is what is read. Of the eigenvalues always; of the eigenvectors it divides by differences of eigenvalues and is undefined where two are
    /// equal: such pairs contribute 0 (a function that does not depend on the choice of vectors within an eigenspace has its
    /// right gradient if it does not depend on their mixing to first order).
    ///
    /// # Numerics
    /// Block Jacobi on the matrix, shifted to be positive definite and scaled by a power of two: `v` is the eigenbasis of a
    /// matrix within [`Sweeps::roundings`](crate::graph::dense::Sweeps::roundings) ulp of this one, in the Frobenius norm, so
    /// eigenvalues are that near, and vectors by that over the gap. The entry of greatest magnitude of each vector is positive.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 8.5; Giles, Collected matrix derivative results (2008).
    #[track_caller]
    #[must_use]
    pub fn eigh(&self) -> (Tensor, Tensor) {
        let (flat, batch) = match self.matrices("eigh", Form::Square) {
            Ok(found) => found,
            Err(error) => {
                let failed = super::failed(self, error);
                return (failed.clone(), failed);
            }
        };
        let n = batch.n;
        let both = flat.dense(Dense::Eigh, &[]);
        let values = both.slice(1, ..1).reshape([&batch.dims[..], &[n]].concat());
        (values, both.slice(1, 1..n + 1).unflatten(&batch))
    }

    /// The singular values, descending, and vectors: `a = u diag(s) v^T` with orthonormal columns of `u` and rows of `v^T`; the
    /// result is `(u, s, v^T)`.
    ///
    /// # Shapes
    /// `[.., m, n]` gives `u: [.., m, k]`, `s: [.., k]`, `v^T: [.., k, n]`, `k` the lesser of `m` and `n`.
    ///
    /// # Errors
    /// A scalar or vector, not floats.
    ///
    /// # Gradient
    /// Divides by differences of squares of singular values, and by singular values where `m` differs from `n`: undefined where
    /// two are equal, or one is 0. Such terms contribute 0.
    ///
    /// # Numerics
    /// One-sided block Jacobi, scaled by a power of two. `u` and `v` are orthonormal whatever the rank (vectors of a zero value
    /// complete the basis); `s` is within [`Sweeps::roundings`](crate::graph::dense::Sweeps::roundings) ulp of the Frobenius
    /// norm, vectors by that over the gap. The entry of greatest magnitude is positive, of each row of `v^T` where `m >= n`, else
    /// of each column of `u`.
    ///
    /// # Source
    /// Drmac, Veselic, New fast and accurate Jacobi SVD algorithm (2008); Giles, Collected matrix derivative results (2008).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let a = device.tensor(&[0.0f32, 2.0, -3.0, 0.0], [2, 2]);
    /// let (u, s, vt) = a.svd();
    /// assert_eq!(s.read_blocking::<f32>()?, [3.0, 2.0]);
    /// assert_eq!(vt.read_blocking::<f32>()?, [1.0, 0.0, 0.0, 1.0]);
    /// assert_eq!(u.read_blocking::<f32>()?, [0.0, 1.0, -1.0, 0.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn svd(&self) -> (Tensor, Tensor, Tensor) {
        let (flat, batch) = match self.matrices("svd", Form::Any) {
            Ok(found) => found,
            Err(error) => {
                let failed = super::failed(self, error);
                return (failed.clone(), failed.clone(), failed);
            }
        };
        let (m, n) = (batch.m, batch.n);
        let (k, tall) = (m.min(n), m.max(n));
        let flat = if m >= n { flat } else { flat.t() };
        let all = flat.dense(Dense::Svd, &[]);
        let values = all.slice(1, tall..tall + 1).reshape([&batch.dims[..], &[k]].concat());
        let (left, right) = (all.slice(1, ..tall), all.slice(1, tall + 1..tall + 1 + k));
        let (u, vt) = if m >= n { (left, right) } else { (right.t(), left.t()) };
        (u.unflatten(&batch), values, vt.unflatten(&batch))
    }
}

/// What a factorisation asks of a shape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Square,
    Any,
}

/// The axes of a batch of matrices that was flattened to one.
pub(super) struct Batch {
    pub dims: Vec<usize>,
    pub m: usize,
    pub n: usize,
}

fn ok_pair(like: &Tensor, result: crate::error::Result<Tensor>) -> Tensor {
    ok!(like, result)
}

impl Tensor {
    /// `[b, m, n]`, `f32`.
    #[track_caller]
    pub(super) fn matrices(&self, op: &str, form: Form) -> crate::error::Result<(Tensor, Batch)> {
        let (site, shape, dtype) = (Site::here(), self.shape()?.clone(), self.dtype()?);
        let rank = shape.rank();
        let fits = rank >= 2 && dtype.is_float() && (form == Form::Any || shape[rank - 1] == shape[rank - 2]);
        if !fits {
            let wanted = match form {
                Form::Square => "it takes floats of shape [.., n, n]",
                Form::Any => "it takes floats of shape [.., m, n]",
            };
            return Err(crate::error::Error::argument(op, format!("{dtype}{shape}"), wanted, site));
        }
        let (m, n) = (shape[rank - 2], shape[rank - 1]);
        let dims = shape[..rank - 2].to_vec();
        let flat = self.widen().reshape([dims.iter().product(), m, n]);
        Ok((flat, Batch { dims, m, n }))
    }

    /// `[b, r, c]` with the axes of its batch again.
    #[track_caller]
    pub(super) fn unflatten(&self, batch: &Batch) -> Tensor {
        let shape = ok!(self, self.shape());
        self.reshape([&batch.dims[..], &shape[1..]].concat())
    }

    /// The routine over `[b, m, n]` and more sources.
    #[track_caller]
    pub(super) fn dense(&self, kind: Dense, more: &[&Tensor]) -> Tensor {
        let site = Site::here();
        let sources = [&[self], more].concat();
        let nodes = ok!(self, Tensor::nodes(kind.name(), &sources, site));
        Tensor::new(self.device(), Node::routine(Routine::Dense(kind), nodes, site))
    }
}
