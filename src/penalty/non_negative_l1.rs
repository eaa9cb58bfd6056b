//! The lasso on non-negative numbers: soft threshold and projection at once. Outside, the value is the greatest finite
//! f32 in place of infinity, on every executor. scikit-learn's `Lasso(alpha, positive=True)` and skglm's `L1(alpha,
//! positive=True)` with `l1 = alpha`.

use crate::penalty::profile::{Parameter, Range, Separable};

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "non-negative-l1",
    aliases: &["non-negative-lasso", "positive-lasso"],
    summary: "sparse coefficients that are not negative",
    formula: "l1 x for x >= 0, else infinite",
    parameters: &[
        Parameter {
            name: "l1",
            aliases: &["lambda"],
            default: 0.1,
            range: Range::NOT_NEGATIVE,
            unit: "f/x",
            meaning: "threshold of the proximal operator per unit step",
        },
    ],
    relation: None,
    value: |x, p| if x >= 0.0 { p[0] * x } else { OUTSIDE },
    grad: |x, p| if x > 0.0 { p[0] } else { 0.0 },
    curvature: |_, _| 0.0,
    prox: |x, step, p| {
        let rest = x - step * p[0];
        if rest <= 0.0 { 0.0 } else { rest }
    },
    subdifferential: |x, p| {
        if x < 0.0 {
            [f64::INFINITY, f64::NEG_INFINITY]
        } else if x > 0.0 {
            [p[0]; 2]
        } else {
            [f64::NEG_INFINITY, p[0]]
        }
    },
    kinks: |_| vec![0.0],
    convex: true,
    even: false,
    homogeneous: true,
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0], [0.0625, 0.0, 0.0, 0.0]],
    elsewhere: "scikit-learn Lasso(positive=True), skglm L1(positive=True), jaxopt prox_non_negative_lasso",
    source: "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least angle regression, Ann. Statist. 32 (2004), \
             section 3.4",
};
