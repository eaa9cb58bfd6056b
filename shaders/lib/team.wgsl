// What all invocations of a workgroup find together. Each function holds barriers: call it in uniform control flow, with the
// workgroup's number of invocations (a power of two, at most 256) as `width`; every invocation gets the result.

var<workgroup> sh_team: array<u32, 256>;

// The sum, by a tree: as many roundings as the width has binary digits. The order is fixed.
fn team_sum(lane: u32, width: u32, x: f32) -> f32 {
    sh_team[lane] = bitcast<u32>(x);
    workgroupBarrier();
    for (var half = width / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            sh_team[lane] = bitcast<u32>(bitcast<f32>(sh_team[lane]) + bitcast<f32>(sh_team[lane + half]));
        }
        workgroupBarrier();
    }
    let total = bitcast<f32>(sh_team[0]);
    workgroupBarrier();
    return total;
}

// The greatest. Patterns of floats without their sign compare like the floats, with NaN and infinity above all numbers.
fn team_max(lane: u32, width: u32, x: u32) -> u32 {
    sh_team[lane] = x;
    workgroupBarrier();
    for (var half = width / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            sh_team[lane] = max(sh_team[lane], sh_team[lane + half]);
        }
        workgroupBarrier();
    }
    let greatest = sh_team[0];
    workgroupBarrier();
    return greatest;
}

// The pattern of |x|.
fn team_size(x: f32) -> u32 {
    return bitcast<u32>(x) & 0x7fffffffu;
}

// The power of two, itself and its inverse, that brings the float of a pattern into [0.5, 4), as far as normal numbers reach:
// multiplying by it is exact. A normal power too for 0 and for what is no number.
fn team_scale(size: u32) -> vec2<f32> {
    let exponent = clamp(size >> 23u, 1u, 253u);
    return vec2<f32>(bitcast<f32>((254u - exponent) << 23u), bitcast<f32>(exponent << 23u));
}
