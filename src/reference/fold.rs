//! Sums, products and extremes of many elements, one at a time: reductions, scans and scatters are made of these.

use super::ball::Ball;
use super::integer;
use super::map::{greater, lesser};
use super::tol::{MIN_NORMAL, ULP};
use crate::dtype::DType;
use crate::graph::Fill;

/// What has been joined so far.
#[derive(Clone, Debug)]
pub enum Fold {
    /// Sum of floats.
    Sum(Sum),
    /// Sum of integers.
    WrappingSum { dtype: DType, sum: i64, error: f64 },
    /// Product of floats.
    Prod(Prod),
    /// Product of integers.
    WrappingProd { dtype: DType, product: u32, unknown: bool },
    /// Extreme value.
    Extreme(Extreme),
}

/// How elements are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Join {
    Sum,
    Prod,
    Max,
    /// NaN is passed over.
    MaxNumber,
    Min,
}

impl Fold {
    /// Nothing joined yet.
    #[must_use]
    pub fn new(join: Join, dtype: DType) -> Self {
        match join {
            Join::Sum if dtype.is_float() => Fold::Sum(Sum::default()),
            Join::Sum => Fold::WrappingSum { dtype, sum: 0, error: 0.0 },
            Join::Prod if dtype.is_float() => Fold::Prod(Prod::default()),
            Join::Prod => Fold::WrappingProd { dtype, product: 1, unknown: false },
            Join::Max | Join::MaxNumber | Join::Min => Fold::Extreme(Extreme::new(join, dtype)),
        }
    }

    /// Joins one more.
    pub fn push(&mut self, x: Ball) {
        match self {
            Fold::Sum(sum) => sum.push(x),
            Fold::WrappingSum { sum, error, .. } => {
                *sum = sum.wrapping_add(x.value as i64);
                *error += x.error;
            }
            Fold::Prod(product) => product.push(x),
            Fold::WrappingProd { product, unknown, .. } => {
                *product = product.wrapping_mul(integer::bits(x.value));
                *unknown |= !x.is_exact();
            }
            Fold::Extreme(extreme) => extreme.push(x),
        }
    }

    /// The result, where each term of a sum has gone through at most `depth` roundings.
    #[must_use]
    pub fn get(&self, depth: f64) -> Ball {
        match self {
            Fold::Sum(sum) => sum.get(depth),
            Fold::WrappingSum { dtype, sum, error } => {
                let value = integer::from_bits(*dtype, *sum as u32);
                let (least, most) = integer::range(*dtype);
                let true_sum = *sum as f64;
                let wraps = true_sum - error < least || true_sum + error > most;
                Ball { value, error: if *error > 0.0 && wraps { f64::INFINITY } else { *error } }
            }
            Fold::Prod(product) => product.get(),
            Fold::WrappingProd { dtype, product, unknown } => {
                let value = integer::from_bits(*dtype, *product);
                if *unknown { Ball::unknown(value) } else { Ball::exact(value) }
            }
            Fold::Extreme(extreme) => extreme.get(),
        }
    }
}

/// Below this a difference of normal numbers may be subnormal.
const SUBNORMAL_REACH: f64 = MIN_NORMAL / ULP;

/// The exponent of the lowest bit of a finite, nonzero f64.
fn lowest_bit(x: f64) -> i32 {
    let bits = x.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    let exponent = ((bits >> 52) & 0x7FF) as i32 - 1023;
    if mantissa == 0 { exponent } else { exponent - 52 + mantissa.trailing_zeros() as i32 }
}

/// The coarsest power of two of which all numbers seen are multiples: sums of few enough of them do not round at all.
#[derive(Clone, Copy, Debug)]
pub struct Grid(i32);

impl Default for Grid {
    fn default() -> Self {
        Self(i32::MAX)
    }
}

impl Grid {
    /// Also of `x`.
    pub fn add(&mut self, x: f64) {
        if x != 0.0 && x.is_finite() {
            self.0 = self.0.min(lowest_bit(x));
        }
    }

