// What element_pointers.wgsl computes, written with indices.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var a: array<u32, 8>;
    var b: array<u32, 2>;
    a[4] = 1u; a[5] = i; a[6] = src[i]; a[7] = 9u;
    let n = src[i + 1u];
    for (var k = 0u; k <= n % 4u; k++) { let at = i % 2u * 4u + (k + n) % 4u; let old = a[at]; a[at] += n + k; b[i % 2u] += old; }
    for (var k = 0u; k <= 2u; k++) { let at = 4u + (k + 2u) % 4u; let old = a[at]; a[at] += 2u + k; b[1] += old; }
    var h = 0u;
    for (var p = 0u; p < 2u; p++) { for (var k = 0u; k < 4u; k++) { h = h * 31u + a[p * 4u + k]; } h += b[p]; }
    out[i] = h;
}
