// Moves the keys of every chunk to their places by one digit of 4 bits, in order: stable; one workgroup a chunk of 4096.
//
// Lane i has elements 16 i.. of the chunk. It counts its digits; the counts of the lanes before are summed up for each digit,
// and tell the lane where its first element with this digit goes.
//
// x, params: as sort_count; places: [rows, chunks, 16], see sort_offsets; out: as x, in the last pass positions
// Overrides: none. Workgroup memory: 8 KiB. Barriers: not within control flow that differs between lanes. Exact.

//!slot items
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>;

fn pair_of(ix: u32, i: u32) -> vec2<u32> {
    return vec2<u32>(sort_key_f32(x[ix]), i);
}
fn put(ix: u32, pair: vec2<u32>) {
    out[ix] = pair;
}
//!end
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

/// [digit / 2][lane]: counts of two digits, 16 bits each.
var<workgroup> sh_count: array<u32, 2048>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let unit = index_group(group, groups);
    let live = unit < params[0].z;
    let base = unit / params[0].y * params[0].x;
    let first = unit % params[0].y * 4096u + lane * 16u;
    let last = select(first, min(first + 16u, params[0].x), live);
    for (var d = 0u; d < 8u; d += 1u) {
        sh_count[d * 256u + lane] = 0u;
    }
    for (var i = first; i < last; i += 1u) {
        let digit = (pair_of(base + i, i).x >> params[1].x) & 15u;
        sh_count[digit / 2u * 256u + lane] += 1u << (digit % 2u * 16u);
    }
    workgroupBarrier();
    // sums over lanes, in steps of 1, 2, 4, …
    for (var reach = 1u; reach < 256u; reach *= 2u) {
        var more: array<u32, 8>;
        for (var d = 0u; d < 8u; d += 1u) {
            more[d] = 0u;
            if (lane >= reach) {
                more[d] = sh_count[d * 256u + lane - reach];
            }
        }
        workgroupBarrier();
        for (var d = 0u; d < 8u; d += 1u) {
            sh_count[d * 256u + lane] += more[d];
        }
        workgroupBarrier();
    }
    var place: array<u32, 16>;
    for (var d = 0u; d < 16u; d += 1u) {
        var before = 0u;
        if (lane > 0u) {
            before = (sh_count[d / 2u * 256u + lane - 1u] >> (d % 2u * 16u)) & 0xffffu;
        }
        place[d] = places[min(unit, params[0].z - 1u) * 16u + d] + before;
    }
    for (var i = first; i < last; i += 1u) {
        let pair = pair_of(base + i, i);
        let digit = (pair.x >> params[1].x) & 15u;
        put(base + place[digit], pair);
        place[digit] += 1u;
    }
}
