// Sorts runs of RUN neighbours of every row by an order-preserving key, stably; leaves keys and positions.
//
// x: [rows, n]; keys, order: [rows, n], run by run ascending; params: (n, runs per row, rows * runs, -)
// Keys: u32 as they are; i32 with the sign bit flipped; f32 by its bits, -0 as 0, NaN last; DESCENDING complements them.
// Overrides: WG: invocations; RUN: 1..16; DESCENDING. Workgroup memory: none. Barriers: none. Exact.

//!slot items
@group(0) @binding(0) var<storage, read> x: array<f32>;

fn key_of(ix: u32) -> u32 {
    return sort_key_f32(x[ix]);
}
//!end
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override RUN: u32 = 16u;
override DESCENDING: bool = false;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let unit = (group.x + group.y * groups.x) * WG + lane;
    if (unit >= params[0].z) {
        return;
    }
    let n = params[0].x;
    let base = (unit / params[0].y) * n;
    let first = (unit % params[0].y) * RUN;
    let length = min(RUN, n - first);
    var key: array<u32, 16>;
    var at: array<u32, 16>;
    for (var i = 0u; i < length; i += 1u) {
        let raw = key_of(base + first + i);
        let own = select(raw, ~raw, DESCENDING);
        var j = i;
        while (j > 0u) {
            if (key[j - 1u] <= own) {
                break;
            }
            key[j] = key[j - 1u];
            at[j] = at[j - 1u];
            j -= 1u;
        }
        key[j] = own;
        at[j] = first + i;
    }
    for (var i = 0u; i < length; i += 1u) {
        keys[base + first + i] = key[i];
        order[base + first + i] = at[i];
    }
}
