//! Movement and creation.

use super::joined;
use crate::check::case::{ANY, Build, Case, one, two};
use crate::check::input::{Domain, Layout};
use crate::dtype::DType;
use crate::graph::Fill;
use crate::tensor::Tensor;

type Move = (&'static str, &'static [&'static [usize]], fn(&Tensor) -> Tensor);

const MATRIX: &[&[usize]] = &[&[1, 1], &[17, 33], &[7, 13]];
const VECTOR: &[&[usize]] = &[&[1], &[257], &[12]];
const CUBE: &[&[usize]] = &[&[2, 3, 4], &[5, 1, 67]];

#[rustfmt::skip]
const MOVES: &[Move] = &[
    ("reshape", &[&[4, 6], &[8, 51]], |x| x.reshape([2, x.shape().map_or(0, crate::shape::Shape::elements) / 2])),
    ("flatten", CUBE, |x| x.flatten()),
    ("flatten_axes", CUBE, |x| x.flatten_axes(1, 2)),
    ("permute", CUBE, |x| x.permute([2, 0, 1])),
    ("transpose", CUBE, |x| x.transpose(0, 2)),
    ("t", MATRIX, |x| x.t()),
    ("t then add", MATRIX, |x| x.t().add(x.t().sum_keep(0))),
    ("move_axis", CUBE, |x| x.move_axis(0, 2)),
    ("broadcast_to", &[&[3, 1], &[1, 257]], |x| x.broadcast_to([2, 3, 257])),
    ("unsqueeze", CUBE, |x| x.unsqueeze([1, 3])),
    ("squeeze", &[&[5, 1, 3]], |x| x.squeeze(1)),
    ("slice", MATRIX, |x| x.slice(1, ..1).mul(2.0)),
    ("slice/inner", &[&[9, 7], &[270, 5]], |x| x.slice(0, 2..7).slice(1, 1..4)),
    ("slice/nothing", MATRIX, |x| x.slice(1, 0..0)),
    ("slice_step", &[&[9, 7], &[300, 9]], |x| x.slice_step(0, 1.., 3).slice_step(1, .., 2)),
    ("pick", CUBE, |x| x.pick(0, 1)),
    ("flip", CUBE, |x| x.flip([0, 2])),
    ("pad", MATRIX, |x| x.pad([(1, 2), (0, 3)], Fill::Zero)),
    ("pad/one", MATRIX, |x| x.pad([(2, 0), (1, 1)], Fill::One)),
    ("pad_with", MATRIX, |x| x.pad_with([(1, 1), (2, 0)], 0.25)),
    ("pad then max", MATRIX, |x| x.pad([(0, 0), (1, 2)], Fill::Lowest).max(1)),
    ("dilate", MATRIX, |x| x.dilate(1, 3)),
    ("window", &[&[3, 12], &[2, 260]], |x| x.window(1, 4, 2, 1)),
    ("window/dilated", &[&[3, 12], &[2, 260]], |x| x.window(1, 3, 1, 2)),
    ("window then sum", &[&[3, 12], &[2, 260]], |x| x.window(1, 5, 1, 1).square().sum(2)),
    ("repeat", MATRIX, |x| x.repeat(1, 3)),
    ("tile", MATRIX, |x| x.tile([2, 3])),
    ("roll", MATRIX, |x| x.roll(1, 2)),
    ("roll/back", MATRIX, |x| x.roll(0, -3)),
    ("tril", MATRIX, |x| x.tril(0)),
    ("tril/above", MATRIX, |x| x.tril(2)),
    ("triu", MATRIX, |x| x.triu(-1)),
    ("diagonal", MATRIX, |x| x.diagonal(0)),
    ("diagonal/above", &[&[7, 13]], |x| x.diagonal(2)),
    ("diag", VECTOR, |x| x.diag(0)),
    ("diag/below", VECTOR, |x| x.diag(-1)),
    ("zeros_like", MATRIX, |x| x.zeros_like().add(x)),
    ("ones_like", MATRIX, |x| x.ones_like().add(x)),
    ("full_like", MATRIX, |x| x.full_like(0.3).mul(x)),
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let layouts = [Layout::Permuted, Layout::Sliced, Layout::Flipped, Layout::Broadcast];
    let mut cases = Vec::new();
    for &(name, shapes, f) in MOVES {
        let shapes: Vec<&[&[usize]]> = shapes.iter().map(std::slice::from_ref).collect();
        cases.push(Case::at(name, &[ANY], &shapes, 1, one(f)).with_layouts(&layouts));
        for domain in [Domain::Int(DType::I32, -9, 9), Domain::Bool, Domain::Real(DType::F16, &[(-3.0, 3.0)])] {
            let takes = domain != Domain::Bool || !ARITHMETIC.contains(&name);
            if takes && (domain.dtype() != DType::I32 || !FRACTIONS.contains(&name)) {
                let name = format!("{name}/{}", domain.dtype());
                cases.push(Case::at(&name, &[domain], &shapes[shapes.len() - 1..], 0, one(f)));
            }
        }
    }
    let concat: Build = Box::new(|x| vec![joined(Tensor::concat(&[&x[0], &x[1], &x[2]], 1), &x[0])]);
    let tuples: &[&[&[usize]]] = &[&[&[2, 3], &[2, 0], &[2, 5]], &[&[4, 130], &[4, 1], &[4, 130]]];
    cases.push(Case::at("concat", &[ANY; 3], tuples, 1, concat));
    cases.push(Case::alike(
        "stack",
        &[ANY; 2],
        &[&[4, 5], &[257]],
        1,
        two(|x, y| joined(Tensor::stack(&[x, y], 1), x)),
    ));
    cases.push(Case::at("split", &[ANY], &[&[&[3, 9]], &[&[2, 9]]], 1, Box::new(|x| x[0].split(1, [2, 0, 7]))));
    cases.push(Case::at("chunk", &[ANY], &[&[&[10, 3]], &[&[7, 2]]], 1, Box::new(|x| x[0].chunk(0, 3))));
    let index = Domain::Int(DType::U32, 0, 6);
    cases.push(Case::at("one_hot", &[index], &[&[&[257]], &[&[3, 4]]], 0, one(|x| x.one_hot(7, DType::F32))));
    cases.extend(creation());
    cases
}

/// Methods of [`MOVES`] whose formulas calculate with numbers.
const ARITHMETIC: &[&str] =
    &["t then add", "slice", "pad_with", "window then sum", "zeros_like", "ones_like", "full_like"];
/// Those with numbers that integers cannot hold.
const FRACTIONS: &[&str] = &["pad_with", "full_like"];

/// Tensors out of nothing; the input only says where.
fn creation() -> Vec<Case> {
    type Creation = (&'static str, fn(&Tensor) -> Tensor);
    let rows: &[Creation] = &[
        ("full", |x| x.device().full([3, 4], 0.3, DType::F32)),
        ("full/i32", |x| x.device().full([300], -7.0, DType::I32)),
        ("full/bool", |x| x.device().full([5], 1.0, DType::Bool)),
        ("zeros", |x| x.device().zeros([2, 0, 3])),
        ("ones", |x| x.device().ones([257])),
        ("scalar", |x| x.device().scalar(0.1)),
        ("iota", |x| x.device().iota(1000, DType::U32)),
        ("iota/nothing", |x| x.device().iota(0, DType::I32)),
        ("arange", |x| x.device().arange(1.0, 9.0, 0.5)),
        ("linspace", |x| x.device().linspace(-1.0, 1.0, 33)),
        ("eye", |x| x.device().eye(7, 5)),
    ];
    rows.iter().map(|&(name, f)| Case::at(name, &[ANY], &[&[&[1]]], 0, one(f))).collect()
}
