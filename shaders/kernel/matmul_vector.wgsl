// c[b, o] = epilogue(sum_k w[b, o, k] * v[b, k]): the matrix product where one of the two other axes has length 1.
//
// MODE 0: a lane makes one output, element by element; 1: one output, four neighbours along k at a time; 2: four
// neighbouring outputs (strides in elements, in params; 1: w and v are contiguous along k, 2: w along the outputs; all
// other strides, the offsets and the axis itself are multiples of 4), RUN times: a cache line on processors.
// PARTS lanes share an output (or four): part p takes the pieces p, p + PARTS, … of k. Adjacent lanes are parts of one
// output where w is contiguous along k (ALONG_K), and outputs otherwise, so that fetches coalesce.
// Splits: split s sums k in [s * chunk, (s + 1) * chunk), chunk a multiple of 4, and writes plane s * batch + b of out.
// Overrides: WG: invocations; PARTS: a power of two that divides WG; RUN: 1, 2 or 4; more than 1 with MODE 2 and PARTS 1
// alone, where outputs are a multiple of 4 RUN and a chunk is at most 512.
// Workgroup memory: WG vec4, 4096 bytes at 256. Barriers: uniform, and none if PARTS is 1.
// Order: a chain of at most 512 pieces, then those sums in order; then a tree over the parts; then the four.
// At most 1 + 512 + chunk / (512 * 4 PARTS) + log2(PARTS) + 3 roundings.

//!slot operands
@group(0) @binding(0) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> v: array<vec4<f32>>;

fn w_one(ix: u32) -> f32 {
    return w[ix / 4u][ix % 4u];
}
fn w_four(ix: u32) -> vec4<f32> {
    return w[ix / 4u];
}
fn v_one(ix: u32) -> f32 {
    return v[ix / 4u][ix % 4u];
}
fn v_four(ix: u32) -> vec4<f32> {
    return v[ix / 4u];
}
//!end

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

override WG: u32 = 256u;
override PARTS: u32 = 1u;
override MODE: u32 = 0u;
override RUN: u32 = 1u;
override ALONG_K: bool = false;
/// Whether the outputs are the columns of c (else its rows).
override COLUMNS: bool = false;

var<workgroup> sh_sum: array<vec4<f32>, 256>;

fn put_four(plane: u32, o: u32, value: vec4<f32>) {
    put(plane, o, value.x);
    put(plane, o + 1u, value.y);
    put(plane, o + 2u, value.z);
    put(plane, o + 3u, value.w);
}

fn put(plane: u32, o: u32, value: f32) {
    if (o < params[0].x) {
        // rows of merged batches are told apart by params[0].w
        let row = vec3<u32>(plane + o / params[0].w, o % params[0].w, 0u);
        let place = select(row, vec3<u32>(plane, 0u, o), COLUMNS);
        out[plane * params[0].x + o] = epilogue(value, place.x, place.y, place.z);
    }
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let outs = WG / PARTS;
    let part = select(lane / outs, lane % PARTS, ALONG_K);
    let slot = select(lane % outs, lane / PARTS, ALONG_K);
    let width = select(1u, 4u * RUN, MODE == 2u);
    // params[3]: (groups per plane, chunk, batch, -)
    let number = group.x + group.y * groups.x;
    let plane = number / params[3].x;
    let o = (number % params[3].x * outs + slot) * width;
    let batch = plane % params[3].z;
    let k_start = plane / params[3].z * params[3].y;
    let live = number < params[4].x && o < params[0].x;
    let k_end = select(k_start, min(k_start + params[3].y, params[0].z), live);
    let w_base = params[1].w + batch * params[1].x + o * params[1].y;
    let v_base = params[2].w + batch * params[2].x;
    let piece = select(1u, 4u, MODE == 1u);
    var acc = vec4<f32>();
    var second = vec4<f32>();
    var third = vec4<f32>();
    var fourth = vec4<f32>();
    var total = vec4<f32>();
    var count = 0u;
    for (var k = k_start + part * piece; k < k_end; k += PARTS * piece) {
        if (MODE == 0u) {
            acc.x += w_one(w_base + k * params[1].z) * v_one(v_base + k * params[2].y);
        } else if (MODE == 1u) {
            acc += w_four(w_base + k) * v_four(v_base + k);
        } else {
            let at = w_base + k * params[1].z;
            let factor = v_one(v_base + k * params[2].y);
            acc += w_four(at) * factor;
            if (RUN > 1u) {
                second += w_four(at + 4u) * factor;
            }
            if (RUN > 2u) {
                third += w_four(at + 8u) * factor;
                fourth += w_four(at + 12u) * factor;
            }
        }
        count += 1u;
        if (count == 512u) {
            total += acc;
            acc = vec4<f32>();
            count = 0u;
        }
    }
    acc += total;
    if (PARTS > 1u) {
        sh_sum[slot * PARTS + part] = acc;
        for (var half = PARTS / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if (part < half) {
                acc += sh_sum[slot * PARTS + part + half];
                sh_sum[slot * PARTS + part] = acc;
            }
        }
    }
    if (live && part == 0u) {
        if (MODE == 1u) {
            acc.x = (acc.x + acc.y) + (acc.z + acc.w);
        }
        if (MODE < 2u) {
            put(plane, o, acc.x);
        } else {
            put_four(plane, o, acc);
        }
        if (RUN > 1u) {
            put_four(plane, o + 4u, second);
        }
        if (RUN > 2u) {
            put_four(plane, o + 8u, third);
            put_four(plane, o + 12u, fourth);
        }
    }
}
