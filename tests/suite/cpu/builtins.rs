//! Conformance: every built-in function and operator, on scalars and vectors, over values that find mistakes. A generated shader for each
//! row and shape; exact answers for integers, packing and conversions, the accuracy table of WGSL for the rest.
mod rows_float;
mod rows_free;
mod rows_int;

use super::device::{Runner, Which};
use super::expect::{Expect, plain};
use std::f32::consts::{FRAC_PI_2, PI};

/// The type of an argument or a result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    F,
    I,
    U,
    B,
}
use Kind::{B, F, I, U};

/// A function that works on each component by itself.
struct Row {
    /// An expression of `a`, `b` and `c`; `TO` stands for the type of the result.
    wgsl: &'static str,
    args: &'static [Kind],
    result: Kind,
    want: fn([u32; 3]) -> Expect,
}

/// A function of eight words, `w` and `v`, that makes four.
struct Free {
    wgsl: &'static str,
    needs: wgpu::Features,
    want: fn([u32; 8]) -> [Expect; 4],
}

/// The number in a word.
fn f(a: u32) -> f32 {
    f32::from_bits(a)
}

/// The number in a word, in double precision.
fn d(a: u32) -> f64 {
    f64::from(f32::from_bits(a))
}

fn i(a: u32) -> i32 {
    a.cast_signed()
}

/// Exactly this i32.
fn int(x: i32) -> Expect {
    Expect::Word(x.cast_unsigned())
}

/// Exactly this truth value.
fn truth(x: bool) -> Expect {
    Expect::Word(u32::from(x))
}

const NASTY_F: [f32; 40] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    2.0,
    -2.0,
    3.0,
    0.1,
    -0.1,
    1e-3,
    0.25,
    0.75,
    0.99999994,
    1.0000001,
    PI,
    -PI,
    FRAC_PI_2,
    10.0,
    -10.0,
    88.0,
    -88.0,
    127.0,
    1e4,
    -65504.0,
    8388607.5,
    8388609.0,
    16777216.0,
    2147483600.0,
    -2147483600.0,
    4294967000.0,
    1e20,
    1.1754944e-38,
    3.4028235e38,
    -3.4028235e38,
    1e-20,
];
const SPECIAL_F: [u32; 8] =
    [0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x0000_0001, 0x807f_ffff, 0x0040_0000, 0x4f00_0000, 0x4f80_0000];
const NASTY_U: [u32; 28] = [
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    15,
    16,
    31,
    32,
    33,
    63,
    64,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_fffe,
    0xffff_ffff,
    0x5555_5555,
];

/// A counter-based generator: the word of a number.
fn random(counter: u32) -> u32 {
    let mut x = u64::from(counter).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x >> 32) as u32
}

/// The values that an argument takes.
fn values(kind: Kind, seed: u32) -> Vec<u32> {
    let random = |n: u32| (0..n).map(move |k| random(seed.wrapping_mul(1000).wrapping_add(k)));
    match kind {
        B => vec![0, 1],
        I | U => NASTY_U.into_iter().chain(random(24).map(|w| w >> (w & 31))).collect(),
        F => {
            let small = random(24).map(|w| (w as f32 / 4e8 - 5.0).to_bits());
            let any = random(24).map(|w| w ^ (w << 7));
            NASTY_F.map(f32::to_bits).into_iter().chain(SPECIAL_F).chain(small).chain(any).collect()
        }
    }
}

/// All combinations of the arguments' values (three arguments: every seventh).
fn inputs(args: &[Kind]) -> Vec<[u32; 3]> {
    let lists: Vec<Vec<u32>> = (0..3).map(|k| args.get(k).map_or(vec![0], |kind| values(*kind, k as u32))).collect();
    let mut all = vec![];
    for a in &lists[0] {
        for b in &lists[1] {
            all.extend(lists[2].iter().map(|c| [*a, *b, *c]));
        }
    }
    if args.len() == 3 { all.into_iter().step_by(7).collect() } else { all }
}

/// The WGSL type of so many components.
fn shape(kind: Kind, n: usize) -> String {
    let scalar = match kind {
        F => "f32",
        I => "i32",
        U => "u32",
        B => "bool",
    };
    if n == 1 { scalar.into() } else { format!("vec{n}<{scalar}>") }
}

/// The shader that evaluates a row on vectors of `n` components.
fn shader(row: &Row, n: usize) -> String {
    let mut body = String::new();
    for (k, kind) in row.args.iter().enumerate() {
        let field = ["x", "y", "z"][k];
        let word = |c: usize| match kind {
            U => format!("inp[{n}u * g.x + {c}u].{field}"),
            B => format!("(inp[{n}u * g.x + {c}u].{field} != 0u)"),
            F | I => format!("bitcast<{}>(inp[{n}u * g.x + {c}u].{field})", shape(*kind, 1)),
        };
        let words: Vec<String> = (0..n).map(word).collect();
        body += &format!("    let {} = {}({});\n", ["a", "b", "c"][k], shape(*kind, n), words.join(", "));
    }
    body += &format!("    let r = {};\n", row.wgsl.replace("TO(", &format!("{}(", shape(row.result, n))));
    let words = match row.result {
        B => format!("select({0}(0u), {0}(1u), r)", shape(U, n)),
        U => "r".into(),
        F | I => format!("bitcast<{}>(r)", shape(U, n)),
    };
    body += &format!("    let words = {words};\n");
    for c in 0..n {
        let part = if n == 1 { String::new() } else { format!(".{}", ["x", "y", "z", "w"][c]) };
        body += &format!("    out[{n}u * g.x + {c}u] = words{part};\n");
    }
    format!(
        "@group(0) @binding(0) var<storage, read> inp: array<vec4<u32>>;\n\
         @group(0) @binding(1) var<storage, read_write> out: array<u32>;\n\
         @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {{\n{body}}}\n"
    )
}