    /// The grid of the products of numbers of two grids.
    #[must_use]
    pub fn product(self, other: Grid) -> Grid {
        if self.0 == i32::MAX || other.0 == i32::MAX { Grid::default() } else { Grid(self.0 + other.0) }
    }

    /// Whether every partial sum of numbers with absolute values that add up to `total` is an `f32` exactly.
    #[must_use]
    pub fn sums_exactly(self, total: f64) -> bool {
        self.0 == i32::MAX || (self.0 >= -126 && total <= 16_777_216.0 * f64::from(self.0).exp2())
    }
}

/// See [`Fold::Sum`]; the value itself is summed with compensation.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    sum: f64,
    compensation: f64,
    magnitude: f64,
    error: f64,
    inexact: bool,
    grid: Grid,
    small: usize,
    signs: [bool; 2],
}

impl Sum {
    fn push(&mut self, x: Ball) {
        let next = self.sum + x.value;
        if next.is_finite() {
            let larger = self.sum.abs() >= x.value.abs();
            self.compensation += if larger { (self.sum - next) + x.value } else { (x.value - next) + self.sum };
        }
        self.sum = next;
        self.magnitude += x.value.abs() + x.error;
        self.error += x.error;
        self.inexact |= !x.is_exact();
        self.grid.add(x.value);
        if x.value.abs() - x.error < SUBNORMAL_REACH && (x.value != 0.0 || !x.is_exact()) {
            self.small += 1;
        }
        self.signs[0] |= x.low() < 0.0;
        self.signs[1] |= x.high() > 0.0;
    }

    fn get(&self, depth: f64) -> Ball {
        let value = if self.sum.is_finite() { self.sum + self.compensation } else { self.sum };
        sum_ball(&SumBound {
            value,
            magnitude: self.magnitude,
            error: self.error,
            exact: !self.inexact && self.grid.sums_exactly(self.magnitude),
            one_sign: !(self.signs[0] && self.signs[1]),
            small: self.small as f64,
            depth,
        })
    }
}

/// What the bound of a sum is made of.
pub(super) struct SumBound {
    /// The sum.
    pub value: f64,
    /// The sum of absolute values, errors included.
    pub magnitude: f64,
    /// The errors the terms came with.
    pub error: f64,
    /// No addition rounds.
    pub exact: bool,
    /// No partial sum is greater than the sum.
    pub one_sign: bool,
    /// The number of additions whose result may be subnormal.
    pub small: f64,
    /// Roundings per term.
    pub depth: f64,
}

/// The sum with its bound: `depth` units in the last place of the sum of absolute values.
pub(super) fn sum_ball(s: &SumBound) -> Ball {
    if s.value.is_finite() && s.magnitude > f64::from(f32::MAX) && !s.one_sign {
        // A partial sum may overflow where the sum does not.
        return Ball::unknown(s.value);
    }
    if s.exact || !s.value.is_finite() {
        return Ball::rounded(s.value, s.error, 0.0, 0.0);
    }
    Ball::rounded(s.value, s.error, 0.0, s.depth * ULP * s.magnitude * (1.0 + s.depth * ULP) + s.small * MIN_NORMAL)
}

/// See [`Fold::Prod`]. The bound does not depend on the order: every order makes as many roundings.
#[derive(Clone, Debug)]
pub struct Prod {
    value: f64,
    error: f64,
    /// The greatest product of a subset, and the least.
    most: f64,
    least: f64,
    count: usize,
}

impl Default for Prod {
    fn default() -> Self {
        Self { value: 1.0, error: 0.0, most: 1.0, least: 1.0, count: 0 }
    }
}

