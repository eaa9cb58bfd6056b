//! Row programs and losses.

use crate::check::case::{ANY, Build, Case, FRACTION, NONZERO, POSITIVE, Variant, one, two};
use crate::check::input::{Domain, Layout};
use crate::dtype::DType;
use crate::ops::{CrossEntropy, Reduction};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Rows that fit a workgroup and rows that do not, few and many.
const ROWS: &[&[usize]] = &[&[1, 1], &[3, 5], &[300, 7], &[4, 255], &[2, 257], &[3, 1031], &[2, 5003], &[0, 4]];
/// Which of them are differentiated: to second order the second, to first order those with 7 and 257 columns.
fn laddered(name: &str, domain: Domain, order: u8, build: Build) -> Case {
    let layouts = [Layout::Permuted, Layout::Sliced, Layout::Broadcast];
    let mut case = Case::alike(name, &[domain], ROWS, order, build);
    for variant in &mut case.variants {
        variant.order = match variant.shapes[0][1] {
            5 => 2,
            257 => 1,
            _ => 0,
        };
    }
    let shapes = vec![Shape::from([7, 13])];
    case.variants.extend(layouts.map(|layout| Variant { shapes: shapes.clone(), layout, order: 1, awkward: false }));
    case
}

#[rustfmt::skip]
const UNARY: &[(&str, Domain, fn(&Tensor) -> Tensor)] = &[
    ("softmax", ANY, |x| x.softmax(1)),
    ("log_softmax", ANY, |x| x.log_softmax(1)),
    ("layer_norm/plain", ANY, |x| x.layer_norm(1, None, None, 1e-3)),
    ("rms_norm/plain", ANY, |x| x.rms_norm(1, None, 1e-3)),
    ("normalize", NONZERO, |x| x.normalize(2.0, 1, 1e-6)),
    ("normalize/1", NONZERO, |x| x.normalize(1.0, 1, 1e-6)),
    ("softmax then sum", ANY, |x| x.softmax(1).square().sum(1)),
    ("softmax of map", ANY, |x| x.mul(0.5).add(1.0).softmax(1).mul(x)),
];

fn losses() -> Vec<Case> {
    let shapes: &[&[usize]] = &[&[1, 1], &[257, 3], &[5, 7]];
    let far = [Domain::Real(DType::F32, &[(-3.0, -2.0), (-0.4, 0.4)]), Domain::Real(DType::F32, &[(-0.4, 0.4)])];
    let apart = [Domain::Real(DType::F32, &[(-3.0, -1.1), (1.1, 3.0)]), Domain::Real(DType::F32, &[(-0.9, 0.9)])];
    let mut cases = Vec::new();
    for (label, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)] {
        let mut push = |name: &str, inputs: [Domain; 2], order: u8, build: Build| {
            cases.push(Case::alike(&format!("{name}/{label}"), &inputs, shapes, order, build));
        };
        push("mse", [ANY, ANY], 2, two(move |x, y| x.mse(y, reduction)));
        push("mae", apart, 1, two(move |x, y| x.mae(y, reduction)));
        push("huber", far, 1, two(move |x, y| x.huber(y, 1.2, reduction)));
        push("bce_with_logits", [ANY, FRACTION], 2, two(move |x, y| x.bce_with_logits(y, None, reduction)));
        push("kl_div", [ANY, FRACTION], 2, two(move |x, y| x.kl_div(y, reduction)));
    }
    let weight: &[&[&[usize]]] = &[&[&[5, 7], &[5, 7], &[7]]];
    let weighted: Build = Box::new(|x| vec![x[0].bce_with_logits(&x[1], Some(&x[2]), Reduction::Mean)]);
    cases.push(Case::at("bce_with_logits/weighted", &[ANY, FRACTION, POSITIVE], weight, 1, weighted));
    cases
}

