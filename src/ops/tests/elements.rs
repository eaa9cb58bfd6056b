use super::*;
use crate::dtype::DType;
use crate::ops::Fixed;

const X: [f32; 6] = [-1.7, -0.4, 0.0, 0.3, 0.9, 2.5];

#[track_caller]
fn unary(data: &[f32], f: impl Fn(&Tensor) -> Tensor, want: impl Fn(f64) -> f64) {
    let expected: Vec<f64> = data.iter().map(|&x| want(f64::from(x))).collect();
    let t = f(&host(data, [data.len()]));
    assert_eq!(dims(&t), [data.len()]);
    let array = Evaluator::new(&Host::fetch).real().eval(&[node(&t)]).unwrap();
    for ((&x, &g), &w) in data.iter().zip(&array[0].values).zip(&expected) {
        assert!(same(g, w), "f({x}) = {g}, want {w}");
    }
}

#[test]
fn functions_of_one_number_are_the_ones_named() {
    unary(&X, |x| x.neg(), |x| -x);
    unary(&X, |x| x.abs(), f64::abs);
    unary(&X, |x| x.sign(), |x| if x == 0.0 { 0.0 } else { x.signum() });
    unary(&[0.5, -4.0], |x| x.recip(), |x| 1.0 / x);
    unary(&[0.0, 2.0], |x| x.sqrt(), f64::sqrt);
    unary(&[0.25, 2.0], |x| x.rsqrt(), |x| 1.0 / x.sqrt());
    unary(&X, |x| x.cbrt(), f64::cbrt);
    unary(&X, |x| x.exp(), f64::exp);
    unary(&X, |x| x.exp2(), f64::exp2);
    unary(&X, |x| x.expm1(), f64::exp_m1);
    unary(&[0.2, 3.0], |x| x.log(), f64::ln);
    unary(&[0.2, 3.0], |x| x.log2(), f64::log2);
    unary(&[-0.2, 3.0], |x| x.log1p(), f64::ln_1p);
    unary(&X, |x| x.sin(), f64::sin);
    unary(&X, |x| x.cos(), f64::cos);
    unary(&X, |x| x.tan(), f64::tan);
    unary(&[-0.7, 0.3], |x| x.asin(), f64::asin);
    unary(&[-0.7, 0.3], |x| x.acos(), f64::acos);
    unary(&X, |x| x.atan(), f64::atan);
    unary(&X, |x| x.sinh(), f64::sinh);
    unary(&X, |x| x.cosh(), f64::cosh);
    unary(&X, |x| x.tanh(), f64::tanh);
    unary(&X, |x| x.asinh(), f64::asinh);
    unary(&[1.0, 3.0], |x| x.acosh(), f64::acosh);
    unary(&[-0.7, 0.3], |x| x.atanh(), f64::atanh);
    unary(&X, |x| x.floor(), f64::floor);
    unary(&X, |x| x.ceil(), f64::ceil);
    unary(&[0.5, 1.5, -2.5], |x| x.round(), f64::round_ties_even);
    unary(&X, |x| x.trunc(), f64::trunc);
    unary(&X, |x| x.fract(), |x| x - x.floor());
    unary(&X, |x| x.square(), |x| x * x);
    unary(&X, |x| x.detach(), |x| x);
    check(&host(&[0.5f32, -1.0], [2]).erf(), &[2], &[0.520_499_877_813_046_5, -0.842_700_792_949_714_9]);
    check(&host(&[0.5f32, 3.0], [2]).erfc(), &[2], &[0.479_500_122_186_953_5, 2.209_049_699_858_544e-5]);
}

#[test]
fn activations_follow_their_formulas() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    unary(&X, |x| x.sigmoid(), sigmoid);
    unary(&X, |x| x.log_sigmoid(), |x| sigmoid(x).ln());
    unary(&X, |x| x.softplus(), |x| x.exp().ln_1p());
    unary(&X, |x| x.relu(), |x| x.max(0.0));
    unary(&X, |x| x.leaky_relu(0.125), |x| if x > 0.0 { x } else { 0.125 * x });
    unary(&X, |x| x.elu(1.5), |x| if x > 0.0 { x } else { 1.5 * x.exp_m1() });
    unary(&X, |x| x.silu(), |x| x * sigmoid(x));
    unary(&X, |x| x.mish(), |x| x * x.exp().ln_1p().tanh());
    unary(&X, |x| x.hardswish(), |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0);
    let u = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    unary(&X, |x| x.gelu_tanh(), |x| 0.5 * x * (1.0 + u(x).tanh()));
    // x Phi(x) at 1 and -1.
    check(&host(&[1.0f32, -1.0], [2]).gelu(), &[2], &[0.841_344_746_068_542_9, -0.158_655_253_931_457_05]);
}

