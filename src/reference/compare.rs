//! A device's result against the reference.

use super::array::Array;
use super::tol::{MIN_NORMAL, ULP};
use crate::dtype::DType;
use std::fmt;

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether every element is within its bound.
    pub passed: bool,
    /// The greatest distance of two finite numbers.
    pub max_abs_error: f64,
    /// The element that is worst relative to its bound, if there are any.
    pub worst_index: usize,
    /// What the device has there.
    pub got: f64,
    /// What the reference has there.
    pub want: f64,
    /// The bound there.
    pub bound: f64,
    /// The distance there over the bound; above 1 fails. Infinite where one is a number and the other not.
    pub ratio: f64,
    /// The distance there in units in the last place of the dtype.
    pub ulps: f64,
    /// The number of elements of which the reference promises nothing.
    pub unknown: usize,
    /// The number of elements.
    pub elements: usize,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: element {} is {:e}, expected {:e} within {:.2e} ({:.2} of the bound, {:.1} ulp); max abs error {:.2e} of {} elements",
            if self.passed { "passed" } else { "failed" },
            self.worst_index,
            self.got,
            self.want,
            self.bound,
            self.ratio,
            self.ulps,
            self.max_abs_error,
            self.elements,
        )
    }
}

/// Compares what a device has with the reference.
///
/// A result that must be infinite or not a number has to be just that (not-a-number in any of its patterns). Where the bound
/// is infinite anything passes; [`Verdict::unknown`] counts these, so that a check that promises nothing can be noticed.
/// A wrong number of elements fails.
#[must_use]
pub fn compare(got: &[f64], want: &Array) -> Verdict {
    let mut verdict = Verdict {
        passed: got.len() == want.len(),
        max_abs_error: 0.0,
        worst_index: 0,
        got: got.first().copied().unwrap_or(0.0),
        want: want.values.first().copied().unwrap_or(0.0),
        bound: 0.0,
        ratio: if got.len() == want.len() { -1.0 } else { f64::INFINITY },
        ulps: 0.0,
        unknown: 0,
        elements: want.len(),
    };
    for (ix, (&g, w)) in got.iter().zip(want.balls()).enumerate() {
        if w.is_unknown() {
            verdict.unknown += 1;
            continue;
        }
        let bound = if want.dtype.is_float() { w.flushed().error } else { w.error };
        let distance = if g == w.value || (g.is_nan() && w.value.is_nan()) { 0.0 } else { (g - w.value).abs() };
        let ratio = if distance == 0.0 {
            0.0
        } else if distance.is_finite() {
            distance / bound
        } else {
            f64::INFINITY
        };
        if distance.is_finite() {
            verdict.max_abs_error = verdict.max_abs_error.max(distance);
        }
        if ratio > verdict.ratio {
            (verdict.worst_index, verdict.got, verdict.want) = (ix, g, w.value);
            (verdict.bound, verdict.ratio) = (bound, ratio);
            verdict.ulps = distance / ulp(want.dtype, w.value);
        }
        verdict.passed &= ratio <= 1.0;
    }
    verdict.ratio = verdict.ratio.max(0.0);
    verdict
}

/// The unit in the last place of `value`.
fn ulp(dtype: DType, value: f64) -> f64 {
    let scale = |bits: i32, least: i32| {
        let exponent = if value == 0.0 || !value.is_finite() { least } else { value.abs().log2().floor() as i32 };
        f64::from(exponent.max(least) - bits).exp2()
    };
    match dtype {
        DType::F32 if value.abs() >= MIN_NORMAL => scale(23, -126).min(value.abs() * ULP),
        DType::F32 | DType::BF16 if value == 0.0 => MIN_NORMAL,
        DType::F32 => scale(23, -126),
        DType::F16 => scale(10, -14),
        DType::BF16 => scale(7, -126),
        DType::I32 | DType::U32 | DType::Bool => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: &[f64], errors: &[f64]) -> Array {
        let mut a = Array::exact([values.len()], DType::F32, values.to_vec());
        a.errors = errors.to_vec();
        a
    }

    #[test]
    fn the_worst_element_is_relative_to_its_own_bound() {
        let v = compare(&[1.5, 2.01], &array(&[1.0, 2.0], &[1.0, 0.001]));
        assert!(!v.passed);
        assert_eq!((v.worst_index, v.max_abs_error), (1, 0.5));
        assert!((v.ratio - 10.0).abs() < 1e-6);
        assert!(compare(&[1.5], &array(&[1.0], &[0.5])).passed);
    }

    #[test]
    fn infinities_and_not_a_number_must_agree_where_they_are_certain() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert!(compare(&[nan, inf], &array(&[nan, inf], &[])).passed);
        assert!(!compare(&[1.0], &array(&[nan], &[])).passed);
        assert!(!compare(&[nan], &array(&[1.0], &[1e9])).passed);
        assert!(!compare(&[-inf], &array(&[inf], &[])).passed);
        assert!(!compare(&[f64::from(f32::MAX)], &array(&[inf], &[])).passed);
        let unknown = compare(&[nan], &array(&[1.0], &[inf]));
        assert!(unknown.passed && unknown.unknown == 1);
    }

    #[test]
    fn nothing_passes_and_a_wrong_length_fails() {
        assert!(compare(&[], &array(&[], &[])).passed);
        assert!(!compare(&[1.0], &array(&[1.0, 1.0], &[])).passed);
    }

    #[test]
    fn an_exact_result_allows_no_distance() {
        assert!(!compare(&[1.0 + ULP], &array(&[1.0], &[])).passed);
        assert!(compare(&[0.0], &array(&[1e-39], &[])).passed);
    }
}
