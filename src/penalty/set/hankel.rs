//! Hankel matrices: constant along anti-diagonals, as those of the lags of a series.

use super::super::Penalty;
use super::super::functional::Description;
use super::super::registry::{Computed, Registered};
use super::super::rows::shaped;
use super::{Indicator, Set, relative};
use crate::graph::Scatter;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// `x_(i, j)` depends on `i + j` only.
#[derive(Debug)]
struct Hankel;

static HANKEL_OF: Description = Description {
    name: "hankel",
    aliases: &[],
    summary: "matrices of the lags of a series: system identification, singular spectrum analysis",
    formula: "0 if x_(i, j) is the same for all i, j of one sum i + j, else infinity; of each matrix",
    parameters: &[],
    convex: true,
    set: true,
    source: "M. Fazel, T. Pong, D. Sun, P. Tseng, Hankel matrix rank minimization with applications to system identification \
             and realization, SIMAX 34 (2013)",
};

impl Set for Hankel {
    fn description(&self) -> &'static Description {
        &HANKEL_OF
    }

    /// Each entry becomes the mean of its anti-diagonal.
    fn project(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let Ok(&[.., m, n]) = w.shape().map(Shape::dims) else { return w.clone() };
        let lines = m + n - usize::from(m > 0 && n > 0);
        let (mut line, mut count) = (Vec::new(), vec![0.0f32; lines]);
        for k in 0..m * n {
            line.push((k / n + k % n) as u32);
            count[k / n + k % n] += 1.0;
        }
        let line = w.device().tensor(&line, [m * n]);
        let batch = w.shape().map_or(0, Shape::elements).checked_div(m * n).unwrap_or(0);
        let (flat, none) = (w.reshape([batch, m * n]), w.device().zeros([batch, lines]));
        let means = none.index_scatter(1, &line, &flat, Scatter::Add).div(w.device().tensor(&count, [1, lines]));
        shaped(&means.index_select(1, &line), w)
    }

    fn outside(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        relative(&w.sub(self.project(w, p)).abs().max(..), &w.abs().max(..))
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        (shape.rank() < 2).then(|| "it must be a matrix, or a batch of them".into())
    }
}

pub(super) static HANKEL: Registered = Registered {
    of: &HANKEL_OF,
    options: &[],
    build: |_| Ok(Arc::new(Indicator(Hankel))),
    mirror: |x, shape, _| {
        let (m, n) = (shape[0], shape[1]);
        let line = |l: usize| (0..m * n).filter(move |k| k / n + k % n == l).map(|k| x[k]);
        let off = |l: usize| {
            let mean = line(l).sum::<f64>() / line(l).count() as f64;
            line(l).fold(0.0f64, |worst, v| worst.max((v - mean).abs()))
        };
        (0..m + n - 1).map(off).fold(0.0, f64::max)
    },
    shapes: &[&[1, 1], &[3, 5], &[6, 4]],
    prox: Computed::Directly,
};

/// The indicator of the matrices (the last two axes) that are constant along anti-diagonals.
#[must_use]
#[track_caller]
pub fn hankel() -> Penalty {
    Penalty::functional(Indicator(Hankel), &[])
}
