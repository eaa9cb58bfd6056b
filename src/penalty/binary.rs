//! The indicator of two numbers, by default 0 and 1; the proximal operator takes the nearer one. Elsewhere, the value
//! is the greatest finite f32 in place of infinity, on every executor.

use crate::penalty::profile::{Parameter, Range, Separable};

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "binary",
    aliases: &["boolean"],
    summary: "coefficients that are one of two numbers",
    formula: "0 for x = low and x = high, else infinite",
    parameters: &[
        Parameter {
            name: "low",
            aliases: &[],
            default: 0.0,
            range: Range::ANY,
            unit: "x",
            meaning: "the lesser number",
        },
        Parameter {
            name: "high",
            aliases: &[],
            default: 1.0,
            range: Range::ANY,
            unit: "x",
            meaning: "the greater number",
        },
    ],
    relation: Some(("low must be below high", |p| p[0] < p[1])),
    value: |x, p| if x == p[0] || x == p[1] { 0.0 } else { OUTSIDE },
    grad: |_, _| 0.0,
    curvature: |_, _| 0.0,
    prox: |x, _, &[low, high, ..]| {
        let middle = 0.5 * low + 0.5 * high;
        if x > middle || (x == middle && low.abs() > high.abs()) {
            high
        } else if x <= middle {
            low
        } else {
            x
        }
    },
    subdifferential: |x, p| {
        let member = x == p[0] || x == p[1];
        if member { [f64::NEG_INFINITY, f64::INFINITY] } else { [f64::INFINITY, f64::NEG_INFINITY] }
    },
    kinks: |p| vec![p[0], p[1]],
    convex: false,
    even: false,
    homogeneous: false,
    samples: &[[-1.0, 1.0, 0.0, 0.0], [0.5, 3.0, 0.0, 0.0], [-2.0, 0.25, 0.0, 0.0]],
    elsewhere: "ProximalOperators.jl IndBinary(low, high)",
    source: "S. Diamond, R. Takapoui, S. Boyd, A general system for heuristic minimization of convex functions \
             over non-convex sets, Optim. Methods Softw. 33 (2018)",
};
