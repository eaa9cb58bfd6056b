//! Proximal operators in f64 without a formula of their own: every stationary point by bisection, then the least.
//!
//! The shaders iterate from one side or the other, and argue why that finds the global minimiser. These functions take no
//! such choice, so that they can decide who is right.

use super::profile::least;

/// Where `f` changes its sign between `low` and `high`, to the last bit.
pub(super) fn crossing(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let rises = f(high) >= 0.0;
    loop {
        let middle = 0.5 * low + 0.5 * high;
        if middle <= low || middle >= high {
            return high;
        }
        if (f(middle) >= 0.0) == rises {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// `argmin_u (u - x)^2 / 2 + step value(u)` for an even penalty that is smooth away from 0 and does not fall there, the
/// lesser magnitude at ties.
///
/// `inflections` are the points above 0, ascending, where the curvature turns from falling to rising or back: between them
/// the objective's second derivative is monotone, so that it has one zero at most, and between those zeros the first.
pub(super) fn even(
    x: f64,
    step: f64,
    value: impl Fn(f64) -> f64,
    slope: impl Fn(f64) -> f64,
    curvature: impl Fn(f64) -> f64,
    inflections: &[f64],
) -> f64 {
    let r = x.abs();
    if r == 0.0 || !r.is_finite() {
        return x;
    }
    let bend = |u: f64| 1.0 + step * curvature(u);
    let miss = |u: f64| u - r + step * slope(u);
    let mut ends = vec![0.0];
    let mut convex = bend(0.0) >= 0.0;
    let inner = inflections.iter().copied().filter(|&u| u < r);
    for end in inner.chain([r]) {
        let start = ends[ends.len() - 1];
        if (bend(start) < 0.0) != (bend(end) < 0.0) {
            ends.push(crossing(start, end, bend));
            convex = false;
        }
        ends.push(end);
    }
    // one valley: no need to compare objectives, whose difference may be below the rounding of their squares
    if convex {
        let u = if miss(0.0) >= 0.0 { 0.0 } else { crossing(0.0, r, miss) };
        return u.copysign(x);
    }
    let mut candidates = vec![0.0];
    let rising = ends.windows(2).filter(|w| miss(w[0]) < 0.0 && miss(w[1]) >= 0.0);
    candidates.extend(rising.map(|w| crossing(w[0], w[1], miss)));
    least(r, step, value, &candidates).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_found_to_the_last_bit_in_both_directions() {
        let root = 2.0f64.sqrt();
        assert!((crossing(0.0, 5.0, |u| u * u - 2.0) - root).abs() <= f64::EPSILON * root);
        assert!((crossing(0.0, 5.0, |u| 2.0 - u * u) - root).abs() <= f64::EPSILON * root);
        assert_eq!(crossing(1.0, 1.0, |u| u - 1.0), 1.0);
    }

    #[test]
    fn of_two_valleys_the_deeper_one_is_taken() {
        // the truncated quadratic min(u^2, 1) / 2 with its corner made smooth: 1/2 u^2 / (1 + u^8)^(1/4)
        let value = |u: f64| 0.5 * u * u / (1.0 + u.powi(8)).powf(0.25);
        let slope = |u: f64| u / (1.0 + u.powi(8)).powf(1.25);
        let curvature = |u: f64| (1.0 - 9.0 * u.powi(8)) / (1.0 + u.powi(8)).powf(2.25);
        let bends = [1.0];
        let at = |x: f64| even(x, 3.0, value, slope, curvature, &bends);
        assert!((at(1.0) - 0.25).abs() < 1e-3 && (at(3.0) - 3.0).abs() < 1e-3);
        assert_eq!(at(-3.0), -at(3.0));
    }
}
