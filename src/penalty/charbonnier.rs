//! The pseudo-Huber function: a hyperbola, the smooth twin of `huber` with the same curvature at 0 and the same slope
//! far out.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    // delta times the distance of (delta, x) from the origin, less delta
    lambda * delta * (x * (x / (delta + x.hypot(delta))))
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    if x.is_infinite() { lambda * delta } else { lambda * x / (x / delta).hypot(1.0) }
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    lambda * (x / delta).hypot(1.0).powi(-3)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "charbonnier",
    aliases: &["pseudo-huber"],
    summary: "ridge for small coefficients, a bounded pull on large ones; smooth of every order",
    formula: "lambda delta^2 ((1 + (x/delta)^2)^(1/2) - 1)",
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
    source: "P. Charbonnier, L. Blanc-Feraud, G. Aubert, M. Barlaud, Deterministic edge-preserving \
             regularization in computed imaging, IEEE Trans. Image Process. 6 (1997)",
};
