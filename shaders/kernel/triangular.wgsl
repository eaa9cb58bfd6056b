// t x = y by substitution, one workgroup per matrix and COLUMNS columns of y.
//
// t: [b, n, n], one triangle of which is read; y, x: [b, n, k]; params: (n, k, tiles of columns, b * tiles), (first, last, -, -): the steps
// of this dispatch
// Overrides: WG: invocations, a power of two up to 256; COLUMNS: of a workgroup, a power of two up to WG; UPPER; UNIT.
// Workgroup memory: none. n^2 k multiplications and additions; n barriers.
// A matrix of many rows takes several dispatches: drivers may stop an invocation after 65,535 turns of its loops.
// Barriers: the loop runs over rows, whose number is uniform. A zero on the diagonal changes no control flow but that of the last
// pass, which has no barrier.
// Order and error: an element loses its products one by one as the unknowns become known: (t + d) x = y with |d| <= (n + 4) ulp |t|.
// Source: Golub, Van Loan, Matrix Computations, 3.1.3 (column-oriented).

@group(0) @binding(0) var<storage, read> t: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WG: u32 = 64u;
override COLUMNS: u32 = 1u;
override UPPER: bool = false;
override UNIT: bool = false;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n = params[0].x;
    let k = params[0].y;
    let unit = group.x + group.y * groups.x;
    if (unit >= params[0].w) {
        return;
    }
    let matrix = unit / params[0].z;
    let column = unit % params[0].z * COLUMNS + lane % COLUMNS;
    let busy = column < k;
    let team = lane / COLUMNS;
    let teams = WG / COLUMNS;
    let start = matrix * n * n;
    let at = matrix * n * k + min(column, k - 1u);
    for (var row = team; params[1].x == 0u && busy && row < n; row += teams) {
        x[at + row * k] = y[at + row * k];
    }
    storageBarrier();
    workgroupBarrier();
    for (var step = params[1].x; step < params[1].y; step += 1u) {
        let j = select(step, n - 1u - step, UPPER);
        var found = x[at + j * k];
        if (!UNIT) {
            found = found / t[start + j * n + j];
        }
        let low = select(j + 1u, 0u, UPPER);
        let high = select(n, j, UPPER);
        for (var row = low + team; busy && row < high; row += teams) {
            x[at + row * k] -= t[start + row * n + j] * found;
        }
        storageBarrier();
        workgroupBarrier();
        // Nobody reads this row any more.
        if (busy && team == 0u) {
            x[at + j * k] = found;
        }
    }
    if (UNIT || params[1].y < n) {
        return;
    }
    storageBarrier();
    workgroupBarrier();
    var singular = false;
    for (var row = 0u; row < n; row += 1u) {
        singular = singular || (bitcast<u32>(t[start + row * n + row]) << 1u) == 0u;
    }
    for (var row = team; busy && singular && row < n; row += teams) {
        x[at + row * k] = bits_nan();
    }
}
