//! A compute device in pure Rust behind the wgpu API: naga IR, run in lock step over the lanes of a workgroup.
pub mod kernel;
pub mod lower;
pub mod machine;
pub mod math;
pub mod sanitize;
pub mod tape;
