// packed[b, r, k] = x[b, r, k] for k < depth, 0 for depth <= k < 4 * fours: an operand of a matrix product, widened and
// copied so that the product can fetch four neighbours along one axis at a time.
//
// x: any strides, in elements (params); r and k stand for either axis of the operand: k is the one that becomes
// contiguous and is padded to a multiple of 4. packed is row-major. One lane makes four elements.
// Overrides: WG: invocations.
// Workgroup memory and barriers: none. Exact.

//!slot operands
@group(0) @binding(0) var<storage, read> x: array<f32>;

fn x_one(ix: u32) -> f32 {
    return x[ix];
}
//!end

@group(0) @binding(1) var<storage, read_write> packed: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WG: u32 = 64u;

fn element(base: u32, k: u32) -> f32 {
    let depth = params[1].x;
    let value = x_one(base + min(k, depth - 1u) * params[0].z);
    return select(0.0, value, k < depth);
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // params[0]: strides of (b, r, k), offset; params[1]: (depth, fours, rows, vectors in all)
    let i = (group.x + group.y * groups.x) * WG + lane;
    if (i < params[1].w) {
        let k = i % params[1].y * 4u;
        let line = i / params[1].y;
        let base = params[0].w + line / params[1].z * params[0].x + line % params[1].z * params[0].y;
        packed[i] = vec4<f32>(element(base, k), element(base, k + 1u), element(base, k + 2u), element(base, k + 3u));
    }
}
