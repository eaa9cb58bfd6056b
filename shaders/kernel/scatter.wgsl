// y[i, j] = base[i, j] ∘ source[s, j] ∘ …, over all s with index[s] = i in ascending s.
//
// base, y: [n, inner]; index, order: [m], order the stable argsort of index; source: [m, inner]; total: [m / LENGTH, inner],
// what stretches of LENGTH neighbours in the order come to where they share one index (scatter_total), with STRETCHES
// params: (inner, m, n * inner, LENGTH). Each element looks its sources up by a binary search in index[order[..]]; an
// index that is no row of base is never found. REPLACE keeps the last source alone.
// Overrides: WG: invocations; REPLACE; STRETCHES: whether there are totals.
// Workgroup memory: none. Barriers: none. Deterministic: one invocation joins all that an element receives.
// Order: sources before the first whole stretch, whole stretches, sources after the last; each of the three in chains of
// at most 64. At most 200 + (2 LENGTH + m / LENGTH) / 64 joins in a row.

//!slot items
alias Item = f32;

fn join(x: Item, y: Item) -> Item {
    return x + y;
}
//!end
@group(0) @binding(0) var<storage, read> base: array<Item>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> source: array<Item>;
@group(0) @binding(4) var<storage, read> total: array<Item>;
@group(0) @binding(5) var<storage, read_write> y: array<Item>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override REPLACE: bool = false;
override STRETCHES: bool = true;

/// The first place in the sorted indices that is not below `i`.
fn lower_bound(i: u32, start: u32) -> u32 {
    var low = start;
    var high = params[0].y;
    while (low < high) {
        let half = (low + high) / 2u;
        if (index[order[half]] < i) {
            low = half + 1u;
        } else {
            high = half;
        }
    }
    return low;
}

/// Joins the sources at first..last of the order to a value.
fn join_sources(value: Item, first: u32, last: u32, j: u32) -> Item {
    let inner = params[0].x;
    var sum = value;
    for (var s = first; s < last; s += 64u) {
        var chain = source[order[s] * inner + j];
        for (var k = s + 1u; k < min(s + 64u, last); k += 1u) {
            chain = join(chain, source[order[k] * inner + j]);
        }
        sum = join(sum, chain);
    }
    return sum;
}

fn join_totals(value: Item, first: u32, last: u32, j: u32) -> Item {
    let inner = params[0].x;
    var sum = value;
    for (var s = first; s < last; s += 64u) {
        var chain = total[s * inner + j];
        for (var k = s + 1u; k < min(s + 64u, last); k += 1u) {
            chain = join(chain, total[k * inner + j]);
        }
        sum = join(sum, chain);
    }
    return sum;
}

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
    let length = params[0].w;
    let i = unit / inner;
    let j = unit % inner;
    let first = lower_bound(i, 0u);
    let last = lower_bound(i + 1u, first);
    var value = base[unit];
    if (REPLACE) {
        if (last > first) {
            value = source[order[last - 1u] * inner + j];
        }
    } else if (STRETCHES) {
        let low = min((first + length - 1u) / length * length, last);
        let high = max(last / length * length, low);
        value = join_sources(value, first, low, j);
        value = join_totals(value, low / length, high / length, j);
        value = join_sources(value, high, last, j);
    } else {
        value = join_sources(value, first, last, j);
    }
    y[unit] = value;
}