impl Prod {
    fn push(&mut self, x: Ball) {
        let x = x.flushed();
        let next = self.value * x.value;
        let reach = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a.abs() * b };
        let propagated = reach(self.value, x.error) + reach(x.value, self.error) + reach(self.error, x.error);
        let whole = self.error == 0.0 && x.is_exact() && f64::from(next as f32) == next;
        let rounds = if self.count == 0 || whole || !next.is_finite() { 0.0 } else { ULP * (next.abs() + propagated) };
        self.value = next;
        self.error = propagated + rounds;
        self.most *= (x.value.abs() + x.error).max(1.0);
        if x.value != 0.0 {
            self.least *= x.value.abs().min(1.0);
        }
        self.count += 1;
    }

    fn get(&self) -> Ball {
        let partial_overflow = self.value.is_finite() && self.most > f64::from(f32::MAX);
        // A partial product may overflow where the product does not, or meet a zero after it did.
        if partial_overflow && self.value.abs() <= f64::from(f32::MAX) || self.error.is_nan() {
            return Ball::unknown(self.value);
        }
        let flush = if self.least < MIN_NORMAL { self.count as f64 * MIN_NORMAL * self.most } else { 0.0 };
        Ball::rounded(self.value, self.error, 0.0, flush)
    }
}

/// See [`Fold::Extreme`]: the greatest or the least value, not-a-number if any is (but for `MaxNumber`); for booleans any or
/// all.
#[derive(Clone, Debug)]
pub struct Extreme {
    max: bool,
    /// Whether a NaN counts.
    nan: bool,
    dtype: DType,
    value: Option<f64>,
    /// The extremes of the ends of the intervals.
    low: f64,
    high: f64,
    unknown: bool,
}

impl Extreme {
    fn new(join: Join, dtype: DType) -> Self {
        let (max, nan) = (join != Join::Min, join != Join::MaxNumber);
        Self { max, nan, dtype, value: None, low: 0.0, high: 0.0, unknown: false }
    }

    fn push(&mut self, x: Ball) {
        let x = if self.dtype == DType::Bool && !x.is_exact() { Ball { value: x.value, error: 1.0 } } else { x };
        let (low, high) =
            if self.dtype == DType::Bool { (x.low().max(0.0), x.high().min(1.0)) } else { (x.low(), x.high()) };
        self.unknown |= x.is_unknown();
        if x.value.is_nan() && !self.nan {
            return;
        }
        let join = if self.max { greater } else { lesser };
        if let Some(value) = self.value {
            self.value = Some(join(value, x.value));
            self.low = join(self.low, low);
            self.high = join(self.high, high);
        } else {
            (self.value, self.low, self.high) = (Some(x.value), low, high);
        }
    }

    fn get(&self) -> Ball {
        let Some(value) = self.value else {
            let fill = if self.max { Fill::Lowest } else { Fill::Highest };
            let infinity = if self.max { f64::NEG_INFINITY } else { f64::INFINITY };
            return Ball::exact(if self.dtype.is_float() { infinity } else { fill.value(self.dtype) });
        };
        if self.unknown {
            return Ball::unknown(value);
        }
        let error = if value.is_finite() { (self.high - value).max(value - self.low) } else { 0.0 };
        if self.dtype.is_float() { Ball::rounded(value, error, 0.0, 0.0) } else { Ball { value, error } }
    }
}

/// The position of the first greatest (or least) of `x`; where several may be it, the error reaches the farthest.
#[must_use]
pub fn arg_extreme(max: bool, dtype: DType, x: &[Ball]) -> Ball {
    let x: Vec<Ball> = x.iter().map(|&b| if dtype.is_float() { b.flushed() } else { b }).collect();
    let sign = if max { 1.0 } else { -1.0 };
    let beats = |a: f64, b: f64| (a.is_nan() && !b.is_nan()) || sign * a > sign * b;
    let first = (1..x.len()).fold(0, |best, i| if beats(x[i].value, x[best].value) { i } else { best });
    let position = first as f64;
    if x.iter().any(|b| b.is_unknown()) {
        return Ball { value: position, error: x.len() as f64 };
    }
    if x[first].value.is_nan() {
        return Ball::exact(position);
    }
    let floor = x.iter().map(|b| sign * b.value - b.error).fold(f64::NEG_INFINITY, f64::max);
    let candidates: Vec<usize> = (0..x.len()).filter(|&i| sign * x[i].value + x[i].error >= floor).collect();
    if candidates.iter().all(|&i| x[i].is_exact()) {
        return Ball::exact(position);
    }
    Ball::hull(position, candidates.into_iter().map(|i| i as f64))
}
