// Integer arithmetic at its edges, casts, bits, packing.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
fn edge(x: u32) -> u32 {
    switch (x % 9u) {
        case 0u: { return 0u; } case 1u: { return 1u; } case 2u: { return 0x80000000u; } case 3u: { return 0xffffffffu; }
        case 4u: { return 0x7fffffffu; } case 5u: { return 31u; } case 6u: { return 33u; } default: { return x; }
    }
}
fn mix_in(h: ptr<function, u32>, x: u32) { *h = (*h ^ x) * 16777619u; }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let a = edge(src[i]); let b = edge(src[i] / 16u); let n = src[i + 1u] % 32u;
    let s = bitcast<i32>(a); let t = bitcast<i32>(b);
    var h = 2166136261u;
    mix_in(&h, a + b); mix_in(&h, a - b); mix_in(&h, a * b);
    mix_in(&h, a / max(b, 1u)); mix_in(&h, a % max(b, 1u));
    mix_in(&h, u32(s / select(t, 3, t == 0 || t == -1))); mix_in(&h, u32(s % select(t, 3, t == 0 || t == -1)));
    mix_in(&h, a << n); mix_in(&h, a >> n); mix_in(&h, u32(s >> n)); mix_in(&h, u32(-s)); mix_in(&h, ~a);
    mix_in(&h, u32(abs(s)) + u32(sign(t)) * 3u); mix_in(&h, u32(min(s, t)) ^ u32(max(s, t))); mix_in(&h, min(a, b) ^ max(a, b) * 3u);
    mix_in(&h, u32(clamp(s, -50, 1000)) + clamp(b, 3u, 70u));
    mix_in(&h, countOneBits(a) + countLeadingZeros(b) * 64u + countTrailingZeros(a) * 4096u);
    mix_in(&h, reverseBits(a)); mix_in(&h, firstLeadingBit(a) ^ firstTrailingBit(b)); mix_in(&h, u32(firstLeadingBit(s)));
    mix_in(&h, extractBits(a, n, b % 33u)); mix_in(&h, u32(extractBits(s, n, b % 20u))); mix_in(&h, insertBits(a, b, n, 7u));
    mix_in(&h, u32(a < b) | u32(a <= b) << 1u | u32(s < t) << 2u | u32(s >= t) << 3u | u32(a == b) << 4u | u32(a != b) << 5u);
    let v = vec4u(a, b, n, i); let w = vec4i(s, t, i32(n), -7);
    mix_in(&h, dot(v, v.wzyx)); mix_in(&h, u32(dot(w, w.yxwz)));
    mix_in(&h, select(v, v.yzwx, v < vec4u(40u)).x + u32(any(w < vec4i(0))) + u32(all(v > vec4u(2u))) * 2u);
    mix_in(&h, u32(dot4I8Packed(a, b)) + dot4U8Packed(a, b)); mix_in(&h, pack4xI8(w) ^ pack4xU8(v)); mix_in(&h, unpack4xU8(a).z + u32(unpack4xI8(b).y));
    let f = f32(i % 7u) - 3.0;
    mix_in(&h, u32(f) + u32(i32(f * 1.5)) * 3u + u32(f32(a & 0xffffu)) + u32(bool(a)) + u32(i32(true)));
    mix_in(&h, bitcast<u32>(f * 0.25 + 2.0)); mix_in(&h, bitcast<u32>(floor(f * 0.3)) ^ bitcast<u32>(ceil(f * 0.3)) ^ bitcast<u32>(trunc(f * 0.7)) ^ bitcast<u32>(round(f * 0.5)));
    mix_in(&h, bitcast<u32>(fract(f * 0.25)) + bitcast<u32>(abs(f)) + bitcast<u32>(sign(f)) + bitcast<u32>(max(f, 0.5)) + bitcast<u32>(step(f, 1.0)));
    let fr = frexp(f * 3.0); let mo = modf(f * 1.25);
    mix_in(&h, bitcast<u32>(fr.fract) + u32(fr.exp) + bitcast<u32>(mo.fract) + bitcast<u32>(mo.whole) + bitcast<u32>(ldexp(f, i32(n) - 10)));
    out[i] = h;
}
