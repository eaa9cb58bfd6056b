// Powers and roots.

fn special_sqrt(x: f32) -> f32 {
    return sqrt(x);
}

fn special_rsqrt(x: f32) -> f32 {
    return inverseSqrt(x);
}

// Cube root: a third of the exponent in integers (5 %), two of Halley's steps; the first is cut to 12 bits so that the
// square in the second is exact.
fn special_cbrt(x: f32) -> f32 {
    let bits = bitcast<u32>(x) & 0x7fffffffu;
    // cbrt(m 2^-149) = cbrt(2 m) 2^-50.
    let tiny = bits < 0x00800000u;
    let a = select(bitcast<f32>(bits), 2.0 * f32(bits), tiny);
    let guess = bitcast<f32>((bitcast<u32>(a) >> 16u) * 21845u + 0x2a510000u);
    // Halley's g (g^3 + 2 a) / (2 g^3 + a), divided by g^2 so that nothing overflows.
    let d = a / (guess * guess);
    let t = bits_head(guess * (guess + 2.0 * d) / (2.0 * guess + d));
    let r = a / (t * t);
    let y = (t + t * (r - t) / (t + t + r)) * select(1.0, 8.8817841970012523e-16, tiny);
    let special = bits == 0u || bits >= 0x7f800000u;
    return select(special_copysign(y, x), x, special);
}

// x^y as IEEE 754 has it: x^0 = 1^y = 1 also for NaN; a negative base takes integer exponents only (else NaN), and odd
// ones give it its sign.
fn special_pow(x: f32, y: f32) -> f32 {
    let a = bitcast<f32>(bitcast<u32>(x) & 0x7fffffffu);
    let zero = (bitcast<u32>(x) << 1u) == 0u;
    let infinite = bitcast<u32>(a) == 0x7f800000u;
    let core = special_pow_core(a, clamp(y, -4294967296.0, 4294967296.0));
    let edge = select(0.0, bits_infinity(), (y > 0.0) == infinite);
    let magnitude = select(core, edge, zero || infinite);
    // From 2^24 on every float is an even integer, infinity among them.
    let small = abs(y) < 16777216.0;
    let whole = !small || y == trunc(y);
    let odd = small && whole && (i32(clamp(y, -16777216.0, 16777216.0)) & 1i) == 1i;
    let negative = bitcast<u32>(x) >= 0x80000000u;
    let signed = bitcast<f32>(bitcast<u32>(magnitude) | select(0u, 0x80000000u, negative && odd));
    let nan = special_either_nan(x, y) || (negative && !whole && !zero && !infinite);
    let one = (bitcast<u32>(y) << 1u) == 0u || bitcast<u32>(x) == 0x3f800000u;
    return select(select(signed, bits_nan(), nan), 1.0, one);
}

// a^y = 2^(y log2(a)) for positive finite a, |y| <= 2^32. The exponent needs 32 correct bits for 24 in the result, so
// log2(a) is the sum of a head of 12 bits and a tail, after fdlibm's e_powf.c (Sun Microsystems, 1993): with
// s = f / (2 + f), log(1 + f) = 2 s + 2/3 s^3 + 2/3 s^5 l(s^2), l minimax on |s| <= 0.1716.
fn special_pow_core(a: f32, y: f32) -> f32 {
    let split = special_split(a);
    let f = split.f;
    // s = s_h + s_l.
    let d = 2.0 + f;
    let s = f / d;
    let s_h = bits_head(s);
    let d_h = bits_head(d);
    let d_l = f - bits_keep(d_h - 2.0);
    let s_l = (bits_keep(f - s_h * d_h) - s_h * d_l) / d;
    // 3 + s^2 + s^4 l = t_h + t_l, so that log(1 + f) = 2/3 s (t_h + t_l).
    let z = s * s;
    let l = ((0.293391943 * z + 0.332694232) * z + 0.428579599) * z + 0.599999964;
    let z_h = s_h * s_h;
    let z_l = s_l * (s_h + s) + z * z * l;
    let t_h = bits_head(3.0 + (z_h + z_l));
    let t_l = z_l - (bits_keep(t_h - 3.0) - z_h);
    // s t = p_h + p_l.
    let u = s_h * t_h;
    let v = s_l * t_h + t_l * s;
    let p_h = bits_head(u + v);
    let p_l = v - bits_keep(p_h - u);
    // log2(a) = 2 / (3 ln 2) (p_h + p_l) + k = h + t.
    let q_h = 0.961914063 * p_h;
    let q_l = -1.1736857402e-4 * p_h + p_l * 0.96179670095;
    let h = bits_head((q_h + q_l) + split.k);
    let t = q_l - bits_keep(bits_keep(h - split.k) - q_h);
    // y log2(a) = e_h + e_l.
    let y_h = bits_head(y);
    let e_h = y_h * h;
    let e_l = (y - y_h) * h + y * t;
    let c = clamp(e_h + e_l, -150.0, 128.25);
    let m = c + SPECIAL_MAGIC;
    let r = clamp((e_h - (bits_keep(m) - SPECIAL_MAGIC)) + e_l, -0.5, 0.5);
    return special_scale(special_exp2_core(r), bitcast<u32>(m));
}
