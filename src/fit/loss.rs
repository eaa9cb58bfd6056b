//! The smooth part of the objective in f64, on the host: one pass over the data per outer iteration.

use super::Model;
use super::design::Design;

/// What is fitted to: the observations in the form the loss takes.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The model.
    pub model: Model,
    /// Outputs per row: classes for softmax, else 1.
    pub k: usize,
    /// Responses (centred when there is an intercept), 0 and 1, or class numbers.
    pub y: Vec<f64>,
    /// The mean that was subtracted from the responses.
    pub y_center: f64,
    /// Whether there is an intercept beside the centring: true for logistic and softmax models with an intercept.
    pub free_intercept: bool,
}

/// The loss at a point, with its first derivative.
#[derive(Clone, Debug)]
pub struct Slope {
    /// Mean loss.
    pub value: f64,
    /// Gradient by `u`, `[p, k]`.
    pub gradient: Vec<f64>,
    /// Gradient by the intercepts, `[k]`; zeros where there is none to fit.
    pub intercept: Vec<f64>,
}

/// `log(1 + exp(x))` without overflow or cancellation.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

impl Loss {
    /// Centres the responses where the model is linear and has an intercept.
    #[must_use]
    pub fn new(model: Model, y: &[f64], intercept: bool) -> Loss {
        let centred = intercept && model == Model::Linear;
        let n = y.len() as f64;
        let mut y_center = if centred { y.iter().sum::<f64>() / n } else { 0.0 };
        if centred {
            y_center += y.iter().map(|v| v - y_center).sum::<f64>() / n;
        }
        let k = if let Model::Softmax { classes } = model { classes } else { 1 };
        let free_intercept = intercept && model != Model::Linear;
        Loss { model, k, y: y.iter().map(|v| v - y_center).collect(), y_center, free_intercept }
    }

    /// The intercepts of the model without features.
    #[must_use]
    pub fn null_intercept(&self) -> Vec<f64> {
        let n = self.y.len() as f64;
        match self.model {
            _ if !self.free_intercept => vec![0.0; self.k],
            Model::Linear => vec![0.0],
            Model::Logistic => {
                let ones = self.y.iter().sum::<f64>();
                vec![(ones / (n - ones)).ln()]
            }
            Model::Softmax { classes } => {
                let counts = (0..classes).map(|c| self.y.iter().filter(|&&v| v == c as f64).count() as f64);
                let logs: Vec<f64> = counts.map(|count| (count / n).ln()).collect();
                let mean = logs.iter().sum::<f64>() / self.k as f64;
                logs.iter().map(|l| l - mean).collect()
            }
        }
    }

    /// Mean loss of the linear predictor `eta: [n, k]`; `eta` becomes the derivative of each row's loss by it.
    fn residual(&self, eta: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for (row, &y) in eta.chunks_exact_mut(self.k).zip(&self.y) {
            match self.model {
                Model::Linear => {
                    row[0] -= y;
                    total += 0.5 * row[0] * row[0];
                }
                Model::Logistic => {
                    // with the sign of the class both losses are softplus(-margin): no difference of large numbers
                    let sign = 2.0 * y - 1.0;
                    total += softplus(-sign * row[0]);
                    row[0] = -sign * sigmoid(-sign * row[0]);
                }
                Model::Softmax { .. } => {
                    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let class = y as usize;
                    let own = row[class] - top;
                    let sum: f64 = row.iter().map(|v| (v - top).exp()).sum();
                    total += sum.ln() - own;
                    row.iter_mut().for_each(|v| *v = (*v - top).exp() / sum);
                    let others: f64 = row.iter().enumerate().filter(|(c, _)| *c != class).map(|(_, v)| v).sum();
                    row[class] = -others;
                }
            }
        }
        total / self.y.len() as f64
    }

    fn predictor(&self, design: &Design, u: &[f64], intercept: &[f64]) -> Vec<f64> {
        let mut eta = design.times(u, self.k);
        for row in eta.chunks_exact_mut(self.k) {
            row.iter_mut().zip(intercept).for_each(|(e, b)| *e += b);
        }
        eta
    }

    /// Mean loss alone.
    #[must_use]
    pub fn value(&self, design: &Design, u: &[f64], intercept: &[f64]) -> f64 {
        self.residual(&mut self.predictor(design, u, intercept))
    }

    /// Mean loss and its gradient.
    #[must_use]
    pub fn slope(&self, design: &Design, u: &[f64], intercept: &[f64]) -> Slope {
        let mut r = self.predictor(design, u, intercept);
        let value = self.residual(&mut r);
        let mut by_intercept = vec![0.0; self.k];
        if self.free_intercept {
            for row in r.chunks_exact(self.k) {
                by_intercept.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            }
            by_intercept.iter_mut().for_each(|s| *s /= design.n as f64);
        }
        Slope { value, gradient: design.mean_product(&r, self.k), intercept: by_intercept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient is the derivative of the value, by central differences in f64.
    #[test]
    fn gradients_agree_with_differences() {
        let x: Vec<f64> = (0..24).map(|i| ((i * 37 + 11) % 23) as f64 / 7.0 - 1.5).collect();
        let design = Design::new(&x, 3, true, false).expect("finite");
        for (model, y) in [
            (Model::Linear, vec![1.0, -2.0, 0.5, 3.0, 7.0, 0.0, 1.0, 2.0]),
            (Model::Logistic, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]),
            (Model::Softmax { classes: 3 }, vec![1.0, 0.0, 2.0, 1.0, 1.0, 0.0, 2.0, 0.0]),
        ] {
            let loss = Loss::new(model, &y, true);
            let u: Vec<f64> = (0..3 * loss.k).map(|i| (i as f64).sin()).collect();
            let b: Vec<f64> =
                (0..loss.k).map(|i| if loss.free_intercept { (i as f64 + 1.0).cos() } else { 0.0 }).collect();
            let slope = loss.slope(&design, &u, &b);
            let h = 1e-5;
            for ix in 0..u.len() {
                let at = |d: f64| {
                    let mut moved = u.clone();
                    moved[ix] += d;
                    loss.value(&design, &moved, &b)
                };
                // second-order differences: error h^2/6 f''' plus rounding eps / h, both below 1e-9 for values of size 10
                assert!(((at(h) - at(-h)) / (2.0 * h) - slope.gradient[ix]).abs() < 1e-8, "{model:?} {ix}");
            }
            for ix in 0..if loss.free_intercept { loss.k } else { 0 } {
                let at = |d: f64| {
                    let mut moved = b.clone();
                    moved[ix] += d;
                    loss.value(&design, &u, &moved)
                };
                assert!(((at(h) - at(-h)) / (2.0 * h) - slope.intercept[ix]).abs() < 1e-8, "{model:?} intercept {ix}");
            }
        }
    }

    #[test]
    fn far_predictors_stay_finite() {
        let design = Design::new(&[1e3, -1e3], 1, false, true).expect("finite");
        for (model, y) in [(Model::Logistic, [0.0, 1.0]), (Model::Softmax { classes: 2 }, [0.0, 1.0])] {
            let loss = Loss::new(model, &y, false);
            let u = vec![1e4; loss.k];
            let slope = loss.slope(&design, &u, &vec![0.0; loss.k]);
            assert!(slope.value.is_finite() && slope.gradient.iter().all(|g| g.is_finite()));
        }
    }
}
