//! Penalties on singular values and eigenvalues of matrices (the last two axes): any penalty of a vector that knows neither
//! signs nor order gives one of matrices, whose proximal operator is the vector's on the singular values. Those of the
//! nuclear norm, the spectral ball and the semidefinite cone take products of matrices alone where there are more than 64
//! rows and columns (`polar`).
//!
//! # Source
//! A. Lewis, *The convex analysis of unitarily invariant matrix functions*, J. Convex Anal. 2 (1995).

use super::certificate;
use super::functional::{Description, Functional, Whole};
use super::polar::{self, symmetric};
use super::profile::{Parameter, Range, strength};
use super::registry::{Choice, Computed, Registered};
use super::rows::Along;
use super::set::{Indicator, Set, relative};
use super::sorted::COUNT;
use super::{Norm, Penalty, Scalar, ball, l0, l1, largest_k};
use crate::error::{Result, Site};
use crate::graph::dense::Sweeps;
use crate::ops::Fixed;
use crate::reference::tol::{ULP, independent};
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// What acts on the singular values.
#[derive(Clone, Debug)]
enum On {
    /// `lambda sum s_i`.
    Sum,
    /// `lambda max s_i`.
    Greatest,
    /// `lambda` for each that is not 0.
    Count,
    /// Another penalty.
    Given(Penalty),
}

/// A penalty on the singular values of each matrix.
#[derive(Clone, Debug)]
struct Singular {
    on: On,
}

static NUCLEAR_OF: Description = Description {
    name: "nuclear",
    aliases: &["trace-norm", "nuclear-norm"],
    summary: "matrices of low rank",
    formula: "lambda times the sum of the singular values",
    parameters: &[strength("f/x")],
    convex: true,
    set: false,
    source: "M. Fazel, Matrix rank minimization with applications (2002); J.-F. Cai, E. Candès, Z. Shen, A singular value \
             thresholding algorithm for matrix completion, SIAM J. Optim. 20 (2010)",
};
static SPECTRAL_OF: Description = Description {
    name: "spectral-norm",
    aliases: &["operator-norm"],
    summary: "bounds how much a linear layer can stretch",
    formula: "lambda times the greatest singular value",
    parameters: &[strength("f/x")],
    convex: true,
    set: false,
    source: "Y. Yoshida, T. Miyato, Spectral norm regularization for improving the generalizability of deep learning (2017)",
};
static RANK_OF: Description = Description {
    name: "rank",
    aliases: &[],
    summary: "matrices of low rank, without shrinking what remains",
    formula: "lambda times the number of singular values that are not 0",
    parameters: &[strength("f")],
    convex: false,
    set: false,
    source: "C. Eckart, G. Young, The approximation of one matrix by another of lower rank, Psychometrika 1 (1936)",
};
static GIVEN_OF: Description = Description {
    name: "singular-values",
    aliases: &[],
    summary: "a penalty on the singular values",
    formula: "f(singular values)",
    parameters: &[],
    convex: true,
    set: false,
    source: "A. Lewis, The convex analysis of unitarily invariant matrix functions, J. Convex Anal. 2 (1995)",
};

fn refuse_matrix(shape: &Shape) -> Option<String> {
    (shape.rank() < 2).then(|| "it must be a matrix, or a batch of them".into())
}

fn refuse_square(shape: &Shape) -> Option<String> {
    let dims = shape.dims();
    let square = dims.len() >= 2 && dims[dims.len() - 1] == dims[dims.len() - 2];
    (!square).then(|| "the matrix must be square".into())
}

/// `u diag(s) v^T`.
fn joined(u: &Tensor, s: &Tensor, vt: &Tensor) -> Tensor {
    let axis = s.shape().map_or(0, |shape| shape.rank() - 1);
    u.mul(s.unsqueeze(axis)).matmul(vt)
}

impl Singular {
    fn inner(&self, p: &[Tensor]) -> Penalty {
        match &self.on {
            On::Sum => l1(&p[0]),
            On::Greatest => largest_k(&p[0], 1, Along::Last),
            On::Count => l0(&p[0]),
            On::Given(penalty) => penalty.clone(),
        }
    }
}

