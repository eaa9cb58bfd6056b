//! Linear maps: what a solver needs of a matrix that need not exist, the products `A x` and `A^T y`.
//!
//! A [`Linear`] comes from a matrix, from a function of tensors, or from other maps by composition and addition. The adjoint
//! of a function is found by differentiation, unless it is given: `A^T y` is the vector-Jacobian product, which for a
//! linear function does not depend on where it is taken.
//!
//! [`Linear::solve`] is conjugate gradients with a fixed number of steps as one expression; [`Linear::ritz`] and what follows
//! from it ([`Linear::norm`], [`Linear::extremes`]) are Lanczos' method. With a tolerance and a report:
//! [`solver::cg`](crate::solver::cg).
//!
//! ```no_run
//! # async fn example(device: &ridgepoint::Device, a: ridgepoint::Tensor) -> ridgepoint::Result<()> {
//! use ridgepoint::linear::Linear;
//! let matrix = Linear::matrix(&a)?;
//! let slopes = Linear::new(device, [64, 64], |image| image.slice(0, 1..) - image.slice(0, ..63))?;
//! println!("{} {}", matrix.norm(device, 20).await?, slopes.norm(device, 20).await?);
//! # Ok(()) }
//! ```

use crate::error::{Error, Result, Site};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

type Apply = Arc<dyn Fn(&Tensor) -> Tensor + Send + Sync>;

/// A linear map between tensors of two shapes; see the module. Cheap to clone.
#[derive(Clone)]
pub struct Linear {
    from: Shape,
    to: Shape,
    forward: Apply,
    adjoint: Apply,
}

impl fmt::Debug for Linear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linear map {} -> {}", self.from, self.to)
    }
}

