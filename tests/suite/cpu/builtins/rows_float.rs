//! Functions and operators on f32.
use super::super::expect::ulp;
use super::{B, Expect, F, I, Row, d, f, i, truth};
use std::f64::consts::PI;

/// Within `3 + 2 |x|` units in the last place.
fn exponential(x: f64, want: f64) -> Expect {
    Expect::ulps(want, 3.0 + 2.0 * x.abs().min(200.0))
}

/// 2^-21 within [1/2, 2], else 3 units in the last place.
fn logarithm(x: f64, want: f64) -> Expect {
    let spec = if (0.5..=2.0).contains(&x) { 2f64.powi(-21) } else { 3.0 * ulp(want) };
    Expect::Near { want, spec, ours: (3.0 * ulp(want)).min(spec) }
}

/// 2^-11 within [-pi, pi]; farther out WGSL says nothing, the CPU device stays exact.
fn circular(x: f64, want: f64) -> Expect {
    let spec = if x.abs() <= PI { 2f64.powi(-11) } else { f64::INFINITY };
    Expect::Near { want, spec, ours: 5.0 * ulp(want) }
}

/// By a formula of built-ins whose errors add up to about so many units in the last place of its greatest part.
fn inherited(want: f64, part: f64, units: f64) -> Expect {
    Expect::within(want, units * ulp(part.abs().max(want.abs())))
}

/// The f32 operation itself.
fn rounded(x: f32) -> Expect {
    Expect::Real(x)
}

macro_rules! row {
    ($wgsl:literal, [$($arg:ident),*] -> $result:ident, $want:expr) => {
        Row { wgsl: $wgsl, args: &[$($arg),*], result: $result, want: $want }
    };
}

