//! Every function against a second opinion: the accurate ones against double precision, the exact ones against plain Rust.
use super::call::*;
use super::{Bin, Qua, Ter, Un, WideBin, WideCmp, WideFrom, WideInto, WideUn, bin, qua, ter, un};

/// Words that find mistakes: zeros, ones, limits, subnormals, infinities, NaN, halves, whole numbers around 2^23 and 2^31.
const NASTY: [u32; 56] = [
    0,
    1,
    2,
    3,
    7,
    31,
    32,
    33,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7f_ffff,
    0x80_0000,
    0x80_0001,
    0x3300_0000,
    0x3300_0001,
    0x3380_0000,
    0x387f_c000,
    0x387f_e000,
    0x3880_0000,
    0x3880_1000,
    0x3880_3000,
    0x3f00_0000,
    0x3f7f_ffff,
    0x3f80_0000,
    0x3f80_0001,
    0x3fc0_0000,
    0x4020_0000,
    0x4049_0fdb,
    0x42fe_0000,
    0x437f_0000,
    0x4380_0000,
    0x477f_e000,
    0x477f_efff,
    0x477f_f000,
    0x4780_0000,
    0x4aff_ffff,
    0x4b00_0000,
    0x4b00_0001,
    0x4eff_ffff,
    0x4f00_0000,
    0x4f7f_ffff,
    0x4f80_0000,
    0x7149_f2ca,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7f80_0001,
    0x7fc0_0000,
    0x7fff_ffff,
    0x5555_5555,
    0x0f0f_1234,
];

/// The nasty words with both signs, then as many random words.
fn words(random: usize) -> Vec<u32> {
    let mut state = 1u64;
    let signed = NASTY.iter().flat_map(|w| [*w, w ^ 0x8000_0000, w.wrapping_neg(), !w]);
    signed.chain(core::iter::repeat_with(|| next(&mut state)).take(random)).collect()
}

/// A random word; every other one small, so that shifts, counts and divisors are met.
fn next(state: &mut u64) -> u32 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let w = (*state >> 32) as u32;
    if w & 1 == 0 { w >> (w >> 1 & 31) } else { w }
}

/// The spacing of f32 numbers at `x`.
fn unit(x: f64) -> f64 {
    let e = (x.abs().to_bits() >> 52) as i32 - 1023;
    2f64.powi(e.clamp(-126, 127) - 23)
}

/// The error of `got` in units in the last place; infinity where one is NaN, or infinite for no reason.
fn error(got: f32, want: f64) -> f64 {
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() == got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if f64::from(got) == want || got.is_infinite() && want.is_infinite() {
        return if got.is_sign_positive() == want.is_sign_positive() { 0.0 } else { f64::INFINITY };
    }
    // infinity stands for 2^128, the next number
    let whole = |x: f64| x.clamp(-2f64.powi(128), 2f64.powi(128));
    (whole(f64::from(got)) - whole(want)).abs() / unit(whole(want).clamp(-3.4e38, 3.4e38))
}

/// A function, its other forms, what it should be, and the bound of its documentation.
struct Accurate {
    f: Un,
    hw: fn(u32) -> u32,
    want: fn(f64) -> f64,
    ulp: f64,
}

macro_rules! accurate {
    ($($name:ident $want:expr, $ulp:literal;)*) => {
        [$(Accurate { f: Un::$name, hw: un::$name::call::<true>, want: $want, ulp: $ulp }),*]
    };
}

const ACCURATE: [Accurate; 18] = accurate! {
    FExp f64::exp, 1.2;
    FExp2 f64::exp2, 1.3;
    FLog f64::ln, 1.0;
    FLog2 f64::log2, 2.0;
    FSin f64::sin, 1.7;
    FCos f64::cos, 1.7;
    FTan f64::tan, 4.5;
    FAsin f64::asin, 2.5;
    FAcos f64::acos, 1.5;
    FAtan f64::atan, 2.0;
    FSinh f64::sinh, 2.0;
    FCosh f64::cosh, 2.0;
    FTanh f64::tanh, 1.5;
    FAsinh f64::asinh, 2.5;
    FAcosh f64::acosh, 2.5;
    FAtanh f64::atanh, 1.5;
    FInvSqrt |x| 1.0 / x.sqrt(), 1.5;
    FSqrt f64::sqrt, 0.5;
};

