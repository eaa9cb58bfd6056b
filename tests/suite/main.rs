//! The integration tests, in one binary: it links once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod autograd;
#[cfg(feature = "bench")]
mod bench;
mod board;
mod capture;
mod check;
#[cfg(feature = "cli")]
mod cli;
mod coordinate;
mod cpu;
mod dense;
mod embed;
mod fourier;
mod golden;
mod grads;
mod grads_move;
mod grads_routine;
mod half;
mod kernels;
mod layers;
mod linear;
mod matrix;
mod memory;
mod optimizers;
mod penalties;
mod routines;
mod rows;
mod sanitizer;
mod smoke;
mod solvers;
mod special;
mod special_exact;
mod splitting;
mod whole;

/// Every adapter, opened: of several backends of one the best.
fn devices(kernels: ridgepoint::run::Kernels) -> Vec<ridgepoint::Device> {
    use ridgepoint::run::{Adapter, Options};
    let mut found: Vec<ridgepoint::Device> = Vec::new();
    for summary in ridgepoint::Device::adapters_blocking() {
        if found.iter().all(|device| device.name() != summary.name) {
            let adapter = Adapter::Named(summary.to_string());
            let options = Options { adapter, kernels, ..Options::default() };
            found.push(ridgepoint::Device::open_blocking(options).expect("it is listed"));
        }
    }
    assert!(!found.is_empty(), "the CPU device is there");
    found
}

/// The adapter that a host program would get: that of a driver, or else the embedded CPU device.
fn host_adapter() -> ridgepoint::wgpu::Adapter {
    use ridgepoint::wgpu;
    let drivers = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let first = |instance: &wgpu::Instance| {
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))
    };
    first(&drivers)
        .or_else(|_| first(&ridgepoint::cpu::instance(&Default::default())))
        .expect("the CPU device is there")
}
