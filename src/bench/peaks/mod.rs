//! What the machine can do, measured by hand-written WGSL: the ceilings that everything else is a share of.

pub mod compute;
pub mod latency;
pub mod memory;
