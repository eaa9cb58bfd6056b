// Attention and its derivatives; one lane computes 4 ROWS rows of the result, 16 rows of the other side at a time.
//
// MODE 0: y[i, :] = sum_j p[i, j] v[j, :], p[i, :] = softmax over j of s[i, j] = scale q[i, :] . k[j, :] + mask[i, j], and the
// logarithm of the sum of exponentials, lse[i]. With p = exp(s - lse) and c = p (g v^T - delta):
// MODE 1: dq = scale c k. MODE 2: dk = scale c^T q. MODE 3: dv = p^T g.
// The rows that a lane owns are queries in modes 0 and 1, else keys; the others are keys, or the queries of all heads that
// share these keys.
//
// For devices that run on the host's processor: see matmul_block; blocks of sums are kept in registers, and nothing is shared.
// The result is added up in its buffer, 16 others at a time, which dispatches of some others each go on with; in mode 0 its
// columns w - 4 and w - 3 hold the greatest score and the sum so far, in the end lse and 0.
//
// Shapes: q: [b, m, d], k: [b / group, n, d], v: [b / group, n, e], row-major; mask: [mask.y, 1 or m, 1 or n];
// lse, delta: [b, m]; g: [b, m, e]; y: [b, m, w], w = e rounded up to a multiple of 4, and 4 more
// params[0]: (m, n, d, e); [1]: (columns of the result, its pitch, lanes, group);
// [2]: (first, end of the blocks of others, flags: 1 first dispatch, 2 last, 4 causal; bits of the scale);
// [3]: mask: (batches of q per batch of mask, batches of mask, stride of queries, stride of keys); [4].x: elements of a batch of mask
// Causal: a query i sees the keys j <= i + n - m. What a mask lowers to -1e38 or less is not seen at all; a query that sees
// nothing has y = 0 and lse = -3e38.
// Overrides: MODE; ROWS: 1, 2 or 4; WG: invocations. Workgroup memory: none. Barriers: none.
// Order: products in fours, those in order; others in blocks of 16, in order; in modes 2 and 3 head by head.

//!slot operands
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

fn own_four(row: u32, c: u32) -> vec4<f32> {
    return q[((query_plane * params[0].x + row) * params[0].z + c) / 4u];
}
fn other_four(row: u32, c: u32) -> vec4<f32> {
    return k[((key_plane * params[0].y + row) * params[0].z + c) / 4u];
}
fn own_second(row: u32, c: u32) -> vec4<f32> {
    return vec4<f32>();
}
fn other_second(row: u32, c: u32) -> vec4<f32> {
    return vec4<f32>();
}
fn table_four(row: u32, c: u32) -> vec4<f32> {
    return v[((key_plane * params[0].y + row) * params[0].w + c) / 4u];
}
fn mask_at(query: u32, key: u32) -> f32 {
    return 0.0;
}
fn lse_at(query: u32) -> f32 {
    return 0.0;
}
fn delta_at(query: u32) -> f32 {
    return 0.0;
}
fn out_get(ix: u32, left: u32) -> vec4<f32> {
    return out[ix / 4u];
}
fn out_put(ix: u32, left: u32, value: vec4<f32>) {
    out[ix / 4u] = value;
}
//!end
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 5>;

override MODE: u32 = 0u;
override ROWS: u32 = 4u;
override WG: u32 = 8u;

/// Scores, then weights, of own rows 4i.. and others 4j.. in [i * 4 + j]: column r is row r, component c is other c.
var<private> s: array<mat4x4<f32>, 16> = array<mat4x4<f32>, 16>();
/// The products of g and v, in the same order.
var<private> t: array<mat4x4<f32>, 16> = array<mat4x4<f32>, 16>();
/// Column k is k, component c is other c of block j.
var<private> right: array<mat4x4<f32>, 4> = array<mat4x4<f32>, 4>();
/// Of own rows 4i.. in column i: the greatest score and the sum so far, or lse and delta.
var<private> top: mat4x4<f32> = mat4x4<f32>();
var<private> total: mat4x4<f32> = mat4x4<f32>();
/// What the sums so far are to be multiplied by.
var<private> factor: mat4x4<f32> = mat4x4<f32>();

