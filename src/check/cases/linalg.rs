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

/// Beyond what is summed in one fused kernel, so that tiles, blocks and split sums are at work: whole tiles and remainders on
/// every side, batches, vectors, sums longer than a stretch of a block, and so long that they are split.
#[rustfmt::skip]
const LARGE: &[Pair] = &[
    &[&[128, 64], &[64, 96]], &[&[70, 81], &[81, 50]], &[&[72, 100], &[100, 52]], &[&[67, 83], &[83, 65]], &[&[131, 40], &[40, 71]],
    &[&[3, 40, 61], &[3, 61, 44]], &[&[2, 1, 45, 67], &[3, 67, 53]], &[&[90, 70], &[2, 70, 47]], &[&[17, 4999], &[4999, 18]],
    &[&[3, 30_011], &[30_011, 5]], &[&[1, 5003], &[5003, 103]], &[&[103, 5003], &[5003, 1]], &[&[2, 1, 2001], &[2, 2001, 130]],
];

/// Large products whose result goes through a map: a row, a column and a whole matrix join in.
#[rustfmt::skip]
const EPILOGUES: &[&[&[usize]]] = &[
    &[&[72, 100], &[100, 52], &[52], &[72, 1], &[72, 52]], &[&[70, 81], &[81, 50], &[50], &[70, 1], &[70, 50]],
    &[&[3, 40, 61], &[3, 61, 44], &[44], &[40, 1], &[3, 40, 44]], &[&[3, 41, 61], &[61, 43], &[43], &[41, 1], &[3, 41, 43]],
    &[&[17, 4999], &[4999, 18], &[18], &[17, 1], &[17, 18]], &[&[3, 30_011], &[30_011, 5], &[5], &[3, 1], &[3, 5]],
    &[&[1, 5003], &[5003, 103], &[103], &[1, 1], &[1, 103]], &[&[103, 5003], &[5003, 1], &[1], &[103, 1], &[103, 1]],
];

fn large() -> Vec<Case> {
    #[rustfmt::skip]
    let turned: &[(&str, &[Pair], fn(&Tensor, &Tensor) -> Tensor)] = &[
        ("left", &[&[&[81, 70], &[81, 50]], &[&[100, 72], &[100, 52]], &[&[3, 61, 41], &[3, 61, 44]], &[&[4999, 17], &[4999, 18]]], |a, b| a.t().matmul(b)),
        ("right", &[&[&[70, 81], &[49, 81]], &[&[72, 100], &[51, 100]], &[&[72, 99], &[52, 99]], &[&[3, 41, 61], &[3, 46, 61]], &[&[17, 4999], &[18, 4999]]], |a, b| a.matmul(&b.t())),
        ("both", &[&[&[81, 70], &[50, 81]], &[&[100, 72], &[53, 100]], &[&[3, 61, 41], &[3, 44, 61]]], |a, b| a.t().matmul(&b.t())),
    ];
    let mut cases = vec![Case::at("matmul/large", &[ANY; 2], LARGE, 0, two(|a, b| a.matmul(b)))];
    for &(side, shapes, f) in turned {
        cases.push(Case::at(&format!("matmul/large {side} transposed"), &[ANY; 2], shapes, 0, two(f)));
    }
    let half = Domain::Real(DType::F16, &[(-3.0, 3.0)]);
    cases.push(Case::at("matmul/large f16", &[half; 2], &LARGE[..7], 0, two(|a, b| a.matmul(b))));
    let whole = Domain::Int(DType::I32, -9_999, 9_999);
    cases.push(Case::at("matmul/large i32", &[whole; 2], &LARGE[..7], 0, two(|a, b| a.matmul(b))));
    let map = |x: &[Tensor]| vec![x[0].matmul(&x[1]).mul(0.03).add(&x[2]).mul(&x[3]).tanh().add(&x[4])];
    cases.push(Case::at("matmul/large then map", &[ANY; 5], EPILOGUES, 0, Box::new(map)));
    cases
}

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
    cases.extend(large());
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
