//! The exponential-type penalty; PyProximal's `ETP(sigma, gamma)` with `lambda = sigma`.

use crate::penalty::profile::{Parameter, Range, Separable, strength};
use crate::penalty::stationary::even;

fn value(x: f64, &[lambda, gamma, ..]: &[f64; 4]) -> f64 {
    lambda * (-gamma * x.abs()).exp_m1() / (-gamma).exp_m1()
}

/// The derivative at `t >= 0`, from the right at 0.
fn slope(t: f64, &[lambda, gamma, ..]: &[f64; 4]) -> f64 {
    -lambda * gamma * (-gamma * t).exp() / (-gamma).exp_m1()
}

fn curvature(t: f64, &[lambda, gamma, ..]: &[f64; 4]) -> f64 {
    lambda * gamma * gamma * (-gamma * t).exp() / (-gamma).exp_m1()
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "etp",
    aliases: &[],
    summary: "between the lasso and a price per coefficient in use; concave, bounded",
    formula: "lambda (1 - exp(-gamma |x|))/(1 - exp(-gamma))",
    parameters: &[
        strength("f"),
        Parameter {
            name: "gamma",
            aliases: &[],
            default: 1.0,
            range: Range::above(0.0),
            unit: "1/x",
            meaning: "how soon it levels off: the lasso as it approaches 0, the count of what is not 0 as it grows",
        },
    ],
    relation: None,
    value,
    grad: |x, p| if x == 0.0 { 0.0 } else { slope(x.abs(), p) * x.signum() },
    curvature: |x, p| curvature(x.abs(), p),
    prox: |x, step, p| even(x, step, |u| value(u, p), |u| slope(u, p), |u| curvature(u, p), &[]),
    subdifferential: |x, p| match x {
        0.0 => [-slope(0.0, p), slope(0.0, p)],
        _ => [slope(x.abs(), p) * x.signum(); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.5, 3.0, 0.0, 0.0], [3.0, 8.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0625, 1.0, 0.0, 0.0]],
    elsewhere: "PyProximal ETP(sigma, gamma)",
    source: "C. Gao, N. Wang, Q. Yu, Z. Zhang, A feasible nonconvex relaxation approach to feature selection, \
             AAAI (2011)",
};
