//! Conformance and differential tests of the CPU device, through wgpu, on any adapter.
//!
//! To move into the suite of the crate: the files to `tests/suite/cpu/` (this one as `mod.rs`), and in `device.rs` the one line that
//! names the crate.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod builtins;
mod device;
mod expect;
mod fuzz;
mod layouts;
