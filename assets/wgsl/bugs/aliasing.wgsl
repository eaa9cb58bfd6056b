// A filter that is right on two buffers, and is given one.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if id.x > 0u && id.x + 1u < arrayLength(&x) {
    y[id.x] = (x[id.x - 1u] + x[id.x] + x[id.x + 1u]) / 3.0;
  }
}