/// Tries the words `0, step, 2 step, …`, and the nasty ones.
fn sweep(step: usize) {
    for Accurate { f, hw, want, ulp } in &ACCURATE {
        let all = (0..=u32::MAX).step_by(step).chain(words(0));
        for a in all {
            let want = want(f64::from(f32::from_bits(a)));
            for got in [f.eval(a), hw(a)].map(f32::from_bits) {
                let e = error(got, want);
                assert!(e <= *ulp, "{f:?} of {:e} ({a:#x}): {got:e}, but {want:e}: {e} ulp", f32::from_bits(a));
            }
        }
    }
}

#[test]
fn accuracy_of_functions() {
    sweep(9_973);
}

#[test]
#[ignore = "all 2^32 arguments take an hour"]
fn accuracy_everywhere() {
    sweep(1);
}

/// Checks a function of two numbers over pairs of several sizes.
fn pairs(f: [fn(u32, u32) -> u32; 2], want: fn(f64, f64) -> f64, ulp: f64, positive: bool) {
    let mut state = 7;
    let mut uniform =
        |scale: f32| (next(&mut state) as f32 / 4_294_967_296.0 + next(&mut state) as f32 / 9e18 - 0.25) * scale;
    let mut all: Vec<[f32; 2]> = vec![];
    for i in 0..150_000u32 {
        all.push(match i % 3 {
            0 => [uniform(50.0), uniform(40.0)],
            1 => [1.0 + uniform(1e-5), uniform(1e7)],
            _ => [f32::from_bits(i.wrapping_mul(0x9e37_79b1)), f32::from_bits(i.wrapping_mul(0x85eb_ca77))],
        });
    }
    for x in NASTY {
        all.extend(
            NASTY.iter().flat_map(|y| [[x, *y], [x, y ^ 1 << 31], [x ^ 1 << 31, *y]]).map(|p| p.map(f32::from_bits)),
        );
    }
    for [x, y] in all {
        let x = if positive { x.abs() } else { x };
        if x.is_nan() || y.is_nan() {
            continue;
        }
        let want = want(f64::from(x), f64::from(y));
        for f in f {
            let got = f32::from_bits(f(x.to_bits(), y.to_bits()));
            let e = error(got, want);
            assert!(e <= ulp, "of {x:e} and {y:e}: {got:e}, but {want:e}: {e} ulp");
        }
    }
}

#[test]
fn accuracy_of_power_and_angle() {
    pairs([bin::FPow::call::<false>, bin::FPow::call::<true>], f64::powf, 0.52, true);
    pairs([bin::FAtan2::call::<false>, bin::FAtan2::call::<true>], f64::atan2, 2.0, false);
    let pow = |x: f32, y: f32| f32::from_bits(Bin::FPow.eval(x.to_bits(), y.to_bits()));
    assert!(pow(-2.0, 2.0).is_nan() && pow(f32::NAN, 1.0).is_nan());
    for n in -126..=127i16 {
        assert_eq!(pow(2.0, f32::from(n)), 2f32.powi(i32::from(n)));
        assert_eq!(pow(f32::from(n).abs(), 2.0), f32::from(n) * f32::from(n));
        assert_eq!(f32::from_bits(Un::FExp2.eval(f32::from(n).to_bits())), 2f32.powi(i32::from(n)));
        assert_eq!(f32::from_bits(Un::FLog2.eval(2f32.powi(i32::from(n)).to_bits())), f32::from(n));
    }
}

/// A function of one word that has one right answer (any NaN is as good as another).
fn exact(f: Un, want: impl Fn(u32) -> u32) {
    for a in words(20_000) {
        let (got, want) = (f.eval(a), want(a));
        assert!(same(got, want), "{f:?} of {a:#x}: {got:#x}, but {want:#x}");
    }
}

fn same(a: u32, b: u32) -> bool {
    a == b || f32::from_bits(a).is_nan() && f32::from_bits(b).is_nan()
}

