//! The scalar functions that have one right answer: integers, conversions, tests, choice, signs of zeros, random words.

use crate::special::{SPECIAL, Words, device_values, evaluate};
use ridgepoint::graph::Func;
use ridgepoint::kernel::expr;
use ridgepoint::reference::integer::from_bits;
use ridgepoint::reference::map;
use ridgepoint::{DType, Device};

fn device() -> Device {
    Device::open_blocking(ridgepoint::run::Options::default()).expect("an adapter")
}

/// Random words, special floats and the edges of the integers; then all pairs of the latter.
fn words(n: usize) -> [Vec<u32>; 2] {
    let mut random = Words(3);
    let edges = [0u32, 1, 2, 3, 7, 31, 32, 33, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX, u32::MAX - 1];
    let special: Vec<u32> = edges.into_iter().chain(SPECIAL.iter().map(|x| x.to_bits())).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for &x in &special {
        for &y in &special {
            a.push(x);
            b.push(y);
        }
    }
    for i in 0..n {
        a.push(random.next());
        b.push(random.next() >> (i % 32));
    }
    [a, b]
}

#[test]
fn integer_functions_wrap_and_divide_as_promised() {
    use Func::*;
    let device = device();
    let [a, b] = words(20_000);
    for dtype in [DType::I32, DType::U32] {
        let unary = [Neg, Abs, Sign, Not];
        let binary = [Add, Sub, Mul, Div, Rem, Min, Max, Eq, Ne, Lt, Le, Gt, Ge, And, Or, Xor, Shl, Shr];
        for func in unary.into_iter().chain(binary) {
            let second = if matches!(func, Shl | Shr) { DType::U32 } else { dtype };
            let types = &[dtype, second][..func.arity()];
            let inputs = &[a.clone(), b.clone()][..func.arity()];
            let got = device_values(&device, &func, types, inputs);
            let result = func.result(types).expect("legal");
            for i in 0..a.len() {
                let args = &[from_bits(dtype, a[i]), from_bits(second, b[i])][..func.arity()];
                let want = map::value(&func, types, args);
                assert_eq!(from_bits(result, got[i]), want, "{} of {dtype} {args:?}", func.name());
            }
        }
    }
}

#[test]
fn conversions_truncate_saturate_and_keep_every_integer() {
    let device = device();
    let [mut a, _] = words(20_000);
    a.extend((0..400u32).flat_map(|i| [0x4e80_0000 + (i << 18), 0xce80_0000 + (i << 18), 0x3f00_0000 + (i << 17)]));
    let of = |from, to| device_values(&device, &Func::Cast(to), &[from], std::slice::from_ref(&a));
    let check = |from: DType, to: DType, want: &dyn Fn(u32) -> u32| {
        for (bits, got) in a.iter().zip(of(from, to)) {
            assert_eq!(got, want(*bits), "{from} {bits:#x} ({:?}) to {to}", f32::from_bits(*bits));
        }
    };
    check(DType::F32, DType::I32, &|x| f32::from_bits(x) as i32 as u32);
    check(DType::F32, DType::U32, &|x| f32::from_bits(x) as u32);
    check(DType::F32, DType::Bool, &|x| u32::from(f32::from_bits(x) != 0.0));
    check(DType::I32, DType::F32, &|x| (x as i32 as f32).to_bits());
    check(DType::U32, DType::F32, &|x| (x as f32).to_bits());
    check(DType::I32, DType::U32, &|x| x);
    check(DType::I32, DType::Bool, &|x| u32::from(x != 0));
    check(DType::Bool, DType::F32, &|x| f32::from(u8::from(x != 0)).to_bits());
    check(DType::Bool, DType::I32, &|x| u32::from(x != 0));
}

