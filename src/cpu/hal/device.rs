//! The device: it makes buffers, bind groups and pipelines.
#![expect(unsafe_code, reason = "wgpu-hal's traits are unsafe by nature; no operation here is")]

use super::super::kernel::{Config, Kernel, Span, Threads};
use super::super::sanitize::Findings;
use super::command::{Call, Encoder, QuerySet};
use super::memory::{Budget, Buffer, Region};
use super::queue::{Fence, Queue};
use super::{Absent, Api, Options, UNSUPPORTED};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use wgpu_hal as hal;
use wgpu_types as wgt;

/// Threads that execute workgroups.
pub(super) fn n_threads(options: &Options) -> usize {
    options.threads.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1).max(1)
}

/// What device and worker share.
pub(super) struct Shared {
    config: Config,
    threads: Threads,
    /// The largest number of workgroups in each dimension.
    max_groups: u32,
    /// What the sanitizer finds, where it is on.
    findings: Option<Arc<Findings>>,
}

impl Shared {
    /// Runs a kernel. Nothing happens when there are more workgroups than the device's limit, as WebGPU has it for indirect dispatch.
    pub(super) fn dispatch(&self, call: &Call, groups: [u32; 3]) {
        if groups.iter().any(|&n| n > self.max_groups) || groups.contains(&0) {
            return;
        }
        let span = |region: &Region| {
            let start = region.buffer.at(region.offset, region.bytes);
            // SAFETY: `at` checked that so many bytes are there; `call` keeps the buffer until the kernel has run.
            unsafe { Span::new(start.as_ptr(), region.bytes as usize) }
        };
        let memory: Vec<Span> = call.memory.iter().map(span).collect();
        call.pipeline.kernel().dispatch(&self.threads, &memory, &call.immediates, groups, self.findings.as_deref());
    }
}

/// The device.
pub struct Device {
    shared: Arc<Shared>,
    budget: Arc<Budget>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Device {
    pub(super) fn new(options: &Options, limits: &wgt::Limits) -> Self {
        let config = Config {
            isa: options.isa.unwrap_or_default(),
            subgroup_size: options.subgroup_size,
            fused: !options.strict_fma,
            native: options.native,
            checks: options.checks,
        };
        let threads = Threads::new(n_threads(options));
        let findings = options.checks.any().then(|| options.findings.clone());
        let shared = Shared { config, threads, max_groups: limits.max_compute_workgroups_per_dimension, findings };
        Self { shared: Arc::new(shared), budget: Arc::new(Budget::new(options.memory_bytes)) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The bindings of buffers in order, and which of them have dynamic offsets.
#[derive(Debug)]
pub struct BindGroupLayout {
    buffers: Vec<(u32, bool)>,
}

/// A kernel finds its bindings by their numbers; a layout has nothing to add.
#[derive(Debug)]
pub struct PipelineLayout;

#[derive(Debug)]
struct Entry {
    binding: u32,
    region: Region,
    /// Which of the dynamic offsets is its own.
    dynamic: Option<usize>,
}

/// Bound buffers, by binding.
#[derive(Clone, Debug)]
pub struct BindGroup(Arc<[Entry]>);

impl BindGroup {
    /// What is bound, moved by its dynamic offset.
    pub(super) fn region(&self, binding: u32, offsets: &[wgt::DynamicOffset]) -> Option<Region> {
        let ix = self.0.binary_search_by_key(&binding, |entry| entry.binding).ok()?;
        let entry = &self.0[ix];
        let mut region = entry.region.clone();
        if let Some(&offset) = entry.dynamic.and_then(|ix| offsets.get(ix)) {
            region.offset += u64::from(offset);
        }
        Some(region)
    }
}

/// A shader, as naga validated it.
pub struct ShaderModule {
    module: naga::Module,
    info: naga::valid::ModuleInfo,
    label: String,
    /// The WGSL, where wgpu passes it on (it does in debug builds).
    source: Option<String>,
}

impl std::fmt::Debug for ShaderModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShaderModule")
    }
}

/// A kernel, ready to run.
#[derive(Clone)]
pub struct ComputePipeline(Arc<Kernel>);

impl ComputePipeline {
    pub(super) fn kernel(&self) -> &Kernel {
        &self.0
    }
}

impl std::fmt::Debug for ComputePipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ComputePipeline")
    }
}

fn linkage(stages: wgt::ShaderStages, message: impl Into<String>) -> hal::PipelineError {
    hal::PipelineError::Linkage(stages, message.into())
}

