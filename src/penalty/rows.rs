//! Vectors within tensors, and the thresholds that shrinking them to a given sum takes.

use super::registry::{Choice, Options, Unfit};
use crate::dtype::DType;
use crate::graph::EXCESS_THRESHOLDS;
use crate::ops::Fixed;
use crate::tensor::Tensor;

/// Which vectors of a tensor a penalty is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Along {
    /// The whole tensor is one vector.
    All,
    /// Every row along the last axis is one: a batch.
    Last,
}

impl Along {
    pub(super) const CHOICE: Choice = Choice {
        name: "along",
        default: "all",
        meaning: "all: the tensor is one vector; last: every row along the last axis is one",
    };

    pub(super) fn of(options: &Options<'_>) -> Result<Along, Unfit> {
        Ok(if options.word("along", &["all", "last"])? == 0 { Along::All } else { Along::Last })
    }

    pub(super) fn option(self) -> (&'static str, String) {
        ("along", if self == Along::All { "all".into() } else { "last".into() })
    }

    /// `[vectors, n]`.
    pub(super) fn rows(self, w: &Tensor) -> Tensor {
        let Ok(shape) = w.shape() else { return w.clone() };
        let n = match (self, shape.last()) {
            (Along::Last, Some(&n)) => n,
            _ => shape.elements(),
        };
        let count = if self == Along::All { 1 } else { shape.elements().checked_div(n).unwrap_or(0) };
        w.reshape([count, n])
    }
}

/// The elements of `x` in the shape of `like`.
pub(super) fn shaped(x: &Tensor, like: &Tensor) -> Tensor {
    match like.shape() {
        Ok(shape) => x.reshape(shape),
        Err(_) => like.clone(),
    }
}

/// `0, 1, …` along rows `[vectors, n]`, as numbers: `[1, n]`.
pub(super) fn places(rows: &Tensor) -> Tensor {
    let Ok(shape) = rows.shape() else { return rows.clone() };
    rows.device().iota(shape[1], DType::U32).cast(DType::F32).reshape([1, shape[1]])
}

/// How many elements of its row come before each in descending order (the first of equals first), as numbers.
pub(super) fn ranks(rows: &Tensor) -> Tensor {
    rows.detach().argsort(1, true).argsort(1, false).cast(DType::F32)
}

/// The sign, with that of 0 positive.
pub(super) fn side(x: &Tensor) -> Tensor {
    x.lt(Fixed(0.0)).select(Fixed(-1.0), Fixed(1.0))
}

/// Up to this length rows are sorted.
const SORTED: usize = 4096;

/// Readings of the data with 256 thresholds each: 24 bits of the threshold.
const READINGS: usize = 3;

/// The `t` of each row with `sum_i max(x_i - t, 0) = radius`, `[vectors, 1]`; of `|x|` where `magnitude` says so.
///
/// Short rows are sorted: `t` is the greatest of `(x_1 + … + x_k - radius) / k` over the sorted elements. Long rows are read
/// six times in all with the reading that uses `t`: for the greatest element, three times with 256 thresholds, which leave
/// `2^-24` of the radius, and for a step of Newton's method from there. The sum is convex and piecewise linear, so the
/// step is exact unless an element lies in what is left, and then off by less than that: the rounding of `x - t`.
///
/// # Source
/// J. Duchi et al., *Efficient projections onto the l1-ball*, ICML 2008 (sorting); C. Michelot (1986) (the step).
pub(super) fn threshold(rows: &Tensor, radius: &Tensor, magnitude: bool) -> Tensor {
    let Ok(shape) = rows.shape() else { return rows.clone() };
    let size = if magnitude { rows.abs() } else { rows.clone() };
    if shape[1] == 0 {
        return size.sum_keep(1);
    }
    let greatest = size.max_keep(1);
    if shape[1] <= SORTED {
        // relative to the greatest, and cut where nothing counts: sums as small as they can be
        let below = size.sub(&greatest).maximum(radius.neg());
        let sums = below.sort(1, true).0.cumsum(1).sub(radius);
        return sums.div(places(rows).add(Fixed(1.0))).max_keep(1).add(&greatest);
    }
    let count = EXCESS_THRESHOLDS as f64;
    let (mut low, mut width) = (greatest.sub(radius).detach(), radius.detach());
    if magnitude {
        low = low.relu();
        width = greatest.detach().sub(&low);
    }
    let places = rows.device().iota(EXCESS_THRESHOLDS, DType::U32).cast(DType::F32).reshape([1, EXCESS_THRESHOLDS]);
    for _ in 0..READINGS {
        width = width.mul(Fixed(1.0 / count));
        let enough = rows.excess(magnitude, &low.add(places.mul(&width))).ge(radius).cast(DType::F32).sum_keep(1);
        low = low.add(enough.sub(Fixed(1.0)).relu().mul(&width));
    }
    let above = size.gt(&low);
    let excess = above.select(size.sub(&low), Fixed(0.0)).sum_keep(1);
    let active = above.cast(DType::F32).sum_keep(1).maximum(Fixed(1.0));
    low.add(excess.sub(radius).div(active))
}

/// Thresholds per step of [`crossing`].
const FAN: usize = 32;

/// Where a condition on one number per row, which holds at `low` and below and fails from some point on, ceases to hold,
/// to `2^-25` of the interval: `[vectors, 1]`. `holds` is given `[vectors, 32, 1]` and gives `[vectors, 32]`.
pub(super) fn crossing(low: &Tensor, high: &Tensor, holds: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let mut low = low.detach();
    let mut width = high.detach().sub(&low);
    let places = low.device().iota(FAN, DType::U32).cast(DType::F32).reshape([1, FAN]).add(Fixed(1.0));
    for _ in 0..5 {
        width = width.mul(Fixed(1.0 / FAN as f64));
        let at = low.add(places.mul(&width));
        let held = holds(&at.unsqueeze(2)).cast(DType::F32).sum_keep(1);
        low = low.add(held.mul(&width));
    }
    low
}
