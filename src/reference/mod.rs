//! The reference: the graph evaluated in f64 by plain loops written from the formulas, with a running bound on how far any
//! device may be from it.
//!
//! It decides who is right. Every element carries the value of the formula at the data's exact values and an absolute
//! bound on the distance of a device's result, derived by forward error propagation from the accuracy contract in
//! [`tol`]. So no test names a tolerance: [`compare`] asks whether each element is within its own bound. Where an argument's
//! uncertainty reaches a jump (a comparison, a rounding to integers, a pole, overflow), the bound covers every outcome; where
//! arithmetic is certainly exact (small integers, selections, moves), the bound is zero.
//!
//! The reference sees neither kernels nor devices: leaves are fetched through a function, and [`Host`] is a leaf that lives
//! in memory, so that graphs can be built and evaluated with no device at all.

mod array;
mod attention;
mod ball;
mod bound;
mod compare;
mod dense;
mod descent;
mod eval;
mod fft;
mod fold;
pub mod integer;
pub mod map;
mod movement;
mod reduce;
mod routine;
mod slope;
pub mod tol;
mod walk;

#[cfg(test)]
mod tests;

pub use array::{Array, Host};
pub use ball::Ball;
pub use bound::apply;
pub use compare::{Verdict, compare};
pub use eval::{Evaluator, Fetch};
pub use slope::{Slope, directional};
