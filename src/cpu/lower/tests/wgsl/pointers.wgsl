// Pointers to parts of variables, arrays indexed at run time, structs as values.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;

struct Inner { a: vec3u, b: u32 }
struct Outer { items: array<Inner, 3>, total: u32, m: mat2x2f }
var<private> counter: u32 = 5u;
var<private> history: array<u32, 4>;
const TABLE = array<u32, 8>(3u, 1u, 4u, 1u, 5u, 9u, 2u, 6u);

fn bump(p: ptr<function, array<u32, 4>>, at: u32, by: u32) -> u32 {
    let old = (*p)[at];
    (*p)[at] += by;
    counter += 1u;
    history[counter % 4u] = old;
    return old;
}
fn bump_all(p: ptr<function, array<u32, 4>>, i: u32) {
    for (var k = 0u; k <= i % 4u; k++) { (*p)[k] += bump(p, (k + i) % 4u, i + k); }
}
fn make(i: u32) -> Outer {
    var o: Outer;
    o.items[i % 3u].a[(i + 1u) % 3u] = i * 7u;
    o.items[(i + 1u) % 3u] = Inner(vec3u(i, i + 1u, i + 2u), 40u);
    o.total = o.items[2].b + o.items[i % 3u].a.y;
    o.m[i % 2u] = vec2f(f32(i), 2.0);
    o.m[1][i % 2u] += 3.0;
    return o;
}
@compute @workgroup_size(32, 2)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) li: u32, @builtin(workgroup_id) wg: vec3u) {
    let i = wg.x * 64u + li;
    var local = array<u32, 4>(1u, i, src[i], 9u);
    bump_all(&local, src[i + 1u]);
    let copy = local;
    local[i % 4u] = 77u;
    var grid: array<array<u32, 3>, 4>;
    for (var y = 0u; y < 4u; y++) { for (var x = 0u; x < 3u; x++) { grid[y][x] = y * 10u + x + copy[(x + y) % 4u]; } }
    grid[i % 4u][(i / 4u) % 3u] += 1000u;
    let row = grid[(i + 2u) % 4u];
    var v = vec4u(i, i * 2u, i * 3u, i * 4u);
    v[src[i] % 4u] = 5u;
    let w = vec4u(9u, 8u, 7u, 6u)[src[i] % 4u];
    let o = make(i);
    let o2 = o;
    var h = 17u;
    h = h * 31u + local[0] + local[1] * 3u + local[2] * 5u + local[3] * 7u;
    h = h * 31u + copy[i % 4u] + row[i % 3u] + grid[3][2];
    h = h * 31u + v.x + v.y * 3u + v.z * 5u + v.w * 7u + w;
    h = h * 31u + o2.total + o.items[(i + 1u) % 3u].a.z + o2.items[2].a.x + u32(o.m[0].x + o.m[1].y * 16.0);
    h = h * 31u + TABLE[i % 8u] + TABLE[src[i] & 7u] + counter + history[1] + history[i % 4u];
    out[i] = h;
}
