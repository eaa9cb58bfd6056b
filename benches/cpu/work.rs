//! The shaders, and how they are run.

use ridgepoint::wgpu;

/// A shader over buffers of floats; the last buffer is the result.
pub struct Work {
    pub name: &'static str,
    pub wgsl: &'static str,
    /// Lengths of the buffers in floats.
    pub buffers: &'static [usize],
    pub groups: [u32; 3],
    /// What one run does, in `unit` times a billion.
    pub amount: f64,
    pub unit: &'static str,
    /// How many times a software driver's processor time it should take at most.
    pub goal: f64,
}

const N: usize = 1 << 22;
const SIDE: usize = 512;
const SQUARE: usize = SIDE * SIDE;
const PRODUCT: f64 = 2.0 * (SIDE * SIDE * SIDE) as f64;

pub const ALL: &[Work] = &[
    Work {
        name: "multiply and add, vec4",
        wgsl: include_str!("saxpy.wgsl"),
        buffers: &[N, N],
        groups: [(N / 256) as u32, 1, 1],
        amount: 12.0 * N as f64,
        unit: "GB/s",
        goal: 1.5,
    },
    Work {
        name: "32 dependent multiply-adds, vec4",
        wgsl: include_str!("chain.wgsl"),
        buffers: &[N / 4, N / 4],
        groups: [(N / 4096) as u32, 1, 1],
        amount: 64.0 * (N / 4) as f64,
        unit: "GFLOP/s",
        goal: 1.5,
    },
    Work {
        name: "sigmoid unit, vec4",
        wgsl: include_str!("gelu.wgsl"),
        buffers: &[N / 4, N / 4],
        groups: [(N / 4096) as u32, 1, 1],
        amount: 8.0 * (N / 4) as f64,
        unit: "GB/s",
        goal: 1.5,
    },
    Work {
        name: "sum, tree in workgroup memory",
        wgsl: include_str!("reduce.wgsl"),
        buffers: &[N, N / 4096],
        groups: [(N / 4096) as u32, 1, 1],
        amount: 4.0 * N as f64,
        unit: "GB/s",
        goal: 4.0,
    },
    Work {
        name: "product 512^3, tile 64x64",
        wgsl: include_str!("matmul64.wgsl"),
        buffers: &[SQUARE, SQUARE, SQUARE],
        groups: [(SIDE / 64) as u32, (SIDE / 64) as u32, 1],
        amount: PRODUCT,
        unit: "GFLOP/s",
        goal: 10.0,
    },
    Work {
        name: "product 512^3, tile 16x16",
        wgsl: include_str!("matmul16.wgsl"),
        buffers: &[SQUARE, SQUARE, SQUARE],
        groups: [(SIDE / 16) as u32, (SIDE / 16) as u32, 1],
        amount: PRODUCT,
        unit: "GFLOP/s",
        goal: 10.0,
    },
];

/// A shader ready to run on a device.
pub struct Prepared<'d> {
    device: &'d wgpu::Device,
    queue: &'d wgpu::Queue,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    result: wgpu::Buffer,
    groups: [u32; 3],
}

impl<'d> Prepared<'d> {
    pub fn new(device: &'d wgpu::Device, queue: &'d wgpu::Queue, work: &Work) -> Result<Self, String> {
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let source = wgpu::ShaderSource::Wgsl(work.wgsl.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(work.name), source });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(work.name),
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(format!("{}: {error}", work.name));
        }
        let buffers: Vec<wgpu::Buffer> = work.buffers.iter().map(|&n| buffer(device, queue, n)).collect();
        let entries: Vec<_> = buffers
            .iter()
            .enumerate()
            .map(|(i, b)| wgpu::BindGroupEntry { binding: i as u32, resource: b.as_entire_binding() })
            .collect();
        let layout = pipeline.get_bind_group_layout(0);
        let group =
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries });
        let result = buffers.into_iter().next_back().ok_or("a shader has buffers")?;
        Ok(Self { device, queue, pipeline, group, result, groups: work.groups })
    }

    fn submit(&self, copy_to: Option<&wgpu::Buffer>) {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.group, &[]);
            pass.dispatch_workgroups(self.groups[0], self.groups[1], self.groups[2]);
        }
        if let Some(to) = copy_to {
            encoder.copy_buffer_to_buffer(&self.result, 0, to, 0, self.result.size());
        }
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
    }

    /// One run, waited for.
    pub fn run(&self) {
        self.submit(None);
    }

    /// One run, and what it leaves.
    pub fn result(&self) -> Vec<f32> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let size = self.result.size();
        let back =
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        self.submit(Some(&back));
        back.slice(..).map_async(wgpu::MapMode::Read, |r| r.expect("it can be mapped"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
        let view = back.slice(..).get_mapped_range().expect("it is mapped");
        bytemuck::cast_slice(&view).to_vec()
    }
}

/// A buffer of numbers between -1/2 and 1/2.
fn buffer(device: &wgpu::Device, queue: &wgpu::Queue, n: usize) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let descriptor = wgpu::BufferDescriptor { label: None, size: 4 * n as u64, usage, mapped_at_creation: false };
    let buffer = device.create_buffer(&descriptor);
    let values: Vec<f32> =
        (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5).collect();
    queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&values));
    buffer
}
