//! Vectors of a given sum: the simplex, its sparse part, and the section of a box.

use super::super::functional::Description;
use super::super::profile::{Parameter, Range};
use super::super::registry::{Computed, Registered};
use super::super::rows::{Along, crossing, ranks, shaped, threshold};
use super::super::sorted::{COUNT, refuse_count};
use super::super::{Penalty, Scalar};
use super::ball::RADIUS;
use super::{Indicator, Set, relative};
use crate::ops::Fixed;
use crate::tensor::Tensor;
use std::sync::Arc;

const TOTAL: Parameter = Parameter { name: "total", meaning: "the sum of the elements", ..RADIUS };

/// `x >= 0`, `sum x = total`, and at most `k` elements not 0 if it is sparse.
#[derive(Debug)]
struct Simplex {
    sparse: bool,
    along: Along,
}

static SIMPLEX_OF: Description = Description {
    name: "simplex",
    aliases: &["probability-simplex"],
    summary: "weights that are not negative and add up: portfolios, mixtures, attention without softmax (sparsemax)",
    formula: "0 if x >= 0 and sum x_i = total, else infinity",
    parameters: &[TOTAL],
    convex: true,
    set: true,
    source: "J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, Efficient projections onto the l1-ball for learning in high \
             dimensions, ICML 2008; A. Martins, R. Astudillo, From softmax to sparsemax, ICML 2016",
};

static SPARSE_OF: Description = Description {
    name: "sparse-simplex",
    aliases: &[],
    summary: "a simplex with at most k elements that are not 0",
    formula: "0 if x >= 0, sum x_i = total and at most k elements are not 0, else infinity",
    parameters: &[TOTAL, COUNT],
    convex: false,
    set: true,
    source: "A. Kyrillidis, S. Becker, V. Cevher, C. Koch, Sparse projections onto the simplex, ICML 2013",
};

impl Set for Simplex {
    fn description(&self) -> &'static Description {
        if self.sparse { &SPARSE_OF } else { &SIMPLEX_OF }
    }

    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        if !self.sparse {
            return shaped(&rows.sub(threshold(&rows, &p[0], false)).relu(), w);
        }
        // the others far enough below the greatest to be cut off
        let kept = ranks(&rows).lt(&p[1]);
        let low = rows.detach().max_keep(1).sub(p[0].mul(Fixed(2.0)));
        let t = threshold(&kept.select(&rows, low), &p[0], false);
        shaped(&kept.select(rows.sub(t).relu(), Fixed(0.0)), w)
    }

    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let off = rows.sum_keep(1).sub(&p[0]).abs().maximum(rows.min_keep(1).neg());
        let off = if self.sparse {
            off.maximum(ranks(&rows).lt(&p[1]).select(Fixed(0.0), rows.abs()).max_keep(1))
        } else {
            off
        };
        relative(&off, &p[0]).max(..)
    }

    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        self.sparse.then(|| refuse_count(p[1])).flatten()
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        vec![self.along.option()]
    }
}

fn off_simplex(x: &[f64], total: f64) -> f64 {
    let least = x.iter().copied().fold(f64::INFINITY, f64::min);
    (x.iter().sum::<f64>() - total).abs().max(-least)
}

const SHAPES: &[&[usize]] = &[&[1], &[6], &[257], &[5, 7]];

pub(super) static SIMPLEX: Registered = Registered {
    of: &SIMPLEX_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Indicator(Simplex { sparse: false, along: Along::of(o)? }))),
    mirror: |x, _, p| off_simplex(x, p[0]),
    shapes: SHAPES,
    prox: Computed::Directly,
};

pub(super) static SPARSE: Registered = Registered {
    of: &SPARSE_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Indicator(Simplex { sparse: true, along: Along::of(o)? }))),
    mirror: |x, _, p| {
        let mut sizes: Vec<f64> = x.iter().map(|v| v.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        off_simplex(x, p[0]).max(sizes.get(p[1] as usize).copied().unwrap_or(0.0))
    },
    shapes: SHAPES,
    prox: Computed::Directly,
};

/// `lower <= x <= upper` with a given mean.
#[derive(Debug)]
struct BoxSection {
    along: Along,
}

