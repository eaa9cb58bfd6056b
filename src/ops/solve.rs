//! Systems of linear equations and what follows from factors: solutions, inverses, determinants, least squares, powers.

use super::factor::{Batch, Form};
use super::{Fixed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::Dense;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which triangle of a matrix [`Tensor::triangular_solve`] reads, and how; the lower one as it is, unless told otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Triangle {
    /// The upper triangle.
    pub upper: bool,
    /// The system is that of the transposed triangle.
    pub transposed: bool,
    /// The diagonal is not read but taken as ones.
    pub unit: bool,
}

impl Triangle {
    /// The lower triangle.
    pub const LOWER: Self = Self { upper: false, transposed: false, unit: false };
    /// The upper triangle.
    pub const UPPER: Self = Self { upper: true, transposed: false, unit: false };

    /// The transposed system.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// With ones on the diagonal.
    #[must_use]
    pub fn unit(self) -> Self {
        Self { unit: true, ..self }
    }
}

impl Tensor {
    /// The solution `x` of `t x = y`, `t` a triangle of this matrix.
    ///
    /// # Shapes
    /// `self: [.., n, n]`; `y: [n]`, or `[.., n, k]` for `k` right sides. Batches broadcast.
    ///
    /// # Errors
    /// Not square, lengths do not fit, not floats. A zero on the diagonal gives NaN throughout the solutions of that matrix.
    ///
    /// # Gradient
    /// `ȳ = t^-T g` and `-ȳ x^T` in the triangle that is read.
    ///
    /// # Numerics
    /// The exact solution of a triangle within `(n + 4) ulp` of each entry of this one.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 3.1.
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// use ridgepoint::ops::Triangle;
    /// let device = ridgepoint::Device::cpu()?;
    /// let t = device.tensor(&[2.0f32, 9.0, 1.0, 4.0], [2, 2]);
    /// let y = device.tensor(&[4.0f32, 10.0], [2]);
    /// assert_eq!(t.triangular_solve(&y, Triangle::LOWER).read_blocking::<f32>()?, [2.0, 2.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn triangular_solve(&self, y: &Tensor, triangle: Triangle) -> Tensor {
        let system = ok!(self, self.system("triangular_solve", y));
        let t = if triangle.transposed { system.a.t() } else { system.a.clone() };
        let kind = Dense::Triangular { upper: triangle.upper != triangle.transposed, unit: triangle.unit };
        system.back(t.dense(kind, &[&system.y]))
    }

    /// The solution `x` of `a x = y` by elimination with partial pivoting.
    ///
    /// # Shapes
    /// As [`Tensor::triangular_solve`].
    ///
    /// # Errors
    /// Not square, lengths do not fit, not floats. A matrix whose elimination meets a zero pivot gives NaN throughout; one that is
    /// singular within rounding gives numbers of no meaning, as everywhere.
    ///
    /// # Gradient
    /// `ȳ = a^-T g`, `ā = -ȳ x^T`.
    ///
    /// # Numerics
    /// The exact solution of a matrix within `3 n ulp |l| |u|` of this one, `a[p] = l u`.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 3.4.
    #[track_caller]
    #[must_use]
    pub fn solve(&self, y: &Tensor) -> Tensor {
        let system = ok!(self, self.system("solve", y));
        let (both, order) = system.a.lu_packed("solve");
        let found = both.eliminated(&order, &system.y);
        system.back(found)
    }

    /// `x` with `l u x = y[p]`, this being the packed factors `[b, n, n]`.
    #[track_caller]
    fn eliminated(&self, order: &Tensor, y: &Tensor) -> Tensor {
        let shape = ok!(self, y.shape());
        let index = order.restore(&[2], shape);
        let below = self.dense(Dense::Triangular { upper: false, unit: true }, &[&y.gather(1, &index)]);
        self.dense(Dense::Triangular { upper: true, unit: false }, &[&below])
    }

    /// The solution `x` of `l l^T x = y`, this being the factor `l` that [`Tensor::cholesky`] gives.
    ///
    /// # Shapes
    /// As [`Tensor::triangular_solve`].
    #[track_caller]
    #[must_use]
    pub fn cholesky_solve(&self, y: &Tensor) -> Tensor {
        self.triangular_solve(&self.triangular_solve(y, Triangle::LOWER), Triangle::LOWER.transposed())
    }

    /// The inverse of a square matrix. A system is better solved by [`Tensor::solve`], in time and in accuracy.
    ///
    /// # Shapes
    /// `[.., n, n]`.
    ///
    /// # Errors
    /// As [`Tensor::solve`].
    ///
    /// # Gradient
    /// `-a^-T g a^-T`.
    #[track_caller]
    #[must_use]
    pub fn inverse(&self) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("inverse", Form::Square));
        let (both, order) = flat.lu_packed("inverse");
        let one = flat.ones_like().diagonal(0).diag(0);
        both.eliminated(&order, &one).unflatten(&batch)
    }

    /// The determinant. It leaves the range of `f32` soon: [`Tensor::slogdet`] does not.
    ///
    /// # Shapes
    /// `[.., n, n]` gives `[..]`.
    ///
    /// # Gradient
    /// `g det(a) a^-T`, by way of the factors: not a number where the matrix is singular.
    #[track_caller]
    #[must_use]
    pub fn det(&self) -> Tensor {
        let (both, order) = self.lu_packed("det");
        let diagonal = both.diagonal(0);
        let last = ok!(&diagonal, diagonal.shape()).rank() - 1;
        diagonal.prod(last).mul(order.parity())
    }

    /// The sign of the determinant (1, -1 or 0) and the logarithm of its magnitude (minus infinity for 0).
    ///
    /// # Shapes
    /// `[.., n, n]` gives two of `[..]`.
    ///
    /// # Gradient
    /// `g a^-T` of the logarithm.
    #[track_caller]
    #[must_use]
    pub fn slogdet(&self) -> (Tensor, Tensor) {
        let (both, order) = self.lu_packed("slogdet");
        let diagonal = both.diagonal(0);
        let last = match diagonal.shape() {
            Ok(shape) => shape.rank() - 1,
            Err(_) => return (diagonal.clone(), diagonal),
        };
        (diagonal.sign().prod(last).mul(order.parity()), diagonal.abs().log().sum(last))
    }

    /// The logarithm of the determinant of a symmetric positive definite matrix, of which the lower triangle is read; NaN where it
    /// is not positive definite.
    ///
    /// # Shapes
    /// `[.., n, n]` gives `[..]`.
    #[track_caller]
    #[must_use]
    pub fn logdet(&self) -> Tensor {
        let diagonal = self.cholesky().diagonal(0);
        let last = ok!(&diagonal, diagonal.shape()).rank() - 1;
        diagonal.log().sum(last).mul(Fixed(2.0))
    }

    /// 1 for an even order, -1 for an odd one: `[.., n]` of `u32` gives `[..]` of `f32`.
    #[track_caller]
    fn parity(&self) -> Tensor {
        let shape = ok!(self, self.shape());
        let (rank, n) = (shape.rank(), shape[shape.rank() - 1]);
        let square: Vec<usize> = [&shape[..rank - 1], &[n, n]].concat();
        let square = Shape::from(square);
        let (ahead, behind) = (self.restore(&[rank], &square), self.restore(&[rank - 1], &square));
        let inverted = ahead.gt(&behind).cast(DType::F32).triu(1);
        let count = inverted.sum([rank - 1, rank]);
        let half = count.mul(Fixed(0.5));
        half.sub(&half.floor()).mul(Fixed(-4.0)).add(Fixed(1.0))
    }

    /// The `x` for which `|a x - y|` is least, by `q` and `r`.
    ///
    /// # Shapes
    /// `self: [.., m, n]` with `m >= n`; `y: [m]`, or `[.., m, k]`. Batches broadcast.
    ///
    /// # Errors
    /// Fewer rows than columns (use [`Tensor::pinv`]), lengths do not fit, not floats. Dependent columns give NaN or numbers of no
    /// meaning; [`Tensor::pinv`] gives the least of the solutions.
    ///
    /// # Source
    /// Golub, Van Loan, Matrix Computations, 5.3.
    #[track_caller]
    #[must_use]
    pub fn lstsq(&self, y: &Tensor) -> Tensor {
        let system = ok!(self, self.right_sides("lstsq", Form::Any, y));
        if system.batch.m < system.batch.n {
            let message = format!("{} equations for {} unknowns", system.batch.m, system.batch.n);
            return refuse(self, "lstsq", message, "there is no one solution; pinv gives the least", Site::here());
        }
        let (q, r) = system.a.qr();
        let found = r.dense(Dense::Triangular { upper: true, unit: false }, &[&q.t().matmul(&system.y)]);
        system.back(found)
    }

    /// The product of `exponent` copies of a square matrix, of its inverse if negative, by repeated squaring.
    ///
    /// # Shapes
    /// `[.., n, n]`.
    #[track_caller]
    #[must_use]
    pub fn matrix_power(&self, exponent: i32) -> Tensor {
        let (flat, batch) = ok!(self, self.matrices("matrix_power", Form::Square));
        let mut square = if exponent < 0 { flat.inverse() } else { flat.clone() };
        let mut left = exponent.unsigned_abs();
        let mut product: Option<Tensor> = None;
        while left > 0 {
            if left & 1 == 1 {
                product = Some(match product {
                    Some(so_far) => so_far.matmul(&square),
                    None => square.clone(),
                });
            }
            left >>= 1;
            if left > 0 {
                square = square.matmul(&square);
            }
        }
        let result = match product {
            Some(product) => product,
            None => flat.ones_like().diagonal(0).diag(0),
        };
        result.unflatten(&batch)
    }

    #[track_caller]
    fn system(&self, op: &str, y: &Tensor) -> Result<System> {
        self.right_sides(op, Form::Square, y)
    }

    /// Matrices and their right sides with one batch axis.
    #[track_caller]
    fn right_sides(&self, op: &str, form: Form, y: &Tensor) -> Result<System> {
        let site = Site::here();
        Tensor::nodes(op, &[self, y], site)?;
        let (_, own) = self.matrices(op, form)?;
        let (shape, dtype) = (y.shape()?.clone(), y.dtype()?);
        let vector = shape.rank() == 1;
        let y = if vector { y.unsqueeze(1) } else { y.clone() };
        let shape = y.shape().cloned().unwrap_or(shape);
        let rank = shape.rank();
        let batch = match rank {
            0 | 1 => None,
            _ => Shape::from(&own.dims[..]).broadcast(&Shape::from(&shape[..rank - 2])),
        };
        let (Some(batch), true) = (batch, rank >= 2 && shape[rank.max(2) - 2] == own.m && dtype.is_float()) else {
            let message = format!("a matrix {} with right sides {dtype}{shape}", self.shape()?);
            let hint = format!("right sides are floats [{}], or [.., {}, k] with batches that broadcast", own.m, own.m);
            return Err(Error::argument(op, message, hint, site));
        };
        let (b, k) = (batch.elements(), shape[rank - 1]);
        let a = self.widen().broadcast_to([batch.dims(), &[own.m, own.n]].concat()).reshape([b, own.m, own.n]);
        let y = y.widen().broadcast_to([batch.dims(), &[own.m, k]].concat()).reshape([b, own.m, k]);
        Ok(System { a, y, vector, batch: Batch { dims: batch.dims().to_vec(), ..own } })
    }
}

/// A batch of systems.
struct System {
    /// `[b, m, n]`.
    a: Tensor,
    /// `[b, m, k]`.
    y: Tensor,
    /// The right side was a vector.
    vector: bool,
    batch: Batch,
}

impl System {
    /// Solutions `[b, n, k]` in the shape of the right sides.
    #[track_caller]
    fn back(&self, x: Tensor) -> Tensor {
        let x = x.unflatten(&self.batch);
        if self.vector { x.squeeze(self.batch.dims.len() + 1) } else { x }
    }
}
