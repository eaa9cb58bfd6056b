//! Gradients of every scalar function against finite differences in f64, to second order; and the API's manners.

use ridgepoint::dtype::DType;
use ridgepoint::error::Site;
use ridgepoint::graph::{Arg, Derivative, Fill, Func, Node, Reduce, Snippet, View};
use ridgepoint::pass::grad::{gradient, jvp, vjp};
use ridgepoint::pass::jacobian::jacobian;
use ridgepoint::reference::{Array, Evaluator, Host, directional};
use ridgepoint::shape::Shape;
use std::sync::Arc;

/// A small deterministic source of numbers (SplitMix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Uniform in the interval.
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A leaf with elements in the interval.
    pub fn leaf(&mut self, shape: &[usize], low: f64, high: f64) -> Node {
        let values = (0..shape.iter().product()).map(|_| self.within(low, high)).collect();
        leaf(shape, values)
    }

    /// A leaf whose elements are far from ties with each other: a shuffled grid.
    pub fn apart(&mut self, shape: &[usize]) -> Node {
        let n: usize = shape.iter().product();
        let mut values: Vec<f64> = (0..n).map(|i| 0.5 + i as f64 / n as f64).collect();
        (1..n).for_each(|i| values.swap(i, self.below(i + 1)));
        leaf(shape, values)
    }

    /// A leaf of small whole numbers, whose sums and products are exact.
    pub fn whole(&mut self, shape: &[usize]) -> Node {
        let values = (0..shape.iter().product()).map(|_| self.below(17) as f64 - 8.0).collect();
        leaf(shape, values)
    }
}

pub fn leaf(shape: &[usize], values: Vec<f64>) -> Node {
    Host::node(Array::exact(shape, DType::F32, values))
}

pub fn indices(shape: &[usize], values: &[u32]) -> Node {
    Host::node(Array::of(values, shape))
}

pub fn site() -> Site {
    Site::here()
}

pub fn map(func: Func, sources: &[&Node]) -> Node {
    Node::map(func, sources.iter().map(|&n| n.clone()).collect(), site()).unwrap()
}

