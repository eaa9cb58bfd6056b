//! Penalties: the WGSL of each against its f64 mirror, alone, weighted, and on groups.

use crate::check::case::{ANY, Build, Case, POSITIVE, Variant, one, two};
use crate::check::input::Domain;
use crate::dtype::DType;
use crate::error::Result;
use crate::penalty::{self, Computed, Groups, Penalty, Registered, Separable};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Away from the kinks of all penalties at their default parameters.
const PIECES: Domain = Domain::Real(DType::F32, &[(-3.0, -1.2), (-0.9, -0.5), (0.5, 0.9), (1.2, 3.0)]);

/// Within the domains of all penalties that are infinite somewhere, but for indicators of discrete sets.
const INSIDE: Domain = Domain::Real(DType::F32, &[(0.1, 0.9)]);

/// Within discrete sets: 0 and 1.
const MEMBERS: Domain = Domain::Real(DType::F32, &[(0.0, 0.0), (1.0, 1.0)]);

/// Where the value is finite at the default parameters, so that sums can be told, and to which order it differentiates.
fn finite(of: &Separable) -> (Domain, u8) {
    let p = of.defaults();
    let all = |points: &[f64]| points.iter().all(|&x| (of.value)(x, &p) < 1e9);
    match () {
        () if all(&[-2.0, -0.7, 0.7, 2.0]) => (PIECES, 1),
        () if all(&[0.1, 0.3, 0.9]) => (INSIDE, 1),
        () => (MEMBERS, 0),
    }
}

fn on(penalty: Result<Penalty>, w: &Tensor, f: impl Fn(&Penalty) -> Tensor) -> Tensor {
    match penalty {
        Ok(penalty) => f(&penalty),
        Err(error) => Tensor::new(w.device(), Err(error)),
    }
}

/// The derivative of an elementwise function.
fn slope(y: &Tensor, w: &Tensor) -> Tensor {
    let total = y.sum_all();
    match total.grad(&[w]) {
        Ok(mut gradients) => gradients.swap_remove(0),
        Err(error) => Tensor::new(w.device(), Err(error)),
    }
}

fn of(separable: &'static Separable) -> Vec<Case> {
    let name = separable.name;
    let get = move || Penalty::named(name);
    let (domain, order) = finite(separable);
    let shapes: &[&[usize]] = &[&[0], &[1], &[257], &[5, 7]];
    let mut value = Case::alike(
        &format!("penalty/{name} value"),
        &[domain],
        shapes,
        order,
        one(move |w| on(get(), w, |p| p.value(w))),
    );
    value.variants.push(Variant { awkward: true, ..Variant::plain(vec![Shape::from([24])], 0) });
    let gradient = one(move |w: &Tensor| on(get(), w, |p| p.gradient(w)));
    let prox = one(move |w: &Tensor| on(get(), w, |p| p.prox(w, 0.7)));
    let weighted: Build = Box::new(move |x| vec![on(get(), &x[0], |p| p.clone().weight(&x[1]).prox(&x[0], 1.3))]);
    let distance = two(move |w, g| on(get(), w, |p| p.distance(w, g)));
    // the derivatives that solvers and networks take through them; at a kink there is one, but no difference shows it
    let curvature = one(move |w: &Tensor| slope(&on(get(), w, |p| p.gradient(w)), w));
    let prox_slope = one(move |w: &Tensor| slope(&on(get(), w, |p| p.prox(w, 0.7)), w));
    let mut cases = vec![
        Case::elementwise(&format!("penalty/{name} gradient"), &[PIECES], 0, gradient),
        Case::elementwise(&format!("penalty/{name} prox"), &[ANY], 0, prox),
        Case::alike(&format!("penalty/{name} curvature"), &[PIECES], &[&[257], &[5, 7]], 0, curvature),
        Case::alike(&format!("penalty/{name} prox slope"), &[ANY], &[&[257], &[5, 7]], 0, prox_slope),
        Case::alike(&format!("penalty/{name} weighted prox"), &[ANY, POSITIVE], &[&[257], &[5, 7]], 0, weighted),
    ];
    // at the members of a discrete set the value jumps in every direction: what is rounded there is anything
    if order > 0 {
        cases.push(value);
        cases.push(Case::alike(&format!("penalty/{name} distance"), &[domain, ANY], &[&[257], &[5, 7]], 0, distance));
    }
    cases
}

/// Where a penalty is tried with its samples of parameters: around 0 and at it.
const POINTS: Domain = Domain::Real(DType::F32, &[(-3.0, 3.0), (0.0, 0.0), (-3.0, 3.0)]);

/// Of every magnitude, one for each step.
const MAGNITUDES: Domain = Domain::Real(
    DType::F32,
    &[(0.0, 0.0), (-0.1, 0.1), (-1.0, 1.0), (-3.0, 3.0), (-3.0, 3.0), (-12.0, 12.0), (-100.0, 100.0)],
);

/// From those that hardly move a point to those that leave nothing of it.
const STEPS: Domain = Domain::Real(DType::F32, &[(0.02, 0.2), (0.2, 1.0), (1.0, 4.0), (4.0, 25.0)]);