impl Linear {
    /// The map of a function, which must be linear; its adjoint by differentiation.
    ///
    /// # Errors
    /// Whatever the function meets at a tensor of shape `from`.
    #[track_caller]
    pub fn new(
        device: &Device,
        from: impl Into<Shape>,
        f: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Result<Linear> {
        let from = from.into();
        let forward: Apply = Arc::new(f);
        let to = forward(&device.zeros(from.clone())).shape()?.clone();
        let (of, origin) = (forward.clone(), from.clone());
        let adjoint: Apply = Arc::new(move |y: &Tensor| {
            let at = y.device().zeros(origin.clone());
            let product = of(&at).vjp(y, &[&at]).map(|mut parts| parts.swap_remove(0));
            product.unwrap_or_else(|e| Tensor::new(y.device(), Err(e)))
        });
        Ok(Linear { from, to, forward, adjoint })
    }

    /// The map with another function for its adjoint.
    #[must_use]
    pub fn with_adjoint(self, g: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Linear {
        Linear { adjoint: Arc::new(g), ..self }
    }

    /// `x -> A x` for `a: [m, n]`, of vectors `[n]`; of the columns of a matrix by [`Linear::columns`].
    ///
    /// # Errors
    /// Unless `a` has two axes.
    #[track_caller]
    pub fn matrix(a: &Tensor) -> Result<Linear> {
        let shape = a.shape()?;
        let [m, n] = shape.dims() else {
            let message = format!("shape {shape} is no matrix");
            return Err(Error::argument("linear", message, "give one with two axes", Site::here()));
        };
        let (left, right) = (a.clone(), a.clone());
        Ok(Linear {
            from: [*n].into(),
            to: [*m].into(),
            forward: Arc::new(move |x| left.matmul(x)),
            adjoint: Arc::new(move |y| right.t().matmul(y)),
        })
    }

    /// The same map of each of `k` columns: for a map of vectors `[n]` that takes matrices `[n, k]` too, as those of matrices.
    ///
    /// # Errors
    /// A map that is not of vectors to vectors.
    #[track_caller]
    pub fn columns(&self, k: usize) -> Result<Linear> {
        let ([n], [m]) = (self.from.dims(), self.to.dims()) else {
            return Err(Error::argument("columns", format!("{self:?}"), "it takes maps of vectors", Site::here()));
        };
        Ok(Linear { from: [*n, k].into(), to: [*m, k].into(), ..self.clone() })
    }

    /// The identity.
    #[must_use]
    pub fn identity(shape: impl Into<Shape>) -> Linear {
        let shape = shape.into();
        Linear { from: shape.clone(), to: shape, forward: Arc::new(Tensor::clone), adjoint: Arc::new(Tensor::clone) }
    }

    /// Elementwise multiplication by a tensor in its own shape.
    ///
    /// # Errors
    /// The one that the tensor carries.
    pub fn diagonal(d: &Tensor) -> Result<Linear> {
        let (shape, left, right) = (d.shape()?.clone(), d.clone(), d.clone());
        Ok(Linear {
            from: shape.clone(),
            to: shape,
            forward: Arc::new(move |x| x * &left),
            adjoint: Arc::new(move |y| y * &right),
        })
    }

    /// The map times a number.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Linear {
        let of = |f: &Apply| -> Apply {
            let f = f.clone();
            Arc::new(move |x| f(x) * factor)
        };
        Linear { from: self.from.clone(), to: self.to.clone(), forward: of(&self.forward), adjoint: of(&self.adjoint) }
    }

    /// The map times a scalar tensor.
    #[must_use]
    pub fn times(&self, factor: &Tensor) -> Linear {
        let of = |f: &Apply| -> Apply {
            let (f, factor) = (f.clone(), factor.clone());
            Arc::new(move |x| f(x) * &factor)
        };
        Linear { from: self.from.clone(), to: self.to.clone(), forward: of(&self.forward), adjoint: of(&self.adjoint) }
    }

    /// `x -> next(self(x))`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    #[track_caller]
    pub fn then(&self, next: &Linear) -> Result<Linear> {
        self.fit("then", &self.to, &next.from)?;
        let chain = |first: &Apply, second: &Apply| -> Apply {
            let (first, second) = (first.clone(), second.clone());
            Arc::new(move |x| second(&first(x)))
        };
        Ok(Linear {
            from: self.from.clone(),
            to: next.to.clone(),
            forward: chain(&self.forward, &next.forward),
            adjoint: chain(&next.adjoint, &self.adjoint),
        })
    }

    /// `x -> self(x) + other(x)`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    #[track_caller]
    pub fn plus(&self, other: &Linear) -> Result<Linear> {
        self.fit("plus", &self.from, &other.from)?;
        self.fit("plus", &self.to, &other.to)?;
        let sum = |a: &Apply, b: &Apply| -> Apply {
            let (a, b) = (a.clone(), b.clone());
            Arc::new(move |x| a(x) + b(x))
        };
        Ok(Linear {
            from: self.from.clone(),
            to: self.to.clone(),
            forward: sum(&self.forward, &other.forward),
            adjoint: sum(&self.adjoint, &other.adjoint),
        })
    }

    /// `A^T`.
    #[must_use]
    pub fn transposed(&self) -> Linear {
        Linear {
            from: self.to.clone(),
            to: self.from.clone(),
            forward: self.adjoint.clone(),
            adjoint: self.forward.clone(),
        }
    }

    /// `A^T A`.
    #[must_use]
    pub fn gram(&self) -> Linear {
        let (f, g) = (self.forward.clone(), self.adjoint.clone());
        let product: Apply = Arc::new(move |x| g(&f(x)));
        Linear { from: self.from.clone(), to: self.from.clone(), forward: product.clone(), adjoint: product }
    }

    /// The shape it takes.
    #[must_use]
    pub fn domain(&self) -> &Shape {
        &self.from
    }

    /// The shape it gives.
    #[must_use]
    pub fn range(&self) -> &Shape {
        &self.to
    }

    /// `A x`.
    ///
    /// # Errors
    /// The tensor carries one if `x` has another shape than [`Linear::domain`].
    #[must_use]
    #[track_caller]
    pub fn apply(&self, x: &Tensor) -> Tensor {
        match x.shape().and_then(|s| self.fit("apply", s, &self.from)) {
            Ok(()) => (self.forward)(x),
            Err(e) => Tensor::new(x.device(), Err(e)),
        }
    }

    /// `A^T y`.
    ///
    /// # Errors
    /// The tensor carries one if `y` has another shape than [`Linear::range`].
    #[must_use]
    #[track_caller]
    pub fn adjoint(&self, y: &Tensor) -> Tensor {
        match y.shape().and_then(|s| self.fit("adjoint", s, &self.to)) {
            Ok(()) => (self.adjoint)(y),
            Err(e) => Tensor::new(y.device(), Err(e)),
        }
    }

    #[track_caller]
    fn fit(&self, op: &str, got: &Shape, want: &Shape) -> Result<()> {
        if got == want {
            return Ok(());
        }
        Err(Error::argument(op, format!("shape {got} for {want} of a {self:?}"), "shapes must agree", Site::here()))
    }

    /// `x` after `steps` conjugate gradient steps from `start` towards `A x = b`; `A` symmetric and positive definite. One
    /// expression: it fuses, differentiates and runs with what stands around it. Steps after the solution is reached
    /// change nothing.
    ///
    /// # Source
    /// M. Hestenes, E. Stiefel, Methods of conjugate gradients for solving linear systems, J. Res. NBS 49 (1952).
    #[must_use]
    #[track_caller]
    pub fn solve(&self, b: &Tensor, start: &Tensor, steps: usize) -> Tensor {
        let mut at = Conjugate::start(self, b, start, None);
        for _ in 0..steps {
            at = at.step(self, None);
        }
        at.x
    }

    /// The Ritz values of a symmetric map after `steps` of Lanczos' method, ascending: the outer ones approach the outer
    /// eigenvalues fast and from within. One submission; the tridiagonal eigenvalues are found on the host in f64.
    ///
    /// # Errors
    /// A map between two shapes, numbers that are not finite.
    ///
    /// # Source
    /// C. Lanczos, An iteration method for the solution of the eigenvalue problem, J. Res. NBS 45 (1950); without
    /// reorthogonalisation, which repeats outer values but does not move them (C. Paige, 1971).
    pub async fn ritz(&self, device: &Device, steps: usize) -> Result<Vec<f64>> {
        self.fit("ritz", &self.to, &self.from)?;
        let steps = steps.clamp(1, self.from.elements().max(1));
        if self.from.elements() == 0 {
            return Ok(Vec::new());
        }
        let mut v = spread(device, &self.from, 0).check()?;
        let mut before: Option<(Tensor, Tensor)> = None;
        let mut numbers = Vec::new();
        for _ in 0..steps {
            let mut w = self.apply(&v);
            let alpha = (&w * &v).sum(..);
            w = w - &v * &alpha;
            if let Some((previous, beta)) = &before {
                w = w - previous * beta;
            }
            let beta = w.square().sum(..).sqrt();
            let scale = beta.gt(0.0).select(&beta, 1.0).recip();
            numbers.extend([alpha, beta.clone()]);
            before = Some((v, beta));
            v = w * scale;
        }
        let read = device.read::<f32>(&numbers.iter().collect::<Vec<_>>()).await?;
        let read: Vec<f64> = read.iter().map(|x| f64::from(x[0])).collect();
        if let Some(odd) = read.iter().find(|x| !x.is_finite()) {
            return Err(Error::Numeric {
                op: "ritz".into(),
                message: format!("a product of {self:?} has the length {odd}"),
                hint: "look for NaN or very large numbers in what the map is made of".into(),
            });
        }
        let (diagonal, mut beside): (Vec<f64>, Vec<f64>) = read.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
        beside.pop();
        // below the rounding of the products the space is exhausted: what follows is noise
        let scale = read.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let length = beside.iter().position(|b| *b <= 4.0 * f64::from(f32::EPSILON) * scale).map_or(steps, |ix| ix + 1);
        Ok(tridiagonal(&diagonal[..length], &beside[..length - 1]))
    }

    /// The least and the greatest eigenvalue of a symmetric map, from within, by [`Linear::ritz`].
    ///
    /// # Errors
    /// As [`Linear::ritz`].
    pub async fn extremes(&self, device: &Device, steps: usize) -> Result<(f64, f64)> {
        let values = self.ritz(device, steps).await?;
        Ok((values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0)))
    }

