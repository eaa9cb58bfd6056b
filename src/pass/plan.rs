//! A plan: dispatches over whole-buffer slots. It holds no data and no device object, prints as text, and serves every
//! graph of the same structure.

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::Node;
use crate::kernel::{Kernel, Limits};
use std::sync::Arc;

/// What a slot is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Data `ix` of [`Bindings::data`](super::Bindings).
    Input(usize),
    /// The value of root `ix`.
    Output(usize),
    /// Lives within the plan.
    Temporary,
}

/// A whole buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// What it is for.
    pub role: Role,
    /// The size the kernels rely on, a multiple of 16 but for inputs.
    pub bytes: u64,
}

/// One dispatch.
#[derive(Clone, Debug)]
pub struct Step {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Slot of each binding of group 0.
    pub slots: Vec<usize>,
    /// First word of its uniform words in [`Plan::words`] (aligned to the device's uniform alignment).
    pub first_word: usize,
    /// Number of its uniform words, a multiple of 4; 0: no uniform is bound.
    pub n_words: usize,
    /// Workgroups.
    pub groups: [u32; 3],
}

/// A word of the uniform template that a constant of the graph fills at each run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patch {
    /// Index in [`Plan::words`].
    pub word: usize,
    /// Index in [`Bindings::constants`](super::Bindings).
    pub constant: usize,
    /// How the number is encoded in the word.
    pub dtype: DType,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// All buffers.
    pub slots: Vec<Slot>,
    /// In order; every step sees the writes of those before it.
    pub steps: Vec<Step>,
    /// The uniform words of all steps, to be patched.
    pub words: Vec<u32>,
    /// The patches.
    pub patches: Vec<Patch>,
}

/// See [`super::lower`].
pub fn lower(_roots: &[Node], _limits: &Limits) -> Result<Plan> {
    Ok(Plan::default())
}
