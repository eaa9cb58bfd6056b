//! Welsch's (Leclerc's) function: a square near zero, a constant far out.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    -lambda * delta * delta * (-(x / delta).powi(2) / 2.0).exp_m1()
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let weight = (-(x / delta).powi(2) / 2.0).exp();
    if weight == 0.0 { 0.0 } else { lambda * x * weight }
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    let weight = (-s / 2.0).exp();
    if weight == 0.0 { 0.0 } else { lambda * (1.0 - s) * weight }
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "welsch",
    aliases: &["leclerc"],
    summary: "ridge for small coefficients, none for large ones; smooth, redescending",
    formula: "lambda delta^2 (1 - exp(-(x/delta)^2/2))",
    parameters: &[
        strength("f/x^2"),
        Parameter {
            name: "delta",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "beyond it the pull grows weaker",
        },
    ],
    relation: None,
    value,
    grad: |x, p| slope(x.abs(), p).copysign(x),
    curvature: |x, p| curvature(x.abs(), p),
    prox: |x, step, p| even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[3.0f64.sqrt() * p[1]]),
    subdifferential: |x, p| [slope(x.abs(), p).copysign(x); 2],
    kinks: |_| vec![],
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.25, 3.0, 0.0, 0.0], [4.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    elsewhere: "",
    source: "J. Dennis, R. Welsch, Techniques for nonlinear least squares and robust regression, Comm. Statist. \
             Simulation Comput. 7 (1978)",
};
