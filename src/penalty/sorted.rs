//! Penalties on sorted magnitudes: `sum_i c_i |x|_(i)` with weights that do not increase, `|x|_(1) >= |x|_(2) >= …`.
//!
//! The proximal operator subtracts the weights from the sorted magnitudes and takes the nearest sequence that does not
//! increase ([`Tensor::isotonic`]), cut at 0.

use super::functional::{Description, Functional};
use super::profile::{Parameter, Range, strength};
use super::registry::{Choice, Computed, Registered, Unfit};
use super::rows::{Along, crossing, places, ranks, shaped};
use super::set::{Indicator, Set};
use super::{Penalty, Scalar};
use crate::ops::Fixed;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// How many elements count.
pub(super) const COUNT: Parameter = Parameter {
    name: "k",
    aliases: &[],
    default: 2.0,
    range: Range { low: 1.0, closed: true },
    unit: "1",
    meaning: "how many elements count, a whole number",
};

/// A count must be whole.
pub(super) fn refuse_count(k: f64) -> Option<String> {
    (k.fract() != 0.0).then(|| format!("k = {k} is no whole number"))
}

/// The weights of sorted elements.
#[derive(Debug, Clone)]
enum Weights {
    /// `l1 + l2 (n - i)`.
    Linear,
    /// `lambda` times the quantile of the normal distribution at `1 - i q / 2n`.
    Quantile(f64),
    /// `lambda` times these.
    Given(Arc<[f64]>),
    /// `lambda` for the first `k`.
    First,
    /// The same, of the elements themselves.
    Signed,
}

/// See the module.
#[derive(Debug)]
struct Sorted {
    weights: Weights,
    along: Along,
}

const SLOPE_SOURCE: &str = "M. Bogdan, E. van den Berg, C. Sabatti, W. Su, E. Candès, SLOPE: adaptive variable selection via \
                            convex optimization, Ann. Appl. Stat. 9 (2015)";

static SLOPE_OF: Description = Description {
    name: "slope",
    aliases: &["sorted-l1", "owl"],
    summary: "a lasso that demands more of the greatest coefficients: controls false discoveries, groups equal ones",
    formula: "lambda sum_i c_i |x|_(i), c_i = quantile of the normal distribution at 1 - i q / 2n",
    parameters: &[strength("f/x")],
    convex: true,
    set: false,
    source: SLOPE_SOURCE,
};

static OSCAR_OF: Description = Description {
    name: "oscar",
    aliases: &[],
    summary: "a lasso that makes correlated coefficients equal in magnitude",
    formula: "sum_i (l1 + l2 (n - i)) |x|_(i) = l1 ||x||_1 + l2 sum over pairs of max(|x_i|, |x_j|)",
    parameters: &[
        Parameter { name: "l1", aliases: &["lambda"], meaning: "strength of the lasso", ..strength("f/x") },
        Parameter { name: "l2", default: 0.01, meaning: "strength for each pair", ..strength("f/x") },
    ],
    convex: true,
    set: false,
    source: "H. Bondell, B. Reich, Simultaneous regression shrinkage, variable selection, and supervised clustering of \
             predictors with OSCAR, Biometrics 64 (2008)",
};

static LARGEST_OF: Description = Description {
    name: "largest-k",
    aliases: &["ky-fan"],
    summary: "bounds the greatest coefficients only; k = 1 is the maximum norm",
    formula: "lambda times the sum of the k greatest |x_i|",
    parameters: &[strength("f/x"), COUNT],
    convex: true,
    set: false,
    source: "B. Wu, C. Ding, D. Sun, K.-C. Toh, On the Moreau-Yosida regularization of the vector k-norm related functions, \
             SIAM J. Optim. 24 (2014)",
};

static SUM_LARGEST_OF: Description = Description {
    name: "sum-largest",
    aliases: &[],
    summary: "bounds the greatest values (conditional value at risk)",
    formula: "lambda times the sum of the k greatest x_i",
    parameters: &[strength("f/x"), COUNT],
    convex: true,
    set: false,
    source: "B. Wu, C. Ding, D. Sun, K.-C. Toh, On the Moreau-Yosida regularization of the vector k-norm related functions, \
             SIAM J. Optim. 24 (2014)",
};

/// The quantile of the normal distribution, by bisection of its distribution function `erfc(-x / sqrt 2) / 2`.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0f64, 40.0f64);
    for _ in 0..64 {
        let mid = 0.5 * (low + high);
        if 0.5 * libm::erfc(-mid / std::f64::consts::SQRT_2) < p {
            low = mid;
        } else {
            high = mid;
        }
    }
    0.5 * (low + high)
}

