// y = x / (1 + e^(-1.702 x)), the sigmoid form of the Gaussian error linear unit.
@group(0) @binding(0) var<storage,read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage,read_write> y: array<vec4<f32>>;
@compute @workgroup_size(256) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    let i = g.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    let v = x[i];
    y[i] = v / (vec4<f32>(1.0) + exp(-1.702 * v));
}
