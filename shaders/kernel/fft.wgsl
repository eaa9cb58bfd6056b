// One pass of a fast Fourier transform over rows of complex numbers: transforms of LENGTH elements, LINES of them in one workgroup.
//
// x, y: [rows, n] of (re, im); n = LENGTH * lines of a row; params: (n, lines of a row, stride, lines in all)
// Stockham's scheme: with s the product of the lengths of the passes before, line l of a row is p = l / s, q = l % s; it reads
// x[l + j n / LENGTH] for j = 0..LENGTH, and writes y[q + s (LENGTH p + k)] = w^(p k) sum over j of x_j exp(-2 pi i j k / LENGTH) with
// w = exp(-2 pi i s / n). After the last pass (s LENGTH = n) y is the transform in its natural order. INVERSE conjugates.
// Overrides: WG: invocations, up to 256; LENGTH: a power of two up to 1024; LINES: a power of two, LENGTH * LINES <= 1024; INVERSE;
// ROWWISE_IN, ROWWISE_OUT: neighbouring invocations take neighbours of one line, else of neighbouring lines, so that they touch
// neighbouring memory. Workgroup memory: 8 KiB. Reads and writes every element once: 16 bytes; 5 log2(LENGTH) operations each, and
// as many again for the roots.
// Barriers: log2(LENGTH) + 1, in a loop whose bounds are overrides.
// Order and error: decimation in time in place; 6 ulp of the norm of what is summed per factor 2, and 6 for w.
// Source: Van Loan, Computational frameworks for the fast Fourier transform, 1.7 (Stockham).

@group(0) @binding(0) var<storage, read> x: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec2<f32>>;
@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 64u;
override LENGTH: u32 = 64u;
override LINES: u32 = 4u;
override INVERSE: bool = false;
override ROWWISE_IN: bool = false;
override ROWWISE_OUT: bool = false;

var<workgroup> sh_line: array<vec2<f32>, 1024>;

// exp(-2 pi i k / n), or its conjugate; n a power of two, k < n. The angle is reduced to an eighth of a turn in integers.
fn root(k: u32, n: u32) -> vec2<f32> {
    let quadrant = (8u * k + n) / (2u * n);
    let rest = f32(i32(4u * k) - i32(quadrant * n)) / f32(n);
    let angle = 1.5707964 * rest;
    let c = special_cos_core(angle);
    let s = select(-special_sin_core(angle), special_sin_core(angle), INVERSE);
    // A quarter of a turn onwards: (c, s) -> (s', -c') with the sign of the direction.
    let quarter = select(vec2<f32>(s, -c), vec2<f32>(-s, c), INVERSE);
    let turned = select(vec2<f32>(c, s), quarter, (quadrant & 1u) == 1u);
    return select(turned, -turned, (quadrant & 2u) == 2u);
}

fn product(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n = params[0].x;
    let stride = params[0].z;
    let first = (group.x + group.y * groups.x) * LINES;
    let digits = countTrailingZeros(LENGTH);
    for (var e = lane; e < LENGTH * LINES; e += WG) {
        let line = select(e % LINES, e / LENGTH, ROWWISE_IN);
        let j = select(e / LINES, e % LENGTH, ROWWISE_IN);
        let row = (first + line) / params[0].y;
        let l = (first + line) % params[0].y;
        // Bits of j in reverse; none of them if there is one element.
        let place = reverseBits(j) >> ((32u - digits) & 31u);
        var item = vec2<f32>(0.0, 0.0);
        if (first + line < params[0].w) {
            item = x[row * n + l + j * params[0].y];
        }
        sh_line[line * LENGTH + place] = item;
    }
    workgroupBarrier();
    for (var half = 1u; half < LENGTH; half *= 2u) {
        for (var e = lane; e < LENGTH * LINES / 2u; e += WG) {
            let at = e / half * 2u * half + e % half;
            let upper = sh_line[at];
            let lower = product(root(e % half, 2u * half), sh_line[at + half]);
            sh_line[at] = upper + lower;
            sh_line[at + half] = upper - lower;
        }
        workgroupBarrier();
    }
    for (var e = lane; e < LENGTH * LINES; e += WG) {
        let line = select(e % LINES, e / LENGTH, ROWWISE_OUT);
        let k = select(e / LINES, e % LENGTH, ROWWISE_OUT);
        let row = (first + line) / params[0].y;
        let l = (first + line) % params[0].y;
        let p = l / stride;
        if (first + line < params[0].w) {
            let turned = product(root(p * k, n / stride), sh_line[line * LENGTH + k]);
            y[row * n + l % stride + stride * (LENGTH * p + k)] = turned;
        }
    }
}
