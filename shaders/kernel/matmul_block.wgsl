// c[b, i, j] = epilogue(sum_k a[b, i, k] * b[b, k, j]); one lane computes 4 ROWS rows of 4 COLS elements.
//
// For devices that run on the host's processor: there a load is dear (each lane fetches for itself, four numbers at the
// price of one), arithmetic is cheap, and a barrier saves and restores every live value. So nothing is shared: a lane
// keeps a large block of sums and multiplies 4x4 matrices. (Twice the largest block would be a third faster and take ten
// times as long to compile.) Neighbouring lanes have neighbouring blocks.
// SHARED: where a workgroup is one subgroup of 8, its lanes have the same rows: each fetches an eighth of them, and slot
// `left` passes them round. A lane's columns are then COLS stretches of 4, one in each stretch of 32 of the workgroup's.
//
// Operands: any strides, in elements (params). *_MODE says how an operand is fetched: 0 element by element; 1 four
// neighbours along k; 2 four neighbours along the other axis (1 and 2: that stride is 1, all other strides and the
// offset are multiples of 4, and the axis is one or goes on with zeros up to one).
// OUT_WIDE: out is declared as array<vec4<f32>>; its lines are `wide` long, n rounded up to a multiple of 4. Else `wide` is n.
// Splits: split s sums k in [s * chunk, (s + 1) * chunk), chunk a multiple of 4, and writes plane s * batch + b of out.
// Overrides: ROWS: 1, 2, 4 or 8; COLS: 1, 2 or 4; ROWS * COLS at most 16; WG: invocations; SHARED; LONG: whether chunk exceeds 4096; FINISH: whether there is an
// epilogue, applied in a second loop to the stored sums (a lane reads back only what it wrote; out has n columns then).
// Workgroup memory: none. Barriers: none. Subgroup operations: with SHARED, in uniform control flow.
// Order: products are joined in fours by the matrix product, the fours in order; with LONG there is a fresh sum every 1024
// fours, added to what the lane has stored before.
// At most 4 + 1024 + chunk / 4096 roundings.
// Surplus rows and columns of the last blocks compute copies of the last row or column, which are not stored.

//!slot operands
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;

fn a_one(ix: u32) -> f32 {
    return a[ix / 4u][ix % 4u];
}
fn a_four(ix: u32) -> vec4<f32> {
    return a[ix / 4u];
}
fn b_one(ix: u32) -> f32 {
    return b[ix / 4u][ix % 4u];
}
fn b_four(ix: u32) -> vec4<f32> {
    return b[ix / 4u];
}
//!end

//!slot result
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn out_get(ix: u32) -> vec4<f32> {
    return vec4<f32>(out[ix], 0.0, 0.0, 0.0);
}
fn out_put(ix: u32, value: vec4<f32>) {
    out[ix] = value.x;
}
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

override ROWS: u32 = 4u;
override COLS: u32 = 4u;
override WG: u32 = 8u;
override SHARED: bool = false;
override A_MODE: u32 = 1u;
override B_MODE: u32 = 2u;
override OUT_WIDE: bool = false;
override LONG: bool = false;
override FINISH: bool = false;

/// Element [i * COLS + j] is block (i, j) of the lane's block; column r of it is row r, component c is column c.
var<private> acc: array<mat4x4<f32>, 16> = array<mat4x4<f32>, 16>();
/// Column k is k, component c is column c of block j.
var<private> right: array<mat4x4<f32>, 4>;

/// First row and column of the block; first elements of the operands' planes; end of k.
var<private> row: u32;
var<private> col: u32;
var<private> a_base: u32;
var<private> b_base: u32;
var<private> k_end: u32;

fn a_checked(r: u32, k: u32) -> f32 {
    let value = a_one(a_base + min(r, params[0].x - 1u) * params[1].y + min(k, k_end - 1u) * params[1].z);
    return select(0.0, value, k < k_end);
}

fn b_checked(k: u32, c: u32) -> f32 {
    let value = b_one(b_base + min(k, k_end - 1u) * params[2].y + min(c, params[0].y - 1u) * params[2].z);
    return select(0.0, value, k < k_end);
}

