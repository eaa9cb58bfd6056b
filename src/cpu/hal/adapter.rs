//! Instance, adapter and what they report.
#![expect(unsafe_code, reason = "wgpu-hal's traits are unsafe by nature; no operation here is")]

use super::device::Device;
use super::queue::Queue;
use super::{Absent, Api, Limits, Options, UNSUPPORTED};
use std::sync::Arc;
use std::time::Duration;
use wgpu_hal as hal;
use wgpu_types as wgt;

/// The instance: options, for one adapter.
#[derive(Debug)]
pub struct Instance {
    options: Arc<Options>,
}

impl Instance {
    pub(super) fn new(options: &Options) -> Self {
        Self { options: Arc::new(options.clone()) }
    }
}

/// Nothing can be shown on one.
#[derive(Debug)]
pub struct Surface;

/// The adapter.
#[derive(Debug)]
pub struct Adapter {
    options: Arc<Options>,
}

/// What can be asked for when a device is requested.
fn features() -> wgt::Features {
    use wgt::Features as F;
    let mut features = F::SHADER_F16
        | F::SHADER_I16
        | F::SHADER_INT64
        | F::SHADER_FLOAT32_ATOMIC
        | F::SHADER_INT64_ATOMIC_MIN_MAX
        | F::SHADER_INT64_ATOMIC_ALL_OPS
        | F::SUBGROUP
        | F::SUBGROUP_BARRIER
        | F::IMMEDIATES
        | F::MAPPABLE_PRIMARY_BUFFERS;
    if cfg!(not(target_family = "wasm")) {
        // a clock is needed
        features |= F::TIMESTAMP_QUERY | F::TIMESTAMP_QUERY_INSIDE_ENCODERS | F::TIMESTAMP_QUERY_INSIDE_PASSES;
    }
    features
}

/// The limits that are reported.
fn limits(kind: Limits) -> wgt::Limits {
    /// Addresses within a binding are 32 bits wide.
    const BINDING_BYTES: u64 = u32::MAX as u64 & !3;
    let portable = wgt::Limits { max_immediate_size: 64, ..wgt::Limits::default() };
    match kind {
        Limits::Portable => portable,
        Limits::Large => wgt::Limits {
            max_bind_groups: hal::MAX_BIND_GROUPS as u32,
            max_dynamic_uniform_buffers_per_pipeline_layout: 64,
            max_dynamic_storage_buffers_per_pipeline_layout: 64,
            max_storage_buffers_per_shader_stage: 256,
            max_uniform_buffers_per_shader_stage: 256,
            max_buffers_and_acceleration_structures_per_shader_stage: 512,
            max_uniform_buffer_binding_size: BINDING_BYTES,
            max_storage_buffer_binding_size: BINDING_BYTES,
            max_buffer_size: if cfg!(target_pointer_width = "64") { 1 << 46 } else { 1 << 30 },
            min_uniform_buffer_offset_alignment: 64,
            min_storage_buffer_offset_alignment: 64,
            max_compute_workgroup_storage_size: 64 << 10,
            max_compute_invocations_per_workgroup: 1024,
            max_compute_workgroup_size_x: 1024,
            max_compute_workgroup_size_y: 1024,
            max_compute_workgroup_size_z: 1024,
            max_compute_workgroups_per_dimension: i32::MAX as u32,
            max_immediate_size: 256,
            ..portable
        },
    }
}

fn alignments() -> hal::Alignments {
    hal::Alignments {
        buffer_copy_offset: wgt::BufferSize::MIN,
        buffer_copy_pitch: wgt::BufferSize::MIN,
        uniform_bounds_check_alignment: wgt::BufferSize::MIN,
        raw_tlas_instance_size: 0,
        ray_tracing_scratch_buffer_alignment: 1,
        ray_tracing_pipeline_group_data_size: 1,
        ray_tracing_pipeline_group_data_alignment: 1,
        ray_tracing_pipeline_data_offset_alignment: 1,
    }
}