var<private> query_plane: u32;
var<private> key_plane: u32;
/// The first own row, and how many there are in all; the first other row, and how many.
var<private> row: u32;
var<private> n_own: u32;
var<private> other: u32;
var<private> n_others: u32;

fn fetch_right(j: u32, c: u32) {
    let at = other + j * 4u;
    let end = n_others - 1u;
    right[j] = transpose(mat4x4<f32>(
        other_four(min(at, end), c),
        other_four(min(at + 1u, end), c),
        other_four(min(at + 2u, end), c),
        other_four(min(at + 3u, end), c),
    ));
}

fn score_row(i: u32, c: u32) {
    let at = row + i * 4u;
    let end = n_own - 1u;
    let left = mat4x4<f32>(
        own_four(min(at, end), c),
        own_four(min(at + 1u, end), c),
        own_four(min(at + 2u, end), c),
        own_four(min(at + 3u, end), c),
    );
    s[i * 4u] += right[0] * left;
    s[i * 4u + 1u] += right[1] * left;
    s[i * 4u + 2u] += right[2] * left;
    s[i * 4u + 3u] += right[3] * left;
}

fn score_step(c: u32) {
    fetch_right(0u, c);
    fetch_right(1u, c);
    fetch_right(2u, c);
    fetch_right(3u, c);
    score_row(0u, c);
    if (ROWS > 1u) {
        score_row(1u, c);
    }
    if (ROWS > 2u) {
        score_row(2u, c);
        score_row(3u, c);
    }
}

fn fetch_second(j: u32, c: u32) {
    let at = other + j * 4u;
    let end = n_others - 1u;
    right[j] = transpose(mat4x4<f32>(
        other_second(min(at, end), c),
        other_second(min(at + 1u, end), c),
        other_second(min(at + 2u, end), c),
        other_second(min(at + 3u, end), c),
    ));
}

fn second_row(i: u32, c: u32) {
    let at = row + i * 4u;
    let end = n_own - 1u;
    let left = mat4x4<f32>(
        own_second(min(at, end), c),
        own_second(min(at + 1u, end), c),
        own_second(min(at + 2u, end), c),
        own_second(min(at + 3u, end), c),
    );
    t[i * 4u] += right[0] * left;
    t[i * 4u + 1u] += right[1] * left;
    t[i * 4u + 2u] += right[2] * left;
    t[i * 4u + 3u] += right[3] * left;
}

fn second_step(c: u32) {
    fetch_second(0u, c);
    fetch_second(1u, c);
    fetch_second(2u, c);
    fetch_second(3u, c);
    second_row(0u, c);
    if (ROWS > 1u) {
        second_row(1u, c);
    }
    if (ROWS > 2u) {
        second_row(2u, c);
        second_row(3u, c);
    }
}

fn is_causal() -> bool {
    return (params[2].z & 4u) != 0u;
}

/// The others that an own row sees: from, to.
fn seen(own: u32) -> vec2<u32> {
    if (MODE < 2u) {
        let causal = max(min(own, params[0].x) + params[0].y + 1u, params[0].x) - params[0].x;
        return vec2<u32>(0u, select(params[0].y, min(causal, params[0].y), is_causal()));
    }
    let causal = max(own + params[0].x, params[0].y) - params[0].y;
    return vec2<u32>(select(0u, causal, is_causal()), params[0].x);
}

fn mask_of(own: u32, at: u32) -> f32 {
    if (MODE < 2u) {
        return mask_at(own, min(at, n_others - 1u));
    }
    return mask_at(min(at, n_others - 1u), own);
}

