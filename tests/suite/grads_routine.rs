//! Adjoints of reductions and of the hand-written algorithms.

use crate::grads::{Numbers, check, check_first, indices, leaf, map, site, values};
use crate::grads_move::check_linear;
use ridgepoint::graph::attention::{Attention, Part};
use ridgepoint::graph::{AxisMap, Fill, Func, Node, Reduce, Routine, Scan, Scatter, View};
use ridgepoint::pass::grad::vjp;
use ridgepoint::shape::Shape;

fn routine(routine: Routine, sources: &[&Node]) -> Node {
    Node::routine(routine, sources.iter().map(|&n| n.clone()).collect(), site()).unwrap()
}

fn slope(y: &Node, x: &Node) -> Vec<f64> {
    let one = leaf(y.shape(), vec![1.0; y.elements()]);
    values(&vjp(std::slice::from_ref(y), &[one], std::slice::from_ref(x), site()).unwrap()[0])
}

#[test]
fn reductions_over_every_set_of_axes() {
    let numbers = &mut Numbers(31);
    for axes in [&[][..], &[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]] {
        let x = numbers.apart(&[2, 3, 2]);
        check_linear("sum", &x, |x| Node::reduce(Reduce::Sum, x, axes, site()).unwrap());
        for kind in [Reduce::Prod, Reduce::Max, Reduce::Min] {
            let y = Node::reduce(kind, &x, axes, site()).unwrap();
            check(&format!("{kind:?} {axes:?}"), &y, std::slice::from_ref(&x));
        }
    }
}

#[test]
fn products_with_zeros() {
    let x = leaf(&[3, 3], vec![2.0, 3.0, 5.0, 2.0, 0.0, 5.0, 0.0, 0.0, 5.0]);
    let y = Node::reduce(Reduce::Prod, &x, &[1], site()).unwrap();
    assert_eq!(slope(&y, &x), [15.0, 10.0, 6.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0]);
    check("product with zeros", &y, std::slice::from_ref(&x));
    let y = routine(Routine::Scan(Scan::Prod), &[&x]);
    check("cumulative product with zeros", &y, std::slice::from_ref(&x));
    let total = Node::reduce(Reduce::Prod, &leaf(&[0, 2], vec![]), &[0], site()).unwrap();
    assert_eq!(slope(&total, total.source(0)), [0.0; 0]);
}

