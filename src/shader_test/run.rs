//! A test on a device.

use super::data::{self, Content};
use super::layout::{Layout, Value};
use super::spec::{self, Expect, Other, Test};
use super::{Case, Settings, compare};
use crate::cpu::{self, Findings};
use crate::error::Result as Outcome;
use crate::lint;
use crate::run::{Adapter, Device, Options};
use naga::{AddressSpace, StorageAccess};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

/// Bytes before and after each buffer that nobody may write to; bindings begin at multiples of this.
const GUARD: usize = 256;
/// What the guards hold.
const GUARD_WORD: u32 = 0xA5C3_3C5A;
/// What outputs begin with: not a number, and as an integer none that a test would expect.
const POISON: u32 = 0x7FC5_A5A5;

/// What shaders may use where the adapter has it.
fn features() -> wgpu::Features {
    use wgpu::Features as F;
    F::SHADER_F16
        | F::SHADER_I16
        | F::SHADER_INT64
        | F::SHADER_FLOAT32_ATOMIC
        | F::SHADER_INT64_ATOMIC_MIN_MAX
        | F::SHADER_INT64_ATOMIC_ALL_OPS
        | F::SUBGROUP
        | F::SUBGROUP_BARRIER
        | F::IMMEDIATES
}

/// An adapter that tests run on.
#[derive(Clone, Debug)]
pub struct Target {
    name: String,
    device: Device,
    /// What the sanitizer of the CPU device finds.
    findings: Option<Arc<Findings>>,
}

impl Target {
    /// Opens an adapter with all features that shaders may use; the CPU device with its sanitizer and with large limits.
    ///
    /// # Errors
    /// Those of [`Device::open`].
    pub fn open(adapter: Adapter) -> Outcome<Self> {
        let cpu = cpu::Options { limits: cpu::Limits::Large, checks: cpu::Checks::all(), ..cpu::Options::default() };
        let findings = cpu.findings.clone();
        let device = Device::open_blocking(Options { adapter, features: features(), cpu, ..Options::default() })?;
        let info = device.info();
        let is_cpu = info.backend == "cpu";
        let name = if is_cpu { "cpu".to_owned() } else { info.to_string() };
        Ok(Self { name, device, findings: is_cpu.then_some(findings) })
    }

