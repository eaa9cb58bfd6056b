//! Kernels from WGSL: what the sanitizer finds, and what it leaves in peace.
use super::*;

/// Compiles an entry point `main`.
fn kernel(wgsl: &str, config: &Config) -> Kernel {
    let module = naga::front::wgsl::parse_str(wgsl).unwrap_or_else(|e| panic!("{}", e.emit_to_string(wgsl)));
    let caps = naga::valid::Capabilities::all();
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), caps);
    let validator = validator.subgroup_stages(naga::valid::ShaderStages::all());
    let validator = validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    let info = validator.validate(&module).unwrap();
    Kernel::new(&module, &info, "main", config, true).unwrap().described("test", Some(wgsl))
}

/// Runs it over buffers, by binding number.
fn run(kernel: &Kernel, buffers: &mut [Vec<u32>], groups: [u32; 3]) -> Vec<Finding> {
    let findings = Findings::default();
    let spans: Vec<Span> = kernel.bindings().iter().map(|(_, b)| span(&mut buffers[*b as usize])).collect();
    kernel.dispatch(&Threads::new(2), &spans, &[], groups, Some(&findings));
    findings.take()
}

#[expect(unsafe_code, reason = "the buffers of the test outlive its run")]
fn span(buffer: &mut [u32]) -> Span {
    // SAFETY: the caller keeps the buffer, and does not look at it, until the run is done.
    unsafe { Span::new(buffer.as_mut_ptr().cast(), 4 * buffer.len()) }
}

fn all() -> Config {
    Config { checks: Checks::all(), ..Config::default() }
}

/// Kind, line and variable of everything found.
fn found(wgsl: &str, buffers: &mut [Vec<u32>], groups: [u32; 3]) -> Vec<(Kind, u32, String)> {
    run(&kernel(wgsl, &all()), buffers, groups)
        .into_iter()
        .map(|f| (f.kind, f.at.map_or(0, |at| at.0), f.variable))
        .collect()
}

const REDUCE: &str = "@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
var<workgroup> p: array<f32, 128>;
@compute @workgroup_size(128) fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) w: vec3<u32>) {
  p[l] = x[w.x * 128u + l];
  workgroupBarrier();
  for (var h = 64u; h > 0u; h = h >> 1u) {
    if (l < h) { p[l] = p[l] + p[l + h]; }
    workgroupBarrier();
  }
  if (l == 0u) { y[w.x] = p[0]; }
}";

#[test]
fn a_correct_reduction_is_left_in_peace() {
    let x: Vec<u32> = (0..512).map(|i| (i as f32).to_bits()).collect();
    for isa in Isa::available() {
        for checks in [Checks::default(), Checks::all(), Checks { shuffle: Some(7), ..Checks::all() }] {
            let mut buffers = [x.clone(), vec![0; 4]];
            let found =
                run(&kernel(REDUCE, &Config { isa: *isa, checks, ..Config::default() }), &mut buffers, [4, 1, 1]);
            assert_eq!(found, []);
            let sum = |w: u32| ((w * 128..(w + 1) * 128).sum::<u32>() as f32).to_bits();
            assert_eq!(buffers[1], (0..4).map(sum).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_missing_barrier_is_a_race() {
    let wgsl = REDUCE.replacen("  workgroupBarrier();\n", "\n", 1);
    let findings = run(&kernel(&wgsl, &all()), &mut [vec![0; 512], vec![0; 4]], [4, 1, 1]);
    let race = findings.iter().find(|f| f.kind == Kind::Race).unwrap();
    assert_eq!((race.at.unwrap().0, race.variable.as_str(), race.invocations.len()), (8, "p", 2), "{race}");
    assert!(findings.iter().all(|f| f.kind == Kind::Race), "{findings:?}");
}

#[test]
fn workgroups_that_write_the_same_word() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) w: vec3<u32>) {
  y[l] = y[l] + w.x;
}";
    let findings = run(&kernel(wgsl, &all()), &mut [vec![0; 64]], [3, 1, 1]);
    assert!(findings.iter().any(|f| f.kind == Kind::RaceOfWorkgroups && f.at.unwrap().0 == 3), "{findings:?}");
    let apart = findings[0].invocations.iter().map(|id| id[0] / 64).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(apart.len(), 2);
    assert_eq!(found(wgsl, &mut [vec![0; 64]], [1, 1, 1]), []);
}

#[test]
fn a_barrier_that_not_all_reach() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) l: u32) {
  if (l >= y[64]) { return; }
  workgroupBarrier();
  y[l] = l;
}";
    let mut y = vec![0; 65];
    y[64] = 40;
    let findings = run(&kernel(wgsl, &all()), &mut [y], [1, 1, 1]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].kind, findings[0].at.unwrap().0), (Kind::NotUniform, 4));
    assert_eq!(findings[0].invocations, [[0, 0, 0], [40, 0, 0]]);
}

