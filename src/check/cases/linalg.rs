//! Contractions.

use super::joined;
use crate::check::case::{ANY, Case, two};
use crate::check::input::{Domain, Layout};
use crate::dtype::DType;
use crate::tensor::Tensor;

type Pair = &'static [&'static [usize]];

/// Square and flat, tall and vectors, odd sizes on both sides of tiles, a batch, batches that broadcast, nothing.
#[rustfmt::skip]
const PRODUCTS: &[Pair] = &[
    &[&[1, 1], &[1, 1]], &[&[2, 3], &[3, 4]], &[&[1, 65], &[65, 33]], &[&[500, 3], &[3, 2]], &[&[64, 64], &[64, 64]],
    &[&[65, 17], &[17, 31]], &[&[33, 129], &[129, 67]], &[&[3, 1030], &[1030, 5]], &[&[3, 5, 4], &[4, 6]],
    &[&[3, 5, 4], &[3, 4, 6]], &[&[2, 1, 5, 4], &[3, 4, 6]], &[&[5, 4], &[3, 4, 6]], &[&[7], &[7]], &[&[7], &[7, 3]],
    &[&[3, 257], &[257]], &[&[0, 3], &[3, 2]], &[&[2, 0], &[0, 3]], &[&[7, 13], &[13, 5]],
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let layouts = [Layout::Permuted, Layout::Sliced, Layout::Flipped, Layout::Broadcast];
    let product = |name: &str, inputs: [Domain; 2], order: u8| {
        let mut case = Case::at(name, &inputs, PRODUCTS, order, two(|a, b| a.matmul(b))).with_layouts(&layouts);
        // Derivatives of the small ones only: differences evaluate the product a dozen times.
        for variant in &mut case.variants {
            let small = variant.shapes.iter().all(|s| s.elements() <= 1300 && s.elements() > 0);
            variant.order = if small { variant.order.min(1) } else { 0 };
        }
        case.variants[1].order = order;
        case
    };
    cases.push(product("matmul", [ANY, ANY], 2));
    for narrow in [DType::F16, DType::BF16] {
        let any = Domain::Real(narrow, &[(-3.0, 3.0)]);
        cases.push(product(&format!("matmul/{narrow}"), [any; 2], 0));
    }
    cases.push(product("matmul/f32 by f16", [ANY, Domain::Real(DType::F16, &[(-3.0, 3.0)])], 0));
    cases.push(product("matmul/i32", [Domain::Int(DType::I32, -99_999, 99_999); 2], 0));
    // Whole numbers: every sum is exact, so every element must be.
    let whole = Domain::Real(DType::F32, &[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (-1.0, -1.0), (3.0, 3.0)]);
    cases.push(product("matmul/whole", [whole; 2], 0));
    #[rustfmt::skip]
    let rows: &[(&str, &[Pair], fn(&Tensor, &Tensor) -> Tensor)] = &[
        ("matmul/left transposed", &[&[&[65, 33], &[65, 17]], &[&[4, 3], &[4, 5]]], |a, b| a.t().matmul(b)),
        ("matmul/right transposed", &[&[&[33, 65], &[17, 65]], &[&[3, 4], &[5, 4]]], |a, b| a.matmul(&b.t())),
        ("matmul/both transposed", &[&[&[65, 33], &[17, 65]], &[&[4, 3], &[5, 4]]], |a, b| a.t().matmul(&b.t())),
        ("matmul then map", &[&[&[33, 20], &[20, 17]], &[&[3, 4], &[4, 5]]], |a, b| a.matmul(b).add(0.5).tanh()),
        ("map then matmul", &[&[&[33, 20], &[20, 17]], &[&[3, 4], &[4, 5]]], |a, b| a.tanh().matmul(&b.mul(0.5))),
        ("matmul with itself", &[&[&[9, 9], &[9, 9]], &[&[3, 3], &[3, 3]]], |a, b| a.matmul(a).add(b)),
        ("dot", &[&[&[1031], &[1031]], &[&[5], &[5]]], |a, b| a.dot(b)),
        ("outer", &[&[&[257], &[3]], &[&[3], &[5]]], |a, b| a.outer(b)),
        ("einsum/matmul", &[&[&[5, 7], &[7, 3]]], |a, b| joined(Tensor::einsum("ij,jk->ik", &[a, b]), a)),
        ("einsum/attention", &[&[&[2, 3, 4, 5], &[2, 3, 6, 5]]], |a, b| joined(Tensor::einsum("bhqd,bhkd->bhqk", &[a, b]), a)),
        ("einsum/implicit", &[&[&[5, 7], &[3, 7]]], |a, b| joined(Tensor::einsum("ij,kj", &[a, b]), a)),
        ("einsum/hadamard", &[&[&[5, 7], &[5, 7]]], |a, b| joined(Tensor::einsum("ij,ij->ij", &[a, b]), a)),
        ("einsum/all", &[&[&[5, 7], &[5, 7]]], |a, b| joined(Tensor::einsum("ij,ij->", &[a, b]), a)),
        ("einsum/outer", &[&[&[5], &[7]]], |a, b| joined(Tensor::einsum("i,j->ji", &[a, b]), a)),
        ("einsum/trace", &[&[&[6, 6], &[1]]], |a, b| joined(Tensor::einsum("ii->", &[a]), a).add(b)),
        ("einsum/batch diagonal", &[&[&[3, 4, 4], &[4]]], |a, b| joined(Tensor::einsum("bii,i->bi", &[a, b]), a)),
    ];
    for &(name, shapes, f) in rows {
        cases.push(Case::at(name, &[ANY; 2], shapes, 2, two(f)));
    }
    let forms: &[&[&[usize]]] = &[&[&[5, 3], &[2, 3, 4], &[5, 4]], &[&[3], &[6, 3, 5], &[5]]];
    cases.push(Case::at("bilinear", &[ANY; 3], forms, 1, Box::new(|x| vec![x[0].bilinear(&x[1], &x[2])])));
    let three: &[&[&[usize]]] = &[&[&[4, 3], &[3, 5], &[5, 2]]];
    let chain = |x: &[Tensor]| vec![joined(Tensor::einsum("ij,jk,kl->il", &[&x[0], &x[1], &x[2]]), &x[0])];
    cases.push(Case::at("einsum/three", &[ANY; 3], three, 1, Box::new(chain)));
    let mlp: &[&[&[usize]]] = &[&[&[9, 5], &[5, 8], &[8], &[8, 3]]];
    let layers = |x: &[Tensor]| vec![x[0].matmul(&x[1]).add(&x[2]).tanh().matmul(&x[3]).log_softmax(1)];
    cases.push(Case::at("two layers", &[ANY; 4], mlp, 2, Box::new(layers)));
    cases
}
