// Branches small enough to be computed by all lanes, inside and outside of ragged flow.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
fn rank(x: u32) -> u32 {
    var r = 3u;
    if (x > 1000u) { r = x % 16u; } else if (x > 10u) { r += 5u; }
    return r;
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var best = 0u; var at = 0u; var low = 0xffffffffu; var swapped = 0u;
    var a = src[id.x]; var b = src[id.x + 1u];
    for (var i = 0u; i < 40u; i++) {
        let x = src[(id.x * 7u + i) % 256u];
        if (x > best) { best = x; at = i; }
        if (x < low) { low = x; } else { swapped += 1u; }
        if (a > b) { let t = a; a = b; b = t; swapped ^= 5u; }
        if (x % 7u == 0u) { a = a * 3u + x; if (a % 2u == 0u) { b = b - 1u; } }
        if (id.x % 5u == 4u) { if (x % 3u == 1u) { at += 2u; } if (at > 70u) { break; } }
        at += rank(x) & 3u;
    }
    out[id.x] = best ^ at * 31u ^ low * 7u ^ swapped * 131u ^ a ^ b * 3u;
}