#[test]
fn activations_keep_their_accuracy_far_out() {
    let far = host(&[-100.0f32, 100.0, f32::NAN], [3]);
    for (t, want) in [
        (far.relu(), [0.0, 100.0]),
        (far.elu(1.0), [-1.0, 100.0]),
        (far.softplus(), [0.0, 100.0]),
        (far.log_sigmoid(), [-100.0, 0.0]),
        (far.silu(), [0.0, 100.0]),
        (far.gelu(), [0.0, 100.0]),
        (far.gelu_tanh(), [0.0, 100.0]),
        (far.mish(), [0.0, 100.0]),
    ] {
        let array = bounded(&t);
        for (i, want) in want.into_iter().enumerate() {
            assert!((array.values[i] - want).abs() <= 1e-30 + array.error(i), "{:?}", array.values);
            // Some units in the last place, no more.
            assert!(array.error(i) < 32.0 * f64::from(f32::EPSILON) * want.abs().max(1.0), "bound {}", array.error(i));
        }
        assert!(array.values[2].is_nan());
    }
    // The left tail of gelu keeps its digits: -8 Phi(-8).
    let tail = bounded(&host(&[-8.0f32], [1]).gelu());
    assert!((tail.values[0] / -4.976_768_456_699_87e-15 - 1.0).abs() < 1e-9, "{}", tail.values[0]);
    assert!(tail.error(0) < 1e-3 * tail.values[0].abs());
}

#[test]
fn operators_take_tensors_and_numbers_on_either_side() {
    let (x, y) = (host(&[6.0f32, -7.0], [2]), host(&[4.0f32, 2.0], [2]));
    check(&(&x + &y), &[2], &[10.0, -5.0]);
    check(&(x.clone() - y.clone()), &[2], &[2.0, -9.0]);
    check(&(&x * y.clone()), &[2], &[24.0, -14.0]);
    check(&(x.clone() / &y), &[2], &[1.5, -3.5]);
    check(&(&x % 4.0), &[2], &[2.0, -3.0]);
    check(&(1.0 - &x), &[2], &[-5.0, 8.0]);
    check(&(2.0f32 * x.clone()), &[2], &[12.0, -14.0]);
    check(&(12 / &x.abs()), &[2], &[2.0, 12.0 / 7.0]);
    check(&(&x + Fixed(1.0)), &[2], &[7.0, -6.0]);
    check(&-&x, &[2], &[-6.0, 7.0]);
    let (i, b) = (host(&[6i32, -7], [2]), host(&[true, false], [2]));
    check(&(&i / 4), &[2], &[1.0, -1.0]);
    check(&(&i % 4), &[2], &[2.0, -3.0]);
    check(&(&i & 3), &[2], &[2.0, 1.0]);
    check(&(&i | 1), &[2], &[7.0, -7.0]);
    check(&(&i ^ 1), &[2], &[7.0, -8.0]);
    check(&i.shl(2), &[2], &[24.0, -28.0]);
    check(&i.shr(1u32), &[2], &[3.0, -4.0]);
    check(&!&i, &[2], &[-7.0, 6.0]);
    check(&!&b, &[2], &[0.0, 1.0]);
    check(&(&b & true), &[2], &[1.0, 0.0]);
    assert!(error(&(&i * 0.5)).contains("0.5 beside a tensor of dtype i32"));
    assert!(error(&(&host(&[1u32], [1]) - -1)).contains("cannot hold it"));
    assert!(error(&(&x + &i)).starts_with("add: dtypes f32, i32"));
    assert!(error(&host(&[1i32], [1]).exp()).contains("it takes f32"));
}