#[test]
fn ties_share_equally() {
    let x = leaf(&[2, 4], vec![1.0, 3.0, 3.0, 2.0, 5.0, 5.0, 5.0, 5.0]);
    let y = Node::reduce(Reduce::Max, &x, &[1], site()).unwrap();
    assert_eq!(slope(&y, &x), [0.0, 0.5, 0.5, 0.0, 0.25, 0.25, 0.25, 0.25]);
    let y = Node::reduce(Reduce::Min, &x, &[0, 1], site()).unwrap();
    assert_eq!(slope(&y, &x), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn matmul_and_its_operands() {
    let numbers = &mut Numbers(41);
    let (a, b) = (numbers.leaf(&[2, 3, 4], -1.0, 1.0), numbers.leaf(&[2, 4, 5], -1.0, 1.0));
    let c = routine(Routine::Matmul, &[&a, &b]);
    check("matmul", &c, &[a.clone(), b.clone()]);
    check(
        "matmul twice",
        &routine(
            Routine::Matmul,
            &[&map(Func::Tanh, &[&c]), &{
                let axes = vec![AxisMap::same(0), AxisMap::same(2), AxisMap::same(1)];
                Node::view(&c, View { axes, fill: Fill::Zero }, Shape::from([2, 5, 3]), site()).unwrap()
            }],
        ),
        &[a, b.clone()],
    );
    check_linear("matmul, left", &numbers.whole(&[2, 3, 4]), |a| routine(Routine::Matmul, &[a, &numbers_b(&b)]));
    let one = numbers.whole(&[1, 1, 4]);
    check_linear("vector times matrix", &one, |a| routine(Routine::Matmul, &[a, &Numbers(2).whole(&[1, 4, 3])]));
    check_linear("empty inner axis", &leaf(&[1, 2, 0], vec![]), |a| {
        routine(Routine::Matmul, &[a, &leaf(&[1, 0, 3], vec![])])
    });
}

fn numbers_b(like: &Node) -> Node {
    Numbers(17).whole(like.shape())
}

#[test]
fn scans() {
    let numbers = &mut Numbers(51);
    for (rows, n) in [(1, 1), (2, 5), (3, 0), (0, 3)] {
        let x = numbers.apart(&[rows, n]);
        check_linear("cumsum", &x, |x| routine(Routine::Scan(Scan::Sum), &[x]));
        for kind in [Scan::Prod, Scan::Max, Scan::Min] {
            let y = routine(Routine::Scan(kind), &[&x]);
            check(&format!("cumulative {kind:?} [{rows}, {n}]"), &y, std::slice::from_ref(&x));
        }
    }
    let x = leaf(&[1, 6], vec![1.0, 1.0, 3.0, 2.0, 3.0, 4.0]);
    assert_eq!(slope(&routine(Routine::Scan(Scan::Max), &[&x]), &x), [2.0, 0.0, 3.0, 0.0, 0.0, 1.0]);
    let below = leaf(&[1, 3], vec![-1.0, -2.0, -3.0]);
    assert_eq!(slope(&routine(Routine::Scan(Scan::Max), &[&below]), &below), [3.0, 0.0, 0.0]);
}

#[test]
fn recurrences() {
    let numbers = &mut Numbers(61);
    for (rows, n) in [(1, 1), (2, 5)] {
        let (a, b) = (numbers.leaf(&[rows, n], -1.5, 1.5), numbers.leaf(&[rows, n], -1.0, 1.0));
        let y = routine(Routine::LinRec, &[&a, &b]);
        check(&format!("recurrence [{rows}, {n}]"), &y, &[a.clone(), b]);
        let a = numbers.whole(&[rows, n]);
        check_linear("recurrence", &numbers.whole(&[rows, n]), |b| routine(Routine::LinRec, &[&a, b]));
    }
}

#[test]
fn scatters() {
    let numbers = &mut Numbers(71);
    let (index, order) = (indices(&[5], &[2, 0, 9, 2, 0]), indices(&[5], &[1, 4, 0, 3, 2]));
    for kind in [Scatter::Add, Scatter::Replace, Scatter::Max, Scatter::Min] {
        let both = values(&numbers.apart(&[18]));
        let (base, source) = (leaf(&[4, 2], both[..8].to_vec()), leaf(&[5, 2], both[8..].to_vec()));
        let y = routine(Routine::Scatter(kind), &[&base, &index, &order, &source]);
        check(&format!("scatter {kind:?}"), &y, &[base.clone(), source.clone()]);
        check_first(&format!("scatter {kind:?}, source"), &y, &[source]);
        check_first(&format!("scatter {kind:?}, base"), &y, &[base]);
    }
    let add = Routine::Scatter(Scatter::Add);
    let base = numbers.whole(&[4, 2]);
    check_linear("scatter add", &numbers.whole(&[5, 2]), |s| routine(add.clone(), &[&base, &index, &order, s]));
}

#[test]
fn scatter_ties_share_equally() {
    let (index, order) = (indices(&[3], &[0, 0, 1]), indices(&[3], &[0, 1, 2]));
    let base = leaf(&[2, 1], vec![3.0, 7.0]);
    let source = leaf(&[3, 1], vec![3.0, 3.0, 1.0]);
    let y = routine(Routine::Scatter(Scatter::Max), &[&base, &index, &order, &source]);
    assert_eq!(slope(&y, &base), [1.0 / 3.0, 1.0]);
    assert_eq!(slope(&y, &source), [1.0 / 3.0, 1.0 / 3.0, 0.0]);
}

/// Each result of attention with respect to all sources, one at a time and together; `lse` and `delta` are any numbers here.
#[test]
fn attention_and_its_derivatives() {
    let numbers = &mut Numbers(81);
    let mut leaf = |shape: &[usize]| numbers.leaf(shape, -1.0, 1.0);
    let shapes: [&[usize]; 6] = [&[4, 2, 3], &[2, 4, 3], &[2, 4, 2], &[4, 2], &[4, 2], &[4, 2, 2]];
    let sources = shapes.map(&mut leaf);
    let masks = [leaf(&[2, 1, 4]), leaf(&[1, 2, 4]), leaf(&[4, 2, 1])];
    for (causal, mask) in
        [(false, None), (true, None), (true, Some((0, 1))), (false, Some((1, 4))), (true, Some((2, 1)))]
    {
        let parts = [Part::Forward, Part::Query, Part::Key, Part::Value].map(|part| (part, false));
        for (part, stored) in parts.into_iter().chain([(Part::Forward, true)]) {
            let mask_every = mask.map_or(0, |m| m.1);
            let kind = Attention { part, scale: 0.8f32.to_bits(), causal, mask_every, stored };
            let own = mask.map(|m| &masks[m.0]);
            let all: Vec<&Node> = sources[..kind.sources()].iter().chain(own).collect();
            let y = routine(Routine::Attention(kind), &all);
            let targets: Vec<Node> = all.iter().map(|&n| n.clone()).collect();
            check(&format!("{part:?}, stored {stored}, causal {causal}, mask {mask:?}"), &y, &targets);
            check_first(&format!("{part:?} by queries, causal {causal}, mask {mask:?}"), &y, &targets[..1]);
        }
    }
}

/// Keys that depend on queries: what goes through either is counted once.
#[test]
fn attention_to_itself() {
    let x = Numbers(91).leaf(&[2, 3, 4], -1.0, 1.0);
    let turned = map(Func::Tanh, &[&x]);
    let kind = Attention { part: Part::Forward, scale: 1f32.to_bits(), causal: true, mask_every: 0, stored: false };
    let y = routine(Routine::Attention(kind), &[&x, &turned, &x]);
    check("attention to itself", &y, &[x]);
}
