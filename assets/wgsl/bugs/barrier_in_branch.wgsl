// Half of the workgroup waits for the other half, which does not come.
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
var<workgroup> w: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  w[lane] = lane;
  if lane < 32u {
    workgroupBarrier();
    x[lane] = w[lane];
  }
}