    /// `cpu` for the embedded CPU device, else the adapter's name with backend and kind.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Runs a test; the message of an error is for people.
pub(super) fn run(case: &Case, target: &Target, settings: Settings) -> Result<(), String> {
    let text = read(&case.shader)?;
    if let Some(rules) = &case.spec.lint {
        linted(&text, rules)?;
    }
    let test = &case.spec;
    if let Some(findings) = &target.findings {
        // whatever a test before this one left
        drop(findings.take());
    }
    let program = Program::of(case, target, &text, test.entry.as_deref(), &test.overrides);
    let ran = program.and_then(|program| program.run(test.dispatch).map(|results| (program, results)));
    let (program, results) = match (ran, &test.error) {
        (Err(error), Some(expected)) if error.contains(expected.as_str()) => return Ok(()),
        (Err(error), Some(expected)) => return Err(format!("an error with {expected:?} is expected, it is:\n{error}")),
        (Ok(_), Some(expected)) => return Err(format!("an error with {expected:?} is expected, and there is none")),
        (Err(error), None) => return Err(error),
        (Ok(ran), None) => ran,
    };
    if test.expect.is_empty() && test.findings.is_empty() && test.lint.is_none() {
        return Err("the test expects nothing: add `expect.NAME`, `findings`, `lint` or `error`".into());
    }
    let mut faults = Vec::new();
    if let Some(findings) = &target.findings {
        faults.extend(sanitized(&text, &findings.take(), &test.findings).err());
    }
    for (name, expect) in &test.expect {
        let Some(got) = results.get(name) else {
            let names: Vec<&str> = results.keys().map(String::as_str).collect();
            return Err(format!("`expect.{name}`: the shader writes no such variable; it writes {}", names.join(", ")));
        };
        let check = Check { case, target, settings, program: &program, name, got, expect };
        faults.extend(check.run().err());
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Whether the lint finds what is expected of it, and nothing else.
fn linted(text: &str, rules: &[String]) -> Result<(), String> {
    let findings = lint::source(text, &lint::Settings::default())?;
    for rule in rules {
        if lint::Rule::named(rule).is_none() {
            let all = lint::Rule::ALL.map(lint::Rule::name).join(", ");
            return Err(format!("`lint`: there is no rule {rule:?}; the rules are {all}"));
        }
        if !findings.iter().any(|finding| finding.rule.name() == rule) {
            return Err(format!("the lint should find {rule}, and does not"));
        }
    }
    let others: Vec<String> =
        findings.iter().filter(|f| !rules.iter().any(|rule| rule == f.rule.name())).map(ToString::to_string).collect();
    if others.is_empty() { Ok(()) } else { Err(format!("the lint finds\n  {}", others.join("\n  "))) }
}

/// Whether the sanitizer finds what is expected of it, and nothing else.
fn sanitized(text: &str, found: &[cpu::Finding], expected: &[spec::Finding]) -> Result<(), String> {
    let line = |finding: &cpu::Finding| {
        text.get(..finding.span.start).map_or(0, |before| before.lines().count().max(1) as u32)
    };
    let is = |expected: &spec::Finding, finding: &cpu::Finding| {
        expected.kind == kind(finding.kind)
            && expected.line.is_none_or(|expected| expected == line(finding))
            && expected.variable.as_ref().is_none_or(|variable| *variable == finding.variable)
    };
    let all = || found.iter().map(|f| format!("\n  {}: line {}: {f}", kind(f.kind), line(f))).collect::<String>();
    for expected in expected {
        if !found.iter().any(|finding| is(expected, finding)) {
            return Err(format!(
                "the sanitizer should report {expected}; it reports {}",
                if found.is_empty() { "nothing".into() } else { all() }
            ));
        }
    }
    if found.iter().all(|finding| expected.iter().any(|expected| is(expected, finding))) {
        Ok(())
    } else {
        Err(format!("the sanitizer reports{}", all()))
    }
}

/// The kind's name in a test: `OutOfBounds` is `out-of-bounds`.
fn kind(kind: cpu::Kind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// One expectation.
struct Check<'a> {
    case: &'a Case,
    target: &'a Target,
    settings: Settings,
    program: &'a Program<'a>,
    name: &'a str,
    got: &'a [Value],
    expect: &'a Expect,
}

impl Check<'_> {
    fn run(&self) -> Result<(), String> {
        let Self { name, got, expect, .. } = *self;
        let fault = |e: String| format!("`expect.{name}`: {e}");
        if let Some(legal) = &expect.one_of {
            let mut values = Vec::new();
            let scalar = got.first().map_or(naga::Scalar::U32, |value| value.scalar);
            for &number in legal {
                values.push(Value::of(number, scalar).map_err(&fault)?);
            }
            return compare::one_of(name, got, &values, expect);
        }
        let want = match (&expect.same_as, &expect.snapshot) {
            (Some(other), _) => self.other(other).map_err(&fault)?,
            (None, Some(file)) => match self.snapshot(file).map_err(&fault)? {
                Some(want) => want,
                None => return Ok(()),
            },
            (None, None) => {
                let layout = &self.program.variable(name).ok_or("bug: a result without a variable")?.layout;
                // fewer than there are may be given when only the first are compared
                let content = data::content(self.case, &expect.source(), layout).map_err(&fault)?;
                let Content::Numbers(numbers) = content else {
                    return Err(fault("a buffer can be an output, an expectation cannot".into()));
                };
                numbers
                    .iter()
                    .zip(0..)
                    .map(|(&number, ix)| Value::of(number, layout.scalar(ix)))
                    .collect::<Result<_, _>>()
                    .map_err(&fault)?
            }
        };
        compare::compare(name, got, &want, expect)
    }

    /// What another shader writes, given the same buffers.
    fn other(&self, other: &Other) -> Result<Vec<Value>, String> {
        let path = other.shader.as_ref().map_or(self.case.shader.clone(), |shader| self.case.beside(shader));
        let text = read(&path)?;
        let overrides = other.overrides.as_ref().unwrap_or(&self.case.spec.overrides);
        let program = Program::of(self.case, self.target, &text, other.entry.as_deref(), overrides)?;
        let mut results = program.run(other.dispatch().unwrap_or(self.case.spec.dispatch))?;
        let name = other.buffer.as_deref().unwrap_or(self.name);
        results.remove(name).ok_or_else(|| format!("{} writes no `{name}`", path.display()))
    }

    /// The values in a snapshot; `None` after it was written.
    fn snapshot(&self, file: &Path) -> Result<Option<Vec<Value>>, String> {
        let path = self.case.beside(file);
        if self.settings.bless {
            let lines: Vec<String> = self.got.iter().map(ToString::to_string).collect();
            fs::write(&path, lines.join("\n") + "\n").map_err(|e| format!("{}: {e}", path.display()))?;
            return Ok(None);
        }
        let text = read(&path).map_err(|e| format!("{e}; `--bless` writes it"))?;
        let mut want = Vec::new();
        for (line, got) in text.lines().zip(self.got.iter().map(Some).chain(std::iter::repeat(None))) {
            let scalar = got.or(self.got.last()).map_or(naga::Scalar::U32, |value| value.scalar);
            let number =
                spec::Number::parse(line).ok_or_else(|| format!("{}: {line:?} is not a number", path.display()))?;
            want.push(Value::of(number, scalar)?);
        }
        Ok(Some(want))
    }
}

/// A variable of the shader that is bound to something.
struct Variable {
    name: String,
    space: AddressSpace,
    /// Group and number; immediates have none.
    place: Option<(u32, u32)>,
    layout: Layout,
    /// Elements of the array at its end.
    elements: usize,
    /// What it holds at the start.
    bytes: Vec<u8>,
    /// The variable whose buffer it shares.
    alias: Option<String>,
}

impl Variable {
    fn is_written(&self) -> bool {
        matches!(self.space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE))
    }
}

/// An entry point with its data.
struct Program<'a> {
    target: &'a Target,
    text: &'a str,
    entry: String,
    overrides: &'a BTreeMap<String, f64>,
    variables: Vec<Variable>,
}

