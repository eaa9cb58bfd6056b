// One round of block Jacobi: the columns of w become more orthogonal, v takes part. One workgroup per pair of blocks.
//
// w: [b, m, n]; v: [b, n, n]; state: see jacobi_start; params: (m, n, b * pairs, stride), (pairs, round, sweep, -)
// A pair of blocks, N columns in all, is loaded stretch by stretch of rows; the products of its columns give g = w^T w: [N, N].
// INNER sweeps of two-sided Jacobi, in rounds of N / 2 disjoint rotations, turn g towards a diagonal; d collects what the
// rotations differ from 1 by (so that almost nothing is rounded once they are small); then w += w d and v += v d.
// Blocks meet by the circle method: in 2 pairs - 1 rounds every block meets every other once. Columns beyond n count as zeros.
// A rotation is left out where |g_ij| <= sqrt(m) ulp |w_i| |w_j| (orthogonal as far as g is known) or <= least max(|w_i|, |w_j|) (what
// is left in w is below an ulp of its norm). A sweep in which nothing is turned ends all: later rounds read its flag and return.
// Overrides: N: a power of two, 4..32; INNER; WG: 256 or fewer, a power of two, at least N / 2. Workgroup memory: 12.3 KiB.
// Per round and pair: m N^2 + 2 (m + n) N^2 + 10 INNER N^3 operations in tiles of four by four, 16 (m + n) N bytes;
// 2 N INNER + 2 (2 m + n) N / 1024 barriers.
// Barriers: whether a workgroup goes on is decided by workgroupUniformLoad; the loops' bounds are uniform.
// Order and error: `Sweeps::roundings` of src/graph/dense.rs counts the roundings of a column; each round is orthogonal within its roundings, whatever g is.
// Source: Drmac, Veselic, New fast and accurate Jacobi SVD algorithm I, II (2008); Rutishauser's form of the rotation.

@group(0) @binding(0) var<storage, read_write> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WG: u32 = 256u;
override N: u32 = 32u;
override INNER: u32 = 1u;

var<workgroup> sh_g: array<f32, 1024>;
var<workgroup> sh_d: array<f32, 1024>;
// A stretch of rows, four columns at a time.
var<workgroup> sh_x: array<vec4<f32>, 256>;
// The rotations of a step: the sine, and the tangent of half the angle.
var<workgroup> sh_turn: array<vec2<f32>, 16>;
var<workgroup> sh_any: atomic<u32>;
var<workgroup> sh_go: u32;

// The lesser and the greater of the k-th pair among `count` in a step.
fn met(count: u32, step: u32, k: u32) -> vec2<u32> {
    // Modulo count - 1; step and k are below it.
    let around = count - 1u;
    let p = select(step + k, step + k - around, step + k >= around);
    let q = select(step + around - k, step - k, step >= k);
    let first = select(p, around, k == 0u);
    return vec2<u32>(min(first, q), max(first, q));
}

// Column `ix` of the pair of blocks.
fn column_of(blocks: vec2<u32>, ix: u32) -> u32 {
    return select(blocks.x * (N / 2u) + ix, blocks.y * (N / 2u) + ix - N / 2u, ix >= N / 2u);
}

fn insignificant(g: f32, a: f32, b: f32, tolerance: f32, least: f32) -> bool {
    let left = sqrt(max(a, 0.0));
    let right = sqrt(max(b, 0.0));
    return g == 0.0 || abs(g) <= tolerance * left * right || abs(g) <= least * max(left, right);
}

// The products of the columns of the stretch in sh_x, added to g, in tiles of four by four.
fn add_products(lane: u32) {
    for (var tile = lane; tile < N * N / 16u; tile += WG) {
        let i = tile / (N / 4u);
        let j = tile % (N / 4u);
        var sum = mat4x4<f32>();
        for (var row = 0u; row < 1024u / N; row += 1u) {
            let left = sh_x[row * (N / 4u) + i];
            let right = sh_x[row * (N / 4u) + j];
            sum += mat4x4<f32>(right * left.x, right * left.y, right * left.z, right * left.w);
        }
        for (var k = 0u; k < 16u; k += 1u) {
            sh_g[(4u * i + k / 4u) * N + 4u * j + k % 4u] += sum[k / 4u][k % 4u];
        }
    }
}

