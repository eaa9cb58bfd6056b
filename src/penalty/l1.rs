//! The lasso penalty; scikit-learn's `Lasso(alpha)` and skglm's `L1(alpha)` with `l1 = alpha`.

use crate::penalty::profile::{Parameter, Range, Separable, between};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "l1",
    aliases: &["lasso", "laplace"],
    summary: "sets unimportant coefficients to exactly zero and shrinks the rest by a constant",
    formula: "l1 |x|",
    parameters: &[Parameter {
        name: "l1",
        aliases: &["lambda"],
        default: 0.1,
        range: Range::NOT_NEGATIVE,
        unit: "f/x",
        meaning: "threshold of the proximal operator per unit step",
    }],
    relation: None,
    value: |x, p| p[0] * x.abs(),
    grad: |x, p| if x == 0.0 { 0.0 } else { p[0] * x.signum() },
    curvature: |_, _| 0.0,
    prox: |x, step, p| x - between(x, -step * p[0], step * p[0]),
    subdifferential: |x, p| match x {
        0.0 => [-p[0], p[0]],
        _ => [p[0] * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: true,
    even: true,
    homogeneous: true,
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0], [0.0625, 0.0, 0.0, 0.0]],
    elsewhere: "scikit-learn Lasso, skglm L1, PyProximal L1(sigma), ProximalOperators.jl NormL1, ProxImaL \
                norm1, copt L1Norm, jaxopt prox_lasso",
    source: "R. Tibshirani, Regression shrinkage and selection via the lasso, JRSS B 58 (1996)",
};
