//! What a user can do with tensors: methods of [`Tensor`], [`Device`](crate::Device) and [`Key`], each a small formula
//! over the primitives of [`graph`](crate::graph).
//!
//! # Rules that hold for every method
//!
//! - Nothing runs; shapes, axes and dtypes are checked at once. A bad argument gives a tensor that carries the error with
//!   the line of the caller ([`Tensor::check`] shows it).
//! - Operands broadcast by NumPy's rule. A number stands for a tensor of the other operand's dtype; it travels as data,
//!   so changing it recompiles nothing. [`Fixed`] makes it part of the program's structure instead.
//! - `f16` and `bf16` are storage: arithmetic widens them to `f32` and gives `f32`; movement keeps them.
//! - Axes are counted from 0, outermost first. Methods over several axes take one axis, an array of them, or `..` for all.
//! - Comparisons with NaN are false (`ne` is true), minima and maxima propagate NaN.
//!
//! # How the methods are written
//!
//! All are `#[track_caller]` and call each other directly, never from within a closure: so each node of a formula carries
//! the line of the user's program, not a line of this module.

pub mod activation;
pub mod attention;
pub mod axes;
pub mod compare;
pub mod conv;
pub mod create;
pub mod descent;
pub mod factor;
pub mod fourier;
pub mod index;
pub mod join;
pub mod linalg;
pub mod loss;
pub mod map;
pub mod monotone;
pub mod movement;
pub mod norm;
pub mod operand;
pub mod operator;
pub mod pool;
pub mod random;
pub mod reduce;
pub mod resize;
pub mod solve;
pub mod sort;
pub mod sparse;
pub mod spectral;

pub use attention::Attention;
pub use axes::Axes;
pub use conv::Conv;
pub use loss::{CrossEntropy, Reduction};
pub use movement::INFER;
pub use operand::{Fixed, Operand};
pub use pool::Pool;
pub use random::Key;
pub use solve::Triangle;
pub use sparse::Csr;

use crate::error::{Error, Site};
use crate::tensor::Tensor;

/// A tensor that carries an [`Error::Argument`].
fn refuse(like: &Tensor, op: &str, message: impl Into<String>, hint: impl Into<String>, site: Site) -> Tensor {
    Tensor::new(like.device(), Err(Error::argument(op, message, hint, site)))
}

/// A tensor that carries an error met before.
fn failed(like: &Tensor, error: Error) -> Tensor {
    Tensor::new(like.device(), Err(error))
}

/// The value of a result, or return a tensor that carries its error.
macro_rules! ok {
    ($like:expr, $result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return $crate::ops::failed($like, error),
        }
    };
}
use ok;

#[cfg(test)]
mod tests;
