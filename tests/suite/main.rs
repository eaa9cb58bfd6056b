//! The integration tests, in one binary: it links once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod autograd;
mod check;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cpu")]
mod cpu;
mod embed;
mod grads;
mod grads_move;
mod grads_routine;
mod kernels;
mod layers;
mod memory;
mod penalties;
mod routines;
mod rows;
mod sanitizer;
mod smoke;
mod solvers;
mod special;
mod special_exact;

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
