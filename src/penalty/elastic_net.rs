//! The elastic net. scikit-learn's `ElasticNet(alpha, l1_ratio)` and skglm's `L1_plus_L2(alpha, l1_ratio)` have
//! `l1 = alpha * l1_ratio`, `l2 = alpha * (1 - l1_ratio)`; the logistic one of scikit-learn with `C` has
//! `l1 = l1_ratio / (n C)`, `l2 = (1 - l1_ratio) / (n C)`.

use crate::penalty::profile::{Parameter, Range, Separable, between};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "elastic-net",
    aliases: &["elasticnet", "enet"],
    summary: "exact zeros like the lasso, and correlated coefficients kept together like ridge",
    formula: "l1 |x| + l2/2 x^2",
    parameters: &[
        Parameter {
            name: "l1",
            aliases: &[],
            default: 0.1,
            range: Range::NOT_NEGATIVE,
            unit: "f/x",
            meaning: "threshold of the proximal operator per unit step",
        },
        Parameter {
            name: "l2",
            aliases: &[],
            default: 0.05,
            range: Range::NOT_NEGATIVE,
            unit: "f/x^2",
            meaning: "curvature away from zero",
        },
    ],
    relation: None,
    value: |x, p| p[0] * x.abs() + p[1] / 2.0 * x.powi(2),
    grad: |x, p| if x == 0.0 { 0.0 } else { p[0] * x.signum() + p[1] * x },
    curvature: |_, p| p[1],
    prox: |x, step, p| (x - between(x, -step * p[0], step * p[0])) / (1.0 + step * p[1]),
    subdifferential: |x, p| match x {
        0.0 => [-p[0], p[0]],
        _ => [p[0] * x.signum() + p[1] * x; 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: true,
    even: true,
    homogeneous: false,
    samples: &[[0.0, 0.3, 0.0, 0.0], [1.5, 0.0, 0.0, 0.0], [0.7, 2.0, 0.0, 0.0], [0.0625, 1.0, 0.0, 0.0]],
    elsewhere: "scikit-learn ElasticNet, skglm L1_plus_L2, ProximalOperators.jl ElasticNet, jaxopt prox_elastic_net",
    source: "H. Zou, T. Hastie, Regularization and variable selection via the elastic net, JRSS B 67 (2005)",
};
