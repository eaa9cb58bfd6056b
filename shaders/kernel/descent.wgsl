// w = the point after EPOCHS sweeps of block coordinate descent on
// 1/2 <w, G w> - <q, w> + sum_b (l1_b ||w_b|| + l2_b/2 ||w_b||^2): for each block in turn
// u = w_b - (G w - q)_b / c_b, w_b = max(0, 1 - (l1_b / c_b) / ||u||) u / (1 + l2_b / c_b). A block with c_b <= 0 stays.
//
// gram: [k, k] symmetric, row-major; linear, start, w: [k]; weights: [3, blocks], the rows l1, l2, c;
// params: (k, blocks, epochs, -)
// Overrides: WG: invocations; BLOCK: elements of a block. k <= 1024. Workgroup memory: 12288 bytes. One workgroup.
// Barriers: in uniform control flow, all loops around them run to uniform bounds (params).
// Order: blocks ascending; h = G w - q is computed once, left to right, then updated by each block's change.
// Source: P. Tseng, Convergence of a block coordinate descent method for nondifferentiable minimization, JOTA 109 (2001).

@group(0) @binding(0) var<storage, read> gram: array<f32>;
@group(0) @binding(1) var<storage, read> linear: array<f32>;
@group(0) @binding(2) var<storage, read> start: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> w: array<f32>;

@group(1) @binding(0) var<uniform> params: array<vec4<u32>, 1>;

override WG: u32 = 256u;
override BLOCK: u32 = 1u;

var<workgroup> sh_w: array<f32, 1024>;
var<workgroup> sh_h: array<f32, 1024>;
var<workgroup> sh_change: array<f32, 1024>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
    let k = params[0].x;
    let blocks = params[0].y;
    let epochs = params[0].z;
    for (var i = lane; i < k; i += WG) {
        sh_w[i] = start[i];
        sh_change[i] = 0.0;
    }
    workgroupBarrier();
    for (var i = lane; i < k; i += WG) {
        var sum = -linear[i];
        for (var j = 0u; j < k; j += 1u) {
            sum += gram[j * k + i] * sh_w[j];
        }
        sh_h[i] = sum;
    }
    workgroupBarrier();
    for (var epoch = 0u; epoch < epochs; epoch += 1u) {
        for (var block = 0u; block < blocks; block += 1u) {
            let first = block * BLOCK;
            let c = weights[2u * blocks + block];
            let moves = c > 0.0;
            let scale = 1.0 / select(1.0, c, moves);
            // all invocations know the block's new length, each computes some of its elements
            var square = 0.0;
            var size = 0.0;
            for (var j = first; j < first + BLOCK; j += 1u) {
                let u = sh_w[j] - sh_h[j] * scale;
                square += u * u;
                size = abs(u);
            }
            if (BLOCK > 1u) {
                size = sqrt(square);
            }
            let threshold = weights[block] * scale;
            // written as a difference, so that one element's shrinkage rounds no more than it must
            let kept = max(size - threshold, 0.0) / (1.0 + weights[blocks + block] * scale);
            let factor = select(0.0, kept / select(1.0, size, size > 0.0), size > 0.0);
            // max may take NaN for less than 0
            let lost = (bitcast<u32>(size) & 0x7fffffffu) > 0x7f800000u;
            for (var j = first + lane; j < first + BLOCK; j += WG) {
                let u = sh_w[j] - sh_h[j] * scale;
                let shrunk = select(u * factor, select(kept, -kept, u < 0.0), BLOCK == 1u);
                let next = select(shrunk, size, lost);
                sh_change[j] = select(0.0, next - sh_w[j], moves);
            }
            workgroupBarrier();
            for (var j = first + lane; j < first + BLOCK; j += WG) {
                sh_w[j] += sh_change[j];
            }
            for (var i = lane; i < k; i += WG) {
                var sum = 0.0;
                for (var j = first; j < first + BLOCK; j += 1u) {
                    // most blocks of a sparse solution do not move
                    if (sh_change[j] != 0.0) {
                        sum += gram[j * k + i] * sh_change[j];
                    }
                }
                sh_h[i] += sum;
            }
            workgroupBarrier();
        }
    }
    for (var i = lane; i < k; i += WG) {
        w[i] = sh_w[i];
    }
}
