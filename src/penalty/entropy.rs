//! The negative entropy. Outside of its domain the value is the greatest finite f32 in place of infinity, on every
//! executor. Its slope at 0 is minus infinity, so no minimiser is 0; but 0 stands for every number below the least
//! normal f32, and is given the slopes of those.

use crate::penalty::profile::{Separable, strength};
use crate::penalty::stationary::crossing;

const OUTSIDE: f64 = f32::MAX as f64;

/// `-(1 + log m)` for the least normal f32, `m = 2^-126`.
const STEEPEST: f64 = 126.0 * std::f64::consts::LN_2 - 1.0;

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "entropy",
    aliases: &["negative-entropy"],
    summary: "pulls non-negative numbers towards 1/e, and keeps them above zero",
    formula: "lambda x log x for x >= 0 (0 at 0), else infinite",
    parameters: &[
        strength("f/x"),
    ],
    relation: None,
    value: |x, p| match x {
        0.0 => 0.0,
        _ if x < 0.0 => OUTSIDE,
        _ => p[0] * x * x.ln(),
    },
    grad: |x, p| match x {
        0.0 => -p[0] * STEEPEST,
        _ if x < 0.0 => 0.0,
        _ => p[0] * (x.ln() + 1.0),
    },
    curvature: |x, p| if x > 0.0 { p[0] / x } else { 0.0 },
    prox: |x, step, p| {
        let pull = step * p[0];
        if pull == 0.0 || !x.is_finite() {
            return if x < 0.0 { 0.0 } else { x };
        }
        // u + pull (1 + log u) = x, for the logarithm where u is small
        if pull * (2.0 + pull.ln()) < x {
            crossing(pull, x.max(1.0) + pull, |u| u + pull * (1.0 + u.ln()) - x)
        } else {
            let high = (x / pull - 1.0).min(pull.ln());
            crossing(x / pull - 3.0, high, |l| l + l.exp() / pull - (x / pull - 1.0)).exp()
        }
    },
    subdifferential: |x, p| match x {
        0.0 => [f64::NEG_INFINITY, -p[0] * STEEPEST],
        _ if x < 0.0 => [f64::INFINITY, f64::NEG_INFINITY],
        _ => [p[0] * (x.ln() + 1.0); 2],
    },
    kinks: |_| vec![0.0],
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.0, 0.0, 0.0, 0.0], [20.0, 0.0, 0.0, 0.0]],
    elsewhere: "",
    source: "P. Combettes, J.-C. Pesquet, Proximal splitting methods in signal processing, Springer (2011), \
             table 10.2",
};
