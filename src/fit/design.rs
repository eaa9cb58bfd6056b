//! The data in the coordinates the solver works in.
//!
//! Columns are centred (when there is an intercept) and divided by their spread, whatever the user asked for: with
//! columns of like size the step that suits one coefficient suits all. The user's objective is not changed by this,
//! because the penalty is told the scale of every coefficient: `u = scale * b`, where `b` is what the penalty acts on.
//! Only with `standardize` does the penalty act on the coefficients of the standardized columns, so `scale` is 1 there.

use crate::error::{Error, Result};

/// Centred and scaled columns, row-major, and the way back.
#[derive(Clone, Debug)]
pub struct Design {
    /// Rows.
    pub n: usize,
    /// Columns.
    pub p: usize,
    /// `[n, p]`.
    pub x: Vec<f64>,
    /// What was subtracted from each column.
    pub center: Vec<f64>,
    /// What each column was divided by; 1 where the column is constant.
    pub spread: Vec<f64>,
    /// `u = scale * b`: from the coefficients the penalty sees to those of the columns here.
    pub scale: Vec<f64>,
    /// The standard deviation of each column.
    pub deviation: Vec<f64>,
    /// Columns without spread: they can explain nothing that the intercept does not.
    pub constant: Vec<usize>,
}

impl Design {
    /// From raw rows.
    pub fn new(x: &[f64], p: usize, intercept: bool, standardize: bool) -> Result<Design> {
        let n = x.len() / p.max(1);
        let mut center = vec![0.0; p];
        let mut spread = vec![0.0; p];
        let mut deviation = vec![0.0; p];
        let mut constant = Vec::new();
        for j in 0..p {
            let column = || x[j..].iter().step_by(p).copied();
            let (low, high) = column().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            let largest = low.abs().max(high.abs());
            if !column().all(f64::is_finite) {
                return Err(Error::input(
                    format!("column {j} of x"),
                    "a value is NaN or infinite",
                    "remove or replace such rows",
                ));
            }
            // divided by the largest first, so that no square overflows or vanishes
            let unit = if largest > 0.0 { largest } else { 1.0 };
            if intercept && low == high || largest == 0.0 {
                (center[j], spread[j]) = (if intercept { low } else { 0.0 }, 1.0);
                constant.push(j);
                continue;
            }
            let first = column().map(|v| v / unit).sum::<f64>() / n as f64;
            // a second pass removes the rounding of the first
            let mean = (first + column().map(|v| v / unit - first).sum::<f64>() / n as f64) * unit;
            let root = |c: f64| (column().map(|v| ((v - c) / unit).powi(2)).sum::<f64>() / n as f64).sqrt() * unit;
            deviation[j] = root(mean);
            (center[j], spread[j]) = if intercept { (mean, deviation[j]) } else { (0.0, root(0.0)) };
        }
        let scaled = (x.iter().enumerate())
            .map(|(ix, v)| {
                let j = ix % p;
                if constant.binary_search(&j).is_ok() { 0.0 } else { (v - center[j]) / spread[j] }
            })
            .collect();
        let scale = if standardize { vec![1.0; p] } else { spread.clone() };
        Ok(Design { n, p, x: scaled, center, spread, scale, deviation, constant })
    }

    /// Gives all columns of a group one scale, the largest among them, for penalties that act on the group's norm.
    pub fn join(&mut self, columns: &[usize]) {
        let joint = columns.iter().filter(|j| self.constant.binary_search(j).is_err()).map(|&j| self.scale[j]);
        let joint = joint.fold(0.0, f64::max);
        if joint == 0.0 {
            return;
        }
        for &j in columns {
            let shrink = self.scale[j] / joint;
            self.scale[j] = joint;
            self.spread[j] /= shrink;
            for v in self.x[j..].iter_mut().step_by(self.p) {
                *v *= shrink;
            }
        }
    }

    /// `x u` of shape `[n, k]` for `u: [p, k]`.
    #[must_use]
    pub fn times(&self, u: &[f64], k: usize) -> Vec<f64> {
        let mut out = vec![0.0; self.n * k];
        for (row, sums) in self.x.chunks_exact(self.p).zip(out.chunks_exact_mut(k)) {
            for (v, us) in row.iter().zip(u.chunks_exact(k)) {
                for (sum, u) in sums.iter_mut().zip(us) {
                    *sum += v * u;
                }
            }
        }
        out
    }

    /// `x^T r / n` of shape `[p, k]` for `r: [n, k]`.
    #[must_use]
    pub fn mean_product(&self, r: &[f64], k: usize) -> Vec<f64> {
        let mut out = vec![0.0; self.p * k];
        for (row, rs) in self.x.chunks_exact(self.p).zip(r.chunks_exact(k)) {
            for (v, sums) in row.iter().zip(out.chunks_exact_mut(k)) {
                for (sum, r) in sums.iter_mut().zip(rs) {
                    *sum += v * r;
                }
            }
        }
        let inverse = 1.0 / self.n as f64;
        out.iter_mut().for_each(|s| *s *= inverse);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_centred_and_scaled_and_the_way_back_is_kept() {
        let x = [1e6 + 1.0, 5.0, 0.0, 1e6 + 3.0, 5.0, 0.0];
        let d = Design::new(&x, 3, true, false).expect("finite");
        assert_eq!(d.constant, [1, 2]);
        assert_eq!(d.center, [1e6 + 2.0, 5.0, 0.0]);
        assert_eq!(d.spread, [1.0, 1.0, 1.0]);
        assert_eq!(d.x, [-1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let d = Design::new(&x, 3, false, false).expect("finite");
        assert_eq!(d.constant, [2]);
        assert_eq!((d.center[1], d.spread[1], d.x[1]), (0.0, 5.0, 1.0));
    }

    #[test]
    fn extreme_columns_neither_overflow_nor_vanish() {
        for unit in [1e-200, 1e200] {
            let d = Design::new(&[-unit, unit, 3.0 * unit, unit], 1, true, false).expect("finite");
            assert!((d.spread[0] / unit - 2f64.sqrt()).abs() < 4.0 * f64::EPSILON);
            assert!(d.x.iter().all(|v| v.abs() < 2.0));
        }
        assert!(Design::new(&[1.0, f64::NAN], 1, true, false).is_err());
    }

    #[test]
    fn a_joined_group_keeps_the_linear_predictor() {
        let x = [1.0, 10.0, 2.0, -10.0, 4.0, 30.0];
        let mut d = Design::new(&x, 2, true, false).expect("finite");
        let b = [0.7, -0.2];
        let eta = |d: &Design| d.times(&[b[0] * d.scale[0], b[1] * d.scale[1]], 1);
        let before = eta(&d);
        d.join(&[0, 1]);
        assert_eq!(d.scale[0], d.scale[1]);
        for (a, b) in before.iter().zip(eta(&d)) {
            assert!((a - b).abs() <= 8.0 * f64::EPSILON * a.abs().max(1.0));
        }
    }
}
