//! New penalties from old ones: every rule turns the proximal operator of one into that of another.
//!
//! What a rule asks of the penalty stands with its method. Sums over several tensors need none of them: solvers and
//! optimizers take one penalty per tensor. [`Penalty::blocks`] puts several together in one tensor.
//!
//! # Source
//! P. Combettes, J.-C. Pesquet, *Proximal splitting methods in signal processing* (2011), table 10.1; A. Beck, *First-order
//! methods in optimization* (2017), chapter 6.

use super::functional::{Description, Functional};
use super::profile::{Parameter, Range, strength};
use super::registry::{Computed, Registered, Unfit};
use super::{Groups, Norm, Penalty, Scalar, ball, group_lasso, l1, l2, mcp, sparse_group_lasso};
use crate::error::{Result, Site};
use crate::ops::Fixed;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// What is done to a penalty `f`.
#[derive(Clone, Debug)]
enum Rule {
    /// `f(x - b)`.
    Translate(Scalar),
    /// `f(x) + <c, x>`.
    Tilt(Scalar),
    /// `f(x) + rho / 2 ||x - a||^2`; `rho` is the parameter.
    Quadratic(Scalar),
    /// `f(a x)`, one number `a` or, if `f` is separable, one for each element.
    Dilate(Scalar),
    /// `f(x) + b`; `b` is the parameter.
    Raise,
    /// `sup_x <x, y> - f(x)`.
    Conjugate,
    /// `min_u f(u) + ||u - x||^2 / (2 mu)`; `mu` is the parameter.
    Envelope,
    /// `min_(u in C) ||u - x||`.
    Distance,
    /// `f(A x)` with `A A^T = nu I`; `nu` is the parameter.
    Frame(Tensor),
    /// `f(A x)` for any `A`, by iterations.
    Map(Tensor, usize),
}

/// A penalty made of another.
#[derive(Clone, Debug)]
struct Changed {
    of: Penalty,
    rule: Rule,
}

const fn description(
    name: &'static str,
    formula: &'static str,
    parameters: &'static [Parameter],
    source: &'static str,
) -> Description {
    Description {
        name,
        aliases: &[],
        summary: "made of another",
        formula,
        parameters,
        convex: true,
        set: false,
        source,
    }
}

const SOURCE: &str = "A. Beck, First-order methods in optimization (2017), chapter 6";
const MOREAU: &str = "J.-J. Moreau, Proximité et dualité dans un espace hilbertien, Bull. Soc. Math. France 93 (1965)";
const MU: Parameter = Parameter {
    name: "mu",
    default: 1.0,
    range: Range::above(0.0),
    unit: "x^2/f",
    meaning: "width of the smoothing",
    ..strength("x^2/f")
};
const RHO: Parameter =
    Parameter { name: "rho", default: 1.0, meaning: "strength of the quadratic", ..strength("f/x^2") };
const NU: Parameter = Parameter {
    name: "nu",
    default: 1.0,
    range: Range::above(0.0),
    meaning: "A A^T over the identity",
    ..strength("1")
};
const LEVEL: Parameter =
    Parameter { name: "level", default: 0.0, range: Range::ANY, meaning: "is added", ..strength("f") };

static TRANSLATED: Description = description("translated", "f(x - b)", &[], SOURCE);
static TILTED: Description = description("tilted", "f(x) + <c, x>", &[], SOURCE);
static QUADRATIC: Description = description("plus-quadratic", "f(x) + rho / 2 ||x - a||^2", &[RHO], SOURCE);
static DILATED: Description = description("dilated", "f(a x)", &[], SOURCE);
static RAISED: Description = description("raised", "f(x) + level", &[LEVEL], SOURCE);
static CONJUGATE: Description = description("conjugate", "sup over x of <x, y> - f(x)", &[], MOREAU);
static ENVELOPE: Description = description("envelope", "min over u of f(u) + ||u - x||^2 / (2 mu)", &[MU], MOREAU);
static DISTANCE: Description = description("distance", "min over u in C of ||u - x||", &[], SOURCE);
static FRAME: Description = description("frame", "f(A x), A A^T = nu I", &[NU], SOURCE);
static MAPPED: Description = description("mapped", "f(A x)", &[], SOURCE);

