//! The number of coefficients that are not zero; its proximal operator is the hard threshold.

use crate::penalty::profile::{Separable, least, strength};

/// See the module.
pub const PENALTY: Separable = Separable {
    name: "l0",
    aliases: &["hard-threshold"],
    summary: "a price per coefficient in use, whatever its size; not continuous",
    formula: "lambda for x != 0, else 0",
    parameters: &[strength("f")],
    relation: None,
    value: |x, p| if x == 0.0 { 0.0 } else { p[0] },
    grad: |_, _| 0.0,
    curvature: |_, _| 0.0,
    prox: |x, step, p| least(x, step, |u| if u == 0.0 { 0.0 } else { p[0] }, &[0.0, x]),
    subdifferential: |x, _| match x {
        0.0 => [f64::NEG_INFINITY, f64::INFINITY],
        _ => [0.0; 2],
    },
    kinks: |_| vec![0.0],
    convex: false,
    even: true,
    homogeneous: false,
    samples: &[[0.0; 4], [2.5, 0.0, 0.0, 0.0]],
    elsewhere: "PyProximal L0(sigma), ProximalOperators.jl NormL0",
    source: "T. Blumensath, M. Davies, Iterative thresholding for sparse approximations, J. Fourier Anal. Appl. 14 (2008)",
};
