// 64-bit integers.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
fn put(i: u32, k: u32, x: u64) { out[i * 16u + k] = u32(x) ^ u32(x >> 32u); }
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= 16u) { return; }
    let a = (u64(src[i]) << 32u) | u64(src[i + 1u]);
    let b = u64(src[i + 2u]) + 1lu;
    let s = i64(a); let t = i64(b) - 3li;
    put(i, 0u, a + b); put(i, 1u, a * b); put(i, 2u, a - b); put(i, 3u, a / b); put(i, 4u, a % b);
    put(i, 5u, u64(s / t)); put(i, 6u, u64(s >> (src[i] % 64u))); put(i, 7u, a << (src[i] % 64u));
    put(i, 8u, u64(min(s, t)) ^ max(a, b)); put(i, 9u, u64(select(-s, abs(s), a < b)));
    var arr = array<u64, 3>(a, b, 7lu);
    arr[i % 3u] += 5lu;
    put(i, 10u, arr[(i + 1u) % 3u] + arr[0] * 3lu + arr[1]);
    put(i, 11u, u64(u32(s < t)) + u64(s == t) * 2lu + u64(f32(src[i] & 0xffffu)));
    var x = vec2<u64>(a, b);
    for (var k = 0u; k < i; k++) { if (x.x % 3lu == 1lu) { break; } x = x.yx * 3lu + vec2<u64>(1lu, u64(k)); }
    put(i, 12u, x.x ^ x.y);
    put(i, 13u, a & b | ~a ^ b);
}
