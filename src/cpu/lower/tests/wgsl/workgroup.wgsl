// Workgroup memory of every shape, barriers, uniform loads, atomics.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
struct Cell { m: mat3x2f, v: vec3f, flag: bool, n: atomic<u32> }
var<workgroup> sums: array<u32, 64>;
var<workgroup> cells: array<mat4x3f, 4>;
var<workgroup> flags: array<bool, 64>;
var<workgroup> count: atomic<u32>;
var<workgroup> most: atomic<i32>;
var<workgroup> lock: atomic<u32>;
var<workgroup> shared_n: u32;
var<workgroup> cell: Cell;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) li: u32, @builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nw: vec3u) {
    let i = wg.x * 64u + li;
    sums[li] = src[i];
    flags[li] = (src[i] & 4u) == 0u;
    workgroupBarrier();
    for (var s = 32u; s > 0u; s >>= 1u) {
        if (li < s) { sums[li] += sums[li + s]; }
        workgroupBarrier();
    }
    if (li == 0u) { shared_n = sums[0] % 10u + 1u; }
    let n = workgroupUniformLoad(&shared_n);
    var acc = 0u;
    for (var k = 0u; k < n; k++) { acc += sums[0] * k + u32(flags[(li + k) % 64u]); }
    if (li < 4u) { cells[li] = mat4x3f(vec3f(f32(li), 1.0, 2.0), vec3f(3.0), vec3f(4.0, f32(li), 5.0), vec3f(6.0, 7.0, 8.0)); }
    if (li == 5u) { cell.m = mat3x2f(1.0, 2.0, 3.0, 4.0, 5.0, 6.0); cell.v = vec3f(7.0, 8.0, 9.0); cell.flag = true; }
    workgroupBarrier();
    cells[li % 4u][li / 16u][li % 3u] = f32(li % 4u + li / 16u * 10u + li % 3u * 100u);
    workgroupBarrier();
    let c = cells[(li + 1u) % 4u];
    let p = c * vec4f(1.0, 2.0, 3.0, 4.0);
    let q = transpose(cell.m) * cell.m * cell.v;
    if (src[i] % 3u == 0u) { atomicAdd(&count, 2u); atomicMax(&most, i32(src[i] % 1000u) - 500); }
    atomicSub(&cell.n, li);
    let swapped = atomicCompareExchangeWeak(&lock, 0u, 100u + 1u);
    if (swapped.exchanged) { atomicStore(&lock, 55u); }
    workgroupBarrier();
    let lock_now = atomicLoad(&lock);
    workgroupBarrier();
    atomicXor(&lock, li * 3u);
    workgroupBarrier();
    var h = acc * 31u + atomicLoad(&count) + u32(atomicLoad(&most) + 1000) * 7u + lock_now;
    h = h * 31u + u32(p.x + p.y * 3.0 + p.z * 5.0) + u32(q.x + q.y + q.z) + u32(cell.flag) + atomicLoad(&cell.n);
    h = h * 31u + atomicLoad(&lock) + nw.x * 1000u + u32(swapped.old_value > 200u);
    out[i] = h;
    workgroupBarrier();
    if (li < 8u) { atomic_part(i); }
}
struct Board { head: u32, slots: array<atomic<u32>, 8> }
fn atomic_part(i: u32) {
    if (i % 2u == 0u) { atomicAnd(&count, ~i); } else { atomicOr(&count, i); }
    let old = atomicMin(&most, -3);
    let e = atomicExchange(&lock, 5u);
    out[i] += u32(old < 2000) + min(e, 0u);
}
