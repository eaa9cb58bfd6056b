//! The smooth part of an objective, and how strongly it curves.

use super::{inner, not_finite, zip};
use crate::error::{Error, Result, Site};
use crate::linear::spread;
use crate::tensor::Tensor;

/// A differentiable function of one or several tensors. Functions `Fn(&[Tensor]) -> Tensor` are.
pub trait Smooth {
    /// The value, a scalar tensor.
    fn value(&self, w: &[Tensor]) -> Tensor;

    /// The gradient, one tensor per tensor of `w`; by default the derivative of the value.
    ///
    /// # Errors
    /// A value that cannot be differentiated.
    fn gradient(&self, w: &[Tensor]) -> Result<Vec<Tensor>> {
        self.value(w).grad(&w.iter().collect::<Vec<_>>())
    }
}

impl<F: Fn(&[Tensor]) -> Tensor> Smooth for F {
    fn value(&self, w: &[Tensor]) -> Tensor {
        self(w)
    }
}

/// `1/2 <w, A w> - <b, w> + c` for one tensor of coefficients `w: [p]` or `[p, k]`.
#[derive(Clone, Debug)]
pub struct Quadratic {
    a: Tensor,
    b: Tensor,
    c: Tensor,
}

impl Quadratic {
    /// From its parts: `a: [p, p]` symmetric, `b` in the shape of the coefficients, `c` one number.
    #[must_use]
    pub fn new(a: &Tensor, b: &Tensor, c: &Tensor) -> Quadratic {
        Quadratic { a: a.clone(), b: b.clone(), c: c.clone() }
    }

    /// `1/(2n) ||y - X w||^2` through the Gram matrix, evaluated here once: `x: [n, p]`, `y: [n]` or `[n, k]`.
    ///
    /// # Errors
    /// Shapes that do not agree, no rows.
    #[track_caller]
    pub fn least_squares(x: &Tensor, y: &Tensor) -> Result<Quadratic> {
        let (xs, ys) = (x.shape()?, y.shape()?);
        if xs.rank() != 2 || ys.is_empty() || ys.rank() > 2 || ys[0] != xs[0] || xs[0] == 0 {
            return Err(Error::argument(
                "least_squares",
                format!("x {xs} and y {ys}"),
                "x: [n, p], y: [n] or [n, k], n at least 1",
                Site::here(),
            ));
        }
        let n = xs[0] as f64;
        let xt = x.t();
        let a = xt.matmul(x) * (1.0 / n);
        let b = xt.matmul(y) * (1.0 / n);
        let c = y.square().sum(..) * (0.5 / n);
        x.device().eval(&[&a, &b, &c])?;
        Ok(Quadratic { a: a.leaf()?, b: b.leaf()?, c: c.leaf()? })
    }
}

impl Smooth for Quadratic {
    fn value(&self, w: &[Tensor]) -> Tensor {
        let w = &w[0];
        // 1/2 <w, A w - 2 b>: one product, and the two great terms meet before they are summed
        (w * (self.a.matmul(w) - &self.b * 2.0)).sum(..) * 0.5 + &self.c
    }

    fn gradient(&self, w: &[Tensor]) -> Result<Vec<Tensor>> {
        if w.len() != 1 {
            return Err(Error::argument(
                "quadratic",
                format!("{} tensors of coefficients", w.len()),
                "it takes one",
                Site::here(),
            ));
        }
        Ok(vec![self.a.matmul(&w[0]) - &self.b])
    }
}

/// The greatest curvature of a smooth function at `w`: the greatest eigenvalue (by magnitude) of its Hessian, by `iterations`
/// of the power method with products of the Hessian and a vector. From below: within some percent after 20.
///
/// # Errors
/// A function that cannot be differentiated twice, numbers that are not finite.
pub async fn lipschitz(smooth: &dyn Smooth, w: &[Tensor], iterations: usize) -> Result<f64> {
    let Some(first) = w.first() else { return Ok(0.0) };
    let device = first.device().clone();
    device.eval(&w.iter().collect::<Vec<_>>())?;
    let w = w.iter().map(Tensor::leaf).collect::<Result<Vec<_>>>()?;
    let start = |(ix, w): (usize, &Tensor)| spread(&device, w.shape()?, ix).check();
    let mut v = w.iter().enumerate().map(start).collect::<Result<Vec<_>>>()?;
    let gradient = smooth.gradient(&w)?;
    let gradient: Vec<&Tensor> = gradient.iter().collect();
    let points: Vec<&Tensor> = w.iter().collect();
    let mut norm = device.scalar(0.0);
    for _ in 0..iterations.max(1) {
        let directions: Vec<&Tensor> = v.iter().collect();
        let product = crate::autograd::jvp(&gradient, &points, &directions)?;
        norm = inner(&product, &product).sqrt();
        // a Hessian of 0 leaves the direction as it is
        let scale = norm.eq(0.0).select(1.0, &norm).recip();
        v = product.iter().map(|p| p * &scale).collect();
    }
    let read = device.read::<f32>(&[&norm]).await?;
    let norm = f64::from(read[0][0]);
    if norm.is_finite() { Ok(norm) } else { Err(not_finite("lipschitz", "the curvature", norm, iterations)) }
}

/// `a + t b` for each pair of tensors.
#[track_caller]
pub(super) fn along(a: &[Tensor], t: &Tensor, b: &[Tensor]) -> Vec<Tensor> {
    zip(a, b, |a, b| a + b * t)
}
