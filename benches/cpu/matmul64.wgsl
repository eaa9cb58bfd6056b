// c = a b, a lane 4x4 elements, tiles of 64x16 and 16x64 in workgroup memory.
@group(0) @binding(0) var<storage,read> a: array<f32>;
@group(0) @binding(1) var<storage,read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage,read_write> c: array<vec4<f32>>;
const SIDE = 512u;
var<workgroup> ta: array<f32, 1024>;
var<workgroup> tb: array<vec4<f32>, 256>;
@compute @workgroup_size(16, 16) fn main(@builtin(local_invocation_id) l: vec3<u32>, @builtin(workgroup_id) w: vec3<u32>) {
    let row = w.y * 64u + l.y * 4u;
    let col = w.x * 16u + l.x;
    let n4 = SIDE / 4u;
    var c0 = vec4<f32>(0.0);
    var c1 = vec4<f32>(0.0);
    var c2 = vec4<f32>(0.0);
    var c3 = vec4<f32>(0.0);
    for (var t = 0u; t < SIDE; t = t + 16u) {
        // ta holds 16 of k for 64 rows, transposed; tb holds 16 of k for 16 vectors of columns
        ta[l.x * 64u + l.y] = a[(w.y * 64u + l.y) * SIDE + t + l.x];
        ta[l.x * 64u + l.y + 16u] = a[(w.y * 64u + l.y + 16u) * SIDE + t + l.x];
        ta[l.x * 64u + l.y + 32u] = a[(w.y * 64u + l.y + 32u) * SIDE + t + l.x];
        ta[l.x * 64u + l.y + 48u] = a[(w.y * 64u + l.y + 48u) * SIDE + t + l.x];
        tb[l.y * 16u + l.x] = b[(t + l.y) * n4 + col];
        workgroupBarrier();
        for (var k = 0u; k < 16u; k = k + 1u) {
            let v = tb[k * 16u + l.x];
            let r = l.y * 4u;
            c0 = c0 + ta[k * 64u + r] * v;
            c1 = c1 + ta[k * 64u + r + 1u] * v;
            c2 = c2 + ta[k * 64u + r + 2u] * v;
            c3 = c3 + ta[k * 64u + r + 3u] * v;
        }
        workgroupBarrier();
    }
    c[row * n4 + col] = c0;
    c[(row + 1u) * n4 + col] = c1;
    c[(row + 2u) * n4 + col] = c2;
    c[(row + 3u) * n4 + col] = c3;
}