#[test]
fn an_index_out_of_bounds() {
    let wgsl = "@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
  if (g.x < 100u) {
    y[g.x] = x[g.x + 1u];
  }
}";
    let findings = run(&kernel(wgsl, &all()), &mut [vec![1; 100], vec![0; 100]], [2, 1, 1]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let f = &findings[0];
    assert_eq!((f.kind, f.at.unwrap().0, f.variable.as_str()), (Kind::OutOfBounds, 5, "x"));
    assert_eq!((f.index, f.invocations.as_slice(), f.count), (Some(100), &[[99, 0, 0]][..], 1));
}

#[test]
fn memory_that_nothing_was_written_to() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
var<workgroup> p: array<u32, 64>;
var<workgroup> n: atomic<u32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) l: u32) {
  if (l < 32u) { p[l] = l; }
  atomicAdd(&n, 1u);
  workgroupBarrier();
  y[l] = p[l] + atomicLoad(&n);
}";
    assert_eq!(found(wgsl, &mut [vec![0; 64]], [1, 1, 1]), [(Kind::Uninitialised, 8, "p".to_owned())]);
}

#[test]
fn division_and_numbers_that_are_not_finite() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) l: u32) {
  y[l] = 100u / y[l];
  z[l] = 1.0 / z[l];
}";
    let mut buffers = [(0..64).collect(), (0..64).map(|i| (i as f32 - 3.0).to_bits()).collect()];
    let findings = run(&kernel(wgsl, &all()), &mut buffers, [1, 1, 1]);
    let seen: Vec<_> = findings.iter().map(|f| (f.kind, f.at.unwrap().0, f.invocations[0][0])).collect();
    assert_eq!(seen, [(Kind::DivisionByZero, 4, 0), (Kind::NotFinite, 5, 3)], "{findings:?}");
}

#[test]
fn the_same_buffer_read_and_written() {
    let wgsl = "@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) l: u32) { y[l] = x[l]; }";
    let kernel = kernel(wgsl, &all());
    let mut buffer = vec![0; 128];
    let (findings, whole) = (Findings::default(), span(&mut buffer));
    kernel.dispatch(&Threads::new(1), &[whole, whole], &[], [1, 1, 1], Some(&findings));
    let list = findings.take();
    assert_eq!((list.len(), list[0].kind, list[0].variable.as_str()), (1, Kind::Aliasing, "x, y"));
}

/// Which of several stores to one place remains is not said; the shuffled order shows another one.
#[test]
fn another_order_shows_another_winner() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) { y[0] = g.x; y[1u + g.x % 8u] = g.x; }";
    let run = |shuffle| {
        let mut buffers = [vec![0; 16]];
        run(
            &kernel(wgsl, &Config { checks: Checks { shuffle, ..Checks::default() }, ..Config::default() }),
            &mut buffers,
            [5, 1, 1],
        );
        buffers[0].clone()
    };
    assert_eq!(run(None)[..3], [319, 312, 313]);
    assert_ne!(run(Some(1)), run(Some(2)));
}

/// Sums in processor registers are the sums of the plain instructions, in bounds and out.
#[test]
fn products_of_matrices() {
    let wgsl = "@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
var<workgroup> t: array<vec4<f32>, 64>;
@compute @workgroup_size(8, 8) fn main(@builtin(local_invocation_id) l: vec3<u32>, @builtin(global_invocation_id) g: vec3<u32>) {
  t[l.y * 8u + l.x] = b[l.y * 8u + l.x];
  workgroupBarrier();
  var s = vec4<f32>(); var r = vec4<f32>();
  for (var k = 0u; k < 8u; k++) {
    s += a[g.y * 16u + k] * t[k * 8u + l.x];
    r += a[g.y * 16u + k + 8u] * t[k * 8u + l.x];
  }
  c[(g.y * 8u + l.x) * 2u] = s;
  c[(g.y * 8u + l.x) * 2u + 1u] = r;
}";
    let number = |i: u32| ((i.wrapping_mul(2_654_435_761) >> 20) as f32 / 512.0 - 4.0).to_bits();
    for words in [32 * 16, 32 * 16 - 40] {
        let mut results = vec![];
        for isa in Isa::available() {
            for fused in [false, true] {
                let config = Config { isa: *isa, fused, ..Config::default() };
                let mut buffers = [(0..words).map(number).collect(), (0..256).map(number).collect(), vec![0; 32 * 64]];
                run(&kernel(wgsl, &config), &mut buffers, [1, 4, 1]);
                let plain = Config { checks: Checks { shuffle: Some(0), ..Checks::default() }, ..config };
                let mut again = [buffers[0].clone(), buffers[1].clone(), vec![0; 32 * 64]];
                run(&kernel(wgsl, &plain), &mut again, [1, 4, 1]);
                assert_eq!(buffers[2], again[2], "{isa:?} {fused}");
                if !fused {
                    results.push(buffers[2].clone());
                }
            }
        }
        assert!(results.windows(2).all(|r| r[0] == r[1]));
    }
}