impl Functional for Singular {
    fn description(&self) -> &'static Description {
        match self.on {
            On::Sum => &NUCLEAR_OF,
            On::Greatest => &SPECTRAL_OF,
            On::Count => &RANK_OF,
            On::Given(_) => &GIVEN_OF,
        }
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let (_, s, _) = w.svd();
        let s = match self.on {
            // what is 0 but for the rounding of the decomposition
            On::Count => s.gt(s.max(..).mul(Fixed(RELATIVE))).select(&s, Fixed(0.0)),
            _ => s,
        };
        self.inner(p).value(&s)
    }
    fn gradient(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let (u, s, vt) = w.svd();
        joined(&u, &self.inner(p).gradient(&s), &vt)
    }
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        if matches!(self.on, On::Sum) && polar::large(w) {
            return polar::lowered(w, &step.mul(&p[0]));
        }
        let (u, s, vt) = w.svd();
        joined(&u, &self.inner(p).prox(&s, step), &vt)
    }
    fn is_convex(&self) -> bool {
        match &self.on {
            On::Given(penalty) => penalty.is_convex(),
            _ => self.description().convex,
        }
    }
    fn is_set(&self) -> bool {
        matches!(&self.on, On::Given(penalty) if penalty.is_set())
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        refuse_matrix(shape)
    }
    fn spec(&self) -> Option<String> {
        let On::Given(penalty) = &self.on else { return None };
        Some(format!("singular-{penalty}"))
    }
    fn with_inner(&self, parameter: &str, value: &Scalar, _site: Site) -> Option<Result<Arc<dyn Functional>>> {
        let On::Given(penalty) = &self.on else { return None };
        penalty.parameter(parameter)?;
        let changed = penalty.clone().with(parameter, value).check();
        Some(changed.map(|penalty| Arc::new(Singular { on: On::Given(penalty) }) as Arc<dyn Functional>))
    }
    fn inner_parameter(&self, name: &str) -> Option<f64> {
        let On::Given(penalty) = &self.on else { return None };
        penalty.parameter(name)
    }
}

/// What is taken for 0 of a singular value, and what a member of a set may miss, relative to the greatest one.
const RELATIVE: f64 = 1e-5;

/// A set of matrices by their singular values or eigenvalues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// `sum s_i <= radius`.
    Nuclear,
    /// `s_i <= radius`.
    Spectral,
    /// At most `k` that are not 0.
    Rank,
    /// All 1: `X^T X = I`, or `X X^T = I` of wide matrices.
    Stiefel,
    /// Symmetric, no eigenvalue below 0.
    Semidefinite,
    /// That, and no entry below 0; by this many steps.
    NonNegative(usize),
}

const RADIUS: Parameter = Parameter {
    name: "radius",
    aliases: &["r"],
    default: 1.0,
    range: Range::NOT_NEGATIVE,
    unit: "x",
    meaning: "what the norm may be",
};

const fn set(
    name: &'static str,
    aliases: &'static [&'static str],
    summary: &'static str,
    formula: &'static str,
    parameters: &'static [Parameter],
    convex: bool,
    source: &'static str,
) -> Description {
    Description { name, aliases, summary, formula, parameters, convex, set: true, source }
}

const LEWIS: &str = "A. Lewis, The convex analysis of unitarily invariant matrix functions, J. Convex Anal. 2 (1995)";
const HIGHAM: &str =
    "N. Higham, Computing a nearest symmetric positive semidefinite matrix, Linear Algebra Appl. 103 (1988)";

static NUCLEAR_BALL_OF: Description = set(
    "nuclear-ball",
    &["trace-norm-ball"],
    "low rank as a constraint",
    "0 if the singular values add up to at most radius, else infinity",
    &[RADIUS],
    true,
    LEWIS,
);
static SPECTRAL_BALL_OF: Description = set(
    "spectral-ball",
    &[],
    "linear maps that stretch by at most radius",
    "0 if no singular value exceeds radius, else infinity",
    &[RADIUS],
    true,
    LEWIS,
);
static RANK_BALL_OF: Description = set(
    "rank-k",
    &["rank-ball"],
    "matrices of rank k",
    "0 if at most k singular values are not 0, else infinity",
    &[COUNT],
    false,
    "C. Eckart, G. Young, The approximation of one matrix by another of lower rank, Psychometrika 1 (1936)",
);
static STIEFEL_OF: Description = set(
    "stiefel",
    &["orthogonal"],
    "orthonormal columns (rows of a wide matrix); the projection is the orthogonal factor of the polar decomposition",
    "0 if X^T X = I (X X^T = I of a wide matrix), else infinity",
    &[],
    false,
    "K. Fan, A. Hoffman, Some metric inequalities in the space of matrices, Proc. AMS 6 (1955)",
);
static PSD_OF: Description = set(
    "psd",
    &["positive-semidefinite"],
    "covariances, kernels; of a matrix that is not symmetric the symmetric part is projected",
    "0 if X is symmetric without eigenvalues below 0, else infinity",
    &[],
    true,
    HIGHAM,
);
static NON_NEGATIVE_OF: Description = set(
    "doubly-non-negative",
    &["dnn"],
    "semidefinite matrices without negative entries: relaxed clusterings",
    "0 if X is symmetric without eigenvalues or entries below 0, else infinity",
    &[],
    true,
    "accelerated steps in the multipliers of the entries: A. Beck, M. Teboulle, A fast dual proximal gradient algorithm, \
     Oper. Res. Lett. 42 (2014)",
);

