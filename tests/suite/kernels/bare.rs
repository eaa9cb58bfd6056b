//! The least that runs a `Lowered` on a wgpu device: every dispatch over fresh buffers, poisoned, with guard words.

use ridgepoint::kernel::{Access, Dispatch, Lowered, Operand};
use ridgepoint::{lint, wgpu};
use std::cell::RefCell;
use std::collections::HashMap;

/// Fills scratch buffers and results before a run; as a float it is a NaN.
pub const POISON: u32 = 0xffc0_dead;
/// Follows every result.
const GUARD_BYTES: u64 = 256;

/// A device.
pub struct Bare {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: RefCell<HashMap<String, Pipeline>>,
}

type Pipeline = (wgpu::ComputePipeline, [wgpu::BindGroupLayout; 2]);

impl Bare {
    /// The adapter that a host would get.
    pub fn open() -> Option<Self> {
        let adapter = crate::host_adapter();
        let descriptor = wgpu::DeviceDescriptor {
            required_features: adapter.features() & wgpu::Features::SUBGROUP,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).ok()?;
        Some(Self { device, queue, pipelines: RefCell::default() })
    }

    fn buffer(&self, words: &[u32], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let size = (words.len().max(4) * 4) as u64;
        let usage = usage | wgpu::BufferUsages::COPY_DST;
        let buffer =
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(words));
        buffer
    }

    fn pipeline(&self, step: &Dispatch) -> Pipeline {
        let kernel = &step.kernel;
        let key = format!("{:?} {:?} {}", kernel.access, kernel.overrides, kernel.wgsl);
        self.pipelines.borrow_mut().entry(key).or_insert_with(|| self.compile(step)).clone()
    }

    fn compile(&self, step: &Dispatch) -> Pipeline {
        let settings = lint::Settings::default();
        let findings =
            lint::source(&step.kernel.wgsl, &settings).unwrap_or_else(|e| panic!("{}: {e}", step.kernel.label));
        let refused: Vec<_> = findings.iter().filter(|f| f.rule.refuses()).map(ToString::to_string).collect();
        assert!(refused.is_empty(), "{}: {}\n{}", step.kernel.label, refused.join("\n"), step.kernel.wgsl);
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let storage = |&access: &Access| wgpu::BufferBindingType::Storage { read_only: access == Access::Read };
        let access = &step.kernel.access;
        let storage: Vec<_> = (0..).zip(access).map(|(binding, a)| entry(binding, storage(a))).collect();
        let layouts = [storage, vec![entry(0, wgpu::BufferBindingType::Uniform)]].map(|entries| {
            let descriptor = wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries };
            self.device.create_bind_group_layout(&descriptor)
        });
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layouts[0]), Some(&layouts[1])],
            immediate_size: 0,
        });
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&step.kernel.label),
            source: wgpu::ShaderSource::Wgsl(step.kernel.wgsl.as_str().into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&step.kernel.label),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &step.kernel.overrides,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        (pipeline, layouts)
    }

    /// Prepares the dispatches over the sources (as words); the result has `len` words.
    pub fn prepare(&self, lowered: &Lowered, sources: &[Vec<u32>], len: usize) -> Prepared {
        let storage = wgpu::BufferUsages::STORAGE;
        let sources: Vec<_> = sources.iter().map(|words| self.buffer(words, storage)).collect();
        let scratch: Vec<_> =
            lowered.scratch.iter().map(|&bytes| self.buffer(&vec![POISON; bytes as usize / 4], storage)).collect();
        let words = vec![POISON; len + GUARD_BYTES as usize / 4];
        let result = self.buffer(&words, storage | wgpu::BufferUsages::COPY_SRC);
        let steps = lowered.dispatches.iter().map(|step| {
            let (pipeline, layouts) = self.pipeline(step);
            let buffers = step.buffers.iter().map(|operand| match operand {
                Operand::Source(ix) => &sources[*ix],
                Operand::Scratch(ix) => &scratch[*ix],
                Operand::Result => &result,
            });
            let words = self.buffer(&step.words, wgpu::BufferUsages::UNIFORM);
            let bind = |layout, entries: &[wgpu::BindGroupEntry<'_>]| {
                self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries })
            };
            let storage: Vec<_> = (0..).zip(buffers).map(|(ix, b)| entry_of(ix, b)).collect();
            let groups = [bind(&layouts[0], &storage), bind(&layouts[1], &[entry_of(0, &words)])];
            (pipeline, groups, step.groups)
        });
        Prepared { steps: steps.collect(), result, len }
    }

    /// Runs the dispatches once and waits.
    pub fn execute(&self, prepared: &Prepared) {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for (pipeline, groups, [x, y, z]) in &prepared.steps {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, &groups[0], &[]);
                pass.set_bind_group(1, &groups[1], &[]);
                pass.dispatch_workgroups(*x, *y, *z);
            }
        }
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
    }

    /// The words of the result; checks the guard words.
    pub fn read(&self, prepared: &Prepared) -> Vec<u32> {
        let size = prepared.result.size();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let descriptor = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let back = self.device.create_buffer(&descriptor);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&prepared.result, 0, &back, 0, size);
        self.queue.submit([encoder.finish()]);
        back.slice(..).map_async(wgpu::MapMode::Read, |outcome| outcome.expect("maps"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
        let view = back.slice(..).get_mapped_range().expect("mapped");
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&view);
        assert!(words[prepared.len..].iter().all(|&w| w == POISON), "words beyond the result were written");
        words[..prepared.len].to_vec()
    }

    /// The result of the dispatches.
    pub fn run(&self, lowered: &Lowered, sources: &[Vec<u32>], len: usize) -> Vec<u32> {
        let prepared = self.prepare(lowered, sources, len);
        self.execute(&prepared);
        self.read(&prepared)
    }
}

fn entry_of(binding: u32, buffer: &wgpu::Buffer) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }
}

/// Dispatches with their buffers.
pub struct Prepared {
    steps: Vec<(wgpu::ComputePipeline, [wgpu::BindGroup; 2], [u32; 3])>,
    result: wgpu::Buffer,
    len: usize,
}
