//! A compute device in pure Rust behind the wgpu API: naga IR, run in lock step over the lanes of a workgroup.
#[cfg(not(target_arch = "wasm32"))]
mod hal;
mod kernel;
mod lower;
mod machine;
mod math;
mod options;
mod sanitize;
mod tape;

#[cfg(not(target_arch = "wasm32"))]
pub use hal::instance;
pub use kernel::Isa;
pub use options::{Limits, Options};
pub use sanitize::{Checks, Finding, Findings, Kind};
