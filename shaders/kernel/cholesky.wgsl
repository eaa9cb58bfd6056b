// a = l l^T, l lower, one workgroup per matrix, column by column from the left.
//
// a: [b, n, n], the lower triangle of which is read; l: [b, n, n]; params: (n, b, first, last): the columns of this dispatch
// Overrides: WG: invocations, a power of two up to 256. Workgroup memory: none. n^3 / 3 multiplications and additions, as many
// pairs of reads and a write of the (cached) trailing triangle; 3 n barriers.
// A matrix of many columns takes several dispatches: drivers may stop an invocation after 65,535 turns of its loops.
// Barriers: the loop runs over columns, whose number is uniform; a pivot that is not a positive number changes no control flow
// but that of the last pass, which has no barrier.
// Order and error: an element loses its products one by one: |l l^T - a| <= (n + 8) ulp |l| |l|^T (the square root of 4.5 ulp and the
// division of 2.5 among them).
// Source: Golub, Van Loan, Matrix Computations, 4.2.5.

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> l: array<f32>;
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
    let first = matrix * n * n;
    if (params[0].z == 0u) {
        for (var row = 0u; row < n; row += 1u) {
            for (var column = lane; column < n; column += WG) {
                l[first + row * n + column] = select(0.0, a[first + row * n + column], column <= row);
            }
        }
    }
    storageBarrier();
    workgroupBarrier();
    for (var k = params[0].z; k < params[0].w; k += 1u) {
        let pivot = l[first + k * n + k];
        // A positive normal number, whatever a driver thinks of NaN.
        let good = bitcast<u32>(pivot) - 0x00800000u < 0x7f000000u;
        // What is no number stays on the diagonal, for the last dispatch to see.
        let root = select(bits_nan(), sqrt(select(1.0, pivot, good)), good);
        let divisor = select(1.0, root, good);
        storageBarrier();
        workgroupBarrier();
        for (var row = k + lane; row < n; row += WG) {
            l[first + row * n + k] = select(l[first + row * n + k] / divisor, root, row == k);
        }
        storageBarrier();
        workgroupBarrier();
        for (var row = k + 1u; row < n; row += 1u) {
            let factor = l[first + row * n + k];
            for (var column = k + 1u + lane; column <= row; column += WG) {
                l[first + row * n + column] -= factor * l[first + column * n + k];
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
    if (params[0].w < n) {
        return;
    }
    var positive = true;
    for (var row = 0u; row < n; row += 1u) {
        positive = positive && team_size(l[first + row * n + row]) < 0x7f800000u;
    }
    storageBarrier();
    workgroupBarrier();
    if (!positive) {
        for (var row = 0u; row < n; row += 1u) {
            for (var column = lane; column < n; column += WG) {
                l[first + row * n + column] = bits_nan();
            }
        }
    }
}
