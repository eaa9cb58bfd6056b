//! Cones.

use super::super::Penalty;
use super::super::functional::Description;
use super::super::registry::{Computed, Registered};
use super::super::rows::{Along, places, shaped};
use super::ball::lengths;
use super::{Indicator, Set, relative};
use crate::ops::Fixed;
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
