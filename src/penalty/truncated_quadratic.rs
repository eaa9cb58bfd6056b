//! Ridge up to a threshold, constant beyond it: the weak string, and the relaxed Mumford-Shah functional. PyProximal's
//! `RelaxedMumfordShah(sigma, kappa)` is `lambda = 2 sigma`, `theta = sqrt(kappa/sigma)`.

use crate::penalty::profile::{Parameter, Range, Separable, between, least, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "truncated-quadratic",
    aliases: &["mumford-shah"],
    summary: "ridge for small coefficients, none at all for large ones",
    formula: "lambda/2 min(x^2, theta^2)",
    parameters: &[
        strength("f/x^2"),
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
    value: |x, &[lambda, theta, ..]| lambda / 2.0 * between(x.abs(), 0.0, theta).powi(2),
    grad: |x, &[lambda, theta, ..]| if x.abs() >= theta { 0.0 } else { lambda * x },
    curvature: |x, &[lambda, theta, ..]| if x.abs() >= theta { 0.0 } else { lambda },
    prox: |x, step, &[lambda, theta, ..]| {
        let r = x.abs();
        let candidates = [theta.min(r / (1.0 + step * lambda)), r.max(theta)];
        least(r, step, |u| lambda / 2.0 * u.min(theta).powi(2), &candidates).copysign(x)
    },
    subdifferential: |x, &[lambda, theta, ..]| [if x.abs() >= theta { 0.0 } else { lambda * x }; 2],
    kinks: |p| if p[0] > 0.0 { vec![-p[1], p[1]] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.25, 3.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    elsewhere: "PyProximal RelaxedMumfordShah(sigma, kappa)",
    source: "E. Strekalovskiy, D. Cremers, Real-time minimization of the piecewise smooth Mumford-Shah \
             functional, ECCV (2014)",
};