/// The real-valued elements.
pub fn values(node: &Node) -> Vec<f64> {
    Evaluator::new(&Host::fetch).real().eval(std::slice::from_ref(node)).unwrap()[0].values.clone()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Backward products in one direction of f64: the reference and the graph sum in different orders.
fn assert_close(label: &str, got: f64, want: f64, size: f64, spread: f64) {
    let bound = size * 1024.0 * f64::EPSILON + 4.0 * spread;
    assert!((got - want).abs() <= bound, "{label}: got {got}, want {want}, bound {bound:e}");
}

/// `vjp` and `jvp` of `root` in a random direction against finite differences and against each other.
pub fn check_first(label: &str, root: &Node, targets: &[Node]) {
    let numbers = &mut Numbers(label.bytes().fold(7, |h, b| h * 31 % 1_000_003 + u64::from(b)));
    let w = numbers.leaf(root.shape(), -1.0, 1.0);
    let v: Vec<Node> = targets.iter().map(|t| numbers.leaf(t.shape(), -1.0, 1.0)).collect();
    let backward = vjp(std::slice::from_ref(root), std::slice::from_ref(&w), targets, site()).unwrap();
    let forward = jvp(std::slice::from_ref(root), targets, &v, site()).unwrap().swap_remove(0);
    for (t, b) in targets.iter().zip(&backward) {
        assert_eq!((b.shape(), b.dtype()), (t.shape(), DType::F32), "{label}");
    }

    let directions: Vec<_> = targets.iter().cloned().zip(v.iter().map(values)).collect();
    let slope = directional(root, &directions, &Host::fetch).unwrap();
    let (w, jv) = (values(&w), values(&forward));
    let size: f64 = w.iter().zip(&slope.values).map(|(w, s)| (w * s).abs()).sum();
    let spread: f64 = w.iter().zip(&slope.spread).map(|(w, s)| (w * s).abs()).sum();
    assert!(spread <= 1e-6 * (1.0 + size), "{label}: the difference quotient is not sharp: {spread:e} of {size:e}");
    let pulled: f64 = backward.iter().zip(&v).map(|(b, v)| dot(&values(b), &values(v))).sum();
    assert_close(&format!("{label}: vjp"), pulled, dot(&w, &slope.values), 1.0 + size, spread);
    for (i, &got) in jv.iter().enumerate() {
        let want = slope.values[i];
        assert_close(&format!("{label}: jvp[{i}]"), got, want, 1.0 + want.abs(), slope.spread[i]);
    }
    assert_close(&format!("{label}: adjoint"), pulled, dot(&w, &jv), 1.0 + size, 0.0);
}

/// First order, and the gradient's own derivative with respect to the targets and the cotangent.
pub fn check(label: &str, root: &Node, targets: &[Node]) {
    check_first(label, root, targets);
    let w = Numbers(3).leaf(root.shape(), 0.5, 1.5);
    let first = vjp(std::slice::from_ref(root), std::slice::from_ref(&w), targets, site()).unwrap();
    let all: Vec<Node> = targets.iter().cloned().chain([w]).collect();
    for (ix, node) in first.iter().enumerate() {
        check_first(&format!("{label}: second order {ix}"), node, &all);
    }
}

/// Intervals inside the domain, away from kinks; empty: no float arguments.
fn domains(func: &Func) -> Vec<Vec<(f64, f64)>> {
    use Func::*;
    let one = |low, high| vec![vec![(low, high)]];
    match func {
        Neg
        | Exp
        | Exp2
        | Expm1
        | Sin
        | Cos
        | Atan
        | Sinh
        | Cosh
        | Tanh
        | Asinh
        | Sigmoid
        | Softplus
        | Erf
        | Erfc
        | Detach
        | Cast(DType::F32 | DType::F16 | DType::BF16) => one(-1.7, 1.9),
        Abs | Sign | Recip | Cbrt => vec![vec![(0.4, 2.0)], vec![(-2.0, -0.4)]],
        Sqrt | Rsqrt | Log | Log2 | Log1p => one(0.4, 3.0),
        Tan => one(-1.1, 1.1),
        Asin | Acos | Atanh => one(-0.8, 0.8),
        Acosh => one(1.3, 3.0),
        Floor | Ceil | Round | Trunc => one(0.6, 0.9),
        Add | Sub | Mul => vec![vec![(-2.0, 2.0); 2]],
        Div => vec![vec![(-2.0, 2.0), (0.5, 2.0)], vec![(-2.0, 2.0), (-2.0, -0.5)]],
        Rem => vec![vec![(7.2, 7.4), (2.1, 2.2)], vec![(-7.4, -7.2), (2.1, 2.2)], vec![(7.2, 7.4), (-2.2, -2.1)]],
        Min | Max => vec![vec![(0.0, 1.0), (1.1, 2.0)], vec![(1.1, 2.0), (0.0, 1.0)]],
        Pow => vec![vec![(0.5, 2.0), (-2.0, 2.0)]],
        Atan2 => vec![vec![(0.5, 2.0), (-2.0, -0.5)], vec![(-2.0, -0.5), (0.5, 2.0)]],
        Copysign => vec![vec![(0.5, 2.0), (-2.0, -0.5)], vec![(-2.0, -0.5), (0.5, 2.0)]],
        IsNan | IsFinite | Not | Bits | FromBits | Cast(_) | Eq | Ne | Lt | Le | Gt | Ge | And | Or | Xor | Shl
        | Shr | Select | Philox(_) | Call(_) => Vec::new(),
    }
}

#[rustfmt::skip]
fn functions() -> Vec<Func> {
    use Func::*;
    vec![
        Neg, Abs, Sign, Recip, Sqrt, Rsqrt, Cbrt, Exp, Exp2, Expm1, Log, Log2, Log1p, Sin, Cos, Tan, Asin, Acos, Atan,
        Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Sigmoid, Softplus, Erf, Erfc, Floor, Ceil, Round, Trunc,
        Cast(DType::F32), Add, Sub, Mul, Div, Rem, Min, Max, Pow, Atan2, Copysign,
    ]
}

#[test]
fn every_function_to_third_order() {
    for func in functions() {
        for (part, domain) in domains(&func).into_iter().enumerate() {
            let numbers = &mut Numbers(11 + part as u64);
            let args: Vec<Node> = domain.iter().map(|&(low, high)| numbers.leaf(&[3], low, high)).collect();
            let y = map(func.clone(), &args.iter().collect::<Vec<_>>());
            let label = func.name();
            check(&label, &y, &args);
            let one = leaf(&[3], vec![1.0; 3]);
            let slope = vjp(&[y], &[one], &args, site()).unwrap();
            check(&format!("{label}: slope"), &slope[0], &args);
        }
    }
}

#[test]
fn detach_and_jumps_have_derivative_zero() {
    let x = leaf(&[2], vec![0.3, -1.7]);
    for func in [Func::Detach, Func::Sign, Func::Floor, Func::Round] {
        let y = map(Func::Mul, &[&map(func, &[&x]), &x]);
        let total = Node::reduce(Reduce::Sum, &y, &[0], site()).unwrap();
        let slope = gradient(&total, std::slice::from_ref(&x), site()).unwrap();
        assert_eq!(values(&slope[0]), values(y.source(0)));
    }
}

#[test]
fn kinks_follow_the_conventions() {
    let slope = |y: &Node, x: &Node| {
        let one = leaf(y.shape(), vec![1.0; y.elements()]);
        values(&vjp(std::slice::from_ref(y), &[one], std::slice::from_ref(x), site()).unwrap()[0])
    };
    let x = leaf(&[3], vec![-1.0, 0.0, 1.0]);
    let zero = leaf(&[3], vec![0.0; 3]);
    assert_eq!(slope(&map(Func::Abs, &[&x]), &x), [-1.0, 0.0, 1.0]);
    assert_eq!(slope(&map(Func::Max, &[&x, &zero]), &x), [0.0, 0.5, 1.0]);
    assert_eq!(slope(&map(Func::Min, &[&x, &zero]), &x), [1.0, 0.5, 0.0]);
    assert_eq!(slope(&map(Func::Max, &[&x, &x]), &x), [1.0, 1.0, 1.0]);
    let positive = map(Func::Gt, &[&x, &zero]);
    assert_eq!(slope(&map(Func::Select, &[&positive, &x, &zero]), &x), [0.0, 0.0, 1.0]);
}

#[test]
fn powers_at_base_and_exponent_zero() {
    let base = leaf(&[5], vec![0.0, 0.0, 0.0, -2.0, -3.0]);
    let exponent = leaf(&[5], vec![0.0, 1.0, 2.0, 2.0, 3.0]);
    let y = map(Func::Pow, &[&base, &exponent]);
    let one = leaf(&[5], vec![1.0; 5]);
    let slope = vjp(&[y], std::slice::from_ref(&one), &[base.clone(), exponent], site()).unwrap();
    assert_eq!(values(&slope[0]), [0.0, 1.0, 0.0, -4.0, 27.0]);
    assert_eq!(values(&slope[1])[..3], [0.0, 0.0, 0.0]);
    let second = vjp(&slope[..1], &[one], &[base], site()).unwrap();
    assert_eq!(values(&second[0]), [0.0, 0.0, 2.0, 2.0, -18.0]);
}

#[test]
fn literal_exponents_have_lean_derivatives() {
    let x = leaf(&[2], vec![-1.5, 2.0]);
    for (exponent, want) in [(0.0, [0.0, 0.0]), (1.0, [1.0, 1.0]), (2.0, [-3.0, 4.0]), (3.0, [6.75, 12.0])] {
        let literal = Node::constant(exponent, true, DType::F32, site()).unwrap();
        let view = View { axes: Vec::new(), fill: Fill::Zero };
        let literal = Node::view(&literal, view, Shape::from([2]), site()).unwrap();
        let y = map(Func::Pow, &[&x, &literal]);
        let total = Node::reduce(Reduce::Sum, &y, &[0], site()).unwrap();
        let slope = gradient(&total, std::slice::from_ref(&x), site()).unwrap().swap_remove(0);
        assert_eq!(values(&slope), want);
        let n_powers = ridgepoint::graph::topological(&[slope], false);
        let n_powers = n_powers.iter().filter(|n| n.op() == &ridgepoint::graph::Op::Map(Func::Pow)).count();
        assert_eq!(n_powers, usize::from(exponent == 3.0));
    }
}

fn snippet(name: &str, body: &str, mirror: fn(&[f64]) -> f64, derivatives: Vec<Derivative>) -> Arc<Snippet> {
    Arc::new(Snippet {
        module: name.into(),
        wgsl: format!("fn {name}(x: f32, a: f32) -> f32 {{ return {body}; }}"),
        entry: name.into(),
        args: vec![Arg::Scalar, Arg::Scalar],
        mirror: Arc::new(mirror),
        derivatives,
        ulps: 4.0,
    })
}

#[test]
fn snippets_bring_their_derivatives() {
    let third = snippet("cubic_dxx", "6.0 * a * x", |p| 6.0 * p[1] * p[0], vec![Derivative::Missing; 2]);
    let by_x = snippet("cubic_dx", "3.0 * a * x * x", |p| 3.0 * p[1] * p[0] * p[0], {
        vec![Derivative::By(third), Derivative::Missing]
    });
    let by_a = snippet("cubic_da", "x * x * x", |p| p[0].powi(3), vec![Derivative::By(by_x.clone()), Derivative::Zero]);
    let cubic =
        snippet("cubic", "a * x * x * x", |p| p[1] * p[0].powi(3), vec![Derivative::By(by_x), Derivative::By(by_a)]);
    let numbers = &mut Numbers(5);
    let (x, a) = (numbers.leaf(&[4], -1.0, 1.0), numbers.leaf(&[4], -1.0, 1.0));
    let y = map(Func::Call(cubic), &[&x, &a]);
    check_first("cubic", &y, &[x.clone(), a.clone()]);
    let one = leaf(&[4], vec![1.0; 4]);
    let by =
        |y: &Node, t: &Node| vjp(std::slice::from_ref(y), std::slice::from_ref(&one), std::slice::from_ref(t), site());
    let slope = by(&y, &x).unwrap().swap_remove(0);
    check_first("cubic: slope", &slope, std::slice::from_ref(&x));
    let error = by(&slope, &a).unwrap_err().to_string();
    assert!(error.contains("cubic_dx") && error.contains("argument 1") && error.contains("grads.rs"), "{error}");
    assert!(by(&by(&slope, &x).unwrap()[0], &x).is_err());
}

#[test]
fn targets_may_be_absent_repeated_or_inside() {
    let (x, other) = (leaf(&[2], vec![1.0, 2.0]), leaf(&[3], vec![0.0; 3]));
    let inner = map(Func::Exp, &[&x]);
    let y = map(Func::Mul, &[&inner, &inner]);
    let total = Node::reduce(Reduce::Sum, &y, &[0], site()).unwrap();
    let targets = [x.clone(), other, inner.clone(), x.clone(), total.clone()];
    let slopes: Vec<Vec<f64>> = gradient(&total, &targets, site()).unwrap().iter().map(values).collect();
    assert_eq!(slopes[1], [0.0; 3]);
    assert_eq!(slopes[2], values(&inner).iter().map(|v| 2.0 * v).collect::<Vec<_>>());
    assert_eq!(slopes[0], slopes[3]);
    assert_eq!(slopes[4], [1.0]);
    check("exp squared", &total, &[x]);
}

#[test]
fn a_realised_node_is_differentiated_through() {
    let x = leaf(&[2], vec![1.0, 2.0]);
    let y = map(Func::Mul, &[&x, &x]);
    let Some(elements) = leaf(&[2], vec![1.0, 4.0]).value().cloned() else { panic!("a leaf has elements") };
    y.realise(elements);
    let total = Node::reduce(Reduce::Sum, &y, &[0], site()).unwrap();
    assert_eq!(values(&gradient(&total, &[x], site()).unwrap()[0]), [2.0, 4.0]);
}

#[test]
fn storage_floats_get_f32_gradients() {
    let x = Host::node(Array::of(&[half::f16::from_f32(1.5), half::f16::from_f32(-2.0)], [2]));
    let wide = map(Func::Cast(DType::F32), &[&x]);
    let narrow = map(Func::Cast(DType::BF16), &[&map(Func::Mul, &[&wide, &wide])]);
    let total = Node::reduce(Reduce::Sum, &map(Func::Cast(DType::F32), &[&narrow]), &[0], site()).unwrap();
    let slope = gradient(&total, &[x], site()).unwrap().swap_remove(0);
    assert_eq!((values(&slope), slope.dtype()), (vec![3.0, -4.0], DType::F32));
}

#[test]
fn wrong_requests_are_refused_with_the_remedy() {
    let x = leaf(&[2], vec![1.0, 2.0]);
    let whole = indices(&[2], &[1, 2]);
    let refused = |result: ridgepoint::Result<Vec<Node>>, part: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("grads.rs"), "{message}");
    };
    refused(gradient(&x, std::slice::from_ref(&x), site()), "reduce it first");
    refused(vjp(std::slice::from_ref(&x), std::slice::from_ref(&x), &[whole], site()), "only floats");
    refused(vjp(std::slice::from_ref(&x), &[], std::slice::from_ref(&x), site()), "0 cotangents for 1");
    let long = leaf(&[3], vec![0.0; 3]);
    refused(vjp(std::slice::from_ref(&x), &[long], std::slice::from_ref(&x), site()), "shape [3]");
}

