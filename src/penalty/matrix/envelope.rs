//! The weighted group sparse envelope: the largest convex function below half the squared norm on matrices with at most `k`
//! rows that are not zero, so that the number of groups is chosen in advance.
//!
//! With `u` the share of each row, `GS_k(x) = 1/2 min_u sum_j ||x_j||^2 / u_j` over `0 <= u_j <= 1`, `sum_j u_j <= k`: half
//! the squared group k-support norm. Groups are the slices along the first axis: the elements of a vector, the rows of a
//! matrix, the output channels of a convolution.
//!
//! # Source
//! The paper of the envelope, *Learning k-level structured sparse neural networks using group envelope regularization*; for
//! single elements A. Argyriou, R. Foygel, N. Srebro, Sparse prediction with the k-support norm, NIPS (2012).

use crate::dtype::DType;
use crate::error::{Error, Site};
use crate::ops::Fixed;
use crate::penalty::functional::{Description, Functional};
use crate::penalty::profile::strength;
use crate::penalty::registry::{Choice, Computed, Registered, Unfit};
use crate::penalty::{Certified, Problem};
use crate::penalty::{Penalty, Scalar, certificate};
use crate::reference::tol::ULP;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

static DESCRIPTION: Description = Description {
    name: "group-envelope",
    aliases: &["wgsef", "k-group-envelope"],
    summary: "about k rows are used, the rest are zero; convex",
    formula: "lambda/2 min_u sum_j ||x_j||^2/u_j over 0 <= u <= 1, sum u <= k",
    parameters: &[strength("f/x^2")],
    convex: true,
    set: false,
    source: "A. Argyriou, R. Foygel, N. Srebro, Sparse prediction with the k-support norm, NIPS (2012), on groups and squared",
};

pub(super) static ENVELOPE: Registered = Registered {
    of: &DESCRIPTION,
    options: &[Choice { name: "k", default: "2", meaning: "how many rows may be used in full" }],
    build: |options| match options.number("k")? {
        0 => Err(Unfit { key: "k", message: "k = 0 leaves nothing".into(), hint: "at least 1".into() }),
        k => Ok(Arc::new(Envelope { k })),
    },
    mirror: |x, shape, p| {
        let rows = shape.first().copied().unwrap_or(1).max(1);
        let each = (x.len() / rows).max(1);
        let lengths = x.chunks(each).map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
        p[0] * envelope(lengths, 2)
    },
    shapes: &[&[1], &[2], &[9], &[6, 4], &[40, 3]],
    // the place where shares add up to k is found among sums of both signs
    prox: Computed::Certified(|p| certified(p, 2)),
};

/// The value for lengths of rows, by the definition of the k-support norm: `r` rows in full, the others by their sum.
fn envelope(mut a: Vec<f64>, k: usize) -> f64 {
    a.sort_by(|x, y| y.total_cmp(x));
    if a.len() <= k {
        return 0.5 * a.iter().map(|v| v * v).sum::<f64>();
    }
    let split = |r: usize| (a[..r].iter().map(|v| v * v).sum::<f64>(), a[r..].iter().sum::<f64>() / (k - r) as f64);
    let fits = |&r: &usize| (r == 0 || a[r - 1] >= split(r).1) && split(r).1 >= a[r];
    let r = (0..k).find(fits).unwrap_or(k - 1);
    let (head, eta) = split(r);
    0.5 * (head + eta * eta * (k - r) as f64)
}

