//! Ridgepoint: a GPU compute engine on wgpu.

// The library is silent: what it has to say is a value.
#![warn(clippy::print_stdout, clippy::print_stderr)]

/// The examples of the README are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub mod autograd;
pub mod check;
pub mod dtype;
pub mod error;
pub mod fit;
pub mod graph;
pub mod kernel;
mod leaf;
pub mod ops;
pub mod optim;
pub mod pass;
pub mod penalty;
pub mod reference;
pub mod run;
pub mod shape;
pub mod solver;
pub mod tensor;
pub mod verify;

pub use dtype::{DType, Element};
pub use error::{Error, Result};
pub use run::Device;
pub use shape::Shape;
pub use tensor::Tensor;
pub use wgpu;