fn exact2(f: Bin, want: impl Fn(u32, u32) -> u32) {
    let all = words(1_000);
    for a in &all {
        for b in all.iter().step_by(3) {
            let (got, want) = (f.eval(*a, *b), want(*a, *b));
            assert!(same(got, want), "{f:?} of {a:#x}, {b:#x}: {got:#x}, but {want:#x}");
        }
    }
}

fn real(f: impl Fn(f32) -> f32) -> impl Fn(u32) -> u32 {
    move |a| f(f32::from_bits(a)).to_bits()
}

#[test]
fn rounding_is_exact() {
    exact(Un::FFloor, real(f32::floor));
    exact(Un::FCeil, real(f32::ceil));
    exact(Un::FTrunc, real(f32::trunc));
    exact(Un::FRound, real(f32::round_ties_even));
    exact(Un::FFract, real(|x| x - x.floor()));
    exact(Un::FModfFract, real(|x| if x.is_infinite() { 0f32.copysign(x) } else { (x - x.trunc()).copysign(x) }));
    exact(
        Un::FSign,
        real(|x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                0.0
            }
        }),
    );
    exact(Un::FSaturate, real(|x| if x == 0.0 { x } else { x.clamp(0.0, 1.0).max(0.0) }));
    exact2(Bin::FRem, |a, b| {
        let (x, y) = (f32::from_bits(a), f32::from_bits(b));
        (x - y * (x / y).trunc()).to_bits()
    });
    for a in words(20_000) {
        let x = f32::from_bits(a);
        let (m, e) = (f32::from_bits(Un::FFrexpFract.eval(a)), Un::FFrexpExp.eval(a).cast_signed());
        if x.is_finite() {
            assert!(x == 0.0 || (0.5..1.0).contains(&m.abs()), "{x:e}: {m} {e}");
            assert_eq!(f64::from(m) * 2f64.powi(e), f64::from(x));
        } else {
            assert!(same(m.to_bits(), a) && e == 0);
        }
        for i in [-300, -150, -127, -24, -1, 0, 1, 100, 127, 128, 254, 300, i32::MIN, i32::MAX] {
            let want = (f64::from(x) * 2f64.powi(i.clamp(-700, 700))) as f32;
            assert!(same(Bin::FLdexp.eval(a, i.cast_unsigned()), want.to_bits()), "{x:e} 2^{i}");
        }
    }
}

#[test]
fn conversions_are_exact() {
    exact(Un::F32ToS32, |a| (f32::from_bits(a) as i32).cast_unsigned());
    exact(Un::F32ToU32, |a| f32::from_bits(a) as u32);
    exact(Un::F32ToS16, |a| i32::from(f32::from_bits(a) as i16).cast_unsigned());
    exact(Un::F32ToU16, |a| u32::from(f32::from_bits(a) as u16));
    exact(Un::Ext16S, |a| i32::from(a as u16 as i16).cast_unsigned());
    exact(Un::Ext16U, |a| u32::from(a as u16));
    exact(Un::FToB, |a| if f32::from_bits(a) == 0.0 { 0 } else { u32::MAX });
    exact(Un::FIsNan, |a| if f32::from_bits(a).is_nan() { u32::MAX } else { 0 });
    exact(Un::FIsInf, |a| if f32::from_bits(a).is_infinite() { u32::MAX } else { 0 });
    exact(Un::FIsFinite, |a| if f32::from_bits(a).is_finite() { u32::MAX } else { 0 });
}

/// The value of an f16.
fn half_value(h: u32) -> f64 {
    let (e, m) = ((h >> 10 & 31).cast_signed(), f64::from(h & 0x3ff));
    let v = match e {
        0 => m * 2f64.powi(-24),
        31 if m == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + m) * 2f64.powi(e - 25),
    };
    if h & 0x8000 == 0 { v } else { -v }
}