impl<'a> Program<'a> {
    fn of(
        case: &Case,
        target: &'a Target,
        text: &'a str,
        entry: Option<&str>,
        overrides: &'a BTreeMap<String, f64>,
    ) -> Result<Self, String> {
        let module = naga::front::wgsl::parse_str(text).map_err(|e| e.emit_to_string(text))?;
        let flags = naga::valid::ValidationFlags::all();
        let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all())
            .validate(&module)
            .map_err(|e| e.emit_to_string(text))?;
        let ix = entry_point(&module, entry)?;
        let mut variables = Vec::new();
        for (handle, variable) in module.global_variables.iter() {
            let is_bound = variable.binding.is_some() || variable.space == AddressSpace::Immediate;
            if is_bound && !info.get_entry_point(ix)[handle].is_empty() {
                variables.push(bound(&module, variable, &case.spec, case)?);
            }
        }
        share(&mut variables)?;
        for name in case.spec.buffers.keys() {
            if !module.global_variables.iter().any(|(_, variable)| variable.name.as_ref() == Some(name)) {
                return Err(format!("`buffers.{name}`: the shader has no such variable"));
            }
        }
        let entry = module.entry_points[ix].name.clone();
        Ok(Self { target, text, entry, overrides, variables })
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// Runs it, and reads what it wrote.
    fn run(&self, groups: [u32; 3]) -> Result<BTreeMap<String, Vec<Value>>, String> {
        let device = self.target.device.wgpu_device();
        let scopes = [wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation]
            .map(|filter| device.push_error_scope(filter));
        let ran = self.submit(groups);
        // the innermost is popped first, but what happened inside of wgpu comes before what was not valid for that reason
        let mut error = None;
        for scope in scopes.into_iter().rev() {
            error = pollster::block_on(scope.pop()).or(error);
        }
        if let Some(error) = error {
            return Err(error.to_string().trim_end().to_owned());
        }
        let mut results = BTreeMap::new();
        for (variable, read) in ran {
            let bytes = self.read(&read)?;
            let (before, rest) = bytes.split_at(GUARD);
            let (own, after) = rest.split_at(variable.bytes.len());
            if [before, after].iter().any(|guard| guard.chunks_exact(4).any(|word| *word != GUARD_WORD.to_le_bytes())) {
                return Err(format!("`{}`: the shader wrote beyond its ends", variable.name));
            }
            results.insert(variable.name.clone(), variable.layout.decode(variable.elements, own));
        }
        Ok(results)
    }

