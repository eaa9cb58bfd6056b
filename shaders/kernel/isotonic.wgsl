// y[row, :] = argmin_u ||u - x[row, :]||^2 with u[0] >= u[1] >= …: pools of neighbours that violate the order, each at its
// mean. One invocation walks a row.
//
// x, y: [rows, n] row-major; length: [rows, n], scratch: y and length hold the stack of pools (mean, length) until the
// means are spread, from the last pool on, each to places that are not before its own in the stack
// params: (n, -, rows, -)
// Overrides: WG: invocations. Workgroup memory: none. Barriers: none.
// Order: every element is pushed once and every pool merged once: at most 2 n turns. A merge moves a mean by three
// roundings of the greatest magnitude. Loops are nested so that none has more than 4096 turns.
// Source: M. Best, N. Chakravarti, Active set algorithms for isotonic regression, Math. Program. 47 (1990)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> length: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
const TURNS: u32 = 4096u;

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
    var top = 0u;
    for (var chunk = 0u; chunk < n; chunk += TURNS) {
        for (var i = chunk; i < min(chunk + TURNS, n); i += 1u) {
            var mean = x[base + i];
            var count = 1u;
            var merging = true;
            while (merging) {
                for (var turn = 0u; turn < TURNS; turn += 1u) {
                    merging = top > 0u;
                    if (merging) {
                        merging = y[base + top - 1u] < mean;
                    }
                    if (!merging) {
                        break;
                    }
                    top -= 1u;
                    let before = length[base + top];
                    let total = before + count;
                    let own = y[base + top];
                    mean = own + (mean - own) * (f32(count) / f32(total));
                    count = total;
                }
            }
            y[base + top] = mean;
            length[base + top] = count;
            top += 1u;
        }
    }
    var end = n;
    while (top > 0u) {
        for (var turn = 0u; turn < TURNS && top > 0u; turn += 1u) {
            top -= 1u;
            let mean = y[base + top];
            let first = end - length[base + top];
            while (end > first) {
                for (var back = 0u; back < TURNS && end > first; back += 1u) {
                    end -= 1u;
                    y[base + end] = mean;
                }
            }
        }
    }
}
