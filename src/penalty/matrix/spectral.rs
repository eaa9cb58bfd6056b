//! Spectral norm and spectral gap by power iteration with carried vectors.
//!
//! A training step changes a matrix little, so the vectors of the step before are a good start and one or two turns a step
//! suffice. The vectors are constants to the gradient.
//!
//! # Source
//! T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, Spectral normalization for generative adversarial networks, ICLR (2018);
//! Y. Yoshida, T. Miyato, Spectral norm regularization for improving the generalizability of deep learning, arXiv:1705.10941.

use super::{matrix, misshapen};
use crate::error::Site;
use crate::ops::{Fixed, Key};
use crate::tensor::Tensor;

/// What power iteration found.
#[derive(Clone, Debug)]
pub struct Spectral {
    /// The estimate `left^T W right`, a scalar.
    pub norm: Tensor,
    /// The left vector, of length 1, or 0 for a matrix of zeros.
    pub left: Tensor,
    /// The right vector, to carry to the next step.
    pub right: Tensor,
}

impl Spectral {
    fn refused(with: &Tensor) -> Spectral {
        Spectral { norm: with.clone(), left: with.clone(), right: with.clone() }
    }
}

/// The two greatest singular values.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The greatest less the second, a scalar.
    pub gap: Tensor,
    /// The greatest.
    pub first: Spectral,
    /// The second.
    pub second: Spectral,
}

/// A random right vector of length 1 to start from.
///
/// # Shapes
/// For `w` of `[m, …]` with `n` numbers in a row: `[n]`.
#[must_use]
#[track_caller]
pub fn start(w: &Tensor, key: Key) -> Tensor {
    match matrix("spectral::start", w, Site::here()) {
        Ok((w, [_, n])) => unit(&key.normal(w.device(), [n])),
        Err(refused) => refused,
    }
}

/// `x / ||x||`, 0 of 0. In two steps, so that no square overflows or vanishes.
fn unit(x: &Tensor) -> Tensor {
    let least = Fixed(f64::from(f32::MIN_POSITIVE));
    let scaled = x.div(x.abs().max_keep(..).maximum(least));
    let length = scaled.square().sum_keep(..).sqrt();
    scaled.div(length.maximum(least))
}

/// `W v` of a vector.
fn apply(w: &Tensor, v: &Tensor) -> Tensor {
    w.matmul(&v.unsqueeze(1)).squeeze(1)
}

/// `x` without its part along the unit vector `away`.
fn without(x: &Tensor, away: Option<&Tensor>) -> Tensor {
    match away {
        Some(u) => x.sub(u.mul(x.dot(u))),
        None => x.clone(),
    }
}

/// Power iteration on the complement of a pair of vectors.
fn iterate(w: &Tensor, right: &Tensor, turns: usize, away: Option<&Spectral>) -> Spectral {
    let fixed = w.detach();
    let back = fixed.t();
    let mut right = unit(&without(&right.detach(), away.map(|a| &a.right)));
    let leftward = |right: &Tensor| unit(&without(&apply(&fixed, right), away.map(|a| &a.left)));
    for _ in 0..turns {
        right = unit(&without(&apply(&back, &leftward(&right)), away.map(|a| &a.right)));
    }
    let left = leftward(&right);
    Spectral { norm: apply(w, &right).dot(&left), left, right }
}

/// The matrix and whether the vector and the number of turns fit it.
fn prepared(op: &str, w: &Tensor, right: &Tensor, turns: usize, site: Site) -> Result<Tensor, Tensor> {
    let (w, [_, n]) = matrix(op, w, site)?;
    match right.shape() {
        Ok(shape) if shape[..] == [n] && turns > 0 => Ok(w),
        _ => Err(misshapen(op, right, &format!("a vector [{n}], and at least one turn"), site)),
    }
}

/// The spectral norm of `w`, its greatest singular value, from `turns` turns of power iteration on `W^T W`.
///
/// # Shapes
/// `w` `[m, n]`, or `[m, …]` with all axes but the first taken together; `right` `[n]`.
/// # Errors
/// Other shapes; no turns.
/// # Gradient
/// `left right^T`, which is that of the norm where the vectors have converged.
/// # Numerics
/// A lower bound of the norm. The error shrinks by `(s2/s1)^4` a turn, `s1 > s2` the greatest singular values; a start
/// without any part along the first vector finds the next.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn norm(w: &Tensor, right: &Tensor, turns: usize) -> Spectral {
    match prepared("spectral::norm", w, right, turns, Site::here()) {
        Ok(w) => iterate(&w, right, turns, None),
        Err(refused) => Spectral::refused(&refused),
    }
}

/// The difference of the two greatest singular values of `w`; `rights` are two carried vectors (any two different starts).
///
/// # Shapes
/// As [`norm`].
/// # Errors
/// Other shapes; no turns.
/// # Gradient
/// `left_1 right_1^T - left_2 right_2^T`.
/// # Numerics
/// The second pair is kept orthogonal to the first in every turn.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn gap(w: &Tensor, rights: [&Tensor; 2], turns: usize) -> Gap {
    let site = Site::here();
    let fits = |right| prepared("spectral::gap", w, right, turns, site);
    match (fits(rights[0]), fits(rights[1])) {
        (Ok(w), Ok(_)) => {
            let first = iterate(&w, rights[0], turns, None);
            let second = iterate(&w, rights[1], turns, Some(&first));
            Gap { gap: first.norm.sub(&second.norm), first, second }
        }
        (Err(refused), _) | (_, Err(refused)) => {
            let none = Spectral::refused(&refused);
            Gap { gap: refused, first: none.clone(), second: none }
        }
    }
}