    /// Submits the dispatch and the copies to read.
    fn submit(&self, groups: [u32; 3]) -> Vec<(&Variable, wgpu::Buffer)> {
        let (device, queue) = (self.target.device.wgpu_device(), self.target.device.wgpu_queue());
        let pipeline = self.pipeline();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut buffers: Vec<_> = self.variables.iter().map(|variable| (variable, self.buffer(variable))).collect();
        for ix in 0..buffers.len() {
            if let Some(other) = &buffers[ix].0.alias
                && let Some(shared) = buffers.iter().find(|(variable, _)| variable.name == *other)
            {
                buffers[ix].1 = shared.1.clone();
            }
        }
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            let mut by_group: BTreeMap<u32, Vec<wgpu::BindGroupEntry<'_>>> = BTreeMap::new();
            for (variable, buffer) in &buffers {
                if let Some((group, binding)) = variable.place {
                    let size = wgpu::BufferSize::new(variable.bytes.len() as u64);
                    let resource = wgpu::BufferBinding { buffer, offset: GUARD as u64, size };
                    let entry = wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(resource) };
                    by_group.entry(group).or_default().push(entry);
                } else {
                    pass.set_immediates(0, &variable.bytes);
                }
            }
            for (group, entries) in by_group {
                let layout = pipeline.get_bind_group_layout(group);
                let descriptor = wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries };
                pass.set_bind_group(group, &device.create_bind_group(&descriptor), &[]);
            }
            pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        }
        let mut reads = Vec::new();
        for (variable, buffer) in buffers {
            if variable.is_written() {
                let read = device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(&variable.name),
                    size: buffer.size(),
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                encoder.copy_buffer_to_buffer(&buffer, 0, &read, 0, buffer.size());
                reads.push((variable, read));
            }
        }
        queue.submit([encoder.finish()]);
        reads
    }

    fn pipeline(&self) -> wgpu::ComputePipeline {
        let device = self.target.device.wgpu_device();
        let source = wgpu::ShaderSource::Wgsl(self.text.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let constants: Vec<(&str, f64)> = self.overrides.iter().map(|(name, &value)| (name.as_str(), value)).collect();
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&self.entry),
            layout: None,
            module: &module,
            entry_point: Some(&self.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..wgpu::PipelineCompilationOptions::default()
            },
            cache: None,
        })
    }

    /// A buffer with guards around the variable.
    fn buffer(&self, variable: &Variable) -> wgpu::Buffer {
        let usage = match variable.space {
            AddressSpace::Uniform => wgpu::BufferUsages::UNIFORM,
            _ => wgpu::BufferUsages::STORAGE,
        };
        let buffer = self.target.device.wgpu_device().create_buffer(&wgpu::BufferDescriptor {
            label: Some(&variable.name),
            size: (variable.bytes.len() + 2 * GUARD) as u64,
            usage: usage | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let guard = GUARD_WORD.to_le_bytes().repeat(GUARD / 4);
        let bytes = [guard.as_slice(), &variable.bytes, &guard].concat();
        self.target.device.wgpu_queue().write_buffer(&buffer, 0, &bytes);
        buffer
    }

    fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<u8>, String> {
        let (send, receive) = channel();
        buffer.slice(..).map_async(wgpu::MapMode::Read, move |mapped| {
            // the receiver waits below
            let _ = send.send(mapped);
        });
        self.target.device.wait_blocking().map_err(|e| e.to_string())?;
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

/// A variable with what the test gives it.
fn bound(module: &naga::Module, variable: &naga::GlobalVariable, spec: &Test, case: &Case) -> Result<Variable, String> {
    let name = variable.name.clone().unwrap_or_default();
    let fault = |e: String| format!("`buffers.{name}`: {e}");
    let layout = Layout::of(module, variable.ty).map_err(&fault)?;
    let place = variable.binding.map(|binding| (binding.group, binding.binding));
    let is_open = layout.is_open();
    let mut own = Variable {
        name: name.clone(),
        space: variable.space,
        place,
        layout,
        elements: 0,
        bytes: Vec::new(),
        alias: None,
    };
    let content = match spec.buffers.get(&name) {
        Some(source) => data::content(case, source, &own.layout).map_err(&fault)?,
        None if own.is_written() && !is_open => Content::Output(0),
        None => return Err(fault("the test gives no data for it".into())),
    };
    match content {
        Content::Numbers(numbers) => {
            own.elements = own.layout.elements(numbers.len()).map_err(&fault)?;
            own.bytes = vec![0; own.layout.bytes(own.elements)];
            own.layout.encode(&numbers, &mut own.bytes).map_err(fault)?;
        }
        Content::Output(elements) if own.is_written() => {
            own.elements = elements;
            own.bytes = POISON.to_le_bytes().repeat(own.layout.bytes(elements) / 4);
        }
        Content::Output(_) => return Err(fault("the shader only reads it: it cannot be an output".into())),
        Content::Alias(other) => own.alias = Some(other),
    }
    Ok(own)
}

/// Gives variables that share a buffer what the other one holds.
fn share(variables: &mut [Variable]) -> Result<(), String> {
    for ix in 0..variables.len() {
        let Some(other) = variables[ix].alias.clone() else { continue };
        let name = &variables[ix].name;
        let source = variables.iter().find(|variable| variable.name == other && variable.alias.is_none());
        let source = source.ok_or_else(|| format!("`buffers.{name}`: there is no `{other}` with data to share"))?;
        let bytes = source.bytes.clone();
        let numbers = source.layout.numbers(source.elements);
        let own = &mut variables[ix];
        own.elements = own.layout.elements(numbers).map_err(|e| format!("`buffers.{}`: {e}", own.name))?;
        own.bytes = bytes;
    }
    Ok(())
}
