//! How fast an adapter computes in registers, shares memory within a workgroup, adds atomically, and combines a subgroup;
//! and what it reaches when each byte moved is worth so many operations.
//!
//! All chains are chosen so that the result is known: integers that f32 and f16 hold exactly, wrapping arithmetic, and
//! iterations that settle at a fixed point from anywhere.

use super::super::probe::{Expect, HEAD, Init, Probe, Source, all, near};
use crate::error::Result;
use crate::run::Device;

/// Invocations of a probe of arithmetic.
const LANES: usize = 65_536;
/// Turns of its loop.
const TURNS: usize = 512;
const WIDTH: usize = 64;

/// One kind of arithmetic.
pub struct Kind {
    /// The name in reports.
    pub name: &'static str,
    /// What is counted, in thousands of millions.
    pub unit: &'static str,
    /// Operations per step.
    ops: f64,
    /// The features it needs.
    pub features: wgpu::Features,
    ty: Type,
    /// What a chain repeats on its variable `$`; `a` and `b` are 1 and come from memory.
    step: &'static str,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum Type {
    F32,
    F16,
    U32,
    /// Not a vector.
    Packed,
}

/// What each lane leaves. Chain `c` starts from `1 + c`; floats are joined by the maximum, integers by exclusive or.
#[derive(Clone, Copy)]
enum End {
    /// The turns were counted.
    Count,
    /// Wrapping arithmetic.
    Wrap(fn(u32) -> u32),
    /// A fixed point, and how far from it rounding may lead.
    Fixed(f32, f32),
}