#[test]
fn binary_functions_and_comparisons() {
    let (x, y) = (host(&[1.0f32, f32::NAN, -3.0], [3]), host(&[2.0f32, 1.0, -3.0], [3]));
    check(&x.minimum(&y), &[3], &[1.0, f64::NAN, -3.0]);
    check(&x.maximum(0.5), &[3], &[1.0, f64::NAN, 0.5]);
    check(&x.clamp(-1.0, 0.5), &[3], &[0.5, f64::NAN, -1.0]);
    check(&x.eq(&y), &[3], &[0.0, 0.0, 1.0]);
    check(&x.ne(&y), &[3], &[1.0, 1.0, 0.0]);
    check(&x.lt(&y), &[3], &[1.0, 0.0, 0.0]);
    check(&x.le(&y), &[3], &[1.0, 0.0, 1.0]);
    check(&x.gt(-3.0), &[3], &[1.0, 0.0, 0.0]);
    check(&x.ge(-3.0), &[3], &[1.0, 0.0, 1.0]);
    check(&x.is_nan(), &[3], &[0.0, 1.0, 0.0]);
    check(&x.is_finite(), &[3], &[1.0, 0.0, 1.0]);
    check(&host(&[f32::NEG_INFINITY, f32::NAN, 0.0], [3]).is_inf(), &[3], &[1.0, 0.0, 0.0]);
    check(&x.gt(0.0).select(&x, 9.0), &[3], &[1.0, 9.0, 9.0]);
    check(&x.gt(0.0).select(1, 0), &[3], &[1.0, 0.0, 0.0]);
    let odd = host(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2.0], [4]);
    check(&odd.nan_to_num(0.0, 7.0, -7.0), &[4], &[0.0, 7.0, -7.0, 2.0]);
    check(&y.pow(3.0), &[3], &[8.0, 1.0, -27.0]);
    check(&y.powi(-2), &[3], &[0.25, 1.0, 1.0 / 9.0]);
    check(&host(&[3i32, -2], [2]).powi(5), &[2], &[243.0, -32.0]);
    check(&host(&[3i32], [1]).powi(0), &[1], &[1.0]);
    check(&y.atan2(-1.0), &[3], &[2f64.atan2(-1.0), 1f64.atan2(-1.0), (-3f64).atan2(-1.0)]);
    check(&y.copysign(-1.0), &[3], &[-2.0, -1.0, -3.0]);
    check(&y.fma(2.0, 1.0), &[3], &[5.0, 3.0, -5.0]);
    check(&y.lerp(4.0, 0.25), &[3], &[2.5, 1.75, -1.25]);
    check(&y.logical_and(&host(&[1.0f32, 0.0, 2.0], [3])), &[3], &[1.0, 0.0, 1.0]);
    check(&host(&[0i32, 1], [2]).logical_or(0), &[2], &[0.0, 1.0]);
    check(&host(&[0u32, 1], [2]).logical_xor(1), &[2], &[1.0, 0.0]);
    check(&host(&[0.0f32, 1.0], [2]).logical_not(), &[2], &[1.0, 0.0]);
    check(&host(&[1.0f32], [1]).bits(), &[1], &[f64::from(0x3F80_0000)]);
    check(&host(&[0x4000_0000u32], [1]).from_bits(), &[1], &[2.0]);
}

#[test]
fn operands_broadcast_and_empty_ones_stay_empty() {
    let (column, row) = (host(&[1.0f32, 2.0], [2, 1]), host(&[10.0f32, 20.0, 30.0], [3]));
    check(&(&column + &row), &[2, 3], &[11.0, 21.0, 31.0, 12.0, 22.0, 32.0]);
    check(&(&host::<f32>(&[], [0, 1]) * &row), &[0, 3], &[]);
    check(&host(&[5.0f32], ()).add(&host(&[1.0f32], [1, 1])), &[1, 1], &[6.0]);
    let message = error(&(&host(&[1.0f32; 2], [2]) + &row));
    assert!(message.contains("[2] and [3] do not broadcast"), "{message}");
}

#[test]
fn narrow_floats_compute_in_f32_and_casts_round() {
    use half::{bf16, f16};
    let x = host(&[f16::from_f32(1.5), f16::from_f32(-2.0)], [2]);
    assert_eq!((&x + 1.0).dtype().unwrap(), DType::F32);
    check(&(&x + &host(&[0.25f32, 1.0], [2])), &[2], &[1.75, -1.0]);
    assert_eq!(x.relu().dtype().unwrap(), DType::F32);
    assert_eq!(x.flip(0).dtype().unwrap(), DType::F16);
    let third = host(&[1.0f32 / 3.0, f32::NAN, -5.7], [3]);
    let array = bounded(&third.cast(DType::BF16));
    assert_eq!(array.values[0], bf16::from_f32(1.0 / 3.0).to_f64());
    check(&third.cast(DType::I32), &[3], &[0.0, 0.0, -5.0]);
    check(&third.cast(DType::Bool).cast(DType::U32), &[3], &[1.0, 1.0, 1.0]);
}
