//! How a device is set up.

use super::kernel::Isa;
use super::sanitize::{Checks, Findings};
use std::sync::Arc;

/// Which limits the device reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// WebGPU's defaults, which every browser grants: what runs here runs there.
    #[default]
    Portable,
    /// What memory allows: workgroups of 1024, 64 KiB of workgroup memory, bindings up to 4 GiB.
    Large,
}

/// How the device works.
#[derive(Clone, Debug)]
pub struct Options {
    /// The limits it reports.
    pub limits: Limits,
    /// Threads that execute workgroups; `None`: one for each processor.
    pub threads: Option<usize>,
    /// The instruction set; `None`: the best the processor has.
    pub isa: Option<Isa>,
    /// Invocations in a subgroup: a power of two from 4 to 128.
    pub subgroup_size: u32,
    /// `fma` rounds twice, as drivers without the instruction do; otherwise once.
    pub strict_fma: bool,
    /// Stretches of a shader become machine code where the processor is an x86-64 with AVX-512; without it, or elsewhere, they are
    /// interpreted, with the same results.
    pub native: bool,
    /// What the sanitizer looks for.
    pub checks: Checks,
    /// Where it puts what it finds; keep a copy to read it. Results are complete when a submission is done.
    pub findings: Arc<Findings>,
    /// Bytes that buffers may have together; beyond it their creation fails, as it does on a device with so much memory.
    pub memory_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::Portable,
            threads: None,
            isa: None,
            subgroup_size: 32,
            strict_fma: false,
            native: true,
            checks: Checks::default(),
            findings: Arc::default(),
            memory_bytes: None,
        }
    }
}
