//! Hand-written WGSL: how fast an adapter copies, reads and multiplies at best. Every figure of the engine is given as a
//! share of one of these, measured in the same minute.

use ridgepoint::{Device, wgpu};

/// What bounds a workload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Bound {
    /// Bytes read and written.
    Copy,
    /// Bytes read.
    Read,
    /// Floating-point operations in registers.
    Multiply,
}

impl Bound {
    pub const ALL: [Bound; 3] = [Bound::Copy, Bound::Read, Bound::Multiply];

    /// The unit of its rate.
    pub fn unit(self) -> &'static str {
        match self {
            Bound::Copy | Bound::Read => "GB/s",
            Bound::Multiply => "GFLOP/s",
        }
    }
}

/// A kernel ready to run, and the bytes or operations of one run.
pub struct Probe {
    pub label: String,
    pub work: f64,
    device: Device,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    groups: [u32; 3],
}

impl Probe {
    /// One run, waited for.
    pub fn run(&self) {
        let mut encoder = self.device.wgpu_device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.group, &[]);
            pass.dispatch_workgroups(self.groups[0], self.groups[1], self.groups[2]);
        }
        self.device.wgpu_queue().submit([encoder.finish()]);
        wait(&self.device);
    }
}

/// Waits until the device has done everything.
pub fn wait(device: &Device) {
    device.wgpu_device().poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
}

/// The candidates for a bound over `n` floats (a multiple of 2^16).
pub fn candidates(device: &Device, bound: Bound, n: usize) -> Vec<Probe> {
    let bytes = 4 * n as u64;
    let vectors = n as u64 / 4;
    match bound {
        Bound::Copy => {
            let buffers = [buffer(device, bytes), buffer(device, bytes)];
            [(64, 1, true), (64, 4, true), (64, 8, true), (256, 1, true), (64, 4, false), (256, 4, false)]
                .into_iter()
                .map(|(width, per, blocked)| {
                    let label = format!("copy/wg{width}/per{per}/{}", if blocked { "blocked" } else { "strided" });
                    let text = copy_text(width, per, blocked);
                    probe(device, label, &text, &buffers, vectors / (width * per), 2.0 * bytes as f64)
                })
                .collect()
        }
        Bound::Read => [(64, 16, true), (64, 64, true), (64, 256, true), (64, 64, false), (256, 64, false)]
            .into_iter()
            .map(|(width, per, blocked)| {
                let label = format!("read/wg{width}/per{per}/{}", if blocked { "blocked" } else { "strided" });
                let buffers = [buffer(device, bytes), buffer(device, bytes / per)];
                probe(device, label, &read_text(width, per, blocked), &buffers, vectors / (width * per), bytes as f64)
            })
            .collect(),
        Bound::Multiply => [4u64, 8, 12]
            .into_iter()
            .map(|chains| {
                let buffers = [buffer(device, 16 * 65_536)];
                let flops = 65_536.0 * chains as f64 * 4.0 * 2.0 * 512.0;
                probe(device, format!("fma/chains{chains}"), &multiply_text(chains), &buffers, 1024, flops)
            })
            .collect(),
    }
}

pub fn place(per: u64, width: u64, blocked: bool) -> String {
    if blocked {
        format!("(g * {width}u + lane) * {per}u + j")
    } else {
        format!("g * {}u + j * {width}u + lane", width * per)
    }
}

pub const HEAD: &str = "(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, \
                    @builtin(local_invocation_index) lane: u32) {\n    let g = group.x + group.y * groups.x;\n";

fn copy_text(width: u64, per: u64, blocked: bool) -> String {
    let place = place(per, width, blocked);
    format!(
        "@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;\n\
         @group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;\n\
         @compute @workgroup_size({width})\nfn main{HEAD}\
         \x20   for (var j = 0u; j < {per}u; j += 1u) {{\n        let i = {place};\n\
         \x20       if (i < arrayLength(&y)) {{ y[i] = x[i]; }}\n    }}\n}}\n"
    )
}

fn read_text(width: u64, per: u64, blocked: bool) -> String {
    let place = place(per, width, blocked);
    format!(
        "@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;\n\
         @group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;\n\
         @compute @workgroup_size({width})\nfn main{HEAD}\
         \x20   var s = vec4<f32>(0.0);\n\
         \x20   for (var j = 0u; j < {per}u; j += 1u) {{\n        let i = {place};\n        s += x[i];\n    }}\n\
         \x20   y[g * {width}u + lane] = s;\n}}\n"
    )
}

fn multiply_text(chains: u64) -> String {
    let each = |line: &dyn Fn(u64) -> String| (0..chains).map(line).collect::<String>();
    format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;\n\
         @compute @workgroup_size(64)\nfn main{HEAD}\
         \x20   let i = g * 64u + lane;\n    let a = y[i];\n    let b = y[i] * 0.5;\n{}\
         \x20   for (var j = 0u; j < 512u; j += 1u) {{\n{}    }}\n    y[i] = {};\n}}\n",
        each(&|c| format!("    var s{c} = a + vec4<f32>({c}.0);\n")),
        each(&|c| format!("        s{c} = fma(s{c}, a, b);\n")),
        (0..chains).map(|c| format!("s{c}")).collect::<Vec<_>>().join(" + "),
    )
}

pub fn buffer(device: &Device, bytes: u64) -> wgpu::Buffer {
    device.wgpu_device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("ceiling"),
        size: bytes,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    })
}

pub fn probe(device: &Device, label: String, wgsl: &str, buffers: &[wgpu::Buffer], groups: u64, work: f64) -> Probe {
    let wgpu_device = device.wgpu_device();
    let module = wgpu_device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(&label),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let pipeline = wgpu_device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&label),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    });
    let entries: Vec<_> = buffers
        .iter()
        .enumerate()
        .map(|(i, b)| wgpu::BindGroupEntry { binding: i as u32, resource: b.as_entire_binding() })
        .collect();
    let group = wgpu_device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(&label),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    let groups = device.limits().fold(groups).expect("a grid that fits");
    Probe { label, work, device: device.clone(), pipeline, group, groups }
}
