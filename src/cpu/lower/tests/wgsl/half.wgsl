// f16: exact with small numbers.
enable f16;
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
var<workgroup> tile: array<vec3<f16>, 16>;
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) li: u32) {
    let i = id.x;
    let a = f16(src[i] % 64u) * 0.25h - 3.0h;
    let v = vec3<f16>(a, f16(i32(i) - 5), 2.0h);
    tile[li] = v;
    workgroupBarrier();
    let w = tile[(li + 3u) % 16u] * 2.0h + v;
    let d = dot(v, vec3<f16>(1.0h, 2.0h, 0.5h)) + max(w.x, w.y) - floor(w.z * 0.3h);
    out[i] = bitcast<u32>(f32(d)) ^ bitcast<u32>(f32(w.x + w.y)) ^ u32(w.y < 0.0h);
    out[i + 128u] = u32(i32(w.x)) + pack2x16float(vec2f(f32(a), f32(w.y)));
}
