//! Fourier transforms, by recursion in f64.

use super::array::Array;
use super::ball::Ball;
use super::tol::{MIN_NORMAL, ULP, fft_depth};
use crate::dtype::DType;
use std::f64::consts::TAU;

/// `x: [rows, n, 2]`, `n` a power of two; without a factor.
pub(super) fn run(inverse: bool, x: &Array) -> Array {
    let (rows, n) = (x.shape[0], x.shape[1]);
    let mut out = Vec::with_capacity(x.len());
    for row in 0..rows {
        let real = |i: usize| x.ball((row * n + i) * 2);
        let imaginary = |i: usize| x.ball((row * n + i) * 2 + 1);
        let items: Vec<(f64, f64)> = (0..n).map(|i| (real(i).value, imaginary(i).value)).collect();
        let known: f64 = (0..n).map(|i| real(i).flushed().error + imaginary(i).flushed().error).sum();
        let norm = items.iter().map(|&(a, b)| a * a + b * b).sum::<f64>().sqrt() * (n as f64).sqrt();
        let greatest = items.iter().fold(0.0f64, |g, &(a, b)| g.max(a.abs()).max(b.abs()));
        let own = fft_depth(n) * (ULP * norm + MIN_NORMAL * n as f64);
        // One element that is no number reaches all, but how is not said.
        let certain = greatest.is_finite() && norm < f64::from(f32::MAX) / 4.0;
        for (re, im) in transform(&items, if inverse { 1.0 } else { -1.0 }) {
            out.extend([re, im].map(|value| match certain {
                true if norm == 0.0 => Ball::rounded(value, known, 0.0, 0.0),
                true => Ball::rounded(value, known + own, 1.0, 0.0),
                false => Ball::unknown(value),
            }));
        }
    }
    Array::collect(x.shape.clone(), DType::F32, out)
}

fn transform(x: &[(f64, f64)], sign: f64) -> Vec<(f64, f64)> {
    let n = x.len();
    if n <= 1 {
        return x.to_vec();
    }
    let half = |first: usize| transform(&x.iter().skip(first).step_by(2).copied().collect::<Vec<_>>(), sign);
    let (even, odd) = (half(0), half(1));
    let turned = |k: usize| {
        let (s, c) = (sign * TAU * k as f64 / n as f64).sin_cos();
        let (a, b) = odd[k];
        (c * a - s * b, c * b + s * a)
    };
    let sum = |k: usize, f: f64| (even[k].0 + f * turned(k).0, even[k].1 + f * turned(k).1);
    (0..n).map(|k| sum(k % (n / 2), if k < n / 2 { 1.0 } else { -1.0 })).collect()
}
