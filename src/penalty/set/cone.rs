//! Cones.

use super::super::Penalty;
use super::super::certificate::{Certified, Problem, distance};
use super::super::functional::Description;
use super::super::registry::{Computed, Registered};
use super::super::rows::{Along, crossing, places, shaped};
use super::ball::lengths;
use super::{Indicator, Set, relative};
use crate::ops::Fixed;
use crate::reference::tol::ULP;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// `||(x_1, …)|| <= x_0`.
#[derive(Debug)]
struct SecondOrder {
    along: Along,
}

static SECOND_ORDER_OF: Description = Description {
    name: "second-order-cone",
    aliases: &["lorentz-cone", "ice-cream-cone"],
    summary: "a vector no longer than its first element: robust constraints",
    formula: "0 if ||(x_1, x_2, …)||_2 <= x_0, else infinity",
    parameters: &[],
    convex: true,
    set: true,
    source: "N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.3.2",
};

impl SecondOrder {
    /// The first element of each row, and the length of the others, `[vectors, 1]` each.
    fn parts(rows: &Tensor) -> (Tensor, Tensor) {
        let first = places(rows).lt(Fixed(1.0));
        let t = first.select(rows, Fixed(0.0)).sum_keep(1);
        (t, lengths(&first.select(Fixed(0.0), rows)))
    }
}

impl Set for SecondOrder {
    fn description(&self) -> &'static Description {
        &SECOND_ORDER_OF
    }
    fn project(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let rows = self.along.rows(w);
        let (t, r) = SecondOrder::parts(&rows);
        let mean = t.add(&r).mul(Fixed(0.5));
        let none = r.le(Fixed(0.0));
        let shrunk = rows.mul(mean.div(none.select(Fixed(1.0), &r)));
        let onto = places(&rows).lt(Fixed(1.0)).select(&mean, shrunk);
        let polar = r.le(t.neg());
        shaped(&r.le(&t).select(&rows, polar.select(Fixed(0.0), onto)), w)
    }
    fn outside(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let (t, r) = SecondOrder::parts(&self.along.rows(w));
        relative(&r.sub(&t), &r.add(t.abs())).max(..)
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        vec![self.along.option()]
    }
}

pub(super) static SECOND_ORDER: Registered = Registered {
    of: &SECOND_ORDER_OF,
    options: &[Along::CHOICE],
    build: |o| Ok(Arc::new(Indicator(SecondOrder { along: Along::of(o)? }))),
    mirror: |x, _, _| x[1..].iter().map(|v| v * v).sum::<f64>().sqrt() - x[0],
    shapes: &[&[1], &[6], &[257], &[5, 7]],
    prox: Computed::Directly,
};

/// The indicator of the second-order cone `||(x_1, x_2, …)|| <= x_0`.
#[must_use]
#[track_caller]
pub fn second_order_cone(along: Along) -> Penalty {
    Penalty::functional(Indicator(SecondOrder { along }), &[])
}

/// Triples `(x, y, z)` with `y e^(x/y) <= z`, `y > 0`, and their limits.
#[derive(Debug)]
struct Exponential;

static EXPONENTIAL_OF: Description = Description {
    name: "exponential-cone",
    aliases: &[],
    summary: "entropies, logarithms and exponentials as constraints, on triples along the last axis",
    formula: "0 if y exp(x / y) <= z and y > 0, or y = 0, x <= 0 and z >= 0, else infinity",
    parameters: &[],
    convex: true,
    set: true,
    source: "H. Friberg, Projection onto the exponential cone: a univariate root-finding problem, Optim. Methods Softw. 38 \
             (2023)",
};

/// Ratios `x / y` beyond this are not told from their limits: `e^-40` of the greatest element.
const STEEPEST: f64 = 40.0;

/// What a member may miss the condition by, relative to the greatest element: a boundary as steep as the exponential.
const ROOT: f64 = 1e-4;

/// The point of the cone's boundary, and the one of the polar's, with the ratio `q` whose first two coordinates add up to
/// those given: `a (q, 1, e^q)` and `b (1, 1 - q, -e^-q)`. Returns `a`, `b`.
fn pair(q: &Tensor, x: &Tensor, y: &Tensor) -> (Tensor, Tensor) {
    let size = q.square().sub(q).add(Fixed(1.0));
    (q.sub(Fixed(1.0)).mul(x).add(y).div(&size), x.sub(q.mul(y)).div(&size))
}

