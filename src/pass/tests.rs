//! What shares a kernel, asserted by dispatch counts; every kernel is parsed and validated by naga.

use super::*;
use crate::dtype::DType;
use crate::error::Site;
use crate::graph::{AxisMap, Data, Fill, Func, Reduce, Routine, Storage, View};
use crate::shape::Shape;
use std::sync::Arc;

#[derive(Debug)]
struct Fake(bool);
impl Storage for Fake {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn padded(&self) -> bool {
        self.0
    }
}

fn leaf(shape: impl Into<Shape>) -> Node {
    Node::data(Data(Arc::new(Fake(true))), shape.into(), DType::F32, Site::here()).unwrap()
}
fn map(func: Func, sources: &[&Node]) -> Node {
    Node::map(func, sources.iter().map(|n| (*n).clone()).collect(), Site::here()).unwrap()
}
/// `source` (shape without `axis`) repeated along a new axis.
fn spread(source: &Node, axis: usize, n: usize) -> Node {
    let mut dims = source.shape().dims().to_vec();
    dims.insert(axis, n);
    let axes = (0..source.shape().rank()).map(|a| AxisMap::same(if a < axis { a } else { a + 1 })).collect();
    Node::view(source, View { axes, fill: Fill::Zero }, Shape::from(dims), Site::here()).unwrap()
}
fn scalar(value: f64, like: &Node) -> Node {
    let c = Node::constant(value, false, DType::F32, Site::here()).unwrap();
    Node::view(&c, View { axes: vec![], fill: Fill::Zero }, like.shape().clone(), Site::here()).unwrap()
}
fn reduce(kind: Reduce, node: &Node, axes: &[usize]) -> Node {
    Node::reduce(kind, node, axes, Site::here()).unwrap()
}
fn softmax(x: &Node, axis: usize) -> Node {
    let n = x.shape()[axis];
    let e = map(Func::Exp, &[&map(Func::Sub, &[x, &spread(&reduce(Reduce::Max, x, &[axis]), axis, n)])]);
    map(Func::Div, &[&e, &spread(&reduce(Reduce::Sum, &e, &[axis]), axis, n)])
}

/// The plan for processors and for GPUs, each kernel validated.
fn plans(roots: &[Node]) -> [Plan; 2] {
    [true, false].map(|cpu| {
        let plan = lower(roots, &Limits { cpu, ..Limits::default() }).unwrap();
        for step in &plan.steps {
            let module = naga::front::wgsl::parse_str(&step.kernel.wgsl)
                .unwrap_or_else(|e| panic!("{}\n{}", e.emit_to_string(&step.kernel.wgsl), step.kernel.wgsl));
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|e| panic!("{}\n{}", e.emit_to_string(&step.kernel.wgsl), step.kernel.wgsl));
        }
        plan
    })
}

#[track_caller]
fn assert_steps(roots: &[Node], n: usize) {
    for plan in plans(roots) {
        assert_eq!(plan.steps.len(), n, "{plan}");
    }
}

#[test]
fn a_chain_is_one_kernel() {
    let (x, y) = (leaf([100, 7]), leaf([100, 7]));
    let z = map(Func::Tanh, &[&map(Func::Add, &[&map(Func::Mul, &[&x, &scalar(2.0, &x)]), &y])]);
    assert_steps(&[z], 1);
}

#[test]
fn softmax_is_one_kernel_along_any_axis() {
    assert_steps(&[softmax(&leaf([64, 100]), 1)], 1);
    assert_steps(&[softmax(&leaf([64, 100]), 0)], 1);
    assert_steps(&[softmax(&leaf([16, 10, 24]), 1)], 1);
    // exponents that are not above 0 are known
    let below = |x: &Node| plans(&[softmax(x, 1)])[0].steps[0].kernel.wgsl.contains("fn special_exp_below");
    assert!(below(&leaf([64, 100])) && below(&leaf([16, 10, 24])));
    let (x, y) = (leaf([64, 100]), leaf([64, 100]));
    let other = map(Func::Exp, &[&map(Func::Sub, &[&x, &spread(&reduce(Reduce::Max, &y, &[1]), 1, 100)])]);
    assert!(!plans(&[other])[0].steps.iter().any(|s| s.kernel.wgsl.contains("special_exp_below")));
}

#[test]
fn several_outputs_of_one_domain_are_one_kernel() {
    let (g, m, v, w) = (leaf([1000]), leaf([1000]), leaf([1000]), leaf([1000]));
    let m2 = map(Func::Add, &[&map(Func::Mul, &[&m, &scalar(0.9, &m)]), &map(Func::Mul, &[&g, &scalar(0.1, &g)])]);
    let g2 = map(Func::Mul, &[&g, &g]);
    let v2 = map(Func::Add, &[&map(Func::Mul, &[&v, &scalar(0.99, &m)]), &map(Func::Mul, &[&g2, &scalar(0.01, &g)])]);
    let d = map(Func::Div, &[&m2, &map(Func::Add, &[&map(Func::Sqrt, &[&v2]), &scalar(1e-8, &g)])]);
    let w2 = map(Func::Sub, &[&w, &map(Func::Mul, &[&d, &scalar(1e-3, &g)])]);
    assert_steps(&[w2, m2, v2], 1);
}