/// Four elements along k.
fn a_along(r: u32, k: u32) -> vec4<f32> {
    if (A_MODE == 1u) {
        return a_four(a_base + min(r, params[0].x - 1u) * params[1].y + k);
    }
    return vec4<f32>(a_checked(r, k), a_checked(r, k + 1u), a_checked(r, k + 2u), a_checked(r, k + 3u));
}

/// Four elements along the rows.
fn a_across(r: u32, k: u32) -> vec4<f32> {
    let value = a_four(a_base + min(r, (params[0].x - 1u) & 0xfffffffcu) + min(k, k_end - 1u) * params[1].z);
    return select(vec4<f32>(), value, k < k_end);
}

//!slot left
/// Nothing is fetched ahead.
fn fetch_left(k: u32, lane: u32) {
}

/// Column r is row r of block row i, component k is k.
fn left(i: u32, k: u32) -> mat4x4<f32> {
    let r = row + i * 4u;
    if (A_MODE == 2u) {
        return transpose(mat4x4<f32>(a_across(r, k), a_across(r, k + 1u), a_across(r, k + 2u), a_across(r, k + 3u)));
    }
    return mat4x4<f32>(a_along(r, k), a_along(r + 1u, k), a_along(r + 2u, k), a_along(r + 3u, k));
}
//!end

/// The first column of the lane's blocks (., j).
fn column(j: u32) -> u32 {
    return col + j * select(4u, 4u * WG, SHARED);
}

/// Four elements along k.
fn b_along(k: u32, c: u32) -> vec4<f32> {
    return b_four(b_base + min(c, params[0].y - 1u) * params[2].z + k);
}

/// Four elements along the columns.
fn b_across(k: u32, c: u32) -> vec4<f32> {
    if (B_MODE == 2u) {
        let value = b_four(b_base + min(k, k_end - 1u) * params[2].y + min(c, (params[0].y - 1u) & 0xfffffffcu));
        return select(vec4<f32>(), value, k < k_end);
    }
    return vec4<f32>(b_checked(k, c), b_checked(k, c + 1u), b_checked(k, c + 2u), b_checked(k, c + 3u));
}

fn fetch_right(j: u32, k: u32) {
    let c = column(j);
    if (B_MODE == 1u) {
        right[j] = transpose(mat4x4<f32>(b_along(k, c), b_along(k, c + 1u), b_along(k, c + 2u), b_along(k, c + 3u)));
    } else {
        right[j] = mat4x4<f32>(b_across(k, c), b_across(k + 1u, c), b_across(k + 2u, c), b_across(k + 3u, c));
    }
}

fn multiply(i: u32, k: u32) {
    let m = left(i, k);
    acc[i * COLS] += right[0] * m;
    if (COLS > 1u) {
        acc[i * COLS + 1u] += right[1] * m;
    }
    if (COLS > 2u) {
        acc[i * COLS + 2u] += right[2] * m;
        acc[i * COLS + 3u] += right[3] * m;
    }
}

fn step(k: u32, lane: u32) {
    fetch_left(k, lane);
    fetch_right(0u, k);
    if (COLS > 1u) {
        fetch_right(1u, k);
    }
    if (COLS > 2u) {
        fetch_right(2u, k);
        fetch_right(3u, k);
    }
    multiply(0u, k);
    if (ROWS > 1u) {
        multiply(1u, k);
    }
    if (ROWS > 2u) {
        multiply(2u, k);
        multiply(3u, k);
    }
    if (ROWS > 4u) {
        multiply(4u, k);
        multiply(5u, k);
        multiply(6u, k);
        multiply(7u, k);
    }
}

/// Stores sums, or adds them to what a former stretch of k has stored.
fn put_more(ix: u32, value: vec4<f32>, more: bool) {
    if (LONG) {
        out_put(ix, value + select(vec4<f32>(), out_get(ix), more));
    } else {
        out_put(ix, value);
    }
}

