//! A test on a device.

use super::data::{self, Content};
use super::layout::Value;
use super::program::Program;
use super::spec::{self, Expect, Other};
use super::{Case, Settings, compare};
use crate::cpu::{self, Findings};
use crate::error::Result as Outcome;
use crate::lint;
use crate::run::{Adapter, Device, Options};
use std::fs;
use std::path::Path;
use std::sync::Arc;

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

    fn device(&self) -> &Device {
        &self.device
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
    let program = Program::of(case, target.device(), &text, &test.passes);
    let ran = program.and_then(|program| program.run().map(|results| (program, results)));
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
        let Self { name, expect, .. } = *self;
        let fault = |e: String| format!("`expect.{name}`: {e}");
        let viewed = expect.view.as_ref().map(|kind| Value::view(self.got, kind)).transpose().map_err(&fault)?;
        let got = viewed.as_deref().unwrap_or(self.got);
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
                let layout = self.program.layout(name).ok_or("bug: a result without a buffer")?;
                // fewer than there are may be given when only the first are compared
                let content = data::content(self.case, &expect.source(), layout).map_err(&fault)?;
                let Content::Numbers(numbers) = content else {
                    return Err(fault("a buffer can be an output, an expectation cannot".into()));
                };
                numbers
                    .iter()
                    .zip(0..)
                    .map(|(&number, ix)| {
                        let viewed = viewed.as_ref().and_then(|all| all.first()).map(|value| value.scalar);
                        Value::of(number, viewed.unwrap_or_else(|| layout.scalar(ix)))
                    })
                    .collect::<Result<_, _>>()
                    .map_err(&fault)?
            }
        };
        let within = expect.within.as_ref().map(|file| self.bounds(file)).transpose().map_err(&fault)?;
        compare::compare(name, got, &want, expect, within.as_deref())
    }

    /// The bounds in a file.
    fn bounds(&self, file: &Path) -> Result<Vec<f64>, String> {
        let numbers = data::npy(self.case, file)?;
        Ok(numbers.into_iter().map(spec::Number::float).collect())
    }

    /// What another shader writes, given the same buffers.
    fn other(&self, other: &Other) -> Result<Vec<Value>, String> {
        let path = other.shader.as_ref().map_or(self.case.shader.clone(), |shader| self.case.beside(shader));
        let text = read(&path)?;
        let pass = other.pass(&self.case.spec);
        let mut results = Program::of(self.case, self.target.device(), &text, &[pass])?.run()?;
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
