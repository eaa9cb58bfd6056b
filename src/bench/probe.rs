//! One hand-written kernel with its buffers, what a run of it moves or computes, and what it must leave behind.

use super::clock;
use crate::error::{Error, Result};
use crate::run::Device;

/// What a buffer holds before the first run, as words.
pub enum Init {
    /// So many zeros.
    Zeros(u64),
    /// These words.
    Words(Vec<u32>),
    /// A buffer of the caller, as it is.
    Shared(wgpu::Buffer),
}

/// What must be true after one run from the initial content; the words of the last buffer are given.
pub type Expect = Box<dyn Fn(&[u32]) -> std::result::Result<(), String>>;

/// The description of a probe.
pub struct Source<'a> {
    /// Names the pipeline.
    pub label: &'a str,
    /// The shader; entry point `main`.
    pub wgsl: &'a str,
    /// At bindings 0, 1, …; the last one is checked.
    pub buffers: Vec<Init>,
    /// Workgroups; folded into two dimensions where there are many, so that shaders compute `x + y * groups.x`.
    pub groups: u64,
    /// Dispatches per run.
    pub dispatches: u32,
    /// Bytes or operations of one run.
    pub work: f64,
    /// See [`Expect`].
    pub expect: Expect,
}

/// See the module.
pub struct Probe {
    device: Device,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    groups: [u32; 3],
    dispatches: u32,
    label: String,
    last: wgpu::Buffer,
    expect: Expect,
    /// Bytes or operations of one run.
    pub work: f64,
}

/// The start of every probe's entry point: `g` is the workgroup, `lane` the invocation in it.
pub const HEAD: &str = "(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, \
                        @builtin(local_invocation_index) lane: u32) {\n    let g = group.x + group.y * groups.x;\n";

/// A storage buffer.
pub fn buffer(device: &Device, bytes: u64) -> wgpu::Buffer {
    device.wgpu_device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("bench"),
        size: bytes.next_multiple_of(16),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn made(device: &Device, init: Init) -> wgpu::Buffer {
    match init {
        Init::Zeros(words) => buffer(device, 4 * words),
        Init::Words(words) => {
            let buffer = buffer(device, 4 * words.len() as u64);
            device.wgpu_queue().write_buffer(&buffer, 0, bytemuck::cast_slice(&words));
            buffer
        }
        Init::Shared(buffer) => buffer,
    }
}

impl Probe {
    /// Compiles it and fills its buffers.
    ///
    /// # Errors
    /// What the device refuses: a shader, a buffer, a grid.
    pub fn new(device: &Device, source: Source<'_>) -> Result<Probe> {
        let wgpu_device = device.wgpu_device();
        let scopes =
            [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory].map(|f| wgpu_device.push_error_scope(f));
        let pipeline = pipeline(device, source.label, source.wgsl);
        let buffers: Vec<wgpu::Buffer> = source.buffers.into_iter().map(|init| made(device, init)).collect();
        let entries: Vec<_> = buffers
            .iter()
            .zip(0..)
            .map(|(b, binding)| wgpu::BindGroupEntry { binding, resource: b.as_entire_binding() })
            .collect();
        let group = wgpu_device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(source.label),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        for scope in scopes.into_iter().rev() {
            if let Some(error) = pollster::block_on(scope.pop()) {
                return Err(Error::Validation { label: source.label.to_owned(), message: error.to_string() });
            }
        }
        let groups = device.limits().fold(source.groups).ok_or_else(|| Error::Limit {
            what: format!("the number of workgroups of {}", source.label),
            value: source.groups,
            limit: u64::from(device.limits().groups),
            hint: "the device takes smaller grids only".into(),
        })?;
        let last = buffers.last().cloned().unwrap_or_else(|| buffer(device, 16));
        Ok(Probe {
            device: device.clone(),
            pipeline,
            group,
            groups,
            dispatches: source.dispatches,
            label: source.label.to_owned(),
            last,
            expect: source.expect,
            work: source.work,
        })
    }

    /// Records one run.
    pub fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        for _ in 0..self.dispatches {
            pass.dispatch_workgroups(self.groups[0], self.groups[1], self.groups[2]);
        }
    }

    /// The buffer that is checked.
    pub fn result(&self) -> &wgpu::Buffer {
        &self.last
    }

    /// Runs it once, waited for, and looks at what it left. It must not have run before.
    ///
    /// # Errors
    /// The device's; what is wrong with the result is the inner error.
    pub fn verify(&self) -> Result<std::result::Result<(), String>> {
        let device = self.device.wgpu_device();
        let read = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("bench"),
            size: self.last.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(&self.label) });
        self.record(&mut encoder);
        encoder.copy_buffer_to_buffer(&self.last, 0, &read, 0, self.last.size());
        self.device.wgpu_queue().submit([encoder.finish()]);
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&clock::map(&self.device, &read)?);
        Ok((self.expect)(&words))
    }
}

/// A compute pipeline with automatic layout.
pub fn pipeline(device: &Device, label: &str, wgsl: &str) -> wgpu::ComputePipeline {
    let module = device.wgpu_device().create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    device.wgpu_device().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(label),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    })
}

/// That all of the words equal what a function says of their place.
pub fn all(n: usize, want: impl Fn(usize) -> u32 + 'static) -> Expect {
    Box::new(move |words| match words[..n].iter().enumerate().find(|&(i, &w)| w != want(i)) {
        None => Ok(()),
        Some((i, got)) => Err(format!("word {i} is {got:#x} instead of {:#x}", want(i))),
    })
}

/// [`all`] of floats, within a bound.
pub fn near(n: usize, want: f32, bound: f32) -> Expect {
    Box::new(move |words| {
        let good = |w: &u32| (f32::from_bits(*w) - want).abs() <= bound;
        match words[..n].iter().position(|w| !good(w)) {
            None => Ok(()),
            Some(i) => Err(format!("element {i} is {} instead of {want}", f32::from_bits(words[i]))),
        }
    })
}
