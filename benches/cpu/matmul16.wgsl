// c = a b, a lane an element, tiles of 16x16 in workgroup memory.
@group(0) @binding(0) var<storage,read> a: array<f32>;
@group(0) @binding(1) var<storage,read> b: array<f32>;
@group(0) @binding(2) var<storage,read_write> c: array<f32>;
const SIDE = 512u;
var<workgroup> ta: array<f32, 256>;
var<workgroup> tb: array<f32, 256>;
@compute @workgroup_size(16, 16) fn main(@builtin(local_invocation_id) l: vec3<u32>, @builtin(workgroup_id) w: vec3<u32>) {
    let row = w.y * 16u + l.y;
    let col = w.x * 16u + l.x;
    var acc = 0.0;
    for (var t = 0u; t < SIDE; t = t + 16u) {
        ta[l.y * 16u + l.x] = a[row * SIDE + t + l.x];
        tb[l.y * 16u + l.x] = b[(t + l.y) * SIDE + col];
        workgroupBarrier();
        for (var k = 0u; k < 16u; k = k + 1u) {
            acc = acc + ta[l.y * 16u + k] * tb[k * 16u + l.x];
        }
        workgroupBarrier();
    }
    c[row * SIDE + col] = acc;
}
