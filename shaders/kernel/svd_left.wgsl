// The left singular vectors: the columns of q, where w = q r is the decomposition of the matrix whose columns are u_j s_j. r is
// diagonal but for roundings and its diagonal is not negative, so q is u; where s_j is 0, q completes it to an orthonormal basis.
// TALL: that was done for the upper factor of a = p c alone, whose left vectors are q; a's are p q.
//
// qr: [b, l + n, n] (l = n if TALL, else m); p: [b, m + n, n] (the same buffer, if not TALL, and not read); state: see jacobi_start;
// f: [b, m + 1 + n, n], of which the rows 0..m are written; params: (m, n, b m n, stride)
// Overrides: WG: invocations; TALL. Workgroup memory: none. Barriers: none. n multiplications and additions per element if TALL.

@group(0) @binding(0) var<storage, read> qr: array<f32>;
@group(0) @binding(1) var<storage, read> p: array<f32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> f: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override TALL: bool = false;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let ix = (group.x + group.y * groups.x) * WG + lane;
    if (ix >= params[0].z) {
        return;
    }
    let m = params[0].x;
    let n = params[0].y;
    let matrix = ix / (m * n);
    let row = ix / n % m;
    let column = ix % n;
    var x = 0.0;
    if (TALL) {
        for (var k = 0u; k < n; k += 1u) {
            x += p[(matrix * (m + n) + row) * n + k] * qr[(matrix * 2u * n + k) * n + column];
        }
    } else {
        x = qr[(matrix * (m + n) + row) * n + column];
    }
    let broken = state[matrix * params[0].w + 2u] != 0u;
    f[(matrix * (m + 1u + n) + row) * n + column] = select(x, bits_nan(), broken);
}
