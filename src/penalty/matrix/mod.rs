//! Penalties on matrices of weights, on features and on what a network computes, as papers use them.
//!
//! Most are functions from tensors to a scalar tensor that one adds to a loss: autograd differentiates them. Those that have
//! a proximal operator, [`anchor`] and the group envelope [`envelope`], are [`Penalty`](super::Penalty)s.

pub mod anchor;
pub mod confidence;
pub mod decorrelation;
pub mod envelope;
pub mod jacobian;
pub mod orthogonal;
pub mod sparsity;
pub mod spectral;

use super::registry::Registered;
use crate::error::{Error, Site};
use crate::tensor::Tensor;

/// What of this folder has a name in specifications.
pub(super) static REGISTERED: &[&Registered] = &[&envelope::ENVELOPE];

/// A tensor that carries the error that it has the wrong shape.
fn misshapen(op: &str, x: &Tensor, must: &str, site: Site) -> Tensor {
    let error = match x.shape() {
        Ok(shape) => Error::argument(op, format!("a tensor of shape {shape}"), must, site),
        Err(error) => error,
    };
    Tensor::new(x.device(), Err(error))
}

/// The first axis against all others: the weights of a dense layer as they are, those of a convolution by output channel.
fn matrix(op: &str, w: &Tensor, site: Site) -> Result<(Tensor, [usize; 2]), Tensor> {
    let shape = match w.shape() {
        Ok(shape) if shape.rank() >= 2 => shape.clone(),
        _ => return Err(misshapen(op, w, "a matrix, or weights with the output channel first", site)),
    };
    let sides = [shape[0], shape[1..].iter().product()];
    Ok((w.reshape(sides), sides))
}
