// Trigonometric functions and their inverses.

struct SpecialAngle {
    r: f32,
    quadrant: u32,
}

// |x| = r + n pi/2, |r| <= pi/4 (a little more by rounding), quadrant = n (only its low two bits mean something).
//
// To 12867 = 2^13 pi/2: pi/2 is the sum of three parts of 11 bits, whose products with n are exact, and a rest: the error
// is 2^-46.
fn special_angle(a: f32) -> SpecialAngle {
    let large = a > 12867.962;
    let c = select(a, 0.0, large);
    let m = c * 0.636619772 + SPECIAL_MAGIC;
    let n = bits_keep(m) - SPECIAL_MAGIC;
    let r1 = bits_keep(c - n * 1.5703125);
    let r2 = bits_keep(r1 - n * 4.837512969970703125e-4);
    let r3 = bits_keep(r2 - n * 7.549533620476722717e-8);
    if (large) {
        return special_angle_large(bitcast<u32>(a));
    }
    return SpecialAngle(r3 - n * 2.56334415159452e-12, bitcast<u32>(m));
}

// Beyond: 96 bits of 2/pi, from the one that is worth 2 turns on, times the significand, in integers (Payne and Hanek).
fn special_angle_large(bits: u32) -> SpecialAngle {
    let significand = (bits & 0x007fffffu) | 0x00800000u;
    let skip = (bits >> 23u) - 120u;
    // Four words of 0, 2/pi 2^32, ... from word skip / 32 on: moved by one, by two, by four.
    let one = (skip & 32u) != 0u;
    let a0 = select(0u, 0xa2f9836eu, one);
    let a1 = select(0xa2f9836eu, 0x4e441529u, one);
    let a2 = select(0x4e441529u, 0xfc2757d1u, one);
    let a3 = select(0xfc2757d1u, 0xf534ddc0u, one);
    let a4 = select(0xf534ddc0u, 0xdb629599u, one);
    let a5 = select(0xdb629599u, 0x3c439041u, one);
    let two = (skip & 64u) != 0u;
    let four = (skip & 128u) != 0u;
    let w0 = select(select(a0, a2, two), 0xf534ddc0u, four);
    let w1 = select(select(a1, a3, two), 0xdb629599u, four);
    let w2 = select(select(a2, a4, two), 0x3c439041u, four);
    // From word 4 on at most six of its bits are taken, worth less than 2^-64 of a turn.
    let w3 = select(a3, a5, two);
    let left = skip & 31u;
    let right = 31u - left;
    let high = (w0 << left) | ((w1 >> 1u) >> right);
    let middle = (w1 << left) | ((w2 >> 1u) >> right);
    let low = (w2 << left) | ((w3 >> 1u) >> right);
    let carry = bits_high_product(significand, low);
    let sum = significand * middle + carry;
    let next = bits_high_product(significand, middle) + select(0u, 1u, sum < carry);
    return special_turn(significand * high + next, sum);
}

// The angle of the fraction (high, low) 2^-64 of a turn.
fn special_turn(high: u32, low: u32) -> SpecialAngle {
    let quadrant = (high + 0x20000000u) >> 30u;
    let rest = high - (quadrant << 30u);
    let minus = rest > 0x7fffffffu;
    // -x is ~x but for 2^-64 of a turn; no f32 is so near a multiple of pi/2 that 32 digits of a turn are 0.
    let top = select(rest, ~rest, minus);
    let next = select(low, ~low, minus);
    let zeros = countLeadingZeros(top) & 31u;
    let digits = (top << zeros) | ((next >> 1u) >> (31u - zeros));
    // digits * 2^-30 quadrants, shifted by the leading zeros; pi/2 in the middle keeps the powers exact.
    let unit = bitcast<f32>((127u - 30u - zeros) << 23u);
    let r = f32(digits) * 1.57079633 * unit;
    return SpecialAngle(select(r, -r, minus), quadrant);
}

// sin(r) for |r| <= pi/4, relative error 2^-27.9.
fn special_sin_core(r: f32) -> f32 {
    let z = r * r;
    return r + r * z * ((-0.000195182773 * z + 0.00833218917) * z - 0.166666552);
}

// cos(r) for |r| <= pi/4, error 2^-33.
fn special_cos_core(r: f32) -> f32 {
    let z = r * r;
    return 1.0 - (0.5 * z - z * z * ((2.44325711e-5 * z - 0.00138873106) * z + 0.0416666456));
}

fn special_sin(x: f32) -> f32 {
    let a = special_angle(abs(x));
    let y = select(special_sin_core(a.r), special_cos_core(a.r), (a.quadrant & 1u) == 1u);
    let flip = ((a.quadrant & 2u) << 30u) ^ (bitcast<u32>(x) & 0x80000000u);
    return select(bits_nan(), bitcast<f32>(bitcast<u32>(y) ^ flip), special_is_finite(x));
}

