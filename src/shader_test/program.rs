//! Dispatches over the buffers of a test.

use super::Case;
use super::data::{self, Content};
use super::layout::{Layout, Value};
use super::spec::Pass;
use crate::run::Device;
use naga::{AddressSpace, GlobalVariable, Module, StorageAccess};
use std::collections::BTreeMap;
use std::sync::mpsc::channel;

/// Bytes before and after each buffer that nobody may write to; bindings begin at multiples of this.
const GUARD: usize = 256;
/// What the guards hold.
const GUARD_WORD: u32 = 0xA5C3_3C5A;
/// What outputs begin with: not a number, and as an integer none that a test would expect.
const POISON: u32 = 0x7FC5_A5A5;

/// What a test gives, or wants to have.
struct Buffer {
    name: String,
    layout: Layout,
    /// Elements of the array at its end.
    elements: usize,
    /// What it holds at the start.
    bytes: Vec<u8>,
    /// It has nothing to begin with.
    is_output: bool,
    /// Some pass may write to it.
    is_written: bool,
}

/// A dispatch.
struct Dispatch {
    /// The shader, in the order of the program.
    shader: usize,
    entry: String,
    groups: [u32; 3],
    overrides: BTreeMap<String, f64>,
    /// Group and number, and the buffer that is bound there; immediates have no place.
    bindings: Vec<(Option<(u32, u32)>, usize)>,
}

/// The passes of a test, with their buffers.
pub(super) struct Program<'a> {
    device: &'a Device,
    /// The shaders: that of the test, and those of passes that have another.
    texts: Vec<String>,
    buffers: Vec<Buffer>,
    dispatches: Vec<Dispatch>,
}

impl<'a> Program<'a> {
    pub(super) fn of(case: &Case, device: &'a Device, text: &str, passes: &[Pass]) -> Result<Self, String> {
        let mut program = Self { device, texts: Vec::new(), buffers: Vec::new(), dispatches: Vec::new() };
        let mut parsed = vec![(None, program.parse(text.to_owned())?)];
        for pass in passes {
            let known = parsed.iter().position(|(path, _)| *path == pass.shader);
            let shader = match (known, &pass.shader) {
                (Some(shader), _) => shader,
                (None, path) => {
                    let file = case.beside(path.as_deref().unwrap_or(&case.shader));
                    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
                    parsed.push((path.clone(), program.parse(text)?));
                    parsed.len() - 1
                }
            };
            let (module, info) = &parsed[shader].1;
            let ix = entry_point(module, pass.entry.as_deref())?;
            let mut bindings = Vec::new();
            for (handle, variable) in module.global_variables.iter() {
                let is_bound = variable.binding.is_some() || variable.space == AddressSpace::Immediate;
                if is_bound && !info.get_entry_point(ix)[handle].is_empty() {
                    let place = variable.binding.map(|binding| (binding.group, binding.binding));
                    bindings.push((place, program.bind(case, module, variable, pass)?));
                }
            }
            let entry = module.entry_points[ix].name.clone();
            let (groups, overrides) = (pass.dispatch, pass.overrides.clone());
            program.dispatches.push(Dispatch { shader, entry, groups, overrides, bindings });
        }
        if let Some(buffer) = program.buffers.iter().find(|buffer| buffer.is_output && !buffer.is_written) {
            return Err(format!("`buffers.{}`: the shader only reads it: it cannot be an output", buffer.name));
        }
        for name in case.spec.buffers.keys() {
            let mut variables = parsed.iter().flat_map(|(_, (module, _))| module.global_variables.iter());
            let is_variable = variables.any(|(_, variable)| variable.name.as_ref() == Some(name));
            if !is_variable && !passes.iter().any(|pass| pass.bind.values().any(|bound| bound == name)) {
                return Err(format!("`buffers.{name}`: the shader has no such variable, and no pass binds it"));
            }
        }
        Ok(program)
    }

