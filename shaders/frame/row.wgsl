// One workgroup, one row of a reduction (or one part of a row): lanes stride over the row, trees join what they found; where
// the workgroup is one subgroup, its lanes exchange it instead, without workgroup memory and barriers.
//
// body(r, lane):  what is done for row r, r < params[0].x; it may contain barriers: r is uniform in the workgroup
// params:         word 0: the number of rows (times parts); words 4..: the constants of the expression
// WG:             invocations of a workgroup, a power of two up to 256
// Workgroup memory: at most two arrays of WG words (1 KiB each at 256), declared by the body.
// Barriers: r comes from workgroup_id and a uniform, so the branch around the body is uniform.
// Order: lane l joins elements l, l + WG, l + 2 WG, …; the tree (or the exchange) joins lane l with l + WG/2, then l + WG/4, …

//!slot declarations
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;
//!end

override WG: u32 = 256u;

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
    @builtin(local_invocation_index) lane: u32,
) {
    let r = group.x + group.y * groups.x;
    if (r < params[0].x) {
        body(r, lane);
    }
}
