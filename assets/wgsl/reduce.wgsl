// The sum of each block of `block` numbers, by a tree in workgroup memory.
override block: u32 = 256u;
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
var<workgroup> part: array<f32, block>;

@compute @workgroup_size(block)
fn tree(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  part[lane] = input[group.x * block + lane];
  workgroupBarrier();
  for (var half = block / 2u; half > 0u; half /= 2u) {
    if lane < half {
      part[lane] += part[lane + half];
    }
    workgroupBarrier();
  }
  if lane == 0u {
    sums[group.x] = part[0];
  }
}

// The same, one invocation for each block.
@compute @workgroup_size(1)
fn slow(@builtin(workgroup_id) group: vec3u) {
  var sum = 0.0;
  for (var i = 0u; i < block; i++) {
    sum += input[group.x * block + i];
  }
  sums[group.x] = sum;
}
