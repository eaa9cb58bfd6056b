//! Balls and spheres of the three usual norms.

use super::super::functional::Description;
use super::super::profile::{Parameter, Range};
use super::super::registry::{Computed, Registered};
use super::super::rows::{Along, places, ranks, shaped, side, threshold};
use super::super::{Penalty, Scalar};
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
    meaning: "what the norm may be",
};

/// A norm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Norm {
    /// The sum of magnitudes.
    L1,
    /// The Euclidean length.
    L2,
    /// The greatest magnitude.
    Max,
}

/// `||x|| <= radius`, or `= radius`.
#[derive(Debug)]
struct Ball {
    norm: Norm,
    sphere: bool,
    along: Along,
}

const fn description(
    name: &'static str,
    aliases: &'static [&'static str],
    summary: &'static str,
    formula: &'static str,
    source: &'static str,
    convex: bool,
) -> Description {
    Description { name, aliases, summary, formula, parameters: &[RADIUS], convex, set: true, source }
}

const PARIKH: &str = "N. Parikh, S. Boyd, Proximal algorithms, Found. Trends Optim. 1 (2014), section 6.5";
const DUCHI: &str = "J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, Efficient projections onto the l1-ball for learning \
                     in high dimensions, ICML 2008";

static L1_BALL: Description = description(
    "l1-ball",
    &[],
    "bounds the sum of magnitudes: the lasso as a constraint",
    "0 if ||x||_1 <= radius, else infinity",
    DUCHI,
    true,
);
static L2_BALL: Description = description(
    "l2-ball",
    &["euclidean-ball"],
    "bounds the Euclidean norm; the projection scales (gradient clipping by norm)",
    "0 if ||x||_2 <= radius, else infinity",
    PARIKH,
    true,
);
static MAX_BALL: Description = description(
    "linf-ball",
    &["max-ball"],
    "bounds every magnitude",
    "0 if max |x_i| <= radius, else infinity",
    PARIKH,
    true,
);
static L1_SPHERE: Description = description(
    "l1-sphere",
    &[],
    "a given sum of magnitudes; within, all magnitudes grow alike, and 0 counts as positive",
    "0 if ||x||_1 = radius, else infinity",
    DUCHI,
    false,
);
static L2_SPHERE: Description = description(
    "l2-sphere",
    &["euclidean-sphere"],
    "a given Euclidean norm; 0 goes to radius times the first unit vector",
    "0 if ||x||_2 = radius, else infinity",
    PARIKH,
    false,
);
static MAX_SPHERE: Description = description(
    "linf-sphere",
    &["max-sphere"],
    "a given greatest magnitude; within, the first greatest element grows, and 0 counts as positive",
    "0 if max |x_i| = radius, else infinity",
    PARIKH,
    false,
);

impl Ball {
    fn size(&self, rows: &Tensor) -> Tensor {
        match self.norm {
            Norm::L1 => rows.abs().sum_keep(1),
            Norm::L2 => lengths(rows),
            Norm::Max => rows.abs().max_keep(1),
        }
    }
}

/// The Euclidean norm of each row, `[vectors, 1]`, scaled so that no square overflows; its derivative at 0 is 0.
pub(super) fn lengths(rows: &Tensor) -> Tensor {
    let scale = rows.detach().abs().max_keep(1);
    // NaN stays
    let none = scale.le(Fixed(0.0));
    let scale = none.select(Fixed(1.0), &scale);
    let squares = rows.div(&scale).square().sum_keep(1);
    none.select(Fixed(0.0), none.select(Fixed(1.0), &squares).sqrt().mul(scale))
}

impl Set for Ball {
    fn description(&self) -> &'static Description {
        match (self.norm, self.sphere) {
            (Norm::L1, false) => &L1_BALL,
            (Norm::L2, false) => &L2_BALL,
            (Norm::Max, false) => &MAX_BALL,
            (Norm::L1, true) => &L1_SPHERE,
            (Norm::L2, true) => &L2_SPHERE,
            (Norm::Max, true) => &MAX_SPHERE,
        }
    }

    fn project(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let (rows, radius) = (self.along.rows(w), &p[0]);
        let u = match (self.norm, self.sphere) {
            (Norm::Max, false) => rows.clamp(radius.neg(), radius),
            (Norm::Max, true) => {
                let clamped = rows.clamp(radius.neg(), radius);
                let grown = ranks(&rows.abs()).lt(Fixed(1.0)).select(side(&rows).mul(radius), &rows);
                self.size(&rows).lt(radius).select(grown, clamped)
            }
            (Norm::L2, false) => {
                let r = self.size(&rows);
                let beyond = r.gt(radius);
                beyond.select(rows.mul(radius.div(beyond.select(&r, Fixed(1.0)))), &rows)
            }
            (Norm::L2, true) => {
                let r = self.size(&rows);
                let nothing = r.le(Fixed(0.0));
                let first = places(&rows).lt(Fixed(1.0)).select(radius, Fixed(0.0));
                nothing.select(first, rows.mul(radius.div(nothing.select(Fixed(1.0), &r))))
            }
            (Norm::L1, false) => rows.sign().mul(rows.abs().sub(threshold(&rows, radius, true).relu()).relu()),
            (Norm::L1, true) => {
                let n = rows.shape().map_or(1, |s| s[1].max(1)) as f64;
                let short = self.size(&rows).sub(radius).mul(Fixed(1.0 / n));
                let t = short.lt(Fixed(0.0)).select(&short, threshold(&rows, radius, true));
                side(&rows).mul(rows.abs().sub(t).relu())
            }
        };
        shaped(&u, w)
    }

    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let off = self.size(&self.along.rows(w)).sub(&p[0]);
        relative(&if self.sphere { off.abs() } else { off }, &p[0]).max(..)
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        vec![self.along.option()]
    }
}

const SHAPES: &[&[usize]] = &[&[1], &[6], &[257], &[5, 7]];

macro_rules! registered {
    ($($name:ident $of:ident $norm:ident $sphere:literal |$x:ident| $size:expr;)*) => {$(
        pub(super) static $name: Registered = Registered {
            of: &$of,
            options: &[Along::CHOICE],
            build: |o| {
                Ok(Arc::new(Indicator(Ball { norm: Norm::$norm, sphere: $sphere, along: Along::of(o)? })))
            },
            mirror: |$x, _, p| {
                let off: f64 = $size - p[0];
                if $sphere { off.abs() } else { off }
            },
            shapes: SHAPES,
            prox: Computed::Directly,
        };
    )*};
}
registered! {
    L1B L1_BALL L1 false |x| x.iter().map(|v| v.abs()).sum::<f64>();
    L2B L2_BALL L2 false |x| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    MAXB MAX_BALL Max false |x| x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    L1S L1_SPHERE L1 true |x| x.iter().map(|v| v.abs()).sum::<f64>();
    L2S L2_SPHERE L2 true |x| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    MAXS MAX_SPHERE Max true |x| x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
}

/// The indicator of `||x|| <= radius`.
#[must_use]
#[track_caller]
pub fn ball(norm: Norm, radius: impl Into<Scalar>, along: Along) -> Penalty {
    Penalty::functional(Indicator(Ball { norm, sphere: false, along }), &[radius.into()])
}

/// The indicator of `||x|| = radius`, not convex. Where several points are nearest, the entry of the catalogue says which is
/// taken.
#[must_use]
#[track_caller]
pub fn sphere(norm: Norm, radius: impl Into<Scalar>, along: Along) -> Penalty {
    Penalty::functional(Indicator(Ball { norm, sphere: true, along }), &[radius.into()])
}