/// The nearest matrix without negative eigenvalues.
fn semidefinite(w: &Tensor) -> Tensor {
    if polar::large(w) {
        return polar::positive(&symmetric(w));
    }
    let (values, vectors) = symmetric(w).eigh();
    let rank = w.shape().map_or(2, Shape::rank).max(2);
    symmetric(&joined(&vectors, &values.relu(), &vectors.transpose(rank - 2, rank - 1)))
}

impl Set for Within {
    fn description(&self) -> &'static Description {
        match self {
            Within::Nuclear => &NUCLEAR_BALL_OF,
            Within::Spectral => &SPECTRAL_BALL_OF,
            Within::Rank => &RANK_BALL_OF,
            Within::Stiefel => &STIEFEL_OF,
            Within::Semidefinite => &PSD_OF,
            Within::NonNegative(_) => &NON_NEGATIVE_OF,
        }
    }

    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let of = match self {
            Within::Semidefinite => return semidefinite(w),
            Within::NonNegative(rounds) => {
                // the multipliers of the entries, by accelerated ascent with restarts; those of the eigenvalues follow
                let even = symmetric(w);
                let mut q = w.zeros_like();
                let (mut ahead, mut t) = (q.clone(), 1.0f64);
                for _ in 0..*rounds {
                    let next = ahead.sub(semidefinite(&even.add(&ahead))).relu();
                    let t_next = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
                    let by = next.sub(&q);
                    let on = ahead.sub(&next).mul(&by).sum_all().le(Fixed(0.0));
                    ahead = next.add(by.mul(on.select((t - 1.0) / t_next, Fixed(0.0))));
                    (q, t) = (next, t_next);
                }
                return semidefinite(&even.add(&q)).relu();
            }
            // what is above the radius is the proximal point of the nuclear norm
            Within::Spectral if polar::large(w) => return w.sub(polar::lowered(w, &p[0])),
            Within::Nuclear => ball(Norm::L1, &p[0], Along::Last),
            Within::Spectral => ball(Norm::Max, &p[0], Along::Last),
            Within::Rank => super::sorted::top_k_of(&p[0], Along::Last),
            Within::Stiefel => {
                let (u, _, vt) = w.svd();
                return u.matmul(&vt);
            }
        };
        let (u, s, vt) = w.svd();
        joined(&u, &of.prox(&s, 1.0), &vt)
    }

    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let last = w.shape().map_or(0, |s| s.rank().saturating_sub(2));
        match self {
            Within::Nuclear => relative(&w.svd().1.sum(last).sub(&p[0]), &p[0]).max(..),
            Within::Spectral => relative(&w.svd().1.max(last).sub(&p[0]), &p[0]).max(..),
            Within::Rank => {
                let s = w.svd().1;
                let rest = s.sub(super::sorted::top_k_of(&p[0], Along::Last).prox(&s, 1.0));
                relative(&rest.max(..), &s.max(..))
            }
            Within::Stiefel => w.svd().1.sub(Fixed(1.0)).abs().max(..),
            Within::Semidefinite | Within::NonNegative(_) => {
                let even = symmetric(w);
                let size = even.abs().max(..);
                let off = even.sub(w).abs().max(..).maximum(even.eigh().0.min(..).neg());
                let off = if *self == Within::Semidefinite { off } else { off.maximum(w.min(..).neg()) };
                relative(&off, &size)
            }
        }
    }

    fn tolerance(&self) -> f64 {
        match self {
            Within::NonNegative(_) => ITERATED,
            _ => 4.0 * RELATIVE,
        }
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        match self {
            Within::Semidefinite | Within::NonNegative(_) => refuse_square(shape),
            _ => refuse_matrix(shape),
        }
    }

    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        (*self == Within::Rank).then(|| super::sorted::refuse_count(p[0])).flatten()
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        match self {
            Within::NonNegative(rounds) => vec![("iterations", rounds.to_string())],
            _ => Vec::new(),
        }
    }
}

