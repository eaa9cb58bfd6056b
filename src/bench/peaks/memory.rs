//! How fast an adapter moves bytes: copy, read, write, strided and random access, over footprints from what fits the nearest
//! cache to what fits none; workgroup memory; atomics.
//!
//! A run touches at least [`TOTAL`] bytes: over a small footprint it goes round several times, so that the figure is the
//! bandwidth of the cache and not the cost of a dispatch. Strided and random reads go round once.

use super::super::probe::{Expect, HEAD, Init, Probe, Source, all, buffer};
use crate::error::Result;
use crate::run::Device;

/// Bytes a run reads or writes at least.
pub const TOTAL: u64 = 64 << 20;

/// A way to walk through memory: `width` lanes in a workgroup, `per` vectors for each lane, which are neighbours (`blocked`)
/// or `width` apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Walk {
    /// Invocations per workgroup.
    pub width: u64,
    /// Vectors of 16 bytes per invocation.
    pub per: u64,
    /// Neighbours rather than `width` apart.
    pub blocked: bool,
}

/// The walks that win on some device: few lanes with much work each on processors, many with interleaved vectors on
/// graphics processors.
pub const WALKS: [Walk; 6] = [
    Walk { width: 64, per: 4, blocked: true },
    Walk { width: 64, per: 16, blocked: true },
    Walk { width: 64, per: 64, blocked: true },
    Walk { width: 256, per: 1, blocked: false },
    Walk { width: 256, per: 4, blocked: false },
    Walk { width: 256, per: 16, blocked: false },
];

impl Walk {
    /// The vector that step `j` of a lane touches, as WGSL.
    fn text(self) -> String {
        match self.blocked {
            true => format!("(g * {}u + lane) * {}u + j", self.width, self.per),
            false => format!("g * {}u + j * {}u + lane", self.width * self.per, self.width),
        }
    }

    /// The same on the host, for the lane of global index `t`.
    fn place(self, t: usize, j: usize) -> u32 {
        let (width, per) = (self.width as usize, self.per as usize);
        let at = if self.blocked { t * per + j } else { t / width * width * per + j * width + t % width };
        at as u32
    }
}

/// The word at a place of a pattern that no neighbouring place repeats.
pub fn pattern(word: usize) -> u32 {
    (word as u32).wrapping_mul(2_654_435_761)
}

/// What is done to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every vector is written.
    Write,
    /// Every vector is read and written elsewhere.
    Copy,
    /// Every vector is read.
    Read,
    /// One vector of each 256 bytes is read before its neighbours' turn comes.
    Strided,
    /// Vectors are read in the order of a hash.
    Random,
}

impl Access {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Access::Write => "write",
            Access::Copy => "copy",
            Access::Read => "read",
            Access::Strided => "read strided",
            Access::Random => "read random",
        }
    }
}

/// A mixing of 32 bits; twice in WGSL and Rust.
const HASH: &str = "fn hash(x: u32) -> u32 {\n    var h = x * 747796405u + 2891336453u;\n    \
                    h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;\n    return (h >> 22u) ^ h;\n}\n";

fn hash(x: u32) -> u32 {
    let h = x.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let h = ((h >> ((h >> 28) + 4)) ^ h).wrapping_mul(277_803_737);
    (h >> 22) ^ h
}

/// Probes over one footprint share their buffers.
pub struct Arena {
    device: Device,
    x: wgpu::Buffer,
    y: wgpu::Buffer,
    /// Vectors in each buffer, a power of two.
    vectors: u64,
    /// Vectors that a run touches at least.
    least: u64,
}

impl Arena {
    /// Two buffers of `bytes`, a power of two; the first holds the pattern once a [`Access::Write`] has run. A run touches
    /// `least` bytes, if these are more.
    pub fn new(device: &Device, bytes: u64, least: u64) -> Arena {
        let [x, y] = [(); 2].map(|()| buffer(device, bytes));
        Arena { device: device.clone(), x, y, vectors: bytes / 16, least: least / 16 }
    }

