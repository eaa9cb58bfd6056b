// Loops that lanes leave at different times, with switches and calls inside.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;

fn search(seed: u32, limit: u32) -> u32 {
    var x = seed;
    for (var i = 0u; i < limit; i++) {
        if (x % 7u == 3u) { return x * 10u + i; }
        if (x % 5u == 1u) { x = x / 3u + 1u; continue; }
        x = x * 1664525u + 1013904223u;
        if (x > 0xf0000000u) { break; }
    }
    return x ^ 0xabcdu;
}

fn classify(x: u32) -> i32 {
    switch (x % 6u) {
        case 0u, 3u: { return -1; }
        case 1u: { if (x > 100u) { return 7; } }
        default: { if (x % 4u == 0u) { break; } return i32(x & 15u); }
        case 5u: { return 99; }
    }
    return 1000;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) li: u32) {
    if (id.x >= 200u) { return; }
    var acc = 0u;
    var steps = 0u;
    let n = src[id.x] % 13u;
    for (var i = 0u; i < n; i++) {
        var j = 0u;
        loop {
            if (j > i + 2u) { break; }
            let s = src[(id.x + i * 17u + j * 3u) % 256u];
            switch (s % 5u) {
                case 0u: { acc += s; }
                case 1u, 2u: { acc ^= s << (j & 7u); if (s % 3u == 0u) { break; } steps++; }
                case 3u: { j += 1u; }
                default: { acc = acc * 31u + 1u; }
            }
            if (acc % 11u == 4u) { acc += search(s, 9u); }
            continuing {
                j++;
                steps += 2u;
                break if steps > 40u;
            }
        }
        if (steps > 60u) { break; }
        if ((acc & 3u) == 1u) { continue; }
        acc += u32(classify(acc + i));
        if (acc % 29u == 7u) { out[id.x] = acc; return; }
    }
    out[id.x] = acc * 3u + steps;
    var uniform_sum = 0u;
    if (li % 3u == 1u) {
        for (var k = 0u; k < 100u; k += 7u) { uniform_sum += k * id.x; }
        out[id.x] += uniform_sum;
    } else {
        var k = 0u;
        while (k < 5u) { uniform_sum += k; k++; }
        out[id.x] ^= uniform_sum + k;
    }
}
