//! The logarithmic penalty; skglm's `LogSumPenalty(alpha, eps)` with `lambda = alpha`, `epsilon = eps`. PyProximal's
//! `Log(sigma, gamma)` is `lambda = sigma/log(1 + gamma)`, `epsilon = 1/gamma`; its `Log1(sigma, delta)` adds a constant to
//! the value, and its proximal operator is that of half the strength.

use crate::penalty::profile::{Parameter, Parameters, Range, Separable, least, strength};

fn value(x: f64, &[lambda, epsilon, ..]: &Parameters) -> f64 {
    lambda * (x.abs() / epsilon).ln_1p()
}

fn prox(x: f64, step: f64, p: &Parameters) -> f64 {
    let [lambda, epsilon, ..] = *p;
    let r = x.abs();
    // stationary: (u - r)(u + epsilon) + step lambda = 0, a parabola in u; only its greater root can be a minimum
    let (b, c) = (epsilon - r, step * lambda - r * epsilon);
    let square = b * b - 4.0 * c;
    let mut candidates = vec![0.0];
    if square >= 0.0 {
        let reach = square.sqrt();
        let root = if b > 0.0 { -2.0 * c / (b + reach) } else { (reach - b) / 2.0 };
        candidates.push(root.max(0.0));
    }
    least(r, step, |u| value(u, p), &candidates).copysign(x)
}

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "log-sum",
    aliases: &["logsum", "log1"],
    summary: "the limit of reweighted lasso: strong pull near zero, ever weaker farther out; concave",
    formula: "lambda log(1 + |x|/epsilon)",
    parameters: &[
        strength("f"),
        Parameter {
            name: "epsilon",
            aliases: &["eps"],
            default: 0.1,
            range: Range::above(0.0),
            unit: "x",
            meaning: "scale below which it is like a lasso of strength lambda/epsilon",
        },
    ],
    relation: None,
    value,
    grad: |x, &[lambda, epsilon, ..]| if x == 0.0 { 0.0 } else { lambda * x.signum() / (x.abs() + epsilon) },
    curvature: |x, &[lambda, epsilon, ..]| -lambda * (x.abs() + epsilon).powi(-2),
    prox,
    subdifferential: |x, &[lambda, epsilon, ..]| match x {
        0.0 => [-lambda / epsilon, lambda / epsilon],
        _ => [lambda * x.signum() / (x.abs() + epsilon); 2],
    },
    kinks: |p| if p[0] > 0.0 { vec![0.0] } else { vec![] },
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[2.0, 0.5, 0.0, 0.0], [0.5, 3.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0625, 0.5, 0.0, 0.0]],
    elsewhere: "skglm LogSumPenalty(alpha, eps); PyProximal Log(sigma, gamma) is lambda = sigma/log(1 + gamma), \
                epsilon = 1/gamma, and Log1(sigma, delta) is this plus a constant",
    source: "E. Candes, M. Wakin, S. Boyd, Enhancing sparsity by reweighted l1 minimization, J. Fourier Anal. Appl. 14 \
             (2008); prox: P. Gong et al., A general iterative shrinkage and thresholding algorithm, ICML (2013)",
};
