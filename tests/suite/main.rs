//! The integration tests, in one binary: it links once.

mod grads;
mod grads_move;
mod grads_routine;
mod layers;
mod special;