fn congruential(s: u32) -> u32 {
    s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

fn dot(s: u32) -> u32 {
    let byte = |k: u32| i32::from((s >> (8 * k)) as u8 as i8);
    s.wrapping_add((byte(0) * 4 + byte(1) * 3 + byte(2) * 2 + byte(3)) as u32)
}

const NONE: wgpu::Features = wgpu::Features::empty();
const GFLOPS: &str = "GFLOP/s";
const GOPS: &str = "Gop/s";

/// The kinds of arithmetic, in the order of the report; the first is the ceiling of what computes.
///
/// Fixed points: `exp(-x)` has 0.567143, towards which each turn shrinks the distance by 0.57; `cos(x)` 0.739085 by 0.68;
/// `sqrt(x + 1)` 1.618034 by 0.31; `(x + 2/x) / 2` the root of 2, quadratically. An error `e` of each turn leaves at most
/// `e / (1 - q)`: the 2^-11 that WGSL allows `cos` leave 1.6e-3, the 5 units of `exp` and the 3 of the others below 2e-6.
#[rustfmt::skip]
pub static KINDS: [Kind; 8] = [
    Kind { name: "fma f32", unit: GFLOPS, ops: 8.0, features: NONE, ty: Type::F32, step: "$ = fma($, a, b);", end: End::Count },
    Kind { name: "fma f16", unit: GFLOPS, ops: 8.0, features: wgpu::Features::SHADER_F16, ty: Type::F16, step: "$ = fma($, a, b);", end: End::Count },
    Kind { name: "multiply-add u32", unit: GOPS, ops: 8.0, features: NONE, ty: Type::U32, step: "$ = $ * 1664525u + 1013904223u;", end: End::Wrap(congruential) },
    Kind { name: "dot4I8Packed", unit: GOPS, ops: 8.0, features: NONE, ty: Type::Packed, step: "$ += u32(dot4I8Packed($, 0x01020304u));", end: End::Wrap(dot) },
    Kind { name: "exp", unit: GOPS, ops: 4.0, features: NONE, ty: Type::F32, step: "$ = exp(-$);", end: End::Fixed(0.567_143_3, 2e-6) },
    Kind { name: "cos", unit: GOPS, ops: 4.0, features: NONE, ty: Type::F32, step: "$ = cos($);", end: End::Fixed(0.739_085_1, 1.6e-3) },
    Kind { name: "sqrt", unit: GOPS, ops: 4.0, features: NONE, ty: Type::F32, step: "$ = sqrt($ + b);", end: End::Fixed(1.618_034, 2e-6) },
    Kind { name: "divide", unit: GOPS, ops: 4.0, features: NONE, ty: Type::F32, step: "$ = 0.5 * ($ + 2.0 / $);", end: End::Fixed(std::f32::consts::SQRT_2, 2e-6) },
];

impl Kind {
    /// The probe with so many independent chains; its work is in operations.
    pub fn probe(&self, device: &Device, chains: usize) -> Result<Probe> {
        let (enable, ty, scalar) = match self.ty {
            Type::F32 => ("", "vec4<f32>", "f32"),
            Type::F16 => ("enable f16;\n", "vec4<f16>", "f16"),
            Type::U32 => ("", "vec4<u32>", "u32"),
            Type::Packed => ("", "u32", "u32"),
        };
        let each = |line: &dyn Fn(usize) -> String| (0..chains).map(line).collect::<String>();
        let integers = scalar == "u32";
        let joined = (1..chains).fold("s0".to_owned(), |all, c| match integers {
            true => format!("{all} ^ s{c}"),
            false => format!("max({all}, s{c})"),
        });
        let wgsl = format!(
            "{enable}@group(0) @binding(0) var<storage, read> x: array<{ty}>;\n\
             @group(0) @binding(1) var<storage, read_write> y: array<{ty}>;\n\
             @compute @workgroup_size({WIDTH})\nfn main{HEAD}\
             \x20   let i = g * {WIDTH}u + lane;\n    let a = x[0];\n    let b = x[1];\n{}\
             \x20   for (var j = 0u; j < {TURNS}u; j += 1u) {{\n{}    }}\n    y[i] = {joined};\n}}\n",
            each(&|c| format!("    var s{c} = a + {ty}({scalar}({c}));\n")),
            each(&|c| format!("        {}\n", self.step.replace('$', &format!("s{c}")))),
        );
        // elements per lane, words per element
        let (elements, ones) = match self.ty {
            Type::F32 => (4, vec![1.0_f32.to_bits(); 8]),
            Type::F16 => (2, vec![0x3c00_3c00; 4]),
            Type::U32 => (4, vec![1; 8]),
            Type::Packed => (1, vec![1; 2]),
        };
        Probe::new(
            device,
            Source {
                label: self.name,
                wgsl: &wgsl,
                buffers: vec![Init::Words(ones), Init::Zeros((LANES * elements) as u64)],
                groups: (LANES / WIDTH) as u64,
                dispatches: 1,
                work: LANES as f64 * TURNS as f64 * chains as f64 * self.ops,
                expect: self.expect(LANES * elements, chains),
            },
        )
    }

    fn expect(&self, words: usize, chains: usize) -> Expect {
        match (self.end, self.ty) {
            (End::Count, Type::F16) => {
                // 512 to 1023 in steps of a half: exponent 9, ten bits below it
                let half = (24 << 10) + ((chains + TURNS - 512) as u32) * 2;
                all(words, move |_| half << 16 | half)
            }
            (End::Count, _) => near(words, (chains + TURNS) as f32, 0.0),
            (End::Wrap(step), _) => {
                let end = |c: u32| (0..TURNS).fold(1 + c, |s, _| step(s));
                let want = (0..chains as u32).fold(0, |all, c| all ^ end(c));
                all(words, move |_| want)
            }
            (End::Fixed(at, bound), _) => near(words, at, bound),
        }
    }
}

/// `k` multiply-adds on each vector that is read and written: `k` operations to 4 bytes. Its work is in operations, and its
/// second result the bytes.
pub fn intensity(device: &Device, k: usize, bytes: u64) -> Result<(Probe, f64)> {
    let vectors = bytes / 16;
    // the loop is unrolled by four, and its turns are few enough that the compiler may unroll the rest
    let body = match k {
        1 | 2 => "        v = fma(v, a, b);\n".repeat(k),
        _ => format!(
            "        for (var t = 0u; t < {}u; t += 1u) {{\n{}        }}\n",
            k / 4,
            "            v = fma(v, a, b);\n".repeat(4)
        ),
    };
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;\n\
         @group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;\n\
         @compute @workgroup_size({WIDTH})\nfn main{HEAD}    let a = x[0];\n    let b = x[0];\n\
         \x20   for (var j = 0u; j < 4u; j += 1u) {{\n        let i = (g * {WIDTH}u + lane) * 4u + j;\n        var v = x[i];\n{body}\
         \x20       y[i] = v;\n    }}\n}}\n"
    );
    let probe = Probe::new(
        device,
        Source {
            label: "intensity",
            wgsl: &wgsl,
            buffers: vec![Init::Words(vec![1.0_f32.to_bits(); 4 * vectors as usize]), Init::Zeros(4 * vectors)],
            groups: vectors / (WIDTH as u64 * 4),
            dispatches: 1,
            work: vectors as f64 * 8.0 * k as f64,
            expect: near(4 * vectors as usize, (1 + k) as f32, 0.0),
        },
    )?;
    Ok((probe, 2.0 * bytes as f64))
}

