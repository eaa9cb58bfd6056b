//! The square of the hinge: what lies below a margin is pulled up to it by a spring. ProximalOperators.jl's
//! `SqrHingeLoss(y, mu)` at `y = 1` is `lambda = 2 mu`.

use crate::penalty::profile::{Parameter, Range, Separable, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "squared-hinge",
    aliases: &[],
    summary: "pulls up what lies below a margin, smoothly",
    formula: "lambda/2 max(margin - x, 0)^2",
    parameters: &[
        strength("f/x^2"),
        Parameter {
            name: "margin",
            aliases: &[],
            default: 1.0,
            range: Range::ANY,
            unit: "x",
            meaning: "from where on there is no penalty",
        },
    ],
    relation: None,
    value: |x, &[lambda, margin, ..]| if x >= margin { 0.0 } else { lambda / 2.0 * (margin - x) * (margin - x) },
    grad: |x, &[lambda, margin, ..]| if x >= margin { 0.0 } else { -lambda * (margin - x) },
    curvature: |x, &[lambda, margin, ..]| if x >= margin { 0.0 } else { lambda },
    prox: |x, step, &[lambda, margin, ..]| {
        if x >= margin { x } else { (x + step * lambda * margin) / (1.0 + step * lambda) }
    },
    subdifferential: |x, &[lambda, margin, ..]| [if x >= margin { 0.0 } else { -lambda * (margin - x) }; 2],
    kinks: |_| vec![],
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.0, -0.5, 0.0, 0.0], [0.0, 0.25, 0.0, 0.0]],
    elsewhere: "ProximalOperators.jl SqrHingeLoss(y, mu)",
    source: "O. Mangasarian, A finite Newton method for classification, Optim. Methods Softw. 17 (2002)",
};