impl Sorted {
    fn signed(&self) -> bool {
        matches!(self.weights, Weights::Signed)
    }

    /// `[1, n]`, or one number.
    fn sequence(&self, rows: &Tensor, p: &[Tensor]) -> Tensor {
        let n = rows.shape().map_or(0, |s| s[1]);
        let list = |c: Vec<f64>| {
            let c: Vec<f32> = c.into_iter().map(|c| c as f32).collect();
            rows.device().tensor(&c, [1, n]).mul(&p[0])
        };
        match &self.weights {
            Weights::Linear => places(rows).neg().add(Fixed(n as f64 - 1.0)).mul(&p[1]).add(&p[0]),
            Weights::Quantile(q) => {
                list((1..=n).map(|i| normal_quantile(1.0 - i as f64 * q / (2.0 * n as f64))).collect())
            }
            Weights::Given(c) => list(c.to_vec()),
            Weights::First | Weights::Signed => places(rows).lt(&p[1]).select(&p[0], Fixed(0.0)),
        }
    }
}

impl Functional for Sorted {
    fn description(&self) -> &'static Description {
        match self.weights {
            Weights::Linear => &OSCAR_OF,
            Weights::Quantile(_) | Weights::Given(_) => &SLOPE_OF,
            Weights::First => &LARGEST_OF,
            Weights::Signed => &SUM_LARGEST_OF,
        }
    }

    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let size = if self.signed() { rows } else { rows.abs() };
        size.sort(1, true).0.mul(self.sequence(&size, p)).sum_all()
    }

    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let size = if self.signed() { rows.clone() } else { rows.abs() };
        let (sorted, order) = size.sort(1, true);
        let fit = sorted.sub(self.sequence(&size, p).mul(step)).isotonic(1, true);
        let back = order.argsort(1, false);
        let u = if self.signed() { fit.gather(1, &back) } else { fit.relu().gather(1, &back).mul(rows.sign()) };
        shaped(&u, w)
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        let Weights::Given(c) = &self.weights else { return None };
        let n = if self.along == Along::All { shape.elements() } else { shape.last().copied().unwrap_or(1) };
        (n != c.len()).then(|| format!("the vectors must have {} elements, one per weight", c.len()))
    }

    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        matches!(self.weights, Weights::First | Weights::Signed).then(|| refuse_count(p[1])).flatten()
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![self.along.option()];
        if let Weights::Quantile(q) = &self.weights {
            all.push(("q", q.to_string()));
        }
        all
    }
}

/// The vectors of a mirror's input: only `along=all` is mirrored.
fn descending(x: &[f64]) -> Vec<f64> {
    let mut v: Vec<f64> = x.iter().map(|v| v.abs()).collect();
    v.sort_by(|a, b| b.total_cmp(a));
    v
}

const SHAPES: &[&[usize]] = &[&[1], &[6], &[40], &[5, 7]];

pub(super) static SLOPE: Registered = Registered {
    of: &SLOPE_OF,
    options: &[
        Along::CHOICE,
        Choice { name: "q", default: "0.1", meaning: "the share of false discoveries, in (0, 1)" },
    ],
    build: |o| {
        let q = o.text("q").parse::<f64>().ok().filter(|q| *q > 0.0 && *q < 1.0);
        let q = q.ok_or_else(|| Unfit {
            key: "q",
            message: format!("q = {:?}", o.text("q")),
            hint: "a number between 0 and 1".into(),
        })?;
        Ok(Arc::new(Sorted { weights: Weights::Quantile(q), along: Along::of(o)? }))
    },
    mirror: |x, _, p| {
        let n = x.len() as f64;
        let c = |i: usize| normal_quantile(1.0 - (i + 1) as f64 * 0.1 / (2.0 * n));
        p[0] * descending(x).iter().enumerate().map(|(i, v)| c(i) * v).sum::<f64>()
    },
    shapes: SHAPES,
    prox: Computed::Directly,
};

pub(super) static OSCAR: Registered = Registered {
    of: &OSCAR_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Sorted { weights: Weights::Linear, along: Along::of(o)? })),
    mirror: |x, _, p| {
        let pairs = (0..x.len()).flat_map(|i| (0..i).map(move |j| x[i].abs().max(x[j].abs())));
        p[0] * x.iter().map(|v| v.abs()).sum::<f64>() + p[1] * pairs.sum::<f64>()
    },
    shapes: SHAPES,
    prox: Computed::Directly,
};