#[test]
fn half_precision_is_exact() {
    for h in 0..0x1_0000u32 {
        let want = half_value(h) as f32;
        assert!(same(Un::F16BitsToF32.eval(h | 0xabcd_0000), want.to_bits()), "{h:#x}");
        if want.is_nan() {
            continue;
        }
        assert_eq!(Un::F32ToF16Bits.eval(want.to_bits()), h);
        // around the middle to the next: what rounds up, down and to even
        if h & 0x7fff < 0x7bff {
            let middle = ((half_value(h) + half_value(h + 1)) / 2.0) as f32;
            for (x, up) in [(middle.to_bits() - 1, false), (middle.to_bits(), h & 1 == 1), (middle.to_bits() + 1, true)]
            {
                let want = if up { h + 1 } else { h };
                assert_eq!(Un::F32ToF16Bits.eval(x), want, "{:e}", f32::from_bits(x));
                assert_eq!(Un::RoundF16.eval(x), (half_value(want) as f32).to_bits(), "{:e}", f32::from_bits(x));
            }
        }
    }
    for (x, want) in
        [(65519.0f32, 0x7bff), (65520.0, 0x7c00), (-65535.9, 0xfc00), (1e30, 0x7c00), (f32::INFINITY, 0x7c00)]
    {
        assert_eq!(Un::F32ToF16Bits.eval(x.to_bits()), want);
        assert_eq!(Un::RoundF16.eval(x.to_bits()), (half_value(want) as f32).to_bits());
    }
    assert!(f32::from_bits(Un::RoundF16.eval(f32::NAN.to_bits())).is_nan());
    assert!(half_value(Un::F32ToF16Bits.eval(0x7f80_0001)).is_nan());
}

#[test]
fn integers_are_exact() {
    let signed = |f: fn(i32, i32) -> i32| move |a: u32, b: u32| f(a.cast_signed(), b.cast_signed()).cast_unsigned();
    exact2(Bin::UDiv, |a, b| a.checked_div(b).unwrap_or(a));
    exact2(Bin::URem, |a, b| a.checked_rem(b).unwrap_or(0));
    exact2(Bin::SDiv, signed(|a, b| a.checked_div(b).unwrap_or(a)));
    exact2(Bin::SRem, signed(|a, b| a.checked_rem(b).unwrap_or(0)));
    exact2(Bin::Shl, |a, b| a << (b % 32));
    exact2(Bin::ShrU, |a, b| a >> (b % 32));
    exact2(Bin::ShrS, |a, b| (a.cast_signed() >> (b % 32)).cast_unsigned());
    exact(Un::SSign, |a| a.cast_signed().signum().cast_unsigned());
    let position = |i: Option<u32>| i.unwrap_or(u32::MAX);
    exact(Un::FirstTrailingBit, |a| position((0..32).find(|i| a >> i & 1 == 1)));
    exact(Un::FirstLeadingBitU, |a| position((0..32).rev().find(|i| a >> i & 1 == 1)));
    exact(Un::FirstLeadingBitS, |a| position((0..32).rev().find(|i| a >> i & 1 != a >> 31)));
}

#[test]
fn bit_fields_are_exact() {
    for e in words(50) {
        for offset in [0, 1, 5, 16, 31, 32, 33, u32::MAX] {
            for count in [0, 1, 7, 16, 31, 32, 40, u32::MAX] {
                let (o, c) = (offset.min(32), count.min(32 - offset.min(32)));
                let mask = ((1u64 << c) - 1) as u32;
                let bits = (u64::from(e) >> o) as u32 & mask;
                assert_eq!(Ter::ExtractBitsU.eval(e, offset, count), bits, "{e:#x} {offset} {count}");
                let sign = if c > 0 && bits >> (c - 1) & 1 == 1 { !mask } else { 0 };
                assert_eq!(Ter::ExtractBitsS.eval(e, offset, count), bits | sign, "{e:#x} {offset} {count}");
                let field = (u64::from(mask) << o) as u32;
                let want = e & !field | (u64::from(!e) << o) as u32 & field;
                assert_eq!(Qua::InsertBits.eval(e, !e, offset, count), want, "{e:#x} {offset} {count}");
            }
        }
    }
}