pub(super) const ROWS: &[Row] = &[
    row!("-a", [F] -> F, |[a, ..]| rounded(-f(a))),
    row!("a + b", [F, F] -> F, |[a, b, _]| rounded(f(a) + f(b))),
    row!("a - b", [F, F] -> F, |[a, b, _]| rounded(f(a) - f(b))),
    row!("a * b", [F, F] -> F, |[a, b, _]| rounded(f(a) * f(b))),
    row!("a / b", [F, F] -> F, |[a, b, _]| {
        let want = d(a) / d(b);
        let open = !(2f64.powi(-126)..=2f64.powi(126)).contains(&d(b).abs());
        let spec = if open { f64::INFINITY } else { 2.5 * ulp(want) };
        Expect::Near { want, spec, ours: 0.51 * ulp(want) }
    }),
    row!("a % b", [F, F] -> F, |[a, b, _]| {
        let (x, y) = (d(a), d(b));
        let quotient = x / y;
        // where the rounded quotient may fall on the other side of an integer, the remainder jumps by y
        let near = (quotient - quotient.round()).abs() <= 3.0 * ulp(quotient);
        if near || quotient.abs() > 4e6 || !quotient.is_finite() || y == 0.0 { return Expect::Open; }
        let want = x - y * quotient.trunc();
        let spec = 2.0 * ulp(x);
        Expect::Near { want, spec, ours: spec }
    }),
    row!("a == b", [F, F] -> B, |[a, b, _]| truth(f(a) == f(b))),
    row!("a != b", [F, F] -> B, |[a, b, _]| truth(f(a) != f(b))),
    row!("a < b", [F, F] -> B, |[a, b, _]| truth(f(a) < f(b))),
    row!("a <= b", [F, F] -> B, |[a, b, _]| truth(f(a) <= f(b))),
    row!("a > b", [F, F] -> B, |[a, b, _]| truth(f(a) > f(b))),
    row!("a >= b", [F, F] -> B, |[a, b, _]| truth(f(a) >= f(b))),
    row!("abs(a)", [F] -> F, |[a, ..]| rounded(f(a).abs())),
    row!("sign(a)", [F] -> F, |[a, ..]| if f(a).is_nan() { Expect::Open } else { rounded(if f(a) == 0.0 { 0.0 } else { f(a).signum() }) }),
    row!("floor(a)", [F] -> F, |[a, ..]| rounded(f(a).floor())),
    row!("ceil(a)", [F] -> F, |[a, ..]| rounded(f(a).ceil())),
    row!("trunc(a)", [F] -> F, |[a, ..]| rounded(f(a).trunc())),
    row!("round(a)", [F] -> F, |[a, ..]| rounded(f(a).round_ties_even())),
    row!("fract(a)", [F] -> F, |[a, ..]| rounded(f(a) - f(a).floor())),
    row!("saturate(a)", [F] -> F, |[a, ..]| if f(a).is_nan() { Expect::Open } else { rounded(f(a).clamp(0.0, 1.0)) }),
    row!("min(a, b)", [F, F] -> F, |[a, b, _]| {
        if f(a).is_nan() || f(b).is_nan() { Expect::Either(f(a), f(b)) } else { rounded(f(a).min(f(b))) }
    }),
    row!("max(a, b)", [F, F] -> F, |[a, b, _]| {
        if f(a).is_nan() || f(b).is_nan() { Expect::Either(f(a), f(b)) } else { rounded(f(a).max(f(b))) }
    }),
    row!("clamp(a, min(b, c), max(b, c))", [F, F, F] -> F, |[a, b, c]| {
        if [a, b, c].iter().any(|x| f(*x).is_nan()) { return Expect::Open; }
        rounded(f(a).clamp(f(b).min(f(c)), f(b).max(f(c))))
    }),
    row!("step(a, b)", [F, F] -> F, |[a, b, _]| if f(a).is_nan() || f(b).is_nan() { Expect::Open } else { rounded(if f(a) <= f(b) { 1.0 } else { 0.0 }) }),
    row!("fma(a, b, c)", [F, F, F] -> F, |[a, b, c]| {
        let product = f(a) * f(b);
        let fused = f(a).mul_add(f(b), f(c));
        if product.is_finite() { Expect::Either(product + f(c), fused) } else { Expect::Open }
    }),
    row!("mix(a, b, c)", [F, F, F] -> F, |[a, b, c]| {
        let (x, y, t) = (d(a), d(b), d(c));
        if !(f(a) * (1.0 - f(c))).is_finite() || !(f(b) * f(c)).is_finite() { return Expect::Open; }
        let part = (x * (1.0 - t)).abs().max((y * t).abs()).max(x.abs()).max(y.abs());
        let spec = 4.0 * ulp(part * t.abs().max(1.0));
        Expect::Near { want: x * (1.0 - t) + y * t, spec, ours: spec }
    }),
    row!("smoothstep(a, b, c)", [F, F, F] -> F, |[a, b, c]| {
        let (low, high, x) = (d(a), d(b), d(c));
        let wide = (high - low).abs() >= 1e-3 * low.abs().max(high.abs()) && (high - low).abs() > 1e-30;
        if !wide || [a, b, c].iter().any(|x| d(*x).is_nan() || d(*x).abs() > 1e30) { return Expect::Open; }
        let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
        Expect::Near { want: t * t * (3.0 - 2.0 * t), spec: 1e-5, ours: 1e-5 }
    }),
    row!("sqrt(a)", [F] -> F, |[a, ..]| Expect::Near { want: d(a).sqrt(), spec: 5.0 * ulp(d(a).sqrt()), ours: 0.51 * ulp(d(a).sqrt()) }),
    row!("inverseSqrt(a)", [F] -> F, |[a, ..]| {
        let want = 1.0 / d(a).sqrt();
        // the reciprocal of a subnormal root does not exist in f32
        Expect::Near { want, spec: 2.0 * ulp(want), ours: 2.0 * ulp(want) }
    }),
    row!("exp(a)", [F] -> F, |[a, ..]| exponential(d(a), d(a).exp())),
    row!("exp2(a)", [F] -> F, |[a, ..]| exponential(d(a), d(a).exp2())),
    row!("log(a)", [F] -> F, |[a, ..]| logarithm(d(a), d(a).ln())),
    row!("log2(a)", [F] -> F, |[a, ..]| logarithm(d(a), d(a).log2())),
    row!("pow(a, b)", [F, F] -> F, |[a, b, _]| {
        let (x, y) = (d(a), d(b));
        if f(a) < 0.0 || y.is_nan() || x.is_nan() || f(a) == 0.0 && y <= 0.0 { return Expect::Open; }
        let want = x.powf(y);
        if f(a) == 0.0 { return rounded(0.0); }
        // exp2(y log2 x): the error of the logarithm, times y, is one of the exponent
        let log = x.log2();
        let slip = y.abs() * if (0.5..=2.0).contains(&x) { 2f64.powi(-21) } else { 3.0 * ulp(log) } + ulp(y * log);
        let spec = want * (slip * 0.7).exp_m1() + (3.0 + 2.0 * (y * log).abs()) * ulp(want);
        Expect::Near { want, spec: if spec.is_nan() { f64::INFINITY } else { spec }, ours: ulp(want) }
    }),
    row!("sin(a)", [F] -> F, |[a, ..]| circular(d(a), d(a).sin())),
    row!("cos(a)", [F] -> F, |[a, ..]| circular(d(a), d(a).cos())),
    row!("tan(a)", [F] -> F, |[a, ..]| {
        let (s, c) = d(a).sin_cos();
        let slip = 2f64.powi(-11);
        let spec = if d(a).abs() <= PI && c.abs() > 2.0 * slip { slip * (1.0 + (s / c).abs()) / (c.abs() - slip) } else { f64::INFINITY };
        Expect::Near { want: d(a).tan(), spec, ours: 5.0 * ulp(d(a).tan()) }
    }),
    row!("asin(a)", [F] -> F, |[a, ..]| Expect::within(d(a).asin(), 1e-3)),
    row!("acos(a)", [F] -> F, |[a, ..]| Expect::within(d(a).acos(), 1e-3)),
    row!("atan(a)", [F] -> F, |[a, ..]| Expect::ulps(d(a).atan(), 4096.0)),
    row!("atan2(a, b)", [F, F] -> F, |[a, b, _]| {
        let want = d(a).atan2(d(b));
        let open = !f(b).is_normal() || f(a) == 0.0 || d(b).abs() > 2f64.powi(126);
        let spec = if open { f64::INFINITY } else { 4096.0 * ulp(want) };
        let ours = if (d(a) / d(b)).abs() < 1e-37 { 1e-43 } else { 5.0 * ulp(want) };
        Expect::Near { want, spec, ours: ours.max(5.0 * ulp(want)) }
    }),
    row!("sinh(a)", [F] -> F, |[a, ..]| inherited(d(a).sinh(), d(a).cosh(), 8.0 + 4.0 * d(a).abs().min(200.0))),
    row!("cosh(a)", [F] -> F, |[a, ..]| inherited(d(a).cosh(), d(a).cosh(), 8.0 + 4.0 * d(a).abs().min(200.0))),
    row!("tanh(a)", [F] -> F, |[a, ..]| {
        // sinh / cosh overflows in an implementation that takes it so
        let spec = if d(a).abs() > 44.0 { f64::INFINITY } else { 1e-5 };
        Expect::Near { want: d(a).tanh(), spec, ours: 5.0 * ulp(d(a).tanh()) }
    }),
    row!("asinh(a)", [F] -> F, |[a, ..]| {
        // log(x + sqrt(x x + 1)), which cancels for negative x
        let x = d(a);
        let sum = x + (x * x + 1.0).sqrt();
        let spec = if x.abs() > 1e3 { f64::INFINITY } else { 4.0 * ulp(x.abs() + 1.0) / sum + 2f64.powi(-20) };
        Expect::Near { want: x.asinh(), spec, ours: 5.0 * ulp(x.asinh()) }
    }),
    row!("acosh(a)", [F] -> F, |[a, ..]| {
        let x = d(a);
        let spec = if x > 1e3 { f64::INFINITY } else { 1e-3 };
        Expect::Near { want: x.acosh(), spec, ours: 5.0 * ulp(x.acosh()) }
    }),
    row!("atanh(a)", [F] -> F, |[a, ..]| {
        let x = d(a);
        let spec = if x.abs() > 0.999 { f64::INFINITY } else { 1e-3 };
        Expect::Near { want: x.atanh(), spec, ours: 5.0 * ulp(x.atanh()) }
    }),
    row!("degrees(a)", [F] -> F, |[a, ..]| Expect::ulps(d(a).to_degrees(), 2.5)),
    row!("radians(a)", [F] -> F, |[a, ..]| Expect::ulps(d(a).to_radians(), 2.5)),
    row!("ldexp(a, b)", [F, I] -> F, |[a, b, _]| {
        if i(b) < -126 || i(b) > 128 { return Expect::Open; }
        rounded((d(a) * 2f64.powi(i(b))) as f32)
    }),
    row!("frexp(a).fract", [F] -> F, |[a, ..]| {
        let x = f(a);
        if !x.is_finite() { return Expect::Open; }
        if x == 0.0 { return rounded(0.0); }
        let mut m = d(a);
        while m.abs() >= 1.0 { m /= 2.0; }
        while m.abs() < 0.5 { m *= 2.0; }
        rounded(m as f32)
    }),
    row!("frexp(a).exp", [F] -> I, |[a, ..]| {
        let x = d(a);
        if !x.is_finite() { return Expect::Open; }
        if x == 0.0 { return Expect::Word(0); }
        super::int((x.abs().to_bits() >> 52) as i32 - 1022)
    }),
    row!("modf(a).fract", [F] -> F, |[a, ..]| if f(a).is_finite() { rounded(f(a) - f(a).trunc()) } else { Expect::Open }),
    row!("modf(a).whole", [F] -> F, |[a, ..]| rounded(f(a).trunc())),
    row!("quantizeToF16(a)", [F] -> F, |[a, ..]| {
        let x = f(a);
        if !x.is_finite() || x.abs() >= 65504.0 || x.abs() < 2f32.powi(-14) && x != 0.0 { return Expect::Open; }
        // to 10 bits after the leading one
        let unit = 2f64.powi((x.abs().to_bits() >> 23) as i32 - 127 - 10);
        rounded(if x == 0.0 { x } else { ((d(a) / unit).round_ties_even() * unit) as f32 })
    }),
    row!("select(a, b, c)", [F, F, B] -> F, |[a, b, c]| Expect::Word(if c != 0 { b } else { a })),
];
