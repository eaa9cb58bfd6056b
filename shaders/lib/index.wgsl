// The linear number of an invocation in a dispatch whose groups were folded over two dimensions (Limits::fold):
// groups are counted x first. `groups` is num_workgroups, `width` the invocations of a workgroup.

fn index_group(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.x + group.y * groups.x;
}

fn index_linear(group: vec3<u32>, groups: vec3<u32>, local: u32, width: u32) -> u32 {
    return index_group(group, groups) * width + local;
}
