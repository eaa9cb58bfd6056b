//! Penalties that keep the columns of a matrix orthonormal.
//!
//! # Source
//! N. Bansal, X. Chen, Z. Wang, Can we gain more from orthogonality regularizations in training deep CNNs?, NeurIPS (2018).

use super::spectral::{self, Spectral};
use super::{matrix, misshapen};
use crate::error::Site;
use crate::tensor::Tensor;

/// `W^T W - I`.
fn excess(w: &Tensor, n: usize) -> Tensor {
    w.t().matmul(w).sub(w.device().eye(n, n))
}

/// `||W^T W - I||_F^2`: 0 if the columns are orthonormal.
///
/// # Shapes
/// `[m, n]`, or weights `[m, …]` with all axes but the first taken together; a scalar comes out.
/// A matrix with more columns than rows keeps at least `n - m`: use its transpose, or [`double_soft`].
/// # Errors
/// Fewer than two axes.
/// # Gradient
/// `4 W (W^T W - I)`.
/// # Numerics
/// A product and a sum.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn soft(w: &Tensor) -> Tensor {
    match matrix("orthogonal::soft", w, Site::here()) {
        Ok((w, [_, n])) => excess(&w, n).square().sum_all(),
        Err(refused) => refused,
    }
}

/// `||W^T W - I||_F^2 + ||W W^T - I||_F^2`: for matrices of which it is not known which side is longer.
///
/// # Shapes
/// As [`soft`].
/// # Errors
/// Fewer than two axes.
/// # Gradient
/// `4 W (W^T W - I) + 4 (W W^T - I) W`.
/// # Numerics
/// Two products and sums.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn double_soft(w: &Tensor) -> Tensor {
    match matrix("orthogonal::double_soft", w, Site::here()) {
        Ok((w, [m, n])) => excess(&w, n).square().sum_all().add(excess(&w.t(), m).square().sum_all()),
        Err(refused) => refused,
    }
}

/// `max_ij |W^T W - I|_ij`: for columns of length 1 their mutual coherence, the greatest cosine of two of them.
///
/// # Shapes
/// As [`soft`].
/// # Errors
/// Fewer than two axes.
/// # Gradient
/// That of the greatest element, shared among equal ones.
/// # Numerics
/// A product.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn mutual_coherence(w: &Tensor) -> Tensor {
    match matrix("orthogonal::mutual_coherence", w, Site::here()) {
        Ok((w, [_, n])) => excess(&w, n).abs().max(..),
        Err(refused) => refused,
    }
}

/// The spectral norm of `W^T W - I` by power iteration: the constant of the restricted isometry property (SRIP).
///
/// `right` is a vector from [`spectral::start`] or the `right` of the step before; two turns a step are usual.
///
/// # Shapes
/// `w` as for [`soft`], `right` `[n]`.
/// # Errors
/// Other shapes; no turns.
/// # Gradient
/// With the vectors held fixed, as [`spectral::norm`].
/// # Numerics
/// A lower bound of the norm that grows with every turn.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn isometry(w: &Tensor, right: &Tensor, turns: usize) -> Spectral {
    let site = Site::here();
    match matrix("orthogonal::isometry", w, site) {
        Ok((w, [_, n])) => spectral::norm(&excess(&w, n), right, turns),
        Err(refused) => {
            let refused_right = misshapen("orthogonal::isometry", w, "a matrix", site);
            Spectral { norm: refused, left: refused_right.clone(), right: refused_right }
        }
    }
}