/// How a run over all rows went.
#[derive(Default)]
struct Tally {
    points: usize,
    wrong: Vec<String>,
}

fn run_row(runner: &Runner, row: &Row, n: usize, tally: &mut Tally) {
    let inputs = inputs(row.args);
    let lanes = inputs.len().div_ceil(n).next_multiple_of(64) * n;
    let words: Vec<u32> = (0..lanes).flat_map(|k| inputs[k % inputs.len()].into_iter().chain([0])).collect();
    let wgsl = shader(row, n);
    let got = match runner.run(&wgsl, &words, &vec![0xdead_beef; lanes], (lanes / n / 64) as u32) {
        Ok(got) => got,
        Err(error) => return tally.wrong.push(format!("{} of {n}: {error}", row.wgsl)),
    };
    let strict = runner.which == Which::Cpu;
    for (a, got) in inputs.iter().zip(got) {
        let open = row.args.iter().zip(a).any(|(kind, a)| *kind == F && !plain(f(*a)));
        let want = (row.want)(*a);
        tally.points += 1;
        if !((open && !strict) || want.holds(got, strict)) {
            let show = |kind: Kind, w: u32| match kind {
                F => format!("{:e} ({w:#x})", f(w)),
                I => i(w).to_string(),
                U | B => w.to_string(),
            };
            let args: Vec<String> = row.args.iter().zip(a).map(|(k, a)| show(*k, *a)).collect();
            let got = show(row.result, got);
            tally.wrong.push(format!(
                "{} as {} at {}: {got}, but {want:?}",
                row.wgsl,
                shape(row.result, n),
                args.join(", ")
            ));
            return;
        }
    }
}

fn run_free(runner: &Runner, row: &Free, tally: &mut Tally) {
    let count = 1024;
    let word = |k: usize, j: usize| {
        let r = random((k * 8 + j) as u32);
        if r.is_multiple_of(3) { NASTY_U[(r / 3) as usize % NASTY_U.len()] } else { random(r) }
    };
    let inputs: Vec<[u32; 8]> = (0..count).map(|k| std::array::from_fn(|j| word(k, j))).collect();
    let wgsl = format!(
        "{}@group(0) @binding(0) var<storage, read> inp: array<vec4<u32>>;\n\
         @group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;\n\
         fn i8s(x: u32) -> i32 {{ return i32(x << 24u) >> 24u; }}\n\
         fn small(x: u32) -> f32 {{ return f32(i32(x & 15u) - 8); }}\n\
         fn some(x: u32) -> f32 {{ return f32(i32(x & 0xffffu) - 32768) / 4096.0; }}\n\
         @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {{\n\
         let w = inp[2u * g.x]; let v = inp[2u * g.x + 1u];\n{}\n}}\n",
        if row.needs.contains(wgpu::Features::SHADER_F16) { "enable f16;\n" } else { "" },
        row.wgsl
    );
    let output = vec![0xdead_beef; 4 * count];
    let got = match runner.run(&wgsl, &inputs.concat(), &output, (count / 64) as u32) {
        Ok(got) => got,
        Err(error) => return tally.wrong.push(format!("{}: {error}", row.wgsl)),
    };
    let strict = runner.which == Which::Cpu;
    for (a, got) in inputs.iter().zip(got.chunks_exact(4)) {
        let want = (row.want)(*a);
        for (j, (want, got)) in want.into_iter().zip(got).enumerate() {
            tally.points += 1;
            if !want.holds(*got, strict) {
                let words = a.map(|a| format!("{a:#x}")).join(", ");
                return tally.wrong.push(format!(
                    "{}, word {j} at {words}: {got:#x} = {:e}, but {want:?}",
                    row.wgsl,
                    f(*got)
                ));
            }
        }
    }
}

/// Where the oracle itself is wrong, or differs within the rules in a way the table does not say, and why.
const KNOWN: &[(&str, &str)] = &[
    ("u64(i64(w.x))", "naga's SPIR-V widens u32 to i64 by OpSConvert, which extends the sign; the value must stay"),
    (
        "i64(bitcast<i32>(w.x)) > 255li",
        "Mesa 22.3 narrows the comparison of a widened i32 with a constant as if it were unsigned",
    ),
];

#[test]
fn builtins_conform() {
    for runner in Runner::all() {
        let mut tally = Tally::default();
        for row in rows_float::ROWS.iter().chain(rows_int::ROWS) {
            for n in [1, 2, 3, 4] {
                run_row(&runner, row, n, &mut tally);
            }
        }
        for row in rows_free::ROWS.iter().filter(|row| runner.has(row.needs)) {
            run_free(&runner, row, &mut tally);
        }
        let known =
            |text: &&String| runner.which == Which::Llvmpipe && KNOWN.iter().any(|(name, _)| text.contains(name));
        let (excused, wrong): (Vec<_>, Vec<_>) = tally.wrong.iter().partition(known);
        println!(
            "{:?}: {} points, {} rows known to differ, {} wrong",
            runner.which,
            tally.points,
            excused.len(),
            wrong.len()
        );
        let list: Vec<&str> = wrong.iter().map(|s| s.as_str()).collect();
        assert!(wrong.is_empty(), "{:?}:\n{}", runner.which, list.join("\n"));
    }
}
