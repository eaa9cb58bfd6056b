//! Shaders with one thing wrong each, and the same shaders put right.

use super::{Rule, Settings, source};

fn rules(wgsl: &str) -> Vec<Rule> {
    let findings = source(wgsl, &Settings::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut rules: Vec<Rule> = findings.iter().map(|f| f.rule).collect();
    rules.dedup();
    rules
}

/// A compute shader with a body, and a few things to work with.
fn shader(body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read> a: array<f32>;
         @group(0) @binding(1) var<storage, read_write> b: array<f32>;
         @group(0) @binding(2) var<uniform> p: vec4<u32>;
         var<workgroup> w: array<f32, 64>;
         var<workgroup> n: u32;
         fn sync() {{ workgroupBarrier(); }}
         fn first(x: u32) -> u32 {{ if x > 3u {{ return 1u; }} return 0u; }}
         fn put(x: ptr<function, u32>, to: u32) {{ *x = to; }}
         @compute @workgroup_size(64)
         fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3<u32>,
                 @builtin(num_workgroups) groups: vec3<u32>) {{
           {body}
         }}"
    )
}

fn is_uniform(body: &str) {
    assert_eq!(rules(&shader(body)), [], "{body}");
}

fn is_divergent(body: &str) {
    assert_eq!(rules(&shader(body)), [Rule::BarrierUniformity], "{body}");
}

#[test]
fn barriers_in_uniform_flow_are_left_alone() {
    is_uniform("workgroupBarrier();");
    is_uniform("if group.x > p.x { workgroupBarrier(); }");
    is_uniform("for (var i = 0u; i < p.y; i++) { w[lane] += 1.0; workgroupBarrier(); }");
    is_uniform("for (var s = 32u; s > 0u; s /= 2u) { if lane < s { w[lane] += w[lane + s]; } workgroupBarrier(); }");
    // read-only memory at a uniform place
    is_uniform("if a[group.x] > 0.0 { sync(); }");
    is_uniform("if lane == 0u { n = u32(b[0]); } let m = workgroupUniformLoad(&n); if m > 3u { workgroupBarrier(); }");
    // flow joins again after a branch that is left by its end, and after a loop
    is_uniform("var x = 0u; if lane > 3u { x = 1u; } else { x = 2u; } w[lane] = f32(x); workgroupBarrier();");
    is_uniform("for (var i = 0u; i < lane; i++) { w[lane] += 1.0; } workgroupBarrier();");
    is_uniform(
        "var i = lane; loop { if i > 9u { break; } i++; if i == 5u { continue; } w[lane] = 1.0; } workgroupBarrier();",
    );
    is_uniform("switch lane { case 1u: { w[0] = 1.0; } default: { w[1] = 2.0; break; } } workgroupBarrier();");
    // a function returns to its caller
    is_uniform("w[lane] = f32(first(lane)); workgroupBarrier();");
    is_uniform("if first(group.x) == 0u { workgroupBarrier(); }");
    is_uniform("var x = lane; put(&x, group.x); if x > 2u { workgroupBarrier(); }");
    // an assignment of a uniform value makes a variable uniform again
    is_uniform("var x = lane; w[lane] = f32(x); x = group.y; if x > 1u { workgroupBarrier(); }");
    is_uniform("if group.x >= groups.x - 1u { return; } workgroupBarrier();");
}

