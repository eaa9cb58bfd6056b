//! Vapnik's function: nothing within a tube, the lasso beyond it.

use crate::penalty::profile::{Parameter, Range, Separable, between, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "epsilon-insensitive",
    aliases: &[],
    summary: "no pull within epsilon of zero, a constant one beyond",
    formula: "lambda max(|x| - epsilon, 0)",
    parameters: &[
        strength("f/x"),
        Parameter {
            name: "epsilon",
            aliases: &["eps"],
            default: 0.1,
            range: Range::NOT_NEGATIVE,
            unit: "x",
            meaning: "half the width of the tube",
        },
    ],
    relation: None,
    value: |x, &[lambda, epsilon, ..]| lambda * (x - between(x, -epsilon, epsilon)).abs(),
    grad: |x, &[lambda, epsilon, ..]| if x.abs() <= epsilon { 0.0 } else { lambda * x.signum() },
    curvature: |_, _| 0.0,
    prox: |x, step, &[lambda, epsilon, ..]| {
        // soft threshold of what sticks out of the tube
        let within = between(x, -epsilon, epsilon);
        let rest = x - within - between(x - within, -step * lambda, step * lambda);
        if rest == 0.0 { within } else { within + rest }
    },
    subdifferential: |x, &[lambda, epsilon, ..]| [
        if x <= -epsilon { -lambda } else if x > epsilon { lambda } else { 0.0 },
        if x >= epsilon { lambda } else if x < -epsilon { -lambda } else { 0.0 },
    ],
    kinks: |p| if p[0] > 0.0 { vec![-p[1], p[1]] } else { vec![] },
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0625, 0.5, 0.0, 0.0]],
    elsewhere: "",
    source: "V. Vapnik, The nature of statistical learning theory, Springer (1995)",
};
