// One thread, one unit of work: an element (or four neighbours), or a whole row of a reduction.
//
// body(r):  what is done for unit r, r < params[0].x
// params:   word 0: the number of units; words 4..: the constants of the expression
// WG:       invocations of a workgroup, 1..256; PER: units of one invocation, neighbours: more than 1 pays where lanes
//           are not one memory transaction (a processor's: 2.7 times the bandwidth of units WG apart on llvmpipe)
// ACROSS:   0, or the units of a line of the result, a multiple of PER: neighbouring invocations then take the same place in 16
//           lines, a multiple of which there is. For what reads down columns: what a cache line holds is used at once.
// No barriers. Surplus lanes and surplus groups of a folded grid do nothing.

//!slot declarations
@group(0) @binding(0) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y0: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;
//!end

override WG: u32 = 64u;
override PER: u32 = 1u;
override ACROSS: u32 = 0u;

// Called once by an invocation: what its units share is loaded here.
//!slot prepare
fn prepare() {}
//!end

//!slot body
fn body(r: u32) {
    y0[r] = x0[r];
}
//!end

/// The first unit of an invocation.
fn first_of(i: u32) -> u32 {
    if (ACROSS == 0u) {
        return i * PER;
    }
    let lines = 16u * max(ACROSS / PER, 1u);
    let rest = i % lines;
    return (i / lines * 16u + rest % 16u) * ACROSS + rest / 16u * PER;
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = first_of((group.x + group.y * groups.x) * WG + lane);
    let n = params[0].x;
    prepare();
    for (var j = 0u; j < PER; j += 1u) {
        let r = first + j;
        if (r < n) {
            body(r);
        }
    }
}
