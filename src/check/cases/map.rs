//! Elementwise functions of floats.

use crate::check::case::{ANY, Case, FRACTION, NONZERO, POSITIVE, UNIT, one, three, two};
use crate::check::input::Domain;
use crate::dtype::DType;
use crate::tensor::Tensor;

const F32: DType = DType::F32;
/// Between integers, for functions that jump there.
const BETWEEN: Domain =
    Domain::Real(F32, &[(-2.9, -2.1), (-1.9, -1.1), (-0.9, -0.1), (0.1, 0.9), (1.1, 1.9), (2.1, 2.9)]);
/// Between halves of odd integers, for rounding to the nearest.
const AROUND: Domain = Domain::Real(F32, &[(-2.4, -1.6), (-1.4, -0.6), (-0.4, 0.4), (0.6, 1.4), (1.6, 2.4)]);
const SMALL: Domain = Domain::Real(F32, &[(-1.2, 1.2)]);
const ABOVE_ONE: Domain = Domain::Real(F32, &[(1.3, 4.0)]);
const ABOVE_MINUS_ONE: Domain = Domain::Real(F32, &[(-0.7, 3.0)]);
/// Disjoint from [`HIGH`]: for functions that compare two numbers.
const LOW: Domain = Domain::Real(F32, &[(-2.0, -1.1), (0.1, 0.9)]);
const HIGH: Domain = Domain::Real(F32, &[(-0.9, -0.1), (1.1, 2.0)]);
/// A third choice apart from both.
const OTHER: Domain = Domain::Real(F32, &[(-3.5, -2.6), (-2.4, 2.2), (3.1, 3.5)]);