fn info(options: &Options) -> wgt::AdapterInfo {
    let isa = options.isa.unwrap_or_default();
    wgt::AdapterInfo {
        name: "Ridgepoint CPU".into(),
        driver: concat!("ridgepoint ", env!("CARGO_PKG_VERSION")).into(),
        driver_info: format!("{isa:?}, {} threads", super::device::n_threads(options)).to_lowercase(),
        subgroup_min_size: options.subgroup_size,
        subgroup_max_size: options.subgroup_size,
        ..wgt::AdapterInfo::new(wgt::DeviceType::Cpu, wgt::Backend::Noop)
    }
}

impl hal::Instance for Instance {
    type A = Api;

    unsafe fn init(_: &hal::InstanceDescriptor<'_>) -> Result<Self, hal::InstanceError> {
        Ok(Self::new(&Options::default()))
    }

    unsafe fn create_surface(
        &self,
        _: wgpu::rwh::RawDisplayHandle,
        _: wgpu::rwh::RawWindowHandle,
    ) -> Result<Surface, hal::InstanceError> {
        // a foreign backend cannot make an `InstanceError`; that the adapter has no capabilities for it says the same
        Ok(Surface)
    }

    unsafe fn enumerate_adapters(&self, _: Option<&Surface>) -> Vec<hal::ExposedAdapter<Api>> {
        // no texture format has a use, which wgpu-core looks up only where WebGPU's own table is not promised
        let flags = wgt::DownlevelFlags::all() - wgt::DownlevelFlags::WEBGPU_TEXTURE_FORMAT_SUPPORT;
        vec![hal::ExposedAdapter {
            adapter: Adapter { options: self.options.clone() },
            info: info(&self.options),
            features: features(),
            capabilities: hal::Capabilities {
                limits: limits(self.options.limits),
                alignments: alignments(),
                downlevel: wgt::DownlevelCapabilities {
                    flags,
                    limits: wgt::DownlevelLimits {},
                    shader_model: wgt::ShaderModel::Sm5,
                },
                cooperative_matrix_properties: Vec::new(),
            },
        }]
    }
}

impl hal::Surface for Surface {
    type A = Api;

    unsafe fn configure(&self, _: &Device, _: &hal::SurfaceConfiguration) -> Result<(), hal::SurfaceError> {
        Err(hal::SurfaceError::Other(UNSUPPORTED))
    }

    unsafe fn unconfigure(&self, _: &Device) {}

    unsafe fn acquire_texture(
        &self,
        _: Option<Duration>,
        _: &super::queue::Fence,
    ) -> Result<hal::AcquiredSurfaceTexture<Api>, hal::SurfaceError> {
        Err(hal::SurfaceError::Other(UNSUPPORTED))
    }

    unsafe fn discard_texture(&self, _: Absent) {}
}

impl hal::Adapter for Adapter {
    type A = Api;

    unsafe fn open(
        &self,
        _: wgt::Features,
        limits: &wgt::Limits,
        _: &wgt::MemoryHints,
    ) -> Result<hal::OpenDevice<Api>, hal::DeviceError> {
        let device = Device::new(&self.options, limits);
        let queue = Queue::new(device.shared());
        Ok(hal::OpenDevice { device, queue })
    }

    unsafe fn texture_format_capabilities(&self, _: wgt::TextureFormat) -> hal::TextureFormatCapabilities {
        hal::TextureFormatCapabilities::empty()
    }

    unsafe fn surface_capabilities(&self, _: &Surface) -> Option<hal::SurfaceCapabilities> {
        None
    }

    unsafe fn get_presentation_timestamp(&self) -> wgt::PresentationTimestamp {
        wgt::PresentationTimestamp::INVALID_TIMESTAMP
    }

    fn get_ordered_buffer_usages(&self) -> wgt::BufferUses {
        wgt::BufferUses::INCLUSIVE | wgt::BufferUses::MAP_WRITE
    }

    fn get_ordered_texture_usages(&self) -> wgt::TextureUses {
        wgt::TextureUses::INCLUSIVE
    }
}
