//! Dense linear algebra in f64, with bounds from perturbation theory.
//!
//! A device's factors are the exact factors of a matrix nearby: how near follows from the roundings its algorithm makes and
//! from the errors of its input, how far that moves the factors from the conditions of the problem (Higham, Accuracy and
//! stability of numerical algorithms; Stewart, Sun, Matrix perturbation theory). Where the problem is too near a degenerate one
//! (not definite, singular, equal singular values) the bounds are infinite: what a device must deliver there is checked by
//! residuals, see `check`.

mod matrix;
mod solve;
mod spectral;

use super::array::Array;
use super::ball::Ball;
use super::tol::ULP;
use crate::dtype::DType;
use crate::graph::Dense;
use crate::shape::Shape;
use matrix::Matrix;

/// Beyond this relative change first-order bounds are given up. Below it, what they leave out is at most the square of the change,
/// times 4.
const LINEAR: f64 = 0.1;

/// A matrix and how far each entry of the device's may be from it.
struct Known {
    value: Matrix,
    error: Matrix,
}

/// Results and their bounds.
struct Found {
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl Found {
    /// Nothing is promised.
    fn unknown(values: Vec<f64>) -> Self {
        let errors = vec![f64::INFINITY; values.len()];
        Self { values, errors }
    }

    /// Not a number, for certain.
    fn nothing(len: usize) -> Self {
        Self { values: vec![f64::NAN; len], errors: vec![0.0; len] }
    }
}

/// See [`Dense`].
pub(super) fn run(kind: Dense, sources: &[&Array]) -> Array {
    let x = sources[0];
    let (b, m, n) = (x.shape[0], x.shape[1], x.shape[2]);
    let last = sources[sources.len() - 1];
    let shape = match kind {
        Dense::Cholesky => Shape::from([b, n, n]),
        Dense::Triangular { .. } => last.shape.clone(),
        Dense::Lu | Dense::Eigh => Shape::from([b, n + 1, n]),
        Dense::Qr => Shape::from([b, m + n, n]),
        Dense::Svd => Shape::from([b, m + 1 + n, n]),
    };
    let each = shape.elements().checked_div(b).unwrap_or(0);
    let mut balls = Vec::with_capacity(shape.elements());
    for which in 0..b {
        let a = part(x, which);
        let found = match kind {
            Dense::Triangular { upper, unit } => solve::triangular(&a, &part(last, which), upper, unit),
            _ => factored(kind, a, each),
        };
        assert_eq!(found.values.len(), each, "bug: {} of {b} x {m} x {n}", kind.name());
        balls.extend(found.values.iter().zip(&found.errors).map(|(&value, &error)| match error {
            0.0 => Ball::exact(value),
            _ => Ball::rounded(value, error, 1.0, 0.0),
        }));
    }
    Array::collect(shape, DType::F32, balls)
}

fn factored(kind: Dense, mut a: Known, len: usize) -> Found {
    if matches!(kind, Dense::Cholesky | Dense::Eigh) {
        a.value = a.value.mirrored();
        a.error = a.error.mirrored();
    }
    if a.error.entries.iter().any(|e| !e.is_finite()) {
        return Found::unknown(vec![f64::NAN; len]);
    }
    if a.value.entries.iter().any(|v| !v.is_finite()) {
        return Found::nothing(len);
    }
    match kind {
        Dense::Cholesky => solve::cholesky(&a),
        Dense::Lu => solve::lu(&a),
        Dense::Qr => spectral::qr(&a),
        Dense::Eigh => spectral::eigh(&a),
        Dense::Svd => spectral::svd(&a),
        Dense::Triangular { .. } => unreachable!("bug: substitution is no factorisation"),
    }
}

fn part(of: &Array, which: usize) -> Known {
    let (m, n) = (of.shape[1], of.shape[2]);
    let range = which * m * n..(which + 1) * m * n;
    let value = Matrix { m, n, entries: of.values[range.clone()].to_vec() };
    let error = range.map(|ix| of.ball(ix).flushed().error).collect();
    Known { value, error: Matrix { m, n, entries: error } }
}

/// `k` roundings, relative.
fn roundings(k: usize) -> f64 {
    k as f64 * ULP
}