    /// The probe; its work is in bytes.
    pub fn probe(&self, access: Access, walk: Walk) -> Result<Probe> {
        let n = self.vectors;
        // strided and random reads go through their footprint once: its lanes must not share places
        let touched = if matches!(access, Access::Strided | Access::Random) { n } else { n.max(self.least) };
        let mask = n - 1;
        let place = walk.text();
        let index = match access {
            Access::Strided => {
                // columns of 16 vectors: all rows of the first column, then of the second
                let rows = (n / 16).max(1);
                format!("let t = {place}; let i = ((t % {rows}u) * 16u + t / {rows}u) & {mask}u;")
            }
            Access::Random => format!("let i = hash({place}) & {mask}u;"),
            _ => format!("let i = ({place}) & {mask}u;"),
        };
        let (x, y) = (Init::Shared(self.x.clone()), Init::Shared(self.y.clone()));
        let lanes = touched / walk.per;
        let head = |buffers: &str| format!("{HASH}{buffers}@compute @workgroup_size({})\nfn main{HEAD}", walk.width);
        let one = "@group(0) @binding(0) var<storage, read_write> y: array<vec4<u32>>;\n";
        let two = "@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;\n\
                   @group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;\n";
        let steps = |body: &str| {
            format!("    for (var j = 0u; j < {}u; j += 1u) {{\n        {index}\n        {body}\n    }}\n", walk.per)
        };
        let (wgsl, buffers, bytes, expect): (String, Vec<Init>, u64, Expect) = match access {
            Access::Write => {
                let body = "let w = i * 4u; y[i] = vec4<u32>(w, w + 1u, w + 2u, w + 3u) * 2654435761u;";
                (format!("{}{}}}\n", head(one), steps(body)), vec![x], 16 * touched, all(4 * n as usize, pattern))
            }
            Access::Copy => {
                let text = format!("{}{}}}\n", head(two), steps("y[i] = x[i];"));
                (text, vec![x, y], 32 * touched, all(4 * n as usize, pattern))
            }
            Access::Read | Access::Strided | Access::Random => {
                let store = format!("    y[(g * {}u + lane) & {mask}u] = s;\n}}\n", walk.width);
                let text = format!("{}    var s = vec4<u32>(0u);\n{}{store}", head(two), steps("s += x[i];"));
                (text, vec![x, y], 16 * touched, sums(access, walk, n, lanes))
            }
        };
        let label = format!("{}/{}/{}{}", access.name(), walk.width, walk.per, if walk.blocked { "b" } else { "" });
        let groups = lanes / walk.width;
        Probe::new(
            &self.device,
            Source { label: &label, wgsl: &wgsl, buffers, groups, dispatches: 1, work: bytes as f64, expect },
        )
    }
}

/// The sums that lanes leave, of every 61st. Over a small footprint several lanes of a plain read share a place, and read
/// the same vectors.
fn sums(access: Access, walk: Walk, n: u64, lanes: u64) -> Expect {
    Box::new(move |words| {
        let rows = (n / 16).max(1);
        for t in (0..lanes.min(n) as usize).step_by(61) {
            let mut want = [0_u32; 4];
            for j in 0..walk.per as usize {
                let at = u64::from(walk.place(t, j));
                let i = match access {
                    Access::Strided => (at % rows) * 16 + at / rows,
                    Access::Random => u64::from(hash(at as u32)),
                    _ => at,
                } & (n - 1);
                for (k, w) in want.iter_mut().enumerate() {
                    *w = w.wrapping_add(pattern(4 * i as usize + k));
                }
            }
            if words[4 * t..4 * t + 4] != want {
                return Err(format!("the sum of lane {t} is {:?} instead of {want:?}", &words[4 * t..4 * t + 4]));
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_walk_touches_what_it_says() {
        let device = Device::cpu().expect("the CPU device");
        // a footprint as it is, and one that is gone round four times
        for (bytes, least) in [(1 << 20, 1 << 20), (1 << 18, 1 << 20)] {
            for walk in WALKS {
                let arena = Arena::new(&device, bytes, least);
                for access in [Access::Write, Access::Copy, Access::Read, Access::Strided, Access::Random] {
                    let outcome = arena.probe(access, walk).expect("it compiles").verify().expect("it runs");
                    assert_eq!(outcome, Ok(()), "{access:?} {walk:?}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_result_is_noticed() {
        let device = Device::cpu().expect("the CPU device");
        let arena = Arena::new(&device, 1 << 16, 1 << 16);
        // nothing has been written: the copy is not of the pattern
        for access in [Access::Copy, Access::Read, Access::Strided, Access::Random] {
            let outcome = arena.probe(access, WALKS[0]).expect("it compiles").verify().expect("it runs");
            assert!(outcome.is_err(), "{access:?}");
        }
    }
}