/// Beside coefficients.
fn beside(x: &Scalar, w: &Tensor) -> Tensor {
    match x {
        Scalar::Number(x) => w.device().scalar(*x),
        Scalar::Tensor(x) => x.clone(),
    }
}

/// `||x||`, with derivative 0 at 0.
fn length(x: &Tensor) -> Tensor {
    let square = x.square().sum_all();
    let none = square.le(Fixed(0.0));
    none.select(Fixed(0.0), none.select(Fixed(1.0), &square).sqrt())
}

/// The proximal operator of the conjugate, `w - s prox_f(w / s, 1 / s)`; 0 steps leave `w`.
fn dual(of: &Penalty, w: &Tensor, s: &Tensor) -> Tensor {
    let none = s.le(Fixed(0.0));
    let safe = none.select(Fixed(1.0), s);
    none.select(w, w.sub(of.prox(&w.div(&safe), safe.recip()).mul(&safe)))
}

/// The steps of the search for the point at which the conjugate is attained.
const REACH: [f64; 10] = [1.0, 1.0, 4.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0];

/// The `x` that makes `<x, y> - f(x)` greatest: a proximal point method whose steps grow.
fn attained(of: &Penalty, y: &Tensor) -> Tensor {
    REACH.iter().fold(y.zeros_like(), |x, &step| of.prox(&x.add(y.mul(Fixed(step))), step))
}

impl Changed {
    fn value_of(&self, x: &Tensor) -> Tensor {
        self.of.value(x)
    }

    /// `A x`: `x` as a matrix of columns.
    fn product(a: &Tensor, x: &Tensor) -> Tensor {
        match x.shape() {
            Ok(shape) if shape.rank() == 1 => a.matmul(&x.unsqueeze(1)).squeeze(1),
            _ => a.matmul(x),
        }
    }
}

