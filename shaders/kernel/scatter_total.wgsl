// total[t, j] = source[s, j] ∘ … over the t-th stretch of LENGTH neighbours in the order, if they share one index.
//
// Where thousands of sources meet in one element, one invocation would walk them all; with these totals it walks the ends
// of its range and the whole stretches between.
//
// index, order: [m], order the stable argsort of index; source: [m, inner]; total: [m / LENGTH, inner]; a total whose
// stretch has several indices is not written, and not read by scatter
// params: (inner, -, m / LENGTH * inner, LENGTH)
// Overrides: WG: invocations. Workgroup memory: none. Barriers: none.
// Order: chains of 64, those in order.

//!slot items
alias Item = f32;

fn join(x: Item, y: Item) -> Item {
    return x + y;
}
//!end
@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<Item>;
@group(0) @binding(3) var<storage, read_write> total: array<Item>;
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
    let inner = params[0].x;
    let j = unit % inner;
    let first = unit / inner * params[0].w;
    let last = first + params[0].w;
    if (index[order[first]] != index[order[last - 1u]]) {
        return;
    }
    var sum = source[order[first] * inner + j];
    for (var s = first; s < last; s += 64u) {
        var chain = source[order[s] * inner + j];
        for (var k = s + 1u; k < min(s + 64u, last); k += 1u) {
            chain = join(chain, source[order[k] * inner + j]);
        }
        if (s == first) {
            sum = chain;
        } else {
            sum = join(sum, chain);
        }
    }
    total[unit] = sum;
}