pub(super) static LARGEST: Registered = Registered {
    of: &LARGEST_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Sorted { weights: Weights::First, along: Along::of(o)? })),
    mirror: |x, _, p| p[0] * descending(x).iter().take(p[1] as usize).sum::<f64>(),
    shapes: SHAPES,
    prox: Computed::Directly,
};

pub(super) static SUM_LARGEST: Registered = Registered {
    of: &SUM_LARGEST_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Sorted { weights: Weights::Signed, along: Along::of(o)? })),
    mirror: |x, _, p| {
        let mut v = x.to_vec();
        v.sort_by(|a, b| b.total_cmp(a));
        p[0] * v.iter().take(p[1] as usize).sum::<f64>()
    },
    shapes: SHAPES,
    prox: Computed::Directly,
};

/// Half the square of the k-support norm.
#[derive(Debug)]
struct KSupport {
    along: Along,
}

static SUPPORT_OF: Description = Description {
    name: "k-support",
    aliases: &[],
    summary: "the tightest convex bound of k-sparse vectors of bounded length: an elastic net without its bias",
    formula: "lambda / 2 ||x||^2, ||x|| the k-support norm: ||x||^2 = min over 0 < t_i <= 1, sum t_i <= k of sum x_i^2 / t_i",
    parameters: &[strength("f/x^2"), COUNT],
    convex: true,
    set: false,
    source: "A. Argyriou, R. Foygel, N. Srebro, Sparse prediction with the k-support norm, NIPS 2012; A. McDonald, M. Pontil, \
             D. Stamos, New perspectives on k-support and cluster norms, JMLR 17 (2016)",
};

impl KSupport {
    /// `t_i = clamp(a |w_i| - s, 0, 1)` with the `a` for which they add up to `k`, or 1 where fewer than `k` are not 0.
    fn shares(rows: &Tensor, s: &Tensor, k: &Tensor) -> Tensor {
        let size = rows.abs();
        let inner = ranks(&size).lt(k);
        let kth = inner.select(size.detach(), Fixed(f64::from(f32::MAX))).min_keep(1);
        let few = kth.le(Fixed(0.0));
        let high = few.select(Fixed(1.0), s.add(Fixed(1.0)).div(few.select(Fixed(1.0), &kth)));
        let share = |a: &Tensor, size: &Tensor| size.mul(a).sub(s).clamp(Fixed(0.0), Fixed(1.0));
        let each = size.unsqueeze(1);
        let a = crossing(&high.zeros_like(), &high, |a| share(a, &each).sum(2).le(k));
        // steps of Newton's method on the linear piece
        let newton = |a: &Tensor| {
            let t = share(a, &size);
            let inside = t.gt(Fixed(0.0)).bit_and(t.lt(Fixed(1.0)));
            let slope = inside.select(size.detach(), Fixed(0.0)).sum_keep(1);
            let flat = slope.le(Fixed(0.0));
            let by = k.sub(t.sum_keep(1)).div(flat.select(Fixed(1.0), &slope));
            a.add(flat.select(Fixed(0.0), by))
        };
        let t = share(&newton(&newton(&a)), &size);
        few.select(Fixed(1.0), t)
    }
}

impl Functional for KSupport {
    fn description(&self) -> &'static Description {
        &SUPPORT_OF
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let t = KSupport::shares(&rows, &w.device().scalar(0.0), &p[1]);
        let none = t.le(Fixed(0.0));
        let each = none.select(Fixed(0.0), rows.square().div(none.select(Fixed(1.0), &t)));
        each.sum_all().mul(&p[0]).mul(Fixed(0.5))
    }
    fn gradient(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let t = KSupport::shares(&rows, &w.device().scalar(0.0), &p[1]);
        let none = t.le(Fixed(0.0));
        shaped(&none.select(Fixed(0.0), rows.div(none.select(Fixed(1.0), &t))).mul(&p[0]), w)
    }
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let s = step.mul(&p[0]);
        let t = KSupport::shares(&rows, &s, &p[1]);
        let out = t.le(Fixed(0.0));
        shaped(&out.select(Fixed(0.0), rows.mul(&t).div(out.select(Fixed(1.0), t.add(&s)))), w)
    }
    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        refuse_count(p[1])
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        vec![self.along.option()]
    }
}

