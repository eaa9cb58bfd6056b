// The exponential function and its relatives.
//
// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2. The product n * ln 2 is taken in two parts, the first of 10
// bits so that it is exact, and e^r = 1 + r + r^2 q(r) with a minimax q (relative error 2^-27.8). Results below 2^-126 are
// 0, from 2^128 on infinity. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.

const SPECIAL_MAGIC: f32 = 12582912.0;
// ... and leaves an exponent there.
const SPECIAL_BIASED: f32 = 12583039.0;
const SPECIAL_LOG2_E: f32 = 1.44269504;
const SPECIAL_LN2_HI: f32 = 0.693359375;
const SPECIAL_LN2_LO: f32 = -2.12194440e-4;

// x - n ln 2 for t = 1.5 * 2^23 + n.
fn special_exp_rest(x: f32, t: f32) -> f32 {
    let n = bits_keep(t) - SPECIAL_MAGIC;
    return bits_keep(x - n * SPECIAL_LN2_HI) - n * SPECIAL_LN2_LO;
}

// e^r for |r| <= ln(2) / 2.
fn special_exp_core(r: f32) -> f32 {
    let q = (((0.00140362221 * r + 0.00837245584) * r + 0.0416655429) * r + 0.166664869) * r + 0.5;
    return 1.0 + (r + r * r * q);
}

// y * 2^n, y in [1/2, 2), -150 <= n <= 128, where only the low 9 bits of n count.
fn special_scale(y: f32, n: u32) -> f32 {
    let bits = bitcast<i32>(y) + bitcast<i32>(n << 23u);
    return bitcast<f32>(select(min(bits, 0x7f800000i), 0i, bits < 0x00800000i));
}

// e^x for x <= 88.72283, no NaN; 0 below -87.33654. Every operation counts: elementwise kernels are to be bound by memory.
fn special_exp_of(x: f32) -> f32 {
    let t = x * SPECIAL_LOG2_E + SPECIAL_MAGIC;
    let y = special_exp_core(special_exp_rest(x, t));
    let scaled = bitcast<f32>(bitcast<u32>(y) + (bitcast<u32>(t) << 23u));
    return select(scaled, 0.0, x < -87.33654);
}

// e^x for x <= 0 or a NaN, which shows: 2^n is a float of its own.
fn special_exp_below(x: f32) -> f32 {
    let t = x * SPECIAL_LOG2_E + SPECIAL_BIASED;
    let n = bits_keep(t) - SPECIAL_BIASED;
    let r = bits_keep(x - n * SPECIAL_LN2_HI) - n * SPECIAL_LN2_LO;
    return select(special_exp_core(r) * bitcast<f32>(bitcast<u32>(t) << 23u), 0.0, x < -87.33654);
}

// e^x.
fn special_exp(x: f32) -> f32 {
    let y = select(special_exp_of(x), bits_infinity(), x > 88.72283);
    return select(y, x, special_is_nan(x));
}

// 2^x = 2^n 2^r, r = x - n exact, 2^r = 1 + r q(r), relative error 2^-27.5.
fn special_exp2(x: f32) -> f32 {
    let c = clamp(x, -150.0, 128.25);
    let t = c + SPECIAL_MAGIC;
    let r = c - (bits_keep(t) - SPECIAL_MAGIC);
    return select(special_scale(special_exp2_core(r), bitcast<u32>(t)), x, special_is_nan(x));
}

fn special_exp2_core(r: f32) -> f32 {
    let q = ((((0.000158252878 * r + 0.00134177599) * r + 0.00961706508) * r + 0.0555027276) * r + 0.240226552) * r;
    return 1.0 + r * (q + 0.693147242);
}

// e^x - 1 = 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)); the half keeps 2^(n-1) finite for n = 128.
fn special_expm1(x: f32) -> f32 {
    let c = clamp(x, -18.0, 89.0);
    let t = c * SPECIAL_LOG2_E + SPECIAL_MAGIC;
    let r = special_exp_rest(c, t);
    let q = (((0.00138697075 * r + 0.0083670998) * r + 0.0416674055) * r + 0.16666539) * r + 0.49999997;
    let p = r + r * r * q;
    let s = bitcast<f32>((bitcast<u32>(t) << 23u) + 0x3f000000u);
    let y = select(2.0 * (s * p + (s - 0.5)), p, t == SPECIAL_MAGIC);
    return select(y, x, special_is_nan(x) || abs(x) < 1e-12);
}

// 1 / (1 + e^-x): the right tail rounds to 1, the left one keeps its relative accuracy down to 2^-126.
fn special_sigmoid(x: f32) -> f32 {
    let y = 1.0 / (1.0 + special_exp_of(-x));
    return select(select(y, 0.0, x < -87.33654), x, special_is_nan(x));
}

// log(1 + e^x) = max(x, 0) + log1p(z), z = e^-|x|. log1p(z) = log(1 + f), or ln 2 + log(1 + f) with f = (z - 1) / 2 where
// z is greater than sqrt(2) - 1.
fn special_softplus(x: f32) -> f32 {
    let z = special_exp_of(-abs(x));
    let large = z > 0.41421356;
    let f = select(z, 0.5 * (z - 1.0), large);
    let y = special_log_core(f);
    let log1p = select(f + y, SPECIAL_LN2_HI + (f + (y + SPECIAL_LN2_LO)), large);
    return select(max(x, 0.0) + log1p, x, special_is_nan(x));
}

// e^|x| / 2 without overflow before the result does.
fn special_half_exp(a: f32) -> f32 {
    let c = min(a, 89.5);
    let t = c * SPECIAL_LOG2_E + SPECIAL_MAGIC;
    // Not t - 1.0: drivers add the two constants first, and then a tie rounds the other way.
    return special_scale(special_exp_core(special_exp_rest(c, t)), bitcast<u32>(t) - 1u);
}

// (e^x - e^-x) / 2; a polynomial below 1.
fn special_sinh(x: f32) -> f32 {
    let a = abs(x);
    let h = special_half_exp(a);
    let z = a * a;
    let p = ((2.78221319e-6 * z + 0.000198428956) * z + 0.00833331048) * z + 0.166666672;
    let y = select(h - 0.25 / h, a + a * z * p, a < 1.0);
    return select(special_copysign(y, x), x, special_is_nan(x));
}

// (e^x + e^-x) / 2.
fn special_cosh(x: f32) -> f32 {
    let h = special_half_exp(abs(x));
    return select(h + 0.25 / h, x, special_is_nan(x));
}

// x p(x^2) / q(x^2), minimax on [0, 9.01] (relative error 2^-25.5; no cancellation: all coefficients are positive), 1 beyond.
fn special_tanh(x: f32) -> f32 {
    let a = abs(x);
    let z = a * a;
    let p = (((1.33368436e-8 * z + 2.05962697e-5) * z + 0.00349481074) * z + 0.133803713) * z + 0.999999979;
    let q = (((7.7692809e-7 * z + 0.000328436276) * z + 0.0258740255) * z + 0.467136867) * z + 1.0;
    let y = a * p / q;
    let w = select(1.0, y, a < 9.01 && y < 1.0);
    return select(special_copysign(w, x), x, special_is_nan(x));
}
