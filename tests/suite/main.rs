//! The integration tests, in one binary: it links once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod autograd;
mod check;
#[cfg(feature = "cli")]
mod cli;
mod embed;
mod grads;
mod grads_move;
mod grads_routine;
mod kernels;
mod layers;
mod memory;
mod penalties;
mod routines;
mod rows;
mod smoke;
mod solvers;
mod special;
mod special_exact;
