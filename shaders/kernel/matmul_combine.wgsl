// c[r, j] = epilogue(sum_s partial[s, r, j]): the last step of a matrix product whose k was split, or whose lines were
// padded.
//
// partial: [splits, r, line] as the product's kernel wrote it, line >= n. It is bound twice, `low` for the even splits and `high` for the
// odd ones, so that the bindings of an epilogue begin at 2 here as in the other kernels of a matrix product.
// Overrides: WG: invocations.
// Workgroup memory and barriers: none.
// Order: splits ascending in chains of 64, then those sums in order: at most 64 + splits / 64 roundings.

@group(0) @binding(0) var<storage, read> low: array<f32>;
@group(0) @binding(1) var<storage, read> high: array<f32>;

//!slot result
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
//!end

//!slot params
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 5>;
//!end

fn param(i: u32) -> u32 {
    return params[5u + i / 4u][i % 4u];
}

//!slot epilogue
fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32 {
    return acc;
}
//!end

override WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // params[0]: (elements of c, splits, rows of a batch, n); params[1]: (line, elements of a part)
    let i = (group.x + group.y * groups.x) * WG + lane;
    if (i < params[0].x) {
        let row = i / params[0].w;
        let col = i % params[0].w;
        let start = row * params[1].x + col;
        var total = 0.0;
        var acc = 0.0;
        for (var s = 0u; s < params[0].y; s += 2u) {
            acc += low[s * params[1].y + start];
            if (s + 1u < params[0].y) {
                acc += high[(s + 1u) * params[1].y + start];
            }
            if (s % 64u == 62u) {
                total += acc;
                acc = 0.0;
            }
        }
        out[i] = epilogue(total + acc, row / params[0].z, row % params[0].z, col);
    }
}
