//! The smoothly clipped absolute deviation; skglm's `SCAD(alpha, gamma)` with `lambda = alpha`.

use crate::penalty::profile::{Parameter, Parameters, Range, Separable, between, least, strength};

/// The derivative at `t > 0`: lambda, then falling to 0 at gamma lambda.
fn rate(t: f64, &[lambda, gamma, ..]: &Parameters) -> f64 {
    between((gamma * lambda - t) / (gamma - 1.0), 0.0, lambda)
}

fn value(x: f64, &[lambda, gamma, ..]: &Parameters) -> f64 {
    let t = x.abs();
    if t > gamma * lambda {
        lambda * lambda * (gamma + 1.0) / 2.0
    } else if t > lambda {
        (2.0 * gamma * lambda * t - t * t - lambda * lambda) / (2.0 * (gamma - 1.0))
    } else {
        lambda * t
    }
}

fn prox(x: f64, step: f64, p: &Parameters) -> f64 {
    let [lambda, gamma, ..] = *p;
    let r = x.abs();
    let mut candidates = vec![0.0, between(r - step * lambda, 0.0, lambda)];
    if step < gamma - 1.0 {
        let stationary = ((gamma - 1.0) * r - step * gamma * lambda) / (gamma - 1.0 - step);
        candidates.push(between(stationary, lambda, gamma * lambda));
    }
    candidates.push(r.max(gamma * lambda));
    least(r, step, |u| value(u, p), &candidates).copysign(x)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "scad",
    aliases: &[],
    summary: "the lasso near zero, no shrinking of large coefficients, a smooth bend between",
    formula: "lambda |x| for |x| <= lambda, (2 gamma lambda |x| - x^2 - lambda^2)/(2 (gamma - 1)) up to gamma lambda, \
              else (gamma + 1) lambda^2/2",
    parameters: &[
        strength("f/x"),
        Parameter {
            name: "gamma",
            aliases: &[],
            default: 3.7,
            range: Range::above(2.0),
            unit: "x^2/f",
            meaning: "where the penalty levels off, in multiples of lambda",
        },
    ],
    relation: None,
    value,
    grad: |x, p| if x == 0.0 { 0.0 } else { rate(x.abs(), p) * x.signum() },
    curvature: |x, &[lambda, gamma, ..]| {
        if x.abs() > lambda && x.abs() <= gamma * lambda { -1.0 / (gamma - 1.0) } else { 0.0 }
    },
    prox,
    subdifferential: |x, p| match x {
        0.0 => [-p[0], p[0]],
        _ => [rate(x.abs(), p) * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[1.0, 2.1, 0.0, 0.0], [0.5, 4.5, 0.0, 0.0], [0.0, 3.7, 0.0, 0.0], [0.0625, 3.0, 0.0, 0.0]],
    elsewhere: "skglm SCAD(alpha, gamma), PyProximal SCAD(sigma, a)",
    source: "J. Fan, R. Li, Variable selection via nonconcave penalized likelihood, JASA 96 (2001)",
};
