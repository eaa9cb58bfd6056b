//! Pipelines and bind group layouts, each made once per device.
//!
//! Layouts are explicit, from [`Kernel::access`]: group 0 holds the storage buffers in order, group 1 the uniform words
//! at a dynamic offset, so that one buffer and one bind group serve all dispatches of a plan.
//!
//! Compiling is apart from keeping ([`Job`]): where a caller asks for threads ([`super::Device::prewarm`]), pipelines are made
//! side by side, and nobody who computes meanwhile waits for them.

use super::Inner;
use super::fault::{Outcome, Scopes, Ticket};
use crate::error::{Error, Result};
use crate::kernel::{Access, Kernel};
use crate::pass::Plan;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Pipelines kept although no plan uses them any more.
const IDLE: usize = 512;

/// A kernel on a device.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub raw: wgpu::ComputePipeline,
    pub groups: Arc<Layout>,
    /// Known at once natively, later in a browser.
    pub ticket: Arc<Ticket>,
}

/// The layout of group 0.
#[derive(Debug)]
pub(super) struct Layout {
    pub id: u64,
    pub raw: wgpu::BindGroupLayout,
}

/// The caches; see the module.
#[derive(Default)]
pub(super) struct Pipelines {
    pipelines: HashMap<u64, Vec<(Arc<Kernel>, bool, Arc<Pipeline>)>>,
    n_pipelines: usize,
    layouts: HashMap<Vec<bool>, Arc<Layout>>,
    uniform: Option<wgpu::BindGroupLayout>,
}

fn digest(kernel: &Kernel, uniform: bool) -> u64 {
    let mut state = DefaultHasher::new();
    (kernel.wgsl.as_str(), uniform, &kernel.access).hash(&mut state);
    for &(name, value) in &kernel.overrides {
        (name, value.to_bits()).hash(&mut state);
    }
    state.finish()
}

fn same(a: &Kernel, b: &Kernel) -> bool {
    a.wgsl == b.wgsl && a.overrides == b.overrides && a.access == b.access
}

impl Pipelines {
    /// The layout of group 1.
    pub fn uniform(&mut self, device: &wgpu::Device) -> &wgpu::BindGroupLayout {
        self.uniform.get_or_insert_with(|| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("ridgepoint uniform words"),
                entries: &[wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::COMPUTE,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: true,
                        min_binding_size: None,
                    },
                    count: None,
                }],
            })
        })
    }

    /// The layout of group 0.
    pub fn layout(&mut self, device: &wgpu::Device, access: &[Access]) -> Arc<Layout> {
        let read_only: Vec<bool> = access.iter().map(|&a| a == Access::Read).collect();
        let id = self.layouts.len() as u64;
        let make = |read_only: &Vec<bool>| {
            let entries: Vec<_> = read_only
                .iter()
                .zip(0..)
                .map(|(&read_only, binding)| wgpu::BindGroupLayoutEntry {
                    binding,
                    visibility: wgpu::ShaderStages::COMPUTE,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Storage { read_only },
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                    count: None,
                })
                .collect();
            let raw = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("ridgepoint storage"),
                entries: &entries,
            });
            Arc::new(Layout { id, raw })
        };
        self.layouts.entry(read_only).or_insert_with_key(make).clone()
    }

    /// The pipeline of a kernel; `uniform`: whether it has uniform words.
    pub fn get(&mut self, inner: &Inner, kernel: &Arc<Kernel>, uniform: bool) -> Result<Arc<Pipeline>> {
        let digest = digest(kernel, uniform);
        if let Some(pipeline) = self.find(digest, kernel, uniform) {
            return match pipeline.ticket.now() {
                Some(Err(error)) => Err((*error).clone()),
                _ => Ok(pipeline),
            };
        }
        let job = self.job(&inner.device, kernel, uniform);
        let pipeline = job.compile(inner)?;
        self.keep(inner, job, pipeline.clone());
        Ok(pipeline)
    }

    fn find(&self, digest: u64, kernel: &Kernel, uniform: bool) -> Option<Arc<Pipeline>> {
        let known = self.pipelines.get(&digest)?;
        known.iter().find(|(k, u, _)| *u == uniform && same(k, kernel)).map(|(_, _, pipeline)| pipeline.clone())
    }

    /// What compiling a kernel needs.
    fn job(&mut self, device: &wgpu::Device, kernel: &Arc<Kernel>, uniform: bool) -> Job {
        let groups = self.layout(device, &kernel.access);
        let words = uniform.then(|| self.uniform(device).clone());
        Job { kernel: kernel.clone(), groups, words }
    }

    /// The kernels of a plan that have no pipeline yet, each once.
    pub fn jobs(&mut self, device: &wgpu::Device, plan: &Plan) -> Vec<Job> {
        let mut jobs: Vec<Job> = Vec::new();
        for step in &plan.steps {
            let (kernel, uniform) = (&step.kernel, step.n_words > 0);
            let asked = jobs.iter().any(|j| j.words.is_some() == uniform && same(&j.kernel, kernel));
            if !asked && self.find(digest(kernel, uniform), kernel, uniform).is_none() {
                jobs.push(self.job(device, kernel, uniform));
            }
        }
        jobs
    }

    /// Keeps what a job gave; if another thread was first, both are as good.
    pub fn keep(&mut self, inner: &Inner, job: Job, pipeline: Arc<Pipeline>) {
        super::count(&inner.counts.pipelines, 1);
        let uniform = job.words.is_some();
        let known = self.pipelines.entry(digest(&job.kernel, uniform)).or_default();
        known.push((job.kernel, uniform, pipeline));
        self.n_pipelines += 1;
        if self.n_pipelines > IDLE {
            self.sweep();
        }
    }

    /// Forgets pipelines that no plan holds.
    fn sweep(&mut self) {
        self.pipelines.retain(|_, known| {
            known.retain(|(_, _, pipeline)| Arc::strong_count(pipeline) > 1);
            !known.is_empty()
        });
        self.n_pipelines = self.pipelines.values().map(Vec::len).sum();
    }

    /// Forgets everything (after a failure that may have left invalid objects).
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A kernel to be compiled.
pub(super) struct Job {
    kernel: Arc<Kernel>,
    groups: Arc<Layout>,
    /// The layout of the uniform words, if it has any.
    words: Option<wgpu::BindGroupLayout>,
}

