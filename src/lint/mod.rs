//! A portability lint for WGSL compute shaders: what works on the driver at hand and not everywhere.
//!
//! naga accepts more than a browser does, and a driver forgives more than the specification promises. The lint reports
//! - barriers, `workgroupUniformLoad` and subgroup operations where the control flow may not be uniform (browsers refuse the former),
//! - what exceeds WebGPU's portable limits, or needs a feature that browsers lack or must be asked for,
//! - hazards with NaN: comparisons of a value with itself, `pow` of what may be negative, `tanh` of what may be large,
//! - assumptions on the size of a workgroup or a subgroup.
//!
//! ```
//! use ridgepoint::lint;
//! let shader = "
//!     @compute @workgroup_size(64)
//!     fn main(@builtin(local_invocation_index) lane: u32) {
//!         if lane < 32u { workgroupBarrier(); }
//!     }";
//! let findings = lint::source(shader, &lint::Settings::default())?;
//! assert_eq!(findings[0].rule, lint::Rule::BarrierUniformity);
//! assert_eq!((findings[0].line, findings[0].column), (4, 25));
//! # Ok::<(), String>(())
//! ```
//!
//! A line with `lint: allow(RULE)` in a comment, or the line after it, is exempt from that rule.

mod features;
mod hazard;
mod limits;
mod size;
#[cfg(test)]
mod tests;
mod uniformity;

use std::fmt;

/// What is wrong in kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// A barrier where not all invocations of the workgroup may arrive.
    BarrierUniformity,
    /// A subgroup operation where not all invocations of the subgroup may arrive.
    SubgroupUniformity,
    /// More than WebGPU's portable limits.
    Limit,
    /// Something that no browser has.
    NotWebgpu,
    /// A feature of WebGPU that must be asked for, and that not every device has.
    OptionalFeature,
    /// A result that is NaN on some devices, or a test for NaN that need not work.
    Nan,
    /// An assumption on the size of a workgroup.
    WorkgroupSize,
    /// An assumption on the size of a subgroup.
    SubgroupSize,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::BarrierUniformity,
        Self::SubgroupUniformity,
        Self::Limit,
        Self::NotWebgpu,
        Self::OptionalFeature,
        Self::Nan,
        Self::WorkgroupSize,
        Self::SubgroupSize,
    ];

    /// Its name in messages and in `lint: allow(…)`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BarrierUniformity => "barrier-uniformity",
            Self::SubgroupUniformity => "subgroup-uniformity",
            Self::Limit => "limit",
            Self::NotWebgpu => "not-webgpu",
            Self::OptionalFeature => "optional-feature",
            Self::Nan => "nan",
            Self::WorkgroupSize => "workgroup-size",
            Self::SubgroupSize => "subgroup-size",
        }
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// Whether a portable device refuses the shader, rather than perhaps computing something else.
    #[must_use]
    pub fn refuses(self) -> bool {
        matches!(self, Self::BarrierUniformity | Self::Limit | Self::NotWebgpu)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is reported.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Rules that are not applied.
    pub allow: Vec<Rule>,
}

impl Settings {
    /// With one more rule that is not applied.
    #[must_use]
    pub fn allow(mut self, rule: Rule) -> Self {
        self.allow.push(rule);
        self
    }
}

/// One report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Its kind.
    pub rule: Rule,
    /// Line from 1; 0 where the whole shader is meant.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Finding {
    /// `line:column: error[rule]: message; hint`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.rule.refuses() { "error" } else { "warning" };
        let Self { rule, line, column, message, hint } = self;
        write!(f, "{line}:{column}: {level}[{rule}]: {message}; {hint}")
    }
}

/// A report before its place is known as line and column.
struct Found {
    rule: Rule,
    span: naga::Span,
    message: String,
    hint: String,
}

impl Found {
    fn new(rule: Rule, span: naga::Span, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { rule, span, message: message.into(), hint: hint.into() }
    }
}

/// Lints WGSL.
///
/// # Errors
/// What naga says of a shader that is not valid.
pub fn source(wgsl: &str, settings: &Settings) -> Result<Vec<Finding>, String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let flags = naga::valid::ValidationFlags::all();
    let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all())
        .validate(&module)
        .map_err(|e| e.emit_to_string(wgsl))?;
    Ok(self::module(&module, &info, wgsl, settings))
}

/// Lints a module that naga validated. Places are found in `wgsl`, from which it was made.
#[must_use]
pub fn module(module: &naga::Module, info: &naga::valid::ModuleInfo, wgsl: &str, settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    uniformity::check(module, &mut found);
    limits::check(module, info, wgsl, &mut found);
    features::check(module, &mut found);
    hazard::check(module, info, &mut found);
    size::check(module, &mut found);
    let exempt = exemptions(wgsl);
    let place = |f: Found| {
        // constants have no place of their own
        let at = if f.span.is_defined() { Some(f.span.location(wgsl)) } else { None };
        let (line, column) = at.map_or((0, 0), |at| (at.line_number, at.line_position));
        Finding { rule: f.rule, line, column, message: f.message, hint: f.hint }
    };
    let mut findings: Vec<Finding> = found.into_iter().map(place).collect();
    findings.retain(|f| !settings.allow.contains(&f.rule) && !exempt.contains(&(f.line, f.rule)));
    findings.sort_by_key(|f| (f.line, f.column, f.rule));
    findings.dedup();
    findings
}

/// Lines and the rules that do not apply to them.
fn exemptions(wgsl: &str) -> Vec<(u32, Rule)> {
    let mut exempt = Vec::new();
    for (line, text) in (1..).zip(wgsl.lines()) {
        let Some((_, comment)) = text.split_once("//") else { continue };
        let Some((_, list)) = comment.split_once("lint: allow(") else { continue };
        for name in list.split(')').next().unwrap_or_default().split(',') {
            exempt.extend(Rule::named(name.trim()).into_iter().flat_map(|rule| [(line, rule), (line + 1, rule)]));
        }
    }
    exempt
}

/// Panics with all findings, for tests of shaders.
///
/// # Panics
/// If the shader is not valid, or something is found.
#[track_caller]
pub fn assert_portable(wgsl: &str, settings: &Settings) {
    match source(wgsl, settings) {
        Err(error) => panic!("{error}"),
        Ok(findings) if findings.is_empty() => {}
        Ok(findings) => {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            panic!("the shader is not portable:\n{}", lines.join("\n"));
        }
    }
}

/// The functions of a module with the entry points behind them.
fn functions(module: &naga::Module) -> impl Iterator<Item = &naga::Function> {
    let own = module.functions.iter().map(|(_, function)| function);
    own.chain(module.entry_points.iter().map(|entry| &entry.function))
}

/// The entry points that compute.
fn compute(module: &naga::Module) -> impl Iterator<Item = (usize, &naga::EntryPoint)> {
    module.entry_points.iter().enumerate().filter(|(_, entry)| entry.stage == naga::ShaderStage::Compute)
}
