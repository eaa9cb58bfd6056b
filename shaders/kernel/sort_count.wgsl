// counts[row, c, digit] = how many keys of chunk c of a row have this digit of 4 bits; one workgroup a chunk of 4096.
//
// x: [rows, n], in the first pass elements, then (key, position) sorted by the lower digits;
// params: (n, chunks of a row, rows * chunks, 4096), (shift of the digit, -, -, -)
// Keys: u32 as they are; i32 with the sign bit flipped; f32 by its bits, -0 as 0, NaN last; complemented to sort downwards.
// Overrides: WHOLE: a chunk is a row, and of its counts the sums of those before are wanted. Workgroup memory: 64 bytes.
// Barriers: not within control flow. Counts do not depend on the order of the atomic additions. Exact.

//!slot items
@group(0) @binding(0) var<storage, read> x: array<f32>;

fn key_of(ix: u32) -> u32 {
    return sort_key_f32(x[ix]);
}
//!end
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WHOLE: bool = false;

var<workgroup> sh_count: array<atomic<u32>, 16>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let unit = index_group(group, groups);
    let live = unit < params[0].z;
    let base = unit / params[0].y * params[0].x;
    let first = unit % params[0].y * 4096u;
    let last = select(first, min(first + 4096u, params[0].x), live);
    if (lane < 16u) {
        atomicStore(&sh_count[lane], 0u);
    }
    workgroupBarrier();
    for (var i = first + lane; i < last; i += 256u) {
        atomicAdd(&sh_count[(key_of(base + i) >> params[1].x) & 15u], 1u);
    }
    workgroupBarrier();
    if (lane < 16u && live) {
        var count = atomicLoad(&sh_count[lane]);
        if (WHOLE) {
            count = 0u;
            for (var d = 0u; d < lane; d += 1u) {
                count += atomicLoad(&sh_count[d]);
            }
        }
        counts[unit * 16u + lane] = count;
    }
}
