//! Everything that naga accepts must become a tape that is well formed.
use super::*;

/// Parses, validates and lowers.
pub fn tape(wgsl: &str, checks: Checks) -> Tape {
    let module = naga::front::wgsl::parse_str(wgsl).unwrap_or_else(|e| panic!("{}", e.emit_to_string(wgsl)));
    let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}", e.emit_to_string(wgsl)));
    let entry = &module.entry_points[0].name;
    let tape = lower(&module, &info, entry, &Config { subgroup: 32, checks, zero_workgroup: true }).expect("lowers");
    if let Err(e) = verify(&tape) {
        panic!("{e}\n{tape}");
    }
    tape
}

#[test]
fn scaling() {
    let t = tape(
        "@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
        @group(0) @binding(1) var<storage, read> x: array<vec4f>;
        struct P { n: u32, a: f32 }
        @group(0) @binding(2) var<uniform> p: P;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            if (id.x >= p.n) { return; }
            var s = vec4f();
            for (var k = 0u; k < 4u; k++) { s += x[id.x * 4u + k] * p.a; }
            var j = 0u;
            loop { if (j >= id.x) { break; } s.x += 1.0; j++; }
            y[id.x] = s + y[id.x];
        }",
        Checks::default(),
    );
    println!("{t}");
}