impl Set for Exponential {
    fn description(&self) -> &'static Description {
        &EXPONENTIAL_OF
    }

    /// Where neither the point, its polar part nor the edge is the answer, the ratio `q` solves one equation: the third
    /// coordinates of both parts add up too, `a e^q - b e^-q = z`, the left side increasing where `a` and `b` are positive.
    fn project(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let rows = Along::Last.rows(w);
        let [x, y, z] = [0, 1, 2].map(|ix| rows.slice(1, ix..=ix));
        let ends = |below: &Tensor, ratio: &Tensor, none: f64| below.select(ratio, Fixed(none));
        let safe = |v: &Tensor| v.eq(Fixed(0.0)).select(Fixed(1.0), v);
        let (by_x, by_y) = (y.div(safe(&x)).neg().add(Fixed(1.0)), x.div(safe(&y)));
        let low = ends(&x.gt(Fixed(0.0)), &by_x, -STEEPEST).maximum(ends(&y.lt(Fixed(0.0)), &by_y, -STEEPEST));
        let high = ends(&x.lt(Fixed(0.0)), &by_x, STEEPEST).minimum(ends(&y.gt(Fixed(0.0)), &by_y, STEEPEST));
        let (low, high) = (low.maximum(Fixed(-STEEPEST)), high.minimum(Fixed(STEEPEST)));
        let (x1, y1, z1) = (x.detach(), y.detach(), z.detach());
        let q = crossing(&low, &high, |q| {
            let q = q.squeeze(2);
            let (a, b) = pair(&q, &x1, &y1);
            a.mul(q.exp()).sub(b.mul(q.neg().exp())).le(&z1)
        });
        // a step of Newton's method
        let (a, b) = pair(&q, &x, &y);
        let (up, down) = (q.exp(), q.neg().exp());
        let size = q.square().sub(&q).add(Fixed(1.0));
        let bend = q.mul(Fixed(2.0)).sub(Fixed(1.0));
        let slope_a = x.sub(a.mul(&bend)).div(&size);
        let slope_b = y.neg().sub(b.mul(&bend)).div(&size);
        let miss = a.mul(&up).sub(b.mul(&down)).sub(&z);
        let slope = a.add(slope_a).mul(&up).add(b.sub(slope_b).mul(&down)).detach();
        let steep = slope.gt(Fixed(0.0));
        let q = q.sub(steep.select(miss.div(steep.select(&slope, Fixed(1.0))), Fixed(0.0)));
        let a = pair(&q, &x, &y).0.relu();
        let place = places(&rows);
        let choose = |first: &Tensor, second: &Tensor, third: &Tensor| {
            place.lt(Fixed(1.0)).select(first, place.lt(Fixed(2.0)).select(second, third))
        };
        let zero = x.zeros_like();
        let boundary = choose(&a.mul(&q), &a, &a.mul(q.exp()));
        let edge = choose(&x, &zero, &z.relu());
        let u = x.le(Fixed(0.0)).bit_and(y.le(Fixed(0.0))).select(edge, boundary);
        let u = in_polar(&x, &y, &z).select(Fixed(0.0), u);
        shaped(&in_cone(&x, &y, &z).select(&rows, u), w)
    }

    fn outside(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let rows = Along::Last.rows(w);
        let [x, y, z] = [0, 1, 2].map(|ix| rows.slice(1, ix..=ix));
        let curved = y.gt(Fixed(0.0));
        let over = y.mul(x.div(curved.select(&y, Fixed(1.0))).exp()).sub(&z);
        let edge = y.neg().maximum(&x).maximum(z.neg());
        let size = rows.abs().max_keep(1);
        relative(&curved.select(over.minimum(edge.maximum(y.abs())), edge), &size).max(..)
    }

    fn tolerance(&self) -> f64 {
        ROOT
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        (shape.last() != Some(&3)).then(|| "the last axis must have 3 elements".into())
    }
}

/// `y > 0` and `y e^(x/y) <= z`.
fn in_cone(x: &Tensor, y: &Tensor, z: &Tensor) -> Tensor {
    let positive = y.gt(Fixed(0.0));
    let ratio = x.div(positive.select(y, Fixed(1.0))).minimum(Fixed(80.0));
    positive.bit_and(y.mul(ratio.exp()).le(z))
}

/// `-(x, y, z)` in the dual cone: `x > 0` and `x e^(y/x) <= -e z`, or `x = 0` and `y, z <= 0`.
fn in_polar(x: &Tensor, y: &Tensor, z: &Tensor) -> Tensor {
    let positive = x.gt(Fixed(0.0));
    let ratio = y.div(positive.select(x, Fixed(1.0))).minimum(Fixed(80.0));
    let curved = positive.bit_and(x.mul(ratio.exp()).le(z.mul(Fixed(-std::f64::consts::E))));
    let edge = x.eq(Fixed(0.0)).bit_and(y.le(Fixed(0.0))).bit_and(z.le(Fixed(0.0)));
    curved.bit_or(edge)
}

