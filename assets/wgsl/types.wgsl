// Layouts: padding in structs, matrices, nested arrays, a runtime-sized array at the end.
struct Inner { v: vec3f, w: u32, m: mat2x3f }
struct All { count: u32, inner: array<Inner, 2>, rest: array<vec2i> }
@group(0) @binding(0) var<storage, read_write> all: All;
@group(0) @binding(1) var<uniform> scale: vec3f;

@compute @workgroup_size(1)
fn main() {
  for (var i = 0u; i < 2u; i++) {
    all.inner[i].v *= scale;
    all.inner[i].w += all.count;
    all.inner[i].m = all.inner[i].m * 2.0;
  }
  for (var i = 0u; i < arrayLength(&all.rest); i++) {
    all.rest[i] = all.rest[i].yx * -1;
  }
}
