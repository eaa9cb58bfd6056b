// Attention and its derivatives; a workgroup computes 32 rows of the result, 32 rows of the other side at a time.
//
// MODE 0: y[i, :] = sum_j p[i, j] v[j, :], p[i, :] = softmax over j of s[i, j] = scale q[i, :] . k[j, :] + mask[i, j], and the
// logarithm of the sum of exponentials, lse[i]. With p = exp(s - lse) and c = p (g v^T - delta):
// MODE 1: dq = scale c k. MODE 2: dk = scale c^T q. MODE 3: dv = p^T g.
// The rows that a workgroup owns are queries in modes 0 and 1, else keys; the others are keys, or the queries of all heads that
// share these keys.
//
// For graphics processors: 8 x 8 lanes, each with 4 x 4 scores and 4 rows x 4 columns of every 32 columns of the result, in
// registers. Operands come through workgroup memory 32 columns at a time, weights go through it. Dispatches of some others
// each go on with the result of those before; in mode 0 its columns w - 4 and w - 3 hold the greatest score and the sum so far,
// in the end lse and 0.
//
// Shapes: q: [b, m, d], k: [b / group, n, d], v: [b / group, n, e], row-major; mask: [mask.y, 1 or m, 1 or n];
// lse, delta: [b, m]; g: [b, m, e]; y: [b, m, w], w = e rounded up to a multiple of 4, and 4 more
// params[0]: (m, n, d, e); [1]: (columns of the result, its pitch, workgroups, group);
// [2]: (first, end of the blocks of others, flags: 1 first dispatch, 2 last, 4 causal; bits of the scale);
// [3]: mask: (batches of q per batch of mask, batches of mask, stride of queries, stride of keys); [4].x: elements of a batch of mask
// Causal: a query i sees the keys j <= i + n - m. What a mask lowers to -1e38 or less is not seen at all; a query that sees
// nothing has y = 0 and lse = -3e38.
// Overrides: MODE; CHUNKS: columns of the result / 32, rounded up, 1..8. Workgroup memory: 14,976 bytes.
// Barriers: loops run over what is uniform in the workgroup.
// Order: products in fours, those in order; others in order, in blocks of 32; in modes 2 and 3 head by head. The sums of
// exponentials are added up by 8 lanes apart, those in order.

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
override CHUNKS: u32 = 2u;

/// 32 rows of 8 quarters; a pitch of 9.
var<workgroup> sh_own: array<vec4<f32>, 288>;
var<workgroup> sh_other: array<vec4<f32>, 288>;
/// [other][own row / 4]: weights of four own rows; a pitch of 9.
var<workgroup> sh_weight: array<vec4<f32>, 288>;
/// [own row / 4][lane]: of four own rows.
var<workgroup> sh_top: array<vec4<f32>, 72>;

/// Scores, then weights, of own rows 4y.. and others 4x..: column r is row r, component c is other c.
var<private> s: mat4x4<f32> = mat4x4<f32>();
/// The products of g and v, in the same order.
var<private> t: mat4x4<f32> = mat4x4<f32>();
/// Own row 4y + r, columns 32 h + 4x.. of the result in [h * 4 + r].
var<private> acc: array<vec4<f32>, 32> = array<vec4<f32>, 32>();
/// Of own rows 4y..: the greatest score and this lane's sum so far, or lse and delta.
var<private> top: vec4<f32> = vec4<f32>();
var<private> total: vec4<f32> = vec4<f32>();

var<private> x: u32;
var<private> y: u32;
var<private> query_plane: u32;
var<private> key_plane: u32;
/// The first own row, and how many there are in all; the first other row, and how many.
var<private> row: u32;
var<private> n_own: u32;
var<private> other: u32;
var<private> n_others: u32;