// Rotation k of a step of columns (i, j): what makes g_ij vanish, or none.
fn find_turn(pair: vec2<u32>, tolerance: f32, least: f32) -> vec2<f32> {
    let a = sh_g[pair.x * N + pair.x];
    let b = sh_g[pair.y * N + pair.y];
    let g = sh_g[pair.x * N + pair.y];
    if (insignificant(g, a, b, tolerance, least)) {
        return vec2<f32>(0.0, 0.0);
    }
    let zeta = clamp((b - a) / (2.0 * g), -1e8, 1e8);
    let t = select(-1.0, 1.0, zeta >= 0.0) / (abs(zeta) + sqrt(1.0 + zeta * zeta));
    let c = 1.0 / sqrt(1.0 + t * t);
    let s = c * t;
    return vec2<f32>(s, s / (1.0 + c));
}

fn turned(x: f32, y: f32, turn: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(x - turn.x * (y + turn.y * x), y + turn.x * (x - turn.y * y));
}

// g from both sides, in blocks of two rows and two columns; the upper blocks are computed, the lower mirrored.
fn turn_g(lane: u32, step: u32) {
    for (var e = lane; e < N * N / 4u; e += WG) {
        let k = e / (N / 2u);
        let l = e % (N / 2u);
        if (k > l) {
            continue;
        }
        let r = met(N, step, k);
        let c = met(N, step, l);
        let right = sh_turn[l];
        let upper = turned(sh_g[r.x * N + c.x], sh_g[r.x * N + c.y], right);
        let lower = turned(sh_g[r.y * N + c.x], sh_g[r.y * N + c.y], right);
        var first = turned(upper.x, lower.x, sh_turn[k]);
        var second = turned(upper.y, lower.y, sh_turn[k]);
        if (k == l && right.x != 0.0) {
            first.y = 0.0;
            second.x = 0.0;
        }
        sh_g[r.x * N + c.x] = first.x;
        sh_g[r.y * N + c.x] = first.y;
        sh_g[r.x * N + c.y] = second.x;
        sh_g[r.y * N + c.y] = second.y;
        if (k != l) {
            sh_g[c.x * N + r.x] = first.x;
            sh_g[c.x * N + r.y] = first.y;
            sh_g[c.y * N + r.x] = second.x;
            sh_g[c.y * N + r.y] = second.y;
        }
    }
}

// (1 + d) times the rotations, less 1.
fn turn_d(lane: u32, step: u32) {
    for (var e = lane; e < N * N / 2u; e += WG) {
        let row = e / (N / 2u);
        let k = e % (N / 2u);
        let pair = met(N, step, k);
        let turn = sh_turn[k];
        var now = turned(sh_d[row * N + pair.x], sh_d[row * N + pair.y], turn);
        if (row == pair.x) {
            now += vec2<f32>(-turn.x * turn.y, turn.x);
        }
        if (row == pair.y) {
            now += vec2<f32>(-turn.x, -turn.x * turn.y);
        }
        sh_d[row * N + pair.x] = now.x;
        sh_d[row * N + pair.y] = now.y;
    }
}

// Four neighbours in a row of the stretch times 1 + d.
fn applied(row: u32, quarter: u32) -> vec4<f32> {
    var sum = vec4<f32>();
    for (var k = 0u; k < N / 4u; k += 1u) {
        let x = sh_x[row * (N / 4u) + k];
        let at = 4u * k * N + 4u * quarter;
        sum += x.x * d_row(at) + x.y * d_row(at + N) + x.z * d_row(at + 2u * N) + x.w * d_row(at + 3u * N);
    }
    return sh_x[row * (N / 4u) + quarter] + sum;
}

fn d_row(at: u32) -> vec4<f32> {
    return vec4<f32>(sh_d[at], sh_d[at + 1u], sh_d[at + 2u], sh_d[at + 3u]);
}

// The columns of four neighbours of the pair of blocks.
fn columns_of(blocks: vec2<u32>, quarter: u32) -> vec4<u32> {
    let ix = 4u * quarter;
    return vec4<u32>(
        column_of(blocks, ix),
        column_of(blocks, ix + 1u),
        column_of(blocks, ix + 2u),
        column_of(blocks, ix + 3u),
    );
}

