//! A compute entry point that can be dispatched: lowered to a tape, assembled for this processor.
use super::lower;
use super::machine::Machine;
pub use super::machine::{Isa, Span, Threads};
