// Pointers to elements as arguments: naga's SPIR-V writer does not take them, so the same without them is the oracle.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
struct Pair { a: array<u32, 4>, b: vec2u }
fn bump(p: ptr<function, u32>, by: u32) -> u32 { let old = *p; *p += by; return old; }
fn bump_pair(p: ptr<function, Pair>, i: u32) {
    for (var k = 0u; k <= i % 4u; k++) { (*p).b.y += bump(&(*p).a[(k + i) % 4u], i + k); }
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var pairs: array<Pair, 2>;
    pairs[1].a = array<u32, 4>(1u, i, src[i], 9u);
    bump_pair(&pairs[i % 2u], src[i + 1u]);
    bump_pair(&pairs[1], 2u);
    var h = 0u;
    for (var p = 0u; p < 2u; p++) { for (var k = 0u; k < 4u; k++) { h = h * 31u + pairs[p].a[k]; } h += pairs[p].b.y; }
    out[i] = h;
}