impl Functional for Changed {
    fn description(&self) -> &'static Description {
        match self.rule {
            Rule::Translate(_) => &TRANSLATED,
            Rule::Tilt(_) => &TILTED,
            Rule::Quadratic(_) => &QUADRATIC,
            Rule::Dilate(_) => &DILATED,
            Rule::Raise => &RAISED,
            Rule::Conjugate => &CONJUGATE,
            Rule::Envelope => &ENVELOPE,
            Rule::Distance => &DISTANCE,
            Rule::Frame(_) => &FRAME,
            Rule::Map(..) => &MAPPED,
        }
    }

    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        match &self.rule {
            Rule::Translate(b) => self.value_of(&w.sub(beside(b, w))),
            Rule::Tilt(c) => self.value_of(w).add(w.mul(beside(c, w)).sum_all()),
            Rule::Quadratic(a) => {
                self.value_of(w).add(w.sub(beside(a, w)).square().sum_all().mul(&p[0]).mul(Fixed(0.5)))
            }
            Rule::Dilate(a) => self.value_of(&w.mul(beside(a, w))),
            Rule::Raise => self.value_of(w).add(&p[0]),
            Rule::Conjugate => {
                let x = attained(&self.of, w);
                let gained = x.mul(w).sum_all();
                if self.of.is_set() { gained } else { gained.sub(self.value_of(&x)) }
            }
            Rule::Envelope => {
                let u = self.of.prox(w, &p[0]);
                let far = w.sub(&u).square().sum_all().div(p[0].mul(Fixed(2.0)));
                if self.of.is_set() { far } else { far.add(self.value_of(&u)) }
            }
            Rule::Distance => length(&w.sub(self.of.prox(w, 1.0))),
            Rule::Frame(a) | Rule::Map(a, _) => self.value_of(&Changed::product(a, w)),
        }
    }

    fn gradient(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        match &self.rule {
            Rule::Translate(b) => self.of.gradient(&w.sub(beside(b, w))),
            Rule::Tilt(c) => self.of.gradient(w).add(beside(c, w)),
            Rule::Quadratic(a) => self.of.gradient(w).add(w.sub(beside(a, w)).mul(&p[0])),
            Rule::Dilate(a) => self.of.gradient(&w.mul(beside(a, w))).mul(beside(a, w)),
            Rule::Raise => self.of.gradient(w),
            Rule::Conjugate => attained(&self.of, w),
            Rule::Envelope => w.sub(self.of.prox(w, &p[0])).div(&p[0]),
            Rule::Distance => {
                let off = w.sub(self.of.prox(w, 1.0));
                let r = length(&off);
                let none = r.le(Fixed(0.0));
                none.select(Fixed(0.0), off.div(none.select(Fixed(1.0), r)))
            }
            Rule::Frame(a) | Rule::Map(a, _) => Changed::product(&a.t(), &self.of.gradient(&Changed::product(a, w))),
        }
    }

    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let of = &self.of;
        match &self.rule {
            Rule::Translate(b) => of.prox(&w.sub(beside(b, w)), step).add(beside(b, w)),
            Rule::Tilt(c) => of.prox(&w.sub(beside(c, w).mul(step)), step),
            Rule::Quadratic(a) => {
                let weight = step.mul(&p[0]);
                let total = weight.add(Fixed(1.0));
                of.prox(&w.add(beside(a, w).mul(&weight)).div(&total), step.div(&total))
            }
            Rule::Dilate(a) => {
                let a = beside(a, w);
                let none = a.eq(Fixed(0.0));
                let safe = none.select(Fixed(1.0), &a);
                none.select(w, of.prox(&w.mul(&safe), step.mul(safe.square())).div(&safe))
            }
            Rule::Raise => of.prox(w, step),
            Rule::Conjugate => dual(of, w, step),
            Rule::Envelope => {
                let total = step.add(&p[0]);
                w.add(of.prox(w, &total).sub(w).mul(step.div(&total)))
            }
            Rule::Distance => {
                let nearest = of.prox(w, 1.0);
                let r = length(&w.sub(&nearest));
                let within = r.le(step);
                let share = step.div(within.select(Fixed(1.0), &r));
                within.select(&nearest, w.add(nearest.sub(w).mul(share)))
            }
            Rule::Frame(a) => {
                let x = Changed::product(a, w);
                let moved = of.prox(&x, step.mul(&p[0])).sub(&x).div(&p[0]);
                w.add(Changed::product(&a.t(), &moved))
            }
            Rule::Map(a, iterations) => mapped(of, a, w, step, *iterations),
        }
    }

    fn is_convex(&self) -> bool {
        self.of.is_convex()
    }

    fn is_set(&self) -> bool {
        let keeps = matches!(self.rule, Rule::Translate(_) | Rule::Dilate(_) | Rule::Frame(_) | Rule::Map(..));
        keeps && self.of.is_set()
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        let (Rule::Frame(a) | Rule::Map(a, _)) = &self.rule else { return None };
        let columns = a.shape().ok()?.last().copied()?;
        (shape.first() != Some(&columns))
            .then(|| format!("the first axis must have {columns} elements, the columns of A"))
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        vec![("of", self.of.to_string())]
    }

    fn with_inner(&self, parameter: &str, value: &Scalar, _site: Site) -> Option<Result<Arc<dyn Functional>>> {
        self.of.parameter(parameter)?;
        let changed = self.of.clone().with(parameter, value).check();
        Some(changed.map(|of| Arc::new(Changed { of, rule: self.rule.clone() }) as Arc<dyn Functional>))
    }

    fn inner_parameter(&self, name: &str) -> Option<f64> {
        self.of.parameter(name)
    }
}