/// Reads of workgroup memory, in bytes: each lane walks over a tile of 4 KiB.
pub fn workgroup_memory(device: &Device) -> Result<Probe> {
    const TILE: u32 = 256;
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<vec4<u32>>;\n\
         var<workgroup> tile: array<vec4<u32>, {TILE}>;\n\
         @compute @workgroup_size({WIDTH})\nfn main{HEAD}\
         \x20   for (var j = lane; j < {TILE}u; j += {WIDTH}u) {{ tile[j] = vec4<u32>(j, j + 1u, j + 2u, j + 3u); }}\n\
         \x20   workgroupBarrier();\n    var s = vec4<u32>(0u);\n\
         \x20   for (var j = 0u; j < {TURNS}u; j += 1u) {{ s += tile[(lane + j) & {}u]; }}\n\
         \x20   y[g * {WIDTH}u + lane] = s;\n}}\n",
        TILE - 1
    );
    // over whole rounds of the tile the sum does not depend on where a lane starts
    let rounds = TURNS as u32 / TILE;
    let sum = TILE * (TILE - 1) / 2;
    Probe::new(
        device,
        Source {
            label: "workgroup memory",
            wgsl: &wgsl,
            buffers: vec![Init::Zeros(4 * LANES as u64)],
            groups: (LANES / WIDTH) as u64,
            dispatches: 1,
            work: LANES as f64 * TURNS as f64 * 16.0,
            expect: all(4 * LANES, move |w| rounds * (sum + TILE * (w as u32 % 4))),
        },
    )
}

/// Additions to one word (`spread` 1) or to that many words of storage.
pub fn atomics(device: &Device, spread: u32) -> Result<Probe> {
    const TURNS: u32 = 16;
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;\n\
         @compute @workgroup_size({WIDTH})\nfn main{HEAD}    let i = g * {WIDTH}u + lane;\n\
         \x20   for (var j = 0u; j < {TURNS}u; j += 1u) {{ atomicAdd(&y[(i + j) % {spread}u], 1u); }}\n}}\n"
    );
    let each = LANES as u32 * TURNS / spread;
    Probe::new(
        device,
        Source {
            label: "atomics",
            wgsl: &wgsl,
            buffers: vec![Init::Zeros(u64::from(spread))],
            groups: (LANES / WIDTH) as u64,
            dispatches: 1,
            work: LANES as f64 * f64::from(TURNS),
            expect: all(spread as usize, move |_| each),
        },
    )
}

/// Maxima over subgroups, one per lane and turn.
pub fn subgroups(device: &Device) -> Result<Probe> {
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n\
         @compute @workgroup_size({WIDTH})\nfn main{HEAD}    let i = g * {WIDTH}u + lane;\n    var s = y[i];\n\
         \x20   for (var j = 0u; j < {TURNS}u; j += 1u) {{ s = subgroupMax(s) + 1u; }}\n    y[i] = s;\n}}\n"
    );
    Probe::new(
        device,
        Source {
            label: "subgroup maximum",
            wgsl: &wgsl,
            buffers: vec![Init::Zeros(LANES as u64)],
            groups: (LANES / WIDTH) as u64,
            dispatches: 1,
            work: LANES as f64 * TURNS as f64,
            expect: all(LANES, |_| TURNS as u32),
        },
    )
}

/// So many dispatches of one workgroup in one pass, each of which waits for the one before: it adds one to a word.
pub fn dispatches(device: &Device, n: u32) -> Result<Probe> {
    let wgsl = format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n\
         @compute @workgroup_size(1)\nfn main{HEAD}    y[g + lane] += 1u;\n}}\n"
    );
    Probe::new(
        device,
        Source {
            label: "dispatch",
            wgsl: &wgsl,
            buffers: vec![Init::Zeros(4)],
            groups: 1,
            dispatches: n,
            work: f64::from(n),
            expect: all(1, move |_| n),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Adapter, Options};

    #[test]
    fn every_probe_computes_what_it_should() {
        let options = Options { adapter: Adapter::Cpu, features: crate::bench::features(), ..Options::default() };
        let device = Device::open_blocking(options).expect("the CPU device");
        let mut probes = vec![
            workgroup_memory(&device),
            atomics(&device, 1),
            atomics(&device, 4096),
            subgroups(&device),
            dispatches(&device, 16),
            intensity(&device, 2, 1 << 16).map(|p| p.0),
            intensity(&device, 64, 1 << 16).map(|p| p.0),
        ];
        probes.extend(KINDS.iter().map(|kind| kind.probe(&device, 4)));
        for (ix, probe) in probes.into_iter().enumerate() {
            assert_eq!(probe.expect("it compiles").verify().expect("it runs"), Ok(()), "probe {ix}");
        }
    }
}
