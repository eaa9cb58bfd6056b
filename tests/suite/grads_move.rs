//! Adjoints of movement: exact on whole numbers, for random views too.

use crate::grads::{Numbers, check, dot, indices, leaf, map, site, values};
use ridgepoint::graph::{AxisMap, Fill, Func, Node, View};
use ridgepoint::pass::grad::{jvp, vjp};
use ridgepoint::shape::Shape;
use std::slice::from_ref;

/// For an op that is linear in `x`: `<f(v), w> = <v, f^T w>` to the last bit, forward mode is `f` itself, and the
/// transpose of the transpose is `f` again.
pub fn check_linear(label: &str, x: &Node, f: impl Fn(&Node) -> Node) {
    let numbers = &mut Numbers(label.len() as u64);
    let y = f(x);
    let (v, w) = (numbers.whole(x.shape()), numbers.whole(y.shape()));
    let zero = values(&f(&leaf(x.shape(), vec![0.0; x.elements()])));
    let image: Vec<f64> = values(&f(&v)).iter().zip(&zero).map(|(a, b)| a - b).collect();
    let back = vjp(from_ref(&y), from_ref(&w), from_ref(x), site()).unwrap().swap_remove(0);
    assert_eq!(back.shape(), x.shape(), "{label}");
    assert_eq!(dot(&image, &values(&w)), dot(&values(&v), &values(&back)), "{label}: adjoint identity");
    let forward = jvp(from_ref(&y), from_ref(x), from_ref(&v), site()).unwrap().swap_remove(0);
    assert_eq!(values(&forward), image, "{label}: jvp");
    let again = jvp(from_ref(&back), from_ref(&w), from_ref(&w), site()).unwrap().swap_remove(0);
    assert_eq!(values(&again), values(&back), "{label}: jvp of the adjoint");
}

fn relation(terms: &[(usize, i64)], offset: i64, divisor: i64) -> AxisMap {
    AxisMap { terms: terms.to_vec(), offset, divisor }
}

fn check_view(label: &str, source: &[usize], axes: Vec<AxisMap>, result: &[usize], fill: Fill) {
    let x = Numbers(1).whole(source);
    let view = View { axes, fill };
    check_linear(label, &x, |x| Node::view(x, view.clone(), Shape::from(result), site()).unwrap());
}

#[test]
fn views_of_every_kind() {
    let same = AxisMap::same;
    check_view("permute", &[2, 3, 4], vec![same(2), same(0), same(1)], &[3, 4, 2], Fill::Zero);
    check_view("expand scalar", &[], vec![], &[2, 3], Fill::Zero);
    check_view("expand axis", &[3, 1], vec![same(0), AxisMap::fixed(0)], &[3, 5], Fill::Zero);
    check_view("expand between", &[3, 4], vec![same(0), same(2)], &[3, 2, 4], Fill::Zero);
    check_view("select", &[4, 3], vec![AxisMap::fixed(2), same(0)], &[3], Fill::Zero);
    check_view("select past the end", &[4, 3], vec![AxisMap::fixed(4), same(0)], &[3], Fill::One);
    check_view("never whole", &[4], vec![relation(&[], 1, 2)], &[3], Fill::One);
    check_view("step", &[10], vec![relation(&[(0, 3)], 1, 1)], &[3], Fill::Zero);
    check_view("flip", &[7], vec![relation(&[(0, -1)], 6, 1)], &[7], Fill::Zero);
    check_view("step back", &[10], vec![relation(&[(0, -2)], 8, 1)], &[5], Fill::Zero);
    check_view("pad", &[4, 2], vec![relation(&[(0, 1)], -2, 1), same(1)], &[9, 2], Fill::One);
    check_view("crop", &[9], vec![relation(&[(0, 1)], 2, 1)], &[4], Fill::Zero);
    check_view("dilate", &[4], vec![relation(&[(0, 1)], -1, 3)], &[12], Fill::Zero);
    check_view("step over divisor", &[5], vec![relation(&[(0, 2)], 1, 3)], &[8], Fill::Lowest);
    check_view("empty result", &[4], vec![same(0)], &[0], Fill::Zero);
    check_view("empty source", &[0], vec![relation(&[(0, 1)], -1, 1)], &[3], Fill::One);
    check_view("diagonal", &[4, 4], vec![same(0), same(0)], &[4], Fill::Zero);
    check_view(
        "second diagonal",
        &[4, 6],
        vec![relation(&[(0, 2)], 0, 1), relation(&[(0, 1)], 1, 1)],
        &[3],
        Fill::Zero,
    );
    check_view("unit axes", &[1, 3, 1], vec![same(0), same(1), same(2)], &[1, 3, 1], Fill::Zero);
    check_view("from a unit axis", &[1, 3], vec![same(1), same(0)], &[3, 4], Fill::Zero);
}

