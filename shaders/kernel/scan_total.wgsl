// t[row, c] = x[row, c * LENGTH] ∘ … ∘ x[row, (c + 1) * LENGTH - 1]: what each chunk of a row comes to.
//
// x: [rows, n], t: [rows, chunks] row-major; params: (n, chunks, rows * chunks, -)
// Overrides: WG: invocations; LENGTH: elements of a chunk; FOUR: fetched four at a time (n and LENGTH are multiples
// of 4). Workgroup memory: none. Barriers: none.
// Order: left to right, with FOUR fours of pairs: at most LENGTH - 1 joins, or LENGTH / 4 + 1.

//!slot items
alias Item = f32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

fn fetch(ix: u32) -> Item {
    return x[ix];
}
fn put(ix: u32, item: Item) {
    y[ix] = item;
}
fn fetch_four(ix: u32) -> array<Item, 4> {
    return array<Item, 4>(x[ix], x[ix + 1u], x[ix + 2u], x[ix + 3u]);
}
fn join(a: Item, b: Item) -> Item {
    return a + b;
}
//!end

@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override LENGTH: u32 = 256u;
override FOUR: bool = false;

fn joined(items: array<Item, 4>) -> Item {
    return join(join(items[0], items[1]), join(items[2], items[3]));
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
    let row = unit / params[0].y;
    let first = (unit % params[0].y) * LENGTH;
    let last = min(first + LENGTH, n);
    let base = row * n;
    if (FOUR) {
        var total = joined(fetch_four(base + first));
        for (var i = first + 4u; i < last; i += 4u) {
            total = join(total, joined(fetch_four(base + i)));
        }
        put(unit, total);
    } else {
        var total = fetch(base + first);
        for (var i = first + 1u; i < last; i += 1u) {
            total = join(total, fetch(base + i));
        }
        put(unit, total);
    }
}