fn special_cos(x: f32) -> f32 {
    let a = special_angle(abs(x));
    let y = select(special_cos_core(a.r), special_sin_core(a.r), (a.quadrant & 1u) == 1u);
    let flip = ((a.quadrant + 1u) & 2u) << 30u;
    return select(bits_nan(), bitcast<f32>(bitcast<u32>(y) ^ flip), special_is_finite(x));
}

// sin / cos, or -cos / sin in odd quadrants.
fn special_tan(x: f32) -> f32 {
    let a = special_angle(abs(x));
    let s = special_sin_core(a.r);
    let c = special_cos_core(a.r);
    let odd = (a.quadrant & 1u) == 1u;
    let y = select(s, c, odd) / select(c, s, odd);
    let flip = (a.quadrant << 31u) ^ (bitcast<u32>(x) & 0x80000000u);
    return select(bits_nan(), bitcast<f32>(bitcast<u32>(y) ^ flip), special_is_finite(x));
}

// asin(v) - v for 0 <= v <= 1/2, z = v^2; relative error of asin 2^-27.6.
fn special_asin_core(v: f32, z: f32) -> f32 {
    let p = (((0.0421583876 * z + 0.0241847429) * z + 0.0454691537) * z + 0.0749530941) * z + 0.166667521;
    return v * z * p;
}

// Above 1/2: asin(a) = pi/2 - 2 asin(v), v = sqrt((1 - a) / 2).
fn special_asin(x: f32) -> f32 {
    let a = abs(x);
    let large = a > 0.5;
    let half = 0.5 - 0.5 * a;
    let v = select(a, sqrt(max(half, 0.0)), large);
    let w = special_asin_core(v, select(a * a, half, large));
    // pi/2 as 2 (pi/4): the sum of v and the high part first, then the small terms.
    let y = select(v + w, 2.0 * ((0.785398185 - v) - (w + 2.18556941e-8)), large);
    return select(select(special_copysign(y, x), bits_nan(), a > 1.0), x, special_is_nan(x));
}

fn special_acos(x: f32) -> f32 {
    let a = abs(x);
    let outside = a > 0.5;
    let half = 0.5 - 0.5 * a;
    let v = select(a, sqrt(max(half, 0.0)), outside);
    let w = special_asin_core(v, select(a * a, half, outside));
    let s = special_copysign(v, x);
    let t = special_copysign(w, x);
    // Middle: pi/2 - asin(x). Right: 2 asin(v). Left: pi - 2 asin(v).
    let middle = 1.57079637 - (s + (t + 4.37113883e-8));
    let outer = 2.0 * select(v + w, 1.57079637 - (v + (w + 4.37113883e-8)), x < 0.0);
    return select(select(select(middle, outer, outside), bits_nan(), a > 1.0), x, special_is_nan(x));
}

// atan(r) for 0 <= r <= 1, relative error 2^-28.3.
fn special_atan_core(r: f32) -> f32 {
    let z = r * r;
    let p = (((-0.00178563036 * z + 0.0108766966) * z - 0.0311051905) * z + 0.0578849353) * z - 0.0839936137;
    return r + r * z * ((((p * z + 0.109508812) * z - 0.142640159) * z + 0.199985296) * z - 0.333332986);
}

fn special_atan(x: f32) -> f32 {
    let a = abs(x);
    let large = a > 1.0;
    let p = special_atan_core(select(a, 1.0 / a, large));
    let y = select(p, 1.57079637 - (p + 4.37113883e-8), large);
    return select(special_copysign(y, x), x, special_is_nan(x));
}

// The angle of the point (x, y) in (-pi, pi]; the signs of zeros choose the side of the cut.
fn special_atan2(y: f32, x: f32) -> f32 {
    // Division is accurate only for divisors up to 2^126; two infinities count as equal.
    let far = max(abs(x), abs(y)) > 1e30;
    let scale = select(1.0, 9.094947017729282e-13, far);
    let a = min(abs(x), 3.40282347e38) * scale;
    let b = min(abs(y), 3.40282347e38) * scale;
    let steep = abs(y) > abs(x);
    let divisor = max(a, b);
    let r = min(a, b) / select(divisor, 1.0, divisor == 0.0);
    let p = special_atan_core(r);
    // Only an infinity over a finite number needs care: the quotient is then not small enough.
    let infinite = (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
    let vertical = (bitcast<u32>(y) & 0x7fffffffu) == 0x7f800000u;
    let q = select(p, 0.0, infinite != vertical);
    let first = select(q, 1.57079637 - (q + 4.37113883e-8), steep);
    let left = bitcast<u32>(x) >= 0x80000000u;
    let angle = select(first, 3.14159274 - (first + 8.74227766e-8), left);
    return select(special_copysign(angle, y), bits_nan(), special_either_nan(x, y));
}