/// `prox_(f o A)(w, s) = w - s A^T y`, `y` the minimum of `s / 2 ||A^T y||^2 - <A w, y> + f*(y)`: accelerated proximal
/// gradients in `y`, with restarts.
fn mapped(of: &Penalty, a: &Tensor, w: &Tensor, step: &Tensor, iterations: usize) -> Tensor {
    let across = a.t();
    let none = step.le(Fixed(0.0));
    let s = none.select(Fixed(1.0), step);
    // the greatest eigenvalue of A A^T is at most its greatest absolute row sum
    let bound = a.matmul(&across).abs().sum(1).max(..);
    let tau = s.mul(bound.maximum(Fixed(f64::from(f32::MIN_POSITIVE)))).recip();
    let at = |y: &Tensor| w.sub(Changed::product(&across, y).mul(&s));
    let mut y = Changed::product(a, w).zeros_like();
    let (mut ahead, mut t) = (y.clone(), 1.0f64);
    for _ in 0..iterations {
        let moved = ahead.add(Changed::product(a, &at(&ahead)).mul(&tau));
        let next = dual(of, &moved, &tau);
        let t_next = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
        let by = next.sub(&y);
        let on = ahead.sub(&next).mul(&by).sum_all().le(Fixed(0.0));
        ahead = next.add(on.select(by.mul((t - 1.0) / t_next), Fixed(0.0)));
        (y, t) = (next, t_next);
    }
    none.select(w, at(&y))
}

/// Consecutive rows of a tensor, each with a penalty of its own.
#[derive(Clone, Debug)]
struct Blocks {
    of: &'static Description,
    parts: Vec<(Penalty, usize)>,
}

static BLOCKS: Description = description("blocks", "sum over blocks of rows of f_i(x_i)", &[], SOURCE);

impl Blocks {
    fn each(&self, w: &Tensor) -> Vec<(&Penalty, Tensor)> {
        let rows = w.split(0, self.parts.iter().map(|b| b.1).collect::<Vec<_>>());
        self.parts.iter().map(|b| &b.0).zip(rows).collect()
    }

    fn join(w: &Tensor, parts: &[Tensor]) -> Tensor {
        let joined = Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0);
        joined.unwrap_or_else(|error| Tensor::new(w.device(), Err(error)))
    }
}

impl Functional for Blocks {
    fn description(&self) -> &'static Description {
        self.of
    }
    fn value(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let values = self.each(w).into_iter().map(|(f, x)| f.value(&x));
        values.reduce(|a, b| a.add(b)).unwrap_or_else(|| w.device().scalar(0.0))
    }
    fn gradient(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        Blocks::join(w, &self.each(w).into_iter().map(|(f, x)| f.gradient(&x)).collect::<Vec<_>>())
    }
    fn prox(&self, w: &Tensor, step: &Tensor, _: &[Tensor]) -> Tensor {
        Blocks::join(w, &self.each(w).into_iter().map(|(f, x)| f.prox(&x, step)).collect::<Vec<_>>())
    }
    fn is_convex(&self) -> bool {
        self.parts.iter().all(|(f, _)| f.is_convex())
    }
    fn is_set(&self) -> bool {
        self.parts.iter().all(|(f, _)| f.is_set())
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        let rows: usize = self.parts.iter().map(|b| b.1).sum();
        (shape.first() != Some(&rows)).then(|| format!("the first axis must have {rows} elements, those of the blocks"))
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        vec![("of", self.parts.iter().map(|(f, rows)| format!("{rows}*{f}")).collect::<Vec<_>>().join("|"))]
    }
}

impl Penalty {
    #[track_caller]
    fn changed(self, rule: Rule, parameters: &[Scalar]) -> Penalty {
        match self.check() {
            Ok(of) => Penalty::functional(Changed { of, rule }, parameters),
            Err(error) => Penalty(Err(Box::new(error))),
        }
    }

