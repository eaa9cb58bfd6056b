// counts[row, c, digit] becomes the place of the first key of chunk c with this digit: behind all lower digits, and behind the
// same digit in the chunks before. One workgroup a row.
//
// counts: [rows, chunks, DIGITS]; params: (chunks, rows, -, -)
// Overrides: DIGITS: a power of two up to 256. Workgroup memory: 1 KiB. Barriers: not within control flow. Exact.

@group(0) @binding(0) var<storage, read_write> counts: array<u32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override DIGITS: u32 = 256u;

var<workgroup> sh_sum: array<u32, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = index_group(group, groups);
    let chunks = select(0u, params[0].x, row < params[0].y);
    let stretches = 256u / DIGITS;
    let digit = lane % DIGITS;
    let stretch = lane / DIGITS;
    let length = (chunks + stretches - 1u) / stretches;
    let first = min(stretch * length, chunks);
    let last = min(first + length, chunks);
    let base = row * params[0].x * DIGITS + digit;
    var sum = 0u;
    for (var c = first; c < last; c += 1u) {
        sum += counts[base + c * DIGITS];
    }
    // stretch after stretch of one digit, digit after digit
    sh_sum[digit * stretches + stretch] = sum;
    workgroupBarrier();
    var place = 0u;
    for (var at = 0u; at < digit * stretches + stretch; at += 1u) {
        place += sh_sum[at];
    }
    for (var c = first; c < last; c += 1u) {
        let count = counts[base + c * DIGITS];
        counts[base + c * DIGITS] = place;
        place += count;
    }
}
