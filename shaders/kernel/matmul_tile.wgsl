// c[b, i, j] = epilogue(sum_k a[b, i, k] * b[b, k, j]); one workgroup computes a tile of 4 SIDE PER x 4 SIDE PER elements.
//
// For GPUs: the workgroup fetches tiles of both operands along k into workgroup memory, coalesced along whichever axis
// is contiguous; each lane multiplies 4 PER rows by 4 PER columns of them from registers.
//
// Operands: any strides, in elements (params). *_MODE says how an operand is fetched: 0 and 3 element by element,
// neighbouring lanes along k (0) or along the other axis (3); 1 four neighbours along k; 2 four neighbours along the other
// axis (1 and 2: that stride is 1, all other strides and the offset are multiples of 4; that axis is a multiple of 4 too).
// Splits: split s sums k in [s * chunk, (s + 1) * chunk), chunk a multiple of 16, and writes plane s * batch + b of out.
// Overrides: SIDE: lanes along one side of the workgroup, 8 or 16; PER: 1 or 2; LONG: whether chunk exceeds 1024.
// Workgroup memory: two tiles of DEPTH x (SIDE PER + 1) vec4, DEPTH = 16 / PER: at most 8704 bytes. The spare column
// spreads the transposing stores over the banks.
// Barriers: the loop bounds come from the group's number and from uniforms.
// Order: k ascending, one chain; with LONG a fresh one every 1024. At most 1024 + chunk / 1024 roundings.
// Surplus lanes and the surplus of the last tiles multiply zeros and store nothing.

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

override SIDE: u32 = 16u;
override PER: u32 = 1u;
override A_MODE: u32 = 1u;
override B_MODE: u32 = 2u;
override LONG: bool = false;

/// [k][row or column], as vec4 along the rows or columns; PITCH vec4 a line.
var<workgroup> sh_a: array<vec4<f32>, 272>;
var<workgroup> sh_b: array<vec4<f32>, 272>;

/// [i * 2 + j]: column r is row r, component c is column c of quarter (i, j).
var<private> acc: array<mat4x4<f32>, 4> = array<mat4x4<f32>, 4>();
var<private> total: array<mat4x4<f32>, 4> = array<mat4x4<f32>, 4>();

/// Element e of an operand's tile, counted so that neighbouring lanes fetch neighbours: (position along k, along the
/// other axis).
fn place(mode: u32, e: u32, depth: u32, tile: u32) -> vec2<u32> {
    if (mode == 0u) {
        return vec2<u32>(e % depth, e / depth);
    }
    return vec2<u32>(e / tile, e % tile);
}

fn fetch_a(lane: u32, row: u32, k: u32, k_end: u32, base: u32) {
    let depth = 16u / PER;
    let tile = SIDE * PER * 4u;
    let pitch = SIDE * PER + 1u;
    for (var e = lane; e < depth * tile / 4u; e += SIDE * SIDE) {
        if (A_MODE == 2u) {
            let at = vec2<u32>(e / (tile / 4u), e % (tile / 4u));
            let r = row + at.y * 4u;
            var value = vec4<f32>();
            if (r < params[0].x && k + at.x < k_end) {
                value = a_four(base + r + (k + at.x) * params[1].z);
            }
            sh_a[at.x * pitch + at.y] = value;
        } else if (A_MODE == 1u) {
            let at = vec2<u32>(e % (depth / 4u) * 4u, e / (depth / 4u));
            let r = row + at.y;
            var value = vec4<f32>();
            if (r < params[0].x && k + at.x < k_end) {
                value = a_four(base + r * params[1].y + k + at.x);
            }
            for (var q = 0u; q < 4u; q += 1u) {
                sh_a[(at.x + q) * pitch + at.y / 4u][at.y % 4u] = value[q];
            }
        } else {
            for (var q = 0u; q < 4u; q += 1u) {
                let at = place(A_MODE, e + q * (depth * tile / 4u), depth, tile);
                let r = row + at.y;
                var value = 0.0;
                if (r < params[0].x && k + at.x < k_end) {
                    value = a_one(base + r * params[1].y + (k + at.x) * params[1].z);
                }
                sh_a[at.x * pitch + at.y / 4u][at.y % 4u] = value;
            }
        }
    }
}

