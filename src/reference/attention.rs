//! Attention and its derivatives by plain loops, with bounds.
//!
//! A weight `exp(s_j - t) / sum_l exp(s_l - t)` is the same whatever `t` is, so an error of the greatest score cancels; what
//! counts is the error of each score, the roundings of the differences that lead from it to the greatest (which add up to at
//! most their sum), and those of one exponential and one product per block of others. `lse` is the logarithm of such a sum.

use super::array::Array;
use super::ball::Ball;
use super::tol::{MIN_NORMAL, ULP, attention_blocks, attention_depth, matmul_depth};
use crate::dtype::DType;
use crate::graph::attention::{Attention, Lengths, NOTHING, Part, UNSEEN};
use crate::shape::Shape;

/// Scores beyond this may be taken for unseen or overflow.
const LARGE: f64 = 1e37;

/// See [`Attention`].
pub(super) fn run(routine: &Attention, sources: &[&Array]) -> Array {
    let dims = |ix: usize| sources[ix].shape.dims();
    let l = Lengths::of(dims(0), dims(1), dims(2)).expect("bug: shapes that were checked");
    let heads = Heads { routine, sources, l };
    match routine.part {
        Part::Forward => heads.forward(),
        Part::Query => heads.query(),
        Part::Key => heads.shared(l.d, 0),
        Part::Value => heads.shared(l.e, 5),
    }
}

/// `sum of x y` over two rows, with its bound.
fn dot(x: &[Ball], y: &[Ball]) -> Ball {
    let (mut value, mut magnitude, mut error) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        value += a.value * b.value;
        error += times(a.value.abs(), b.error) + times(a.error, b.value.abs()) + times(a.error, b.error);
        magnitude += (a.value * b.value).abs();
    }
    let n = x.len();
    let flush = if magnitude == 0.0 && error == 0.0 { 0.0 } else { 2.0 * n as f64 * MIN_NORMAL };
    Ball::rounded(value, error, 0.0, matmul_depth(n) * ULP * (magnitude + error) + flush)
}

/// `a * b` where zero times anything is zero: for bounds.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

/// A sum of products of weights with rows, one per column.
struct Columns {
    value: Vec<f64>,
    magnitude: Vec<f64>,
    error: Vec<f64>,
}

impl Columns {
    fn new(n: usize) -> Self {
        Self { value: vec![0.0; n], magnitude: vec![0.0; n], error: vec![0.0; n] }
    }

    fn add(&mut self, weight: Ball, row: &[Ball]) {
        for (c, x) in row.iter().enumerate() {
            self.value[c] += times(weight.value, x.value);
            self.error[c] +=
                times(weight.value.abs(), x.error) + times(weight.error, x.value.abs()) + times(weight.error, x.error);
            self.magnitude[c] += times(weight.value, x.value).abs();
        }
    }

    /// Sums of `n` products each, with their errors.
    fn balls(&self, n: usize) -> impl Iterator<Item = Ball> + '_ {
        (0..self.value.len()).map(move |c| {
            let size = self.magnitude[c] + self.error[c];
            let flush = if size == 0.0 { 0.0 } else { 2.0 * n as f64 * MIN_NORMAL };
            Ball::rounded(self.value[c], self.error[c], 0.0, attention_depth(n) * ULP * size + flush)
        })
    }
}

struct Heads<'a> {
    routine: &'a Attention,
    sources: &'a [&'a Array],
    l: Lengths,
}