/// Quarters c.. of own and other rows into workgroup memory.
fn stage(c: u32, depth: u32, second: bool) {
    for (var e = x + y * 8u; e < 256u; e += 64u) {
        let r = e / 8u;
        let at = c + e % 8u * 4u;
        var own_value = vec4<f32>();
        var other_value = vec4<f32>();
        if (at < depth) {
            let own_row = min(row + r, n_own - 1u);
            let other_row = min(other + r, n_others - 1u);
            if (second) {
                own_value = own_second(own_row, at);
                other_value = other_second(other_row, at);
            } else {
                own_value = own_four(own_row, at);
                other_value = other_four(other_row, at);
            }
        }
        sh_own[r * 9u + e % 8u] = own_value;
        sh_other[r * 9u + e % 8u] = other_value;
    }
}

/// The products of own and other rows over `depth` columns.
fn products(depth: u32, second: bool) -> mat4x4<f32> {
    var sum = mat4x4<f32>();
    for (var c = 0u; c < depth; c += 32u) {
        workgroupBarrier();
        stage(c, depth, second);
        workgroupBarrier();
        for (var h = 0u; h < 8u; h += 1u) {
            let at = x * 36u + h;
            let right = transpose(mat4x4<f32>(sh_other[at], sh_other[at + 9u], sh_other[at + 18u], sh_other[at + 27u]));
            let own = y * 36u + h;
            sum += right * mat4x4<f32>(sh_own[own], sh_own[own + 9u], sh_own[own + 18u], sh_own[own + 27u]);
        }
    }
    return sum;
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
fn scored(product: vec4<f32>, own: u32) -> vec4<f32> {
    let safe = min(own, n_own - 1u);
    let at = vec4<u32>(0u, 1u, 2u, 3u) + (other + x * 4u);
    let range = seen(own);
    let mask = vec4<f32>(mask_of(safe, at.x), mask_of(safe, at.y), mask_of(safe, at.z), mask_of(safe, at.w));
    let value = product * bitcast<f32>(params[2].w) + mask;
    return select(vec4<f32>(-3e38), value, (at >= range.xxxx) & (at < range.yyyy) & (value > vec4<f32>(-1e38)));
}

/// exp(score - level), 0 where nothing is seen.
fn weights(score: vec4<f32>, level: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(), four_exp(score - level), score > vec4<f32>(-1e38));
}

fn four_exp(v: vec4<f32>) -> vec4<f32> {
    let at = max(v, vec4<f32>(-100.0));
    return vec4<f32>(special_exp_of(at.x), special_exp_of(at.y), special_exp_of(at.z), special_exp_of(at.w));
}

