// One pass of a stable radix sort by four bits: count per block, scan the counts, scatter.
const BLOCK = 256u;
const DIGITS = 16u;
struct Pass { shift: u32, n_blocks: u32 }
@group(0) @binding(0) var<storage, read_write> keys_in: array<u32>;
@group(0) @binding(1) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>; // digit * n_blocks + block
@group(0) @binding(3) var<uniform> p: Pass;
var<workgroup> bins: array<atomic<u32>, DIGITS>;
var<workgroup> digits: array<u32, BLOCK>;
var<workgroup> sums: array<u32, BLOCK>;

fn digit(key: u32) -> u32 {
  return extractBits(key, p.shift, 4u);
}

@compute @workgroup_size(BLOCK)
fn count(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let at = group.x * BLOCK + lane;
  if at < arrayLength(&keys_in) {
    atomicAdd(&bins[digit(keys_in[at])], 1u);
  }
  workgroupBarrier();
  if lane < DIGITS {
    counts[lane * p.n_blocks + group.x] = atomicLoad(&bins[lane]);
  }
}

// Exclusive sums of all counts, in one workgroup that goes through them in turns.
@compute @workgroup_size(BLOCK)
fn scan(@builtin(local_invocation_index) lane: u32) {
  let n = DIGITS * p.n_blocks;
  var before = 0u;
  for (var start = 0u; start < n; start += BLOCK) {
    let at = start + lane;
    var own = 0u;
    if at < n {
      own = counts[at];
    }
    sums[lane] = own;
    for (var stride = 1u; stride < BLOCK; stride <<= 1u) {
      workgroupBarrier();
      var left = 0u;
      if lane >= stride {
        left = sums[lane - stride];
      }
      workgroupBarrier();
      sums[lane] += left;
    }
    workgroupBarrier();
    if at < n {
      counts[at] = before + sums[lane] - own;
    }
    before += sums[BLOCK - 1u];
    workgroupBarrier();
  }
}

@compute @workgroup_size(BLOCK)
fn scatter(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let at = group.x * BLOCK + lane;
  let inside = at < arrayLength(&keys_in);
  var key = 0u;
  digits[lane] = DIGITS;
  if inside {
    key = keys_in[at];
    digits[lane] = digit(key);
  }
  workgroupBarrier();
  if !inside {
    return;
  }
  var rank = 0u;
  for (var i = 0u; i < lane; i++) {
    rank += select(0u, 1u, digits[i] == digits[lane]);
  }
  keys_out[counts[digits[lane] * p.n_blocks + group.x] + rank] = key;
}