/// The points of the boundary and of the polar's for a ratio, as [`pair`] has them.
fn parts(q: f64, x: f64, y: f64) -> ([f64; 3], [f64; 3]) {
    let size = q * q - q + 1.0;
    let (a, b) = (((q - 1.0) * x + y) / size, (x - q * y) / size);
    ([a * q, a, a * q.exp()], [b, b * (1.0 - q), -b * (-q).exp()])
}

/// The projection in f64, certified by Moreau: a point of the cone and one of its polar at right angles are the projections
/// of their sum, and projections do not enlarge distances.
fn exact(problem: &Problem<'_>) -> Certified {
    let (mut point, mut square, mut rounding) = (Vec::new(), 0.0, 0.0);
    for w in problem.w.chunks(3) {
        let (x, y, z) = (w[0], w[1], w[2]);
        let size = w.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        rounding += (16.0 * ULP * size).powi(2);
        let inside = y > 0.0 && y * (x / y).exp() <= z;
        let polar = x > 0.0 && x * (y / x).exp() <= -std::f64::consts::E * z || x == 0.0 && y <= 0.0 && z <= 0.0;
        if inside || polar || x <= 0.0 && y <= 0.0 {
            let edge = if inside { [x, y, z] } else { [x.min(0.0), 0.0, z.max(0.0)] };
            point.extend(if polar { [0.0; 3] } else { edge });
            continue;
        }
        let (mut low, mut high) = (-STEEPEST, STEEPEST);
        for _ in 0..200 {
            let q = 0.5 * (low + high);
            let (u, v) = parts(q, x, y);
            // both parts have their sign only between the ends
            let above = if u[1] < 0.0 {
                x < 0.0
            } else if v[0] < 0.0 {
                y > 0.0
            } else {
                u[2] + v[2] > z
            };
            *if above { &mut high } else { &mut low } = q;
        }
        let q = high;
        let (u, v) = parts(q, x, y);
        square += (0..3).map(|i| (u[i] + v[i] - w[i]).powi(2)).sum::<f64>();
        rounding += moved(q, [x, y, z]).powi(2);
        point.extend(u);
    }
    // the last digits of the bisection, of numbers that the exponential enlarges
    Certified { within: square.sqrt(), left: 0.0, rounding: rounding.sqrt(), point }
}

/// What roundings make of a point of the boundary: the ratio is off by the rounding of the equation over its slope, twice
/// (the bracket's and the step's), and the point by that and its own.
fn moved(q: f64, [x, y, z]: [f64; 3]) -> f64 {
    let size = q * q - q + 1.0;
    let cancelled = 1.0 + (q * q + q.abs() + 1.0) / size;
    let (a, b) =
        (((q - 1.0).abs() * x.abs() + y.abs()) / size * cancelled, (x.abs() + (q * y).abs()) / size * cancelled);
    let each = ULP * (8.0 + q.abs());
    let off = each * (a * q.exp() + b * (-q).exp() + z.abs());
    let h = 1e-5;
    let (less, more) = (parts(q - h, x, y), parts(q + h, x, y));
    let slope = (more.0[2] + more.1[2] - less.0[2] - less.1[2]) / (2.0 * h);
    let along = distance(&more.0, &less.0) / (2.0 * h);
    along * (2.0 * off / slope + ULP * 2.0 * STEEPEST) + each * a * (1.0 + q.abs() + q.exp())
}

pub(super) static EXPONENTIAL: Registered = Registered {
    of: &EXPONENTIAL_OF,
    options: &[],
    build: |_| Ok(Arc::new(Indicator(Exponential))),
    mirror: |x, _, _| {
        x.chunks(3).fold(f64::NEG_INFINITY, |worst, t| {
            let edge = (-t[1]).max(t[0]).max(-t[2]);
            // near the edge a little of y is nearer than what the exponential says
            let off = if t[1] > 0.0 { (t[1] * (t[0] / t[1]).exp() - t[2]).min(edge.max(t[1])) } else { edge };
            worst.max(off)
        })
    },
    shapes: &[&[3], &[20, 3]],
    prox: Computed::Certified(exact),
};

/// The indicator of the exponential cone, on triples `(x, y, z)` along the last axis: `y e^(x / y) <= z`.
#[must_use]
#[track_caller]
pub fn exponential_cone() -> Penalty {
    Penalty::functional(Indicator(Exponential), &[])
}
