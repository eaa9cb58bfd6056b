//! The lasso up to a threshold, constant beyond it.

use crate::penalty::profile::{Parameter, Range, Separable, between, least, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "capped-l1",
    aliases: &[],
    summary: "the lasso for small coefficients, no shrinking of large ones; concave",
    formula: "lambda min(|x|, theta)",
    parameters: &[
        strength("f/x"),
        Parameter {
            name: "theta",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "where the penalty levels off",
        },
    ],
    relation: None,
    value: |x, &[lambda, theta, ..]| lambda * between(x.abs(), 0.0, theta),
    grad: |x, &[lambda, theta, ..]| if x == 0.0 || x.abs() >= theta { 0.0 } else { lambda * x.signum() },
    curvature: |_, _| 0.0,
    prox: |x, step, &[lambda, theta, ..]| {
        let r = x.abs();
        let candidates = [between(r - step * lambda, 0.0, theta), r.max(theta)];
        least(r, step, |u| lambda * u.min(theta), &candidates).copysign(x)
    },
    subdifferential: |x, &[lambda, theta, ..]| match x {
        0.0 => [-lambda, lambda],
        _ if x.abs() >= theta => [0.0; 2],
        _ => [lambda * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0, -p[1], p[1]] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.25, 3.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0625, 1.0, 0.0, 0.0]],
    elsewhere: "",
    source: "T. Zhang, Analysis of multi-stage convex relaxation for sparse regularization, JMLR 11 (2010)",
};