pub(super) static SUPPORT: Registered = Registered {
    of: &SUPPORT_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(KSupport { along: Along::of(o)? })),
    mirror: |x, _, p| {
        let (v, k) = (descending(x), (p[1] as usize).min(x.len()));
        let tail = |j: usize| v[j..].iter().sum::<f64>();
        let fits = |r: &usize| {
            let mean = tail(k - 1 - r) / (*r as f64 + 1.0);
            (k - 1 == *r || v[k - 2 - r] > mean) && mean >= v[k - 1 - r]
        };
        let r = (0..k).find(fits).unwrap_or(0);
        let head: f64 = v[..k - 1 - r].iter().map(|v| v * v).sum();
        p[0] / 2.0 * (head + tail(k - 1 - r).powi(2) / (r as f64 + 1.0))
    },
    shapes: SHAPES,
    prox: Computed::Directly,
};

/// At most `k` elements that are not 0.
#[derive(Debug)]
struct Sparse {
    along: Along,
}

static SPARSE_OF: Description = Description {
    name: "top-k",
    aliases: &["l0-ball"],
    summary: "at most k coefficients that are not 0; the projection keeps the greatest (iterative hard thresholding)",
    formula: "0 if at most k elements are not 0, else infinity",
    parameters: &[COUNT],
    convex: false,
    set: true,
    source: "T. Blumensath, M. Davies, Iterative thresholding for sparse approximations, J. Fourier Anal. Appl. 14 (2008)",
};

impl Set for Sparse {
    fn description(&self) -> &'static Description {
        &SPARSE_OF
    }
    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        shaped(&ranks(&rows.abs()).lt(&p[0]).select(&rows, Fixed(0.0)), w)
    }
    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        ranks(&rows.abs()).lt(&p[0]).select(Fixed(0.0), rows.abs()).max(..)
    }
    fn tolerance(&self) -> f64 {
        0.0
    }
    fn refuse_parameters(&self, p: &[f64]) -> Option<String> {
        refuse_count(p[0])
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        vec![self.along.option()]
    }
}

pub(super) static SPARSE: Registered = Registered {
    of: &SPARSE_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Indicator(Sparse { along: Along::of(o)? }))),
    mirror: |x, _, p| descending(x).get(p[0] as usize).copied().unwrap_or(0.0),
    shapes: SHAPES,
    prox: Computed::Directly,
};

/// `lambda sum_i c_i |x|_(i)` with `c_1 >= c_2 >= … >= 0`. For the weights of Benjamini and Hochberg, which
/// control the false discovery rate, parse `slope(lambda=…,q=…)`.
///
/// # Errors
/// Weights that increase, are negative or not finite; at use, vectors of another length.
///
/// # Source
/// M. Bogdan et al., *SLOPE*, Ann. Appl. Stat. 9 (2015).
#[must_use]
#[track_caller]
pub fn slope(lambda: impl Into<Scalar>, weights: &[f64], along: Along) -> Penalty {
    if let Some(i) = (0..weights.len()).find(|&i| {
        let next = weights.get(i + 1).copied().unwrap_or(0.0);
        !(weights[i].is_finite() && weights[i] >= next)
    }) {
        return Penalty::refused(
            "slope",
            format!("weight {i} is {}, the next {:?}", weights[i], weights.get(i + 1)),
            "weights must be finite, not negative, and must not increase",
        );
    }
    Penalty::functional(Sorted { weights: Weights::Given(weights.into()), along }, &[lambda.into()])
}

/// `l1 ||x||_1 + l2 sum over pairs of max(|x_i|, |x_j|)` (H. Bondell, B. Reich, Biometrics 64 (2008)).
#[must_use]
#[track_caller]
pub fn oscar(l1: impl Into<Scalar>, l2: impl Into<Scalar>, along: Along) -> Penalty {
    Penalty::functional(Sorted { weights: Weights::Linear, along }, &[l1.into(), l2.into()])
}

/// `lambda` times the sum of the `k` greatest magnitudes; `k = 1` is the maximum norm.
#[must_use]
#[track_caller]
pub fn largest_k(lambda: impl Into<Scalar>, k: usize, along: Along) -> Penalty {
    Penalty::functional(Sorted { weights: Weights::First, along }, &[lambda.into(), Scalar::Number(k as f64)])
}

/// At most `k` elements that are not 0.
#[must_use]
#[track_caller]
pub fn top_k(k: usize, along: Along) -> Penalty {
    Penalty::functional(Indicator(Sparse { along }), &[Scalar::Number(k as f64)])
}

/// [`top_k`] with `k` on the device.
pub(super) fn top_k_of(k: &Tensor, along: Along) -> Penalty {
    Penalty::functional(Indicator(Sparse { along }), &[Scalar::Tensor(k.clone())])
}

/// Those known by name.
pub(super) const REGISTERED: &[&Registered] = &[&SLOPE, &OSCAR, &LARGEST, &SUM_LARGEST, &SUPPORT, &SPARSE];
