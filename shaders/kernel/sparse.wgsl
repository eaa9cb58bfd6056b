// A sparse matrix, by rows, times a dense one: y[r, c] = sum over e in offsets[r]..offsets[r + 1] of values[e] x[columns[e], c].
//
// values: [entries]; x: [n, k]; offsets: [m + 1]; columns: [entries], below n; y: [m, k]; params: (m k, k, -, -), in Items: four
// neighbouring columns where k is a multiple of 4
// Overrides: WG: invocations; TEAM: invocations that share one Item of y, a power of two up to WG. Workgroup memory: 4 KiB.
// Reads 8 bytes and a row of x per entry, for each of the k columns (neighbouring invocations have neighbouring columns).
// Barriers: one, in no loop or branch. An element beyond the last has no entries.
// Order and error: every TEAM-th entry in a row, then the TEAM sums in a row: as many roundings as entries, at most.

//!slot items
alias Item = f32;
//!end
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<Item>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> columns: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Item>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override TEAM: u32 = 1u;

var<workgroup> sh_part: array<Item, 256>;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Members of a team are WG / TEAM apart: neighbours work on neighbouring columns.
    let teams = WG / TEAM;
    let unit = (group.x + group.y * groups.x) * teams + lane % teams;
    let k = params[0].y;
    var first = 0u;
    var last = 0u;
    if (unit < params[0].x) {
        first = offsets[unit / k];
        last = offsets[unit / k + 1u];
    }
    var sum = Item();
    for (var e = first + lane / teams; e < last; e += TEAM) {
        sum += values[e] * x[columns[e] * k + unit % k];
    }
    sh_part[lane] = sum;
    workgroupBarrier();
    if (lane < teams && unit < params[0].x) {
        for (var member = 1u; member < TEAM; member += 1u) {
            sum += sh_part[lane + member * teams];
        }
        y[unit] = sum;
    }
}
