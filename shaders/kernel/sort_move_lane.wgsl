// Moves the keys of every chunk to their places by one digit, in order: stable; one invocation a chunk.
//
// x, params: as sort_count_lane; places: [rows, chunks, 256], see sort_offsets; out: as x, in the last pass positions
// Overrides: none. Workgroup memory: 8 KiB. Barriers: none. Exact.

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

/// [digit][lane]: each lane has its own.
var<workgroup> sh_place: array<u32, 2048>;

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let unit = index_linear(group, groups, lane, 8u);
    if (unit >= params[0].z) {
        return;
    }
    let base = unit / params[0].y * params[0].x;
    let first = unit % params[0].y * params[0].w;
    let last = min(first + params[0].w, params[0].x);
    for (var d = 0u; d < 256u; d += 1u) {
        sh_place[d * 8u + lane] = places[unit * 256u + d];
    }
    for (var i = first; i < last; i += 1u) {
        let pair = pair_of(base + i, i);
        let at = ((pair.x >> params[1].x) & 0xffu) * 8u + lane;
        let place = sh_place[at];
        put(base + place, pair);
        sh_place[at] = place + 1u;
    }
}
