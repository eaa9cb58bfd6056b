//! What singular values tell: norms, rank, the pseudo-inverse, truncation.

use super::factor::Form;
use super::{Fixed, Key, ok, refuse};
use crate::dtype::DType;
use crate::error::Site;
use crate::tensor::Tensor;

impl Tensor {
    /// The pseudo-inverse `v diag(1/s) u^T`, where singular values up to `cutoff` times the greatest count as 0; `None` stands for an
    /// ulp times the greater of `m` and `n`.
    ///
    /// # Shapes
    /// `[.., m, n]` gives `[.., n, m]`.
    ///
    /// # Gradient
    /// By way of the singular vectors: undefined where two singular values are equal (see [`Tensor::svd`]).
    #[track_caller]
    #[must_use]
    pub fn pinv(&self, cutoff: Option<f64>) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("pinv", Form::Any));
        let (u, s, vt) = flat.svd();
        let large = s.large(cutoff, batch.m.max(batch.n));
        let inverse = large.select(large.select(&s, Fixed(1.0)).recip(), Fixed(0.0));
        vt.t().mul(inverse.unsqueeze(1)).matmul(&u.t()).unflatten(&batch)
    }

    /// How many singular values are greater than `cutoff` times the greatest, as `u32`; `None` stands for an ulp times the greater of
    /// `m` and `n`.
    ///
    /// # Shapes
    /// `[.., m, n]` gives `[..]`.
    #[track_caller]
    #[must_use]
    pub fn matrix_rank(&self, cutoff: Option<f64>) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("matrix_rank", Form::Any));
        let (_, s, _) = flat.svd();
        s.large(cutoff, batch.m.max(batch.n)).cast(DType::U32).sum(1).reshape(batch.dims)
    }

    /// Which singular values `[b, k]` count.
    #[track_caller]
    fn large(&self, cutoff: Option<f64>, longest: usize) -> Tensor {
        let least = cutoff.unwrap_or(longest as f64 * f64::from(f32::EPSILON));
        let shape = ok!(self, self.shape());
        let greatest = if shape[1] == 0 { self.clone() } else { self.slice(1, ..1) };
        self.gt(greatest.mul(least))
    }

    /// The sum of the singular values (the nuclear or trace norm).
    ///
    /// # Shapes
    /// `[.., m, n]` gives `[..]`.
    ///
    /// # Gradient
    /// `g u v^T`: a sub-gradient where the rank is not full.
    #[track_caller]
    #[must_use]
    pub fn nuclear_norm(&self) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("nuclear_norm", Form::Any));
        flat.svd().1.sum(1).reshape(batch.dims)
    }

    /// The greatest singular value; 0 for a matrix without entries.
    ///
    /// # Shapes
    /// `[.., m, n]` gives `[..]`.
    ///
    /// # Gradient
    /// `g u_1 v_1^T`: a sub-gradient where the greatest value is not the only one of its size.
    #[track_caller]
    #[must_use]
    pub fn spectral_norm(&self) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("spectral_norm", Form::Any));
        let (_, s, _) = flat.svd();
        let first = if batch.m.min(batch.n) == 0 { s.sum(1) } else { s.pick(1, 0) };
        first.reshape(batch.dims)
    }

    /// The `k` greatest singular values with their vectors, as [`Tensor::svd`], found in the range of the matrix applied to
    /// `k + oversample` random vectors, `power` times to and fro: much less work where `k` is small.
    ///
    /// # Shapes
    /// `[.., m, n]` gives `u: [.., m, k]`, `s: [.., k]`, `v^T: [.., k, n]`.
    ///
    /// # Errors
    /// `k` exceeds `m` or `n`.
    ///
    /// # Numerics
    /// Values are not above the true ones but for rounding. What is missed is of the order of the next singular value times
    /// `(s_(k + oversample + 1) / s_k)^(2 power)`.
    ///
    /// # Source
    /// Halko, Martinsson, Tropp, Finding structure with randomness (2011), algorithms 4.4 and 5.1.
    #[track_caller]
    #[must_use]
    pub fn svd_truncated(&self, k: usize, oversample: usize, power: usize, key: Key) -> (Tensor, Tensor, Tensor) {
        let (flat, batch) = match self.matrices("svd_truncated", Form::Any) {
            Ok(found) => found,
            Err(error) => {
                let failed = super::failed(self, error);
                return (failed.clone(), failed.clone(), failed);
            }
        };
        let (m, n) = (batch.m, batch.n);
        let least = m.min(n);
        if k > least {
            let message = format!("{k} of the singular values of {m} x {n}");
            let failed = refuse(self, "svd_truncated", message, format!("there are {least}"), Site::here());
            return (failed.clone(), failed.clone(), failed);
        }
        let width = k.saturating_add(oversample).min(least);
        let test = key.normal(self.device(), [n, width]);
        let mut basis = flat.matmul(&test).qr().0;
        for _ in 0..power {
            let back = flat.t().matmul(&basis).qr().0;
            basis = flat.matmul(&back).qr().0;
        }
        let (u, s, vt) = basis.t().matmul(&flat).svd();
        let u = basis.matmul(&u).slice(2, ..k);
        let values = s.slice(1, ..k).reshape([&batch.dims[..], &[k]].concat());
        (u.unflatten(&batch), values, vt.slice(1, ..k).unflatten(&batch))
    }
}