#[test]
fn narrow_floats_round_to_nearest_even_and_widen_exactly() {
    let device = device();
    let [mut a, _] = words(20_000);
    // Every binary16 value, the middle to the next, and the neighbours of that middle.
    for h in 0..0x7c00u16 {
        let [low, high] = [h, h + 1].map(|h| half::f16::from_bits(h).to_f64());
        let middle = if h == 0x7bff { 65520.0f32 } else { (0.5 * (low + high)) as f32 };
        for x in [low as f32, middle, f32::from_bits(middle.to_bits() - 1), f32::from_bits(middle.to_bits() + 1)] {
            a.extend([x.to_bits(), x.to_bits() | 0x8000_0000]);
        }
    }
    let packed =
        |dtype| evaluate(&device, &expr::pack(dtype, &["x", "-x"], false), &[DType::F32], std::slice::from_ref(&a));
    for (bits, got) in a.iter().zip(packed(DType::F16)) {
        let x = f32::from_bits(*bits);
        let [low, high] = [got as u16, (got >> 16) as u16].map(half::f16::from_bits);
        let want = half::f16::from_f32(x);
        assert!(low.is_nan() && want.is_nan() || low.to_bits() == want.to_bits(), "{x:e}: {low} for {want}");
        assert!(high.is_nan() && want.is_nan() || high.to_bits() == want.to_bits() ^ 0x8000, "{x:e}: {high}");
    }
    for (bits, got) in a.iter().zip(packed(DType::BF16)) {
        let x = f32::from_bits(*bits);
        let low = half::bf16::from_bits(got as u16);
        let want = half::bf16::from_f32(x);
        assert!(low.is_nan() && want.is_nan() || low.to_bits() == want.to_bits(), "{x:e}: {low} for {want}");
    }
    // Two patterns a word, loaded by index.
    let patterns: Vec<u32> = (0..0x8000u32).flat_map(|i| [(2 * i) | ((2 * i + 1) << 16); 2]).collect();
    for dtype in [DType::F16, DType::BF16] {
        let load = format!("bitcast<u32>({})", expr::load(dtype, "in_x", "(2u * (i >> 1u) + (i & 1u))", false));
        // Element i of the buffer of words is pattern i / 2 of them, twice; the words repeat so that lengths agree.
        let got = evaluate(&device, &load, &[DType::U32], std::slice::from_ref(&patterns));
        for (i, &got) in got.iter().enumerate() {
            let pattern = (patterns[i >> 1] >> (16 * (i & 1))) as u16;
            let want = match dtype {
                DType::F16 => half::f16::from_bits(pattern).to_f32(),
                _ => half::bf16::from_bits(pattern).to_f32(),
            };
            let got = f32::from_bits(got);
            assert!(got.is_nan() && want.is_nan() || got.to_bits() == want.to_bits(), "{pattern:#x}: {got:e} {want:e}");
        }
    }
}

#[test]
fn tests_and_comparisons_hold_for_nan() {
    use Func::*;
    let device = device();
    let [a, b] = words(2_000);
    for func in [IsNan, IsFinite, Eq, Ne, Lt, Le, Gt, Ge] {
        let n = func.arity();
        let types = &[DType::F32; 2][..n];
        let inputs = &[a.clone(), b.clone()][..n];
        let got = device_values(&device, &func, types, inputs);
        // The negation, which a compiler may turn into the opposite comparison: wrong for NaN.
        let negated = {
            let call = expr::call(&func, &["x", "y"][..n], types);
            evaluate(&device, &format!("u32({})", expr::call(&Not, &[&call], &[DType::Bool])), types, inputs)
        };
        for i in 0..a.len() {
            let x = [f32::from_bits(a[i]), f32::from_bits(b[i])];
            if x.iter().any(|x| x.is_subnormal()) {
                continue;
            }
            let want = map::value(&func, types, &x.map(f64::from)[..n]) as u32;
            assert_eq!(got[i], want, "{} of {:?}", func.name(), &x[..n]);
            assert_eq!(negated[i], 1 - want, "not {} of {:?}", func.name(), &x[..n]);
        }
    }
}

