// The sums of runs of 4096: 16 a lane, then a tree of 256 lanes with a barrier a level.
@group(0) @binding(0) var<storage,read> x: array<f32>;
@group(0) @binding(1) var<storage,read_write> y: array<f32>;
var<workgroup> p: array<f32, 256>;
@compute @workgroup_size(256) fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) w: vec3<u32>) {
    var s = 0.0;
    let b = w.x * 4096u + l;
    for (var k = 0u; k < 16u; k = k + 1u) {
        s = s + x[b + k * 256u];
    }
    p[l] = s;
    workgroupBarrier();
    for (var h = 128u; h > 0u; h = h >> 1u) {
        if (l < h) {
            p[l] = p[l] + p[l + h];
        }
        workgroupBarrier();
    }
    if (l == 0u) {
        y[w.x] = p[0];
    }
}
