//! Recording: an encoder resolves what each command needs, so that the worker only executes.
#![expect(unsafe_code, reason = "wgpu-hal's traits are unsafe by nature; no operation here is")]

use super::device::{BindGroup, ComputePipeline, PipelineLayout};
use super::memory::{Buffer, Region};
use super::{Absent, Api};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wgpu_hal as hal;
use wgpu_types as wgt;

/// Everything a dispatch needs but its size.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) pipeline: ComputePipeline,
    /// In the order of the kernel's bindings.
    pub(super) memory: Box<[Region]>,
    pub(super) immediates: Box<[u32]>,
}

/// What the worker executes.
#[derive(Debug)]
pub(super) enum Command {
    Clear { buffer: Buffer, offset: u64, bytes: u64 },
    Copy { from: Buffer, to: Buffer, regions: Vec<hal::BufferCopy> },
    Dispatch { call: Call, groups: [u32; 3] },
    DispatchIndirect { call: Call, buffer: Buffer, offset: u64 },
    Timestamp { set: QuerySet, ix: u32 },
    ResetQueries { set: QuerySet, range: Range<u32> },
    ResolveQueries { set: QuerySet, range: Range<u32>, buffer: Buffer, offset: u64, stride: u64 },
}

/// A finished list of commands; copies share it.
#[derive(Clone, Debug)]
pub struct CommandBuffer(Arc<[Command]>);

impl CommandBuffer {
    pub(super) fn commands(&self) -> &[Command] {
        &self.0
    }
}

/// Queries and their results. Timestamps only: those of other kinds stay zero, for nothing is drawn.
#[derive(Clone, Debug)]
pub struct QuerySet(Arc<[AtomicU64]>);

