// The last element of the tile is never written. WebGPU says that it is zero, and it is not on devices where that is switched off.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
var<workgroup> tile: array<f32, 65>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  tile[lane] = x[lane];
  workgroupBarrier();
  x[lane] = tile[lane + 1u];
}
