//! From a graph to a plan: pure functions, no device.

mod algebra;
pub mod fuse;
pub mod grad;
mod grad_attention;
mod grad_dense;
mod grad_gather;
mod grad_map;
mod grad_reduce;
mod grad_routine;
mod grad_view;
mod grad_walk;
pub mod jacobian;
pub mod key;
pub mod plan;
pub mod simplify;

pub use key::{Bindings, Key};
pub use plan::{Patch, Plan, Role, Slot, Step};

use crate::error::Result;
use crate::graph::Node;
use crate::kernel::Limits;

/// Lowers a graph to a plan for a device with the given limits. `roots` are not realised and not constants' data.
pub fn lower(roots: &[Node], limits: &Limits) -> Result<Plan> {
    plan::lower(roots, limits)
}

#[cfg(test)]
mod tests;
