// Counts of bytes: per workgroup in workgroup memory, then added to the result.
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>, 256>;
var<workgroup> own: array<atomic<u32>, 256>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(global_invocation_id) id: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < arrayLength(&words); i += 64u * groups.x) {
    let bytes = unpack4xU8(words[i]);
    for (var j = 0u; j < 4u; j++) {
      atomicAdd(&own[bytes[j]], 1u);
    }
  }
  workgroupBarrier();
  for (var i = lane; i < 256u; i += 64u) {
    atomicAdd(&counts[i], atomicLoad(&own[i]));
  }
}
