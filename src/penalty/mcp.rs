//! The minimax concave penalty; skglm's `MCPenalty(alpha, gamma)` with `lambda = alpha`. Lifted to groups it acts on the
//! group norm (skglm's `BlockMCPenalty`), which is not grpreg's composite `gMCP`.

use crate::penalty::profile::{Parameter, Parameters, Range, Separable, between, least, strength};

fn value(x: f64, &[lambda, gamma, ..]: &Parameters) -> f64 {
    // the integral of max(lambda - t / gamma, 0) over t from 0 to |x|
    let t = between(x.abs(), 0.0, gamma * lambda);
    lambda * t - t * t / (2.0 * gamma)
}

fn prox(x: f64, step: f64, p: &Parameters) -> f64 {
    let [lambda, gamma, ..] = *p;
    let r = x.abs();
    let end = gamma * lambda;
    let mut candidates = vec![0.0];
    if step < gamma {
        candidates.push(between((r - step * lambda) / (1.0 - step / gamma), 0.0, end));
    }
    candidates.push(r.max(end));
    least(r, step, |u| value(u, p), &candidates).copysign(x)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "mcp",
    aliases: &[],
    summary: "exact zeros without shrinking large coefficients; concave",
    formula: "lambda |x| - x^2/(2 gamma) for |x| <= gamma lambda, else gamma lambda^2/2",
    parameters: &[
        strength("f/x"),
        Parameter {
            name: "gamma",
            aliases: &[],
            default: 3.0,
            range: Range::above(1.0),
            unit: "x^2/f",
            meaning: "where the penalty levels off, in multiples of lambda; the lasso as it grows",
        },
    ],
    relation: None,
    value,
    grad: |x, &[lambda, gamma, ..]| {
        if x == 0.0 { 0.0 } else { between(lambda - x.abs() / gamma, 0.0, lambda) * x.signum() }
    },
    curvature: |x, &[lambda, gamma, ..]| if lambda > 0.0 && x.abs() <= gamma * lambda { -1.0 / gamma } else { 0.0 },
    prox,
    subdifferential: |x, &[lambda, gamma, ..]| match x {
        0.0 => [-lambda, lambda],
        _ => [between(lambda - x.abs() / gamma, 0.0, lambda) * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[1.0, 1.1, 0.0, 0.0], [0.5, 4.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0625, 2.0, 0.0, 0.0]],
    elsewhere: "skglm MCPenalty(alpha, gamma)",
    source: "C.-H. Zhang, Nearly unbiased variable selection under minimax concave penalty, Ann. Statist. 38 (2010)",
};