fn cross_entropies() -> Vec<Case> {
    let classes = Domain::Int(DType::U32, 0, 4);
    let signed = Domain::Int(DType::I32, -1, 4);
    let shapes: &[&[&[usize]]] = &[&[&[1, 5], &[1]], &[&[300, 5], &[300]], &[&[7, 5], &[7]]];
    let spatial: &[&[&[usize]]] = &[&[&[3, 5, 4], &[3, 4]]];
    let wide: &[&[&[usize]]] = &[&[&[3, 1031], &[3]]];
    let build = |options: CrossEntropy| two(move |x, y| x.cross_entropy(y, 1, options));
    let mean = CrossEntropy::default();
    let smooth = CrossEntropy { label_smoothing: 0.1, ..mean };
    let ignore = CrossEntropy { ignore_index: Some(-1), ..mean };
    let mut cases = vec![
        Case::at("cross_entropy", &[ANY, classes], shapes, 2, build(mean)),
        Case::at("cross_entropy/wide", &[ANY, classes], wide, 1, build(mean)),
        Case::at("cross_entropy/spatial", &[ANY, classes], spatial, 1, build(mean)),
        Case::at(
            "cross_entropy/sum",
            &[ANY, classes],
            shapes,
            1,
            build(CrossEntropy { reduction: Reduction::Sum, ..mean }),
        ),
        Case::at(
            "cross_entropy/none",
            &[ANY, classes],
            shapes,
            1,
            build(CrossEntropy { reduction: Reduction::None, ..mean }),
        ),
        Case::at("cross_entropy/smoothed", &[ANY, classes], shapes, 1, build(smooth)),
        Case::at("cross_entropy/ignored", &[ANY, signed], &shapes[1..], 1, build(ignore)),
    ];
    let soft: &[&[usize]] = &[&[1, 5], &[300, 5], &[7, 5]];
    cases.push(Case::alike("cross_entropy/probabilities", &[ANY, FRACTION], soft, 1, build(mean)));
    cases.push(Case::alike("cross_entropy/probabilities smoothed", &[ANY, FRACTION], soft, 1, build(smooth)));
    cases
}

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = UNARY.iter().map(|&(name, domain, f)| laddered(name, domain, 2, one(f))).collect();
    let others: &[(&str, fn(&Tensor) -> Tensor)] = &[
        ("softmax/first", |x| x.softmax(0)),
        ("softmax/two axes", |x| x.softmax([0, 2])),
        ("log_softmax/middle", |x| x.log_softmax(1)),
        ("layer_norm/two axes", |x| x.layer_norm([1, 2], None, None, 1e-3)),
    ];
    for &(name, f) in others {
        cases.push(Case::alike(name, &[ANY], &[&[257, 2, 3], &[3, 5, 7]], 1, one(f)));
    }
    let affine: &[&[&[usize]]] = &[&[&[3, 257], &[257], &[257]], &[&[5, 7], &[7], &[7]]];
    let layer: Build = Box::new(|x| vec![x[0].layer_norm(1, Some(&x[1]), Some(&x[2]), 1e-3)]);
    cases.push(Case::at("layer_norm", &[ANY; 3], affine, 2, layer));
    let rms: Build = Box::new(|x| vec![x[0].rms_norm(1, Some(&x[1]), 1e-3).add(&x[2])]);
    cases.push(Case::at("rms_norm", &[ANY; 3], affine, 2, rms));
    let images: &[&[&[usize]]] = &[&[&[4, 3, 5, 2], &[3], &[3]], &[&[90, 2, 3, 1], &[2], &[2]]];
    let training: Build = Box::new(|x| {
        let (y, mean, variance) = x[0].batch_norm(1, Some(&x[1]), Some(&x[2]), 1e-3);
        vec![y, mean, variance]
    });
    cases.push(Case::at("batch_norm", &[ANY; 3], images, 2, training));
    let inference: Build =
        Box::new(|x| vec![x[0].batch_norm_inference(1, &x[1], &x[2], Some(&x[3]), Some(&x[4]), 1e-3)]);
    let five: &[&[&[usize]]] = &[&[&[4, 3, 5, 2], &[3], &[3], &[3], &[3]]];
    cases.push(Case::at("batch_norm_inference", &[ANY, ANY, POSITIVE, ANY, ANY], five, 1, inference));
    let pairs: &[&[usize]] = &[&[3, 257], &[5, 7]];
    cases.push(Case::alike("cosine_similarity", &[NONZERO; 2], pairs, 2, two(|x, y| x.cosine_similarity(y, 1, 1e-6))));
    cases.extend(losses());
    cases.extend(cross_entropies());
    cases
}