impl Heads<'_> {
    /// Row `at` of a matrix of rows.
    fn row(&self, source: usize, at: usize) -> Vec<Ball> {
        let array = self.sources[source];
        let width = array.shape[2];
        (at * width..(at + 1) * width).map(|ix| array.ball(ix)).collect()
    }

    fn rows(&self, source: usize, plane: usize) -> Vec<Vec<Ball>> {
        let n = self.sources[source].shape[1];
        (plane * n..(plane + 1) * n).map(|at| self.row(source, at)).collect()
    }

    fn mask(&self, head: usize, i: usize, j: usize) -> Ball {
        if self.routine.mask_every == 0 {
            return Ball::exact(0.0);
        }
        let mask = self.sources[self.routine.sources()];
        let (masks, rows, columns) = (mask.shape[0], mask.shape[1], mask.shape[2]);
        let plane = head / self.routine.mask_every % masks;
        let place = |at: usize, length: usize| if length == 1 { 0 } else { at };
        let ball = mask.ball((plane * rows + place(i, rows)) * columns + place(j, columns));
        match mask.dtype {
            DType::Bool if !ball.is_exact() => Ball::unknown(0.0),
            DType::Bool => Ball::exact(if ball.value != 0.0 { 0.0 } else { f64::from(NOTHING) }),
            _ => ball,
        }
    }

    /// The scores of query `i` of a head, `None` for keys that are not seen.
    fn scores(&self, head: usize, i: usize, keys: &[Vec<Ball>]) -> Vec<Option<Ball>> {
        let (l, scale) = (self.l, f64::from(self.routine.factor()));
        let query = self.row(0, head * l.m + i);
        let one = |j: usize| {
            let mask = self.mask(head, i, j);
            if (self.routine.causal && j + l.m > i + l.n) || mask.high() <= f64::from(UNSEEN) * 1.01 {
                return None;
            }
            let product = dot(&query, &keys[j]);
            let scaled = Ball::rounded(product.value * scale, product.error * scale.abs(), 1.0, 0.0);
            let score = Ball::rounded(scaled.value + mask.value, scaled.error + mask.error, 1.0, 0.0);
            let certain = score.value.abs() + score.error < LARGE;
            Some(if certain { score } else { Ball::unknown(score.value) })
        };
        (0..l.n).map(one).collect()
    }

    fn forward(&self) -> Array {
        let l = self.l;
        let mut out = Vec::with_capacity(l.b * l.m * l.line());
        for head in 0..l.b {
            let (keys, values) = (self.rows(1, head / l.group), self.rows(2, head / l.group));
            let clean = values.iter().flatten().all(|v| v.value.is_finite());
            for i in 0..l.m {
                let scores = self.scores(head, i, &keys);
                let unknown = !clean || scores.iter().flatten().any(|s| s.is_unknown());
                let row = self.softmax(&scores, &values);
                let known = |ball: Ball| if unknown { Ball::unknown(ball.value) } else { ball };
                out.extend(row.0.into_iter().map(known));
                out.extend((l.e..l.line() - 4).map(|_| known(Ball::exact(0.0))));
                out.push(known(row.1));
                out.extend([Ball::exact(0.0); 3]);
            }
        }
        Array::collect(Shape::from([l.b, l.m, l.line()]), DType::F32, out)
    }

    /// A row of the result, and the logarithm of the sum of exponentials.
    fn softmax(&self, scores: &[Option<Ball>], values: &[Vec<Ball>]) -> (Vec<Ball>, Ball) {
        let n = self.l.n;
        let blocks = attention_blocks(n);
        let top = scores.iter().flatten().fold(f64::NEG_INFINITY, |t, s| t.max(s.value));
        if top == f64::NEG_INFINITY {
            return (vec![Ball::exact(0.0); self.l.e], Ball::exact(f64::from(NOTHING)));
        }
        let mut columns = Columns::new(self.l.e);
        let (mut sum, mut error) = (0.0, 0.0);
        let spread = scores.iter().flatten().fold(0.0f64, |e, s| e.max(s.error));
        for (score, row) in scores.iter().zip(values) {
            let Some(score) = score else { continue };
            let value = (score.value - top).exp();
            let moved = score.error + ULP * (top - score.value + score.error + spread);
            let relative = moved.exp() * (1.0 + 3.0 * ULP).powf(blocks + 1.0) - 1.0;
            let weight = Ball { value, error: times(value, relative) + (blocks + 2.0) * MIN_NORMAL };
            columns.add(weight, row);
            sum += value;
            error += weight.error;
        }
        let total = Ball { value: sum, error: error + attention_depth(n) * ULP * (sum + error) };
        let part = total.error / total.value;
        let lse =
            Ball::rounded(top + sum.ln(), -(-part).ln_1p(), 1.0, ULP * (2.0 * sum.ln().abs() + top.abs() + spread));
        let quotient = |x: Ball| {
            let error = (x.error + times(x.value.abs(), part)) / (total.value - total.error);
            Ball::rounded(x.value / total.value, error, 3.5, 0.0)
        };
        let unknown = part.is_nan() || part >= 1.0;
        let known = |ball: Ball| if unknown { Ball::unknown(ball.value) } else { ball };
        (columns.balls(n).map(quotient).map(known).collect(), known(lse))
    }

    /// `p`, and `scale c` (or `p` again, for [`Part::Value`]), of query `i` of a head.
    fn coefficients(&self, head: usize, i: usize, keys: &[Vec<Ball>], values: &[Vec<Ball>]) -> Vec<Ball> {
        let at = head * self.l.m + i;
        let (lse, delta) = (self.sources[3].ball(at), self.sources[4].ball(at));
        let g = if self.routine.part == Part::Value { Vec::new() } else { self.row(5, at) };
        let scale = f64::from(self.routine.factor());
        let each = |(j, score): (usize, Option<Ball>)| {
            let Some(score) = score else { return Ball::exact(0.0) };
            let x = Ball::rounded(score.value - lse.value, score.error + lse.error, 1.0, 0.0);
            if x.is_unknown() || x.high() > 80.0 || x.value.is_nan() {
                return Ball::unknown(0.0);
            }
            let value = x.value.exp();
            let p = Ball { value, error: value * (x.error.exp() * (1.0 + 2.0 * ULP) - 1.0) + MIN_NORMAL };
            if self.routine.part == Part::Value {
                return p;
            }
            let product = dot(&g, &values[j]);
            let left = Ball::rounded(product.value - delta.value, product.error + delta.error, 1.0, 0.0);
            let error = times(p.value, left.error) + times(p.error, left.value.abs()) + times(p.error, left.error);
            Ball::rounded(p.value * left.value * scale, error * scale.abs(), 2.0, MIN_NORMAL * (1.0 + scale.abs()))
        };
        self.scores(head, i, keys).into_iter().enumerate().map(each).collect()
    }

    fn query(&self) -> Array {
        let l = self.l;
        let mut out = Vec::with_capacity(l.b * l.m * l.d);
        for head in 0..l.b {
            let (keys, values) = (self.rows(1, head / l.group), self.rows(2, head / l.group));
            let unknown = !keys.iter().flatten().all(|k| k.value.is_finite());
            for i in 0..l.m {
                let mut columns = Columns::new(l.d);
                let coefficients = self.coefficients(head, i, &keys, &values);
                coefficients.iter().zip(&keys).for_each(|(&c, key)| columns.add(c, key));
                out.extend(columns.balls(l.n).map(|b| if unknown { Ball::unknown(b.value) } else { b }));
            }
        }
        Array::collect(Shape::from([l.b, l.m, l.d]), DType::F32, out)
    }

    /// The sums over queries of all heads that share keys, of rows of a source.
    fn shared(&self, width: usize, source: usize) -> Array {
        let l = self.l;
        let mut out = Vec::with_capacity(l.b / l.group * l.n * width);
        for plane in 0..l.b / l.group {
            let (keys, values) = (self.rows(1, plane), self.rows(2, plane));
            let mut sums: Vec<Columns> = (0..l.n).map(|_| Columns::new(width)).collect();
            let mut unknown = false;
            for head in plane * l.group..(plane + 1) * l.group {
                for i in 0..l.m {
                    let row = self.row(source, head * l.m + i);
                    unknown |= !row.iter().all(|x| x.value.is_finite());
                    let coefficients = self.coefficients(head, i, &keys, &values);
                    sums.iter_mut().zip(coefficients).for_each(|(sum, c)| sum.add(c, &row));
                }
            }
            for sum in &sums {
                let all = sum.balls(l.m * l.group);
                out.extend(all.map(|b| if unknown { Ball::unknown(b.value) } else { b }));
            }
        }
        Array::collect(Shape::from([l.b / l.group, l.n, width]), DType::F32, out)
    }
}
