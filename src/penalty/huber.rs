//! The Huber function as a penalty: ridge near zero, lasso-like growth far out, smooth throughout (no exact zeros).

use crate::penalty::profile::{Parameter, Range, Separable, between, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "huber",
    aliases: &[],
    summary: "ridge for small coefficients, a bounded pull on large ones; smooth",
    formula: "lambda x^2/2 for |x| <= delta, else lambda delta (|x| - delta/2)",
    parameters: &[
        strength("f/x^2"),
        Parameter {
            name: "delta",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "x",
            meaning: "where the square gives way to the straight line",
        },
    ],
    relation: None,
    value: |x, &[lambda, delta, ..]| {
        // the least over u of the square at u plus the line from u to x (infimal convolution)
        let u = between(x, -delta, delta);
        lambda * (u * u / 2.0 + delta * (x - u).abs())
    },
    grad: |x, &[lambda, delta, ..]| lambda * between(x, -delta, delta),
    curvature: |x, &[lambda, delta, ..]| if x.abs() <= delta { lambda } else { 0.0 },
    prox: |x, step, &[lambda, delta, ..]| {
        // x moved by the gradient at the result: u = x - step lambda clamp(u)
        let pull = step * lambda;
        x - pull * between(x / (1.0 + pull), -delta, delta)
    },
    subdifferential: |x, &[lambda, delta, ..]| [lambda * between(x, -delta, delta); 2],
    kinks: |_| vec![],
    convex: true,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.5, 3.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    elsewhere: "PyProximal Huber(alpha) is lambda = 1/alpha, delta = alpha; ProximalOperators.jl \
                HuberLoss(delta, lambda)",
    source: "P. Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964)",
};
