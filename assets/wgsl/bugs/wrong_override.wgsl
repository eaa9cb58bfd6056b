// The tile is sized by one override, the workgroup by another.
override tile_size: u32 = 64u;
override lanes: u32 = 64u;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
var<workgroup> tile: array<f32, tile_size>;

@compute @workgroup_size(lanes)
fn main(@builtin(local_invocation_index) lane: u32) {
  tile[lane] = x[lane];
  workgroupBarrier();
  x[lane] = tile[lanes - 1u - lane];
}
