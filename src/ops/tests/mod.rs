//! Each method against an independent loop, on the reference in real arithmetic: what is tested here is the formula a
//! method builds. [`check`] then has a device compute it too, within the reference's bounds, and [`values`] sees to it that
//! every node of the formula carries the caller's line.

mod contractions;
mod elements;
mod fusion;
mod moves;
mod positions;
mod randoms;
mod reductions;
mod rows;
mod sites;
mod windows;

use crate::dtype::{DType, Element};
use crate::graph::{Node, Op, topological};
use crate::reference::{Array, Evaluator, Host};
use crate::{Device, Tensor};
use std::sync::{Arc, OnceLock};

/// Tensors need a device even if nothing runs on it.
pub fn device() -> &'static Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    DEVICE.get_or_init(|| Device::open_blocking(Default::default()).expect("some adapter, llvmpipe at least"))
}

/// A tensor whose elements live in host memory.
#[track_caller]
pub fn host<E: Element>(data: &[E], shape: impl Into<crate::Shape>) -> Tensor {
    Tensor::new(device(), Ok(Host::node(Array::of(data, shape))))
}

/// `n` numbers without pattern in `[-2, 2)`, as a tensor and as f64.
#[track_caller]
pub fn noise(seed: u64, shape: impl Into<crate::Shape>) -> (Tensor, Vec<f64>) {
    let shape = shape.into();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let data: Vec<f32> = (0..shape.elements())
        .map(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 40) as f32 / (1 << 22) as f32 - 2.0
        })
        .collect();
    (host(&data, shape), data.into_iter().map(f64::from).collect())
}

fn node(t: &Tensor) -> Node {
    t.node().unwrap_or_else(|e| panic!("{e}")).clone()
}

/// The elements in real arithmetic.
pub fn values(t: &Tensor) -> Vec<f64> {
    let root = node(t);
    for n in topological(std::slice::from_ref(&root), false) {
        assert!(n.site().to_string().starts_with("src/ops/tests/"), "{n:?} carries the line {}", n.site());
    }
    Evaluator::new(&Host::fetch).real().eval(&[root]).unwrap()[0].values.clone()
}

/// The elements with the bounds of a device that computes in `f32`.
pub fn bounded(t: &Tensor) -> Arc<Array> {
    Evaluator::new(&Host::fetch).eval(&[node(t)]).unwrap().remove(0)
}

pub fn dims(t: &Tensor) -> Vec<usize> {
    node(t).shape().dims().to_vec()
}

/// Equal up to the roundings of some hundred operations in f64.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 512.0 * f64::EPSILON * a.abs().max(b.abs()).max(1.0)
}

/// Asserts shape and elements.
#[track_caller]
pub fn check(t: &Tensor, shape: &[usize], want: &[f64]) {
    assert_eq!(dims(t), shape);
    on_device(t);
    let got = values(t);
    assert_eq!(got.len(), want.len());
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        assert!(same(g, w), "element {i}: got {g}, want {w}\n got {got:?}\nwant {want:?}");
    }
}

/// The same graph over leaves that live on the device.
fn uploaded(root: &Node) -> Node {
    let mut made = crate::graph::NodeMap::<Node>::default();
    for n in topological(std::slice::from_ref(root), false) {
        let sources: Vec<Node> = n.sources().iter().map(|s| made[&s.id()].clone()).collect();
        let (shape, dtype, site) = (n.shape().clone(), n.dtype(), n.site());
        let twin = match n.op() {
            Op::Data(data) => {
                let bytes = Host::fetch(data).unwrap().to_bytes();
                node(&match dtype {
                    DType::F32 => device().tensor(&f32::from_bytes(&bytes, shape.elements()), shape),
                    DType::F16 => device().tensor(&half::f16::from_bytes(&bytes, shape.elements()), shape),
                    DType::BF16 => device().tensor(&half::bf16::from_bytes(&bytes, shape.elements()), shape),
                    DType::I32 => device().tensor(&i32::from_bytes(&bytes, shape.elements()), shape),
                    DType::U32 => device().tensor(&u32::from_bytes(&bytes, shape.elements()), shape),
                    DType::Bool => device().tensor(&bool::from_bytes(&bytes, shape.elements()), shape),
                })
            }
            Op::Const { value, fixed } => Node::constant(*value, *fixed, dtype, site).unwrap(),
            Op::Iota => Node::iota(shape[0], dtype, site).unwrap(),
            Op::Map(func) => Node::map(func.clone(), sources, site).unwrap(),
            Op::Reshape => Node::reshape(&sources[0], shape, site).unwrap(),
            Op::View(view) => Node::view(&sources[0], view.clone(), shape, site).unwrap(),
            Op::Gather { axis } => Node::gather(&sources[0], *axis, &sources[1], site).unwrap(),
            Op::Reduce { kind, axes } => Node::reduce(*kind, &sources[0], axes, site).unwrap(),
            Op::Routine(routine) => Node::routine(routine.clone(), sources, site).unwrap(),
        };
        made.insert(n.id(), twin);
    }
    made[&root.id()].clone()
}

/// Asserts that the device computes the graph within the reference's bounds.
#[track_caller]
fn on_device(t: &Tensor) {
    let twin = Tensor::new(device(), Ok(uploaded(&node(t))));
    let report = device().verify_blocking(&[&twin]).unwrap();
    assert!(report.passed(), "{report}");
}

/// The message of the error a tensor carries; it names the line of the test.
#[track_caller]
pub fn error(t: &Tensor) -> String {
    let message = t.clone().check().expect_err("an error").to_string();
    assert!(message.contains("called at src/ops/tests/"), "{message}");
    message
}

/// Row-major positions of a shape.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &n in shape {
        all = all.into_iter().flat_map(|ix| (0..n).map(move |i| [&ix[..], &[i]].concat())).collect();
    }
    all
}

/// The offset of a position.
pub fn at(shape: &[usize], ix: &[usize]) -> usize {
    shape.iter().zip(ix).fold(0, |o, (&n, &i)| o * n + i)
}