    /// The greatest singular value, from below, by Lanczos' method for `A^T A`: three digits or more after 20 steps, but
    /// for contrived spectra.
    ///
    /// # Errors
    /// As [`Linear::ritz`].
    pub async fn norm(&self, device: &Device, steps: usize) -> Result<f64> {
        Ok(self.gram().extremes(device, steps).await?.1.max(0.0).sqrt())
    }
}

/// The least cosine between `p` and `A p` that is taken for one: `2 / sqrt(condition)`, for conditions far beyond f32.
const FLAT: f64 = 1e-6;

/// Where conjugate gradients are.
#[derive(Clone, Debug)]
pub(crate) struct Conjugate {
    /// The point.
    pub x: Tensor,
    /// `b - A x`, as the recurrence has it.
    pub r: Tensor,
    /// The direction.
    pub p: Tensor,
    /// `<r, M r>`, `M` the preconditioner.
    pub rz: Tensor,
    /// `<p, A p>` of the last step: negative where `A` is not positive.
    pub curvature: Tensor,
}

impl Conjugate {
    #[track_caller]
    pub(crate) fn start(a: &Linear, b: &Tensor, x: &Tensor, m: Option<&Linear>) -> Conjugate {
        let r = b - a.apply(x);
        let p = m.map_or_else(|| r.clone(), |m| m.apply(&r));
        let rz = (&r * &p).sum(..);
        Conjugate { x: x.clone(), curvature: rz.zeros_like(), r, p, rz }
    }

