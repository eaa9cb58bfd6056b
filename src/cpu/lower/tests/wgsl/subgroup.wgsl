// Subgroup operations, under masks too.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) size: u32) {
    let i = id.x;
    let x = src[i] % 100u;
    var h = subgroupAdd(x) + subgroupMax(x) * 3u + subgroupExclusiveAdd(x) * 5u + subgroupInclusiveAdd(x) * 7u;
    h = h * 31u + subgroupBroadcast(x, 2u) + subgroupBroadcastFirst(x + lane) + subgroupShuffle(x, (lane + 3u) % size) + subgroupShuffleXor(x, 1u);
    h = h * 31u + u32(subgroupAny(x > 90u)) + u32(subgroupAll(x < 99u)) * 2u;
    let b = subgroupBallot((x & 1u) == 1u);
    h = h * 31u + countOneBits(b.x) + b.y;
    if (x % 3u == 0u) { h += subgroupAdd(1u) * 100u + subgroupMin(x) + subgroupXor(x) + subgroupOr(x); }
    let v = subgroupAdd(vec2i(i32(x), -i32(lane)));
    out[i] = h * 31u + u32(v.x) + u32(v.y);
}
