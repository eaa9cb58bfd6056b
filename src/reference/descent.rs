//! Block coordinate descent in f64, and how far rounding may take a device from it.
//!
//! The bound follows each update: the proximal step moves two points no further apart than they were, and the gradient adds
//! the bound of the change. It does not know that sweeps contract, so it grows from sweep to sweep; checks of values use few.

use super::array::Array;
use super::ball::Ball;
use super::tol::ULP;
use crate::dtype::DType;

/// Roundings of one element's step besides the sums: the reciprocal, two products, a difference; a square root, two quotients,
/// a product; the change and its addition.
const STEP: f64 = 24.0;

struct Problem<'a> {
    gram: &'a Array,
    weights: &'a Array,
    k: usize,
    block: usize,
}

/// Where the sweeps are.
struct At {
    w: Vec<Ball>,
    h: Vec<Ball>,
}

/// See [`Routine::Descent`](crate::graph::Routine::Descent).
pub(super) fn run(epochs: usize, block: usize, sources: &[&Array]) -> Array {
    let [gram, linear, start, weights] = sources else { panic!("bug: four sources") };
    let k = linear.len();
    let problem = Problem { gram, weights, k, block };
    let w: Vec<Ball> = (0..k).map(|i| start.ball(i)).collect();
    let h = (0..k).map(|i| problem.slope(linear.ball(i), &w, i)).collect();
    let mut at = At { w, h };
    for _ in 0..epochs {
        for b in 0..k / block {
            problem.update(&mut at, b);
        }
    }
    Array::collect(linear.shape.clone(), DType::F32, at.w)
}

/// The error of a product beyond its own rounding.
fn propagated(a: Ball, b: Ball) -> f64 {
    let term = |x: f64, y: f64| if x == 0.0 || y == 0.0 { 0.0 } else { x * y };
    term(a.value.abs(), b.error) + term(a.error, b.value.abs() + b.error)
}

impl Problem<'_> {
    /// `(G w - q)_i`.
    fn slope(&self, q: Ball, w: &[Ball], i: usize) -> Ball {
        let (mut value, mut error, mut size) = (-q.value, q.error, q.value.abs() + q.error);
        for (j, &w) in w.iter().enumerate() {
            let g = self.gram.ball(j * self.k + i);
            value += g.value * w.value;
            let moved = propagated(g, w);
            error += moved;
            size += (g.value * w.value).abs() + moved;
        }
        Ball::rounded(value, error, 0.0, (self.k + 1) as f64 * ULP * size)
    }

    fn update(&self, at: &mut At, b: usize) {
        let blocks = self.k / self.block;
        let [l1, l2, c] = [0, 1, 2].map(|row| self.weights.ball(row * blocks + b));
        let members = b * self.block..(b + 1) * self.block;
        if c.value <= 0.0 && c.error == 0.0 {
            return;
        }
        let certain = c.value > 0.0 && [l1, l2, c].iter().all(|x| x.is_exact());
        let inverse = 1.0 / c.value;
        // where the step is taken from: value and bound
        let from: Vec<(f64, f64)> = (members.clone())
            .map(|j| {
                let (w, h) = (at.w[j], at.h[j]);
                let size = w.value.abs() + h.value.abs() * inverse;
                (w.value - h.value * inverse, w.error + h.error * inverse + 6.0 * ULP * size)
            })
            .collect();
        let length = from.iter().map(|(u, _)| u * u).sum::<f64>().sqrt();
        let reach = from.iter().map(|(_, e)| e * e).sum::<f64>().sqrt();
        let threshold = l1.value * inverse;
        let keep = 1.0 / (1.0 + l2.value * inverse);
        let factor = if length > threshold { (1.0 - threshold / length) * keep } else { 0.0 };
        let roundings = (STEP + self.block as f64) * ULP;
        let zero = length + reach <= (threshold - reach) * (1.0 - roundings);
        let changes: Vec<Ball> = (members.clone().zip(&from))
            .map(|(j, &(u, _))| {
                let old = at.w[j];
                let value = factor * u;
                let new = match (certain && length.is_finite(), zero) {
                    (false, _) => Ball::unknown(value),
                    (true, true) => Ball::exact(0.0),
                    (true, false) => {
                        Ball::rounded(value, keep * reach, 0.0, roundings * (length + threshold + old.value.abs()))
                    }
                };
                at.w[j] = new;
                Ball::rounded(new.value - old.value, new.error + old.error, 2.0, 0.0)
            })
            .collect();
        for (i, h) in at.h.iter_mut().enumerate() {
            let (mut value, mut error, mut size) = (h.value, h.error, h.value.abs() + h.error);
            for (j, &change) in members.clone().zip(&changes) {
                let g = self.gram.ball(j * self.k + i);
                value += g.value * change.value;
                let moved = propagated(g, change);
                error += moved;
                size += (g.value * change.value).abs() + moved;
            }
            *h = Ball::rounded(value, error, 0.0, (self.block + 1) as f64 * ULP * size);
        }
    }
}
