// y[row, i] = x[row, 0] ∘ … ∘ x[row, i]: each chunk of a row on its own, from what the chunks before it come to.
//
// x, y: [rows, n] row-major; carry: [rows, chunks], the inclusive scan of the chunks' totals (not read if CARRY is false:
// then a row is one chunk); params: (n, chunks, rows * chunks, -)
// Overrides: WG: invocations; LENGTH: elements of a chunk; CARRY; FOUR: fetched and stored four at a time (n and LENGTH are
// multiples of 4). Workgroup memory: none. Barriers: none.
// Order: left to right from the carry on; with FOUR within fours, those in order: at most LENGTH / 4 + 4 joins.

//!slot items
alias Item = f32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> carry: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn fetch(ix: u32) -> Item {
    return x[ix];
}
fn put(ix: u32, item: Item) {
    y[ix] = item;
}
fn fetch_four(ix: u32) -> array<Item, 4> {
    return array<Item, 4>(x[ix], x[ix + 1u], x[ix + 2u], x[ix + 3u]);
}
fn put_four(ix: u32, items: array<Item, 4>) {
    y[ix] = items[0];
    y[ix + 1u] = items[1];
    y[ix + 2u] = items[2];
    y[ix + 3u] = items[3];
}
fn join(a: Item, b: Item) -> Item {
    return a + b;
}
//!end

@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override LENGTH: u32 = 256u;
override CARRY: bool = true;
override FOUR: bool = false;

/// Four neighbours joined from the left.
fn prefix(items: array<Item, 4>) -> array<Item, 4> {
    let two = join(items[0], items[1]);
    let three = join(two, items[2]);
    return array<Item, 4>(items[0], two, three, join(three, items[3]));
}

/// What comes before joined to each.
fn after(before: Item, items: array<Item, 4>) -> array<Item, 4> {
    return array<Item, 4>(join(before, items[0]), join(before, items[1]), join(before, items[2]), join(before, items[3]));
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
    let n = params[0].x;
    let chunk = unit % params[0].y;
    let row = unit / params[0].y;
    let first = chunk * LENGTH;
    let last = min(first + LENGTH, n);
    let base = row * n;
    if (FOUR) {
        var four = prefix(fetch_four(base + first));
        if (CARRY && chunk > 0u) {
            four = after(carry[unit - 1u], four);
        }
        put_four(base + first, four);
        var before = four[3];
        for (var i = first + 4u; i < last; i += 4u) {
            let next = after(before, prefix(fetch_four(base + i)));
            put_four(base + i, next);
            before = next[3];
        }
    } else {
        var own = fetch(base + first);
        if (CARRY && chunk > 0u) {
            own = join(carry[unit - 1u], own);
        }
        put(base + first, own);
        for (var i = first + 1u; i < last; i += 1u) {
            own = join(own, fetch(base + i));
            put(base + i, own);
        }
    }
}
