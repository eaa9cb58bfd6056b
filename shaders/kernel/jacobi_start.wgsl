// Prepares one-sided Jacobi: w = a scaled by a power of two, v = 1. One workgroup per matrix.
//
// a: [b, m, n], m of `rows` rows each; w: [b, m, n]; v: [b, n, n]; state: [b, stride] words: the inverse scale, the shift, whether a is no matrix of
// numbers, the floor of rotations (floats as patterns), then a flag per sweep, cleared; params: (m, n, b, stride),
// (rows, first, -, -): of each matrix in a's buffer, and where among them a lies
// SYMMETRIC: the lower triangle of a is read, and w = a + shift 1 with the greatest sum of magnitudes of a row as shift: no
// eigenvalue of w is negative, so its right singular vectors are a's eigenvectors, in the order of the eigenvalues.
// The floor is half an ulp of the Frobenius norm of w: what is smaller is left.
// Overrides: WG: invocations, a power of two up to 256; SYMMETRIC. Workgroup memory: 1 KiB. 3 passes over a.
// Barriers: none in a loop or a branch that is not uniform.

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WG: u32 = 64u;
override SYMMETRIC: bool = false;

fn item(start: u32, n: u32, row: u32, column: u32) -> f32 {
    if (SYMMETRIC) {
        return a[start + max(row, column) * n + min(row, column)];
    }
    return a[start + row * n + column];
}

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
    let start = (matrix * params[1].x + params[1].y) * n;
    let into = matrix * m * n;
    var size = 0u;
    for (var column = 0u; column < n; column += 1u) {
        for (var row = lane; row < m; row += WG) {
            size = max(size, team_size(item(start, n, row, column)));
        }
    }
    size = team_max(lane, WG, size);
    let broken = size >= 0x7f800000u;
    let scale = team_scale(size);
    var shift = 0.0;
    if (SYMMETRIC) {
        var widest = 0u;
        for (var row = lane; row < n; row += WG) {
            var sum = 0.0;
            for (var column = 0u; column < n; column += 1u) {
                sum += abs(item(start, n, row, column) * scale.x);
            }
            widest = max(widest, team_size(sum));
        }
        shift = bitcast<f32>(select(team_max(lane, WG, widest), 0u, broken));
    }
    var squares = 0.0;
    for (var column = 0u; column < n; column += 1u) {
        for (var row = lane; row < m; row += WG) {
            var x = select(item(start, n, row, column), 0.0, broken) * scale.x;
            if (SYMMETRIC && row == column) {
                x += shift;
            }
            squares += x * x;
            w[into + row * n + column] = x;
        }
        for (var row = lane; row < n; row += WG) {
            v[(matrix * n + row) * n + column] = select(0.0, 1.0, row == column);
        }
    }
    squares = team_sum(lane, WG, squares);
    let words = matrix * params[0].w;
    for (var ix = 4u + lane; ix < params[0].w; ix += WG) {
        state[words + ix] = 0u;
    }
    if (lane == 0u) {
        state[words] = bitcast<u32>(scale.y);
        state[words + 1u] = bitcast<u32>(shift);
        state[words + 2u] = select(0u, 1u, broken);
        state[words + 3u] = bitcast<u32>(5.9604645e-8 * sqrt(squares));
    }
}
