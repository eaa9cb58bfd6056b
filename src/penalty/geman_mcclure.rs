//! The function of Geman and McClure: a square near zero, a constant far out, approached slowly.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let t = x.abs() / delta;
    lambda * delta * delta / 2.0 * if t > 1.0 { 1.0 / (1.0 + t.powi(-2)) } else { t * t / (1.0 + t * t) }
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    if s > 1.0 { lambda * delta * s.powf(-1.5) / (1.0 + 1.0 / s).powi(2) } else { lambda * x / (1.0 + s).powi(2) }
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    if s.is_infinite() { 0.0 } else { lambda * (1.0 - 3.0 * s) / (1.0 + s) / (1.0 + s) / (1.0 + s) }
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "geman-mcclure",
    aliases: &[],
    summary: "ridge for small coefficients, none for large ones; smooth, redescending",
    formula: "lambda x^2/2/(1 + (x/delta)^2)",
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
    prox: |x, step, p| even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[p[1]]),
    subdifferential: |x, p| [slope(x.abs(), p).copysign(x); 2],
    kinks: |_| vec![],
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.25, 3.0, 0.0, 0.0], [4.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    elsewhere: "",
    source: "S. Geman, D. McClure, Statistical methods for tomographic image reconstruction, Bull. Int. \
             Statist. Inst. 52 (1987)",
};
