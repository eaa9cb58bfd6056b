//! Ridge on non-negative numbers. Outside, the value is the greatest finite f32 in place of infinity, on every
//! executor.

use crate::penalty::profile::{Parameter, Range, Separable};

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "non-negative-l2",
    aliases: &["non-negative-ridge"],
    summary: "small coefficients that are not negative",
    formula: "l2/2 x^2 for x >= 0, else infinite",
    parameters: &[
        Parameter {
            name: "l2",
            aliases: &["lambda"],
            default: 0.1,
            range: Range::NOT_NEGATIVE,
            unit: "f/x^2",
            meaning: "the curvature",
        },
    ],
    relation: None,
    value: |x, p| if x >= 0.0 { p[0] / 2.0 * x * x } else { OUTSIDE },
    grad: |x, p| if x > 0.0 { p[0] * x } else { 0.0 },
    curvature: |x, p| if x > 0.0 { p[0] } else { 0.0 },
    prox: |x, step, p| if x <= 0.0 { 0.0 } else { x / (1.0 + step * p[0]) },
    subdifferential: |x, p| {
        if x < 0.0 {
            [f64::INFINITY, f64::NEG_INFINITY]
        } else if x > 0.0 {
            [p[0] * x; 2]
        } else {
            [f64::NEG_INFINITY, 0.0]
        }
    },
    kinks: |_| vec![0.0],
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0]],
    elsewhere: "scikit-learn Ridge(positive=True), jaxopt prox_non_negative_ridge (half as strong)",
    source: "A. Tikhonov, V. Arsenin, Solutions of ill-posed problems, Winston (1977), on the cone of non- \
             negative numbers",
};
