// a = q r by Householder reflections, one workgroup per matrix.
//
// a: [b, m, n], m >= n; f: [b, m + n, n]: q above r; h: [b, m + 1, n], scratch: the reflections below the
// diagonal, r above it, in the last row the greatest magnitude; params: (m, n, b, part), (first, last, -, -): what this dispatch does,
// and to which columns.
// A reflection is 1 - tau v v^T with v = 1 at the diagonal; tau waits in f where r will have its diagonal.
// Overrides: WG: invocations, a power of two up to 256; COLUMNS: columns a workgroup works on at once, a power of two up to WG.
// Workgroup memory: 2 KiB. 4 m n^2 - 4 n^3 / 3 multiplications and additions; per column 8 + log2(WG) barriers and 4 more per
// COLUMNS columns to its right. A power of two is taken out first, so squares neither overflow nor vanish where they matter.
// Many columns take several dispatches: drivers may stop an invocation after 65,535 turns of its loops.
// Barriers: all loops with barriers run over columns and their tiles, whose numbers are uniform.
// Order and error: |q r - a| and |q^T q - 1| within (4 m + 8) n ulp, column by column in the norm.
// Source: Golub, Van Loan, Matrix Computations, 5.2.2; the sign of r's diagonal is turned to be positive afterwards.

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> h: array<f32>;
@group(0) @binding(2) var<storage, read_write> f: array<f32>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 2>;

override WG: u32 = 64u;
override COLUMNS: u32 = 8u;

// The parts.
const START: u32 = 0u;
const FACTOR: u32 = 1u;
const GATHER: u32 = 2u;
const FINISH: u32 = 3u;

var<workgroup> sh_part: array<f32, 256>;

fn item(on_q: bool, q: u32, r: u32) -> f32 {
    if (on_q) {
        return f[q];
    }
    return h[r];
}

// Reflection k applied to the columns from `first` on, of q or of h.
fn reflect(on_q: bool, k: u32, first: u32, base: vec2<u32>, lane: u32) {
    let m = params[0].x;
    let n = params[0].y;
    let team = lane / COLUMNS;
    let teams = WG / COLUMNS;
    let tau = f[base.x + (m + k) * n + k];
    for (var tile = first; tile < n; tile += COLUMNS) {
        let column = tile + lane % COLUMNS;
        let busy = column < n;
        var part = 0.0;
        for (var row = k + team; busy && row < m; row += teams) {
            let x = item(on_q, base.x + row * n + column, base.y + row * n + column);
            part += select(h[base.y + row * n + k], 1.0, row == k) * x;
        }
        sh_part[lane] = part;
        workgroupBarrier();
        var dot = 0.0;
        for (var other = lane % COLUMNS; other < WG; other += COLUMNS) {
            dot += sh_part[other];
        }
        dot *= tau;
        for (var row = k + team; busy && row < m; row += teams) {
            let change = dot * select(h[base.y + row * n + k], 1.0, row == k);
            if (on_q) {
                f[base.x + row * n + column] -= change;
            } else {
                h[base.y + row * n + column] -= change;
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
}

// h = a, scaled, and q = 1.
fn start(base: vec2<u32>, source: u32, note: u32, lane: u32) {
    let m = params[0].x;
    let n = params[0].y;
    var size = 0u;
    for (var column = 0u; column < n; column += 1u) {
        for (var row = lane; row < m; row += WG) {
            size = max(size, team_size(a[source + row * n + column]));
        }
    }
    size = team_max(lane, WG, size);
    let scale = team_scale(size).x;
    for (var column = 0u; column < n; column += 1u) {
        for (var row = lane; row < m; row += WG) {
            let ix = row * n + column;
            h[base.y + ix] = select(a[source + ix], 0.0, size >= 0x7f800000u) * scale;
            f[base.x + ix] = select(0.0, 1.0, row == column);
        }
    }
    if (lane == 0u) {
        h[note] = f32(size >> 23u);
    }
}

// Reflection k, and its turn on the columns to the right.
fn factor(k: u32, base: vec2<u32>, lane: u32) {
    let m = params[0].x;
    let n = params[0].y;
    var squares = 0.0;
    for (var row = k + 1u + lane; row < m; row += WG) {
        let x = h[base.y + row * n + k];
        squares += x * x;
    }
    squares = team_sum(lane, WG, squares);
    let alpha = h[base.y + k * n + k];
    var beta = alpha;
    var tau = 0.0;
    var inverse = 0.0;
    if (squares > 1e-36) {
        let norm = sqrt(alpha * alpha + squares);
        beta = select(-norm, norm, alpha < 0.0);
        tau = (beta - alpha) / beta;
        inverse = 1.0 / (alpha - beta);
    }
    storageBarrier();
    workgroupBarrier();
    for (var row = k + 1u + lane; row < m; row += WG) {
        h[base.y + row * n + k] *= inverse;
    }
    if (lane == 0u) {
        h[base.y + k * n + k] = beta;
        f[base.x + (m + k) * n + k] = tau;
    }
    storageBarrier();
    workgroupBarrier();
    reflect(false, k, k + 1u, base, lane);
}

// Columns of q and rows of r with their signs.
fn finish(first: u32, last: u32, base: vec2<u32>, note: u32, lane: u32) {
    let m = params[0].x;
    let n = params[0].y;
    let exponent = u32(h[note]);
    let broken = exponent >= 255u;
    let scale = team_scale(exponent << 23u).y;
    for (var k = first; k < last; k += 1u) {
        let turned = h[base.y + k * n + k] < 0.0;
        for (var row = lane; row < m; row += WG) {
            let x = f[base.x + row * n + k];
            f[base.x + row * n + k] = select(select(x, -x, turned), bits_nan(), broken);
        }
        for (var column = lane; column < n; column += WG) {
            let x = h[base.y + k * n + column] * scale;
            let kept = select(0.0, select(x, -x, turned), column >= k);
            f[base.x + (m + k) * n + column] = select(kept, bits_nan(), broken);
        }
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
    let matrix = group.x + group.y * groups.x;
    if (matrix >= params[0].z) {
        return;
    }
    let base = vec2<u32>(matrix * (m + n) * n, matrix * (m + 1u) * n);
    let note = base.y + m * n;
    let first = params[1].x;
    let last = params[1].y;
    if (params[0].w == START) {
        start(base, matrix * m * n, note, lane);
    } else if (params[0].w == FACTOR) {
        for (var k = first; k < last; k += 1u) {
            factor(k, base, lane);
        }
    } else if (params[0].w == GATHER) {
        for (var k = last; k > first; k -= 1u) {
            reflect(true, k - 1u, k - 1u, base, lane);
        }
    } else {
        finish(first, last, base, note, lane);
    }
}
