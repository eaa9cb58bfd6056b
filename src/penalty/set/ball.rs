//! Balls and spheres.

use super::super::functional::Description;
use super::super::profile::{Parameter, Range};
use super::super::registry::{Computed, Registered};
use super::{Indicator, Set, relative};
use crate::ops::Fixed;
use crate::tensor::Tensor;
use std::sync::Arc;

/// The radius of a ball.
pub(super) const RADIUS: Parameter = Parameter {
    name: "radius",
    aliases: &["r"],
    default: 1.0,
    range: Range::NOT_NEGATIVE,
    unit: "x",
    meaning: "radius of the ball",
};

/// `||x||_2 <= radius`.
#[derive(Debug)]
pub(in super::super) struct L2Ball;

static L2_BALL: Description = Description {
    name: "l2-ball",
    aliases: &["euclidean-ball"],
    summary: "bounds the Euclidean norm; the projection scales (gradient clipping by norm)",
    formula: "0 if ||x||_2 <= radius, else infinity",
    parameters: &[RADIUS],
    convex: true,
    set: true,
    source: "N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.5.1",
};

pub(super) static L2: Registered = Registered {
    of: &L2_BALL,
    options: &[],
    build: |_| Ok(Arc::new(Indicator(L2Ball))),
    mirror: |x, _, p| x.iter().map(|v| v * v).sum::<f64>().sqrt() - p[0],
    shapes: &[&[1], &[257], &[5, 7]],
    prox: Computed::Directly,
};

/// The Euclidean norm of all elements, scaled so that no square overflows; its derivative at 0 is 0.
pub(super) fn length(w: &Tensor) -> Tensor {
    let scale = w.abs().max(..);
    let positive = scale.gt(Fixed(0.0));
    let scale = positive.select(&scale, Fixed(1.0)).detach();
    let squares = w.div(&scale).square().sum_all();
    positive.select(positive.select(&squares, Fixed(1.0)).sqrt().mul(scale), Fixed(0.0))
}

impl Set for L2Ball {
    fn description(&self) -> &'static Description {
        &L2_BALL
    }
    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let r = length(w);
        let beyond = r.gt(&p[0]);
        beyond.select(w.mul(p[0].div(beyond.select(&r, Fixed(1.0)))), w)
    }
    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        relative(&length(w).sub(&p[0]), &p[0])
    }
}
