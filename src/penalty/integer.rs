//! The indicator of the integers; the proximal operator rounds, halves towards 0. Elsewhere, the value is the greatest
//! finite f32 in place of infinity, on every executor.

use crate::penalty::profile::{Separable};

const OUTSIDE: f64 = f32::MAX as f64;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "integer",
    aliases: &["rounding"],
    summary: "coefficients that are whole numbers",
    formula: "0 for whole x, else infinite",
    parameters: &[],
    relation: None,
    value: |x, _| if x == x.floor() { 0.0 } else { OUTSIDE },
    grad: |_, _| 0.0,
    curvature: |_, _| 0.0,
    prox: |x, _, _| {
        let (down, up) = (x.abs().floor(), x.abs().ceil());
        (if up - x.abs() < x.abs() - down { up } else { down }).copysign(x)
    },
    subdifferential: |x, _| {
        if x == x.floor() { [f64::NEG_INFINITY, f64::INFINITY] } else { [f64::INFINITY, f64::NEG_INFINITY] }
    },
    kinks: |_| (-64..=64).map(f64::from).collect(),
    convex: false,
    even: false,
    homogeneous: false,
    samples: &[[0.0; 4]],
    elsewhere: "",
    source: "S. Diamond, R. Takapoui, S. Boyd, A general system for heuristic minimization of convex functions \
             over non-convex sets, Optim. Methods Softw. 33 (2018)",
};
