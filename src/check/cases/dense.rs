//! Dense linear algebra: factors of small matrices and what follows from them, against the reference's factors. The bounds
//! of a factor come from worst-case perturbation theory and widen fast with the size; sizes beyond are judged by residuals
//! (`check::residual`).

use crate::check::case::{ANY, Build, Case, one, two};
use crate::check::input::Layout;
use crate::ops::Triangle;
use crate::tensor::Tensor;

/// Symmetric positive definite, well conditioned.
fn positive(x: &Tensor) -> Tensor {
    let one = x.ones_like().diagonal(0).diag(0);
    x.matmul(&x.t()).mul(0.1).add(&one)
}

/// Far from singular: dominant on the diagonal.
fn regular(x: &Tensor) -> Tensor {
    let one = x.ones_like().diagonal(0).diag(0);
    let n = x.shape().map_or(0, |s| s[s.rank() - 1]);
    x.add(&one.mul(2.0 + 3.0 * n as f64))
}

/// Eigenvalues and singular values far from each other: a diagonal, and little beside it.
fn spread(x: &Tensor) -> Tensor {
    let ramp = x.ones_like().diagonal(0).cumsum(x.shape().map_or(0, |s| s.rank() - 2));
    let (m, n) = x.shape().map_or((0, 0), |s| (s[s.rank() - 2], s[s.rank() - 1]));
    let square = ramp.diag(0);
    let rank = x.shape().map_or(0, crate::shape::Shape::rank);
    let mut padding = vec![(0, 0); rank];
    padding[rank - 2] = (0, m - m.min(n));
    padding[rank - 1] = (0, n - m.min(n));
    square.pad(padding, crate::graph::Fill::Zero).add(&x.mul(0.1))
}

type Shapes = &'static [&'static [usize]];

const SQUARE: Shapes = &[&[0, 0], &[1, 1], &[2, 2], &[17, 17], &[2, 0, 3, 3], &[2, 5, 5], &[3, 3]];
const ANY_SHAPE: Shapes = &[&[0, 0], &[3, 0], &[1, 1], &[1, 4], &[4, 1], &[9, 4], &[2, 4, 4], &[4, 3]];

/// Forward at all shapes, derivatives at those of few elements.
fn matrices(name: &str, shapes: Shapes, order: u8, build: Build) -> Case {
    let mut case = Case::alike(name, &[ANY], shapes, order, build).with_layouts(&[Layout::Permuted, Layout::Sliced]);
    for variant in &mut case.variants {
        let elements = variant.shapes[0].elements();
        variant.order = if elements == 0 || elements > 60 { 0 } else { variant.order };
    }
    case
}

fn pair((a, b): (Tensor, Tensor)) -> Vec<Tensor> {
    vec![a, b]
}

fn triple((a, b, c): (Tensor, Tensor, Tensor)) -> Vec<Tensor> {
    vec![a, b, c]
}

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        matrices("cholesky", SQUARE, 1, one(|x| positive(x).cholesky())),
        matrices("cholesky/not definite", &[&[3, 3], &[2, 5, 5]], 0, one(|x| positive(x).neg().cholesky())),
        matrices("lu", SQUARE, 1, Box::new(|x| triple(regular(&x[0]).lu()))),
        matrices("inverse", SQUARE, 1, one(|x| regular(x).inverse())),
        matrices("det", &[&[0, 0], &[1, 1], &[2, 4, 4], &[3, 3]], 1, one(|x| x.add(x.tril(0).mul(2.0)).det())),
        matrices(
            "slogdet",
            SQUARE,
            1,
            Box::new(|x| pair(regular(&x[0]).flip(x[0].shape().map_or(0, |s| s.rank() - 1)).slogdet())),
        ),
        matrices("logdet", SQUARE, 1, one(|x| positive(x).logdet())),
        matrices("matrix_power/5", &[&[1, 1], &[2, 5, 5], &[3, 3]], 1, one(|x| x.mul(0.3).matrix_power(5))),
        matrices("matrix_power/0", &[&[1, 1], &[2, 5, 5]], 0, one(|x| x.matrix_power(0))),
        matrices("matrix_power/-2", &[&[1, 1], &[2, 5, 5], &[3, 3]], 1, one(|x| regular(x).matrix_power(-2))),
        matrices("qr", ANY_SHAPE, 1, Box::new(|x| pair(spread(&x[0]).qr()))),
        matrices("qr_full", &[&[3, 4], &[4, 4]], 1, Box::new(|x| pair(spread(&x[0]).qr_full()))),
        matrices(
            "eigh",
            &[&[0, 0], &[1, 1], &[2, 2], &[2, 5, 5], &[3, 3]],
            1,
            Box::new(|x| pair(spread(&x[0]).eigh())),
        ),
        matrices("svd", ANY_SHAPE, 1, Box::new(|x| triple(spread(&x[0]).svd()))),
        matrices("pinv", &[&[1, 1], &[1, 4], &[4, 1], &[2, 4, 4], &[4, 3]], 1, one(|x| spread(x).pinv(None))),
        matrices("matrix_rank", &[&[0, 3], &[1, 1], &[2, 4, 3]], 0, one(|x| spread(x).matrix_rank(None))),
        matrices("nuclear_norm", ANY_SHAPE, 1, one(|x| spread(x).nuclear_norm())),
        matrices("spectral_norm", ANY_SHAPE, 1, one(|x| spread(x).spectral_norm())),
    ];
    #[rustfmt::skip]
    let systems: &[(&str, &[&[&[usize]]], fn(&Tensor, &Tensor) -> Tensor)] = &[
        ("solve", &[&[&[0, 0], &[0, 2]], &[&[1, 1], &[1]], &[&[9, 9], &[9, 40]], &[&[2, 1, 3, 3], &[4, 3, 2]], &[&[4, 4], &[4]]], |a, y| regular(a).solve(y)),
        ("lstsq", &[&[&[1, 1], &[1]], &[&[5, 3], &[2, 5, 2]], &[&[4, 3], &[4]]], |a, y| spread(a).lstsq(y)),
        ("triangular_solve/lower", &[&[&[1, 1], &[1]], &[&[17, 17], &[17, 33]], &[&[2, 3, 3], &[3, 2]], &[&[4, 4], &[4]]], |t, y| regular(t).triangular_solve(y, Triangle::LOWER)),
        ("triangular_solve/upper", &[&[&[17, 17], &[17, 3]], &[&[4, 4], &[4, 2]]], |t, y| regular(t).triangular_solve(y, Triangle::UPPER)),
        ("triangular_solve/unit", &[&[&[5, 5], &[5, 3]], &[&[4, 4], &[4]]], |t, y| t.mul(0.3).triangular_solve(y, Triangle::LOWER.unit())),
        ("triangular_solve/transposed", &[&[&[5, 5], &[5, 3]], &[&[4, 4], &[4]]], |t, y| regular(t).triangular_solve(y, Triangle::UPPER.transposed())),
        ("cholesky_solve", &[&[&[5, 5], &[5, 3]], &[&[3, 3], &[3]]], |a, y| positive(a).cholesky().cholesky_solve(y)),
    ];
    for &(name, shapes, f) in systems {
        let mut case = Case::at(name, &[ANY; 2], shapes, 1, two(f));
        for variant in &mut case.variants {
            let elements: usize = variant.shapes.iter().map(crate::shape::Shape::elements).sum();
            variant.order = if variant.shapes[0].elements() == 0 || elements > 80 { 0 } else { 1 };
        }
        cases.push(case);
    }
    cases
}
