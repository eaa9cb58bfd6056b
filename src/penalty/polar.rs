//! Thresholds of singular values and eigenvalues of large matrices without a decomposition: by products of matrices alone.
//!
//! `polar(x)` applies a polynomial to the singular values that is 1 but for rounding where they are above a thousandth of the
//! greatest: what remains is the orthogonal polar factor. Then `|x| = polar(x)^T x` for a symmetric `x`, whose part without
//! negative eigenvalues is `(x + |x|) / 2`; and singular values are lowered by `t` where `h = polar(x)^T x` loses what
//! `h - t` has below 0. Smaller values are turned in part, by a share `p` of 1, which moves them by at most `s (1 - p)`, less
//! than [`LEFT`] of the greatest: not 0, but small beside the rounding of many products.
//!
//! # Source
//! N. Higham, *Functions of matrices* (2008), chapters 5 and 8; polynomials of degree five, each the best for what the one
//! before leaves: N. Amsel, D. Persson, C. Musco, R. Gower, *The Polar Express* (2025), with a margin of 1 % for rounding;
//! the last steps are those of Newton and Schulz.

use crate::ops::Fixed;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Up to so many columns decompositions are taken, which are exact to rounding.
pub(super) const SMALL: usize = 64;

/// `s (1 - p(s))` is less than this for all `s` up to 1.
#[cfg(test)]
const LEFT: f64 = 6.5e-5;

/// The polynomials `a x + b x^3 + c x^5`.
const STEPS: [[f64; 3]; 6] = [
    [8.386_464, -24.369_65, 17.725_117],
    [4.141_42, -3.017_274_6, 0.552_427_35],
    [3.922_631, -2.867_185_1, 0.535_652_46],
    [3.254_045_7, -2.392_233_1, 0.482_733_43],
    [2.251_237_6, -1.596_291_2, 0.395_991_38],
    [1.870_016, -1.227_949_1, 0.358_244_84],
];

/// Steps `3/2 x - x^3 / 2` in the end.
const LAST: usize = 2;

/// `x^T`, of each matrix.
fn across(x: &Tensor) -> Tensor {
    let rank = x.shape().map_or(2, Shape::rank);
    x.transpose(rank - 2, rank - 1)
}

/// `(x + x^T) / 2`.
pub(super) fn symmetric(x: &Tensor) -> Tensor {
    x.add(across(x)).mul(Fixed(0.5))
}

/// Whether a tensor holds matrices for which this is meant.
pub(super) fn large(x: &Tensor) -> bool {
    x.shape().is_ok_and(|shape| shape.dims().iter().rev().take(2).all(|&n| n > SMALL))
}

/// Each matrix over a bound of its greatest singular value.
fn scaled(x: &Tensor) -> Tensor {
    let Ok(rank) = x.shape().map(Shape::rank) else { return x.clone() };
    let over = |x: Tensor, size: Tensor| {
        let none = size.le(Fixed(0.0));
        x.div(none.select(Fixed(1.0), size).detach())
    };
    // no square overflows; then the lesser of the norm of Frobenius and that of the sums of x^T x
    let size = x.abs().max_keep([rank - 2, rank - 1]);
    let x = over(x.clone(), size);
    let all = x.square().sum_keep([rank - 2, rank - 1]);
    let rows = across(&x).matmul(&x).abs().sum_keep(rank - 1).max_keep(rank - 2);
    over(x, all.minimum(rows).sqrt())
}

/// The orthogonal polar factor of `[.., m, n]`, `m >= n`; see the module about small singular values.
fn polar(x: &Tensor) -> Tensor {
    let mut x = scaled(x);
    // coefficients that travel as data: all steps share their kernels
    for [a, b, c] in STEPS {
        let square = across(&x).matmul(&x);
        let by = square.mul(b).add(square.matmul(&square).mul(c));
        x = x.mul(a).add(x.matmul(&by));
    }
    for _ in 0..LAST {
        let square = across(&x).matmul(&x);
        x = x.mul(Fixed(1.5)).sub(x.matmul(&square).mul(Fixed(0.5)));
    }
    x
}

