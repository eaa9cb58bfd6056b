//! The logarithmic barrier of the positive numbers. Outside, the value is the greatest finite f32 in place of infinity,
//! on every executor. ProximalOperators.jl's `LogBarrier(1, 0, mu)` with `lambda = mu`.

use crate::penalty::profile::{Separable, strength};

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "log-barrier",
    aliases: &["barrier"],
    summary: "keeps numbers above zero, pushing harder the closer they come",
    formula: "-lambda log x for x > 0, else infinite",
    parameters: &[
        strength("f"),
    ],
    relation: None,
    value: |x, p| if x <= 0.0 { OUTSIDE } else { -p[0] * x.ln() },
    grad: |x, p| if x <= 0.0 { 0.0 } else { -p[0] / x },
    curvature: |x, p| if x > 0.0 { p[0] / x / x } else { 0.0 },
    prox: |x, step, p| {
        // u^2 - x u - step lambda = 0
        let pull = step * p[0];
        let reach = x.hypot(2.0 * pull.sqrt());
        if x > 0.0 || x.is_nan() { 0.5 * (x + reach) } else if pull == 0.0 { 0.0 } else { 2.0 * pull / (reach - x) }
    },
    subdifferential: |x, p| if x > 0.0 { [-p[0] / x; 2] } else { [f64::INFINITY, f64::NEG_INFINITY] },
    kinks: |_| vec![],
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.0, 0.0, 0.0, 0.0], [20.0, 0.0, 0.0, 0.0]],
    elsewhere: "ProximalOperators.jl LogBarrier(a, b, mu)",
    source: "P. Combettes, J.-C. Pesquet, Proximal splitting methods in signal processing, Springer (2011), \
             table 10.2",
};
