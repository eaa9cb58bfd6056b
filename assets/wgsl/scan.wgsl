// Exclusive prefix sums of up to 512 numbers in one workgroup, two per invocation (Blelloch's tree up and down).
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: u32;
var<workgroup> tree: array<u32, 512>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  let n = arrayLength(&data);
  for (var i = lane; i < 512u; i += 256u) {
    tree[i] = 0u;
    if i < n {
      tree[i] = data[i];
    }
  }
  for (var stride = 1u; stride < 512u; stride *= 2u) {
    workgroupBarrier();
    let at = (lane + 1u) * stride * 2u - 1u;
    if at < 512u {
      tree[at] += tree[at - stride];
    }
  }
  workgroupBarrier();
  if lane == 0u {
    total = tree[511];
    tree[511] = 0u;
  }
  for (var stride = 256u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    let at = (lane + 1u) * stride * 2u - 1u;
    if at < 512u {
      let left = tree[at - stride];
      tree[at - stride] = tree[at];
      tree[at] += left;
    }
  }
  workgroupBarrier();
  for (var i = lane; i < n; i += 256u) {
    data[i] = tree[i];
  }
}
