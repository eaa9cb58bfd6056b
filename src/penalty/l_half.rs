//! The square root of the magnitude; skglm's `L0_5(alpha)` with `lambda = alpha`.

use crate::penalty::profile::{Separable, least, strength};

fn prox(x: f64, step: f64, p: &[f64; 4]) -> f64 {
    let (r, pull) = (x.abs(), step * p[0]);
    // with t = sqrt(u): t^3 - r t + pull / 2 = 0, whose greatest root is 2 sqrt(r / 3) cos(angle / 3)
    let cosine = -0.25 * pull * (3.0 / r).powf(1.5);
    let mut candidates = vec![0.0];
    if r > 0.0 && cosine >= -1.0 {
        let t = 2.0 * (r / 3.0).sqrt() * (cosine.acos() / 3.0).cos();
        let u = t * t;
        // one step of Newton takes off what the angle rounded
        candidates.push(u - (u - r + 0.5 * pull / t) / (1.0 - 0.25 * pull / (u * t)));
    }
    least(r, step, |u| p[0] * u.sqrt(), &candidates).copysign(x)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "l-half",
    aliases: &["l1/2", "l0.5"],
    summary: "sparser than the lasso, with less shrinking of what remains; concave",
    formula: "lambda |x|^(1/2)",
    parameters: &[
        strength("f/x^(1/2)"),
    ],
    relation: None,
    value: |x, p| p[0] * x.abs().sqrt(),
    grad: |x, p| if x == 0.0 { 0.0 } else { p[0] * x.signum() / (2.0 * x.abs().sqrt()) },
    curvature: |x, p| if x == 0.0 { 0.0 } else { -p[0] / 4.0 * x.abs().powf(-1.5) },
    prox,
    subdifferential: |x, p| match x {
        0.0 if p[0] > 0.0 => [f64::NEG_INFINITY, f64::INFINITY],
        0.0 => [0.0; 2],
        _ => [p[0] * x.signum() / (2.0 * x.abs().sqrt()); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0], [0.0625, 0.0, 0.0, 0.0]],
    elsewhere: "skglm L0_5(alpha)",
    source: "Z. Xu, X. Chang, F. Xu, H. Zhang, L1/2 regularization: a thresholding representation theory and a \
             fast solver, IEEE Trans. Neural Netw. Learn. Syst. 23 (2012)",
};
