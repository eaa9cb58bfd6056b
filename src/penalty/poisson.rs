//! The negative log-likelihood of a count with rate `x`, up to a constant: the data term of the Kullback-Leibler
//! divergence. Outside of its domain the value is the greatest finite f32 in place of infinity, on every executor.

use crate::penalty::profile::{Parameter, Range, Separable, strength};

const OUTSIDE: f64 = f32::MAX as f64;

fn outside(x: f64, p: &[f64; 4]) -> bool {
    x < 0.0 || (x == 0.0 && p[1] > 0.0)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "poisson",
    aliases: &["kullback-leibler"],
    summary: "pulls positive numbers towards a count; a barrier at zero",
    formula: "lambda (x - count log x) for x > 0 (and x = 0 if count = 0), else infinite",
    parameters: &[
        strength("f/x"),
        Parameter {
            name: "count",
            aliases: &[],
            default: 1.0,
            range: Range::NOT_NEGATIVE,
            unit: "x",
            meaning: "the minimiser: what was counted",
        },
    ],
    relation: None,
    value: |x, p| match x {
        _ if outside(x, p) => OUTSIDE,
        0.0 => 0.0,
        _ => p[0] * (x - p[1] * x.ln()),
    },
    grad: |x, p| if x <= 0.0 { 0.0 } else { p[0] * (1.0 - p[1] / x) },
    curvature: |x, p| if x > 0.0 { p[0] * p[1] / x / x } else { 0.0 },
    prox: |x, step, &[lambda, count, ..]| {
        // u^2 - b u - c = 0
        let (b, c) = (x - step * lambda, step * lambda * count);
        let reach = b.hypot(2.0 * c.sqrt());
        if b > 0.0 || b.is_nan() { 0.5 * (b + reach) } else if c == 0.0 { 0.0 } else { 2.0 * c / (reach - b) }
    },
    subdifferential: |x, p| match x {
        _ if outside(x, p) => [f64::INFINITY, f64::NEG_INFINITY],
        0.0 => [f64::NEG_INFINITY, p[0]],
        _ => [p[0] * (1.0 - p[1] / x); 2],
    },
    kinks: |p| if p[1] == 0.0 { vec![0.0] } else { vec![] },
    convex: true,
    even: false,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.5, 7.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0]],
    elsewhere: "ProxImaL poisson_norm",
    source: "P. Combettes, J.-C. Pesquet, A Douglas-Rachford splitting approach to nonsmooth convex variational \
             signal recovery, IEEE J. Sel. Topics Signal Process. 1 (2007)",
};
