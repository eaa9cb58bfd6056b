// y[row, i] = x[row, 0] ∘ … ∘ x[row, i]: each chunk of a row on its own, from what the chunks before it come to.
//
// x, y: [rows, n] row-major; carry: [rows, chunks], the inclusive scan of the chunks' totals (not read if CARRY is false:
// then a row is one chunk); params: (n, chunks, rows * chunks, -)
// Overrides: WG: invocations; LENGTH: elements of a chunk; CARRY. Workgroup memory: none. Barriers: none.
// Order: left to right; an element is joined at most LENGTH times here, once more per level of carries.

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
fn join(a: Item, b: Item) -> Item {
    return a + b;
}
//!end

@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override LENGTH: u32 = 256u;
override CARRY: bool = true;

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
    var own = fetch(row * n + first);
    let carried = CARRY && chunk > 0u;
    var before = own;
    if (carried) {
        before = carry[unit - 1u];
    }
    for (var i = first; i < last; i += 1u) {
        if (i > first) {
            own = join(own, fetch(row * n + i));
        }
        if (carried) {
            put(row * n + i, join(before, own));
        } else {
            put(row * n + i, own);
        }
    }
}
