//! The pinball function, whose minimiser over a sample is its quantile; half the absolute value at `tau = 1/2`. skglm
//! and scikit-learn have it as a loss (`Pinball(quantile)`, `QuantileRegressor`).

use crate::penalty::profile::{Parameter, Range, Separable, between, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "quantile",
    aliases: &["pinball"],
    summary: "the lasso with different prices for the two signs",
    formula: "lambda tau x for x >= 0, else lambda (tau - 1) x",
    parameters: &[
        strength("f/x"),
        Parameter {
            name: "tau",
            aliases: &[],
            default: 0.5,
            range: Range::above(0.0),
            unit: "1",
            meaning: "price of the positive side; the negative side pays 1 - tau",
        },
    ],
    relation: Some(("tau must be below 1", |p| p[1] < 1.0)),
    value: |x, &[lambda, tau, ..]| lambda * x * if x >= 0.0 { tau } else { tau - 1.0 },
    grad: |x, &[lambda, tau, ..]| match x {
        0.0 => 0.0,
        _ if x > 0.0 => lambda * tau,
        _ => lambda * (tau - 1.0),
    },
    curvature: |_, _| 0.0,
    prox: |x, step, &[lambda, tau, ..]| x - between(x, step * lambda * (tau - 1.0), step * lambda * tau),
    subdifferential: |x, &[lambda, tau, ..]| [
        if x > 0.0 { lambda * tau } else { lambda * (tau - 1.0) },
        if x < 0.0 { lambda * (tau - 1.0) } else { lambda * tau },
    ],
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: true,
    even: false,
    homogeneous: true,
    samples: &[[2.0, 0.25, 0.0, 0.0], [0.5, 0.875, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0625, 0.5, 0.0, 0.0]],
    elsewhere: "",
    source: "R. Koenker, G. Bassett, Regression quantiles, Econometrica 46 (1978)",
};
