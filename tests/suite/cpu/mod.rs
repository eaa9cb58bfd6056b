//! Conformance and differential tests of the CPU device, through wgpu, on it and on the software driver of Mesa where that is installed.

mod builtins;
mod device;
mod expect;
mod fuzz;
mod layouts;
