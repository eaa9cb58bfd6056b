//! Sets of linear conditions: hyperplanes, slabs, affine sets, polyhedra.

use super::super::certificate;
use super::super::functional::Description;
use super::super::profile::{Parameter, Range};
use super::super::registry::{Choice, Computed, Options, Registered, Unfit};
use super::super::rows::shaped;
use super::super::{Penalty, Scalar};
use super::{Indicator, ROUNDING, Set, relative};
use crate::ops::Fixed;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

const LEVEL: Parameter = Parameter {
    name: "b",
    aliases: &[],
    default: 0.0,
    range: Range::ANY,
    unit: "x",
    meaning: "what the product may be",
};

/// How a product is bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    /// `<a, x> = b`.
    Equal,
    /// `<a, x> <= b`.
    Above,
    /// `lower <= <a, x> <= upper`.
    Both,
}

/// A condition on one product; `a` is all ones if not given.
#[derive(Debug)]
struct Slab {
    normal: Option<Tensor>,
    bound: Bound,
}

const SOURCE: &str = "N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.2";

static PLANE_OF: Description = Description {
    name: "hyperplane",
    aliases: &[],
    summary: "a given sum (or product with a given vector)",
    formula: "0 if <a, x> = b, else infinity; a = 1 in specifications",
    parameters: &[LEVEL],
    convex: true,
    set: true,
    source: SOURCE,
};
static HALF_OF: Description = Description {
    name: "half-space",
    aliases: &[],
    summary: "bounds a sum (or a product with a given vector)",
    formula: "0 if <a, x> <= b, else infinity; a = 1 in specifications",
    parameters: &[LEVEL],
    convex: true,
    set: true,
    source: SOURCE,
};
static SLAB_OF: Description = Description {
    name: "hyperslab",
    aliases: &["slab"],
    summary: "bounds a sum (or a product with a given vector) from both sides",
    formula: "0 if lower <= <a, x> <= upper, else infinity; a = 1 in specifications",
    parameters: &[
        Parameter { name: "lower", default: -1.0, meaning: "the least the product may be", ..LEVEL },
        Parameter { name: "upper", default: 1.0, meaning: "the most the product may be", ..LEVEL },
    ],
    convex: true,
    set: true,
    source: SOURCE,
};

impl Slab {
    fn normal(&self, w: &Tensor) -> Tensor {
        self.normal.clone().unwrap_or_else(|| w.ones_like())
    }

    /// How far the product is above its upper bound, less how far it is below its lower one.
    fn miss(&self, product: &Tensor, p: &[Tensor]) -> Tensor {
        match self.bound {
            Bound::Equal => product.sub(&p[0]),
            Bound::Above => product.sub(&p[0]).relu(),
            Bound::Both => product.sub(&p[1]).relu().sub(p[0].sub(product).relu()),
        }
    }
}

impl Set for Slab {
    fn description(&self) -> &'static Description {
        match self.bound {
            Bound::Equal => &PLANE_OF,
            Bound::Above => &HALF_OF,
            Bound::Both => &SLAB_OF,
        }
    }
    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let a = self.normal(w);
        let square = a.square().sum_all();
        let none = square.le(Fixed(0.0));
        let by = self.miss(&a.mul(w).sum_all(), p).div(none.select(Fixed(1.0), &square));
        w.sub(a.mul(by))
    }
    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let products = self.normal(w).mul(w);
        let size = p.iter().fold(products.abs().sum_all(), |s, b| s.add(b.abs()));
        relative(&self.miss(&products.sum_all(), p).abs(), &size)
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        let own = self.normal.as_ref()?.shape().ok()?;
        (own != shape).then(|| format!("they must have the shape {own} of the normal vector"))
    }
    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        (self.bound == Bound::Both && p[0] > p[1]).then(|| format!("lower = {} exceeds upper = {}", p[0], p[1]))
    }
}

const SHAPES: &[&[usize]] = &[&[1], &[6], &[257], &[5, 7]];

fn sum(x: &[f64]) -> f64 {
    x.iter().sum()
}