#[test]
fn packing_is_exact() {
    let real = |a: u32| f64::from(f32::from_bits(a));
    let quantised = |x: f64, low: f64, scale: f64| (0.5 + scale * x.clamp(low, 1.0)).floor() as i32 as u32;
    exact2(Bin::Pack2x16Snorm, |a, b| {
        if real(a).is_nan() || real(b).is_nan() {
            return Bin::Pack2x16Snorm.eval(a, b);
        }
        quantised(real(a), -1.0, 32767.0) & 0xffff | quantised(real(b), -1.0, 32767.0) << 16
    });
    exact2(Bin::Pack2x16Unorm, |a, b| {
        if real(a).is_nan() || real(b).is_nan() {
            return Bin::Pack2x16Unorm.eval(a, b);
        }
        quantised(real(a), 0.0, 65535.0) | quantised(real(b), 0.0, 65535.0) << 16
    });
    for a in words(5_000) {
        let bytes = a.to_le_bytes();
        let word = |f: &dyn Fn(u8) -> u32| bytes.map(f);
        for i in 0..4u32 {
            let byte = bytes[i as usize];
            let at = |f: Bin| f32::from_bits(f.eval(a, i));
            assert_eq!(at(Bin::Unpack4x8Unorm), f32::from(byte) / 255.0);
            assert_eq!(at(Bin::Unpack4x8Snorm), (f32::from(byte as i8) / 127.0).max(-1.0));
            assert_eq!(Bin::Unpack4xU8.eval(a, i), u32::from(byte));
            assert_eq!(Bin::Unpack4xI8.eval(a, i), i32::from(byte as i8).cast_unsigned());
            if i < 2 {
                let short = (a >> (16 * i)) as u16;
                assert_eq!(at(Bin::Unpack2x16Unorm), f32::from(short) / 65535.0);
                assert_eq!(at(Bin::Unpack2x16Snorm), (f32::from(short as i16) / 32767.0).max(-1.0));
                assert!(same(Bin::Unpack2x16Float.eval(a, i), Un::F16BitsToF32.eval(u32::from(short))));
            }
        }
        let [p, q, r, s] = word(&|b| (f32::from(b) / 255.0).to_bits());
        assert_eq!(Qua::Pack4x8Unorm.eval(p, q, r, s), a, "unpacked and packed again");
        let [p, q, r, s] = word(&|b| (f32::from((b as i8).max(-127)) / 127.0).to_bits());
        assert_eq!(Qua::Pack4x8Snorm.eval(p, q, r, s).to_le_bytes(), bytes.map(|b| (b as i8).max(-127) as u8));
        let wide = |b: u8| (i32::from(b as i8) * 3).cast_unsigned();
        let [p, q, r, s] = word(&wide);
        assert_eq!(Qua::Pack4xI8.eval(p, q, r, s).to_le_bytes(), bytes.map(|b| wide(b) as u8));
        assert_eq!(Qua::Pack4xU8.eval(p, q, r, s).to_le_bytes(), bytes.map(|b| wide(b) as u8));
        let clamped = |b: u8| wide(b).cast_signed().clamp(-128, 127) as u8;
        assert_eq!(Qua::Pack4xI8Clamp.eval(p, q, r, s).to_le_bytes(), bytes.map(clamped));
        assert_eq!(Qua::Pack4xU8Clamp.eval(p, q, r, s).to_le_bytes(), bytes.map(|b| wide(b).min(255) as u8));
        let other = a.reverse_bits().to_le_bytes();
        let dot = |f: fn(u8) -> i32| bytes.iter().zip(other).map(|(x, y)| f(*x) * f(y)).sum::<i32>().cast_unsigned();
        assert_eq!(Bin::Dot4I8.eval(a, a.reverse_bits()), dot(|b| i32::from(b as i8)));
        assert_eq!(Bin::Dot4U8.eval(a, a.reverse_bits()), dot(i32::from));
    }
}

