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

// erfc(a) = e^(-a^2) (1 + p(q)) / (1 + 2 a), q = (a - 2) / (a + 2), after M. M. Shepherd and J. G. Laframboise, Chebyshev
// approximation of (1 + 2x) exp(x^2) erfc(x), Math. Comp. 36 (1981); p minimax here (relative error 2^-25.3).
// The square is split so that its rounding does not grow with it: a^2 = h^2 + (a - h) (a + h), h of 12 bits.
fn special_erfc(x: f32) -> f32 {
    let a = min(abs(x), 10.06);
    let q = (a - 2.0) / (a + 2.0);
    var p = (-0.000382547121 * q - 0.00120061915) * q + 0.00130721205;
    p = ((p * q + 0.00860547554) * q - 0.00806291774) * q - 0.0541969687;
    p = (((p * q + 0.164056525) * q - 0.166032091) * q - 0.0927640498) * q + 0.276978403;
    let h = bits_head(a);
    let rest = (a - h) * (a + h);
    let t = SPECIAL_MAGIC - a * a * SPECIAL_LOG2_E;
    let n = bits_keep(t) - SPECIAL_MAGIC;
    let r = bits_keep(-(h * h) - n * SPECIAL_LN2_HI) - (n * SPECIAL_LN2_LO + rest);
    let y = special_exp_core(r) * (1.0 + p) / (1.0 + 2.0 * a);
    let tail = bits_keep(y) * special_scale(1.0, bitcast<u32>(t));
    let positive = select(tail, 0.0, a >= 10.06);
    return select(select(positive, 2.0 - positive, x < 0.0), x, special_is_nan(x));
}
