//! Penalties on matrices of weights, on features and on predictions.

use crate::check::case::{ANY, Case, FRACTION, NONZERO, POSITIVE, one, three, two};
use crate::check::input::Domain;
use crate::penalty::matrix::{anchor, confidence, decorrelation, jacobian, orthogonal, sparsity};
use crate::tensor::Tensor;

/// A function of one matrix.
type Row = (&'static str, Domain, fn(&Tensor) -> Tensor);

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let rows: &[Row] = &[
        ("soft_orthogonality", ANY, orthogonal::soft),
        ("double_soft_orthogonality", ANY, orthogonal::double_soft),
        ("mutual_coherence", ANY, orthogonal::mutual_coherence),
        ("covariance", ANY, decorrelation::covariance),
        ("decov", ANY, decorrelation::decov),
        ("feature_orthogonality", NONZERO, decorrelation::feature_orthogonality),
        ("flops", NONZERO, sparsity::flops),
        ("entropy", ANY, confidence::entropy),
        ("uncertainty", ANY, confidence::uncertainty),
        ("confidence", ANY, confidence::confidence),
    ];
    let shapes: &[&[usize]] = &[&[1, 2], &[5, 3], &[3, 7], &[33, 4]];
    let mut cases: Vec<Case> = rows
        .iter()
        .map(|&(name, domain, f)| Case::alike(&format!("matrix/{name}"), &[domain], shapes, 1, one(f)))
        .collect();
    // what it is made of are constants
    cases.push(Case::alike("matrix/fisher", &[ANY], shapes, 0, one(anchor::fisher)));
    let by_column: &[&[&[usize]]] = &[&[&[5, 3], &[3]], &[&[1, 4], &[4]]];
    let flops = two(sparsity::weighted_flops);
    cases.push(Case::at("matrix/weighted_flops", &[NONZERO, POSITIVE], by_column, 1, flops));
    let idf = one(|df: &Tensor| sparsity::idf_price(&sparsity::idf(&df.mul(9.0), 10.0)));
    cases.push(Case::alike("matrix/idf_price", &[FRACTION], &[&[1], &[40]], 1, idf));
    let barlow = two(|a: &Tensor, b: &Tensor| decorrelation::barlow(a, b, 0.01));
    cases.push(Case::alike("matrix/barlow", &[ANY, ANY], &[&[5, 3], &[16, 4]], 1, barlow));
    let near = two(|w: &Tensor, at: &Tensor| anchor::near(at, 0.7).value(w));
    cases.push(Case::alike("matrix/anchor value", &[ANY, ANY], &[&[7], &[3, 4]], 0, near));
    let held = three(|w: &Tensor, at: &Tensor, f: &Tensor| anchor::elastic(at, f, 0.7).prox(w, 1.3));
    cases.push(Case::alike("matrix/anchor prox", &[ANY, ANY, POSITIVE], &[&[7], &[3, 4]], 0, held));
    let pull = three(|w: &Tensor, at: &Tensor, f: &Tensor| anchor::elastic(at, f, 0.7).gradient(w));
    cases.push(Case::alike("matrix/anchor gradient", &[ANY, ANY, POSITIVE], &[&[7], &[3, 4]], 0, pull));
    let along = three(|x: &Tensor, w: &Tensor, v: &Tensor| jacobian::along(&x.matmul(w).sin(), x, v));
    let networks: &[&[&[usize]]] = &[&[&[5, 3], &[3, 2], &[2, 5, 2]], &[&[1, 4], &[4, 1], &[1, 1, 1]]];
    cases.push(Case::at("matrix/jacobian", &[ANY, ANY, ANY], networks, 1, along));
    cases
}
