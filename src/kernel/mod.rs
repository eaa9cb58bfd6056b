//! What one dispatch is: WGSL text, the buffers it binds, its uniform words, its grid. Nothing here touches a device.
//!
//! Two kinds of kernel: generated ones (`emit`: a fused expression in one of the frames of `shaders/frame`) and
//! hand-written ones (`routine`: the algorithms of `shaders/kernel`). Both bind their buffers in group 0, in order, and
//! their uniform words in group 1 binding 0.

mod accumulate;
mod board;
pub mod emit;
pub mod expr;
pub mod frame;
pub mod library;
pub mod routine;
mod rows;
pub mod space;
pub mod tune;

pub use tune::Tune;

use std::sync::Arc;

/// How a kernel uses one of its buffers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`, wholly overwritten (within the logical length) without being read first.
    Write,
    /// `var<storage, read_write>`, read before written.
    ReadWrite,
}

/// A compiled-to-be shader; equal text, overrides and accesses mean the same pipeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    /// The name shown in errors, traces, tests and benches, e.g. `matmul_tile/f32/wg16x16/k32`.
    pub label: String,
    /// Complete WGSL with one entry point `main`.
    pub wgsl: String,
    /// Values of `override` declarations.
    pub overrides: Vec<(&'static str, f64)>,
    /// The bindings of group 0, in order.
    pub access: Vec<Access>,
}

/// Where a buffer of a dispatch comes from, for code that builds several dispatches at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operand {
    /// Source `ix` of the node being lowered.
    Source(usize),
    /// The result of the node being lowered.
    Result,
    /// A scratch buffer, see [`Lowered::scratch`].
    Scratch(usize),
}

/// One dispatch of a routine.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// One per [`Kernel::access`].
    pub buffers: Vec<Operand>,
    /// The uniform words of `params` (empty: no uniform is bound).
    pub words: Vec<u32>,
    /// Workgroups per dimension, already folded to the limits.
    pub groups: [u32; 3],
}

/// A routine as dispatches.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    /// In order; each sees what those before it wrote.
    pub dispatches: Vec<Dispatch>,
    /// Sizes in bytes of the scratch buffers.
    pub scratch: Vec<u64>,
}

/// The limits of a device that kernels and plans must respect; the defaults are WebGPU's portable limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Storage buffers in one dispatch.
    pub storage_buffers: usize,
    /// The size of one storage binding.
    pub binding_bytes: u64,
    /// The size of one buffer.
    pub buffer_bytes: u64,
    /// The size of one uniform binding.
    pub uniform_bytes: u64,
    /// Invocations in a workgroup.
    pub invocations: u32,
    /// Workgroup memory.
    pub workgroup_bytes: u32,
    /// Workgroups per dimension of a dispatch.
    pub groups: u32,
    /// Alignment of buffer bindings.
    pub storage_alignment: u64,
    /// Alignment of uniform bindings.
    pub uniform_alignment: u64,
    /// Whether the device executes on the host's processor (workgroup memory is ordinary memory, barriers are dear).
    pub cpu: bool,
    /// Whether the device executes a workgroup's lanes instruction by instruction, as the embedded CPU device does: barriers and
    /// workgroup memory cost nothing there, but few active lanes cost as much as many.
    pub lockstep: bool,
    /// The lanes of a subgroup, where all have the same number and kernels may use subgroup operations; else 0.
    pub subgroup: u32,
    /// Whether numbers of 16 bits are computed with and converted by the device's own arithmetic.
    pub half: bool,
    /// The choices between kernels, where they are not those of the kind of executor.
    pub tuned: Option<Tune>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            storage_buffers: 8,
            binding_bytes: 128 << 20,
            buffer_bytes: 256 << 20,
            uniform_bytes: 64 << 10,
            invocations: 256,
            workgroup_bytes: 16 << 10,
            groups: 65_535,
            storage_alignment: 256,
            uniform_alignment: 256,
            cpu: false,
            lockstep: false,
            subgroup: 0,
            half: false,
            tuned: None,
        }
    }
}

impl Limits {
    /// The choices between kernels.
    #[must_use]
    pub fn tune(&self) -> Tune {
        self.tuned.unwrap_or_else(|| self.of_kind())
    }

    /// The choices between kernels by the kind of executor.
    #[must_use]
    pub fn of_kind(&self) -> Tune {
        match (self.cpu, self.lockstep) {
            (true, _) => Tune::PROCESSOR,
            (false, true) => Tune::LOCKSTEP,
            (false, false) => Tune::GRAPHICS,
        }
    }

    /// Lanes of a workgroup, within the limit.
    #[must_use]
    pub fn lanes(&self, wanted: u32) -> usize {
        wanted.min(self.invocations) as usize
    }

    /// Folds a number of workgroups that may exceed the limit of one dimension into two; the kernel recovers its linear
    /// group index as `group.x + group.y * groups.x` and masks the surplus. `None` if even that does not suffice.
    #[must_use]
    pub fn fold(&self, groups: u64) -> Option<[u32; 3]> {
        let limit = u64::from(self.groups);
        if groups <= limit {
            return Some([groups as u32, 1, 1]);
        }
        let rows = groups.div_ceil(limit);
        (rows <= limit).then(|| [groups.div_ceil(rows) as u32, rows as u32, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_covers_every_group_on_both_sides_of_the_limit() {
        let limits = Limits::default();
        for n in [0u64, 1, 65_534, 65_535, 65_536, 131_070, 131_071, 4_000_000_000] {
            let [x, y, z] = limits.fold(n).expect("below the square of the limit");
            assert!(x <= 65_535 && y <= 65_535 && z == 1);
            assert!(u64::from(x) * u64::from(y) >= n && u64::from(x) * u64::from(y) < n + u64::from(y));
        }
        assert_eq!(limits.fold(65_535 * 65_535 + 1), None);
    }
}
