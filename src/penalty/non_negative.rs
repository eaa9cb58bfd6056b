//! The indicator of the non-negative numbers. Outside, the value is the greatest finite f32 in place of infinity, on every
//! executor.

use crate::penalty::profile::Separable;

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "non-negative",
    aliases: &["nonnegative", "positive"],
    summary: "keeps every coefficient at or above zero",
    formula: "0 for x >= 0, else infinite",
    parameters: &[],
    relation: None,
    value: |x, _| if x >= 0.0 { 0.0 } else { OUTSIDE },
    grad: |_, _| 0.0,
    curvature: |_, _| 0.0,
    prox: |x, _, _| if x <= 0.0 { 0.0 } else { x },
    subdifferential: |x, _| {
        if x < 0.0 {
            [f64::INFINITY, f64::NEG_INFINITY]
        } else if x > 0.0 {
            [0.0; 2]
        } else {
            [f64::NEG_INFINITY, 0.0]
        }
    },
    kinks: |_| vec![0.0],
    convex: true,
    even: false,
    homogeneous: true,
    samples: &[[0.0; 4]],
    elsewhere: "PyProximal Box(0, inf), ProximalOperators.jl IndNonnegative, ProxImaL nonneg, skglm \
                PositiveConstraint, jaxopt projection_non_negative",
    source: "N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.2.4",
};