#[test]
fn windows_of_every_kind() {
    let window = |stride, dilation, offset| relation(&[(0, stride), (1, dilation)], offset, 1);
    check_view("window", &[9], vec![window(1, 1, 0)], &[7, 3], Fill::Zero);
    check_view("strided", &[11], vec![window(2, 1, 0)], &[5, 3], Fill::Zero);
    check_view("dilated", &[11], vec![window(1, 3, 0)], &[5, 3], Fill::Zero);
    check_view("strided, dilated, padded", &[10], vec![window(3, 2, -2)], &[4, 3], Fill::Highest);
    check_view("short of positions", &[9], vec![window(2, 1, 0)], &[2, 7], Fill::Zero);
    check_view("backwards", &[9], vec![window(-2, 1, 6)], &[4, 3], Fill::Zero);
    check_view("both backwards", &[9], vec![window(-1, -2, 8)], &[5, 3], Fill::Zero);
    check_view("transposed", &[5], vec![relation(&[(0, 1), (1, -2)], 1, 3)], &[12, 3], Fill::Zero);
    check_view("over a broadcast", &[9], vec![relation(&[(1, 1), (3, 1)], 0, 1)], &[2, 7, 4, 3], Fill::Zero);
    let image = vec![AxisMap::same(0), relation(&[(1, 2), (3, 1)], -1, 1), relation(&[(2, 1), (4, 2)], -2, 1)];
    check_view("image", &[2, 6, 7], image, &[2, 3, 7, 3, 3], Fill::Zero);
    let shear = vec![relation(&[(0, 1), (1, -2)], 1, 2), AxisMap::same(1)];
    check_view("adjoint of a window", &[5, 3], shear, &[9, 3], Fill::Zero);
}

#[test]
fn random_views() {
    let numbers = &mut Numbers(99);
    for round in 0..400 {
        let source: Vec<usize> = (0..numbers.below(4)).map(|_| numbers.below(5) + usize::from(round % 7 > 0)).collect();
        let result: Vec<usize> = (0..numbers.below(5)).map(|_| numbers.below(4) + usize::from(round % 5 > 0)).collect();
        let axes = source.iter().map(|_| {
            let terms = (0..result.len()).filter(|_| numbers.below(3) == 0).collect::<Vec<_>>();
            let terms = terms.into_iter().map(|o| (o, [1, 1, 1, -1, 2, -2, 3][numbers.below(7)])).collect();
            AxisMap { terms, offset: numbers.below(7) as i64 - 2, divisor: [1, 1, 1, 2, 3][numbers.below(5)] }
        });
        let axes: Vec<AxisMap> = axes.collect();
        let fill = [Fill::Zero, Fill::One][numbers.below(2)];
        check_view(&format!("{round}: {source:?} {axes:?} {result:?}"), &source, axes, &result, fill);
    }
}

#[test]
fn reshapes() {
    let x = Numbers(4).whole(&[2, 6]);
    check_linear("reshape", &x, |x| Node::reshape(x, Shape::from([3, 1, 4]), site()).unwrap());
}

