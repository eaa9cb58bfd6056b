// A Stockham FFT of 256 complex numbers in one workgroup, radix 2; `sign` is -1 forwards and 1 backwards (then divided by 256).
override sign: f32 = -1.0;
const N = 256u;
@group(0) @binding(0) var<storage, read_write> data: array<vec2f, N>;
var<workgroup> from_: array<vec2f, N>;
var<workgroup> to_: array<vec2f, N>;

fn times(a: vec2f, b: vec2f) -> vec2f {
  return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

fn butterfly(source: ptr<function, array<vec2f, 2>>, angle: f32) {
  let turned = times((*source)[1], vec2f(cos(angle), sin(angle)));
  let sum = (*source)[0] + turned;
  (*source)[1] = (*source)[0] - turned;
  (*source)[0] = sum;
}

@compute @workgroup_size(N / 2u)
fn main(@builtin(local_invocation_index) lane: u32) {
  from_[lane] = data[lane];
  from_[lane + N / 2u] = data[lane + N / 2u];
  workgroupBarrier();
  for (var half = 1u; half < N; half *= 2u) {
    let k = lane % half;
    var pair = array<vec2f, 2>(from_[lane], from_[lane + N / 2u]);
    butterfly(&pair, sign * 3.14159265358979 * f32(k) / f32(half));
    let at = (lane / half) * half * 2u + k;
    to_[at] = pair[0];
    to_[at + half] = pair[1];
    workgroupBarrier();
    from_[lane] = to_[lane];
    from_[lane + N / 2u] = to_[lane + N / 2u];
    workgroupBarrier();
  }
  let scale = select(1.0, 1.0 / f32(N), sign > 0.0);
  data[lane] = from_[lane] * scale;
  data[lane + N / 2u] = from_[lane + N / 2u] * scale;
}