/// The proximal point in f64: the level by bisection.
fn certified(problem: &Problem<'_>, k: usize) -> Certified {
    let (w, rows) = (problem.w, problem.shape[0]);
    let (each, s) = (w.len() / rows, problem.step * problem.parameters[0]);
    let norms = |x: &[f64]| x.chunks(each).map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt()).collect::<Vec<_>>();
    let lengths = norms(w);
    let shares = |level: f64| lengths.iter().map(|r| (level * r * s.sqrt() - s).clamp(0.0, 1.0)).collect::<Vec<f64>>();
    let (mut low, mut high) = (0.0, 1e9);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        *if shares(middle).iter().sum::<f64>() < k as f64 { &mut low } else { &mut high } = middle;
    }
    let few = lengths.iter().filter(|r| **r > 0.0).count() <= k;
    let shares = if few { vec![1.0; rows] } else { shares(high) };
    let point: Vec<f64> = w.iter().enumerate().map(|(i, w)| w * shares[i / each] / (shares[i / each] + s)).collect();
    // the conjugate is half the sum of the k greatest squares, over s
    let mut squares: Vec<f64> = norms(&certificate::minus(w, &point)).iter().map(|r| r * r).collect();
    squares.sort_by(|a, b| b.total_cmp(a));
    let conjugate = squares.iter().take(k).sum::<f64>() / (2.0 * s);
    let dual = 0.5 * (certificate::dot(w, w) - certificate::dot(&point, &point)) - conjugate;
    // each of the sums that choose the level has as many terms as two per row, of up to this in all; where it is taken from
    // the neighbouring piece, the sum of shares is off by that
    let sum = lengths.iter().map(|r| 2.0 * high * r * s.sqrt() + 2.0 * s + 1.0).sum::<f64>();
    let chosen = if few { 0.0 } else { ULP * 2.0 * rows as f64 * sum };
    let of_row = |(u, r): (&f64, &f64)| {
        let of_share = chosen + ULP * (rows + each + 12) as f64 * (u + s);
        (r * (s / (u + s).powi(2) * of_share + ULP * 4.0)).powi(2)
    };
    Certified {
        within: certificate::within(&point, &point, w, s * envelope(norms(&point), k), dual),
        left: 0.0,
        rounding: shares.iter().zip(&lengths).map(of_row).sum::<f64>().sqrt(),
        point,
    }
}

#[derive(Debug)]
struct Envelope {
    k: usize,
}

impl Envelope {
    /// The length of each row, with derivative 0 at 0.
    fn lengths(w: &Tensor) -> Tensor {
        let rows = match w.shape() {
            Ok(shape) => [shape[0], shape[1..].iter().product()],
            Err(_) => return w.clone(),
        };
        let squares = w.reshape(rows).square().sum(1);
        let some = squares.gt(Fixed(0.0));
        some.select(some.select(&squares, Fixed(1.0)).sqrt(), Fixed(0.0))
    }

    fn rows(w: &Tensor) -> usize {
        w.shape().map_or(0, |shape| shape[0])
    }
}