    /// Refuses a penalty that is not convex.
    #[track_caller]
    fn convex(self, op: &str) -> Penalty {
        match self.clone().check() {
            Ok(_) if !self.is_convex() => {
                Penalty::refused(op, format!("{self} is not convex"), "the rule holds for convex penalties only")
            }
            _ => self,
        }
    }

    /// `f(x - b)`: the kink (or the set) is moved to `b`.
    #[must_use]
    #[track_caller]
    pub fn translate(self, b: impl Into<Scalar>) -> Penalty {
        self.changed(Rule::Translate(b.into()), &[])
    }

    /// `f(x) + <c, x>`.
    #[must_use]
    #[track_caller]
    pub fn tilt(self, c: impl Into<Scalar>) -> Penalty {
        self.changed(Rule::Tilt(c.into()), &[])
    }

    /// `f(x) + rho / 2 ||x - center||^2`; `rho` is not negative.
    #[must_use]
    #[track_caller]
    pub fn plus_quadratic(self, rho: impl Into<Scalar>, center: impl Into<Scalar>) -> Penalty {
        self.changed(Rule::Quadratic(center.into()), &[rho.into()])
    }

    /// `f(a x)`: one number `a`, or one for each element if `f` is a sum over elements. Where `a` is 0 nothing is penalised.
    ///
    /// # Errors
    /// A tensor of several elements for a penalty that is not separable.
    #[must_use]
    #[track_caller]
    pub fn dilate(self, a: impl Into<Scalar>) -> Penalty {
        let a = a.into();
        if let Scalar::Tensor(a) = &a
            && let Ok(shape) = a.shape()
            && shape.elements() != 1
            && !self.is_separable()
            && self.0.is_ok()
        {
            let message = format!("a diagonal of shape {shape} for {self}");
            return Penalty::refused("dilate", message, "one number; only a sum over elements takes one for each");
        }
        self.changed(Rule::Dilate(a), &[])
    }

    /// `a f(x) + b`, `a` not negative.
    #[must_use]
    #[track_caller]
    pub fn postcompose(self, a: impl Into<Scalar>, b: impl Into<Scalar>) -> Penalty {
        self.weight(a).changed(Rule::Raise, &[b.into()])
    }

    /// The conjugate `f*(y) = sup_x <x, y> - f(x)`: of a norm the indicator of the dual norm's ball, of a set its support
    /// function.
    ///
    /// # Errors
    /// A penalty that is not convex.
    ///
    /// # Numerics
    /// The proximal operator is that of `f` by Moreau's identity. The value and the gradient (the `x` that attains it) are
    /// found by ten proximal points with steps that grow to 16384: where the value is infinite, it is what these reach.
    #[must_use]
    #[track_caller]
    pub fn conjugate(self) -> Penalty {
        self.convex("conjugate").changed(Rule::Conjugate, &[])
    }

    /// The Moreau envelope `min_u f(u) + ||u - x||^2 / (2 mu)`: `f` made smooth, with the gradient `(x - prox) / mu`. Of a set
    /// it is the squared distance over `2 mu`.
    #[must_use]
    #[track_caller]
    pub fn envelope(self, mu: impl Into<Scalar>) -> Penalty {
        self.changed(Rule::Envelope, &[mu.into()])
    }

    /// The Euclidean distance from a set.
    ///
    /// # Errors
    /// A penalty that is no set, or one that is not convex.
    #[must_use]
    #[track_caller]
    pub fn distance_to_set(self) -> Penalty {
        if self.0.is_ok() && !self.is_set() {
            return Penalty::refused("distance_to_set", format!("{self} is no set"), "give the indicator of a set");
        }
        self.convex("distance_to_set").changed(Rule::Distance, &[])
    }

    /// Half the squared Euclidean distance from a set: its envelope with `mu = 1`.
    ///
    /// # Errors
    /// A penalty that is no set.
    #[must_use]
    #[track_caller]
    pub fn squared_distance_to_set(self) -> Penalty {
        if self.0.is_ok() && !self.is_set() {
            let message = format!("{self} is no set");
            return Penalty::refused("squared_distance_to_set", message, "give the indicator of a set");
        }
        self.envelope(1.0)
    }

