//! The Frobenius norm of a Jacobian.
//!
//! # Source
//! J. Hoffman, D. Roberts, S. Yaida, Robust learning with Jacobian regularization, arXiv:1908.02729.

use super::misshapen;
use crate::error::{Error, Result, Site};
use crate::ops::{Fixed, Key};
use crate::tensor::Tensor;

/// `1/n sum_i sum_p ||v_pi^T J_i||^2` with `J_i = d y_i / d x_i`: how far each of `n` outputs moves along the given
/// directions. With the unit vectors for directions it is the mean squared Frobenius norm itself.
///
/// # Shapes
/// `y` `[n, c]`, computed from `x` `[n, …]` row by row; `directions` `[p, n, c]`. A scalar comes out.
/// # Errors
/// Other shapes; `y` does not depend on `x`.
/// # Gradient
/// By differentiating twice.
/// # Numerics
/// One pass backwards for each direction.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn along(y: &Tensor, x: &Tensor, directions: &Tensor) -> Tensor {
    let site = Site::here();
    let built = (|| -> Result<Tensor> {
        let (of, by) = (y.shape()?, directions.shape()?);
        if of.rank() != 2 || by.rank() != 3 || by[1..] != of[..] || of[0] == 0 || by[0] == 0 {
            let message = format!("outputs {of}, directions {by}");
            return Err(Error::argument("jacobian::along", message, "outputs [n, c], directions [p, n, c]", site));
        }
        let mut total: Option<Tensor> = None;
        for p in 0..by[0] {
            let moved = y.vjp(&directions.pick(0, p), &[x])?.swap_remove(0).square().sum_all();
            total = Some(match total {
                Some(sum) => sum.add(&moved),
                None => moved,
            });
        }
        let rows = of[0] as f64;
        total
            .map(|sum| sum.div(Fixed(rows)))
            .ok_or_else(|| Error::argument("jacobian::along", "no directions", "give at least one", site))
    })();
    built.unwrap_or_else(|error| Tensor::new(y.device(), Err(error)))
}

/// `1/n sum_i ||d y_i / d x_i||_F^2`, estimated along `projections` random directions for each row.
///
/// # Shapes
/// `y` `[n, c]`, computed from `x` `[n, …]` row by row. A scalar comes out.
/// # Errors
/// Other shapes; no projections; `y` does not depend on `x`.
/// # Gradient
/// By differentiating twice.
/// # Numerics
/// Unbiased: directions are uniform on the sphere, and `c ||v^T J||^2` has the mean `||J||_F^2`. With one output it is exact.
/// The relative deviation is about `1 / sqrt(n projections)`, so one projection is usual.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn frobenius(y: &Tensor, x: &Tensor, projections: usize, key: Key) -> Tensor {
    let (n, c) = match y.shape() {
        Ok(shape) if shape.rank() == 2 && projections > 0 => (shape[0], shape[1]),
        _ => return misshapen("jacobian::frobenius", y, "outputs [n, c], and at least one projection", Site::here()),
    };
    let random = key.normal(y.device(), [projections, n, c]);
    let length = random.square().sum_keep(2).sqrt().maximum(Fixed(1e-20));
    let scale = (c as f64 / projections as f64).sqrt();
    along(y, x, &random.div(length).mul(Fixed(scale)))
}