type Unary = (&'static str, Domain, u8, fn(&Tensor) -> Tensor);
type Binary = (&'static str, [Domain; 2], u8, fn(&Tensor, &Tensor) -> Tensor);

#[rustfmt::skip]
const UNARY: &[Unary] = &[
    ("neg", ANY, 2, |x| x.neg()),
    ("abs", NONZERO, 2, |x| x.abs()),
    ("sign", NONZERO, 1, |x| x.sign()),
    ("recip", NONZERO, 2, |x| x.recip()),
    ("sqrt", POSITIVE, 2, |x| x.sqrt()),
    ("rsqrt", POSITIVE, 2, |x| x.rsqrt()),
    ("cbrt", NONZERO, 2, |x| x.cbrt()),
    ("square", ANY, 2, |x| x.square()),
    ("powi/3", ANY, 2, |x| x.powi(3)),
    ("powi/0", ANY, 1, |x| x.powi(0)),
    ("powi/-2", NONZERO, 2, |x| x.powi(-2)),
    ("exp", ANY, 2, |x| x.exp()),
    ("exp2", ANY, 2, |x| x.exp2()),
    ("expm1", ANY, 2, |x| x.expm1()),
    ("log", POSITIVE, 2, |x| x.log()),
    ("log2", POSITIVE, 2, |x| x.log2()),
    ("log1p", ABOVE_MINUS_ONE, 2, |x| x.log1p()),
    ("sin", ANY, 2, |x| x.sin()),
    ("cos", ANY, 2, |x| x.cos()),
    ("tan", SMALL, 2, |x| x.tan()),
    ("asin", UNIT, 2, |x| x.asin()),
    ("acos", UNIT, 2, |x| x.acos()),
    ("atan", ANY, 2, |x| x.atan()),
    ("sinh", ANY, 2, |x| x.sinh()),
    ("cosh", ANY, 2, |x| x.cosh()),
    ("tanh", ANY, 2, |x| x.tanh()),
    ("asinh", ANY, 2, |x| x.asinh()),
    ("acosh", ABOVE_ONE, 2, |x| x.acosh()),
    ("atanh", UNIT, 2, |x| x.atanh()),
    ("erf", ANY, 2, |x| x.erf()),
    ("erfc", ANY, 2, |x| x.erfc()),
    ("floor", BETWEEN, 1, |x| x.floor()),
    ("ceil", BETWEEN, 1, |x| x.ceil()),
    ("round", AROUND, 1, |x| x.round()),
    ("trunc", BETWEEN, 1, |x| x.trunc()),
    ("fract", BETWEEN, 1, |x| x.fract()),
    ("is_nan", ANY, 0, |x| x.is_nan()),
    ("is_inf", ANY, 0, |x| x.is_inf()),
    ("is_finite", ANY, 0, |x| x.is_finite()),
    ("nan_to_num", ANY, 1, |x| x.nan_to_num(0.5, 100.0, -100.0)),
    ("clamp", OTHER, 1, |x| x.clamp(-2.5, 3.0)),
    ("bits", ANY, 0, |x| x.bits()),
    ("detach", ANY, 1, |x| x.mul(&x.detach())),
    ("logical_not", ANY, 0, |x| x.logical_not()),
    ("add/number", ANY, 1, |x| x.add(0.3)),
    ("sub/number", ANY, 1, |x| x.sub(0.3)),
    ("mul/number", ANY, 1, |x| x.mul(-1.7)),
    ("div/number", ANY, 1, |x| x.div(1.7)),
    ("pow/number", POSITIVE, 2, |x| x.pow(1.7)),
    ("mul/itself", ANY, 2, |x| x.mul(x)),
];

#[rustfmt::skip]
const BINARY: &[Binary] = &[
    ("add", [ANY, ANY], 2, |x, y| x.add(y)),
    ("sub", [ANY, ANY], 2, |x, y| x.sub(y)),
    ("mul", [ANY, ANY], 2, |x, y| x.mul(y)),
    ("div", [ANY, NONZERO], 2, |x, y| x.div(y)),
    ("rem", [BETWEEN, Domain::Real(F32, &[(5.0, 7.0)])], 1, |x, y| x.rem(y)),
    ("pow", [POSITIVE, ANY], 2, |x, y| x.pow(y)),
    ("atan2", [NONZERO, NONZERO], 2, |x, y| x.atan2(y)),
    ("copysign", [NONZERO, NONZERO], 1, |x, y| x.copysign(y)),
    ("minimum", [LOW, HIGH], 1, |x, y| x.minimum(y)),
    ("maximum", [LOW, HIGH], 1, |x, y| x.maximum(y)),
    ("eq", [ANY, ANY], 0, |x, y| x.eq(y)),
    ("ne", [ANY, ANY], 0, |x, y| x.ne(y)),
    ("lt", [ANY, ANY], 0, |x, y| x.lt(y)),
    ("le", [ANY, ANY], 0, |x, y| x.le(y)),
    ("gt", [ANY, ANY], 0, |x, y| x.gt(y)),
    ("ge", [ANY, ANY], 0, |x, y| x.ge(y)),
    ("logical_and", [ANY, ANY], 0, |x, y| x.logical_and(y)),
    ("logical_or", [ANY, ANY], 0, |x, y| x.logical_or(y)),
    ("logical_xor", [ANY, ANY], 0, |x, y| x.logical_xor(y)),
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &(name, domain, order, f) in UNARY {
        cases.push(Case::elementwise(name, &[domain], order, one(f)));
    }
    for &(name, domains, order, f) in BINARY {
        cases.push(Case::elementwise(name, &domains, order, two(f)));
        cases.push(Case::broadcasting(name, &domains, order, two(f)));
    }
    let fma = || three(|x, a, b| x.fma(a, b));
    cases.push(Case::elementwise("fma", &[ANY; 3], 2, fma()));
    cases.push(Case::broadcasting("fma", &[ANY; 3], 1, fma()));
    cases.push(Case::elementwise("lerp", &[ANY, ANY, FRACTION], 2, three(|x, y, t| x.lerp(y, t))));
    cases.push(Case::elementwise("clamp/tensors", &[LOW, HIGH, OTHER], 0, three(|x, low, high| x.clamp(low, high))));
    let select = || three(|c, a, b| c.select(a, b));
    cases.push(Case::elementwise("select", &[Domain::Bool, ANY, ANY], 1, select()));
    cases.push(Case::broadcasting("select", &[Domain::Bool, ANY, ANY], 1, select()));
    cases.push(Case::elementwise("select/numbers", &[Domain::Bool], 0, one(|c| c.select(1.0, -2.0))));
    cases.push(Case::elementwise(
        "from_bits",
        &[Domain::Int(DType::U32, 0x80_0000, 0x7F00_0000)],
        0,
        one(|x| x.from_bits()),
    ));
    // Nine inputs to one formula: more than one dispatch may bind.
    let nine = Case::alike(
        "nine inputs",
        &[ANY; 9],
        &[&[5, 7], &[257]],
        1,
        Box::new(|x| vec![x[1..].iter().fold(x[0].clone(), |sum, t| sum.mul(0.5).add(&t.sin()))]),
    );
    cases.push(nine);
    // More elements than one dimension of a dispatch has invocations at 64 to a group.
    let long = &[&[65_535 * 64 + 1][..]];
    cases.push(Case::alike("long", &[ANY], long, 0, one(|x| x.mul(0.5).add(1.0))));
    cases.extend(casts());
    cases
}

/// Every pair of dtypes, and arithmetic on storage floats.
fn casts() -> Vec<Case> {
    let domain = |dtype: DType| match dtype {
        DType::F32 | DType::F16 | DType::BF16 => Domain::Real(dtype, &[(-3.0, 3.0), (-6e4, 6e4)]),
        DType::I32 => Domain::Int(dtype, -60_000, 60_000),
        DType::U32 => Domain::Int(dtype, 0, 60_000),
        DType::Bool => Domain::Bool,
    };
    let mut cases = Vec::new();
    for from in DType::ALL {
        for to in DType::ALL.into_iter().filter(|&to| to != from) {
            let order = u8::from(from.is_float() && to.is_float());
            cases.push(Case::elementwise(
                &format!("cast/{from} to {to}"),
                &[domain(from)],
                order,
                one(move |x| x.cast(to)),
            ));
        }
    }
    for narrow in [DType::F16, DType::BF16] {
        let any = Domain::Real(narrow, &[(-3.0, 3.0)]);
        cases.push(Case::elementwise(&format!("add/{narrow}"), &[any; 2], 1, two(|x, y| x.add(y))));
        cases.push(Case::elementwise(&format!("exp/{narrow}"), &[any], 1, one(|x| x.exp())));
        let there_and_back = one(move |x| x.mul(1.5).cast(narrow).mul(x));
        cases.push(Case::elementwise(&format!("mul then cast/{narrow}"), &[any], 1, there_and_back));
    }
    cases
}
