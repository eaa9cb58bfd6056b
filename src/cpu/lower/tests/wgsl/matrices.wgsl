// Matrices of small whole numbers: exact.
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<u32>;
struct Row { m: mat2x4f, k: f32, v: vec3f }
struct Big { rows: array<Row, 2>, last: mat4x4f }
fn small(x: u32) -> f32 { return f32(x % 9u) - 4.0; }
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let a = mat3x3f(small(src[i]), 1.0, 2.0, small(src[i + 1u]), 0.0, 3.0, small(src[i + 2u]), -1.0, 2.0);
    let b = mat3x3f(vec3f(small(i)), vec3f(1.0, 2.0, 3.0), vec3f(small(i / 9u), 0.0, 1.0));
    let r = mat2x3f(1.0, small(i), 3.0, 4.0, 5.0, small(src[i]));
    let p = a * b - 2.0 * a + b * 3.0;
    let q = transpose(r) * p * r;
    let v = vec3f(1.0, small(i), -2.0) * a;
    var m = a;
    m[i % 3u] = v;
    m[1][i % 3u] += 4.0;
    m[2].y = determinant(a) + determinant(mat2x2f(q[0], q[1])) + determinant(mat4x4f(1.0, 2.0, 3.0, small(i), 0.0, 1.0, 0.0, 2.0, small(src[i]), 0.0, 1.0, 1.0, 2.0, 2.0, 0.0, 1.0));
    var big: Big;
    big.rows[i % 2u].m = mat2x4f(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0);
    big.rows[1].v = cross(v, m[0]);
    big.rows[(i + 1u) % 2u].k = dot(v, m[2]);
    big.last[i % 4u] = vec4f(9.0, 8.0, 7.0, 6.0) * big.rows[i % 2u].m[1];
    let c = big;
    let l = c.last * vec4f(1.0, -1.0, 2.0, -2.0) + big.rows[0].m * vec2f(3.0, 1.0);
    var s = p[0].x + p[1].y * 3.0 + p[2].z * 5.0 + q[0].y * 7.0 + q[1].x + v.y + m[0].x + m[1].y * 11.0 + m[2].y + m[2].z;
    s += c.rows[1].v.x + c.rows[0].k + c.rows[1].k * 3.0 + l.x + l.y * 5.0 + l.z * 7.0 + l.w * 3.0;
    out[i] = u32(i32(s));
    let e = faceForward(v, b[0], b[1]) + reflect(v, vec3f(0.0, 1.0, 0.0));
    out[i + 128u] = u32(i32(e.x + e.y * 3.0 + e.z * 5.0));
}
