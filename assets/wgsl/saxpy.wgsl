// y = a x + y, four at a time, any length.
struct Params { a: f32, n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if id.x < p.n {
    y[id.x] = p.a * x[id.x] + y[id.x];
  }
}
