// The logarithm of a softmax without its maximum taken off.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(1)
fn main() {
  var sum = 0.0;
  for (var i = 0u; i < arrayLength(&x); i++) {
    sum += exp(x[i]);
  }
  for (var i = 0u; i < arrayLength(&x); i++) {
    x[i] = x[i] - log(sum);
  }
}
