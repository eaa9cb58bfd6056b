//! The hyperbolic cosine: ridge near zero, an exponential wall far out.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

/// The product, 0 where the first is 0 and the second infinite.
fn times(strength: f64, y: f64) -> f64 {
    if strength == 0.0 { 0.0 } else { strength * y }
}

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    times(lambda * delta * delta * 2.0, (x / delta / 2.0).sinh().powi(2))
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    times(lambda * delta, (x / delta).sinh())
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    times(lambda, (x / delta).cosh())
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "cosh",
    aliases: &[],
    summary: "ridge for small coefficients, an exponential wall against large ones",
    formula: "lambda delta^2 (cosh(x/delta) - 1)",
    parameters: &[
        strength("f/x^2"),
        Parameter {
            name: "delta",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "where the wall begins",
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
    source: "U. Ghai, E. Hazan, Y. Singer, Exponentiated gradient meets gradient descent, ALT (2020): the \
             conjugate of their hyperbolic entropy",
};
