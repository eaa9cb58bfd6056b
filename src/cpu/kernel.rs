//! A compute entry point that can be dispatched: lowered to a tape, assembled for this processor.
use super::lower;
use super::machine::{How, Machine, Seen};
pub use super::machine::{Isa, Span, Threads};
pub use super::sanitize::{Checks, Finding, Findings, Kind};
use super::tape::Memory;

/// How kernels are made and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The instruction set; one that the processor lacks gives the best that it has.
    pub isa: Isa,
    /// Invocations in a subgroup.
    pub subgroup_size: u32,
    /// A multiply-add rounds once where the processor can.
    pub fused: bool,
    /// What the sanitizer looks for.
    pub checks: Checks,
    /// Straight-line stretches become machine code where the processor has the instructions.
    pub native: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { isa: Isa::best(), subgroup_size: 32, fused: true, checks: Checks::default(), native: true }
    }
}

/// A compute entry point, ready to run.
#[derive(Debug)]
pub struct Kernel {
    machine: Machine,
    bindings: Vec<(u32, u32)>,
    entry: String,
    label: String,
    source: Option<String>,
    checks: Checks,
}

/// Line and column of a byte of the source, from 1.
fn line_and_column(source: &str, byte: usize) -> (u32, u32) {
    let before = &source.as_bytes()[..byte.min(source.len())];
    let line = before.iter().filter(|b| **b == b'\n').count();
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    (line as u32 + 1, (before.len() - start) as u32 + 1)
}

impl Kernel {
    /// The entry point of a validated module whose overrides are resolved; `zero_workgroup`: workgroup memory begins as zero.
    ///
    /// # Errors
    /// Names the construct that is not supported.
    pub fn new(
        module: &naga::Module,
        info: &naga::valid::ModuleInfo,
        entry: &str,
        config: &Config,
        zero_workgroup: bool,
    ) -> Result<Self, String> {
        let checks = lower::Checks {
            index: config.checks.bounds,
            divisor: config.checks.division,
            finite: config.checks.finite,
            written: config.checks.uninitialised,
        };
        let lowered = lower::Config { subgroup: config.subgroup_size, checks, zero_workgroup };
        let tape = lower::lower(module, info, entry, &lowered)?;
        let machine = Machine::new(
            tape,
            How { isa: config.isa, fused: config.fused, checks: config.checks, native: config.native },
        )?;
        let bindings = machine.bindings().collect();
        Ok(Self {
            machine,
            bindings,
            entry: entry.to_owned(),
            label: String::new(),
            source: None,
            checks: config.checks,
        })
    }

    /// The bindings that it uses, by group and number, in the order in which `dispatch` takes their memory.
    #[must_use]
    pub fn bindings(&self) -> &[(u32, u32)] {
        &self.bindings
    }

    /// Says where the entry point comes from, for what the sanitizer reports: the shader module's label and its source, if known.
    #[must_use]
    pub fn described(mut self, label: &str, source: Option<&str>) -> Self {
        self.label = label.to_owned();
        self.source = source.map(str::to_owned);
        self
    }

    /// Runs so many workgroups and returns when they are done; what the sanitizer finds goes to `findings`.
    ///
    /// # Panics
    /// Where `memory` is not one span for each binding.
    pub fn dispatch(
        &self,
        threads: &Threads,
        memory: &[Span],
        immediates: &[u32],
        groups: [u32; 3],
        findings: Option<&Findings>,
    ) {
        if let Some(findings) = findings.filter(|_| self.checks.aliasing) {
            self.overlaps(memory).into_iter().for_each(|finding| findings.add(finding));
        }
        let seen = self.machine.run(threads, memory, immediates, groups);
        if let Some(findings) = findings {
            seen.iter().for_each(|seen| findings.add(self.finding(seen)));
        }
    }

    /// What the sanitizer saw, in the words of the source.
    fn finding(&self, seen: &Seen) -> Finding {
        let tape = self.machine.tape();
        let span = tape.places.get(seen.at.0 as usize).and_then(|span| span.to_range()).unwrap_or_default();
        let variable = seen.mem.map_or("", |mem| match &tape.memory[usize::from(mem)] {
            Memory::Binding { name, .. } | Memory::Workgroup { name, .. } => name,
            Memory::Immediates { .. } => "immediates",
        });
        Finding {
            at: self.source.as_deref().filter(|_| !span.is_empty()).map(|source| line_and_column(source, span.start)),
            span,
            index: seen.report.index,
            invocations: seen.report.invocations.clone(),
            count: seen.report.count,
            ..self.blank(seen.kind, variable)
        }
    }

    fn blank(&self, kind: Kind, variable: &str) -> Finding {
        Finding {
            kind,
            shader: self.label.clone(),
            entry: self.entry.clone(),
            span: 0..0,
            at: None,
            variable: variable.to_owned(),
            index: None,
            invocations: vec![],
            count: 1,
        }
    }

    /// Bindings that share bytes of which one is written.
    fn overlaps(&self, memory: &[Span]) -> Vec<Finding> {
        let bindings = self.machine.tape().memory.iter().filter_map(|m| match m {
            Memory::Binding { writable, name, .. } => Some((*writable, name)),
            _ => None,
        });
        let bound: Vec<_> = bindings.zip(memory).collect();
        let mut found = vec![];
        for (n, ((writes, name), span)) in bound.iter().enumerate() {
            for ((too, other), with) in &bound[..n] {
                if (*writes || *too) && span.meets(with) {
                    found.push(self.blank(Kind::Aliasing, &format!("{other}, {name}")));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