#[test]
fn barriers_in_divergent_flow_are_found() {
    is_divergent("if lane < 32u { workgroupBarrier(); }");
    is_divergent("if lane < 32u { sync(); }");
    is_divergent("if lane >= p.x { return; } workgroupBarrier();");
    is_divergent("if b[group.x] > 0.0 { workgroupBarrier(); }");
    is_divergent("if a[lane] > 0.0 { storageBarrier(); }");
    is_divergent("for (var i = 0u; i < lane; i++) { workgroupBarrier(); }");
    is_divergent("for (var i = 0u; i < 9u; i++) { if b[i] > 0.0 { break; } workgroupBarrier(); }");
    is_divergent("for (var i = 0u; i < 9u; i++) { if lane == i { return; } } workgroupBarrier();");
    is_divergent("loop { workgroupBarrier(); if lane > 3u { break; } }");
    is_divergent("for (var i = 0u; i < 9u; i++) { if lane == i { continue; } workgroupBarrier(); }");
    is_divergent("var x = 0u; if lane > 3u { x = 1u; } if x == 1u { workgroupBarrier(); }");
    is_divergent("if first(lane) == 0u { workgroupBarrier(); }");
    is_divergent("var x = 0u; put(&x, lane); if x > 2u { workgroupBarrier(); }");
    is_divergent("var x = 0u; if lane > 2u { put(&x, 1u); } if x > 0u { workgroupBarrier(); }");
    is_divergent("switch lane { case 1u: { workgroupBarrier(); } default: {} }");
    is_divergent("if n > 3u { workgroupBarrier(); }");
    is_divergent("var x = 0u; for (var i = 0u; i < 3u; i++) { if x > 1u { workgroupBarrier(); } x = lane; }");
    is_divergent("if lane < 4u { n = workgroupUniformLoad(&n); }");
    is_divergent("let x = select(group.x, lane, p.x > 0u); if x > 1u { workgroupBarrier(); }");
    is_divergent("if lane < 4u && p.x > 0u { workgroupBarrier(); }");
}

#[test]
fn members_of_an_input_struct_are_told_apart() {
    let text = |condition: &str| {
        format!(
            "struct In {{ @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32> }}
             @compute @workgroup_size(64) fn main(in: In) {{ if {condition} {{ workgroupBarrier(); }} }}"
        )
    };
    assert_eq!(rules(&text("in.group.x > 0u")), []);
    assert_eq!(rules(&text("in.lane.x > 0u")), [Rule::BarrierUniformity]);
}

#[test]
fn messages_name_place_and_cause() {
    let findings = source(&shader("\nif a[lane] > 0.0 {\n  sync(); }"), &Settings::default()).expect("valid");
    assert_eq!(findings.len(), 1);
    let text = findings[0].to_string();
    assert!(text.starts_with("6:"), "the barrier is in the function: {text}");
    assert!(
        text.contains("error[barrier-uniformity]: workgroupBarrier") && text.contains("`local_invocation_index`"),
        "{text}"
    );
}

#[test]
fn portable_limits() {
    assert_eq!(rules("@compute @workgroup_size(257) fn main() {}"), [Rule::Limit]);
    assert_eq!(rules("@compute @workgroup_size(1, 1, 65) fn main() {}"), [Rule::Limit]);
    assert_eq!(rules("override n = 512; @compute @workgroup_size(n) fn main() {}"), [Rule::Limit]);
    assert_eq!(rules("override n: u32; @compute @workgroup_size(n) fn main() {}"), []);
    let memory =
        |n: u32| format!("var<workgroup> w: array<f32, {n}>; @compute @workgroup_size(1) fn main() {{ w[0] = 1.0; }}");
    assert_eq!(rules(&memory(4096)), []);
    assert_eq!(rules(&memory(4097)), [Rule::Limit]);
    let unused = "var<workgroup> w: array<f32, 5000>; @compute @workgroup_size(1) fn main() {}";
    assert_eq!(rules(unused), []);
    let group = "@group(4) @binding(0) var<storage, read_write> b: array<u32>;
                 @compute @workgroup_size(1) fn main() { b[0] = 1u; }";
    assert_eq!(rules(group), [Rule::Limit]);
    let many: String =
        (0..9).map(|i| format!("@group(0) @binding({i}) var<storage, read_write> b{i}: u32;\n")).collect();
    let writes: String = (0..9).map(|i| format!("b{i} = 1u;")).collect();
    assert_eq!(rules(&format!("{many} @compute @workgroup_size(1) fn main() {{ {writes} }}")), [Rule::Limit]);
}