#[test]
fn wide_integers() {
    let words = words(40);
    let all: Vec<u64> =
        words.iter().zip(words.iter().rev()).map(|(a, b)| u64::from(*a) << 32 | u64::from(*b)).collect();
    let all: Vec<u64> = all.into_iter().chain(words.iter().map(|a| u64::from(*a))).chain([1 << 63, u64::MAX]).collect();
    for a in &all {
        let s = a.cast_signed();
        assert_eq!(WideUn::SSign.eval(*a), s.signum().cast_unsigned());
        let position = |found: Option<u32>| found.map_or(u64::MAX, u64::from);
        assert_eq!(WideUn::FirstTrailingBit.eval(*a), position((0..64).find(|i| a >> i & 1 == 1)));
        assert_eq!(WideUn::FirstLeadingBitU.eval(*a), position((0..64).rev().find(|i| a >> i & 1 == 1)));
        assert_eq!(WideUn::FirstLeadingBitS.eval(*a), position((0..64).rev().find(|i| a >> i & 1 != a >> 63)));
        for b in &all {
            let t = b.cast_signed();
            assert_eq!(WideBin::UDiv.eval(*a, *b), a.checked_div(*b).unwrap_or(*a));
            assert_eq!(WideBin::URem.eval(*a, *b), a.checked_rem(*b).unwrap_or(0));
            assert_eq!(WideBin::SDiv.eval(*a, *b), s.checked_div(t).unwrap_or(s).cast_unsigned());
            assert_eq!(WideBin::SRem.eval(*a, *b), s.checked_rem(t).unwrap_or(0).cast_unsigned());
            assert_eq!(WideBin::ShrS.eval(*a, *b), (s >> (b % 64)).cast_unsigned());
            assert_eq!(WideCmp::SLt.eval(*a, *b) != 0, s < t);
        }
        assert_eq!(f32::from_bits(WideInto::S64ToF32.eval(*a)), s as f32);
    }
    for a in words {
        let x = f32::from_bits(a);
        assert_eq!(WideFrom::F32ToS64.eval(a), (x as i64).cast_unsigned());
        assert_eq!(WideFrom::F32ToU64.eval(a), x as u64);
    }
}

/// `lanes` gives what `call` gives, and what is said to be portable is the same both ways.
#[test]
fn lanes_agree_with_calls() {
    let all = words(512);
    let line = |at: usize| -> Line { core::array::from_fn(|i| all[(at * 7 + i * 5) % all.len()]) };
    for k in 0..all.len() / 4 {
        let [a, b, c, e] = [line(k), line(k + 1), line(k + 3), line(k + 8)];
        macro_rules! unary { ($($n:ident)*) => { $(
            let (d, h) = (un::$n::lanes::<false>(&a), un::$n::lanes::<true>(&a));
            for i in 0..16 {
                assert!(same(d[i], un::$n::call::<false>(a[i])), "{} of {:#x}", stringify!($n), a[i]);
                assert!(same(h[i], un::$n::call::<true>(a[i])), "{} of {:#x}", stringify!($n), a[i]);
                assert!(!Un::$n.portable() || same(d[i], h[i]), "{} of {:#x}", stringify!($n), a[i]);
            }
        )* } }
        macro_rules! binary { ($($n:ident)*) => { $(
            let (d, h) = (bin::$n::lanes::<false>(&a, &b), bin::$n::lanes::<true>(&a, &b));
            for i in 0..16 {
                assert!(same(d[i], bin::$n::call::<false>(a[i], b[i])), "{} of {:#x}, {:#x}", stringify!($n), a[i], b[i]);
                assert!(!Bin::$n.portable() || same(d[i], h[i]), "{} of {:#x}, {:#x}", stringify!($n), a[i], b[i]);
            }
        )* } }
        macro_rules! ternary { ($($n:ident)*) => { $(
            let (d, h) = (ter::$n::lanes::<false>(&a, &b, &c), ter::$n::lanes::<true>(&a, &b, &c));
            for i in 0..16 {
                assert!(same(d[i], ter::$n::call::<false>(a[i], b[i], c[i])), "{}", stringify!($n));
                assert!(!Ter::$n.portable() || same(d[i], h[i]), "{}", stringify!($n));
            }
        )* } }
        macro_rules! quaternary { ($($n:ident)*) => { $(
            let (d, h) = (qua::$n::lanes::<false>(&a, &b, &c, &e), qua::$n::lanes::<true>(&a, &b, &c, &e));
            for i in 0..16 {
                assert!(same(d[i], qua::$n::call::<false>(a[i], b[i], c[i], e[i])), "{}", stringify!($n));
                assert!(same(d[i], h[i]), "{}", stringify!($n));
            }
        )* } }
        un::for_each_unary!(unary);
        bin::for_each_binary!(binary);
        ter::for_each_ternary!(ternary);
        qua::for_each_quaternary!(quaternary);
    }
}
