//! Fourier transforms and sparse products.

use super::joined;
use crate::check::case::{ANY, Build, Case, one, two};
use crate::check::input::Layout;
use crate::ops::Csr;
use crate::tensor::Tensor;

/// Powers of two in one pass and in several, and lengths that go by way of a convolution.
#[rustfmt::skip]
const COMPLEX: &[&[usize]] = &[
    &[0, 2], &[3, 0, 2], &[1, 2], &[2, 2], &[2, 3, 4, 2], &[7, 64, 2], &[2, 1024, 2], &[2048, 2], &[3, 2], &[12, 2], &[3, 100, 2],
    &[2, 8, 2], &[5, 2],
];

fn transform(name: &str, shapes: &[&[usize]], build: Build) -> Case {
    let mut case = Case::alike(name, &[ANY], shapes, 1, build).with_layouts(&[Layout::Sliced, Layout::Flipped]);
    for variant in &mut case.variants {
        let elements = variant.shapes[0].elements();
        variant.order = u8::from(elements > 0 && elements <= 50);
    }
    case
}

/// A matrix of 7 x 5 with an empty row, an empty column and a full row; its values are an input.
fn sparse(values: &Tensor) -> crate::error::Result<Csr> {
    let places = [(0, 1), (1, 0), (1, 1), (1, 2), (1, 4), (3, 0), (4, 2), (5, 4), (6, 1), (6, 4)];
    let triplets: Vec<_> = places.iter().map(|&(row, column)| (row, column, 0.0)).collect();
    Csr::from_triplets(values.device(), [7, 5], &triplets)?.with_values(values)
}

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        transform("fft", COMPLEX, one(Tensor::fft)),
        transform("ifft", COMPLEX, one(Tensor::ifft)),
        transform("rfft", &[&[0], &[1], &[2], &[3, 6], &[2, 2048], &[8], &[5]], one(Tensor::rfft)),
        transform(
            "irfft/even",
            &[&[2, 2], &[3, 4, 2], &[1025, 2], &[5, 2]],
            one(|x| x.irfft(2 * (x.shape().map_or(0, |s| s[s.rank() - 2]) - 1))),
        ),
        transform(
            "irfft/odd",
            &[&[1, 2], &[2, 2], &[3, 4, 2], &[5, 2]],
            one(|x| x.irfft(2 * x.shape().map_or(1, |s| s[s.rank() - 2]) - 1)),
        ),
        transform("fft2", &[&[2, 2, 2], &[2, 3, 4, 2], &[16, 32, 2], &[3, 2, 2]], one(Tensor::fft2)),
        transform("ifft2", &[&[2, 3, 4, 2], &[3, 2, 2]], one(Tensor::ifft2)),
    ];
    let products: &[&[&[usize]]] =
        &[&[&[10], &[5]], &[&[10], &[5, 3]], &[&[10], &[5, 8]], &[&[10], &[5, 70]], &[&[10], &[5, 0]]];
    let backs: &[&[&[usize]]] = &[&[&[10], &[7]], &[&[10], &[7, 3]], &[&[10], &[7, 4]]];
    cases.push(Case::at("sparse", &[ANY; 2], products, 2, two(|v, x| joined(sparse(v).map(|a| a.matmul(x)), v))));
    cases.push(Case::at(
        "sparse/transposed",
        &[ANY; 2],
        backs,
        2,
        two(|v, x| joined(sparse(v).map(|a| a.t().matmul(x)), v)),
    ));
    cases.push(Case::alike("sparse/dense", &[ANY], &[&[10]], 1, one(|v| joined(sparse(v).map(|a| a.to_dense()), v))));
    cases
}
