//! The magnitude to the power 2/3; skglm's `L2_3(alpha)` with `lambda = alpha`.

use crate::penalty::profile::{Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, p: &[f64; 4]) -> f64 {
    p[0] * x.abs().powf(2.0 / 3.0)
}

/// The derivative at `t > 0`.
fn slope(t: f64, p: &[f64; 4]) -> f64 {
    p[0] * 2.0 / 3.0 * t.powf(-1.0 / 3.0)
}

fn curvature(t: f64, p: &[f64; 4]) -> f64 {
    -p[0] * 2.0 / 9.0 * t.powf(-4.0 / 3.0)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "l-two-thirds",
    aliases: &["l2/3"],
    summary: "sparser than the lasso, with less shrinking of what remains; concave",
    formula: "lambda |x|^(2/3)",
    parameters: &[
        strength("f/x^(2/3)"),
    ],
    relation: None,
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
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0], [0.0625, 0.0, 0.0, 0.0]],
    elsewhere: "skglm L2_3(alpha)",
    source: "W. Cao, J. Sun, Z. Xu, Fast image deconvolution using closed-form thresholding formulas of Lq (q = \
             1/2, 2/3) regularization, J. Vis. Commun. Image Represent. 24 (2013)",
};
