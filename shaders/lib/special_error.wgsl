// The error function and its complement.

// Below 0.93 a polynomial (relative error 2^-25.8), above 1 - e^(a g(a)), g minimax for log(erfc(a)) / a (error of the
// result 2^-30); 1 from 4 on.
fn special_erf(x: f32) -> f32 {
    let a = abs(x);
    let z = a * a;
    let p = ((((-0.00059585413 * z + 0.00498717604) * z - 0.0267628729) * z + 0.112817295) * z - 0.376124889) * z + 0.128379151;
    let b = min(a, 4.0);
    let g = ((((-1.12307844e-5 * b + 0.000322804786) * b - 0.00364248618) * b + 0.0237621628) * b - 0.106237032) * b;
    let tail = 1.0 - special_exp_of(b * ((g - 0.635151207) * b - 1.12864852));
    let y = select(tail, a + a * p, a < 0.93);
    return select(special_copysign(y, x), x, special_is_nan(x));
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
