// Neighbours exchange a number; nothing makes them wait for it.
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
var<workgroup> shared_x: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  shared_x[lane] = x[lane];
  x[lane] = shared_x[(lane + 1u) % 64u];
}