/// All methods of a penalty at one of its samples of parameters, also at 0 and with steps that make it hard: the regimes
/// that the defaults do not reach. Values and distances only within the domain.
fn of_sample(separable: &'static Separable, ix: usize) -> Case {
    let sample = separable.samples[ix];
    let named = separable.parameters.iter().zip(sample);
    let penalty = move || {
        let start = Penalty::named(separable.name)?;
        named.clone().fold(start, |penalty, (parameter, value)| penalty.with(parameter.name, value)).check()
    };
    let value = |x: f64| (separable.value)(x, &sample);
    let finite = [-2.9, -1.1, -0.3, 0.0, 0.3, 1.1, 2.9].iter().all(|&x| value(x) < 1e9);
    let positive = [0.01, 0.3, 1.1, 2.9].iter().all(|&x| value(x) < 1e9);
    let build: Build = Box::new(move |x| {
        let [w, g, many, steps] = [0, 1, 2, 3].map(|ix| &x[ix]);
        let results = |p: &Penalty| {
            let prox = p.prox(many, steps);
            let mut all = vec![p.gradient(w), slope(&p.gradient(w), w), slope(&prox, many), prox];
            if finite {
                all.extend([p.value(w), p.distance(w, g)]);
            } else if positive {
                let within = w.abs().add(0.01);
                all.extend([p.value(&within), p.distance(&within, g)]);
            }
            all
        };
        match penalty() {
            Ok(penalty) => results(&penalty),
            Err(error) => vec![Tensor::new(w.device(), Err(error))],
        }
    });
    let name = format!("penalty/{} sample {ix}", separable.name);
    let shapes: Vec<Shape> = [257, 257, 2048, 2048].map(|n| Shape::from([n])).to_vec();
    Case {
        name,
        inputs: vec![POINTS, ANY, MAGNITUDES, STEPS],
        variants: vec![Variant::plain(shapes, 0)],
        order: 0,
        build,
    }
}

/// A penalty on whole tensors, with its defaults. One that iterates is left to the laws.
fn of_whole(registered: &'static Registered) -> Vec<Case> {
    let name = registered.of.name;
    let case = |what: &str, inputs: &[Domain], order: u8, build: Build| {
        Case::alike(&format!("penalty/{name} {what}"), inputs, registered.shapes, order, build)
    };
    let get = move || Ok(registered.penalty());
    let direct = matches!(registered.prox, Computed::Directly);
    let mut cases = vec![case(
        "value",
        &[Domain::Spaced],
        u8::from(!registered.of.set),
        one(move |w| on(get(), w, |p| p.value(w))),
    )];
    if direct {
        cases.push(case("prox", &[PIECES], 0, one(move |w| on(get(), w, |p| p.prox(w, 0.7)))));
        cases.push(case("distance", &[PIECES, ANY], 0, two(move |w, g| on(get(), w, |p| p.distance(w, g)))));
    }
    cases
}

/// A method of a penalty, and to which order it is differentiated.
type Row = (&'static str, fn(&Penalty, &Tensor) -> Tensor, u8);

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = penalty::all().flat_map(of).collect();
    cases.extend(penalty::all().flat_map(|of| (0..of.samples.len()).map(move |ix| of_sample(of, ix))));
    cases.extend(penalty::checked().flat_map(of_whole));
    let groups = || Groups::new(vec![vec![0, 3], vec![1, 2, 5], vec![4], vec![6, 7, 8, 9]]);
    let rows: &[Row] = &[
        ("value", |p, w| p.value(w), 1),
        ("gradient", |p, w| p.gradient(w), 0),
        ("prox", |p, w| p.prox(w, 0.7), 0),
        ("distance", |p, w| p.distance(w, &w.mul(0.1).cos()), 0),
    ];
    for &(what, f, order) in rows {
        let lasso = one(move |w: &Tensor| on(groups().map(|g| penalty::group_lasso(0.8, &g)), w, |p| f(p, w)));
        cases.push(Case::alike(&format!("group_lasso/{what}"), &[PIECES], &[&[10], &[10, 3]], order, lasso));
        let sparse =
            one(move |w: &Tensor| on(groups().map(|g| penalty::sparse_group_lasso(0.3, 0.5, &g)), w, |p| f(p, w)));
        cases.push(Case::alike(&format!("sparse_group_lasso/{what}"), &[PIECES], &[&[10]], order, sparse));
        let mcp = one(move |w: &Tensor| on(groups().map(|g| penalty::mcp(0.4, 3.0).grouped(&g)), w, |p| f(p, w)));
        cases.push(Case::alike(&format!("group_mcp/{what}"), &[PIECES], &[&[10]], order, mcp));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domains_of_slopes_keep_away_from_every_kink() {
        for of in penalty::all() {
            let (Domain::Real(_, intervals), 1) = finite(of) else { continue };
            for kink in (of.kinks)(&of.defaults()) {
                // Differences step 1/256 to both sides.
                let apart = |&(low, high): &(f64, f64)| kink < low - 0.01 || kink > high + 0.01;
                assert!(intervals.iter().all(apart), "{} has a kink at {kink}", of.name);
            }
        }
    }
}
