// Loads and stores of whole values with the layout of storage memory, and the order of loads and stores.
struct Part { v: vec3f, n: u32, w: vec2u, m: mat3x3f, a: array<vec3u, 2> }
struct Whole { head: u32, parts: array<Part, 4>, tail: array<u32> }
@group(0) @binding(0) var<storage, read_write> whole: Whole;
@group(0) @binding(1) var<storage, read> src: array<u32>;
fn turn(i: u32, by: u32) { let p = &whole.parts[i]; (*p).n += by; (*p).w = (*p).w.yx + by; }
@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    let before = whole.parts[i];
    var p = before;
    p.m[1] = p.m[0] + vec3f(1.0, f32(i), 3.0);
    p.a[i % 2u] = vec3u(i, src[i], 3u);
    p.v.y = 5.0;
    whole.parts[i] = p;
    whole.parts[i].w = vec2u(before.n, i);
    let old = whole.parts[i].n;
    whole.parts[i].n = old + 3u;
    let now = whole.parts[i].n;
    turn(i, src[i] % 5u);
    whole.tail[i * 3u] = now;
    whole.tail[i * 3u + 1u] = whole.parts[i].w.x;
    whole.tail[i * 3u + 2u] = u32(whole.parts[i].m[1].y) + whole.parts[i].a[1].y;
    whole.tail[arrayLength(&whole.tail) - 1u - i] = arrayLength(&whole.tail);
    whole.tail[arrayLength(&whole.tail) + i] = 1u;
    if (i == 2u) { whole.head = whole.parts[0].n * 0u + 42u; }
}
