// Each subgroup of a workgroup, one row of a reduction: lanes stride over the row and exchange what they found.
//
// body(r, lane):  what is done for row r by lane `lane` of the subgroup; no barriers, no workgroup memory
// params:         word 0: the number of workgroups that have rows, all of them TEAMS; words 4..: the constants
// WG:             invocations of a workgroup, TEAMS full subgroups
// Flow: the branch around the body depends on workgroup_id and a uniform; no branch depends on which subgroup it is.
// Order: lane l joins elements l, l + n, l + 2 n, … for n lanes; the exchange joins lane l with l + n/2, then l + n/4, …

//!slot declarations
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;
//!end

override WG: u32 = 64u;
override TEAMS: u32 = 8u;

//!slot body
fn body(r: u32, lane: u32) {
    if (lane == 0u) {
        y0[r] = x0[r];
    }
}
//!end

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_id) team: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let unit = group.x + group.y * groups.x;
    if (unit < params[0].x) {
        body(unit * TEAMS + team, lane);
    }
}