/// Four scores of one row from their products.
fn scored(product: vec4<f32>, own: u32, j: u32) -> vec4<f32> {
    let safe = min(own, n_own - 1u);
    let at = vec4<u32>(0u, 1u, 2u, 3u) + (other + j * 4u);
    let range = seen(own);
    let mask = vec4<f32>(mask_of(safe, at.x), mask_of(safe, at.y), mask_of(safe, at.z), mask_of(safe, at.w));
    let value = product * bitcast<f32>(params[2].w) + mask;
    return select(vec4<f32>(-3e38), value, (at >= range.xxxx) & (at < range.yyyy) & (value > vec4<f32>(-1e38)));
}

fn score_block(i: u32, j: u32) {
    let product = s[i * 4u + j];
    let own = row + i * 4u;
    s[i * 4u + j] = mat4x4<f32>(
        scored(product[0], own, j),
        scored(product[1], own + 1u, j),
        scored(product[2], own + 2u, j),
        scored(product[3], own + 3u, j),
    );
}

/// exp(score - level), 0 where nothing is seen.
fn weights(score: vec4<f32>, level: vec4<f32>) -> vec4<f32> {
    let x = max(score - level, vec4<f32>(-100.0));
    let y = vec4<f32>(special_exp_of(x.x), special_exp_of(x.y), special_exp_of(x.z), special_exp_of(x.w));
    return select(vec4<f32>(), y, score > vec4<f32>(-1e38));
}