    /// One more shader, parsed and validated.
    fn parse(&mut self, text: String) -> Result<(Module, naga::valid::ModuleInfo), String> {
        let module = naga::front::wgsl::parse_str(&text).map_err(|e| e.emit_to_string(&text))?;
        let flags = naga::valid::ValidationFlags::all();
        let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all())
            .validate(&module)
            .map_err(|e| e.emit_to_string(&text))?;
        self.texts.push(text);
        Ok((module, info))
    }

    /// The buffer that a pass binds to a variable.
    fn bind(&mut self, case: &Case, module: &Module, variable: &GlobalVariable, pass: &Pass) -> Result<usize, String> {
        let own = variable.name.clone().unwrap_or_default();
        let mut name = pass.bind.get(&own).cloned().unwrap_or(own);
        let fault = |name: &str, e: String| format!("`buffers.{name}`: {e}");
        let layout = Layout::of(module, variable.ty).map_err(|e| fault(&name, e))?;
        let is_written =
            matches!(variable.space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE));
        let content = |name: &str| match case.spec.buffers.get(name) {
            Some(source) => data::content(case, source, &layout),
            None if is_written && !layout.is_open() => Ok(Content::Output(0)),
            None => Err("the test gives no data for it".into()),
        };
        let known = |buffers: &[Buffer], name: &str| buffers.iter().position(|buffer| buffer.name == name);
        if known(&self.buffers, &name).is_none()
            && let Content::Alias(other) = content(&name).map_err(|e| fault(&name, e))?
        {
            name = other;
        }
        if let Some(ix) = known(&self.buffers, &name) {
            self.buffers[ix].is_written |= is_written;
            return Ok(ix);
        }
        let (elements, bytes, is_output) = match content(&name).map_err(|e| fault(&name, e))? {
            Content::Numbers(numbers) => {
                let elements = layout.elements(numbers.len()).map_err(|e| fault(&name, e))?;
                let mut bytes = vec![0; layout.bytes(elements)];
                layout.encode(&numbers, &mut bytes).map_err(|e| fault(&name, e))?;
                (elements, bytes, false)
            }
            Content::Output(elements) => (elements, POISON.to_le_bytes().repeat(layout.bytes(elements) / 4), true),
            Content::Alias(_) => return Err(fault(&name, "it shares a buffer that shares another".into())),
        };
        self.buffers.push(Buffer { name, layout, elements, bytes, is_output, is_written });
        Ok(self.buffers.len() - 1)
    }

    /// How a buffer's numbers lie.
    pub(super) fn layout(&self, name: &str) -> Option<&Layout> {
        self.buffers.iter().find(|buffer| buffer.name == name).map(|buffer| &buffer.layout)
    }

    /// Runs it, and reads what it wrote.
    pub(super) fn run(&self) -> Result<BTreeMap<String, Vec<Value>>, String> {
        let device = self.device.wgpu_device();
        let scopes = [wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation]
            .map(|filter| device.push_error_scope(filter));
        let ran = self.submit();
        // the innermost is popped first, but what happened inside of wgpu comes before what was not valid for that reason
        let mut error = None;
        for scope in scopes.into_iter().rev() {
            error = pollster::block_on(scope.pop()).or(error);
        }
        if let Some(error) = error {
            return Err(error.to_string().trim_end().to_owned());
        }
        let mut results = BTreeMap::new();
        for (buffer, read) in ran {
            let bytes = self.read(&read)?;
            let (before, rest) = bytes.split_at(GUARD);
            let (own, after) = rest.split_at(buffer.bytes.len());
            if [before, after].iter().any(|guard| guard.chunks_exact(4).any(|word| *word != GUARD_WORD.to_le_bytes())) {
                return Err(format!("`{}`: the shader wrote beyond its ends", buffer.name));
            }
            results.insert(buffer.name.clone(), buffer.layout.decode(buffer.elements, own));
        }
        Ok(results)
    }

    /// Submits the dispatches, each in a pass of its own, and the copies to read.
    fn submit(&self) -> Vec<(&Buffer, wgpu::Buffer)> {
        let (device, queue) = (self.device.wgpu_device(), self.device.wgpu_queue());
        let module = |text: &String| {
            let source = wgpu::ShaderSource::Wgsl(text.as_str().into());
            device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source })
        };
        let modules: Vec<_> = self.texts.iter().map(module).collect();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let buffers: Vec<_> = self.buffers.iter().map(|buffer| (buffer, self.upload(buffer))).collect();
        for dispatch in &self.dispatches {
            self.record(dispatch, &modules[dispatch.shader], &buffers, &mut encoder);
        }
        let mut reads = Vec::new();
        for (buffer, own) in buffers {
            if buffer.is_written {
                let read = device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(&buffer.name),
                    size: own.size(),
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                encoder.copy_buffer_to_buffer(&own, 0, &read, 0, own.size());
                reads.push((buffer, read));
            }
        }
        queue.submit([encoder.finish()]);
        reads
    }

    fn record(
        &self,
        dispatch: &Dispatch,
        module: &wgpu::ShaderModule,
        buffers: &[(&Buffer, wgpu::Buffer)],
        encoder: &mut wgpu::CommandEncoder,
    ) {
        let device = self.device.wgpu_device();
        let constants: Vec<(&str, f64)> =
            dispatch.overrides.iter().map(|(name, &value)| (name.as_str(), value)).collect();
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&dispatch.entry),
            layout: None,
            module,
            entry_point: Some(&dispatch.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..wgpu::PipelineCompilationOptions::default()
            },
            cache: None,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        let mut by_group: BTreeMap<u32, Vec<wgpu::BindGroupEntry<'_>>> = BTreeMap::new();
        for &(place, ix) in &dispatch.bindings {
            let (own, buffer) = &buffers[ix];
            if let Some((group, binding)) = place {
                let size = wgpu::BufferSize::new(own.bytes.len() as u64);
                let resource = wgpu::BufferBinding { buffer, offset: GUARD as u64, size };
                let entry = wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(resource) };
                by_group.entry(group).or_default().push(entry);
            } else {
                pass.set_immediates(0, &own.bytes);
            }
        }
        for (group, entries) in by_group {
            let layout = pipeline.get_bind_group_layout(group);
            let descriptor = wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries };
            pass.set_bind_group(group, &device.create_bind_group(&descriptor), &[]);
        }
        let [x, y, z] = dispatch.groups;
        pass.dispatch_workgroups(x, y, z);
    }

    /// The buffer on the device, with guards around it.
    fn upload(&self, buffer: &Buffer) -> wgpu::Buffer {
        use wgpu::BufferUsages as Usage;
        let guard = GUARD_WORD.to_le_bytes().repeat(GUARD / 4);
        let bytes = [guard.as_slice(), &buffer.bytes, &guard].concat();
        let own = self.device.wgpu_device().create_buffer(&wgpu::BufferDescriptor {
            label: Some(&buffer.name),
            size: bytes.len() as u64,
            usage: Usage::UNIFORM | Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST,
            mapped_at_creation: false,
        });
        self.device.wgpu_queue().write_buffer(&own, 0, &bytes);
        own
    }

    fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<u8>, String> {
        let (send, receive) = channel();
        buffer.slice(..).map_async(wgpu::MapMode::Read, move |mapped| {
            // the receiver waits below
            let _ = send.send(mapped);
        });
        self.device.wait_blocking().map_err(|e| e.to_string())?;
        let mapped = receive.try_recv().map_err(|_| "the device does not answer".to_owned())?;
        mapped.map_err(|e| e.to_string())?;
        let view = buffer.slice(..).get_mapped_range().map_err(|e| e.to_string())?;
        Ok(view.to_vec())
    }
}

fn entry_point(module: &naga::Module, name: Option<&str>) -> Result<usize, String> {
    let computes = |entry: &naga::EntryPoint| entry.stage == naga::ShaderStage::Compute;
    let all = || module.entry_points.iter().enumerate().filter(|(_, entry)| computes(entry));
    let names = || all().map(|(_, entry)| entry.name.as_str()).collect::<Vec<_>>().join(", ");
    match name {
        Some(name) => {
            let found = all().find(|(_, entry)| entry.name == name);
            found.map(|(ix, _)| ix).ok_or_else(|| format!("there is no entry point `{name}`; there are {}", names()))
        }
        None => match all().collect::<Vec<_>>()[..] {
            [(ix, _)] => Ok(ix),
            [] => Err("the shader has no compute entry point".into()),
            _ => Err(format!("`entry` must say which entry point is meant: {}", names())),
        },
    }
}
