// y[row, :] = argmin_u ||u - x[row, :]||^2 / 2 + lambda[row] sum_i |u[i + 1] - u[i]|, directly: the segment under way has a
// value between vmin and vmax; umin and umax are the dual variables of the two.
//
// x, y: [rows, n] row-major; lambda: [rows]; params: (n, -, rows, -)
// Overrides: WG: invocations. Workgroup memory: none. Barriers: none.
// Order: one invocation walks a row, back to the start of a segment after each jump: about 2 n turns, n^2 at worst. Loops
// are nested so that none has more than 4096 turns. The dual variables gather one rounding per element of a segment; they
// decide where it ends, its value is the mean of its elements.
// Source: L. Condat, A direct algorithm for 1-D total variation denoising, IEEE Signal Process. Lett. 20 (2013)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> lambda: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
const TURNS: u32 = 4096u;

// y[first..=last] = the mean of x there, moved by what the jumps at both ends pull: relative to its first element, so that
// a constant stays what it is.
fn fill(first: u32, last: u32, pull: f32) {
    let own = x[first];
    var sum = 0.0;
    var i = first;
    while (i <= last) {
        for (var turn = 0u; turn < TURNS && i <= last; turn += 1u) {
            sum += x[i] - own;
            i += 1u;
        }
    }
    let value = own + (sum + pull) / f32(last - first + 1u);
    i = first;
    while (i <= last) {
        for (var turn = 0u; turn < TURNS && i <= last; turn += 1u) {
            y[i] = value;
            i += 1u;
        }
    }
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = (group.x + group.y * groups.x) * WG + lane;
    if (row >= params[0].z) {
        return;
    }
    let n = params[0].x;
    let base = row * n;
    let l = lambda[row];
    // places in the row: of the walk, of the segment's start, of the last touch of either bound
    var k = 0u;
    var start = 0u;
    var plus = 0u;
    var minus = 0u;
    var umin = l;
    var umax = -l;
    var vmin = x[base] - l;
    var vmax = x[base] + l;
    // what the jump at the start of the segment pulls
    var left = 0.0;
    var walking = true;
    while (walking) {
        for (var turn = 0u; turn < TURNS && walking; turn += 1u) {
            if (k + 1u == n) {
                if (umin < 0.0) {
                    fill(base + start, base + minus, left - l);
                    left = l;
                    start = minus + 1u;
                    k = start;
                    minus = start;
                    vmin = x[base + k];
                    umin = l;
                    umax = vmin + l - vmax;
                } else if (umax > 0.0) {
                    fill(base + start, base + plus, left + l);
                    left = -l;
                    start = plus + 1u;
                    k = start;
                    plus = start;
                    vmax = x[base + k];
                    umax = -l;
                    umin = vmax - l - vmin;
                } else {
                    fill(base + start, base + k, left);
                    walking = false;
                }
                continue;
            }
            let next = x[base + k + 1u];
            umin += next - vmin;
            if (umin < -l) {
                fill(base + start, base + minus, left - l);
                left = l;
                start = minus + 1u;
                k = start;
                plus = start;
                minus = start;
                vmin = x[base + k];
                vmax = vmin + 2.0 * l;
                umin = l;
                umax = -l;
                continue;
            }
            umax += next - vmax;
            if (umax > l) {
                fill(base + start, base + plus, left + l);
                left = -l;
                start = plus + 1u;
                k = start;
                plus = start;
                minus = start;
                vmax = x[base + k];
                vmin = vmax - 2.0 * l;
                umin = l;
                umax = -l;
                continue;
            }
            k += 1u;
            let count = f32(k - start + 1u);
            if (umin >= l) {
                vmin += (umin - l) / count;
                umin = l;
                minus = k;
            }
            if (umax <= -l) {
                vmax += (umax + l) / count;
                umax = -l;
                plus = k;
            }
        }
    }
}
