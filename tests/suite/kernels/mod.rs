//! Hand-written kernels against plain loops, on the first adapter found, under the limits of both device families.

mod bare;
mod matmul;
mod scan;
mod scatter;
mod size;
mod sort;

use bare::Bare;
use ridgepoint::kernel::Limits;
use ridgepoint::wgpu;

/// A device, or a word on standard error that there is none.
fn device() -> Option<Bare> {
    let device = Bare::open();
    if device.is_none() {
        eprintln!("skipped: no adapter");
    }
    device
}

/// Limits of a GPU and of a host processor, each with a grid that folds early and one that does not, and of a host
/// processor with subgroups, if the adapter has them.
fn limits() -> Vec<(&'static str, Limits)> {
    let folded = |cpu| Limits { cpu, groups: 61, ..Limits::default() };
    let plain = |cpu| Limits { cpu, ..Limits::default() };
    let mut all = vec![
        ("gpu", plain(false)),
        ("cpu", plain(true)),
        ("gpu, folded", folded(false)),
        ("cpu, folded", folded(true)),
    ];
    let (adapter, features) = (crate::host_adapter().get_info(), crate::host_adapter().features());
    if features.contains(wgpu::Features::SUBGROUP) && adapter.subgroup_min_size == adapter.subgroup_max_size {
        let subgroup = adapter.subgroup_min_size;
        all.push(("cpu, subgroups", Limits { subgroup, ..plain(true) }));
        all.push(("cpu, subgroups, folded", Limits { subgroup, ..folded(true) }));
    }
    all
}

/// Numbers without pattern, the same in every run.
struct Noise(u64);

impl Noise {
    fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// In `-1..1`.
    fn float(&mut self) -> f32 {
        (self.word() >> 8) as f32 / 8_388_608.0 - 1.0
    }

    fn below(&mut self, n: usize) -> usize {
        self.word() as usize % n
    }
}