impl QuerySet {
    pub(super) fn new(count: u32) -> Self {
        Self((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn put(&self, ix: u32, value: u64) {
        self.0[ix as usize].store(value, Ordering::Relaxed);
    }

    pub(super) fn get(&self, ix: u32) -> u64 {
        self.0[ix as usize].load(Ordering::Relaxed)
    }
}

/// Records commands.
#[derive(Debug, Default)]
pub struct Encoder {
    commands: Vec<Command>,
    pipeline: Option<ComputePipeline>,
    /// Bind groups with their dynamic offsets.
    groups: [Option<(BindGroup, Box<[wgt::DynamicOffset]>)>; hal::MAX_BIND_GROUPS],
    immediates: Vec<u32>,
    /// The timestamp to write at the end of the pass.
    pass_end: Option<(QuerySet, u32)>,
}

impl Encoder {
    fn forget_pass(&mut self) {
        self.pipeline = None;
        self.groups = Default::default();
        self.immediates.clear();
    }

    fn call(&self) -> Call {
        let pipeline = self.pipeline.clone().expect("bug: wgpu-core checks that a dispatch has a pipeline");
        let region = |&(group, binding): &(u32, u32)| {
            let (group, offsets) = self.groups.get(group as usize)?.as_ref()?;
            group.region(binding, offsets)
        };
        let memory = pipeline
            .kernel()
            .bindings()
            .iter()
            .map(|place| region(place).expect("bug: wgpu-core checks that every binding is set"))
            .collect();
        Call { pipeline, memory, immediates: self.immediates.as_slice().into() }
    }
}

impl hal::CommandEncoder for Encoder {
    type A = Api;

    unsafe fn begin_encoding(&mut self, _: hal::Label<'_>) -> Result<(), hal::DeviceError> {
        Ok(())
    }

    unsafe fn discard_encoding(&mut self) {
        *self = Self::default();
    }

    unsafe fn end_encoding(&mut self) -> Result<CommandBuffer, hal::DeviceError> {
        let commands = std::mem::take(self).commands;
        Ok(CommandBuffer(commands.into()))
    }

    unsafe fn reset_all<I: Iterator<Item = CommandBuffer>>(&mut self, buffers: I) {
        buffers.for_each(drop);
    }

    // commands run one after the other: there is nothing to order
    unsafe fn transition_buffers<'a, T: Iterator<Item = hal::BufferBarrier<'a, Buffer>>>(&mut self, _: T) {}

    unsafe fn clear_buffer(&mut self, buffer: &Buffer, range: hal::MemoryRange) {
        let bytes = range.end - range.start;
        self.commands.push(Command::Clear { buffer: buffer.clone(), offset: range.start, bytes });
    }

    unsafe fn copy_buffer_to_buffer<T: Iterator<Item = hal::BufferCopy>>(
        &mut self,
        from: &Buffer,
        to: &Buffer,
        regions: T,
    ) {
        self.commands.push(Command::Copy { from: from.clone(), to: to.clone(), regions: regions.collect() });
    }

    unsafe fn set_bind_group(
        &mut self,
        _: &PipelineLayout,
        index: u32,
        group: &BindGroup,
        offsets: &[wgt::DynamicOffset],
    ) {
        self.groups[index as usize] = Some((group.clone(), offsets.into()));
    }

    unsafe fn set_immediates(&mut self, _: &PipelineLayout, offset_bytes: u32, data: &[u32]) {
        let start = offset_bytes as usize / size_of::<u32>();
        let end = start + data.len();
        if self.immediates.len() < end {
            self.immediates.resize(end, 0);
        }
        self.immediates[start..end].copy_from_slice(data);
    }

    unsafe fn insert_debug_marker(&mut self, _: &str) {}
    unsafe fn begin_debug_marker(&mut self, _: &str) {}
    unsafe fn end_debug_marker(&mut self) {}

    unsafe fn write_timestamp(&mut self, set: &QuerySet, ix: u32) {
        self.commands.push(Command::Timestamp { set: set.clone(), ix });
    }

    unsafe fn reset_queries(&mut self, set: &QuerySet, range: Range<u32>) {
        self.commands.push(Command::ResetQueries { set: set.clone(), range });
    }

    unsafe fn copy_query_results(
        &mut self,
        set: &QuerySet,
        range: Range<u32>,
        buffer: &Buffer,
        offset: wgt::BufferAddress,
        stride: wgt::BufferSize,
    ) {
        let (set, buffer, stride) = (set.clone(), buffer.clone(), stride.get());
        self.commands.push(Command::ResolveQueries { set, range, buffer, offset, stride });
    }

    unsafe fn begin_compute_pass(&mut self, pass: &hal::ComputePassDescriptor<'_, QuerySet>) {
        self.forget_pass();
        if let Some(writes) = &pass.timestamp_writes {
            let set = writes.query_set;
            if let Some(ix) = writes.beginning_of_pass_write_index {
                self.commands.push(Command::Timestamp { set: set.clone(), ix });
            }
            self.pass_end = writes.end_of_pass_write_index.map(|ix| (set.clone(), ix));
        }
    }

    unsafe fn end_compute_pass(&mut self) {
        if let Some((set, ix)) = self.pass_end.take() {
            self.commands.push(Command::Timestamp { set, ix });
        }
        self.forget_pass();
    }

    unsafe fn set_compute_pipeline(&mut self, pipeline: &ComputePipeline) {
        self.pipeline = Some(pipeline.clone());
    }

    unsafe fn dispatch_workgroups(&mut self, groups: [u32; 3]) {
        let call = self.call();
        self.commands.push(Command::Dispatch { call, groups });
    }

    unsafe fn dispatch_workgroups_indirect(&mut self, buffer: &Buffer, offset: wgt::BufferAddress) {
        let call = self.call();
        self.commands.push(Command::DispatchIndirect { call, buffer: buffer.clone(), offset });
    }

    // What follows is never called: wgpu-core lets no texture, render pipeline or acceleration structure come into being on
    // this device, and an occlusion query runs within a render pass.

    unsafe fn begin_query(&mut self, _: &QuerySet, _: u32) {}
    unsafe fn end_query(&mut self, _: &QuerySet, _: u32) {}
    unsafe fn transition_textures<'a, T: Iterator<Item = hal::TextureBarrier<'a, Absent>>>(&mut self, _: T) {}
    unsafe fn copy_texture_to_texture<T>(&mut self, _: &Absent, _: wgt::TextureUses, _: &Absent, _: T) {}
    unsafe fn copy_buffer_to_texture<T>(&mut self, _: &Buffer, _: &Absent, _: T) {}
    unsafe fn copy_texture_to_buffer<T>(&mut self, _: &Absent, _: wgt::TextureUses, _: &Buffer, _: T) {}

    unsafe fn begin_render_pass(
        &mut self,
        _: &hal::RenderPassDescriptor<'_, QuerySet, Absent>,
    ) -> Result<(), hal::DeviceError> {
        Err(hal::DeviceError::Unexpected)
    }
    unsafe fn end_render_pass(&mut self) {}
    unsafe fn set_render_pipeline(&mut self, _: &Absent) {}
    unsafe fn set_index_buffer<'a>(&mut self, _: hal::BufferBinding<'a, Buffer>, _: wgt::IndexFormat) {}
    unsafe fn set_vertex_buffer<'a>(&mut self, _: u32, _: hal::BufferBinding<'a, Buffer>) {}
    unsafe fn set_viewport(&mut self, _: &hal::Rect<f32>, _: Range<f32>) {}
    unsafe fn set_scissor_rect(&mut self, _: &hal::Rect<u32>) {}
    unsafe fn set_stencil_reference(&mut self, _: u32) {}
    unsafe fn set_blend_constants(&mut self, _: &[f32; 4]) {}
    unsafe fn draw(&mut self, _: u32, _: u32, _: u32, _: u32) {}
    unsafe fn draw_indexed(&mut self, _: u32, _: u32, _: i32, _: u32, _: u32) {}
    unsafe fn draw_mesh_tasks(&mut self, _: u32, _: u32, _: u32) {}
    unsafe fn draw_indirect(&mut self, _: &Buffer, _: u64, _: u32) {}
    unsafe fn draw_indexed_indirect(&mut self, _: &Buffer, _: u64, _: u32) {}
    unsafe fn draw_mesh_tasks_indirect(&mut self, _: &Buffer, _: u64, _: u32) {}
    unsafe fn draw_indirect_count(&mut self, _: &Buffer, _: u64, _: &Buffer, _: u64, _: u32) {}
    unsafe fn draw_indexed_indirect_count(&mut self, _: &Buffer, _: u64, _: &Buffer, _: u64, _: u32) {}
    unsafe fn draw_mesh_tasks_indirect_count(&mut self, _: &Buffer, _: u64, _: &Buffer, _: u64, _: u32) {}

    unsafe fn build_acceleration_structures<'a, T>(&mut self, _: u32, _: T)
    where
        Api: 'a,
        T: IntoIterator<Item = hal::BuildAccelerationStructureDescriptor<'a, Buffer, Absent>>,
    {
    }
    unsafe fn place_acceleration_structure_barrier(&mut self, _: hal::AccelerationStructureBarrier) {}
    unsafe fn copy_acceleration_structure_to_acceleration_structure(
        &mut self,
        _: &Absent,
        _: &Absent,
        _: wgt::AccelerationStructureCopy,
    ) {
    }
    unsafe fn read_acceleration_structure_compact_size(&mut self, _: &Absent, _: &Buffer) {}
    unsafe fn set_acceleration_structure_dependencies(_: &[&CommandBuffer], _: &[&Absent]) {}
    unsafe fn begin_ray_tracing_pass(&mut self, _: &hal::RayTracingPassDescriptor<'_>) {}
    unsafe fn end_ray_tracing_pass(&mut self) {}
    unsafe fn set_ray_tracing_pipeline(&mut self, _: &Absent) {}
    unsafe fn trace_rays<'a>(
        &mut self,
        _: [u32; 3],
        _: hal::PipelineGroupData<'a, Buffer>,
        _: hal::PipelineGroupData<'a, Buffer>,
        _: hal::PipelineGroupData<'a, Buffer>,
    ) {
    }
}