/// A symmetric matrix without its negative eigenvalues.
pub(super) fn positive(x: &Tensor) -> Tensor {
    x.add(symmetric(&polar(x).matmul(x))).mul(Fixed(0.5))
}

/// The matrices with each singular value lowered by `t`, down to 0.
pub(super) fn lowered(x: &Tensor, t: &Tensor) -> Tensor {
    let Ok(&[.., m, n]) = x.shape().map(Shape::dims) else { return x.clone() };
    if m < n {
        return across(&lowered(&across(x), t));
    }
    let u = polar(x);
    let h = symmetric(&across(&u).matmul(x));
    u.matmul(&positive(&h.sub(x.device().eye(n, n).mul(t))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::penalty::{nuclear, semidefinite_cone, spectral_ball};
    use crate::reference::tol::independent;
    use crate::run::Device;

    fn turned(s: f64) -> f64 {
        let s = STEPS.iter().fold(s, |s, [a, b, c]| s * (a + s * s * (b + s * s * c)));
        (0..LAST).fold(s, |s, _| 1.5 * s - 0.5 * s.powi(3))
    }

    #[test]
    fn the_polynomials_leave_what_the_module_says() {
        for k in 0..=70_000 {
            let s = 10f64.powf(-7.0 * f64::from(k) / 70_000.0);
            let p = turned(s);
            assert!((0.0..1.0 + 1e-6).contains(&p) && s * (1.0 - p) < LEFT, "{s} becomes {p}");
            assert!(s < 1e-3 || (1.0 - p).abs() < 1e-6, "{s} becomes {p}");
        }
    }

    fn norm(x: &[f32]) -> f64 {
        x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
    }

    /// Against the decompositions, which take other ways.
    #[test]
    fn products_alone_threshold_as_decompositions_do() {
        let device = pollster::block_on(Device::open(Default::default())).expect("the CPU device at least");
        let (m, n) = (90, 70);
        let entries: Vec<f32> =
            (0..m * n).map(|k: usize| ((k * k * 7919 + k * 104_729) % 1009) as f32 / 504.5 - 1.0).collect();
        let read = |x: &Tensor| x.read_blocking::<f32>().expect("it runs");
        // graded: singular values over five decades
        let fall = device.tensor(&(0..n).map(|j| (-(j as f32) / 6.0).exp()).collect::<Vec<_>>(), [n]);
        for graded in [false, true] {
            let x = device.tensor(&entries, [m, n]);
            let x = if graded { x.mul(&fall) } else { x };
            let (u, s, vt) = x.svd();
            let t = read(&s)[n / 8];
            // what the polynomials leave of each value, twice, and the roundings of the products, whose entries are up to
            // the sum of the coefficients of the first polynomial
            let gain: f64 = STEPS[0].iter().map(|c| c.abs()).sum();
            let bound = 2.0 * f64::from(read(&s)[0]) * (LEFT + gain * independent(0.0)) * (n as f64).sqrt();
            let agree = |what: &str, a: &Tensor, b: &Tensor| {
                let off = norm(&read(&a.sub(b)));
                assert!(off <= bound, "{what}, graded: {graded}: off by {off:e}, bound {bound:e}");
            };
            let low = u.mul(s.sub(t).relu()).matmul(&vt);
            agree("nuclear", &nuclear(t).prox(&x, 1.0), &low);
            agree("wide", &nuclear(t).prox(&x.t(), 1.0), &low.t());
            agree("ball", &spectral_ball(t).prox(&x, 1.0), &x.sub(&low));
            let even = symmetric(&x.slice(0, ..n));
            let (values, vectors) = even.eigh();
            agree("psd", &semidefinite_cone().prox(&even, 1.0), &vectors.mul(values.relu()).matmul(&vectors.t()));
        }
        let nothing = nuclear(0.1).prox(&device.zeros([2, 80, 70]), 1.0);
        assert_eq!(norm(&read(&nothing)), 0.0);
    }
}
