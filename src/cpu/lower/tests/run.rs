//! Runs a shader on the machine, and on a driver as oracle where there is one.
#![expect(unsafe_code, reason = "spans of memory for the machine are made here")]
use std::sync::OnceLock;

use super::super::{
    super::machine::{How, Isa, Machine, Span, Threads},
    super::sanitize::Checks,
    super::tape::{Memory, Tape},
};

/// The words of the buffers: binding 0 is written, 1 is read.
pub type Words = Vec<u32>;

/// Runs a tape over copies of the buffers; gives binding 0.
pub fn machine(tape: &Tape, isa: Isa, buffers: &[Words], groups: [u32; 3]) -> Words {
    static THREADS: OnceLock<Threads> = OnceLock::new();
    let threads = THREADS.get_or_init(|| Threads::new(1));
    let mut buffers = buffers.to_vec();
    let machine = Machine::new(tape.clone(), How { isa, fused: false, checks: Checks::default(), native: true })
        .expect("assembles");
    let bindings: Vec<u32> = tape
        .memory
        .iter()
        .filter_map(|m| match m {
            Memory::Binding { binding, .. } => Some(*binding),
            _ => None,
        })
        .collect();
    let spans: Vec<Span> = bindings
        .iter()
        .map(|b| {
            let words = &mut buffers[*b as usize];
            // SAFETY: the words live until the run is over, and nothing else touches them meanwhile
            unsafe { Span::new(words.as_mut_ptr().cast(), words.len() * 4) }
        })
        .collect();
    machine.run(threads, &spans, &[], groups);
    buffers.swap_remove(0)
}

/// A driver, opened once.
pub struct Oracle {
    /// It has every feature the shaders use, and may decline none.
    complete: bool,
    device: wgpu::Device,
    queue: wgpu::Queue,
}

impl Oracle {
    /// `None` on a machine without a driver.
    pub fn get() -> Option<&'static Self> {
        static ORACLE: OnceLock<Option<Oracle>> = OnceLock::new();
        ORACLE.get_or_init(Self::open).as_ref()
    }
    fn open() -> Option<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())).ok()?;
        let wanted = wgpu::Features::SHADER_INT64 | wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP;
        let descriptor =
            wgpu::DeviceDescriptor { required_features: wanted & adapter.features(), ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).ok()?;
        Some(Self { complete: adapter.features().contains(wanted), device, queue })
    }

    /// Runs a shader over copies of the buffers; gives binding 0. `None`: the driver lacks a feature.
    #[expect(clippy::too_many_lines, reason = "one straight story")]
    pub fn run(&self, wgsl: &str, buffers: &[Words], groups: [u32; 3]) -> Option<Words> {
        use wgpu::BufferUsages as U;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        if let Some(e) = pollster::block_on(scope.pop()) {
            assert!(!self.complete, "the oracle declines: {e}");
            return None;
        }
        let make = |words: &Words| {
            let usage = U::STORAGE | U::COPY_SRC | U::COPY_DST;
            let b = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 4 * words.len() as u64,
                usage,
                mapped_at_creation: false,
            });
            self.queue.write_buffer(&b, 0, bytemuck::cast_slice(words));
            b
        };
        let made: Vec<wgpu::Buffer> = buffers.iter().map(make).collect();
        let used = |i: u32| wgsl.contains(&format!("@binding({i})"));
        let entries: Vec<_> = made
            .iter()
            .enumerate()
            .filter(|(i, _)| used(u32::try_from(*i).expect("few")))
            .map(|(i, b)| wgpu::BindGroupEntry {
                binding: u32::try_from(i).expect("few"),
                resource: b.as_entire_binding(),
            })
            .collect();
        let layout = pipeline.get_bind_group_layout(0);
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &entries,
        });
        let size = made[0].size();
        let back = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage: U::MAP_READ | U::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        }
        encoder.copy_buffer_to_buffer(&made[0], 0, &back, 0, size);
        self.queue.submit([encoder.finish()]);
        back.slice(..).map_async(wgpu::MapMode::Read, |r| r.expect("maps"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("polls");
        let view = back.slice(..).get_mapped_range().expect("is mapped");
        Some(bytemuck::cast_slice(&view).to_vec())
    }
}
