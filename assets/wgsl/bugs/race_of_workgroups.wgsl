// Every workgroup adds to one number without an atomic.
@group(0) @binding(0) var<storage, read_write> total: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  if lane == 0u {
    total[0] += group.x;
  }
}
