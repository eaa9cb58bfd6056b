//! The indicator of an interval: coefficients are kept between two bounds. Outside, the value is the greatest finite f32
//! in place of infinity, on every executor.

use crate::penalty::profile::{Parameter, Range, Separable, between};

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "bounds",
    aliases: &["box", "interval"],
    summary: "keeps every coefficient between two bounds",
    formula: "0 for lower <= x <= upper, else infinite",
    parameters: &[
        Parameter {
            name: "lower",
            aliases: &["low", "min"],
            default: -1.0,
            range: Range::ANY,
            unit: "x",
            meaning: "least legal value",
        },
        Parameter {
            name: "upper",
            aliases: &["high", "max"],
            default: 1.0,
            range: Range::ANY,
            unit: "x",
            meaning: "greatest legal value",
        },
    ],
    relation: Some(("lower must not exceed upper", |p| p[0] <= p[1])),
    value: |x, p| if (p[0]..=p[1]).contains(&x) { 0.0 } else { OUTSIDE },
    grad: |_, _| 0.0,
    curvature: |_, _| 0.0,
    prox: |x, _, p| between(x, p[0], p[1]),
    subdifferential: |x, &[lower, upper, ..]| {
        if x < lower || x > upper {
            return [f64::INFINITY, f64::NEG_INFINITY];
        }
        [if x == lower { f64::NEG_INFINITY } else { 0.0 }, if x == upper { f64::INFINITY } else { 0.0 }]
    },
    kinks: |p| vec![p[0], p[1]],
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[0.5, 0.5, 0.0, 0.0], [-3.0, 0.25, 0.0, 0.0]],
    elsewhere: "PyProximal Box(lower, upper), ProximalOperators.jl IndBox, jaxopt projection_box",
    source: "N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.2.4",
};