    /// `f(A x)` for a tight frame, `A A^T = nu I`: orthogonal transforms, unions of rows of them. `x` is a vector of as many
    /// elements as `A` has columns, or a matrix of such columns.
    ///
    /// # Errors
    /// `A` is no matrix. That it is a tight frame is not checked.
    #[must_use]
    #[track_caller]
    pub fn through_frame(self, a: &Tensor, nu: impl Into<Scalar>) -> Penalty {
        match refuse_matrix(a) {
            Some(message) => Penalty::refused("through_frame", message, "give a matrix"),
            None => self.changed(Rule::Frame(a.clone()), &[nu.into()]),
        }
    }

    /// `f(A x)` for any matrix `A`; a proximal step takes `iterations` of an accelerated method in the dual.
    ///
    /// # Errors
    /// `A` is no matrix; a penalty that is not convex.
    #[must_use]
    #[track_caller]
    pub fn through_map(self, a: &Tensor, iterations: usize) -> Penalty {
        match refuse_matrix(a) {
            Some(message) => Penalty::refused("through_map", message, "give a matrix"),
            None => self.convex("through_map").changed(Rule::Map(a.clone(), iterations), &[]),
        }
    }

    /// `sum_i f_i(x_i)`, `x_i` the next so many rows of one tensor.
    ///
    /// # Errors
    /// No blocks, or the error that one of them carries.
    #[must_use]
    #[track_caller]
    pub fn blocks(blocks: impl IntoIterator<Item = (Penalty, usize)>) -> Penalty {
        let blocks: Vec<(Penalty, usize)> = blocks.into_iter().collect();
        if blocks.is_empty() {
            return Penalty::refused("blocks", "no blocks", "give at least one");
        }
        match blocks.iter().find_map(|(f, _)| f.0.as_ref().err()) {
            Some(error) => Penalty(Err(error.clone())),
            None => Penalty::functional(Blocks { of: &BLOCKS, parts: blocks }, &[]),
        }
    }
}

fn refuse_matrix(a: &Tensor) -> Option<String> {
    match a.shape() {
        Ok(shape) if shape.rank() == 2 => None,
        Ok(shape) => Some(format!("A of shape {shape}")),
        Err(error) => Some(error.to_string()),
    }
}

fn magnitudes(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().map(f64::abs).sum()
}

macro_rules! example {
    ($name:ident, $of:ident, $build:expr, $mirror:expr, $shapes:expr, $prox:expr) => {
        static $name: Registered = Registered {
            of: &$of,
            options: &[],
            build: |_| {
                let build: fn() -> (Penalty, Rule) = $build;
                let (of, rule) = build();
                Ok(Arc::new(Changed { of, rule }))
            },
            mirror: $mirror,
            shapes: $shapes,
            prox: $prox,
        };
    };
}

const ANY: &[&[usize]] = &[&[1], &[6], &[5, 7]];