/// `func` of floats, bit for bit (NaN for NaN).
fn exactly(device: &Device, func: &Func, rows: &[(&[f32], f32)]) {
    let n = func.arity();
    let types = vec![DType::F32; n];
    let inputs: Vec<Vec<u32>> = (0..n).map(|k| rows.iter().map(|r| r.0[k].to_bits()).collect()).collect();
    for (got, (args, want)) in device_values(device, func, &types, &inputs).into_iter().zip(rows) {
        let got = f32::from_bits(got);
        let same = got.is_nan() && want.is_nan() || got.to_bits() == want.to_bits();
        assert!(same, "{} of {args:?}: {got:?} for {want:?}", func.name());
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[test]
fn zeros_infinities_and_other_corners() {
    use Func::*;
    let device = device();
    let (inf, nan, pi) = (f32::INFINITY, f32::NAN, std::f32::consts::PI);
    exactly(&device, &Tanh, &[(&[100.0], 1.0), (&[-100.0], -1.0), (&[inf], 1.0), (&[-0.0], -0.0)]);
    exactly(&device, &Log, &[(&[0.0], -inf), (&[-0.0], -inf), (&[-1.0], nan), (&[inf], inf), (&[1.0], 0.0)]);
    exactly(&device, &Log1p, &[(&[-1.0], -inf), (&[-2.0], nan), (&[-0.0], -0.0), (&[inf], inf)]);
    exactly(&device, &Exp, &[(&[89.0], inf), (&[-inf], 0.0), (&[0.0], 1.0), (&[-200.0], 0.0)]);
    exactly(&device, &Expm1, &[(&[-inf], -1.0), (&[-0.0], -0.0), (&[inf], inf)]);
    exactly(&device, &Sin, &[(&[-0.0], -0.0), (&[inf], nan)]);
    exactly(&device, &Cbrt, &[(&[-27.0], -3.0), (&[-0.0], -0.0), (&[inf], inf), (&[8.0], 2.0)]);
    exactly(&device, &Round, &[(&[0.5], 0.0), (&[1.5], 2.0), (&[2.5], 2.0), (&[-0.5], -0.0), (&[-2.5], -2.0)]);
    exactly(&device, &Sign, &[(&[-0.0], -0.0), (&[3.0], 1.0), (&[-inf], -1.0), (&[nan], nan)]);
    exactly(&device, &Atanh, &[(&[1.0], inf), (&[-1.0], -inf), (&[1.5], nan), (&[-0.0], -0.0)]);
    exactly(&device, &Acosh, &[(&[1.0], 0.0), (&[0.5], nan), (&[inf], inf)]);
    exactly(&device, &Asin, &[(&[1.0], pi / 2.0), (&[-1.0], -pi / 2.0), (&[1.1], nan)]);
    exactly(&device, &Acos, &[(&[1.0], 0.0), (&[-1.0], pi), (&[-1.1], nan)]);
    exactly(&device, &Erfc, &[(&[inf], 0.0), (&[-inf], 2.0)]);
    exactly(&device, &Sigmoid, &[(&[inf], 1.0), (&[-inf], 0.0), (&[0.0], 0.5)]);
    exactly(&device, &Softplus, &[(&[inf], inf), (&[-inf], 0.0), (&[200.0], 200.0)]);
    let rows: &[(&[f32], f32)] = &[
        (&[-2.0, 2.0], 4.0),
        (&[-2.0, 3.0], -8.0),
        (&[-8.0, 1.0 / 3.0], nan),
        (&[nan, 0.0], 1.0),
        (&[1.0, nan], 1.0),
        (&[-1.0, inf], 1.0),
        (&[0.0, -1.0], inf),
        (&[-0.0, -3.0], -inf),
        (&[-0.0, 3.0], -0.0),
        (&[0.0, 2.5], 0.0),
        (&[0.5, inf], 0.0),
        (&[2.0, inf], inf),
        (&[0.5, -inf], inf),
        (&[-inf, 3.0], -inf),
        (&[-inf, -2.0], 0.0),
        (&[inf, 0.5], inf),
        (&[2.0, 127.0], 2.0f32.powi(127)),
        (&[2.0, 128.0], inf),
    ];
    exactly(&device, &Pow, rows);
    let rows: &[(&[f32], f32)] = &[
        (&[0.0, 1.0], 0.0),
        (&[-0.0, 1.0], -0.0),
        (&[0.0, -0.0], pi),
        (&[-0.0, -0.0], -pi),
        (&[0.0, 0.0], 0.0),
        (&[1.0, 0.0], pi / 2.0),
        (&[-1.0, 0.0], -pi / 2.0),
        (&[inf, 1.0], pi / 2.0),
        (&[1.0, -inf], pi),
        (&[-1.0, inf], -0.0),
        (&[nan, 1.0], nan),
    ];
    exactly(&device, &Atan2, rows);
    let rows: &[(&[f32], f32)] = &[
        (&[5.5, 2.0], 1.5),
        (&[-5.5, 2.0], -1.5),
        (&[5.5, -2.0], 1.5),
        (&[-4.0, 2.0], -0.0),
        (&[1.0, 0.0], nan),
        (&[1.0, inf], 1.0),
        (&[inf, 1.0], nan),
        (&[3e38, 1e-30], 3e38f32 % 1e-30),
        (&[1e8, 0.1], 1e8f32 % 0.1),
    ];
    exactly(&device, &Rem, rows);
    exactly(&device, &Min, &[(&[nan, 1.0], nan), (&[1.0, nan], nan), (&[-inf, 1.0], -inf)]);
    exactly(&device, &Max, &[(&[nan, 1.0], nan), (&[1.0, nan], nan), (&[-inf, 1.0], 1.0)]);
    exactly(&device, &Copysign, &[(&[1.0, -0.0], -1.0), (&[-3.0, 0.0], 3.0)]);
}

#[test]
fn random_words_are_those_of_random123() {
    let device = device();
    // Known answers of Random123 1.14, kat_vectors, philox4x32 10: counter, key, words.
    let rows: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, want) in rows {
        let text = format!(
            "random_philox(vec2<u32>({}u, {}u), vec4<u32>({}u, {}u, {}u, {}u))[x]",
            key[0], key[1], counter[0], counter[1], counter[2], counter[3]
        );
        assert_eq!(evaluate(&device, &text, &[DType::U32], &[vec![0, 1, 2, 3]]), want);
    }
    let [a, b] = words(2_000);
    let inputs = [a, b.clone(), b];
    for word in 0..4 {
        let got = device_values(&device, &Func::Philox(word), &[DType::U32; 3], &inputs);
        for (i, &got) in got.iter().enumerate() {
            let args = [0, 1, 2].map(|k| f64::from(inputs[k][i]));
            assert_eq!(f64::from(got), map::value(&Func::Philox(word), &[DType::U32; 3], &args));
        }
    }
}

#[test]
fn literals_are_exact() {
    let device = device();
    let numbers = SPECIAL.iter().map(|&x| f64::from(x)).chain([0.1, -1e-7, 1e30, 123_456.79, -2_147_483_648.0, 4e9]);
    for value in numbers {
        for dtype in DType::ALL {
            let text = expr::literal(value, dtype);
            let bits = if dtype == DType::Bool { format!("u32({text})") } else { format!("bitcast<u32>({text})") };
            let got = evaluate(&device, &bits, &[DType::U32], &[vec![0]])[0];
            let same = dtype.is_float() && f32::from_bits(got).is_nan() && value.is_nan();
            assert!(same || got == expr::encode(value, dtype), "{value} as {dtype}: {text}, {got:#x}");
        }
    }
}
