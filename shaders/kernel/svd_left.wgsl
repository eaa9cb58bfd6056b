// The left singular vectors: the columns of q, where w = q r is the decomposition of the matrix whose columns are u_j s_j. r is
// diagonal but for roundings and its diagonal is not negative, so q is u; where s_j is 0, q completes it to an orthonormal basis.
//
// qr: [b, m + n, n]; state: see jacobi_start; f: [b, m + 1 + n, n], of which the rows 0..m are written;
// params: (m n, n, b m n, stride)
// Overrides: WG: invocations. Workgroup memory: none. Barriers: none. Exact.

@group(0) @binding(0) var<storage, read> qr: array<f32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> f: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;

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
    let square = params[0].y * params[0].y;
    let matrix = ix / params[0].x;
    let x = qr[matrix * (params[0].x + square) + ix % params[0].x];
    let broken = state[matrix * params[0].w + 2u] != 0u;
    f[matrix * (params[0].x + params[0].y + square) + ix % params[0].x] = select(x, bits_nan(), broken);
}
