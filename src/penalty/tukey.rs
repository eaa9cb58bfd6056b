//! Tukey's biweight: a square near zero, exactly constant beyond `delta`.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    // 1 - (1 - s)^3 in factors, the first without cancellation
    let share = if s >= 1.0 { 1.0 } else { s * (1.0 + (1.0 - s) + (1.0 - s) * (1.0 - s)) };
    lambda * delta * delta / 6.0 * share
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    if s >= 1.0 { 0.0 } else { lambda * x * (1.0 - s) * (1.0 - s) }
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    if s < 1.0 { lambda * (1.0 - s) * (1.0 - 5.0 * s) } else { 0.0 }
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "tukey",
    aliases: &["biweight", "bisquare"],
    summary: "ridge for small coefficients, exactly none beyond delta; smooth, redescending",
    formula: "lambda delta^2/6 (1 - (1 - (x/delta)^2)^3) for |x| <= delta, else lambda delta^2/6",
    parameters: &[
        strength("f/x^2"),
        Parameter {
            name: "delta",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "beyond it there is no pull at all",
        },
    ],
    relation: None,
    value,
    grad: |x, p| slope(x.abs(), p).copysign(x),
    curvature: |x, p| curvature(x.abs(), p),
    prox: |x, step, p| even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[0.6f64.sqrt() * p[1], p[1]]),
    subdifferential: |x, p| [slope(x.abs(), p).copysign(x); 2],
    kinks: |_| vec![],
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.25, 3.0, 0.0, 0.0], [4.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    elsewhere: "",
    source: "A. Beaton, J. Tukey, The fitting of power series, meaning polynomials, illustrated on band- \
             spectroscopic data, Technometrics 16 (1974)",
};
