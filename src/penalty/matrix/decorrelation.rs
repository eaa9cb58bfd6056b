//! Penalties on the covariance, the correlation and the angles of features.

use super::misshapen;
use crate::error::Site;
use crate::ops::Fixed;
use crate::tensor::Tensor;

/// The number of rows and columns of a batch of features.
fn batch(op: &str, h: &Tensor, site: Site) -> Result<[usize; 2], Tensor> {
    match h.shape() {
        Ok(shape) if shape.rank() == 2 && shape[0] > 0 => Ok([shape[0], shape[1]]),
        _ => Err(misshapen(op, h, "a batch of features [n, d] with n > 0", site)),
    }
}

/// 1 off the diagonal, 0 on it.
fn off_diagonal(like: &Tensor, d: usize) -> Tensor {
    like.device().eye(d, d).neg().add(Fixed(1.0))
}

/// `C = 1/n (H - mean)^T (H - mean)`.
///
/// # Shapes
/// `[n, d]`; `[d, d]` comes out.
/// # Errors
/// Not two axes, or no rows.
#[must_use]
#[track_caller]
pub fn covariance(h: &Tensor) -> Tensor {
    match batch("decorrelation::covariance", h, Site::here()) {
        Ok([n, _]) => {
            let centred = h.sub(h.mean_keep(0));
            centred.t().matmul(&centred).div(Fixed(n as f64))
        }
        Err(refused) => refused,
    }
}

/// `1/2 (||C||_F^2 - ||diag C||^2)` of the [`covariance`]: half the squares off its diagonal (`DeCov`).
///
/// # Shapes
/// `[n, d]`; a scalar comes out, 0 for one row or one feature.
/// # Errors
/// Not two axes, or no rows.
/// # Gradient
/// `2/n (H - mean) offdiag(C)`.
/// # Numerics
/// The diagonal is left out of the sum, not taken off it.
/// # Source
/// M. Cogswell et al., Reducing overfitting in deep networks by decorrelating representations, ICLR (2016).
#[must_use]
#[track_caller]
pub fn decov(h: &Tensor) -> Tensor {
    match batch("decorrelation::decov", h, Site::here()) {
        Ok([_, d]) => covariance(h).square().mul(off_diagonal(h, d)).sum_all().mul(Fixed(0.5)),
        Err(refused) => refused,
    }
}

/// `(H - mean) / sqrt(variance + eps)` by column.
fn standardized(h: &Tensor, eps: f64) -> Tensor {
    let centred = h.sub(h.mean_keep(0));
    let variance = centred.square().mean_keep(0);
    centred.mul(variance.add(eps).rsqrt())
}

/// `sum_i (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2` of the correlation `C` of two views of the same examples: what is
/// alike in both views stays, what is alike among features goes (Barlow twins). `lambda` is 0.005 there.
///
/// # Shapes
/// Two of `[n, d]`; a scalar comes out.
/// # Errors
/// Other shapes, or no rows.
/// # Gradient
/// Through the standardisation of both views.
/// # Numerics
/// Columns are divided by the square root of their variance plus 1e-5, so a constant feature has correlation 0.
/// # Source
/// J. Zbontar, L. Jing, I. Misra, Y. LeCun, S. Deny, Barlow twins, ICML (2021).
#[must_use]
#[track_caller]
pub fn barlow(first: &Tensor, second: &Tensor, lambda: f64) -> Tensor {
    const EPS: f64 = 1e-5;
    let site = Site::here();
    let [n, d] = match (batch("decorrelation::barlow", first, site), batch("decorrelation::barlow", second, site)) {
        (Ok(a), Ok(b)) if a == b => a,
        (Ok(_), Ok(_)) => return misshapen("decorrelation::barlow", second, "the shape of the first view", site),
        (Err(refused), _) | (_, Err(refused)) => return refused,
    };
    let correlation = standardized(first, EPS).t().matmul(&standardized(second, EPS)).div(Fixed(n as f64));
    let off = correlation.square().mul(off_diagonal(first, d)).sum_all();
    let on = correlation.diagonal(0).neg().add(Fixed(1.0)).square().sum_all();
    on.add(off.mul(lambda))
}

/// `sum_{i != j} cos(h_i, h_j)^2` over the columns of `H`: 0 if features are orthogonal.
///
/// # Shapes
/// `[n, d]`; a scalar comes out.
/// # Errors
/// Not two axes, or no rows.
/// # Gradient
/// Through the normalisation; of a column of zeros it is 0.
/// # Numerics
/// A column shorter than 1e-12 counts as 0.
/// # Source
/// P. Rodriguez et al., Regularizing CNNs with locally constrained decorrelations, ICLR (2017), with squares for the
/// exponential.
#[must_use]
#[track_caller]
pub fn feature_orthogonality(h: &Tensor) -> Tensor {
    match batch("decorrelation::feature_orthogonality", h, Site::here()) {
        Ok([_, d]) => {
            let unit = h.normalize(2.0, 0, 1e-12);
            unit.t().matmul(&unit).square().mul(off_diagonal(h, d)).sum_all()
        }
        Err(refused) => refused,
    }
}
