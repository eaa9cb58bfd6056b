//! The Cauchy (Lorentzian) function, the logarithm of a heavy tail. The prior of Student's t with `nu` degrees of
//! freedom and scale `sigma` is `delta = sigma sqrt(nu)`, `lambda = (nu + 1)/(nu sigma^2)`.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let t = x.abs() / delta;
    // the square of a large t would overflow before its logarithm does
    let log = if t > 1e8 { 2.0 * t.ln() } else { (t * t).ln_1p() };
    lambda * delta * delta / 2.0 * log
}

/// The derivative at `x >= 0`.
fn slope(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let t = x / delta;
    if t > 1.0 { lambda * delta / (t + 1.0 / t) } else { lambda * x / (1.0 + t * t) }
}

fn curvature(x: f64, &[lambda, delta, ..]: &[f64; 4]) -> f64 {
    let s = (x / delta).powi(2);
    if s.is_infinite() { 0.0 } else { lambda * (1.0 - s) / (1.0 + s) / (1.0 + s) }
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "cauchy",
    aliases: &["lorentzian", "student-t"],
    summary: "ridge for small coefficients, ever weaker for large ones; smooth, redescending",
    formula: "lambda delta^2/2 log(1 + (x/delta)^2)",
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
    source: "M. Black, P. Anandan, The robust estimation of multiple motions, Comput. Vis. Image Underst. 63 \
             (1996)",
};
