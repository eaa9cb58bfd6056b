//! Differential fuzzing: random programs on the CPU device and on the oracle must give the same words. A program that differs is cut down
//! and printed. `RIDGEPOINT_FUZZ` says how many programs to try (without it: a hundred against the oracle, a thousand against itself), `RIDGEPOINT_FUZZ_SEED` where to begin,
//! `RIDGEPOINT_FUZZ_SHOW` prints every shader before it runs (should a driver crash).
pub mod generate;
mod operate;
mod shrink;
pub mod tree;
mod values;

use super::device::{Runner, Which};
use generate::{Features, Random};
use tree::Program;

/// Invocations: two workgroups of 32.
const LANES: usize = 64;
/// Programs in a shader.
const TOGETHER: usize = 8;

/// The shader that runs these programs one after the other.
fn shader(programs: &[Program], features: Features) -> String {
    let mut text = if features.half { "enable f16;\n" } else { "" }.to_string();
    text += "@group(0) @binding(0) var<storage, read> inp: array<u32>;\n\
             @group(0) @binding(1) var<storage, read_write> out: array<u32>;\n\
             fn mixed(h: u32, x: u32) -> u32 { return (h ^ x) * 16777619u + (h >> 15u); }\n";
    for program in programs {
        program.print(&mut text);
    }
    text += "@compute @workgroup_size(32) fn main(@builtin(global_invocation_id) g: vec3<u32>, \
             @builtin(local_invocation_index) lid: u32) {\n  let in0 = inp[g.x * 3u]; let in1 = inp[g.x * 3u + 1u];\n";
    for (k, program) in programs.iter().enumerate() {
        text += &format!("  out[{}u + g.x] = {}main(g.x, lid, in0, in1);\n", k * LANES, program.prefix);
    }
    text + "}\n"
}

/// What the programs read: small numbers, limits, random words.
fn input() -> Vec<u32> {
    let mut random = Random::new(1);
    let word = |k: usize| {
        let w = random.next() as u32;
        match k % 4 {
            0 => w & 15,
            1 => [0, 1, 31, 32, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0][(w & 7) as usize],
            _ => w >> (w & 31),
        }
    };
    (0..256).map(word).collect()
}

fn run(runner: &Runner, programs: &[Program], features: Features) -> Result<Vec<u32>, String> {
    runner.run(&shader(programs, features), &input(), &vec![0xdead_beef; LANES * programs.len()], 2)
}

/// Where two runs of one program differ.
fn difference(pair: [&Runner; 2], program: &Program, features: Features) -> Option<String> {
    let one = std::slice::from_ref(program);
    match pair.map(|runner| run(runner, one, features)) {
        [Ok(a), Ok(b)] => {
            let lane = a.iter().zip(&b).position(|(a, b)| a != b)?;
            let n = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            Some(format!("{n} of {LANES} invocations differ; {lane}: {:#x} and {:#x}", a[lane], b[lane]))
        }
        [Ok(_), Err(e)] | [Err(e), Ok(_)] => Some(format!("only one takes it: {e}")),
        [Err(_), Err(_)] => None,
    }
}

/// Programs on which the oracle is wrong, by their seeds, and why.
const KNOWN: &[(u64, &str)] = &[];

/// Tries programs from `seed` on; a report for each that differs.
fn fuzz(pair: [&Runner; 2], seed: u64, count: usize) -> Vec<String> {
    let both = |feature| pair.iter().all(|runner| runner.has(feature));
    let features = Features { wide: both(wgpu::Features::SHADER_INT64), half: both(wgpu::Features::SHADER_F16) };
    let mut reports = vec![];
    let mut rejected = 0;
    let seeds: Vec<u64> = (seed..seed + count as u64).collect();
    for (n, seeds) in seeds.chunks(TOGETHER).enumerate() {
        let programs: Vec<Program> =
            seeds.iter().map(|s| generate::program(*s, &format!("p{}_", s - seeds[0]), features)).collect();
        if std::env::var_os("RIDGEPOINT_FUZZ_SHOW").is_some() {
            println!("// seed {}\n{}", seeds[0], shader(&programs, features));
        }
        let suspects: Vec<usize> = match pair.map(|runner| run(runner, &programs, features)) {
            [Ok(a), Ok(b)] => {
                let differs = |k: &usize| a[k * LANES..(k + 1) * LANES] != b[k * LANES..(k + 1) * LANES];
                (0..programs.len()).filter(differs).collect()
            }
            [Err(e), Err(_)] => {
                // one of them is not valid: the generator's mistake; the others count all the same
                rejected += 1;
                assert!(rejected * 20 < n + 20, "too many invalid programs: {e}\n{}", shader(&programs, features));
                (0..programs.len()).collect()
            }
            _ => (0..programs.len()).collect(),
        };
        for k in suspects {
            if KNOWN.iter().any(|(seed, _)| *seed == seeds[k]) || difference(pair, &programs[k], features).is_none() {
                continue;
            }
            let small = shrink::shrink(programs[k].clone(), 3000, |p| difference(pair, p, features).is_some());
            let what = difference(pair, &small, features).unwrap_or_default();
            reports.push(format!("seed {}: {what}\n{}", seeds[k], shader(&[small], features)));
            if reports.len() >= 5 {
                return reports;
            }
        }
    }
    reports
}

/// A number from the environment of a test.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is said by who runs it")]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn random_programs_agree() {
    let (Some(ours), Some(oracle)) = (Runner::open(Which::Cpu), Runner::open(Which::Llvmpipe)) else {
        println!("no llvmpipe: nothing to compare with");
        return;
    };
    let reports = fuzz([&ours, &oracle], number("RIDGEPOINT_FUZZ_SEED", 1), number("RIDGEPOINT_FUZZ", 100) as usize);
    assert!(reports.is_empty(), "first ours, then the oracle's\n{}", reports.join("\n"));
}

/// Machine code against the interpreter.
#[test]
fn random_programs_agree_with_and_without_machine_code() {
    let (Some(native), Some(plain)) = (Runner::open(Which::Cpu), Runner::interpreted()) else {
        panic!("the CPU device is always there")
    };
    let reports = fuzz([&native, &plain], number("RIDGEPOINT_FUZZ_SEED", 1), number("RIDGEPOINT_FUZZ", 1000) as usize);
    assert!(reports.is_empty(), "first machine code, then interpreted\n{}", reports.join("\n"));
}

/// The CPU device against itself, set up otherwise: much faster, and the sanitizer has nothing to report.
#[test]
fn random_programs_agree_however_the_device_is_set_up() {
    let (Some(plain), Some(checked)) = (Runner::open(Which::Cpu), Runner::checked()) else {
        panic!("the CPU device is always there")
    };
    let reports = fuzz([&plain, &checked], number("RIDGEPOINT_FUZZ_SEED", 1), number("RIDGEPOINT_FUZZ", 1000) as usize);
    assert!(reports.is_empty(), "first plain, then checked\n{}", reports.join("\n"));
}
