//! Geman's bounded penalty; PyProximal's `Geman(sigma, gamma)` with `lambda = sigma`.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, gamma, ..]: &[f64; 4]) -> f64 {
    let t = x.abs();
    if t.is_infinite() { lambda } else { lambda * t / (t + gamma) }
}

/// The derivative at `t >= 0`, from the right at 0.
fn slope(t: f64, &[lambda, gamma, ..]: &[f64; 4]) -> f64 {
    lambda * gamma / (t + gamma).powi(2)
}

fn curvature(t: f64, &[lambda, gamma, ..]: &[f64; 4]) -> f64 {
    -2.0 * lambda * gamma / (t + gamma).powi(3)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "geman",
    aliases: &[],
    summary: "a price per coefficient in use with a slow start; concave, bounded",
    formula: "lambda |x|/(|x| + gamma)",
    parameters: &[
        strength("f"),
        Parameter {
            name: "gamma",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "where half of lambda is reached",
        },
    ],
    relation: None,
    value,
    grad: |x, p| if x == 0.0 { 0.0 } else { slope(x.abs(), p) * x.signum() },
    curvature: |x, p| curvature(x.abs(), p),
    prox: |x, step, p| even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[]),
    subdifferential: |x, p| match x {
        0.0 => [-slope(0.0, p), slope(0.0, p)],
        _ => [slope(x.abs(), p) * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.5, 3.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0625, 1.0, 0.0, 0.0]],
    elsewhere: "PyProximal Geman(sigma, gamma)",
    source: "D. Geman, C. Yang, Nonlinear image recovery with half-quadratic regularization, IEEE Trans. Image \
             Process. 4 (1995)",
};
