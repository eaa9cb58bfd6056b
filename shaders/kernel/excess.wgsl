// y[row, block, j] = sum over the elements of a block of a row of max(x - t[row, j], 0), for 256 thresholds at once.
//
// x: [rows, n] row-major; t: [rows, 256]; y: [rows, blocks, 256]; params: (n, blocks, rows * blocks, elements of a block)
// Overrides: MAGNITUDE: of |x|. Workgroup memory: 1 KiB. Barriers: in uniform control flow, since the block is one of the workgroup.
// Order: one invocation per threshold; chains of 256 terms, and one more addition per chain. The data is read once,
// whatever the number of thresholds.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override MAGNITUDE: bool = false;

// Beyond the end: below every threshold of moderate size.
const NOTHING: f32 = -1.7e38;

var<workgroup> sh_tile: array<f32, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let unit = group.x + group.y * groups.x;
    let live = unit < params[0].z;
    let n = params[0].x;
    let row = select(0u, unit / params[0].y, live);
    let first = select(n, (unit % params[0].y) * params[0].w, live);
    let last = min(first + params[0].w, n);
    let threshold = t[row * 256u + lane];
    var sum = 0.0;
    for (var start = first; start < last; start += 256u) {
        workgroupBarrier();
        var own = NOTHING;
        if (start + lane < last) {
            own = x[row * n + start + lane];
            own = select(own, abs(own), MAGNITUDE);
        }
        sh_tile[lane] = own;
        workgroupBarrier();
        var chain = 0.0;
        for (var i = 0u; i < 256u; i += 1u) {
            chain += max(sh_tile[i] - threshold, 0.0);
        }
        sum += chain;
    }
    if (live) {
        y[unit * 256u + lane] = sum;
    }
}
