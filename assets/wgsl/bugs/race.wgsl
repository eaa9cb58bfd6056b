// A tree without its barrier: invocations read what others are about to write.
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
var<workgroup> part: array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  part[lane] = input[group.x * 128u + lane];
  workgroupBarrier();
  for (var half = 64u; half > 0u; half /= 2u) {
    if lane < half {
      part[lane] += part[lane + half];
    }
  }
  workgroupBarrier();
  if lane == 0u {
    sums[group.x] = part[0];
  }
}
