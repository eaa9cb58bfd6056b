// counts[row, c, digit] = how many keys of chunk c of a row have this digit; one invocation a chunk.
//
// For devices that run on the host's processor: nothing is shared.
// x: [rows, n], in the first pass elements, then (key, position) sorted by the lower digits;
// params: (n, chunks of a row, rows * chunks, length of a chunk), (shift of the digit, -, -, -)
// Keys: u32 as they are; i32 with the sign bit flipped; f32 by its bits, -0 as 0, NaN last; complemented to sort downwards.
// Overrides: WHOLE: a chunk is a row, and of its counts the sums of those before are wanted.
// Workgroup memory: 8 KiB. Barriers: none. Exact.

//!slot items
@group(0) @binding(0) var<storage, read> x: array<f32>;

fn key_of(ix: u32) -> u32 {
    return sort_key_f32(x[ix]);
}
//!end
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WHOLE: bool = false;

/// [digit][lane]: each lane has its own. (As a private array they take seconds to compile.)
var<workgroup> sh_count: array<u32, 2048>;

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
        sh_count[d * 8u + lane] = 0u;
    }
    for (var i = first; i < last; i += 1u) {
        sh_count[((key_of(base + i) >> params[1].x) & 0xffu) * 8u + lane] += 1u;
    }
    var place = 0u;
    for (var d = 0u; d < 256u; d += 1u) {
        let count = sh_count[d * 8u + lane];
        counts[unit * 256u + d] = select(count, place, WHOLE);
        place += count;
    }
}
