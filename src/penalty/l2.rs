//! The ridge penalty `l2/2 ||b||^2`. scikit-learn's `Ridge(alpha)` minimises `||y - Xb||^2 + alpha ||b||^2`, which is
//! `l2 = alpha / n` under the objective `1/(2n) ||y - Xb||^2`; its `LogisticRegression(C)` is `l2 = 1 / (n C)`.

use crate::penalty::profile::{Parameter, Range, Separable};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "l2",
    aliases: &["ridge"],
    summary: "shrinks all coefficients in proportion; keeps correlated ones together",
    formula: "l2/2 x^2",
    parameters: &[Parameter {
        name: "l2",
        aliases: &["lambda"],
        default: 0.1,
        range: Range::NOT_NEGATIVE,
        unit: "f/x^2",
        meaning: "curvature of the penalty",
    }],
    relation: None,
    value: |x, p| p[0] / 2.0 * x.powi(2),
    grad: |x, p| p[0] * x,
    curvature: |_, p| p[0],
    prox: |x, step, p| x / (1.0 + step * p[0]),
    subdifferential: |x, p| [p[0] * x; 2],
    kinks: |_| vec![],
    convex: true,
    even: true,
    homogeneous: false,
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0]],
    elsewhere: "scikit-learn Ridge, skglm L2, PyProximal L2(sigma = lambda), ProximalOperators.jl SqrNormL2, \
                ProxImaL sum_squares (half as strong), jaxopt prox_ridge (half as strong)",
    source: "A. Hoerl, R. Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12 (1970)",
};