pub(super) static PLANE: Registered = Registered {
    of: &PLANE_OF,
    options: &[],
    build: |_| Ok(Arc::new(Indicator(Slab { normal: None, bound: Bound::Equal }))),
    mirror: |x, _, p| (sum(x) - p[0]).abs(),
    shapes: SHAPES,
    prox: Computed::Directly,
};
pub(super) static HALF: Registered = Registered {
    of: &HALF_OF,
    options: &[],
    build: |_| Ok(Arc::new(Indicator(Slab { normal: None, bound: Bound::Above }))),
    mirror: |x, _, p| sum(x) - p[0],
    shapes: SHAPES,
    prox: Computed::Directly,
};
pub(super) static SLAB: Registered = Registered {
    of: &SLAB_OF,
    options: &[],
    build: |_| Ok(Arc::new(Indicator(Slab { normal: None, bound: Bound::Both }))),
    mirror: |x, _, p| (sum(x) - p[1]).max(p[0] - sum(x)),
    shapes: SHAPES,
    prox: Computed::Directly,
};

/// `m` linear conditions on `n` elements, row-major, as they were given.
#[derive(Debug)]
struct Rows {
    a: Vec<f64>,
    b: Vec<f64>,
    n: usize,
}

impl Rows {
    fn new(a: &[f64], b: &[f64]) -> Result<Rows, (String, String)> {
        if b.is_empty() || a.is_empty() || !a.len().is_multiple_of(b.len()) {
            let message = format!("{} coefficients for {} conditions", a.len(), b.len());
            return Err((message, "give each condition one coefficient per element".into()));
        }
        if a.iter().chain(b).any(|v| !v.is_finite()) {
            return Err(("a coefficient that is not finite".into(), "give finite numbers".into()));
        }
        Ok(Rows { a: a.to_vec(), b: b.to_vec(), n: a.len() / b.len() })
    }

    fn parse(options: &Options<'_>) -> Result<Rows, Unfit> {
        let list = |key: &'static str| -> Result<Vec<Vec<f64>>, Unfit> {
            let text = options.text(key);
            let row = |row: &str| row.split_whitespace().map(|v| v.parse::<f64>().ok()).collect::<Option<Vec<_>>>();
            text.split('|').map(row).collect::<Option<Vec<_>>>().ok_or_else(|| Unfit {
                key,
                message: format!("{text:?} is no list of numbers"),
                hint: "numbers by spaces, rows by |, like 1 1 0|0 1 -1".into(),
            })
        };
        let (a, b) = (list("a")?, list("b")?.concat());
        if a.iter().any(|row| row.len() != a[0].len()) || a.len() != b.len() {
            let message = format!("{} rows of unequal length, or not one level each", a.len());
            return Err(Unfit { key: "a", message, hint: "as many numbers per row, and one of b for each".into() });
        }
        Rows::new(&a.concat(), &b).map_err(|(message, hint)| Unfit { key: "a", message, hint })
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.a[i * self.n..(i + 1) * self.n]
    }

    /// `A A^T`.
    fn gram(&self) -> Vec<f64> {
        let m = self.b.len();
        let dot = |i: usize, j: usize| self.row(i).iter().zip(self.row(j)).map(|(x, y)| x * y).sum::<f64>();
        (0..m * m).map(|k| dot(k / m, k % m)).collect()
    }

    /// `A^T (A A^T)^-1`, `[n, m]`.
    fn inverse(&self) -> Result<Vec<f64>, (String, String)> {
        let (m, n) = (self.b.len(), self.n);
        let mut work = self.gram();
        let scale = (0..m).map(|i| work[i * m + i]).fold(0.0, f64::max);
        let mut inverse: Vec<f64> = (0..m * m).map(|k| f64::from(u8::from(k / m == k % m))).collect();
        // Gauss and Jordan: the pivots of a positive definite matrix are on its diagonal
        for i in 0..m {
            let pivot = work[i * m + i];
            if pivot <= 1e-12 * scale {
                let message = format!("condition {i} follows from the others, or contradicts them");
                return Err((message, "leave it out: the rows must be linearly independent".into()));
            }
            for j in 0..m {
                work[i * m + j] /= pivot;
                inverse[i * m + j] /= pivot;
            }
            for k in (0..m).filter(|&k| k != i) {
                let factor = work[k * m + i];
                for j in 0..m {
                    work[k * m + j] -= factor * work[i * m + j];
                    inverse[k * m + j] -= factor * inverse[i * m + j];
                }
            }
        }
        let entry = |r: usize, c: usize| (0..m).map(|k| self.a[k * n + r] * inverse[k * m + c]).sum::<f64>();
        Ok((0..n * m).map(|k| entry(k / m, k % m)).collect())
    }

    /// A bound of the greatest eigenvalue of `A A^T`.
    fn bound(&self) -> f64 {
        self.gram().chunks(self.b.len()).map(|row| row.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max)
    }

    fn refuse(&self, shape: &Shape) -> Option<String> {
        (shape.elements() != self.n).then(|| format!("they must be {} elements, as in each condition", self.n))
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        let row = |row: &[f64]| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let rows: Vec<String> = self.a.chunks(self.n).map(row).collect();
        vec![("a", rows.join("|")), ("b", self.b.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"))]
    }
}

fn upload(like: &Tensor, values: &[f64], dims: [usize; 2]) -> Tensor {
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    like.device().tensor(&values, dims)
}

/// `A x - b`, and the size of its numbers, `[m, 1]` each.
fn residual(rows: &Rows, x: &Tensor) -> (Tensor, Tensor) {
    let (a, b) = (upload(x, &rows.a, [rows.b.len(), rows.n]), upload(x, &rows.b, [rows.b.len(), 1]));
    (a.matmul(x).sub(&b), a.abs().matmul(&x.abs()).add(b.abs()))
}

fn column(w: &Tensor) -> Tensor {
    match w.shape() {
        Ok(shape) => w.reshape([shape.elements(), 1]),
        Err(_) => w.clone(),
    }
}

/// `A x = b`.
#[derive(Debug)]
struct Affine {
    rows: Rows,
    inverse: Vec<f64>,
}

static AFFINE_OF: Description = Description {
    name: "affine",
    aliases: &["affine-set"],
    summary: "linear equations; the projection is a product with a matrix that is made once, in f64",
    formula: "0 if A x = b, else infinity",
    parameters: &[],
    convex: true,
    set: true,
    source: SOURCE,
};

impl Set for Affine {
    fn description(&self) -> &'static Description {
        &AFFINE_OF
    }
    fn project(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let x = column(w);
        let by = upload(w, &self.inverse, [self.rows.n, self.rows.b.len()]).matmul(&residual(&self.rows, &x).0);
        shaped(&x.sub(by), w)
    }
    fn outside(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let (miss, size) = residual(&self.rows, &column(w));
        relative(&miss.abs(), &size).max(..)
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        self.rows.refuse(shape)
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        self.rows.options()
    }
}

