// y = y x + c, 32 times: arithmetic that waits for itself.
@group(0) @binding(0) var<storage,read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage,read_write> y: array<vec4<f32>>;
@compute @workgroup_size(256) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    let i = g.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    let v = x[i];
    var a = y[i];
    for (var k = 0u; k < 32u; k = k + 1u) {
        a = a * v + vec4<f32>(0.25, 0.5, 0.75, 0.125);
    }
    y[i] = a;
}
