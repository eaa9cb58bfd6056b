//! The device behind the wgpu API: a wgpu-hal backend of our own. wgpu-core does for it what it does for Vulkan (validation,
//! limits, lifetimes, error scopes, map states, clearing); what is left is memory, a list of commands, and a thread that
//! executes them.
//!
//! A submission returns at once and runs on the worker thread of its device, so a program that does not wait sees what it
//! would see on a GPU. There are no textures, samplers, surfaces and no rendering: wgpu-core refuses textures because no format has a use, and pipelines that
//! need any of it fail with an error that says so.

mod adapter;
mod command;
mod device;
mod memory;
mod queue;
#[cfg(test)]
mod tests;

use super::options::{Limits, Options};
use std::any::Any;
use wgpu_hal as hal;
use wgpu_types as wgt;

/// A wgpu instance with one adapter, the CPU device.
#[must_use]
pub fn instance(options: &Options) -> wgpu::Instance {
    let instance = adapter::Instance::new(options);
    #[expect(unsafe_code, reason = "wgpu asks for a promise")]
    // SAFETY: the instance was made here and is handed over; nothing else refers to it.
    unsafe {
        wgpu::Instance::from_hal::<Api>(instance)
    }
}

/// The backend's types.
#[derive(Clone, Debug)]
pub struct Api;

impl hal::Api for Api {
    // one of wgpu's own names is required; this is the one that no driver uses
    const VARIANT: wgt::Backend = wgt::Backend::Noop;

    type Instance = adapter::Instance;
    type Surface = adapter::Surface;
    type Adapter = adapter::Adapter;
    type Device = device::Device;
    type Queue = queue::Queue;
    type CommandEncoder = command::Encoder;
    type CommandBuffer = command::CommandBuffer;
    type Buffer = memory::Buffer;
    type Texture = Absent;
    type SurfaceTexture = Absent;
    type TextureView = Absent;
    type Sampler = Absent;
    type QuerySet = command::QuerySet;
    type Fence = queue::Fence;
    type AccelerationStructure = Absent;
    type PipelineCache = Absent;
    type BindGroupLayout = device::BindGroupLayout;
    type BindGroup = device::BindGroup;
    type PipelineLayout = device::PipelineLayout;
    type ShaderModule = device::ShaderModule;
    type RenderPipeline = Absent;
    type RayTracingPipeline = Absent;
    type ComputePipeline = device::ComputePipeline;
}

/// What a device that only computes has not got: textures, samplers, render pipelines and the like.
#[derive(Debug)]
pub struct Absent;

/// Said wherever hal lets an error speak.
const UNSUPPORTED: &str = "not supported by the CPU device, which only computes on buffers";

macro_rules! resources {
    ($($type:ty: $($role:ident)*,)*) => {$(
        impl hal::DynResource for $type {
            fn as_any(&self) -> &dyn Any {
                self
            }
            fn as_any_mut(&mut self) -> &mut dyn Any {
                self
            }
        }
        $(impl hal::$role for $type {})*
    )*};
}
resources! {
    adapter::Instance: ,
    adapter::Surface: ,
    adapter::Adapter: ,
    device::Device: ,
    queue::Queue: ,
    queue::Fence: DynFence,
    command::Encoder: ,
    command::CommandBuffer: DynCommandBuffer,
    command::QuerySet: DynQuerySet,
    memory::Buffer: DynBuffer,
    device::BindGroupLayout: DynBindGroupLayout,
    device::BindGroup: DynBindGroup,
    device::PipelineLayout: DynPipelineLayout,
    device::ShaderModule: DynShaderModule,
    device::ComputePipeline: DynComputePipeline,
    Absent: DynTexture DynSurfaceTexture DynTextureView DynSampler DynAccelerationStructure DynPipelineCache
        DynRenderPipeline DynRayTracingPipeline,
}

impl std::borrow::Borrow<dyn hal::DynTexture> for Absent {
    fn borrow(&self) -> &dyn hal::DynTexture {
        self
    }
}