const A: Choice =
    Choice { name: "a", default: "1 1 1 1|1 -1 2 0", meaning: "the matrix: rows by |, numbers by spaces" };
const B: Choice = Choice { name: "b", default: "1|0.5", meaning: "one level per row, by |" };
const EXAMPLE: [[f64; 4]; 2] = [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 2.0, 0.0]];

/// The greatest absolute row sum of `A A^T` of the example.
const EXAMPLE_BOUND: f64 = 8.0;

fn misses(x: &[f64]) -> [f64; 2] {
    let product = |row: &[f64; 4]| row.iter().zip(x).map(|(a, v)| a * v).sum::<f64>();
    [product(&EXAMPLE[0]) - 1.0, product(&EXAMPLE[1]) - 0.5]
}

pub(super) static AFFINE: Registered = Registered {
    of: &AFFINE_OF,
    options: &[A, B],
    build: |o| {
        let rows = Rows::parse(o)?;
        let inverse = rows.inverse().map_err(|(message, hint)| Unfit { key: "a", message, hint })?;
        Ok(Arc::new(Indicator(Affine { rows, inverse })))
    },
    mirror: |x, _, _| misses(x).iter().fold(0.0, |m, v| m.max(v.abs())),
    shapes: &[&[4], &[2, 2]],
    prox: Computed::Directly,
};

/// `A x <= b`.
#[derive(Debug)]
struct Polyhedron {
    rows: Rows,
    iterations: usize,
}

static POLYHEDRON_OF: Description = Description {
    name: "polyhedron",
    aliases: &[],
    summary: "linear inequalities; the projection is found by accelerated steps in the multipliers",
    formula: "0 if A x <= b, else infinity",
    parameters: &[],
    convex: true,
    set: true,
    source: "R. Dykstra, An algorithm for restricted least squares regression, JASA 78 (1983), whose dual ascent is taken \
             here for all conditions at once and accelerated: A. Beck, M. Teboulle, A fast dual proximal gradient \
             algorithm, Oper. Res. Lett. 42 (2014)",
};

/// What a member may miss a condition by, relative to the numbers in it: a projection meets it in the limit only.
const ITERATED: f64 = 1e-4;