#[test]
fn jacobians_by_rows_and_by_columns() {
    let x = leaf(&[3], vec![1.0, 2.0, -1.0]);
    let squares = map(Func::Mul, &[&x, &x]);
    let pair = View { axes: vec![ridgepoint::graph::AxisMap::same(0)], fill: Fill::Zero };
    let two = Node::view(&squares, pair.clone(), Shape::from([2]), site()).unwrap();
    let by_rows = jacobian(&two, &x, site()).unwrap();
    assert_eq!((by_rows.shape().dims(), values(&by_rows)), (&[2, 3][..], vec![2.0, 0.0, 0.0, 0.0, 4.0, 0.0]));
    let five = Node::view(&squares, pair, Shape::from([5]), site()).unwrap();
    let by_columns = jacobian(&five, &x, site()).unwrap();
    let mut want = vec![0.0; 15];
    (want[0], want[4], want[8]) = (2.0, 4.0, -2.0);
    assert_eq!((by_columns.shape().dims(), values(&by_columns)), (&[5, 3][..], want));
    let cubes = Node::reduce(Reduce::Sum, &map(Func::Mul, &[&squares, &x]), &[0], site()).unwrap();
    let slope = gradient(&cubes, std::slice::from_ref(&x), site()).unwrap().swap_remove(0);
    let hessian = jacobian(&slope, &x, site()).unwrap();
    assert_eq!(values(&hessian), [6.0, 0.0, 0.0, 0.0, 12.0, 0.0, 0.0, 0.0, -6.0]);
}

#[test]
fn gradient_graphs_are_lean() {
    // sum x^2: the literal 2 times x, nothing else.
    let x = leaf(&[3], vec![1.0, 2.0, 3.0]);
    let total = Node::reduce(Reduce::Sum, &map(Func::Mul, &[&x, &x]), &[0], site()).unwrap();
    let slope = gradient(&total, std::slice::from_ref(&x), site()).unwrap().swap_remove(0);
    assert_eq!((slope.op(), slope.source(0).fixed()), (&ridgepoint::graph::Op::Map(Func::Mul), Some(2.0)));
    assert_eq!(slope.source(1), &x);
    // sum(x + y): ones, without any arithmetic; sum exp x: the forward's own node.
    let plus = Node::reduce(Reduce::Sum, &map(Func::Add, &[&x, &x]), &[0], site()).unwrap();
    assert_eq!(gradient(&plus, std::slice::from_ref(&x), site()).unwrap()[0].fixed(), Some(2.0));
    let exp = map(Func::Exp, &[&x]);
    let total = Node::reduce(Reduce::Sum, &exp, &[0], site()).unwrap();
    assert_eq!(gradient(&total, std::slice::from_ref(&x), site()).unwrap()[0], exp);
}