example!(
    TRANSLATE,
    TRANSLATED,
    || (l1(0.1), Rule::Translate(Scalar::Number(0.4))),
    |x, _, _| { 0.1 * magnitudes(x.iter().map(|v| v - f64::from(0.4f32))) },
    ANY,
    Computed::Directly
);
example!(
    TILT,
    TILTED,
    || (l1(0.1), Rule::Tilt(Scalar::Number(-0.3))),
    |x, _, _| { 0.1 * magnitudes(x.iter().copied()) - 0.3 * x.iter().sum::<f64>() },
    ANY,
    Computed::Directly
);
example!(
    PLUS_QUADRATIC,
    QUADRATIC,
    || (l1(0.1), Rule::Quadratic(Scalar::Number(0.5))),
    |x, _, p| { 0.1 * magnitudes(x.iter().copied()) + p[0] / 2.0 * x.iter().map(|v| (v - 0.5).powi(2)).sum::<f64>() },
    ANY,
    Computed::Directly
);
example!(
    DILATE,
    DILATED,
    || (l1(0.1), Rule::Dilate(Scalar::Number(-3.0))),
    |x, _, _| { 0.3 * magnitudes(x.iter().copied()) },
    ANY,
    Computed::Directly
);
example!(
    CONJUGATED,
    CONJUGATE,
    || (l2(0.5), Rule::Conjugate),
    |x, _, _| { x.iter().map(|v| v * v).sum::<f64>() },
    ANY,
    Computed::Directly
);
example!(
    SMOOTHED,
    ENVELOPE,
    || (l1(0.5), Rule::Envelope),
    |x, _, _| { x.iter().map(|v| if v.abs() <= 0.5 { v * v / 2.0 } else { 0.5 * v.abs() - 0.125 }).sum() },
    ANY,
    Computed::Directly
);
example!(
    FAR,
    DISTANCE,
    || (ball(Norm::Max, 1.0, super::Along::All), Rule::Distance),
    |x, _, _| { x.iter().map(|v| (v.abs() - 1.0).max(0.0).powi(2)).sum::<f64>().sqrt() },
    ANY,
    Computed::Directly
);

static GROUPED: Description = description("group-lifted", "sum over groups of f(||x_g||)", &[], SOURCE);
static GROUPED_BENT: Description = Description { name: "group-bent", convex: false, ..GROUPED };
static SPLIT: Description = Description { name: "group-split", ..GROUPED };

/// The norms of the groups `0, 2, 4` and `1, 3, 5` of rows.
fn norms(x: &[f64], shape: &[usize]) -> [f64; 2] {
    let inner: usize = shape[1..].iter().product();
    let square = |of: usize| (0..x.len()).filter(|i| i / inner % 2 == of).map(|i| x[i] * x[i]).sum::<f64>();
    [square(0).sqrt(), square(1).sqrt()]
}

/// A penalty on those groups, as one block.
fn on_groups(of: &'static Description, make: fn(&Groups) -> Penalty) -> Result<Arc<dyn Functional>, Unfit> {
    let groups = Groups::strided(6, 2).map_err(|error| Unfit {
        key: "groups",
        message: error.to_string(),
        hint: "six coefficients in two groups".into(),
    })?;
    Ok(Arc::new(Blocks { of, parts: vec![(make(&groups), 6)] }))
}

macro_rules! group_example {
    ($name:ident, $of:ident, $make:expr, $mirror:expr) => {
        static $name: Registered = Registered {
            of: &$of,
            options: &[],
            build: |_| on_groups(&$of, $make),
            mirror: $mirror,
            shapes: &[&[6], &[6, 2]],
            prox: Computed::Directly,
        };
    };
}

group_example!(GROUP_LASSO, GROUPED, |groups| group_lasso(0.1, groups), |x, shape, _| {
    0.1 * norms(x, shape).iter().sum::<f64>()
});
group_example!(SPARSE_GROUP_LASSO, SPLIT, |groups| sparse_group_lasso(0.05, 0.1, groups), |x, shape, _| {
    0.1 * norms(x, shape).iter().sum::<f64>() + 0.05 * magnitudes(x.iter().copied())
});
group_example!(GROUP_MCP, GROUPED_BENT, |groups| mcp(0.1, 3.0).grouped(groups), |x, shape, _| {
    let one = |r: f64| if r <= 0.3 { 0.1 * r - r * r / 6.0 } else { 0.015 };
    norms(x, shape).into_iter().map(one).sum()
});

/// The examples that the check runs beside the catalogue.
pub(super) const EXAMPLES: &[&Registered] = &[
    &TRANSLATE,
    &TILT,
    &PLUS_QUADRATIC,
    &DILATE,
    &CONJUGATED,
    &SMOOTHED,
    &FAR,
    &GROUP_LASSO,
    &SPARSE_GROUP_LASSO,
    &GROUP_MCP,
];