// The elements of a row of w or v, 0 beyond the last column. Columns of others are not read: they are being written.
fn fetch(of_v: bool, row: u32, columns: vec4<u32>) -> vec4<f32> {
    let n = params[0].y;
    if (columns.x >= n) {
        return vec4<f32>();
    }
    let own = columns < vec4<u32>(n);
    let at = row * n + select(vec4<u32>(columns.x), columns, own);
    var x = vec4<f32>();
    if (of_v) {
        x = vec4<f32>(v[at.x], v[at.y], v[at.z], v[at.w]);
    } else {
        x = vec4<f32>(w[at.x], w[at.y], w[at.z], w[at.w]);
    }
    return select(vec4<f32>(), x, own);
}

fn put(of_v: bool, at: u32, x: f32) {
    if (of_v) {
        v[at] = x;
    } else {
        w[at] = x;
    }
}

// The stretch from row `top` on, of `rows` of w or v from row `first`, to sh_x.
fn load(of_v: bool, first: u32, rows: u32, top: u32, blocks: vec2<u32>, lane: u32) {
    for (var e = lane; e < 256u; e += WG) {
        let row = top + e / (N / 4u);
        var x = vec4<f32>();
        if (row < rows) {
            x = fetch(of_v, first + row, columns_of(blocks, e % (N / 4u)));
        }
        sh_x[e] = x;
    }
}

// All stretches of w or v times 1 + d.
fn apply(of_v: bool, first: u32, rows: u32, blocks: vec2<u32>, lane: u32) {
    let n = params[0].y;
    for (var top = 0u; top < rows; top += 1024u / N) {
        load(of_v, first, rows, top, blocks, lane);
        workgroupBarrier();
        for (var e = lane; e < 256u; e += WG) {
            let row = top + e / (N / 4u);
            let columns = columns_of(blocks, e % (N / 4u));
            let x = applied(e / (N / 4u), e % (N / 4u));
            for (var k = 0u; k < 4u; k += 1u) {
                if (row < rows && columns[k] < n) {
                    put(of_v, (first + row) * n + columns[k], x[k]);
                }
            }
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let m = params[0].x;
    let n = params[0].y;
    let pairs = params[1].x;
    let unit = group.x + group.y * groups.x;
    if (unit >= params[0].z) {
        return;
    }
    let matrix = unit / pairs;
    let words = matrix * params[0].w;
    let sweep = params[1].z;
    let blocks = met(2u * pairs, params[1].y, unit % pairs);
    if (lane == 0u) {
        var go = 1u;
        if (sweep > 0u) {
            go = atomicLoad(&state[words + 3u + sweep]);
        }
        sh_go = go;
        atomicStore(&sh_any, 0u);
    }
    for (var e = lane; e < N * N; e += WG) {
        sh_g[e] = 0.0;
        sh_d[e] = 0.0;
    }
    if (workgroupUniformLoad(&sh_go) == 0u) {
        return;
    }
    for (var top = 0u; top < m; top += 1024u / N) {
        load(false, matrix * m, m, top, blocks, lane);
        workgroupBarrier();
        add_products(lane);
        workgroupBarrier();
    }
    let tolerance = sqrt(f32(m)) * 1.1920929e-7;
    let least = bitcast<f32>(atomicLoad(&state[words + 3u]));
    for (var e = lane; e < N * N; e += WG) {
        let i = e / N;
        let j = e % N;
        if (i < j && !insignificant(sh_g[e], sh_g[i * N + i], sh_g[j * N + j], tolerance, least)) {
            atomicStore(&sh_any, 1u);
        }
    }
    workgroupBarrier();
    if (lane == 0u) {
        sh_go = atomicLoad(&sh_any);
    }
    if (workgroupUniformLoad(&sh_go) == 0u) {
        return;
    }
    if (lane == 0u) {
        atomicStore(&state[words + 4u + sweep], 1u);
    }
    for (var inner = 0u; inner < INNER; inner += 1u) {
        for (var step = 0u; step + 1u < N; step += 1u) {
            if (lane < N / 2u) {
                sh_turn[lane] = find_turn(met(N, step, lane), tolerance, least);
            }
            workgroupBarrier();
            turn_g(lane, step);
            turn_d(lane, step);
            workgroupBarrier();
        }
    }
    apply(false, matrix * m, m, blocks, lane);
    apply(true, matrix * n, n, blocks, lane);
}
