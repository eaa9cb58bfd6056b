//! The reference against independent formulas, and its bounds against arithmetic in `f32`.

use super::*;
use crate::dtype::DType;
use crate::error::Site;
use crate::graph::{AxisMap, Derivative, Fill, Func, Node, Reduce, Routine, Scan, Scatter, Snippet, View};
use std::sync::Arc;

fn leaf(values: &[f32]) -> Node {
    Host::node(Array::of(values, [values.len()]))
}

fn eval(node: Node) -> Arc<Array> {
    Evaluator::new(&Host::fetch).eval(&[node]).unwrap().remove(0)
}

fn map(func: Func, sources: &[&Node]) -> Node {
    Node::map(func, sources.iter().map(|&n| n.clone()).collect(), Site::here()).unwrap()
}

/// Equal to a few units of f64, or both infinite alike, or both not a number.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
}

/// The arguments every engine got wrong once.
const AWKWARD: [f32; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1e-7,
    -1e-7,
    20.0,
    -20.0,
    89.0,
    -89.0,
    100.0,
    -100.0,
    3.0e38,
    -3.0e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

#[test]
fn functions_of_one_float_agree_with_other_formulas() {
    use Func::*;
    let table: [(Func, fn(f64) -> f64); 20] = [
        (Neg, |x| 0.0 - x),
        (Abs, |x| if x < 0.0 { -x } else { x }),
        (Recip, |x| 1.0 / x),
        (Rsqrt, |x| if x < 0.0 { f64::NAN } else { (1.0 / x.abs()).sqrt().copysign(x) }),
        (Exp2, |x| 2f64.powf(x)),
        (Expm1, |x| if x.abs() < 1e-3 { x + x * x / 2.0 + x * x * x / 6.0 } else { x.exp() - 1.0 }),
        (Log2, |x| x.ln() / std::f64::consts::LN_2),
        (Log1p, |x| if x.abs() < 1e-3 { x - x * x / 2.0 + x * x * x / 3.0 } else { (1.0 + x).ln() }),
        (Tan, |x| x.sin() / x.cos()),
        (Acos, |x| 2.0 * ((1.0 - x).sqrt()).atan2((1.0 + x).sqrt())),
        (Sinh, |x| if x.abs() < 1e-3 { x + x * x * x / 6.0 } else { (x.exp() - (-x).exp()) / 2.0 }),
        (Cosh, |x| (x.exp() + (-x).exp()) / 2.0),
        (Asinh, |x| if x.is_infinite() { x } else { (x.abs() + (x * x + 1.0).sqrt()).ln().copysign(x) }),
        (Acosh, |x| (x + (x - 1.0).sqrt() * (x + 1.0).sqrt()).ln()),
        (Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        (Softplus, |x| if x > 40.0 { x } else { (1.0 + x.exp()).ln() }),
        (Erfc, |x| if x > 3.0 { libm::erfc(x) } else { 1.0 - libm::erf(x) }),
        (Floor, |x| if x.abs() > 1e9 || x.is_nan() { x } else { (x as i64 - i64::from(x < (x as i64) as f64)) as f64 }),
        (Trunc, |x| if x.abs() > 1e9 || x.is_nan() { x } else { (x as i64) as f64 }),
        (Ceil, |x| -(-x).floor()),
    ];
    for (func, formula) in table {
        for x in AWKWARD.map(f64::from) {
            let (got, want) = (map::value(&func, &[DType::F32], &[x]), formula(x));
            // Some of these formulas cancel near zero, and lose digits where they take a logarithm of a large number.
            let close = same(got, want) || (got - want).abs() <= 1e-15 + 4e-14 * want.abs();
            assert!(close, "{func:?}({x}) is {got}, not {want}");
        }
    }
}

#[test]
fn awkward_values_have_their_agreed_results() {
    use Func::*;
    let one = |func: Func, x: f32| bound::apply(&func, &[DType::F32], &[Ball::exact(f64::from(x))]);
    let two = |func: Func, x: f32, y: f32| {
        bound::apply(&func, &[DType::F32; 2], &[Ball::exact(f64::from(x)), Ball::exact(f64::from(y))])
    };
    assert_eq!(one(Tanh, 100.0).value, 1.0);
    assert_eq!(one(Tanh, -100.0).value, -1.0);
    assert_eq!(one(Log, 0.0), Ball::exact(f64::NEG_INFINITY));
    assert_eq!(one(Exp, 89.0), Ball::exact(f64::INFINITY));
    assert!(one(Exp, -200.0).error >= one(Exp, -200.0).value);
    assert!(one(Log, -1.0).value.is_nan() && one(Log, -1.0).is_exact());
    assert_eq!(one(Recip, 0.0), Ball::exact(f64::INFINITY));
    assert!(one(Recip, -0.0).is_unknown());
    assert_eq!(one(Round, 2.5), Ball::exact(2.0));
    assert_eq!(one(Round, -2.5), Ball::exact(-2.0));
    assert_eq!(one(Sign, -0.5), Ball::exact(-1.0));
    assert_eq!(one(IsNan, f32::NAN), Ball::exact(1.0));
    assert_eq!(one(IsFinite, f32::INFINITY), Ball::exact(0.0));
    assert_eq!(one(Bits, 1.0), Ball::exact(f64::from(0x3F80_0000u32)));
    assert_eq!(two(Pow, -2.0, 2.0).value, 4.0);
    assert!(two(Pow, -2.0, 2.0).error < 1e-4);
    assert!(two(Pow, -2.0, 0.5).value.is_nan() && two(Pow, -2.0, 0.5).is_exact());
    assert_eq!(two(Pow, 0.0, 0.0).value, 1.0);
    assert!(two(Rem, 5.0, 0.0).value.is_nan());
    assert!(two(Rem, 5.5, 2.0).error < 1e-5 && two(Rem, 5.5, 2.0).value == 1.5);
    assert_eq!(two(Rem, 6.0, 3.0), Ball::exact(0.0));
    assert!(two(Min, 1.0, f32::NAN).value.is_nan());
    assert!(two(Max, f32::NAN, 1.0).value.is_nan());
    assert_eq!(two(Add, 1.0, 2.0), Ball::exact(3.0));
    assert!(two(Add, 1.0, 1e-9).error > 0.0);
    assert_eq!(two(Ne, f32::NAN, 1.0), Ball::exact(1.0));
    assert_eq!(two(Le, f32::NAN, 1.0), Ball::exact(0.0));
    assert_eq!(two(Atan2, 0.0, -1.0).value, std::f64::consts::PI);
    assert_eq!(two(Copysign, 3.0, -2.0), Ball::exact(-3.0));
    assert_eq!(two(Div, 1.0, 0.0), Ball::exact(f64::INFINITY));
    assert!(two(Div, 0.0, 0.0).value.is_nan());
    assert!(two(Mul, 3e38, 10.0).is_unknown());
    assert_eq!(two(Add, 3e38, 3e38), Ball::exact(f64::INFINITY));
}

#[test]
fn casts_round_saturate_and_keep_bits() {
    use DType::*;
    let cast = |from: DType, to: DType, x: f64| bound::apply(&Func::Cast(to), &[from], &[Ball::exact(x)]);
    assert_eq!(cast(F32, F16, 65519.0), Ball::exact(65504.0));
    assert_eq!(cast(F32, F16, 65520.0), Ball::exact(f64::INFINITY));
    assert_eq!(cast(F32, BF16, 1.00390625), Ball::exact(1.0));
    assert_eq!(cast(F32, I32, 3e9), Ball::exact(f64::from(i32::MAX)));
    assert_eq!(cast(F32, U32, -5.0), Ball::exact(0.0));
    assert_eq!(cast(F32, I32, f64::NAN), Ball::exact(0.0));
    assert_eq!(cast(I32, U32, -1.0), Ball::exact(f64::from(u32::MAX)));
    assert_eq!(cast(U32, I32, f64::from(u32::MAX)), Ball::exact(-1.0));
    assert_eq!(cast(F32, Bool, f64::NAN), Ball::exact(1.0));
    assert_eq!(cast(I32, F32, 16_777_216.0), Ball::exact(16_777_216.0));
    assert_eq!(cast(I32, F32, 16_777_217.0).error.partial_cmp(&1.0), Some(std::cmp::Ordering::Greater));
    let near = bound::apply(&Func::Cast(F16), &[F32], &[Ball { value: 2049.0, error: 0.01 }]);
    assert!(near.error >= 2.0, "either neighbour may come: {near:?}");
}

#[test]
fn jumps_cover_every_outcome() {
    let near = |value: f64| Ball { value, error: 1e-3 };
    let f = |func: Func, args: &[Ball]| bound::apply(&func, &[DType::F32; 2], args);
    assert!(f(Func::Floor, &[near(2.0)]).error >= 1.0);
    assert!(f(Func::Sign, &[near(0.0)]).error >= 1.0);
    assert_eq!(f(Func::Lt, &[near(1.0), Ball::exact(1.0005)]).error, 1.0);
    assert_eq!(f(Func::Lt, &[near(1.0), Ball::exact(1.5)]).error, 0.0);
    assert!(f(Func::Div, &[Ball::exact(1.0), near(0.0)]).is_unknown());
    assert!(f(Func::Tan, &[near(std::f64::consts::FRAC_PI_2)]).is_unknown());
    assert!(f(Func::Log, &[near(0.0)]).is_unknown());
    assert!(f(Func::Atan2, &[near(0.0), Ball::exact(-1.0)]).error >= 6.0);
    let kinds = [DType::Bool, DType::F32, DType::F32];
    let unsure = Ball { value: 1.0, error: 1.0 };
    let picked = bound::apply(&Func::Select, &kinds, &[unsure, Ball::exact(5.0), Ball::exact(2.0)]);
    assert!(picked.value == 5.0 && picked.error >= 3.0);
    let truncated = bound::apply(&Func::Cast(DType::I32), &[DType::F32], &[near(3.0)]);
    assert!(truncated.error >= 1.0);
    let both = bound::apply(&Func::And, &[DType::Bool; 2], &[unsure, Ball::exact(0.0)]);
    assert_eq!(both, Ball::exact(0.0));
}

#[test]
fn integers_wrap_and_their_bounds_know_it() {
    let f = |func: Func, kind: DType, args: &[f64]| {
        let balls: Vec<Ball> = args.iter().map(|&x| Ball::exact(x)).collect();
        bound::apply(&func, &[kind; 3], &balls).value
    };
    let (min, max) = (f64::from(i32::MIN), f64::from(i32::MAX));
    assert_eq!(f(Func::Add, DType::I32, &[max, 1.0]), min);
    assert_eq!(f(Func::Mul, DType::U32, &[65536.0, 65537.0]), 65536.0);
    assert_eq!(f(Func::Neg, DType::U32, &[1.0]), f64::from(u32::MAX));
    assert_eq!(f(Func::Abs, DType::I32, &[min]), min);
    assert_eq!(f(Func::Not, DType::I32, &[0.0]), -1.0);
    assert_eq!(f(Func::Shl, DType::U32, &[1.0, 33.0]), 2.0);
    assert_eq!(f(Func::Philox(0), DType::U32, &[0.0, 0.0, 0.0]), f64::from(0x6627_e8d5u32));
    let unsure = |value: f64| Ball { value, error: 1.0 };
    let g = |func: Func, a: Ball, b: Ball| bound::apply(&func, &[DType::I32; 2], &[a, b]);
    assert!(g(Func::Add, unsure(3.0), unsure(4.0)).error < 2.1);
    assert!(g(Func::Add, unsure(max), Ball::exact(0.0)).is_unknown());
    assert!(g(Func::Div, unsure(7.0), Ball::exact(2.0)).error < 1.1);
    assert!(g(Func::And, unsure(7.0), Ball::exact(2.0)).is_unknown());
}

#[test]
fn reductions_of_awkward_rows() {
    let row = |values: &[f32]| leaf(values);
    let reduce = |kind: Reduce, x: &Node| eval(Node::reduce(kind, x, &[0], Site::here()).unwrap()).ball(0);
    let x = row(&[3.0, f32::NAN, 5.0, f32::NAN]);
    assert!(reduce(Reduce::Max, &x).value.is_nan() && reduce(Reduce::Min, &x).value.is_nan());
    assert_eq!(reduce(Reduce::MaxNumber, &x), Ball::exact(5.0));
    assert_eq!(reduce(Reduce::ArgMax, &x), Ball::exact(1.0));
    assert_eq!(reduce(Reduce::ArgMin, &x), Ball::exact(1.0));
    assert_eq!(reduce(Reduce::ArgMax, &row(&[1.0, 7.0, 7.0])), Ball::exact(1.0));
    assert_eq!(reduce(Reduce::ArgMin, &row(&[2.0, 1.0, 1.0])), Ball::exact(1.0));
    let empty = row(&[]);
    assert_eq!(reduce(Reduce::Sum, &empty), Ball::exact(0.0));
    assert_eq!(reduce(Reduce::Prod, &empty), Ball::exact(1.0));
    assert_eq!(reduce(Reduce::Max, &empty), Ball::exact(f64::NEG_INFINITY));
    assert_eq!(reduce(Reduce::Sum, &row(&[1.0; 1000])), Ball::exact(1000.0));
    assert_eq!(reduce(Reduce::Sum, &row(&[0.25; 7])), Ball::exact(1.75));
    let tenths = reduce(Reduce::Sum, &row(&[0.1; 10]));
    assert!(tenths.error > 0.0 && tenths.error < 2e-6);
    assert!(reduce(Reduce::Sum, &row(&[3e38, 3e38, -3e38])).is_unknown());
    assert_eq!(reduce(Reduce::Sum, &row(&[3e38, 3e38])), Ball::exact(f64::INFINITY));
    assert!(reduce(Reduce::Prod, &row(&[1e30, 1e30, 1e-30, 1e-30])).is_unknown());
    let ints = Host::node(Array::of(&[i32::MAX, 1], [2]));
    assert_eq!(reduce(Reduce::Sum, &ints), Ball::exact(f64::from(i32::MIN)));
    let bools = Host::node(Array::of(&[false, true], [2]));
    assert_eq!((reduce(Reduce::Max, &bools).value, reduce(Reduce::Min, &bools).value), (1.0, 0.0));
    let close = map(Func::Exp, &[&row(&[1.0, 1.000_000_1, 0.0])]);
    assert!(reduce(Reduce::ArgMax, &close).error >= 1.0, "two nearly equal numbers of which either may win");
}

#[test]
fn reductions_over_middle_axes_keep_their_places() {
    let x: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let x = Host::node(Array::of(&x, [2, 3, 4]));
    let sum = eval(Node::reduce(Reduce::Sum, &x, &[1], Site::here()).unwrap());
    assert_eq!(sum.values, [12.0, 15.0, 18.0, 21.0, 48.0, 51.0, 54.0, 57.0]);
    let at = eval(Node::reduce(Reduce::ArgMax, &x, &[0, 2], Site::here()).unwrap());
    assert_eq!(at.values, [7.0; 3]);
}

#[test]
fn views_pad_flip_dilate_and_slide() {
    let x = leaf(&[1.0, 2.0, 3.0]);
    let view = |terms: &[(usize, i64)], offset, divisor, fill, shape: &[usize]| {
        let axes = vec![AxisMap { terms: terms.to_vec(), offset, divisor }];
        eval(Node::view(&x, View { axes, fill }, shape.into(), Site::here()).unwrap()).values.clone()
    };
    assert_eq!(view(&[(0, -1)], 2, 1, Fill::Zero, &[3]), [3.0, 2.0, 1.0]);
    assert_eq!(view(&[(0, 1)], -1, 1, Fill::One, &[5]), [1.0, 1.0, 2.0, 3.0, 1.0]);
    assert_eq!(view(&[(0, 1)], 0, 2, Fill::Zero, &[5]), [1.0, 0.0, 2.0, 0.0, 3.0]);
    assert_eq!(view(&[(0, 1), (1, 1)], 0, 1, Fill::Zero, &[2, 2]), [1.0, 2.0, 2.0, 3.0]);
    assert_eq!(view(&[], 1, 1, Fill::Zero, &[2]), [2.0, 2.0]);
    assert_eq!(view(&[(0, 1)], 3, 1, Fill::Lowest, &[1]), [f64::from(f32::MIN)]);
}

#[test]
fn gathering_outside_gives_no_number() {
    let x = leaf(&[1.0, 2.0, 3.0]);
    let index = Host::node(Array::of(&[2i32, 0, 3, -1], [4]));
    let y = eval(Node::gather(&x, 0, &index, Site::here()).unwrap());
    assert_eq!(y.values[..2], [3.0, 1.0]);
    assert!(y.values[2].is_nan() && y.values[3].is_nan() && y.errors.is_empty());
}

#[test]
fn routines_by_hand() {
    let site = Site::here();
    let a = Host::node(Array::of(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 2, 3]));
    let b = Host::node(Array::of(&[1.0f32, 0.0, 0.0, 1.0, 1.0, 1.0], [1, 3, 2]));
    let c = eval(Node::routine(Routine::Matmul, vec![a, b], site).unwrap());
    assert_eq!(c.values, [4.0, 5.0, 10.0, 11.0]);
    assert!(c.errors.is_empty(), "small integers multiply and add without rounding");
    let x = Host::node(Array::of(&[3.0f32, -1.0, f32::NAN, 2.0, 2.0, -1.0], [1, 6]));
    let order = |descending| eval(Node::routine(Routine::ArgSort { descending }, vec![x.clone()], site).unwrap());
    assert_eq!(order(false).values, [1.0, 5.0, 3.0, 4.0, 0.0, 2.0]);
    assert_eq!(order(true).values, [2.0, 0.0, 3.0, 4.0, 1.0, 5.0]);
    assert!(order(true).errors.is_empty());
    let s = Host::node(Array::of(&[1.0f32, -2.0, 4.0], [1, 3]));
    let scan = |kind| eval(Node::routine(Routine::Scan(kind), vec![s.clone()], site).unwrap()).values.clone();
    assert_eq!(scan(Scan::Sum), [1.0, -1.0, 3.0]);
    assert_eq!(scan(Scan::Prod), [1.0, -2.0, -8.0]);
    assert_eq!(scan(Scan::Max), [1.0, 1.0, 4.0]);
    assert_eq!(scan(Scan::Min), [1.0, -2.0, -2.0]);
    let half = Host::node(Array::of(&[0.5f32; 3], [1, 3]));
    let rec = eval(Node::routine(Routine::LinRec, vec![half, s], site).unwrap());
    assert_eq!(rec.values, [1.0, -1.5, 3.25]);
}

#[test]
fn scatters_by_hand() {
    let site = Site::here();
    let base = Host::node(Array::of(&[10.0f32, 20.0, 30.0], [3, 1]));
    let index = Host::node(Array::of(&[2u32, 0, 2, 9], [4]));
    let order = Host::node(Array::of(&[1u32, 0, 2, 3], [4]));
    let source = Host::node(Array::of(&[1.0f32, 2.0, 50.0, 7.0], [4, 1]));
    let run = |kind| {
        let sources = vec![base.clone(), index.clone(), order.clone(), source.clone()];
        eval(Node::routine(Routine::Scatter(kind), sources, site).unwrap()).values.clone()
    };
    assert_eq!(run(Scatter::Add), [12.0, 20.0, 81.0]);
    assert_eq!(run(Scatter::Max), [10.0, 20.0, 50.0]);
    assert_eq!(run(Scatter::Min), [2.0, 20.0, 1.0]);
    assert_eq!(run(Scatter::Replace), [2.0, 20.0, 50.0]);
}

#[test]
fn nearly_equal_numbers_sort_in_either_order() {
    let x = map(Func::Exp, &[&leaf(&[1.0, 5.0, 1.000_000_1, -3.0])]);
    let x = Node::reshape(&x, [1, 4].into(), Site::here()).unwrap();
    let order = eval(Node::routine(Routine::ArgSort { descending: false }, vec![x], Site::here()).unwrap());
    assert_eq!(order.values, [3.0, 0.0, 2.0, 1.0]);
    assert_eq!(order.errors, [0.0, 2.0, 2.0, 0.0]);
}

#[test]
fn snippets_are_sampled_where_their_rounding_may_put_them() {
    let soft = Snippet {
        module: "soft".into(),
        wgsl: String::new(),
        entry: "soft".into(),
        args: vec![crate::graph::Arg::Scalar; 2],
        mirror: Arc::new(|x: &[f64]| if x[0].abs() <= x[1] { 0.0 } else { x[0] }),
        derivatives: vec![Derivative::Missing, Derivative::Missing],
        ulps: 2.0,
    };
    let call = Func::Call(Arc::new(soft));
    let f = |x: f64| bound::apply(&call, &[DType::F32; 2], &[Ball::exact(x), Ball::exact(1.0)]);
    assert!(f(1.0).error >= 1.0, "at the threshold either side may come");
    assert_eq!(f(0.5).error, 0.0);
    assert!(f(2.0).error < 1e-5);
}

/// A small deterministic generator.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn uniform(&mut self) -> f32 {
        self.next() as f32 / (1u64 << 31) as f32
    }
}

