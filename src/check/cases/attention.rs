//! Attention: heads that share keys, masks, lengths on both sides of tiles.

use crate::check::case::{ANY, Build, Case};
use crate::check::input::{Domain, Layout};
use crate::dtype::DType;
use crate::ops::Attention;
use crate::ops::attention::Way;
use crate::tensor::Tensor;

/// Queries, keys, values: one head, several, several to one of keys; lengths that are no multiple of 4; nothing.
#[rustfmt::skip]
const SHAPES: &[&[&[usize]]] = &[
    &[&[1, 1], &[1, 1], &[1, 1]], &[&[3, 4], &[5, 4], &[5, 4]], &[&[2, 3, 2], &[2, 4, 2], &[2, 4, 3]],
    &[&[4, 3, 3], &[2, 4, 3], &[2, 4, 2]], &[&[2, 2, 37, 8], &[2, 1, 50, 8], &[2, 1, 50, 12]], &[&[3, 65, 36], &[3, 33, 36], &[3, 33, 40]],
    &[&[2, 0, 4], &[2, 3, 4], &[2, 3, 4]], &[&[2, 3, 4], &[2, 0, 4], &[2, 0, 4]], &[&[2, 7, 5], &[2, 9, 5], &[2, 9, 6]],
];

/// The same with a mask: of all scores, of heads, of keys, of queries.
#[rustfmt::skip]
const MASKED: &[&[&[usize]]] = &[
    &[&[3, 4], &[5, 4], &[5, 4], &[3, 5]], &[&[2, 2, 3, 2], &[2, 1, 4, 2], &[2, 1, 4, 3], &[2, 1, 3, 4]],
    &[&[2, 3, 2], &[2, 4, 2], &[2, 4, 3], &[2, 1, 4]], &[&[2, 2, 37, 8], &[2, 2, 50, 8], &[2, 2, 50, 12], &[2, 37, 1]],
    &[&[2, 2, 2, 3, 2], &[2, 2, 2, 3, 2], &[2, 2, 2, 3, 2], &[2, 1, 2, 3, 3]],
];

/// As the device is given it (`None`), or in one of the ways.
fn with(way: Option<Way>, options: impl Fn(&[Tensor]) -> Attention + 'static) -> Build {
    Box::new(move |x| vec![x[0].attention_by(&x[1], &x[2], &options(x), way)])
}

/// Derivatives of the small ones only: differences evaluate the formula a dozen times.
fn case(name: &str, inputs: &[Domain], shapes: &[&[&[usize]]], order: u8, build: Build) -> Case {
    let mut case = Case::at(name, inputs, shapes, order, build).with_layouts(&[Layout::Permuted, Layout::Sliced]);
    for variant in &mut case.variants {
        let elements = variant.shapes.iter().map(crate::shape::Shape::elements);
        if elements.clone().max() > Some(130) || elements.min() == Some(0) {
            variant.order = 0;
        }
    }
    case
}

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let causal = |_: &[Tensor]| Attention { causal: true, scale: Some(0.7), mask: None };
    let masked = |x: &[Tensor]| Attention { mask: Some(x[3].clone()), ..Attention::default() };
    let half = Domain::Real(DType::F16, &[(-3.0, 3.0)]);
    let (kernel, products) = (Some(Way::Kernel), Some(Way::Products));
    let bools = [ANY, ANY, ANY, Domain::Bool];
    let mut cases = vec![
        case("attention", &[ANY; 3], &SHAPES[..3], 0, with(None, |_| Attention::default())),
        case("attention/kernel", &[ANY; 3], SHAPES, 2, with(kernel, |_| Attention::default())),
        case("attention/causal", &[ANY; 3], SHAPES, 1, with(kernel, causal)),
        case("attention/added mask", &[ANY; 4], MASKED, 2, with(kernel, masked)),
        case("attention/bool mask", &bools, MASKED, 1, with(kernel, masked)),
        case("attention/f16", &[half; 3], &SHAPES[..5], 0, with(kernel, causal)),
        case("attention/products", &[ANY; 3], SHAPES, 1, with(products, |_| Attention::default())),
        case("attention/products, causal", &[ANY; 3], SHAPES, 1, with(products, causal)),
        case("attention/products, added mask", &[ANY; 4], MASKED, 1, with(products, masked)),
        case("attention/products, bool mask", &bools, MASKED, 1, with(products, masked)),
        case("attention/products, f16", &[half; 3], &SHAPES[..5], 0, with(products, causal)),
    ];
    let wide: &[&[&[usize]]] = &[&[&[9, 256], &[70, 256], &[70, 256]]];
    cases.push(Case::at("attention/wide", &[ANY; 3], wide, 0, with(kernel, causal)));
    cases
}
