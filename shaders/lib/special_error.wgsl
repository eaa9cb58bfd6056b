// The error function and its complement.

// x p(x^2) / q(x^2), minimax on [0, 3.95] (relative error 2^-25.5; no cancellation: all coefficients are positive), 1 beyond.
fn special_erf(x: f32) -> f32 {
    let a = abs(x);
    let z = a * a;
    var p = (2.02590803e-6 * z + 0.000284688314) * z + 0.00380817804;
    p = ((p * z + 0.052875497) * z + 0.191550667) * z + 1.12837914;
    var q = (3.78318318e-5 * z + 0.00117073017) * z + 0.0150551222;
    q = ((q * z + 0.114559774) * z + 0.503090034) * z + 1.0;
    let y = a * p / q;
    let w = select(1.0, y, a < 3.95 && y < 1.0);
    return select(special_copysign(w, x), x, special_is_nan(x));
}

// erfc(a) = e^(-a^2) p(a) / q(a), minimax on [0, 10.06] (relative error 2^-27.4; no cancellation: all coefficients are
// positive); 2 - erfc(-x) on the left. The square is split so that its rounding does not grow with it: a^2 = h^2 +
// (a - h) (a + h), h of 12 bits.
fn special_erfc(x: f32) -> f32 {
    let b = abs(x);
    let a = select(10.06, b, b < 10.06);
    let p = (((0.0327633622 * a + 0.229060829) * a + 0.731272717) * a + 1.23809398) * a + 1.0;
    var q = (0.0580708429 * a + 0.406026312) * a + 1.32474992;
    q = ((q * a + 2.40154308) * a + 2.36647372) * a + 1.0;
    let h = bits_head(a);
    let t = SPECIAL_MAGIC - a * a * SPECIAL_LOG2_E;
    let n = bits_keep(t) - SPECIAL_MAGIC;
    let r = bits_keep(-(h * h) - n * SPECIAL_LN2_HI) - (n * SPECIAL_LN2_LO + (a - h) * (a + h));
    // The power of two comes last; below 2^-126 it is 0, and so is the result, as p / q < 1 / 15 there.
    let power = bitcast<f32>(max(bitcast<i32>((bitcast<u32>(t) + 127u) << 23u), 0i));
    let tail = bits_keep(special_exp_core(r) * p / q) * power;
    return select(select(tail, 2.0 - tail, x < 0.0), x, special_is_nan(x));
}