impl Device {
    fn compile(&self, stage: &hal::ProgrammableStage<'_, ShaderModule>) -> Result<ComputePipeline, hal::PipelineError> {
        let entry = Some((naga::ShaderStage::Compute, stage.entry_point));
        let ShaderModule { module, info, label, source } = stage.module;
        let (module, info) = naga::back::pipeline_constants::process_overrides(module, info, entry, stage.constants)
            .map_err(|e| hal::PipelineError::PipelineConstants(wgt::ShaderStages::COMPUTE, e.to_string()))?;
        let zero = stage.zero_initialize_workgroup_memory;
        let make = || Kernel::new(&module, &info, stage.entry_point, &self.shared.config, zero);
        // a shader that uncovers a bug of ours is refused; it does not end the program
        let kernel = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(format!("the CPU device failed on it: {}", text.unwrap_or("a panic")))
        });
        let kernel = kernel.map(|kernel| kernel.described(label, source.as_deref()));
        kernel.map(|kernel| ComputePipeline(Arc::new(kernel))).map_err(|e| linkage(wgt::ShaderStages::COMPUTE, e))
    }
}

impl hal::Device for Device {
    type A = Api;

    unsafe fn create_buffer(&self, descriptor: &hal::BufferDescriptor<'_>) -> Result<Buffer, hal::DeviceError> {
        Buffer::new(descriptor.size, &self.budget).ok_or(hal::DeviceError::OutOfMemory)
    }
    unsafe fn destroy_buffer(&self, _: Buffer) {}
    unsafe fn add_raw_buffer(&self, _: &Buffer) {}

    unsafe fn map_buffer(
        &self,
        buffer: &Buffer,
        range: hal::MemoryRange,
    ) -> Result<hal::BufferMapping, hal::DeviceError> {
        let ptr = buffer.at(range.start, range.end - range.start);
        Ok(hal::BufferMapping { ptr, is_coherent: true })
    }
    unsafe fn unmap_buffer(&self, _: &Buffer) {}
    unsafe fn flush_mapped_ranges<I>(&self, _: &Buffer, _: I) {}
    unsafe fn invalidate_mapped_ranges<I>(&self, _: &Buffer, _: I) {}

    unsafe fn create_command_encoder(
        &self,
        _: &hal::CommandEncoderDescriptor<'_, Queue>,
    ) -> Result<Encoder, hal::DeviceError> {
        Ok(Encoder::default())
    }

    unsafe fn create_bind_group_layout(
        &self,
        descriptor: &hal::BindGroupLayoutDescriptor<'_>,
    ) -> Result<BindGroupLayout, hal::DeviceError> {
        let buffer = |entry: &wgt::BindGroupLayoutEntry| match entry.ty {
            wgt::BindingType::Buffer { has_dynamic_offset, .. } => Some((entry.binding, has_dynamic_offset)),
            _ => None,
        };
        let mut buffers: Vec<_> = descriptor.entries.iter().filter_map(buffer).collect();
        buffers.sort_unstable();
        Ok(BindGroupLayout { buffers })
    }
    unsafe fn destroy_bind_group_layout(&self, _: BindGroupLayout) {}

    unsafe fn create_pipeline_layout(
        &self,
        _: &hal::PipelineLayoutDescriptor<'_, BindGroupLayout>,
    ) -> Result<PipelineLayout, hal::DeviceError> {
        Ok(PipelineLayout)
    }
    unsafe fn destroy_pipeline_layout(&self, _: PipelineLayout) {}

    unsafe fn create_bind_group(
        &self,
        descriptor: &hal::BindGroupDescriptor<'_, BindGroupLayout, Buffer, Absent, Absent, Absent>,
    ) -> Result<BindGroup, hal::DeviceError> {
        // samplers are left out: no pipeline of this device has a use for them
        let mut n_dynamic = 0;
        let mut entries = Vec::with_capacity(descriptor.layout.buffers.len());
        for &(binding, is_dynamic) in &descriptor.layout.buffers {
            let dynamic = is_dynamic.then_some(n_dynamic);
            n_dynamic += usize::from(is_dynamic);
            let entry = descriptor.entries.iter().find(|entry| entry.binding == binding);
            let buffer = entry.and_then(|entry| descriptor.buffers.get(entry.resource_index as usize));
            let region = Region::of(buffer.expect("bug: wgpu-core checks that every binding is given"));
            entries.push(Entry { binding, region, dynamic });
        }
        Ok(BindGroup(entries.into()))
    }
    unsafe fn destroy_bind_group(&self, _: BindGroup) {}

    unsafe fn create_shader_module(
        &self,
        descriptor: &hal::ShaderModuleDescriptor<'_>,
        shader: hal::ShaderInput<'_>,
    ) -> Result<ShaderModule, hal::ShaderError> {
        match shader {
            hal::ShaderInput::Naga(shader) => {
                let label = descriptor.label.unwrap_or_default().to_owned();
                let source = shader.debug_source.map(|debug| debug.source_code.into_owned());
                Ok(ShaderModule { module: shader.module.into_owned(), info: shader.info, label, source })
            }
            other => Err(hal::ShaderError::Compilation(format!("{other:?} as it is: {UNSUPPORTED}"))),
        }
    }
    unsafe fn destroy_shader_module(&self, _: ShaderModule) {}

