// Scalar functions that a driver may not be trusted with: tests, choice, sign, integer division, conversions.
// NaN is told by its bits everywhere: a comparison may be compiled under the assumption that there is none. Bits are
// compared as signed numbers where both ways are right: vector units of processors have no other comparison.

fn special_is_nan(x: f32) -> bool {
    return (bitcast<i32>(x) & 0x7fffffffi) > 0x7f800000i;
}

fn special_is_finite(x: f32) -> bool {
    return (bitcast<i32>(x) & 0x7fffffffi) < 0x7f800000i;
}

// One test for two: the greater magnitude of the patterns is a NaN if either is.
fn special_either_nan(a: f32, b: f32) -> bool {
    return max(bitcast<i32>(a) & 0x7fffffffi, bitcast<i32>(b) & 0x7fffffffi) > 0x7f800000i;
}

// The lesser; NaN if either is NaN. Exact. Of two zeros either.
fn special_min(a: f32, b: f32) -> f32 {
    return select(select(b, a, a < b), bits_nan(), special_either_nan(a, b));
}

// The greater; NaN if either is NaN. Exact. Of two zeros either.
fn special_max(a: f32, b: f32) -> f32 {
    return select(select(b, a, a > b), bits_nan(), special_either_nan(a, b));
}

// The magnitude of a with the sign of b. Exact.
fn special_copysign(a: f32, b: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(a) & 0x7fffffffu) | (bitcast<u32>(b) & 0x80000000u));
}

// -1, 1, or x itself if it is a zero or NaN. Exact.
fn special_sign_f32(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let one = bitcast<f32>((bits & 0x80000000u) | 0x3f800000u);
    return select(one, x, (bits << 1u) == 0u || special_is_nan(x));
}

fn special_sign_i32(x: i32) -> i32 {
    return clamp(x, -1i, 1i);
}

fn special_sign_u32(x: u32) -> u32 {
    return min(x, 1u);
}

// Truncated quotient; x / 0 = x, -2^31 / -1 = -2^31: the divisor is 1 in both cases.
fn special_div_i32(a: i32, b: i32) -> i32 {
    return a / select(b, 1i, b == 0i || (b == -1i && bitcast<u32>(a) == 0x80000000u));
}

fn special_div_u32(a: u32, b: u32) -> u32 {
    return a / select(b, 1u, b == 0u);
}

// Remainder with the sign of the dividend; x % 0 = 0, -2^31 % -1 = 0.
fn special_rem_i32(a: i32, b: i32) -> i32 {
    return a % select(b, 1i, b == 0i || (b == -1i && bitcast<u32>(a) == 0x80000000u));
}

fn special_rem_u32(a: u32, b: u32) -> u32 {
    return a % select(b, 1u, b == 0u);
}

// Truncated; out of range the nearest, NaN gives 0. 2147483520 is the greatest f32 below 2^31.
fn special_to_i32(x: f32) -> i32 {
    let within = i32(clamp(x, -2147483648.0, 2147483520.0));
    return select(select(within, 0x7fffffffi, x >= 2147483648.0), 0i, special_is_nan(x));
}

// Truncated; out of range the nearest, NaN gives 0. 4294967040 is the greatest f32 below 2^32.
fn special_to_u32(x: f32) -> u32 {
    let within = u32(clamp(x, 0.0, 4294967040.0));
    return select(select(within, 0xffffffffu, x >= 4294967296.0), 0u, special_is_nan(x));
}

// The remainder of truncated division, with the sign of x: exact for every finite x and y != 0, as C's fmod.
// NaN if x is infinite or NaN, y is 0 or NaN; x if y is infinite.
//
// Long division of the significands in base 256, in integers: x - y * trunc(x / y) in floats is wrong as soon as the
// quotient has more than 24 bits, and at any size when the driver's division rounds it up to the next integer.
fn special_rem_f32(x: f32, y: f32) -> f32 {
    let ax = bitcast<u32>(x) & 0x7fffffffu;
    let ay = bitcast<u32>(y) & 0x7fffffffu;
    // |v| = m * 2^(e - 150); a subnormal has e = 1 and no leading bit.
    let ex = max(ax >> 23u, 1u);
    let ey = max(ay >> 23u, 1u);
    let mx = select(ax & 0x007fffffu, (ax & 0x007fffffu) | 0x00800000u, ax >= 0x00800000u);
    let my = max(select(ay & 0x007fffffu, (ay & 0x007fffffu) | 0x00800000u, ay >= 0x00800000u), 1u);
    let legal = ax < 0x7f800000u && ay <= 0x7f800000u && ay != 0u;
    let smaller = ax < ay;
    var left = select(0u, ex - ey, ex > ey && legal);
    var r = special_rem_step(mx, my);
    while (left > 0u) {
        let n = min(left, 8u);
        r = special_rem_step(r << n, my);
        left -= n;
    }
    // r * 2^(ey - 150) as bits: an integer is already normalized as a float; else the pattern is the subnormal one.
    let subnormal = ey < 24u && (r >> (24u - ey)) == 0u;
    let normal = bitcast<u32>(f32(r)) + (ey << 23u) - (150u << 23u);
    let magnitude = select(select(normal, r << (ey - 1u), subnormal), ax, smaller);
    let bits = select(magnitude, 0u, r == 0u && !smaller) | (bitcast<u32>(x) & 0x80000000u);
    return select(bits_nan(), bitcast<f32>(bits), legal);
}

// a % m in u32 for m < 2^24, a < 256 m: the quotient of floats is off by at most one.
fn special_rem_step(a: u32, m: u32) -> u32 {
    let q = u32(f32(a) / f32(m));
    let r = a - q * m;
    let up = select(r, r + m, r > 0x7fffffffu);
    return select(up, up - m, up >= m);
}