#[test]
fn gathers() {
    let gather = |axis: usize, index: Node| move |x: &Node| Node::gather(x, axis, &index, site()).unwrap();
    let x = Numbers(6).whole(&[4, 3]);
    check_linear("vector, duplicates", &Numbers(5).whole(&[4]), gather(0, indices(&[6], &[3, 0, 3, 3, 1, 0])));
    let some = indices(&[5, 3], &[0, 1, 3, 3, 1, 3, 0, 0, 0, 2, 2, 2, 3, 1, 0]);
    check_linear("general, axis 0", &x, gather(0, some));
    let some = indices(&[4, 2], &[2, 2, 0, 1, 1, 1, 2, 0]);
    check_linear("general, axis 1", &x, gather(1, some));
    let deep = Numbers(8).whole(&[2, 3, 2]);
    check_linear("general, middle axis", &deep, gather(1, indices(&[2, 2, 2], &[2, 2, 0, 1, 1, 1, 2, 0])));

    let spread = |index: &Node, axis: usize, shape: &[usize]| {
        let view = View { axes: vec![AxisMap::same(axis)], fill: Fill::Zero };
        Node::view(index, view, Shape::from(shape), site()).unwrap()
    };
    let row = indices(&[5], &[3, 1, 3, 0, 3]);
    check_linear("embedding", &x, gather(0, spread(&row, 0, &[5, 3])));
    let column = indices(&[2], &[2, 2]);
    check_linear("index_select of columns", &x, gather(1, spread(&column, 1, &[4, 2])));
    let signed = map(Func::Cast(ridgepoint::DType::I32), &[&row]);
    check_linear("signed", &x, gather(0, spread(&signed, 0, &[5, 3])));
    let partly = indices(&[2, 3], &[2, 0, 1, 1, 1, 0]);
    let axes = vec![AxisMap::same(0), AxisMap::same(1)];
    let partly = Node::view(&partly, View { axes, fill: Fill::Zero }, Shape::from([2, 3, 2]), site()).unwrap();
    check_linear("rows per batch", &deep, gather(1, partly));
    check_linear("no index", &x, gather(0, indices(&[0, 3], &[])));

    let sorts = |node: &Node| {
        let all = ridgepoint::graph::topological(std::slice::from_ref(node), false);
        let sort =
            |n: &&Node| matches!(n.op(), ridgepoint::graph::Op::Routine(ridgepoint::graph::Routine::ArgSort { .. }));
        all.iter().filter(sort).map(Node::elements).sum::<usize>()
    };
    let y = Node::gather(&x, 0, &spread(&row, 0, &[5, 3]), site()).unwrap();
    let slope = vjp(&[y], &[Numbers(1).whole(&[5, 3])], &[x], site()).unwrap();
    assert_eq!(sorts(&slope[0]), 5, "an embedding sorts its indices, not its elements");
}

#[test]
fn an_index_out_of_range_sends_nothing() {
    let x = Numbers(6).whole(&[2, 2]);
    for index in [
        ridgepoint::reference::Host::node(ridgepoint::reference::Array::of(&[0i32, -1, 2, 1, 1, 7], [3, 2])),
        indices(&[3, 2], &[0, u32::MAX, 2, 1, 1, 7]),
    ] {
        let y = Node::gather(&x, 0, &index, site()).unwrap();
        let w = leaf(&[3, 2], vec![1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        let back = vjp(&[y], &[w], from_ref(&x), site()).unwrap();
        assert_eq!(values(&back[0]), [1.0, 0.0, 10_000.0, 1000.0]);
    }
}

#[test]
fn movement_inside_a_formula() {
    // A convolution with a bias and a nonlinearity: windows, broadcasts and sums in one graph, to second order.
    let numbers = &mut Numbers(21);
    let (x, w) = (numbers.leaf(&[2, 7], -1.0, 1.0), numbers.leaf(&[3, 2, 3], -1.0, 1.0));
    let shape = Shape::from([3, 2, 4, 3]);
    let axes = vec![AxisMap::same(1), AxisMap { terms: vec![(2, 2), (3, 1)], offset: -1, divisor: 1 }];
    let windows = Node::view(&x, View { axes, fill: Fill::Zero }, shape.clone(), site()).unwrap();
    let axes = vec![AxisMap::same(0), AxisMap::same(1), AxisMap::same(3)];
    let weights = Node::view(&w, View { axes, fill: Fill::Zero }, shape, site()).unwrap();
    let y = map(Func::Mul, &[&windows, &weights]);
    let y = Node::reduce(ridgepoint::graph::Reduce::Sum, &y, &[1, 3], site()).unwrap();
    check("convolution", &map(Func::Tanh, &[&y]), &[x, w]);
}
