//! A number and how far a device may be from it.

use super::tol::{MIN_NORMAL, ULP};

/// A value in f64 and a bound on the distance of the device's `f32` (or integer, or boolean) from it.
///
/// An infinite error says that anything may come, not-a-number included. A finite error at a value that is infinite or not a
/// number says that the device must have just that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// The value of the formula.
    pub value: f64,
    /// The bound.
    pub error: f64,
}

/// Above this, rounding to `f32` gives infinity in every direction of rounding but towards zero.
const OVERFLOW: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

impl Ball {
    /// A value without error.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// A value of which the device promises nothing.
    #[must_use]
    pub const fn unknown(value: f64) -> Self {
        Self { value, error: f64::INFINITY }
    }

    /// The least the device may have.
    #[must_use]
    pub fn low(self) -> f64 {
        self.value - self.error
    }

    /// The most the device may have.
    #[must_use]
    pub fn high(self) -> f64 {
        self.value + self.error
    }

    /// Whether the device has exactly the value.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.error == 0.0
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.error == f64::INFINITY
    }

    /// Whether the device's value may be below the normal range without being a certain zero.
    fn may_be_subnormal(self) -> bool {
        self.value.abs() - self.error < MIN_NORMAL && (self.value != 0.0 || self.error != 0.0)
    }

    /// The argument as an `f32` operation sees it, which may flush what is subnormal.
    #[must_use]
    pub fn flushed(self) -> Self {
        if self.may_be_subnormal() { Self { error: self.error + MIN_NORMAL, ..self } } else { self }
    }

    /// The result of an `f32` operation: the value, the error that came with the arguments, and the operation's own
    /// `ulps` and `absolute`. Subnormal results may be flushed; a result that may overflow is unknown, one that must
    /// overflow is infinite.
    #[must_use]
    pub fn rounded(value: f64, propagated: f64, ulps: f64, absolute: f64) -> Self {
        if value.is_nan() {
            return if propagated == f64::INFINITY { Self::unknown(value) } else { Self::exact(value) };
        }
        if propagated.is_nan() || propagated == f64::INFINITY {
            return Self::unknown(value);
        }
        if value.is_infinite() {
            return Self::exact(value);
        }
        let error = propagated + ulps * ULP * (value.abs() + propagated) + absolute;
        let ball = Self { value, error }.flushed();
        if value.abs() + error <= f64::from(f32::MAX) {
            ball
        } else if value.abs() - error >= OVERFLOW {
            Self::exact(f64::INFINITY.copysign(value))
        } else {
            Self::unknown(value)
        }
    }

    /// The ball around `value` that contains all `outcomes`.
    #[must_use]
    pub fn hull(value: f64, outcomes: impl IntoIterator<Item = f64>) -> Self {
        let error = outcomes.into_iter().fold(0.0f64, |e, o| e.max(deviation(value, o)));
        Self { value, error }
    }
}

/// The distance of two values of one formula at neighbouring arguments; infinite if one is infinite or not a number and
/// the other differs. A little is added for the rounding of the f64 arithmetic itself.
#[must_use]
pub fn deviation(a: f64, b: f64) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        0.0
    } else if !a.is_finite() || !b.is_finite() {
        f64::INFINITY
    } else {
        (a - b).abs() * (1.0 + 1e-9) + a.abs() * f64::EPSILON * 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_is_certain_possible_or_absent() {
        let max = f64::from(f32::MAX);
        assert_eq!(Ball::rounded(1e39, 0.0, 1.0, 0.0), Ball::exact(f64::INFINITY));
        assert_eq!(Ball::rounded(-1e39, 0.0, 1.0, 0.0), Ball::exact(f64::NEG_INFINITY));
        assert!(Ball::rounded(max, 0.0, 1.0, 0.0).is_unknown());
        assert_eq!(Ball::rounded(max, 0.0, 0.0, 0.0), Ball::exact(max));
    }

    #[test]
    fn what_may_be_flushed_has_slack_and_zero_has_none() {
        assert_eq!(Ball::rounded(0.0, 0.0, 1.0, 0.0), Ball::exact(0.0));
        assert!(Ball::rounded(1e-39, 0.0, 0.0, 0.0).error >= 1e-39);
        assert_eq!(Ball::exact(1.0).flushed(), Ball::exact(1.0));
    }

    #[test]
    fn values_that_are_no_numbers_are_known_or_unknown() {
        assert_eq!(Ball::rounded(f64::NAN, 0.1, 1.0, 0.0).error, 0.0);
        assert!(Ball::rounded(f64::NAN, f64::INFINITY, 1.0, 0.0).is_unknown());
        assert_eq!(deviation(f64::INFINITY, f64::INFINITY), 0.0);
        assert_eq!(deviation(f64::NAN, 1.0), f64::INFINITY);
    }
}
