//! Ridgepoint: a GPU compute engine on wgpu. Lazy tensors become fused WGSL kernels; penalties, proximal steps and
//! solvers are first-class; every result can be checked against an f64 reference with derived bounds.
//!
//! - A [`Device`] is opened ([`Device::open`]), or adopted from a host program ([`Device::adopt`]: no submission, no wait,
//!   no handler that the host did not ask for).
//! - A [`Tensor`] is a node of a graph. Its methods are in [`ops`] (arithmetic, reductions, movement, contractions,
//!   convolutions, losses, random numbers) and [`autograd`]; it carries its errors, with the caller's line, to where the
//!   result is asked for: `read`, `eval`, `encode`, or [`Tensor::check`].
//! - [`penalty`] has values, gradients, proximal operators and lifts to groups; [`optim`] steps with a proximal step in
//!   the same kernel; [`solver`] minimises, over [`linear`] maps too; [`fit`] is regularized regression and classification
//!   from end to end.
//! - [`Device::verify`] decides who is right, [`check`] runs every operation against the [`mod@reference`].
//! - [`mod@capture`] keeps a step of a loop as a program that is replayed with new inputs.
//! - [`graph`], [`pass`] and [`kernel`] are how it works: graph, fusion and plans, WGSL. [`Device::plan`] shows them at
//!   work.
//! - [`mod@bench`] measures adapters and the engine on them; every timed result is verified.
//! - [`lint`] says what of a WGSL shader is not portable.
//! - [`cpu`] is a wgpu device that needs no driver, on which all of it runs ([`Device::cpu`]); it is what
//!   [`Device::open`] falls back to.
//!
//! Arithmetic is f32; `f16` and `bf16` are storage. Numbers given by the program (a learning rate, a strength) travel as
//! data: changing one compiles nothing.

// The library is silent: what it has to say is a value.
#![warn(clippy::print_stdout, clippy::print_stderr)]

/// The examples of the README are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub mod autograd;
#[cfg(all(feature = "bench", not(target_arch = "wasm32")))]
pub mod bench;
pub mod capture;
pub mod check;
#[cfg(feature = "cpu")]
pub mod cpu;
pub mod dtype;
pub mod error;
pub mod fit;
pub mod graph;
pub mod kernel;
mod leaf;
pub mod linear;
pub mod lint;
pub mod ops;
pub mod optim;
pub mod pass;
pub mod penalty;
pub mod reference;
pub mod run;
#[cfg(all(feature = "shader-test", not(target_arch = "wasm32")))]
pub mod shader_test;
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
