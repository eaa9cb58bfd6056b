// Logarithms and inverse hyperbolic functions.
//
// x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and log(1 + f) = f - f^2 / 2 + f^3 p(f) with a minimax p (relative error
// of the logarithm 2^-27). k ln 2 is added in two parts.

struct SpecialSplit {
    f: f32,
    k: f32,
}

// For positive finite x; a subnormal is an integer times 2^-149, also where subnormals are flushed.
fn special_split(x: f32) -> SpecialSplit {
    let bits = bitcast<u32>(x);
    let tiny = bits < 0x00800000u;
    let e = select(bits, bitcast<u32>(f32(bits)), tiny) - 0x3f3504f3u;
    let m = bitcast<f32>((e & 0x007fffffu) + 0x3f3504f3u);
    return SpecialSplit(m - 1.0, f32(bitcast<i32>(e) >> 23u) - select(0.0, 149.0, tiny));
}

// log(1 + f) - f.
fn special_log_core(f: f32) -> f32 {
    let z = f * f;
    let p = (((((-0.0765839145 * f + 0.127732292) * f - 0.1315936) * f + 0.142007291) * f - 0.166232601) * f + 0.20001255) * f;
    return f * z * ((p - 0.250008225) * f + 0.333333313) - 0.5 * z;
}

// y where x is positive and finite; -infinity at zero, NaN below, x itself at infinity and NaN.
fn special_log_range(y: f32, x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let above = select(y, x, bits >= 0x7f800000u);
    let below = select(above, bits_nan(), bits > 0x80000000u);
    return select(below, bits_float(0xff800000u), (bits << 1u) == 0u);
}

// Natural logarithm.
fn special_log(x: f32) -> f32 {
    let s = special_split(x);
    let y = special_log_core(s.f) + s.k * SPECIAL_LN2_LO;
    return special_log_range(s.k * SPECIAL_LN2_HI + (s.f + y), x);
}

// Binary logarithm: log2(e) = 1 + 0.44269504.
fn special_log2(x: f32) -> f32 {
    let s = special_split(x);
    let y = special_log_core(s.f);
    return special_log_range(s.k + (s.f + (y + (s.f * 0.44269504 + y * 0.44269504))), x);
}

// log(1 + x): what the sum 1 + x loses is put back in first order.
fn special_log1p(x: f32) -> f32 {
    let u = bits_keep(1.0 + x);
    let s = special_split(u);
    let near = s.k == 0.0;
    let f = select(s.f, x, near);
    let lost = select(1.0 - (u - x), x - (u - 1.0), u < 1.0) / u;
    let y = special_log_core(f) + (s.k * SPECIAL_LN2_LO + select(lost, 0.0, near));
    return select(special_log_range(s.k * SPECIAL_LN2_HI + (f + y), u), x, abs(x) < 1e-8);
}

// asinh(x) = log1p(a + a^2 / (1 + sqrt(1 + a^2))) with the sign of x, a = |x|; from 2^24 on log(2 a).
fn special_asinh(x: f32) -> f32 {
    let a = abs(x);
    let large = a > 16777216.0;
    let z = a * a;
    let y = special_log1p(select(a + z / (1.0 + sqrt(1.0 + z)), a, large)) + select(0.0, 0.69314718, large);
    return select(special_copysign(y, x), x, special_is_nan(x));
}

// acosh(x) = log1p(d + sqrt(d (d + 2))), d = x - 1; from 2^24 on log(2 x); NaN below 1.
fn special_acosh(x: f32) -> f32 {
    let large = x > 16777216.0;
    let d = max(x - 1.0, 0.0);
    let y = special_log1p(select(d + sqrt(d * (d + 2.0)), x, large)) + select(0.0, 0.69314718, large);
    return select(select(y, bits_nan(), x < 1.0), x, special_is_nan(x));
}

// atanh(x) = log1p(2 a / (1 - a)) / 2 with the sign of x, a = |x|; NaN outside [-1, 1].
fn special_atanh(x: f32) -> f32 {
    let a = abs(x);
    let inside = a < 1.0;
    let y = 0.5 * special_log1p(2.0 * a / select(1.0, 1.0 - a, inside));
    let z = select(select(bits_nan(), bits_infinity(), a == 1.0), y, inside);
    return select(special_copysign(z, x), x, special_is_nan(x));
}
