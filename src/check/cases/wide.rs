//! Functions over all magnitudes: where arguments are reduced, results overflow, and one formula takes over from another.

use crate::check::case::{Case, one, two};
use crate::check::input::Domain;
use crate::dtype::DType;
use crate::tensor::Tensor;

const F32: DType = DType::F32;

/// Every magnitude of either sign.
#[rustfmt::skip]
const WIDE: Domain = Domain::Real(F32, &[
    (1e-37, 1e-30), (1e-13, 1e-11), (1e-9, 1e-7), (1e-5, 1e-3), (1e-3, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1.0), (1.0, 1.2),
    (1.2, 4.0), (4.0, 12.0), (12.0, 30.0), (30.0, 90.0), (80.0, 110.0), (110.0, 1e3), (1e3, 2e4), (1e4, 1e6), (1e7, 4e7), (1e8, 1e10),
    (1e11, 1e13), (1e15, 1e17), (1e19, 1e21), (1e23, 1e25), (1e27, 1e29), (1e31, 1e33), (1e35, 1e37), (1e38, 3.4e38),
    (-1e-30, -1e-37), (-1e-11, -1e-13), (-1e-7, -1e-9), (-1e-3, -1e-5), (-0.1, -1e-3), (-0.4, -0.1), (-0.7, -0.4), (-1.0, -0.7),
    (-4.0, -1.0), (-12.0, -4.0), (-30.0, -12.0), (-90.0, -30.0), (-110.0, -80.0), (-1e3, -110.0), (-2e4, -1e3), (-1e10, -1e8),
    (-3.4e38, -1e38),
]);

type Unary = (&'static str, fn(&Tensor) -> Tensor);
type Binary = (&'static str, fn(&Tensor, &Tensor) -> Tensor);

#[rustfmt::skip]
const UNARY: &[Unary] = &[
    ("cbrt", |x| x.cbrt()), ("exp", |x| x.exp()), ("exp2", |x| x.exp2()), ("expm1", |x| x.expm1()), ("log", |x| x.log()),
    ("log2", |x| x.log2()), ("log1p", |x| x.log1p()), ("sin", |x| x.sin()), ("cos", |x| x.cos()), ("tan", |x| x.tan()),
    ("asin", |x| x.asin()), ("acos", |x| x.acos()), ("atan", |x| x.atan()), ("sinh", |x| x.sinh()), ("cosh", |x| x.cosh()),
    ("tanh", |x| x.tanh()), ("asinh", |x| x.asinh()), ("acosh", |x| x.acosh()), ("atanh", |x| x.atanh()), ("erf", |x| x.erf()),
    ("erfc", |x| x.erfc()), ("sigmoid", |x| x.sigmoid()), ("softplus", |x| x.softplus()),
];

#[rustfmt::skip]
const BINARY: &[Binary] = &[
    ("rem", |x, y| x.rem(y)), ("pow", |x, y| x.pow(y)), ("atan2", |x, y| x.atan2(y)), ("hypot", |x, y| x.square().add(&y.square()).sqrt()),
];

/// Patterns of binary32 around a tie of binary16 or bfloat16, or not numbers by their last bits alone.
#[rustfmt::skip]
const PATTERNS: &[(&str, i64, i64)] = &[
    ("tie of subnormals", 0x33BF_FFF0, 0x33C0_0010), ("tie of large subnormals", 0x3864_FFF0, 0x3865_0010),
    ("tie at one", 0x3F80_0FF0, 0x3F80_1010), ("tie at one, coarse", 0x3F80_7FF0, 0x3F80_8010), ("overflow", 0x477F_EFF0, 0x477F_F010),
    ("last bits of a NaN", 0x7F80_0001, 0x7F80_0020), ("first bits of a NaN", 0x7FFF_FFE0, 0x7FFF_FFFF),
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &(name, f) in UNARY {
        cases.push(Case::alike(&format!("{name}/wide"), &[WIDE], &[&[4000]], 0, one(f)));
    }
    for &(name, f) in BINARY {
        cases.push(Case::alike(&format!("{name}/wide"), &[WIDE; 2], &[&[8000]], 0, two(f)));
    }
    for to in [DType::F16, DType::BF16, DType::I32, DType::U32] {
        cases.push(Case::alike(&format!("cast/f32 to {to}/wide"), &[EDGES], &[&[4000]], 0, one(move |x| x.cast(to))));
    }
    for &(what, first, last) in PATTERNS {
        for to in [DType::F16, DType::BF16] {
            let round = move |x: &Tensor| x.from_bits().cast(to);
            let name = format!("cast/f32 to {to}/{what}");
            cases.push(Case::alike(&name, &[Domain::Int(DType::U32, first, last)], &[&[200]], 0, one(round)));
        }
    }
    let lost: &[(&str, fn(&Tensor) -> Tensor)] =
        &[("argmax", |x| x.sqrt().argmax(1)), ("argmin", |x| x.sqrt().argmin(1))];
    for &(name, f) in lost {
        let some = Domain::Real(F32, &[(-1.0, -0.5), (0.5, 9.0), (10.0, 20.0)]);
        cases.push(Case::alike(&format!("{name}/not a number"), &[some], &[&[60, 5], &[9, 700]], 0, one(f)));
    }
    cases
}

/// Where conversions change their way.
#[rustfmt::skip]
const EDGES: Domain = Domain::Real(F32, &[
    (1e-9, 6e-8), (6e-8, 6e-5), (5e-5, 7e-5), (0.3, 3.0), (100.0, 7e4), (6.5e4, 6.6e4), (2.1e9, 2.2e9), (2.1e9, 2.5e9), (4.2e9, 4.4e9),
    (4.2e9, 5e9), (1e20, 3e38), (-6e-8, -1e-9), (-6e-5, -6e-8), (-3.0, -0.3), (-7e4, -100.0), (-2.2e9, -2.1e9), (-2.6e9, -2.1e9),
]);
