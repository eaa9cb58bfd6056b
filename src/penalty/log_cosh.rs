//! The logarithm of the hyperbolic cosine: between a square and a straight line, like `huber` and `charbonnier`, with
//! the sigmoid for a slope.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let t = x.abs() / delta;
    // log cosh t = t + log((1 + e^-2t) / 2); by the half argument where t is small
    let log_cosh = if t < 1.0 {
        (2.0 * (t / 2.0).sinh().powi(2)).ln_1p()
    } else {
        t + (-2.0 * t).exp().ln_1p() - std::f64::consts::LN_2
    };
    lambda * delta * delta * log_cosh
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    lambda * delta * (x / delta).tanh()
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    lambda * (x / delta).cosh().powi(-2)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "log-cosh",
    aliases: &[],
    summary: "ridge for small coefficients, a bounded pull on large ones; smooth of every order",
    formula: "lambda delta^2 log cosh(x/delta)",
    parameters: &[
        strength("f/x^2"),
        Parameter {
            name: "delta",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "where the square gives way to the straight line",
        },
    ],
    relation: None,
    value,
    grad: |x, p| slope(x.abs(), p).copysign(x),
    curvature: |x, p| curvature(x.abs(), p),
    prox: |x, step, p| even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[]),
    subdifferential: |x, p| [slope(x.abs(), p).copysign(x); 2],
    kinks: |_| vec![],
    convex: true,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.25, 3.0, 0.0, 0.0], [4.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    elsewhere: "",
    source: "P. Green, Bayesian reconstructions from emission tomography data using a modified EM algorithm, \
             IEEE Trans. Med. Imaging 9 (1990)",
};
