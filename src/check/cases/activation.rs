//! Activations.

use crate::check::case::{ANY, Case, NONZERO, one};
use crate::check::input::Domain;
use crate::dtype::DType;
use crate::tensor::Tensor;

/// Away from the kinks of `hardswish`.
const PIECES: Domain = Domain::Real(DType::F32, &[(-4.0, -3.1), (-2.9, 2.9), (3.1, 4.0)]);

#[rustfmt::skip]
const UNARY: &[(&str, Domain, u8, fn(&Tensor) -> Tensor)] = &[
    ("sigmoid", ANY, 2, |x| x.sigmoid()),
    ("log_sigmoid", ANY, 2, |x| x.log_sigmoid()),
    ("softplus", ANY, 2, |x| x.softplus()),
    ("relu", NONZERO, 1, |x| x.relu()),
    ("leaky_relu", NONZERO, 1, |x| x.leaky_relu(0.1)),
    ("elu", NONZERO, 2, |x| x.elu(1.3)),
    ("gelu", ANY, 2, |x| x.gelu()),
    ("gelu_tanh", ANY, 2, |x| x.gelu_tanh()),
    ("silu", ANY, 2, |x| x.silu()),
    ("mish", ANY, 2, |x| x.mish()),
    ("hardswish", PIECES, 1, |x| x.hardswish()),
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    UNARY.iter().map(|&(name, domain, order, f)| Case::elementwise(name, &[domain], order, one(f))).collect()
}