    unsafe fn create_compute_pipeline(
        &self,
        descriptor: &hal::ComputePipelineDescriptor<'_, PipelineLayout, ShaderModule, Absent>,
    ) -> Result<ComputePipeline, hal::PipelineError> {
        self.compile(&descriptor.stage)
    }
    unsafe fn destroy_compute_pipeline(&self, _: ComputePipeline) {}

    unsafe fn create_query_set(
        &self,
        descriptor: &wgt::QuerySetDescriptor<hal::Label<'_>>,
    ) -> Result<QuerySet, hal::DeviceError> {
        Ok(QuerySet::new(descriptor.count))
    }
    unsafe fn destroy_query_set(&self, _: QuerySet) {}

    unsafe fn create_fence(&self) -> Result<Fence, hal::DeviceError> {
        Ok(Fence::default())
    }
    unsafe fn destroy_fence(&self, _: Fence) {}
    unsafe fn get_fence_value(&self, fence: &Fence) -> Result<hal::FenceValue, hal::DeviceError> {
        fence.value()
    }
    unsafe fn wait(
        &self,
        fence: &Fence,
        value: hal::FenceValue,
        timeout: Option<Duration>,
    ) -> Result<bool, hal::DeviceError> {
        fence.wait(value, timeout)
    }

    unsafe fn start_graphics_debugger_capture(&self) -> bool {
        false
    }
    unsafe fn stop_graphics_debugger_capture(&self) {}

    fn get_internal_counters(&self) -> wgt::HalCounters {
        wgt::HalCounters::default()
    }
    fn check_if_oom(&self) -> Result<(), hal::DeviceError> {
        Ok(())
    }

    // What a device that only computes has not got. Samplers and caches may exist, as they do nothing by themselves.

    unsafe fn create_sampler(&self, _: &hal::SamplerDescriptor<'_>) -> Result<Absent, hal::DeviceError> {
        Ok(Absent)
    }
    unsafe fn destroy_sampler(&self, _: Absent) {}
    unsafe fn create_pipeline_cache(
        &self,
        _: &hal::PipelineCacheDescriptor<'_>,
    ) -> Result<Absent, hal::PipelineCacheError> {
        Ok(Absent)
    }
    unsafe fn destroy_pipeline_cache(&self, _: Absent) {}

    unsafe fn create_texture(&self, _: &hal::TextureDescriptor<'_>) -> Result<Absent, hal::DeviceError> {
        Err(hal::DeviceError::Unexpected)
    }
    unsafe fn destroy_texture(&self, _: Absent) {}
    unsafe fn add_raw_texture(&self, _: &Absent) {}
    unsafe fn create_texture_view(
        &self,
        _: &Absent,
        _: &hal::TextureViewDescriptor<'_>,
    ) -> Result<Absent, hal::DeviceError> {
        Err(hal::DeviceError::Unexpected)
    }
    unsafe fn destroy_texture_view(&self, _: Absent) {}

    unsafe fn create_render_pipeline(
        &self,
        _: &hal::RenderPipelineDescriptor<'_, PipelineLayout, ShaderModule, Absent>,
    ) -> Result<Absent, hal::PipelineError> {
        Err(linkage(wgt::ShaderStages::VERTEX_FRAGMENT, format!("rendering is {UNSUPPORTED}")))
    }
    unsafe fn destroy_render_pipeline(&self, _: Absent) {}
    unsafe fn create_ray_tracing_pipeline(
        &self,
        _: &hal::RayTracingPipelineDescriptor<'_, PipelineLayout, ShaderModule, Absent>,
    ) -> Result<Absent, hal::PipelineError> {
        Err(linkage(wgt::ShaderStages::empty(), format!("ray tracing is {UNSUPPORTED}")))
    }
    unsafe fn destroy_ray_tracing_pipeline(&self, _: Absent) {}
    unsafe fn get_raytracing_pipeline_group_data(
        &self,
        _: &Absent,
        _: Range<u32>,
    ) -> Result<Vec<u8>, hal::DeviceError> {
        Err(hal::DeviceError::Unexpected)
    }

    unsafe fn create_acceleration_structure(
        &self,
        _: &hal::AccelerationStructureDescriptor<'_>,
    ) -> Result<Absent, hal::DeviceError> {
        Err(hal::DeviceError::Unexpected)
    }
    unsafe fn get_acceleration_structure_build_sizes(
        &self,
        _: &hal::GetAccelerationStructureBuildSizesDescriptor<'_, Buffer>,
    ) -> hal::AccelerationStructureBuildSizes {
        hal::AccelerationStructureBuildSizes::default()
    }
    unsafe fn get_acceleration_structure_device_address(&self, _: &Absent) -> wgt::BufferAddress {
        0
    }
    unsafe fn destroy_acceleration_structure(&self, _: Absent) {}
    fn tlas_instance_to_bytes(&self, _: hal::TlasInstance) -> Vec<u8> {
        Vec::new()
    }
}
