//! Laws at the edges of the floats, where the reference's bounds leave room for a device that flushes: what a function has
//! of a subnormal number is what it has of that number or of zero, and what is no number is kept out of exact results.

use super::input::Domain;
use super::laws::{Condition, Law, Sides};
use crate::dtype::DType;
use crate::graph::Func;
use crate::penalty::Penalty;
use crate::reference::tol::{MIN_NORMAL, ULP, accuracy};
use crate::tensor::Tensor;

/// Subnormal numbers of every length.
const SUBNORMAL: Domain = Domain::Real(
    DType::F32,
    &[(1.4e-45, 1.4e-45), (1e-45, 4e-44), (1e-43, 1e-41), (1e-40, 5.9e-39), (5.9e-39, 1.17e-38)],
);
/// The least normal numbers besides.
const TINY: Domain = Domain::Real(
    DType::F32,
    &[(1.4e-45, 1.4e-45), (1e-45, 4e-44), (1e-43, 1e-41), (1e-40, 1.17e-38), (1.18e-38, 1e-37), (1e-36, 1e-32)],
);

type Unary = (&'static str, Func, fn(&Tensor) -> Tensor, fn(f64) -> f64);

const UNARY: &[Unary] = &[
    ("cbrt", Func::Cbrt, |x| x.cbrt(), f64::cbrt),
    ("log", Func::Log, |x| x.log(), f64::ln),
    ("log2", Func::Log2, |x| x.log2(), f64::log2),
];

/// A number, and zero if it may be flushed.
fn or_flushed(x: f64) -> impl Iterator<Item = f64> {
    let flushed = (x.abs() < MIN_NORMAL).then_some(0.0);
    std::iter::once(x).chain(flushed)
}

/// Whether a result is one of those wanted, within units in the last place.
fn is_one_of(got: f64, ulps: f64, mut wanted: impl Iterator<Item = f64>) -> bool {
    let near = |w: f64| w.is_finite() && (got - w).abs() <= ulps * ULP * w.abs();
    wanted.any(|w| got == w || (got.is_nan() && w.is_nan()) || near(w))
}

/// All laws of this file.
pub fn all() -> Vec<Law> {
    let mut laws: Vec<Law> = UNARY.iter().map(of_subnormals).collect();
    laws.push(Law::new("law: rem of subnormals".to_owned(), |d| {
        let (x, y) = (d.leaf(TINY, &[3000]), d.leaf(TINY, &[3000]));
        let rem = x.rem(&y);
        let condition: Condition = Box::new(|read| {
            let all = read[0].iter().zip(&read[1]).zip(&read[2]);
            for ((&x, &y), &got) in all {
                let exact = or_flushed(x).flat_map(|x| or_flushed(y).map(move |y| x % y));
                if !is_one_of(got, 0.0, exact.flat_map(or_flushed)) {
                    return Err(format!("{got:e} = {x:e} % {y:e}"));
                }
            }
            Ok(())
        });
        Sides::Host(vec![x, y, rem], condition)
    }));
    laws.push(Law::new("law: one to the power of what is no number".to_owned(), |d| {
        let one = d.leaf(Domain::Real(DType::F32, &[(1.0, 1.0)]), &[300]);
        let unknown = d.leaf(Domain::Real(DType::F32, &[(-3.0, -1.0), (1.0, 3.0)]), &[300]).sqrt();
        all_are(vec![one.pow(&unknown)], 1.0)
    }));
    laws.push(Law::new("law: prox of poisson of nothing at the threshold".to_owned(), |d| {
        let x = d.leaf(Domain::Real(DType::F32, &[(1.0, 1.0)]), &[300]);
        let penalty = Penalty::named("poisson").map(|p| p.with("lambda", 2.0).with("count", 0.0));
        let found = match penalty {
            Ok(penalty) => penalty.prox(&x, 0.5),
            Err(error) => Tensor::new(x.device(), Err(error)),
        };
        all_are(vec![found], 0.0)
    }));
    laws
}

fn of_subnormals((name, func, f, exact): &'static Unary) -> Law {
    Law::new(format!("law: {name} of subnormals"), move |d| {
        let x = d.leaf(SUBNORMAL, &[1000]);
        let y = f(&x);
        let condition: Condition = Box::new(move |read| {
            for (&x, &got) in read[0].iter().zip(&read[1]) {
                if !is_one_of(got, accuracy(func), or_flushed(x).map(exact)) {
                    return Err(format!("{got:e} of {x:e}"));
                }
            }
            Ok(())
        });
        Sides::Host(vec![x, y], condition)
    })
}

fn all_are(tensors: Vec<Tensor>, want: f64) -> Sides {
    let condition: Condition = Box::new(move |read| match read.iter().flatten().find(|&&x| x != want) {
        Some(other) => Err(format!("{other:e} for {want}")),
        None => Ok(()),
    });
    Sides::Host(tensors, condition)
}
