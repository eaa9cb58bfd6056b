// a[p] = l u with partial pivoting, one workgroup per matrix.
//
// a: [b, n, n]; f: [b, n + 1, n]: l below the diagonal, u from it on, p in the last row (whole numbers); params: (n, b, first, last): the columns of
// this dispatch
// Overrides: WG: invocations, a power of two up to 256. Workgroup memory: 1 KiB. 2 n^3 / 3 multiplications and additions;
// 4 + 2 log2(WG) barriers per column.
// A matrix of many columns takes several dispatches: drivers may stop an invocation after 65,535 turns of its loops.
// Barriers: the loop runs over columns, whose number is uniform.
// Order and error: an element loses its products one by one: |l u - a[p]| <= (n + 4) ulp |l| |u|. The pivot is the first of the greatest.
// Source: Golub, Van Loan, Matrix Computations, 3.4.4 (outer product).

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> f: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n = params[0].x;
    let matrix = group.x + group.y * groups.x;
    if (matrix >= params[0].y) {
        return;
    }
    let start = matrix * n * n;
    let at = matrix * (n + 1u) * n;
    if (params[0].z == 0u) {
        for (var row = 0u; row < n; row += 1u) {
            for (var column = lane; column < n; column += WG) {
                f[at + row * n + column] = a[start + row * n + column];
            }
        }
        for (var column = lane; column < n; column += WG) {
            f[at + n * n + column] = f32(column);
        }
    }
    storageBarrier();
    workgroupBarrier();
    for (var k = params[0].z; k < params[0].w; k += 1u) {
        var best = 0u;
        for (var row = k + lane; row < n; row += WG) {
            best = max(best, team_size(f[at + row * n + k]));
        }
        best = team_max(lane, WG, best);
        // The first row that has it, as the greatest of what is left to the end.
        var left = 0u;
        for (var row = k + lane; row < n; row += WG) {
            if (team_size(f[at + row * n + k]) == best) {
                left = max(left, n - row);
            }
        }
        let pivot = n - team_max(lane, WG, left);
        storageBarrier();
        workgroupBarrier();
        if (pivot != k) {
            for (var column = lane; column < n; column += WG) {
                let upper = f[at + k * n + column];
                f[at + k * n + column] = f[at + pivot * n + column];
                f[at + pivot * n + column] = upper;
            }
            if (lane == 0u) {
                let place = f[at + n * n + k];
                f[at + n * n + k] = f[at + n * n + pivot];
                f[at + n * n + pivot] = place;
            }
        }
        storageBarrier();
        workgroupBarrier();
        let divisor = f[at + k * n + k];
        for (var row = k + 1u + lane; best != 0u && row < n; row += WG) {
            f[at + row * n + k] = f[at + row * n + k] / divisor;
        }
        storageBarrier();
        workgroupBarrier();
        for (var row = k + 1u; row < n; row += 1u) {
            let factor = f[at + row * n + k];
            for (var column = k + 1u + lane; column < n; column += WG) {
                f[at + row * n + column] -= factor * f[at + k * n + column];
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
    var size = 0u;
    for (var row = 0u; params[0].w == n && row < n; row += 1u) {
        for (var column = lane; column < n; column += WG) {
            size = max(size, team_size(a[start + row * n + column]));
        }
    }
    if (team_max(lane, WG, size) >= 0x7f800000u) {
        for (var row = 0u; row <= n; row += 1u) {
            for (var column = lane; column < n; column += WG) {
                f[at + row * n + column] = bits_nan();
            }
        }
    }
}
