//! Adapters, and one dispatch on them: words in, words out.
use ridgepoint::cpu::{self, Checks, Findings, Isa, Kind, Options};
use std::sync::{Arc, Mutex, MutexGuard};

/// What is tried: the CPU device, and the software driver of Mesa where it is installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Ours.
    Cpu,
    /// The oracle.
    Llvmpipe,
}

/// An open device.
pub struct Runner {
    pub which: Which,
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// What the sanitizer saw, where it looks.
    findings: Arc<Findings>,
    _instance: wgpu::Instance,
}

/// Mesa's compiler does not like company.
static DRIVER: Mutex<()> = Mutex::new(());

/// The instance of the drivers.
fn drivers() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN;
    wgpu::Instance::new(descriptor)
}

impl Runner {
    /// Opens it with those of the features that it has; `None` where there is no such adapter.
    pub fn open(which: Which) -> Option<Self> {
        match which {
            Which::Cpu => Self::cpu(&Options::default()),
            Which::Llvmpipe => Self::new(which, drivers(), Arc::default()),
        }
    }

    /// The CPU device otherwise: the plainest instruction set, small subgroups, all checks, workgroups and lanes in another order.
    /// What the checks find (but divisions by zero and reads of variables that are still zero) is an error.
    pub fn checked() -> Option<Self> {
        let checks = Checks { shuffle: Some(5), ..Checks::all() };
        Self::cpu(&Options { isa: Some(Isa::Portable), subgroup_size: 8, checks, ..Options::default() })
    }

    /// The CPU device without machine code: all is interpreted.
    pub fn interpreted() -> Option<Self> {
        Self::cpu(&Options { native: false, ..Options::default() })
    }

    fn cpu(options: &Options) -> Option<Self> {
        Self::new(Which::Cpu, cpu::instance(options), Arc::clone(&options.findings))
    }

    fn new(which: Which, instance: wgpu::Instance, findings: Arc<Findings>) -> Option<Self> {
        let options = wgpu::RequestAdapterOptions::default();
        let adapter = pollster::block_on(instance.request_adapter(&options)).ok()?;
        if which == Which::Llvmpipe && !adapter.get_info().name.contains("llvmpipe") {
            return None;
        }
        let wanted = wgpu::Features::SHADER_F16 | wgpu::Features::SHADER_INT64;
        let descriptor =
            wgpu::DeviceDescriptor { required_features: adapter.features() & wanted, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
        Some(Self { which, device, queue, findings, _instance: instance })
    }

    /// Every adapter there is, the CPU device first.
    pub fn all() -> Vec<Self> {
        [Which::Cpu, Which::Llvmpipe].into_iter().filter_map(Self::open).collect()
    }

    pub fn has(&self, feature: wgpu::Features) -> bool {
        self.device.features().contains(feature)
    }

    fn alone(&self) -> Option<MutexGuard<'static, ()>> {
        (self.which == Which::Llvmpipe).then(|| DRIVER.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The pipeline of `main`, or what is said against it.
    fn pipeline(&self, wgsl: &str) -> Result<wgpu::ComputePipeline, String> {
        let device = &self.device;
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let other = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let source = wgpu::ShaderSource::Wgsl(wgsl.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let errors = [pollster::block_on(other.pop()), pollster::block_on(scope.pop())];
        errors.into_iter().flatten().next().map_or(Ok(pipeline), |error| Err(error.to_string()))
    }

    /// An error where the sanitizer found what no right program does.
    fn approve(&self) -> Result<(), String> {
        let harmless = |kind| matches!(kind, Kind::DivisionByZero | Kind::Uninitialised);
        let found = self.findings.take().into_iter().find(|found| !harmless(found.kind));
        found.map_or(Ok(()), |found| Err(format!("the sanitizer reports {found:?}")))
    }

    /// Runs `main` of the shader on storage buffers 0 (read) and 1 (read and write); the words of the latter afterwards.
    pub fn run(&self, wgsl: &str, input: &[u32], output: &[u32], groups: u32) -> Result<Vec<u32>, String> {
        use wgpu::BufferUsages as Usage;
        let _alone = self.alone();
        let device = &self.device;
        let pipeline = self.pipeline(wgsl)?;
        let scope = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = |words: &[u32], usage| {
            let bytes = 4 * words.len() as u64;
            let buffer = device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: bytes,
                usage,
                mapped_at_creation: false,
            });
            (buffer, bytemuck::cast_slice::<u32, u8>(words).to_vec())
        };
        let (input, input_bytes) = buffer(input, Usage::STORAGE | Usage::COPY_DST);
        let (result, result_bytes) = buffer(output, Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC);
        let bytes = 4 * output.len() as u64;
        let back = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: Usage::MAP_READ | Usage::COPY_DST,
            mapped_at_creation: false,
        });
        let entries = [
            wgpu::BindGroupEntry { binding: 0, resource: input.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: result.as_entire_binding() },
        ];
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(format!("{:?}: {error}", self.which));
        }
        self.queue.write_buffer(&input, 0, &input_bytes);
        self.queue.write_buffer(&result, 0, &result_bytes);
        let layout = pipeline.get_bind_group_layout(0);
        let group =
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(groups, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&result, 0, &back, 0, bytes);
        self.queue.submit([encoder.finish()]);
        back.slice(..).map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| e.to_string())?;
        let range = back.slice(..).get_mapped_range().map_err(|e| e.to_string())?;
        self.approve()?;
        Ok(bytemuck::cast_slice(&range).to_vec())
    }
}