/// One function in `f32`, rounded by the host's arithmetic.
fn in_f32(func: &Func, x: &[f32]) -> f32 {
    use Func::*;
    let a = x[0];
    match func {
        Neg => -a,
        Abs => a.abs(),
        Recip => 1.0 / a,
        Sqrt => a.sqrt(),
        Exp => a.exp(),
        Log => a.ln(),
        Sin => a.sin(),
        Cos => a.cos(),
        Tanh => a.tanh(),
        Sigmoid => 1.0 / (1.0 + (-a).exp()),
        Floor => a.floor(),
        Sign if a == 0.0 => 0.0,
        Sign => a.signum(),
        Add => a + x[1],
        Sub => a - x[1],
        Mul => a * x[1],
        Div => a / x[1],
        Min => a.min(x[1]),
        Max => a.max(x[1]),
        Pow => a.powf(x[1]),
        Atan2 => a.atan2(x[1]),
        other => unreachable!("bug: {other:?} is not drawn"),
    }
}

#[test]
fn bounds_cover_random_expressions_in_f32() {
    use Func::*;
    let funcs = [
        Neg, Abs, Recip, Sqrt, Exp, Log, Sin, Cos, Tanh, Sigmoid, Floor, Sign, Add, Sub, Mul, Div, Min, Max, Pow, Atan2,
    ];
    let mut random = Random(20_240_611);
    let (mut bounded, mut total) = (0usize, 0usize);
    for round in 0..2_000 {
        let data: Vec<Vec<f32>> = (0..3).map(|_| (0..8).map(|_| random.uniform() * 6.0 - 3.0).collect()).collect();
        let mut nodes: Vec<(Node, Vec<f32>)> = data.iter().map(|d| (leaf(d), d.clone())).collect();
        for _ in 0..1 + random.below(12) {
            let func = &funcs[random.below(funcs.len())];
            let args: Vec<usize> = (0..func.arity()).map(|_| random.below(nodes.len())).collect();
            let node = map(func.clone(), &args.iter().map(|&i| &nodes[i].0).collect::<Vec<_>>());
            let values =
                (0..8).map(|e| in_f32(func, &args.iter().map(|&i| nodes[i].1[e]).collect::<Vec<_>>())).collect();
            nodes.push((node, values));
        }
        let (root, emulated) = nodes.pop().expect("at least the leaves");
        let want = eval(root.clone());
        // The host's min and max drop not-a-number, so such expressions are not compared.
        let got: Vec<f64> = emulated.iter().map(|&x| f64::from(x)).collect();
        let dropped = |i: usize| want.values[i].is_nan() != got[i].is_nan();
        let verdicts = (0..8).filter(|&i| !dropped(i)).map(|i| {
            let one = Array {
                shape: [1].into(),
                dtype: DType::F32,
                values: vec![want.values[i]],
                errors: vec![want.error(i)],
            };
            compare(&got[i..=i], &one)
        });
        for verdict in verdicts {
            assert!(verdict.passed, "round {round}: {verdict} in {root:?}");
            total += 1;
            bounded += usize::from(verdict.unknown == 0);
        }
    }
    assert!(bounded * 10 > total * 8, "bounds say something for {bounded} of {total} only");
}

#[test]
fn bounds_cover_sums_and_products_in_f32_of_any_order() {
    let mut random = Random(7);
    for n in [1usize, 2, 3, 255, 256, 257, 5_003] {
        let x: Vec<f32> = (0..n).map(|_| random.uniform() * 2.0 - 1.0).collect();
        let want = eval(Node::reduce(Reduce::Sum, &leaf(&x), &[0], Site::here()).unwrap());
        let serial = x.iter().fold(0.0f32, |s, v| s + v);
        let backward = x.iter().rev().fold(0.0f32, |s, v| s + v);
        let lanes: f32 = (0..64).map(|l| x.iter().skip(l).step_by(64).fold(0.0f32, |s, v| s + v)).sum();
        for got in [serial, backward, lanes] {
            assert!(compare(&[f64::from(got)], &want).passed);
        }
        let scaled: Vec<f32> = x.iter().map(|v| 1.0 + v * 0.01).collect();
        let want = eval(Node::reduce(Reduce::Prod, &leaf(&scaled), &[0], Site::here()).unwrap());
        let got = scaled.iter().fold(1.0f32, |p, v| p * v);
        assert!(compare(&[f64::from(got)], &want).passed);
    }
}
