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

/// As near to a multiple of pi/2 as floats of their size are: what the reduction of angles leaves is what the last digits of
/// its constants say.
#[rustfmt::skip]
const NEAR_QUARTERS: Domain = Domain::Real(F32, &[
    (8092.7427, 8092.7427), (8953.539, 8953.539), (11191.924, 11191.924), (11708.716, 11708.716),
    (52516.434, 52516.434), (534117.9, 534117.9), (1.0682358e6, 1.0682358e6), (2.7096755e6, 2.7096755e6),
    (5.419351e6, 5.419351e6), (1.0838702e7, 1.0838702e7), (3.1942902e7, 3.1942902e7), (4.2781604e7, 4.2781604e7),
    (2.1999385e10, 2.1999385e10), (4.399877e10, 4.399877e10), (8.799754e10, 8.799754e10),
    (1.7599508e11, 1.7599508e11), (1.522789e12, 1.522789e12), (1.6315879e12, 1.6315879e12), (3.045578e12, 3.045578e12),
    (4.1911604e15, 4.1911604e15), (8.6994353e15, 8.6994353e15), (1.7715985e16, 1.7715985e16),
    (3.5749085e16, 3.5749085e16), (7.1815285e16, 7.1815285e16), (1.43947684e17, 1.43947684e17),
    (1.528269e17, 1.528269e17), (8.117627e22, 8.117627e22), (1.6235253e23, 1.6235253e23),
    (1.5027671e25, 1.5027671e25), (3.0055342e25, 3.0055342e25), (4.6381834e25, 4.6381834e25),
    (9.276367e25, 9.276367e25), (1.8552734e26, 1.8552734e26), (3.7105467e26, 3.7105467e26),
    (1.4584487e24, 1.4584487e24), (1.0341292e27, 1.0341292e27), (7.729179e28, 7.729179e28), (1.5458358e29, 1.5458358e29),
    (3.0916716e29, 3.0916716e29), (6.183343e29, 6.183343e29), (3.7955707e30, 3.7955707e30),
    (4.386558e33, 4.386558e33), (6.246897e34, 6.246897e34), (1.2493794e35, 1.2493794e35), (1.874069e35, 1.874069e35),
    (6.5629484e35, 6.5629484e35), (7.812328e35, 7.812328e35), (1.5624656e36, 1.5624656e36),
    (8.474054e37, 8.474054e37), (1.2614588e38, 1.2614588e38), (2.5229176e38, 2.5229176e38),
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
    ("tie of subnormals", 0x33BF_FFF0, 0x33C0_0010), ("tie of large subnormals", 0x3865_1FF0, 0x3865_2010),
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
    for &(name, f) in UNARY.iter().filter(|row| ["sin", "cos", "tan"].contains(&row.0)) {
        cases.push(Case::alike(&format!("{name}/near quarters of a turn"), &[NEAR_QUARTERS], &[&[1000]], 0, one(f)));
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
    let undefined = Domain::Real(F32, &[(-1.0, 20.0)]);
    cases.push(Case::alike("sum/not a number", &[undefined], &[&[70_001]], 0, one(|x| x.sqrt().sum(..))));
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