/// What a member of both cones may miss, relative to the greatest entry: a projection has the eigenvalues in the limit only.
const ITERATED: f64 = 2e-3;

/// The singular values of a matrix `[m, n]`, by rotations of its columns, in f64.
fn singular_values(x: &[f64], shape: &[usize]) -> Vec<f64> {
    let (m, n) = (shape[0], shape[1]);
    let mut columns: Vec<Vec<f64>> = (0..n).map(|j| (0..m).map(|i| x[i * n + j]).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for _ in 0..30 {
        for i in 0..n {
            for j in i + 1..n {
                let (a, b) = (dot(&columns[i], &columns[i]), dot(&columns[j], &columns[j]));
                let c = dot(&columns[i], &columns[j]);
                if c == 0.0 {
                    continue;
                }
                let angle = 0.5 * (2.0 * c).atan2(a - b);
                let (sin, cos) = angle.sin_cos();
                let (head, tail) = columns.split_at_mut(j);
                for (p, q) in head[i].iter_mut().zip(&mut tail[0]) {
                    (*p, *q) = (cos * *p + sin * *q, cos * *q - sin * *p);
                }
            }
        }
    }
    let mut values: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values.truncate(m.min(n));
    values
}

/// The least `x^T S x / x^T x`, `S` the symmetric part: the shift by the greatest singular value makes it semidefinite.
fn least_eigenvalue(x: &[f64], n: usize) -> f64 {
    let even: Vec<f64> = (0..n * n).map(|k| 0.5 * (x[k] + x[k % n * n + k / n])).collect();
    let shift = singular_values(&even, &[n, n])[0];
    let shifted: Vec<f64> = (0..n * n).map(|k| f64::from(u8::from(k / n == k % n)) * shift - even[k]).collect();
    shift - singular_values(&shifted, &[n, n])[0]
}

fn asymmetry(x: &[f64], n: usize) -> f64 {
    (0..n * n).fold(0.0, |m, k| f64::max(m, (x[k] - x[k % n * n + k / n]).abs()))
}

const SHAPES: &[&[usize]] = &[&[1, 1], &[3, 5], &[6, 4]];
const SQUARES: &[&[usize]] = &[&[1, 1], &[5, 5]];

/// Decompositions are those of a matrix nearby; so is what is joined again, by factors that are orthogonal but for that.
fn backward(shape: &[usize]) -> f64 {
    let (m, n) = (shape[0], shape[1]);
    let k = m.min(n) as f64;
    independent(Sweeps::roundings_of_svd(m, n)) * (1.0 + k.sqrt()) + (k + 4.0) * ULP
}

macro_rules! registered {
    ($($name:ident $of:ident $build:expr, $mirror:expr, $shapes:expr;)*) => {$(
        pub(super) static $name: Registered = Registered {
            of: &$of,
            options: &[],
            build: |_| Ok(Arc::new($build)),
            mirror: $mirror,
            shapes: $shapes,
            prox: Computed::Backward(backward),
        };
    )*};
}
registered! {
    NUCLEAR NUCLEAR_OF Singular { on: On::Sum }, |x, shape, p| p[0] * singular_values(x, shape).iter().sum::<f64>(), SHAPES;
    SPECTRAL SPECTRAL_OF Singular { on: On::Greatest }, |x, shape, p| p[0] * singular_values(x, shape)[0], SHAPES;
    RANK RANK_OF Singular { on: On::Count }, |x, shape, p| {
        let s = singular_values(x, shape);
        p[0] * s.iter().filter(|v| **v > RELATIVE * s[0]).count() as f64
    }, SHAPES;
    NUCLEAR_BALL NUCLEAR_BALL_OF Indicator(Within::Nuclear), |x, shape, p| {
        singular_values(x, shape).iter().sum::<f64>() - p[0]
    }, SHAPES;
    SPECTRAL_BALL SPECTRAL_BALL_OF Indicator(Within::Spectral), |x, shape, p| singular_values(x, shape)[0] - p[0], SHAPES;
    RANK_BALL RANK_BALL_OF Indicator(Within::Rank), |x, shape, p| {
        singular_values(x, shape).get(p[0] as usize).copied().unwrap_or(0.0)
    }, SHAPES;
    STIEFEL STIEFEL_OF Indicator(Within::Stiefel), |x, shape, _| {
        singular_values(x, shape).iter().fold(0.0, |m: f64, v| m.max((v - 1.0).abs()))
    }, SHAPES;
    PSD PSD_OF Indicator(Within::Semidefinite), |x, shape, _| {
        (-least_eigenvalue(x, shape[0])).max(asymmetry(x, shape[0]))
    }, SQUARES;
}

pub(super) static NON_NEGATIVE: Registered = Registered {
    of: &NON_NEGATIVE_OF,
    options: &[Choice { name: "iterations", default: "40", meaning: "of accelerated steps, in each projection" }],
    build: |o| Ok(Arc::new(Indicator(Within::NonNegative(o.number("iterations")?)))),
    mirror: |x, shape, _| {
        let least = x.iter().copied().fold(f64::INFINITY, f64::min);
        (-least_eigenvalue(x, shape[0])).max(asymmetry(x, shape[0])).max(-least)
    },
    shapes: SQUARES,
    prox: Computed::Certified(|p| certificate::doubly_non_negative(p, backward(p.shape))),
};

impl Penalty {
    /// The penalty on the singular values of matrices (the last two axes) instead of on elements: `f(s_1, s_2, …)`.
    ///
    /// # Errors
    /// A penalty that tells signs, or one with groups. Of penalties on whole tensors it is the caller's word that they know
    /// neither signs nor order; they see one vector of singular values per matrix, `[.., min(m, n)]`.
    #[must_use]
    #[track_caller]
    pub fn singular_values(self) -> Penalty {
        match &self.0 {
            Ok(super::Form::Terms(inner)) if !inner.is_even() => Penalty::refused(
                "singular_values",
                format!("{self} tells signs or places"),
                "only a penalty that is even, and the same for all, can act on singular values",
            ),
            Ok(_) => Penalty::whole(Whole::new(Arc::new(Singular { on: On::Given(self) }))),
            Err(_) => self,
        }
    }
}

#[track_caller]
fn named(of: impl Functional + 'static, parameters: &[Scalar]) -> Penalty {
    Penalty::functional(of, parameters)
}

/// `lambda` times the sum of the singular values: matrices of low rank.
#[must_use]
#[track_caller]
pub fn nuclear(lambda: impl Into<Scalar>) -> Penalty {
    named(Singular { on: On::Sum }, &[lambda.into()])
}

/// `lambda` times the greatest singular value.
#[must_use]
#[track_caller]
pub fn spectral_norm(lambda: impl Into<Scalar>) -> Penalty {
    named(Singular { on: On::Greatest }, &[lambda.into()])
}

/// `lambda` times the rank.
#[must_use]
#[track_caller]
pub fn rank(lambda: impl Into<Scalar>) -> Penalty {
    named(Singular { on: On::Count }, &[lambda.into()])
}

/// The matrices whose singular values add up to at most `radius`.
#[must_use]
#[track_caller]
pub fn nuclear_ball(radius: impl Into<Scalar>) -> Penalty {
    named(Indicator(Within::Nuclear), &[radius.into()])
}

/// The matrices whose singular values are at most `radius`.
#[must_use]
#[track_caller]
pub fn spectral_ball(radius: impl Into<Scalar>) -> Penalty {
    named(Indicator(Within::Spectral), &[radius.into()])
}

/// The matrices of rank at most `k`.
#[must_use]
#[track_caller]
pub fn rank_k(k: usize) -> Penalty {
    named(Indicator(Within::Rank), &[Scalar::Number(k as f64)])
}

/// The matrices with orthonormal columns (rows, where there are fewer).
#[must_use]
#[track_caller]
pub fn stiefel() -> Penalty {
    named(Indicator(Within::Stiefel), &[])
}

/// The symmetric positive-semidefinite matrices; of others the symmetric part is projected.
#[must_use]
#[track_caller]
pub fn semidefinite_cone() -> Penalty {
    named(Indicator(Within::Semidefinite), &[])
}

/// The symmetric matrices without eigenvalues or entries below 0, by `rounds` of accelerated steps in the dual.
#[must_use]
#[track_caller]
pub fn doubly_non_negative(rounds: usize) -> Penalty {
    named(Indicator(Within::NonNegative(rounds)), &[])
}

/// Those known by name.
pub(super) const REGISTERED: &[&Registered] =
    &[&NUCLEAR, &SPECTRAL, &RANK, &NUCLEAR_BALL, &SPECTRAL_BALL, &RANK_BALL, &STIEFEL, &PSD, &NON_NEGATIVE];