impl Functional for Envelope {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let a = Envelope::lengths(w);
        if Envelope::rows(w) <= self.k {
            return a.square().sum_all().mul(Fixed(0.5)).mul(&p[0]);
        }
        let (k, sorted) = (self.k, a.sort(0, true).0);
        let squares = sorted.square().cumsum(0).slice(0, ..k - 1).pad([(1, 0)], crate::graph::Fill::Zero);
        let rest = sorted.flip(0).cumsum(0).flip(0).slice(0, ..k);
        // r rows in full: r = 0, ..., k - 1 along the axis
        let r = w.device().iota(k, DType::F32);
        let left = r.neg().add(Fixed(k as f64));
        // the next row is longer than the level of the rest: it belongs to those in full
        let longer = sorted.slice(0, ..k).mul(&left).gt(&rest).cast(DType::F32);
        let full = longer.cumprod(0).sum_keep(0).minimum(Fixed(k as f64 - 1.0)).detach();
        let each = squares.add(rest.square().div(&left));
        r.eq(&full).select(each, Fixed(0.0)).sum_all().mul(Fixed(0.5)).mul(&p[0])
    }

    /// `x_j = u_j / (u_j + s) w_j` with `s = step lambda` and `u_j = clip(eta sqrt(s) ||w_j|| - s, 0, 1)`, where `eta` makes
    /// the shares add up to `k`. Their sum rises with `eta` and is linear between the points where a row joins (`u_j` leaves
    /// 0) and fills up (`u_j` reaches 1).
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let (m, k) = (Envelope::rows(w), Fixed(self.k as f64));
        let s = step.mul(&p[0]);
        let lengths = Envelope::lengths(w);
        let free = s.le(Fixed(0.0));
        if m <= self.k {
            return w.div(s.add(Fixed(1.0)));
        }
        let far = Fixed(1e30);
        let slope = lengths.mul(s.sqrt());
        let present = slope.gt(Fixed(0.0));
        let safe = present.select(&slope, Fixed(1.0));
        let joins = present.select(s.div(&safe), far).minimum(far);
        let fills = present.select(s.add(Fixed(1.0)).div(&safe), far).minimum(far);
        let both = |a: &Tensor, b: &Tensor| {
            Tensor::concat(&[a, b], 0).unwrap_or_else(|error| Tensor::new(w.device(), Err(error)))
        };
        let (points, order) = both(&joins, &fills).sort(0, false);
        let ones = present.cast(DType::F32);
        let slopes = both(&slope, &slope.neg()).gather(0, &order).cumsum(0);
        let levels = both(&ones.mul(s.neg()), &ones.mul(s.add(Fixed(1.0)))).gather(0, &order).cumsum(0);
        // the sum of shares at each point; a row of zeros never joins
        let reached = slopes.mul(&points).add(levels).ge(k).logical_and(points.lt(far));
        let high = reached.select(&points, far).min_keep(0);
        let low = reached.logical_or(points.ge(far)).select(Fixed(0.0), &points).max_keep(0);
        // which rows are in between there, and the level that fits them, without sums of two signs
        let full = fills.le(&low);
        let some = full.logical_or(joins.ge(&high)).logical_not();
        let count = |which: &Tensor| which.cast(DType::F32).sum_keep(0);
        let total = some.select(&slope, Fixed(0.0)).sum_keep(0);
        let wanted = count(&full).neg().add(k).add(count(&some).mul(&s));
        let level = wanted.div(total.maximum(Fixed(1e-30))).clamp(&low, &high);
        let share = slope.mul(level).sub(&s).clamp(Fixed(0.0), Fixed(1.0));
        // fewer rows than k are not zero: all in full
        let share = high.ge(far).select(&ones, share);
        let none = free.logical_or(share.le(Fixed(0.0)));
        let factor = none.select(Fixed(0.0), &share).div(none.select(Fixed(1.0), share.add(&s)));
        let factor = free.select(lengths.ones_like(), factor);
        let mut shape = vec![1; w.shape().map_or(1, Shape::rank)];
        shape[0] = m;
        w.mul(factor.reshape(shape))
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        (shape.rank() == 0 || shape[0] == 0).then(|| "groups are the rows along the first axis, at least one".into())
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        vec![("k", self.k.to_string())]
    }
}

/// `lambda GS_k`: about `k` of the rows along the first axis are used. With `step lambda` large exactly the `k` longest
/// remain, scaled by `1 / (1 + step lambda)`; fine-tune those without it afterwards.
///
/// # Errors
/// `k = 0`, `lambda < 0`; on use, no axis.
/// # Gradient
/// `lambda x_j / u_j`, 0 for rows of zeros.
/// # Source
/// The module.
#[must_use]
#[track_caller]
pub fn group_envelope(k: usize, lambda: impl Into<Scalar>) -> Penalty {
    if k == 0 {
        let error = Error::argument("group_envelope", "k = 0", "at least one row", Site::here());
        return Penalty(Err(Box::new(error)));
    }
    Penalty::from_functional(Envelope { k }).with("lambda", lambda)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_that_of_the_paper() {
        let lengths = || vec![5.0, 10.0, 0.5, 0.0];
        assert!((envelope(lengths(), 2) - 65.125).abs() < 1e-12);
        assert!((envelope(lengths(), 1) - 120.125).abs() < 1e-12);
        assert!((envelope(lengths(), 3) - 62.625).abs() < 1e-12);
    }
}
