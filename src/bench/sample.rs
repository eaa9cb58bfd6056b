//! What a number of times says: the median, how sure it is, and whether the machine held still.

use serde::{Deserialize, Serialize};

/// The median of a sample with an interval that holds the true median in 95 of 100 cases, whatever the distribution.
///
/// The interval is between two order statistics: the number of samples below the true median is binomial with
/// probability one half (H. David, H. Nagaraja, Order Statistics, section 7.1). Up to five samples it is the whole range,
/// which then holds it a little less often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// How many samples there are.
    pub samples: usize,
}

impl Summary {
    /// Of at least one sample; `None` if there is none.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Summary> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let middle = *sorted.get(n / 2)?;
        let median = if n % 2 == 1 { middle } else { f64::midpoint(sorted[n / 2 - 1], middle) };
        // the greatest k with P(fewer than k + 1 of n below the median) <= 2.5 %
        let (mut k, mut tail, mut term) = (0, 0.0, 0.5_f64.powi(n as i32));
        while k < n / 2 {
            tail += term;
            if tail > 0.025 {
                break;
            }
            term *= (n - k) as f64 / (k + 1) as f64;
            k += 1;
        }
        let end = k.saturating_sub(1);
        Some(Summary { median, low: sorted[end], high: sorted[n - 1 - end], samples: n })
    }

    /// `f` of the median and of the ends of the interval; `f` may turn it round.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Summary {
        let (a, b) = (f(self.low), f(self.high));
        Summary { median: f(self.median), low: a.min(b), high: a.max(b), samples: self.samples }
    }

    /// Half the width of the interval, relative to the median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.median
    }
}

/// How much longer the same thing took at the end of a run than at its beginning: the ratio of the medians of the last
/// and the first third, of at least six samples.
#[must_use]
pub fn drift(samples: &[f64]) -> Option<f64> {
    let third = samples.len() / 3;
    if third < 2 {
        return None;
    }
    let (first, last) = (Summary::of(&samples[..third])?, Summary::of(&samples[samples.len() - third..])?);
    Some(last.median / first.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_median_as_often_as_it_says() {
        let mut state = 1_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for n in [6, 9, 15, 40] {
            let tries = 4000;
            let held = (0..tries)
                .filter(|_| {
                    let sample: Vec<f64> = (0..n).map(|_| uniform().powi(3)).collect();
                    let summary = Summary::of(&sample).expect("samples");
                    (summary.low..=summary.high).contains(&0.125)
                })
                .count();
            // 95 % less four standard deviations of a count of 4000
            assert!(held as f64 >= 0.95 * f64::from(tries) - 4.0 * (4000.0_f64 * 0.05 * 0.95).sqrt(), "{n}: {held}");
        }
    }

    #[test]
    fn small_samples_and_reversal() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[3.0]), Some(Summary { median: 3.0, low: 3.0, high: 3.0, samples: 1 }));
        let five = Summary::of(&[5.0, 1.0, 2.0, 4.0, 3.0]).expect("five");
        assert_eq!((five.low, five.median, five.high), (1.0, 3.0, 5.0));
        let rate = five.map(|t| 60.0 / t);
        assert_eq!((rate.low, rate.median, rate.high), (12.0, 20.0, 60.0));
        assert_eq!(drift(&[1.0, 1.0, 1.0, 1.0, 2.0, 2.0]), Some(2.0));
        assert_eq!(drift(&[1.0; 5]), None);
    }
}
