//! The hinge: what lies below a margin is pulled up to it by a constant force. ProximalOperators.jl's `HingeLoss(y,
//! mu)` at `y = 1`.

use crate::penalty::profile::{Parameter, Range, Separable, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "hinge",
    aliases: &[],
    summary: "pulls up what lies below a margin",
    formula: "lambda max(margin - x, 0)",
    parameters: &[
        strength("f/x"),
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
    value: |x, &[lambda, margin, ..]| if x >= margin { 0.0 } else { lambda * (margin - x) },
    grad: |x, &[lambda, margin, ..]| if x >= margin { 0.0 } else { -lambda },
    curvature: |_, _| 0.0,
    prox: |x, step, &[lambda, margin, ..]| {
        if x >= margin {
            x
        } else if x + step * lambda >= margin {
            margin
        } else {
            x + step * lambda
        }
    },
    subdifferential: |x, &[lambda, margin, ..]| [
        if x <= margin { -lambda } else { 0.0 },
        if x < margin { -lambda } else { 0.0 },
    ],
    kinks: |p| if p[0] > 0.0 { vec![p[1]] } else { vec![] },
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.0, -0.5, 0.0, 0.0], [0.0625, 1.0, 0.0, 0.0], [0.0, 0.25, 0.0, 0.0]],
    elsewhere: "ProximalOperators.jl HingeLoss(y, mu)",
    source: "C. Cortes, V. Vapnik, Support-vector networks, Mach. Learn. 20 (1995)",
};
