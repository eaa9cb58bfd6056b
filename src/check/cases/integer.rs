//! Integers, bits and booleans.

use crate::check::case::{Case, one, two};
use crate::check::input::Domain;
use crate::dtype::DType;
use crate::tensor::Tensor;

type Binary = (&'static str, fn(&Tensor, &Tensor) -> Tensor);
type Unary = (&'static str, fn(&Tensor) -> Tensor);

const ARITHMETIC: &[Binary] = &[
    ("add", |x, y| x.add(y)),
    ("sub", |x, y| x.sub(y)),
    ("mul", |x, y| x.mul(y)),
    ("div", |x, y| x.div(y)),
    ("rem", |x, y| x.rem(y)),
    ("minimum", |x, y| x.minimum(y)),
    ("maximum", |x, y| x.maximum(y)),
    ("eq", |x, y| x.eq(y)),
    ("ne", |x, y| x.ne(y)),
    ("lt", |x, y| x.lt(y)),
    ("le", |x, y| x.le(y)),
    ("gt", |x, y| x.gt(y)),
    ("ge", |x, y| x.ge(y)),
    ("bit_and", |x, y| x.bit_and(y)),
    ("bit_or", |x, y| x.bit_or(y)),
    ("bit_xor", |x, y| x.bit_xor(y)),
    ("logical_and", |x, y| x.logical_and(y)),
    ("logical_or", |x, y| x.logical_or(y)),
    ("logical_xor", |x, y| x.logical_xor(y)),
    ("shl", |x, y| x.shl(y.cast(DType::U32))),
    ("shr", |x, y| x.shr(y.cast(DType::U32))),
];

const ONE: &[Unary] = &[
    ("neg", |x| x.neg()),
    ("abs", |x| x.abs()),
    ("sign", |x| x.sign()),
    ("bit_not", |x| x.bit_not()),
    ("logical_not", |x| x.logical_not()),
    ("square", |x| x.square()),
    ("shl/number", |x| x.shl(3u32)),
    ("shr/number", |x| x.shr(35u32)),
    ("clamp", |x| x.clamp(2, 5)),
];

const LOGIC: &[Binary] = &[
    ("bit_and", |x, y| x.bit_and(y)),
    ("bit_or", |x, y| x.bit_or(y)),
    ("bit_xor", |x, y| x.bit_xor(y)),
    ("logical_and", |x, y| x.logical_and(y)),
    ("logical_or", |x, y| x.logical_or(y)),
    ("logical_xor", |x, y| x.logical_xor(y)),
    ("eq", |x, y| x.eq(y)),
    ("ne", |x, y| x.ne(y)),
    ("select", |x, y| x.select(y, x.bit_not())),
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (dtype, domain) in
        [(DType::I32, Domain::Int(DType::I32, -40, 40)), (DType::U32, Domain::Int(DType::U32, 0, 80))]
    {
        for &(name, f) in ARITHMETIC {
            cases.push(Case::elementwise(&format!("{name}/{dtype}"), &[domain; 2], 0, two(f)));
        }
        for &(name, f) in ONE {
            cases.push(Case::elementwise(&format!("{name}/{dtype}"), &[domain], 0, one(f)));
        }
    }
    for &(name, f) in LOGIC {
        cases.push(Case::elementwise(&format!("{name}/bool"), &[Domain::Bool; 2], 0, two(f)));
    }
    cases.push(Case::elementwise("bit_not/bool", &[Domain::Bool], 0, one(|x| x.bit_not())));
    cases.push(Case::elementwise("logical_not/bool", &[Domain::Bool], 0, one(|x| x.logical_not())));
    cases
}