    #[track_caller]
    pub(crate) fn step(&self, a: &Linear, m: Option<&Linear>) -> Conjugate {
        let ap = a.apply(&self.p);
        let curvature = (&self.p * &ap).sum(..);
        // At the solution both are 0; where the curvature is negative nothing moves, and the caller hears of it. Almost at
        // right angles are `p` and `A p` only where `p` is in the null space up to rounding: no step along it is right.
        let reach = (self.p.square().sum(..) * ap.square().sum(..)).sqrt();
        let goes_on = curvature.gt(reach * FLAT);
        let alpha = goes_on.select(&self.rz / goes_on.select(&curvature, 1.0), 0.0);
        let x = &self.x + &self.p * &alpha;
        let r = &self.r - ap * &alpha;
        let z = m.map_or_else(|| r.clone(), |m| m.apply(&r));
        let rz = (&r * &z).sum(..);
        let some = self.rz.gt(0.0);
        let beta = some.select(&rz / some.select(&self.rz, 1.0), 0.0);
        let p = z + &self.p * &beta;
        Conjugate { x, r, p, rz, curvature }
    }
}

/// A fixed vector without structure, of length 1 up to rounding: no eigenvector of a structured matrix is orthogonal to it by
/// design.
pub(crate) fn spread(device: &Device, shape: &Shape, ix: usize) -> Tensor {
    let n = shape.elements();
    let length = 1.0 / (n.max(1) as f32).sqrt();
    let sign = |i: usize| if (((i + ix + 1) as f64) * 0.618_033_988_749_895).fract() < 0.5 { length } else { -length };
    let values: Vec<f32> = (0..n).map(sign).collect();
    device.tensor(&values, shape.clone())
}

/// The eigenvalues of a symmetric tridiagonal matrix, ascending: bisection by Sturm's counts.
fn tridiagonal(diagonal: &[f64], beside: &[f64]) -> Vec<f64> {
    let n = diagonal.len();
    let near = |i: usize| (if i > 0 { beside[i - 1].abs() } else { 0.0 }) + beside.get(i).map_or(0.0, |b| b.abs());
    let low = (0..n).fold(f64::INFINITY, |m, i| m.min(diagonal[i] - near(i)));
    let high = (0..n).fold(f64::NEG_INFINITY, |m, i| m.max(diagonal[i] + near(i)));
    let below = |x: f64| {
        let mut d = 1.0f64;
        let mut count = 0;
        for i in 0..n {
            let square = if i > 0 { beside[i - 1] * beside[i - 1] } else { 0.0 };
            let ratio = if square == 0.0 { 0.0 } else { square / d };
            d = diagonal[i] - x - ratio;
            if d == 0.0 {
                d = f64::MIN_POSITIVE;
            }
            count += usize::from(d < 0.0);
        }
        count
    };
    let nth = |ix: usize| {
        let (mut a, mut b) = (low, high);
        for _ in 0..100 {
            let middle = 0.5 * (a + b);
            if below(middle) > ix { b = middle } else { a = middle }
        }
        0.5 * (a + b)
    };
    (0..n).map(nth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tridiagonal_eigenvalues_are_those_of_the_second_difference() {
        let n = 12;
        let got = tridiagonal(&vec![2.0; n], &vec![-1.0; n - 1]);
        for (ix, value) in got.iter().enumerate() {
            let want = 2.0 - 2.0 * (std::f64::consts::PI * (ix + 1) as f64 / (n + 1) as f64).cos();
            assert!((value - want).abs() < 1e-12, "{value}, not {want}");
        }
    }
}
