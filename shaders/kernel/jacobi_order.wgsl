// After Jacobi: values, their order, the signs. One workgroup per matrix.
//
// w: [b, m, n], its columns orthogonal; v: [b, n, n]; state: see jacobi_start; keys: [b, 3, n], scratch: the value, the sign and the
// place of each column.
// SYMMETRIC: f: [b, n + 1, n]: the eigenvalues v_j . w_j - shift, ascending, above the eigenvectors as columns.
// Else: f: [b, r + 1 + n, n]: row r gets the lengths of w's columns, descending, the rows below v^T; sorted: [b, m, n] gets w's
// columns in that order. params: (m, n, b, stride),
// (rows, first, -, -): of each matrix in f, and where among them the values go
// The sign of each vector makes its entry of greatest magnitude, the first of equal ones, positive.
// Overrides: WG: invocations, a power of two up to 256; SYMMETRIC. Workgroup memory: none. 2 (m + n) n reads and (m + n) n writes.
// Barriers: two, in no loop and no branch.

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> v: array<f32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys: array<f32>;
@group(0) @binding(4) var<storage, read_write> sorted: array<f32>;
@group(0) @binding(5) var<storage, read_write> f: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WG: u32 = 64u;
override SYMMETRIC: bool = false;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let m = params[0].x;
    let n = params[0].y;
    let matrix = group.x + group.y * groups.x;
    if (matrix >= params[0].z) {
        return;
    }
    let words = matrix * params[0].w;
    let scale = bitcast<f32>(state[words]);
    let shift = bitcast<f32>(state[words + 1u]);
    let broken = state[words + 2u] != 0u;
    let start = matrix * m * n;
    let vectors = matrix * n * n;
    let key = matrix * 3u * n;
    for (var column = lane; column < n; column += WG) {
        var value = 0.0;
        for (var row = 0u; row < m; row += 1u) {
            let x = w[start + row * n + column];
            value += x * select(x, v[vectors + min(row, n - 1u) * n + column], SYMMETRIC);
        }
        var greatest = 0.0;
        for (var row = 0u; row < n; row += 1u) {
            let x = v[vectors + row * n + column];
            greatest = select(greatest, x, abs(x) > abs(greatest));
        }
        keys[key + column] = select(sqrt(value), value - shift, SYMMETRIC);
        keys[key + n + column] = select(1.0, -1.0, greatest < 0.0);
    }
    storageBarrier();
    workgroupBarrier();
    for (var column = lane; column < n; column += WG) {
        let own = keys[key + column];
        var place = 0u;
        for (var other = 0u; other < n; other += 1u) {
            let rival = keys[key + other];
            let before = select(rival > own, rival < own, SYMMETRIC);
            place += select(0u, 1u, before || (rival == own && other < column));
        }
        keys[key + 2u * n + column] = f32(place);
    }
    storageBarrier();
    workgroupBarrier();
    let values = (matrix * params[1].x + params[1].y) * n;
    for (var column = lane; column < n; column += WG) {
        let place = u32(keys[key + 2u * n + column]);
        f[values + place] = select(keys[key + column] * scale, bits_nan(), broken);
        let sign = keys[key + n + column];
        for (var row = 0u; row < n; row += 1u) {
            let x = select(sign * v[vectors + row * n + column], bits_nan(), broken);
            f[values + n + select(place * n + row, row * n + place, SYMMETRIC)] = x;
        }
        for (var row = 0u; !SYMMETRIC && row < m; row += 1u) {
            sorted[start + row * n + place] = sign * w[start + row * n + column];
        }
    }
}