impl Set for Polyhedron {
    fn description(&self) -> &'static Description {
        &POLYHEDRON_OF
    }
    fn project(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let x = column(w);
        let (m, n) = (self.rows.b.len(), self.rows.n);
        let back = upload(w, &self.rows.a, [m, n]).t();
        let length = 1.0 / self.rows.bound().max(f64::MIN_POSITIVE);
        let at = |y: &Tensor| x.sub(back.matmul(y));
        let mut y = x.device().zeros([m, 1]);
        let (mut ahead, mut t) = (y.clone(), 1.0f64);
        for _ in 0..self.iterations {
            let next = ahead.add(residual(&self.rows, &at(&ahead)).0.mul(Fixed(length))).relu();
            let t_next = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
            let step = next.sub(&y);
            // what overshoots starts anew (B. O'Donoghue, E. Candès, 2015)
            let on = ahead.sub(&next).mul(&step).sum_all().le(Fixed(0.0));
            ahead = next.add(on.select(step.mul((t - 1.0) / t_next), Fixed(0.0)));
            (y, t) = (next, t_next);
        }
        shaped(&at(&y), w)
    }
    fn outside(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let (miss, size) = residual(&self.rows, &column(w));
        relative(&miss, &size).max(..)
    }
    fn tolerance(&self) -> f64 {
        ITERATED.max(ROUNDING)
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        self.rows.refuse(shape)
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        let mut all = self.rows.options();
        all.push(("iterations", self.iterations.to_string()));
        all
    }
}

pub(super) static POLYHEDRON: Registered = Registered {
    of: &POLYHEDRON_OF,
    options: &[A, B, Choice { name: "iterations", default: "200", meaning: "of the dual solver in each projection" }],
    build: |o| {
        let rows = Rows::parse(o)?;
        Ok(Arc::new(Indicator(Polyhedron { rows, iterations: o.number("iterations")? })))
    },
    mirror: |x, _, _| misses(x).iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v)),
    shapes: &[&[4], &[2, 2]],
    prox: Computed::Certified(|p| {
        let rows = [&EXAMPLE[0][..], &EXAMPLE[1][..]];
        certificate::inequalities(p, &rows, &[1.0, 0.5], EXAMPLE_BOUND)
    }),
};

/// The indicator of `<a, x> = b`. A zero vector `a` gives no condition.
#[must_use]
#[track_caller]
pub fn hyperplane(a: &Tensor, b: impl Into<Scalar>) -> Penalty {
    Penalty::functional(Indicator(Slab { normal: Some(a.clone()), bound: Bound::Equal }), &[b.into()])
}

/// The indicator of `<a, x> <= b`. A zero vector `a` gives no condition.
#[must_use]
#[track_caller]
pub fn half_space(a: &Tensor, b: impl Into<Scalar>) -> Penalty {
    Penalty::functional(Indicator(Slab { normal: Some(a.clone()), bound: Bound::Above }), &[b.into()])
}

/// The indicator of `lower <= <a, x> <= upper`. A zero vector `a` gives no condition.
#[must_use]
#[track_caller]
pub fn hyperslab(a: &Tensor, lower: impl Into<Scalar>, upper: impl Into<Scalar>) -> Penalty {
    let slab = Slab { normal: Some(a.clone()), bound: Bound::Both };
    Penalty::functional(Indicator(slab), &[lower.into(), upper.into()])
}

/// The indicator of `A x = b`; `a` has one row of as many numbers as there are coefficients per element of `b`.
///
/// # Errors
/// Numbers that do not fit, are not finite, or rows that are linearly dependent.
#[must_use]
#[track_caller]
pub fn affine(a: &[f64], b: &[f64]) -> Penalty {
    match Rows::new(a, b).and_then(|rows| Ok(Affine { inverse: rows.inverse()?, rows })) {
        Ok(set) => Penalty::functional(Indicator(set), &[]),
        Err((message, hint)) => Penalty::refused("affine", message, hint),
    }
}

/// The indicator of `A x <= b`, by `iterations` of a dual solver per projection.
///
/// # Errors
/// Numbers that do not fit or are not finite.
#[must_use]
#[track_caller]
pub fn polyhedron(a: &[f64], b: &[f64], iterations: usize) -> Penalty {
    match Rows::new(a, b) {
        Ok(rows) => Penalty::functional(Indicator(Polyhedron { rows, iterations }), &[]),
        Err((message, hint)) => Penalty::refused("polyhedron", message, hint),
    }
}