const ANY: Parameter = Parameter {
    name: "lower",
    aliases: &["low"],
    default: 0.0,
    range: Range::ANY,
    unit: "x",
    meaning: "the least an element may be",
};

static BOX_OF: Description = Description {
    name: "box-section",
    aliases: &["capped-simplex"],
    summary: "bounded elements of a given mean: masks of a given area, capped portfolios",
    formula: "0 if lower <= x_i <= upper and the mean of x is mean, else infinity",
    parameters: &[
        ANY,
        Parameter { name: "upper", aliases: &["high"], default: 1.0, meaning: "the most an element may be", ..ANY },
        Parameter { name: "mean", aliases: &[], default: 0.5, meaning: "the mean of the elements", ..ANY },
    ],
    convex: true,
    set: true,
    source: "W. Wang, C. Lu, Projection onto the capped simplex, arXiv:1503.01002 (2015); A. Beck, First-order methods in \
             optimization (2017), theorem 6.27",
};

impl Set for BoxSection {
    fn description(&self) -> &'static Description {
        &BOX_OF
    }

    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let (rows, lower, upper) = (self.along.rows(w), &p[0], &p[1]);
        let Ok(shape) = rows.shape() else { return rows };
        if shape[1] == 0 {
            return w.clone();
        }
        let total = p[2].mul(Fixed(shape[1] as f64));
        let (low, high) = (rows.min_keep(1).sub(upper), rows.max_keep(1).sub(lower));
        let each = rows.detach().unsqueeze(1);
        let mut t = crossing(&low, &high, |t| each.sub(t).clamp(lower, upper).sum(2).ge(&total));
        // steps of Newton's method on the linear piece
        for _ in 0..2 {
            let moved = rows.sub(&t);
            let free = moved.gt(lower).bit_and(moved.lt(upper)).cast(crate::DType::F32).sum_keep(1);
            let none = free.le(Fixed(0.0));
            let by = moved.clamp(lower, upper).sum_keep(1).sub(&total).div(free.maximum(Fixed(1.0)));
            t = t.add(none.select(Fixed(0.0), by));
        }
        shaped(&rows.sub(t).clamp(lower, upper), w)
    }

    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let off = rows.mean_keep(1).sub(&p[2]).abs();
        let off = off.maximum(rows.max_keep(1).sub(&p[1])).maximum(p[0].sub(rows.min_keep(1)));
        relative(&off, &p[0].abs().maximum(p[1].abs())).max(..)
    }

    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        (!(p[0] <= p[2] && p[2] <= p[1])).then(|| format!("mean = {} is not between {} and {}", p[2], p[0], p[1]))
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        vec![self.along.option()]
    }
}

pub(super) static BOX: Registered = Registered {
    of: &BOX_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Indicator(BoxSection { along: Along::of(o)? }))),
    mirror: |x, _, p| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().fold((mean - p[2]).abs(), |off, &v| off.max(p[0] - v).max(v - p[1]))
    },
    shapes: SHAPES,
    prox: Computed::Directly,
};

/// The indicator of `x >= 0`, `sum x = total`.
///
/// # Numerics
/// Exact to rounding. Long vectors are read six times.
#[must_use]
#[track_caller]
pub fn simplex(total: impl Into<Scalar>, along: Along) -> Penalty {
    Penalty::functional(Indicator(Simplex { sparse: false, along }), &[total.into()])
}

/// The indicator of `x >= 0`, `sum x = total`, at most `k` elements not 0.
#[must_use]
#[track_caller]
pub fn sparse_simplex(total: impl Into<Scalar>, k: usize, along: Along) -> Penalty {
    Penalty::functional(Indicator(Simplex { sparse: true, along }), &[total.into(), Scalar::Number(k as f64)])
}

/// The indicator of `lower <= x <= upper` with the mean of `x` given.
#[must_use]
#[track_caller]
pub fn box_section(
    lower: impl Into<Scalar>,
    upper: impl Into<Scalar>,
    mean: impl Into<Scalar>,
    along: Along,
) -> Penalty {
    Penalty::functional(Indicator(BoxSection { along }), &[lower.into(), upper.into(), mean.into()])
}