/// Four sums side by side; params[4].y is the length of a line of out, n or more.
fn put_four(plane: u32, r: u32, c: u32, value: vec4<f32>, more: bool) {
    let m = params[0].x;
    let line = params[4].y;
    let ix = (plane * m + r) * line + c;
    if (r < m && c < line) {
        put_more(ix, value, more);
        if (!OUT_WIDE) {
            if (c + 1u < line) {
                put_more(ix + 1u, value.yyyy, more);
            }
            if (c + 2u < line) {
                put_more(ix + 2u, value.zzzz, more);
            }
            if (c + 3u < line) {
                put_more(ix + 3u, value.wwww, more);
            }
        }
    }
}

fn put_block(plane: u32, i: u32, j: u32, more: bool) {
    let block = acc[i * COLS + j];
    let r = row + i * 4u;
    let c = column(j);
    put_four(plane, r, c, block[0], more);
    put_four(plane, r + 1u, c, block[1], more);
    put_four(plane, r + 2u, c, block[2], more);
    put_four(plane, r + 3u, c, block[3], more);
    acc[i * COLS + j] = mat4x4<f32>();
}

fn put_row(plane: u32, i: u32, more: bool) {
    put_block(plane, i, 0u, more);
    if (COLS > 1u) {
        put_block(plane, i, 1u, more);
    }
    if (COLS > 2u) {
        put_block(plane, i, 2u, more);
        put_block(plane, i, 3u, more);
    }
}

fn put(plane: u32, more: bool) {
    put_row(plane, 0u, more);
    if (ROWS > 1u) {
        put_row(plane, 1u, more);
    }
    if (ROWS > 2u) {
        put_row(plane, 2u, more);
        put_row(plane, 3u, more);
    }
    if (ROWS > 4u) {
        put_row(plane, 4u, more);
        put_row(plane, 5u, more);
        put_row(plane, 6u, more);
        put_row(plane, 7u, more);
    }
}

/// The epilogue of the sums this lane has stored, in rolled loops: there may be hundreds of them. Rows of merged
/// batches are told apart by params[0].w.
fn finish(plane: u32) {
    let n = params[0].y;
    let row_end = min(row + ROWS * 4u, params[0].x);
    for (var r = row; r < row_end; r += 1u) {
        let batch = plane + r / params[0].w;
        let i = r % params[0].w;
        let start = (plane * params[0].x + r) * n;
        for (var j = 0u; j < COLS; j += 1u) {
            let c = column(j);
            if (OUT_WIDE) {
                if (c < n) {
                    let v = out_get(start + c);
                    let x = epilogue(v.x, batch, i, c);
                    let y = epilogue(v.y, batch, i, c + 1u);
                    let z = epilogue(v.z, batch, i, c + 2u);
                    out_put(start + c, vec4<f32>(x, y, z, epilogue(v.w, batch, i, c + 3u)));
                }
            } else {
                for (var d = c; d < min(c + 4u, n); d += 1u) {
                    out_put(start + d, vec4<f32>(epilogue(out_get(start + d).x, batch, i, d)));
                }
            }
        }
    }
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks = params[3];
    let linear = group.x + group.y * groups.x;
    var unit = select(linear * WG + lane, linear, SHARED);
    if (unit >= params[4].x) {
        return;
    }
    col = unit % blocks.y * select(COLS * 4u, COLS * 4u * WG, SHARED) + select(0u, lane * 4u, SHARED);
    unit /= blocks.y;
    row = unit % blocks.x * (ROWS * 4u);
    let plane = unit / blocks.x;
    let batch = plane % blocks.z;
    let k_start = plane / blocks.z * blocks.w;
    k_end = min(k_start + blocks.w, params[0].z);
    a_base = params[1].w + batch * params[1].x;
    b_base = params[2].w + batch * params[2].x;
    var k = k_start;
    loop {
        let stretch = min(k_end, k + 4096u);
        let more = k > k_start;
        for (; k < stretch; k += 4u) {
            step(k, lane);
        }
        put(plane, more);
        if (k >= k_end) {
            break;
        }
    }
    if (FINISH) {
        finish(plane);
    }
}