fn greatest(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

/// Mode 0: scores to weights, by the greatest score so far; what the sums so far are to be multiplied by.
fn soften() -> vec4<f32> {
    let slot = y * 9u + x;
    workgroupBarrier();
    sh_top[slot] = vec4<f32>(greatest(s[0]), greatest(s[1]), greatest(s[2]), greatest(s[3]));
    workgroupBarrier();
    var level = top;
    for (var h = 0u; h < 8u; h += 1u) {
        level = max(level, sh_top[y * 9u + h]);
    }
    let factor = four_exp(top - level);
    top = level;
    s = mat4x4<f32>(
        weights(s[0], level.xxxx),
        weights(s[1], level.yyyy),
        weights(s[2], level.zzzz),
        weights(s[3], level.wwww),
    );
    let one = vec4<f32>(1.0);
    total = total * factor + vec4<f32>(dot(s[0], one), dot(s[1], one), dot(s[2], one), dot(s[3], one));
    return factor;
}

/// A number of each of four queries that are others.
fn four_lse() -> vec4<f32> {
    let at = other + x * 4u;
    let end = n_others - 1u;
    return vec4<f32>(
        lse_at(min(at, end)),
        lse_at(min(at + 1u, end)),
        lse_at(min(at + 2u, end)),
        lse_at(min(at + 3u, end)),
    );
}

fn four_delta() -> vec4<f32> {
    let at = other + x * 4u;
    let end = n_others - 1u;
    return vec4<f32>(
        delta_at(min(at, end)),
        delta_at(min(at + 1u, end)),
        delta_at(min(at + 2u, end)),
        delta_at(min(at + 3u, end)),
    );
}

/// Modes 1 to 3: scores to coefficients.
fn coefficients() {
    let scale = bitcast<f32>(params[2].w);
    if (MODE == 1u) {
        s = mat4x4<f32>(
            weights(s[0], top.xxxx) * (t[0] - total.xxxx) * scale,
            weights(s[1], top.yyyy) * (t[1] - total.yyyy) * scale,
            weights(s[2], top.zzzz) * (t[2] - total.zzzz) * scale,
            weights(s[3], top.wwww) * (t[3] - total.wwww) * scale,
        );
        return;
    }
    let level = four_lse();
    s = mat4x4<f32>(weights(s[0], level), weights(s[1], level), weights(s[2], level), weights(s[3], level));
    if (MODE == 2u) {
        let delta = four_delta();
        s = mat4x4<f32>(
            s[0] * (t[0] - delta) * scale,
            s[1] * (t[1] - delta) * scale,
            s[2] * (t[2] - delta) * scale,
            s[3] * (t[3] - delta) * scale,
        );
    }
}

/// Adds what the others bring to 32 columns of the result.
fn add(h: u32, factor: vec4<f32>) {
    workgroupBarrier();
    for (var e = x + y * 8u; e < 256u; e += 64u) {
        let c = h * 32u + e % 8u * 4u;
        var value = vec4<f32>();
        if (c < params[1].x) {
            value = table_four(min(other + e / 8u, n_others - 1u), c);
        }
        sh_other[e / 8u * 9u + e % 8u] = value;
    }
    workgroupBarrier();
    var sum = mat4x4<f32>(
        acc[h * 4u] * factor.x,
        acc[h * 4u + 1u] * factor.y,
        acc[h * 4u + 2u] * factor.z,
        acc[h * 4u + 3u] * factor.w,
    );
    for (var j = 0u; j < 32u; j += 1u) {
        let value = sh_other[j * 9u + x];
        let weight = sh_weight[j * 9u + y];
        sum += mat4x4<f32>(value * weight.x, value * weight.y, value * weight.z, value * weight.w);
    }
    acc[h * 4u] = sum[0];
    acc[h * 4u + 1u] = sum[1];
    acc[h * 4u + 2u] = sum[2];
    acc[h * 4u + 3u] = sum[3];
}

fn block() {
    s = products(params[0].z, false);
    if (MODE == 1u || MODE == 2u) {
        t = products(params[0].w, true);
    }
    let own = row + y * 4u;
    s = mat4x4<f32>(scored(s[0], own), scored(s[1], own + 1u), scored(s[2], own + 2u), scored(s[3], own + 3u));
    var factor = vec4<f32>(1.0);
    if (MODE == 0u) {
        factor = soften();
    } else {
        coefficients();
    }
    let turned = transpose(s);
    let slot = x * 36u + y;
    sh_weight[slot] = turned[0];
    sh_weight[slot + 9u] = turned[1];
    sh_weight[slot + 18u] = turned[2];
    sh_weight[slot + 27u] = turned[3];
    add(0u, factor);
    if (CHUNKS > 1u) {
        add(1u, factor);
    }
    if (CHUNKS > 2u) {
        add(2u, factor);
    }
    if (CHUNKS > 3u) {
        add(3u, factor);
    }
    if (CHUNKS > 4u) {
        add(4u, factor);
    }
    if (CHUNKS > 5u) {
        add(5u, factor);
    }
    if (CHUNKS > 6u) {
        add(6u, factor);
    }
    if (CHUNKS > 7u) {
        add(7u, factor);
    }
}

/// Where a row of the result begins.
fn start_of(own: u32) -> u32 {
    let plane = select(key_plane, query_plane, MODE < 2u);
    return (plane * n_own + own) * params[1].y;
}

/// What former dispatches have left.
fn resume() {
    for (var r = 0u; r < 4u; r += 1u) {
        let own = row + y * 4u + r;
        if (own < n_own) {
            for (var h = 0u; h < CHUNKS; h += 1u) {
                let c = h * 32u + x * 4u;
                if (c < params[1].x) {
                    acc[h * 4u + r] = out_get(start_of(own) + c, params[1].x - c);
                }
            }
            if (MODE == 0u) {
                let state = out_get(start_of(own) + params[1].x, 4u);
                top[r] = state.x;
                total[r] = select(0.0, state.y, x == 0u);
            }
        }
    }
}

fn store(last: bool) {
    var sum = vec4<f32>();
    if (MODE == 0u) {
        workgroupBarrier();
        sh_top[y * 9u + x] = total;
        workgroupBarrier();
        for (var h = 0u; h < 8u; h += 1u) {
            sum += sh_top[y * 9u + h];
        }
    }
    for (var r = 0u; r < 4u; r += 1u) {
        let own = row + y * 4u + r;
        if (own < n_own) {
            let some = sum[r] > 0.0;
            let scale = select(1.0, 1.0 / select(1.0, sum[r], some), last && MODE == 0u);
            for (var h = 0u; h < CHUNKS; h += 1u) {
                let c = h * 32u + x * 4u;
                if (c < params[1].x) {
                    out_put(start_of(own) + c, params[1].x - c, acc[h * 4u + r] * scale);
                }
            }
            if (MODE == 0u && x == 0u) {
                let lse = select(-3e38, top[r] + special_log(sum[r]), some);
                let state = select(vec4<f32>(top[r], sum[r], 0.0, 0.0), vec4<f32>(lse, 0.0, 0.0, 0.0), last);
                out_put(start_of(own) + params[1].x, 4u, state);
            }
        }
    }
}

/// Lse and delta of own rows that are queries.
fn prepare() {
    if (MODE == 0u) {
        top = vec4<f32>(-3e38);
        total = vec4<f32>();
    }
    if (MODE == 1u) {
        let at = row + y * 4u;
        let end = n_own - 1u;
        top = vec4<f32>(
            lse_at(min(at, end)),
            lse_at(min(at + 1u, end)),
            lse_at(min(at + 2u, end)),
            lse_at(min(at + 3u, end)),
        );
        total = vec4<f32>(
            delta_at(min(at, end)),
            delta_at(min(at + 1u, end)),
            delta_at(min(at + 2u, end)),
            delta_at(min(at + 3u, end)),
        );
    }
}

@compute @workgroup_size(8, 8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) lane: vec3<u32>,
) {
    x = lane.x;
    y = lane.y;
    let unit = group.x + group.y * groups.x;
    let live = unit < params[1].z;
    let lengths = select(params[0].yx, params[0].xy, MODE < 2u);
    let per_plane = (lengths.x + 31u) / 32u;
    let per_head = (lengths.y + 31u) / 32u;
    let plane = select(0u, unit / per_plane, live);
    let first = unit % per_plane * 32u;
    n_own = lengths.x;
    n_others = lengths.y;
    row = first;
    query_plane = plane;
    key_plane = select(plane, plane / params[1].w, MODE < 2u);
    prepare();
    if (live && (params[2].z & 1u) == 0u) {
        resume();
    }
    let low = seen(first).x / 32u;
    let high = (seen(first + 31u).y + 31u) / 32u;
    let stop = select(0u, params[2].y, live);
    for (var head = params[2].x / per_head; head * per_head < stop; head += 1u) {
        if (MODE >= 2u) {
            query_plane = plane * params[1].w + head;
        }
        let start = head * per_head;
        let end = min(stop - start, high);
        for (var at = max(max(params[2].x, start) - start, low); at < end; at += 1u) {
            other = at * 32u;
            block();
        }
    }
    if (live) {
        store((params[2].z & 2u) != 0u);
    }
}
