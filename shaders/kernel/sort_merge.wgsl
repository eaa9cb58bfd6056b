// Merges neighbouring sorted runs of WIDTH elements of every row: each element finds its place by a binary search.
//
// keys, order: [rows, n] in runs of params.y ascending; new_keys, new_order: in runs of twice that
// params: (n, width, rows * n, -). An element of the left run stands before equal ones of the right: stable.
// Overrides: WG: invocations. Workgroup memory: none. Barriers: none. Exact.

@group(0) @binding(0) var<storage, read> keys: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> new_keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> new_order: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;

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
    let width = params[0].y;
    let i = unit % n;
    let base = unit - i;
    let start = i - i % (2u * width);
    let middle = min(start + width, n);
    let end = min(middle + width, n);
    let own = keys[unit];
    let left = i < middle;
    // how many of the other run come before
    var low = select(start, middle, left);
    var high = select(middle, end, left);
    let other = low;
    while (low < high) {
        let half = (low + high) / 2u;
        let there = keys[base + half];
        let before = there < own || (there == own && !left);
        if (before) {
            low = half + 1u;
        } else {
            high = half;
        }
    }
    let place = base + select(start + (i - middle), i, left) + (low - other);
    new_keys[place] = own;
    new_order[place] = order[unit];
}