fn greatest(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

/// The greatest scores of four rows, with those of a block.
fn raised(level: vec4<f32>, block: mat4x4<f32>) -> vec4<f32> {
    return max(level, vec4<f32>(greatest(block[0]), greatest(block[1]), greatest(block[2]), greatest(block[3])));
}

fn weigh_block(ix: u32, level: vec4<f32>) {
    let x = s[ix];
    s[ix] = mat4x4<f32>(
        weights(x[0], level.xxxx),
        weights(x[1], level.yyyy),
        weights(x[2], level.zzzz),
        weights(x[3], level.wwww),
    );
}

/// Mode 0: scores to weights, by the greatest score so far.
fn soften(i: u32) {
    score_block(i, 0u);
    score_block(i, 1u);
    score_block(i, 2u);
    score_block(i, 3u);
    let level = raised(raised(raised(raised(top[i], s[i * 4u]), s[i * 4u + 1u]), s[i * 4u + 2u]), s[i * 4u + 3u]);
    let fall = max(top[i] - level, vec4<f32>(-100.0));
    factor[i] = vec4<f32>(special_exp_of(fall.x), special_exp_of(fall.y), special_exp_of(fall.z), special_exp_of(fall.w));
    top[i] = level;
    weigh_block(i * 4u, level);
    weigh_block(i * 4u + 1u, level);
    weigh_block(i * 4u + 2u, level);
    weigh_block(i * 4u + 3u, level);
    let sum = (s[i * 4u] + s[i * 4u + 1u]) + (s[i * 4u + 2u] + s[i * 4u + 3u]);
    let one = vec4<f32>(1.0);
    total[i] = total[i] * factor[i] + vec4<f32>(dot(sum[0], one), dot(sum[1], one), dot(sum[2], one), dot(sum[3], one));
}

/// Four numbers of queries that are others.
fn four_lse(j: u32) -> vec4<f32> {
    let at = other + j * 4u;
    let end = n_others - 1u;
    return vec4<f32>(
        lse_at(min(at, end)),
        lse_at(min(at + 1u, end)),
        lse_at(min(at + 2u, end)),
        lse_at(min(at + 3u, end)),
    );
}

fn four_delta(j: u32) -> vec4<f32> {
    let at = other + j * 4u;
    let end = n_others - 1u;
    return vec4<f32>(
        delta_at(min(at, end)),
        delta_at(min(at + 1u, end)),
        delta_at(min(at + 2u, end)),
        delta_at(min(at + 3u, end)),
    );
}

/// Modes 1 to 3: scores to coefficients.
fn coefficients(i: u32, j: u32) {
    score_block(i, j);
    let ix = i * 4u + j;
    let scale = bitcast<f32>(params[2].w);
    if (MODE == 1u) {
        weigh_block(ix, top[i]);
        let p = s[ix];
        let delta = total[i];
        s[ix] = mat4x4<f32>(
            p[0] * (t[ix][0] - delta.xxxx) * scale,
            p[1] * (t[ix][1] - delta.yyyy) * scale,
            p[2] * (t[ix][2] - delta.zzzz) * scale,
            p[3] * (t[ix][3] - delta.wwww) * scale,
        );
    } else {
        let level = four_lse(j);
        let x = s[ix];
        s[ix] = mat4x4<f32>(
            weights(x[0], level),
            weights(x[1], level),
            weights(x[2], level),
            weights(x[3], level),
        );
        if (MODE == 2u) {
            let p = s[ix];
            let delta = four_delta(j);
            s[ix] = mat4x4<f32>(
                p[0] * (t[ix][0] - delta) * scale,
                p[1] * (t[ix][1] - delta) * scale,
                p[2] * (t[ix][2] - delta) * scale,
                p[3] * (t[ix][3] - delta) * scale,
            );
        }
    }
}

fn weigh(i: u32) {
    if (MODE == 0u) {
        soften(i);
    } else {
        coefficients(i, 0u);
        coefficients(i, 1u);
        coefficients(i, 2u);
        coefficients(i, 3u);
    }
}

/// Rows of the table in block j: column t is row t.
fn table_block(j: u32, c: u32) -> mat4x4<f32> {
    let at = other + j * 4u;
    let end = n_others - 1u;
    return mat4x4<f32>(
        table_four(min(at, end), c),
        table_four(min(at + 1u, end), c),
        table_four(min(at + 2u, end), c),
        table_four(min(at + 3u, end), c),
    );
}

fn put(own: u32, c: u32, value: vec4<f32>, fall: f32, first: bool) {
    if (own < n_own) {
        let plane = select(key_plane, query_plane, MODE < 2u);
        let ix = (plane * n_own + own) * params[1].y + c;
        let left = params[1].x - c;
        if (first) {
            out_put(ix, left, value);
        } else {
            out_put(ix, left, out_get(ix, left) * fall + value);
        }
    }
}

fn add_row(i: u32, c: u32) {
    let at = i * 4u;
    let sum = (right[0] * s[at] + right[1] * s[at + 1u]) + (right[2] * s[at + 2u] + right[3] * s[at + 3u]);
    let fall = select(vec4<f32>(1.0), factor[i], MODE == 0u);
    put(row + at, c, sum[0], fall.x, false);
    put(row + at + 1u, c, sum[1], fall.y, false);
    put(row + at + 2u, c, sum[2], fall.z, false);
    put(row + at + 3u, c, sum[3], fall.w, false);
}

/// Adds what the others bring to four columns of the result.
fn add(c: u32) {
    right[0] = table_block(0u, c);
    right[1] = table_block(1u, c);
    right[2] = table_block(2u, c);
    right[3] = table_block(3u, c);
    add_row(0u, c);
    if (ROWS > 1u) {
        add_row(1u, c);
    }
    if (ROWS > 2u) {
        add_row(2u, c);
        add_row(3u, c);
    }
}

fn block() {
    s = array<mat4x4<f32>, 16>();
    for (var c = 0u; c < params[0].z; c += 4u) {
        score_step(c);
    }
    if (MODE == 1u || MODE == 2u) {
        t = array<mat4x4<f32>, 16>();
        for (var c = 0u; c < params[0].w; c += 4u) {
            second_step(c);
        }
    }
    weigh(0u);
    if (ROWS > 1u) {
        weigh(1u);
    }
    if (ROWS > 2u) {
        weigh(2u);
        weigh(3u);
    }
    for (var c = 0u; c < params[1].x; c += 4u) {
        add(c);
    }
}

/// What is known of four own rows before the first block.
fn prepare(i: u32, first: bool) {
    let at = row + i * 4u;
    let end = n_own - 1u;
    if (MODE == 0u) {
        top[i] = vec4<f32>(-3e38);
        total[i] = vec4<f32>();
        if (!first) {
            let ix = (query_plane * n_own + min(at, end)) * params[1].y + params[1].x;
            let next = (query_plane * n_own + min(at + 1u, end)) * params[1].y + params[1].x;
            let third = (query_plane * n_own + min(at + 2u, end)) * params[1].y + params[1].x;
            let fourth = (query_plane * n_own + min(at + 3u, end)) * params[1].y + params[1].x;
            let state = mat4x4<f32>(out_get(ix, 4u), out_get(next, 4u), out_get(third, 4u), out_get(fourth, 4u));
            top[i] = transpose(state)[0];
            total[i] = transpose(state)[1];
        }
    }
    if (MODE == 1u) {
        top[i] = vec4<f32>(
            lse_at(min(at, end)),
            lse_at(min(at + 1u, end)),
            lse_at(min(at + 2u, end)),
            lse_at(min(at + 3u, end)),
        );
        total[i] = vec4<f32>(
            delta_at(min(at, end)),
            delta_at(min(at + 1u, end)),
            delta_at(min(at + 2u, end)),
            delta_at(min(at + 3u, end)),
        );
    }
}

/// Mode 0: what the next dispatch goes on with, or means instead of sums.
fn conclude(own: u32, level: f32, sum: f32, last: bool) {
    if (own < n_own) {
        let start = (query_plane * n_own + own) * params[1].y;
        if (last) {
            let some = sum > 0.0;
            let scale = 1.0 / select(1.0, sum, some);
            for (var c = 0u; c < params[1].x; c += 4u) {
                out_put(start + c, 4u, out_get(start + c, 4u) * scale);
            }
            let lse = select(-3e38, level + special_log(sum), some);
            out_put(start + params[1].x, 4u, vec4<f32>(lse, 0.0, 0.0, 0.0));
        } else {
            out_put(start + params[1].x, 4u, vec4<f32>(level, sum, 0.0, 0.0));
        }
    }
}

fn conclude_rows(i: u32, last: bool) {
    conclude(row + i * 4u, top[i].x, total[i].x, last);
    conclude(row + i * 4u + 1u, top[i].y, total[i].y, last);
    conclude(row + i * 4u + 2u, top[i].z, total[i].z, last);
    conclude(row + i * 4u + 3u, top[i].w, total[i].w, last);
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let unit = (group.x + group.y * groups.x) * WG + lane;
    if (unit >= params[1].z) {
        return;
    }
    n_own = select(params[0].y, params[0].x, MODE < 2u);
    n_others = select(params[0].x, params[0].y, MODE < 2u);
    let per_plane = (n_own + ROWS * 4u - 1u) / (ROWS * 4u);
    let per_head = (n_others + 15u) / 16u;
    let plane = unit / per_plane;
    row = unit % per_plane * (ROWS * 4u);
    query_plane = plane;
    key_plane = select(plane, plane / params[1].w, MODE < 2u);
    let first = (params[2].z & 1u) != 0u;
    prepare(0u, first);
    if (ROWS > 1u) {
        prepare(1u, first);
    }
    if (ROWS > 2u) {
        prepare(2u, first);
        prepare(3u, first);
    }
    if (first) {
        for (var c = 0u; c < params[1].x; c += 4u) {
            for (var r = row; r < row + ROWS * 4u; r += 1u) {
                put(r, c, vec4<f32>(), 0.0, true);
            }
        }
    }
    let low = seen(row).x / 16u;
    let high = (seen(row + ROWS * 4u - 1u).y + 15u) / 16u;
    for (var head = params[2].x / per_head; head * per_head < params[2].y; head += 1u) {
        if (MODE >= 2u) {
            query_plane = plane * params[1].w + head;
        }
        let start = head * per_head;
        let end = min(params[2].y - start, high);
        for (var at = max(max(params[2].x, start) - start, low); at < end; at += 1u) {
            other = at * 16u;
            block();
        }
    }
    if (MODE == 0u) {
        let last = (params[2].z & 2u) != 0u;
        conclude_rows(0u, last);
        if (ROWS > 1u) {
            conclude_rows(1u, last);
        }
        if (ROWS > 2u) {
            conclude_rows(2u, last);
            conclude_rows(3u, last);
        }
    }
}