fn fetch_b(lane: u32, col: u32, k: u32, k_end: u32, base: u32) {
    let depth = 16u / PER;
    let tile = SIDE * PER * 4u;
    let pitch = SIDE * PER + 1u;
    for (var e = lane; e < depth * tile / 4u; e += SIDE * SIDE) {
        if (B_MODE == 2u) {
            let at = vec2<u32>(e / (tile / 4u), e % (tile / 4u));
            let c = col + at.y * 4u;
            var value = vec4<f32>();
            if (c < params[0].y && k + at.x < k_end) {
                value = b_four(base + (k + at.x) * params[2].y + c);
            }
            sh_b[at.x * pitch + at.y] = value;
        } else if (B_MODE == 1u) {
            let at = vec2<u32>(e % (depth / 4u) * 4u, e / (depth / 4u));
            let c = col + at.y;
            var value = vec4<f32>();
            if (c < params[0].y && k + at.x < k_end) {
                value = b_four(base + c * params[2].z + k + at.x);
            }
            for (var q = 0u; q < 4u; q += 1u) {
                sh_b[(at.x + q) * pitch + at.y / 4u][at.y % 4u] = value[q];
            }
        } else {
            for (var q = 0u; q < 4u; q += 1u) {
                let at = place(B_MODE, e + q * (depth * tile / 4u), depth, tile);
                let c = col + at.y;
                var value = 0.0;
                if (c < params[0].y && k + at.x < k_end) {
                    value = b_one(base + (k + at.x) * params[2].y + c * params[2].z);
                }
                sh_b[at.x * pitch + at.y / 4u][at.y % 4u] = value;
            }
        }
    }
}

fn outer(ix: u32, x: vec4<f32>, y: vec4<f32>) {
    acc[ix][0] += x.x * y;
    acc[ix][1] += x.y * y;
    acc[ix][2] += x.z * y;
    acc[ix][3] += x.w * y;
}

fn multiply(across: vec2<u32>) {
    let pitch = SIDE * PER + 1u;
    for (var k = 0u; k < 16u / PER; k += 1u) {
        let x0 = sh_a[k * pitch + across.y];
        let y0 = sh_b[k * pitch + across.x];
        outer(0u, x0, y0);
        if (PER > 1u) {
            let x1 = sh_a[k * pitch + SIDE + across.y];
            let y1 = sh_b[k * pitch + SIDE + across.x];
            outer(1u, x0, y1);
            outer(2u, x1, y0);
            outer(3u, x1, y1);
        }
    }
}

fn fold(ix: u32) {
    total[ix] += acc[ix];
    acc[ix] = mat4x4<f32>();
}

/// Rows of merged batches are told apart by params[0].w.
fn put(plane: u32, row: u32, col: u32, block: mat4x4<f32>) {
    let m = params[0].x;
    let n = params[0].y;
    var values = block;
    for (var i = 0u; i < 4u; i += 1u) {
        let r = row + i;
        for (var j = 0u; j < 4u; j += 1u) {
            let c = col + j;
            if (r < m && c < n) {
                out[(plane * m + r) * n + c] = epilogue(values[i][j], plane + r / params[0].w, r % params[0].w, c);
            }
        }
    }
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) across: vec3<u32>,
) {
    let tiles = params[3];
    var unit = group.x + group.y * groups.x;
    let live = unit < params[4].x;
    let side = SIDE * PER * 4u;
    let col = unit % tiles.y * side;
    unit /= tiles.y;
    let row = unit % tiles.x * side;
    let plane = unit / tiles.x;
    let batch = plane % tiles.z;
    let k_start = plane / tiles.z * tiles.w;
    let k_end = select(k_start, min(k_start + tiles.w, params[0].z), live);
    let a_base = params[1].w + batch * params[1].x;
    let b_base = params[2].w + batch * params[2].x;
    let lane = across.x + across.y * SIDE;
    for (var k = k_start; k < k_end; k += 16u / PER) {
        fetch_a(lane, row, k, k_end, a_base);
        fetch_b(lane, col, k, k_end, b_base);
        workgroupBarrier();
        multiply(across.xy);
        workgroupBarrier();
        if (LONG) {
            if ((k - k_start) % 1024u == 1024u - 16u / PER) {
                fold(0u);
                if (PER > 1u) {
                    fold(1u);
                    fold(2u);
                    fold(3u);
                }
            }
        }
    }
    if (live) {
        if (LONG) {
            acc[0] += total[0];
            acc[1] += total[1];
            acc[2] += total[2];
            acc[3] += total[3];
        }
        let r = row + across.y * 4u;
        let c = col + across.x * 4u;
        put(plane, r, c, acc[0]);
        if (PER > 1u) {
            put(plane, r, c + SIDE * 4u, acc[1]);
            put(plane, r + SIDE * 4u, c, acc[2]);
            put(plane, r + SIDE * 4u, c + SIDE * 4u, acc[3]);
        }
    }
}