#[test]
fn features() {
    let global = |ty: &str| format!("var<private> x: {ty}; @compute @workgroup_size(1) fn main() {{ _ = x; }}");
    for ty in ["f64", "i64", "vec2<u64>", "array<f64, 3>"] {
        assert_eq!(rules(&global(ty)), [Rule::NotWebgpu], "{ty}");
    }
    assert_eq!(rules(&format!("enable f16; {}", global("f16"))), [Rule::OptionalFeature]);
    assert_eq!(rules(&global("vec3<i32>")), []);
    let atomic = "var<workgroup> x: atomic<u64>; @compute @workgroup_size(1) fn main() { atomicStore(&x, 1lu); }";
    assert_eq!(rules(atomic), [Rule::NotWebgpu]);
}

#[test]
fn hazards_with_nan() {
    let nan = |body: &str| assert_eq!(rules(&shader(body)), [Rule::Nan], "{body}");
    nan("let x = b[lane]; if x != x { b[lane] = 0.0; }");
    nan("b[lane] = select(0.0, 1.0, b[lane] == b[lane]);");
    nan("b[lane] = tanh(b[lane]);");
    nan("b[lane] = pow(b[lane], 2.0);");
    is_uniform("b[lane] = tanh(clamp(b[lane], -15.0, 15.0));");
    is_uniform(
        "b[lane] = pow(abs(b[lane]), 2.5) + pow(max(a[0], 0.0) + 1.0, 3.0) + pow(2.0, a[1]) + pow(a[2] * a[2], 0.3);",
    );
    is_uniform("if lane == lane { b[lane] = 1.0; }");
}

#[test]
fn sizes_of_workgroups_and_subgroups() {
    let short = "var<workgroup> w: array<f32, 32>;
        @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { w[i] = 1.0; }";
    assert_eq!(rules(short), [Rule::WorkgroupSize]);
    assert_eq!(rules(&short.replace("f32, 32", "f32, 64")), []);
    let fixed = "override size = 128u;
        @group(0) @binding(0) var<storage, read_write> b: array<u32>;
        @compute @workgroup_size(size) fn main(@builtin(workgroup_id) g: vec3<u32>) { b[g.x * 128u] = 1u; }";
    assert_eq!(rules(fixed), [Rule::WorkgroupSize]);
    assert_eq!(rules(&fixed.replace("g.x * 128u", "g.x * size")), []);
    let lanes = "
        @group(0) @binding(0) var<storage, read_write> b: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
            let s = subgroupAdd(i);
            b[i / 32u] = s;
        }";
    assert_eq!(rules(lanes), [Rule::OptionalFeature, Rule::SubgroupSize]);
    let branch = lanes.replace("let s", "if i > 3u { return; } let s").replace("i / 32u", "i");
    assert_eq!(rules(&branch), [Rule::SubgroupUniformity, Rule::OptionalFeature]);
}

#[test]
fn rules_can_be_switched_off() {
    let text = shader("b[lane] = tanh(b[lane]); // lint: allow(nan)\n b[lane + 1u] = tanh(b[lane]);");
    assert_eq!(rules(&text), []);
    let text = shader("b[lane] = tanh(b[lane]); // lint: allow(limit)");
    assert_eq!(rules(&text), [Rule::Nan]);
    assert_eq!(source(&text, &Settings::default().allow(Rule::Nan)), Ok(Vec::new()));
    super::assert_portable(&text, &Settings::default().allow(Rule::Nan));
    assert!(source("fn f( {", &Settings::default()).is_err());
    for rule in Rule::ALL {
        assert_eq!(Rule::named(rule.name()), Some(rule));
    }
}

#[test]
#[should_panic(expected = "error[limit]")]
fn the_assertion_panics_with_the_findings() {
    super::assert_portable("@compute @workgroup_size(512) fn main() {}", &Settings::default());
}
