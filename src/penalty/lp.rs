//! The magnitude to a power between 0 and 1.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, p: &[f64; 4]) -> f64 {
    p[0] * x.abs().powf(p[1])
}

/// The derivative at `t > 0`.
fn slope(t: f64, p: &[f64; 4]) -> f64 {
    p[0] * p[1] * t.powf(p[1] - 1.0)
}

fn curvature(t: f64, p: &[f64; 4]) -> f64 {
    p[0] * p[1] * (p[1] - 1.0) * t.powf(p[1] - 2.0)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "lp",
    aliases: &["power"],
    summary: "sparser than the lasso, with less shrinking of what remains; concave",
    formula: "lambda |x|^p",
    parameters: &[
        strength("f/x^p"),
        Parameter {
            name: "p",
            aliases: &[],
            default: 0.5,
            range: Range::above(0.0),
            unit: "1",
            meaning: "the power; the lasso as it approaches 1, the count of what is not 0 as it approaches 0",
        },
    ],
    relation: Some(("p must be below 1", |p| p[1] < 1.0)),
    value,
    grad: |x, p| if x == 0.0 { 0.0 } else { slope(x.abs(), p) * x.signum() },
    curvature: |x, p| if x == 0.0 { 0.0 } else { curvature(x.abs(), p) },
    prox: |x, step, p| {
        if step * p[0] == 0.0 {
            return x;
        }
        even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[])
    },
    subdifferential: |x, p| match x {
        0.0 if p[0] > 0.0 => [f64::NEG_INFINITY, f64::INFINITY],
        0.0 => [0.0; 2],
        _ => [slope(x.abs(), p) * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[0.0, 0.5, 0.0, 0.0], [2.5, 0.25, 0.0, 0.0], [0.5, 0.75, 0.0, 0.0], [1.0, 0.96875, 0.0, 0.0], [0.0625, 0.5, 0.0, 0.0]],
    elsewhere: "",
    source: "G. Marjanovic, V. Solo, On l_q optimization and matrix completion, IEEE Trans. Signal Process. 60 \
             (2012)",
};