impl Job {
    /// Compiles it. The error scopes are those of the calling thread.
    pub fn compile(&self, inner: &Inner) -> Result<Arc<Pipeline>> {
        let scopes = Scopes::push(&inner.device);
        let (raw, module) = self.create(inner);
        let ticket = match inner.seen(scopes.pop(&self.kernel.label, 0)) {
            Outcome::Fine => inner.fine.clone(),
            Outcome::Failed(error) => return Err(explain(&self.kernel, &module, error)),
            Outcome::Unknown(checks) => Ticket::waiting(checks, Vec::new()),
        };
        Ok(Arc::new(Pipeline { raw, groups: self.groups.clone(), ticket }))
    }

    fn create(&self, inner: &Inner) -> (wgpu::ComputePipeline, wgpu::ShaderModule) {
        let (device, kernel) = (&inner.device, &self.kernel);
        let label = Some(kernel.label.as_str());
        let layouts = [Some(&self.groups.raw), self.words.as_ref()];
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &layouts[..1 + usize::from(self.words.is_some())],
            immediate_size: 0,
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(kernel.wgsl.as_str().into()),
        });
        let raw = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &kernel.overrides,
                // kernels write workgroup memory before they read it
                zero_initialize_workgroup_memory: false,
            },
            cache: inner.cache.as_ref(),
        });
        (raw, module)
    }
}

/// Compiles jobs, on several threads if that is asked for.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn compile(inner: &Inner, jobs: &[Job], threads: usize) -> Vec<Result<Arc<Pipeline>>> {
    let threads = threads.min(jobs.len());
    if threads < 2 {
        return jobs.iter().map(|job| job.compile(inner)).collect();
    }
    let next = AtomicUsize::new(0);
    let made: Vec<OnceLock<Result<Arc<Pipeline>>>> = jobs.iter().map(|_| OnceLock::new()).collect();
    let work = || {
        while let Some((job, place)) = {
            let ix = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(ix).zip(made.get(ix))
        } {
            place.get_or_init(|| job.compile(inner));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // a thread that cannot be had leaves its share to the others
            let _spawned = std::thread::Builder::new().name("ridgepoint pipelines".into()).spawn_scoped(scope, work);
        }
        work();
    });
    made.into_iter().map(|place| place.into_inner().expect("bug: a job was left out")).collect()
}

/// Compiles jobs; browsers compile them side by side by themselves.
#[cfg(target_arch = "wasm32")]
pub(super) fn compile(inner: &Inner, jobs: &[Job], _threads: usize) -> Vec<Result<Arc<Pipeline>>> {
    jobs.iter().map(|job| job.compile(inner)).collect()
}

/// The error of a kernel that does not compile, with line and column where the compiler gives them.
fn explain(kernel: &Kernel, module: &wgpu::ShaderModule, error: Error) -> Error {
    if let Error::DeviceLost { .. } | Error::OutOfMemory { .. } = error {
        return error;
    }
    let mut info = Box::pin(module.get_compilation_info());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    if let std::task::Poll::Ready(info) = std::future::Future::poll(info.as_mut(), &mut cx) {
        let fault = info.messages.into_iter().find(|m| m.message_type == wgpu::CompilationMessageType::Error);
        if let Some(fault) = fault {
            let place = fault
                .location
                .map(|l| format!("line {}, column {}: ", l.line_number, l.line_position))
                .unwrap_or_default();
            return Error::Shader { label: kernel.label.clone(), message: format!("{place}{}", fault.message.trim()) };
        }
    }
    let message = match error {
        Error::Validation { message, .. } => message,
        other => other.to_string(),
    };
    Error::Shader { label: kernel.label.clone(), message }
}
