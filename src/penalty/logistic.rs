//! The logistic loss of a margin. ProximalOperators.jl's `LogisticLoss(y, mu)` at `y = 1` with `lambda = mu`.

use crate::penalty::profile::{Separable, strength};
use crate::penalty::stationary::crossing;

/// `1 / (1 + e^x)`
fn share(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x > 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "logistic",
    aliases: &[],
    summary: "pulls numbers up, ever less the greater they are; smooth",
    formula: "lambda log(1 + exp(-x))",
    parameters: &[
        strength("f"),
    ],
    relation: None,
    value: |x, p| {
        let log = if x < 0.0 { x.exp().ln_1p() - x } else { (-x).exp().ln_1p() };
        p[0] * log
    },
    grad: |x, p| -p[0] * share(x),
    curvature: |x, p| p[0] * share(x) * share(-x),
    prox: |x, step, p| {
        // the derivative lies between -lambda and 0
        if x.is_finite() { crossing(x, x + step * p[0], |u| u - x - step * p[0] * share(u)) } else { x }
    },
    subdifferential: |x, p| [-p[0] * share(x); 2],
    kinks: |_| vec![],
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.5, 0.0, 0.0, 0.0], [20.0, 0.0, 0.0, 0.0], [0.0; 4]],
    elsewhere: "ProximalOperators.jl LogisticLoss(y, mu)",
    source: "D. Cox, The regression analysis of binary sequences, JRSS B 20 (1958)",
};
