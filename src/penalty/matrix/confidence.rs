//! Entropy of predictions: a reward for keeping it, or a penalty to bring it down.

use super::misshapen;
use crate::error::Site;
use crate::tensor::Tensor;

/// The entropy `-sum_v p_v log p_v` of each row of logits, `p = softmax(z)`, in nats.
///
/// # Shapes
/// `[…, v]`, `v > 0`; `[…]` comes out.
/// # Errors
/// No axis, or no classes.
/// # Gradient
/// `-p_v (log p_v + H)`.
/// # Numerics
/// By `log_softmax`: finite for logits of any finite size.
#[must_use]
#[track_caller]
pub fn entropy(logits: &Tensor) -> Tensor {
    let last = match logits.shape() {
        Ok(shape) if shape.rank() >= 1 && shape[shape.rank() - 1] > 0 => shape.rank() - 1,
        _ => return misshapen("confidence::entropy", logits, "logits [..., v] with v > 0", Site::here()),
    };
    let log = logits.log_softmax(last);
    log.exp().mul(&log).sum(last).neg()
}

/// The mean entropy of the rows: as a penalty it makes predictions on unlabelled data confident (entropy minimisation).
///
/// # Shapes
/// `[…, v]`; a scalar comes out.
/// # Errors
/// No axis, or no classes.
/// # Gradient
/// That of [`entropy`] over the number of rows.
/// # Source
/// Y. Grandvalet, Y. Bengio, Semi-supervised learning by entropy minimization, NIPS (2004).
#[must_use]
#[track_caller]
pub fn uncertainty(logits: &Tensor) -> Tensor {
    entropy(logits).mean_all()
}

/// Minus the mean entropy of the rows: as a penalty it keeps predictions from being overconfident.
///
/// # Shapes
/// `[…, v]`; a scalar comes out.
/// # Errors
/// No axis, or no classes.
/// # Gradient
/// Minus that of [`uncertainty`].
/// # Source
/// G. Pereyra, G. Tucker, J. Chorowski, L. Kaiser, G. Hinton, Regularizing neural networks by penalizing confident output
/// distributions, ICLR workshop (2017).
#[must_use]
#[track_caller]
pub fn confidence(logits: &Tensor) -> Tensor {
    uncertainty(logits).neg()
}