#[test]
fn a_large_sum_is_one_kernel_and_carries_its_gradient() {
    let x = leaf([1 << 22]);
    let s = reduce(Reduce::Sum, &map(Func::Mul, &[&x, &x]), &[0]);
    let g = map(Func::Mul, &[&x, &scalar(2.0, &x)]);
    assert_steps(std::slice::from_ref(&s), 1);
    assert_steps(&[s.clone(), g], 1);
    // what follows from the sum is done by whoever is last, with it
    assert_steps(&[map(Func::Sqrt, &[&s])], 1);
    for plan in plans(&[s]) {
        let boards: Vec<u64> = plan.slots.iter().filter(|s| s.role == Role::Board).map(|s| s.bytes).collect();
        assert!(boards.len() == 1 && boards[0] <= 4096 + 16, "{plan}");
    }
}

#[test]
fn positions_and_columns() {
    assert_steps(&[reduce(Reduce::ArgMax, &leaf([1 << 20]), &[0])], 1);
    assert_steps(&[reduce(Reduce::ArgMax, &leaf([1 << 16, 16]), &[0])], 1);
    assert_steps(&[reduce(Reduce::Sum, &leaf([4096, 4096]), &[0])], 1);
    assert_steps(&[reduce(Reduce::ArgMin, &leaf([60, 700]), &[0])], 1);
    assert_steps(&[reduce(Reduce::Sum, &leaf([3, 5, 7]), &[0, 2])], 1);
}

#[test]
fn bias_and_activation_are_an_epilogue() {
    let (a, b, c) = (leaf([1, 8, 16]), leaf([1, 16, 12]), leaf([12]));
    let p = Node::routine(Routine::Matmul, vec![a, b], Site::here()).unwrap();
    let p = Node::reshape(&p, Shape::from([8, 12]), Site::here()).unwrap();
    let z = map(Func::Tanh, &[&map(Func::Add, &[&p, &spread(&c, 0, 8)])]);
    for plan in plans(&[z]) {
        assert_eq!(plan.steps.len(), 1, "{plan}");
    }
}

#[test]
fn a_product_that_is_needed_itself_is_stored_beside_its_epilogue() {
    let (x, w, c) = (leaf([1, 8, 16]), leaf([1, 16, 12]), leaf([12]));
    let p = Node::routine(Routine::Matmul, vec![x, w], Site::here()).unwrap();
    let rows = Node::reshape(&p, Shape::from([8, 12]), Site::here()).unwrap();
    let z = map(Func::Add, &[&rows, &spread(&c, 0, 8)]);
    let zero = scalar(0.0, &z);
    let (h, on) = (map(Func::Max, &[&z, &zero]), map(Func::Gt, &[&z, &zero]));
    assert_steps(&[h.clone(), p.clone()], 1);
    assert_steps(&[h.clone(), on], 1);
    // a second layer, and what needs both its product and the first: the gradient of an activation has this form
    let square = leaf([1, 12, 12]);
    let h = Node::reshape(&h, Shape::from([1, 8, 12]), Site::here()).unwrap();
    let q = Node::routine(Routine::Matmul, vec![h, square], Site::here()).unwrap();
    assert_steps(&[map(Func::Mul, &[&q, &map(Func::Tanh, &[&p])])], 2);
}

#[test]
fn what_dies_where_a_result_is_born_gives_it_its_buffer() {
    let product =
        |a: &Node, b: &Node| Node::routine(Routine::Matmul, vec![a.clone(), b.clone()], Site::here()).unwrap();
    let roles = |plan: &Plan| {
        let count = |f: fn(&Role) -> bool| plan.slots.iter().filter(|s| f(&s.role)).count();
        (count(|r| matches!(r, Role::Output(_))), count(|r| *r == Role::Temporary))
    };
    let (a, b) = (leaf([1, 64, 64]), leaf([1, 64, 64]));
    let p = product(&a, &b);
    let (rows, turned) = (softmax(&p, 2), View { axes: [0, 2, 1].map(AxisMap::same).into(), fill: Fill::Zero });
    for plan in plans(std::slice::from_ref(&rows)) {
        assert_eq!((plan.steps.len(), roles(&plan)), (2, (1, 0)), "{plan}");
        let last = plan.steps.last().unwrap();
        assert_eq!((last.slots.len(), last.kernel.access[0]), (1, crate::kernel::Access::ReadWrite), "{plan}");
        // read and written, as if they were two
        let own = Plan { steps: vec![last.clone()], ..plan.clone() };
        assert_eq!(own.bytes_moved(), 2 * 64 * 64 * 4, "{plan}");
    }
    // one temporary for the product and what becomes of it
    for plan in plans(&[product(&rows, &b)]) {
        assert_eq!((plan.steps.len(), roles(&plan)), (3, (1, 1)), "{plan}");
    }
    // read elsewhere too, or needed later
    let turned = Node::view(&p, turned, Shape::from([1, 64, 64]), Site::here()).unwrap();
    for plan in plans(&[map(Func::Sub, &[&softmax(&turned, 2), &p])]) {
        assert_eq!(roles(&plan), (1, 1), "{plan}");
    }
    for plan in plans(&[rows.clone(), product(&p, &b)]) {
        assert_eq!(roles(&plan), (2, 1), "{plan}");
    }
}

#[test]
fn what_is_written_as_a_scalar_is_read_as_one() {
    let (x, n) = (leaf([4]), reduce(Reduce::Sum, &leaf([0]), &[0]));
    let p = reduce(Reduce::Prod, &x, &[0]);
    for plan in plans(&[map(Func::Mul, &[&p, &n])]) {
        assert_eq!(plan.slots.iter().filter(|s| s.role == Role::Temporary).count(), 0, "{plan}");
    }
}
