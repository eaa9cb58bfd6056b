// C = A B for row-major f32 matrices, tiles of 16 in workgroup memory; edges are padded with zeros.
struct Shape { m: u32, n: u32, k: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> s: Shape;
const T = 16u;
var<workgroup> ta: array<array<f32, T>, T>;
var<workgroup> tb: array<array<f32, T>, T>;

@compute @workgroup_size(T, T)
fn tiled(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let row = group.y * T + local.y;
  let col = group.x * T + local.x;
  var sum = 0.0;
  for (var start = 0u; start < s.k; start += T) {
    ta[local.y][local.x] = 0.0;
    tb[local.y][local.x] = 0.0;
    if row < s.m && start + local.x < s.k {
      ta[local.y][local.x] = a[row * s.k + start + local.x];
    }
    if start + local.y < s.k && col < s.n {
      tb[local.y][local.x] = b[(start + local.y) * s.n + col];
    }
    workgroupBarrier();
    for (var i = 0u; i < T; i++) {
      sum = fma(ta[local.y][i], tb[i][local.x], sum);
    }
    workgroupBarrier();
  }
  if row < s.m && col < s.n {
    c[row * s.n + col] = sum;
  }
}

@compute @workgroup_size(8, 8)
fn plain(@builtin(global_invocation_id) id: vec3u) {
  if id.y < s.m && id.x < s.n {
    var sum = 0.0;
    for (var i = 0u; i < s.k; i++) {
      sum += a[id.y * s.k + i] * b[i * s.n + id.x];
    }
    c[id.y * s.n + id.x] = sum;
  }
}
