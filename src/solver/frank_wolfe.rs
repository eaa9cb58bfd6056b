//! Conditional gradients: minimisation over a set that is known by its extreme points.
//!
//! One iteration asks the set for the point `s` that minimises `<g, s>`, `g` the gradient at `x`, and moves towards it:
//! `x' = x + t (s - x)` (M. Frank, P. Wolfe, *An algorithm for quadratic programming*, Naval Res. Logist. Q. 3 (1956);
//! M. Jaggi, *Revisiting Frank-Wolfe*, ICML 2013). Nothing is projected, and after `k` iterations the point is a combination
//! of `k` extreme points.
//!
//! # Certificate
//! `<g, x - s>` is a duality gap: the objective at `x` is above the minimum by no more. It is [`Report::gap`](super::Report::gap) and
//! [`Report::optimality`](super::Report::optimality).

use super::drive::{Marks, Method, State, drive, zeros};
use super::smooth::Smooth;
use super::{Options, Solution, admit_start};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::linear::spread;
use crate::tensor::Tensor;

/// A bounded set by its linear minimisation: `argmin_{s in the set} <g, s>`.
pub trait Extreme {
    /// A minimiser in the shape of `g`.
    fn least(&self, g: &Tensor) -> Tensor;
}

impl<F: Fn(&Tensor) -> Tensor> Extreme for F {
    fn least(&self, g: &Tensor) -> Tensor {
        self(g)
    }
}

/// Sets whose extreme points are cheap to find.
#[derive(Clone, Debug)]
pub enum Hull {
    /// `||x||_1 <= radius`.
    L1Ball(f64),
    /// `x >= 0`, `sum x = size`.
    Simplex(f64),
    /// `||x||_2 <= radius`.
    L2Ball(f64),
    /// `lower <= x <= upper`, elementwise.
    Box(Tensor, Tensor),
    /// Matrices whose singular values sum to at most the radius; the leading pair by so many steps of the power method.
    NuclearBall(f64, usize),
}

impl Extreme for Hull {
    fn least(&self, g: &Tensor) -> Tensor {
        let pick = |scores: &Tensor| -> Result<Tensor> {
            let flat = scores.flatten();
            Ok(flat.argmax(0).unsqueeze(0).one_hot(flat.shape()?[0], DType::F32).reshape(g.shape()?.clone()))
        };
        let found = match self {
            Hull::L1Ball(radius) => pick(&g.abs()).map(|at| at * g.sign() * -*radius),
            Hull::Simplex(size) => pick(&-g).map(|at| at * *size),
            Hull::L2Ball(radius) => {
                let size = g.square().sum(..).sqrt();
                let some = size.gt(0.0);
                Ok(g * some.select(-*radius / some.select(&size, 1.0), 0.0))
            }
            Hull::Box(lower, upper) => Ok(g.gt(0.0).select(lower, upper)),
            Hull::NuclearBall(radius, steps) => leading(g, *steps).map(|(u, v)| u * v * -*radius),
        };
        found.unwrap_or_else(|e| Tensor::new(g.device(), Err(e)))
    }
}

/// The leading singular pair `u: [m, 1]`, `v: [1, n]` of a matrix, by the power method; 0 for the matrix 0.
fn leading(a: &Tensor, steps: usize) -> Result<(Tensor, Tensor)> {
    let shape = a.shape()?;
    let [_, n] = shape.dims() else {
        let message = format!("shape {shape} is no matrix");
        return Err(Error::argument("nuclear ball", message, "it takes one with two axes", Site::here()));
    };
    let unit = |x: Tensor| {
        let size = x.square().sum(..).sqrt();
        let some = size.gt(0.0);
        x * some.select(some.select(&size, 1.0).recip(), 0.0)
    };
    let mut v = spread(a.device(), &[*n, 1].into(), 0);
    let mut u = unit(a.matmul(&v));
    for _ in 0..steps {
        v = unit(a.t().matmul(&u));
        u = unit(a.matmul(&v));
    }
    Ok((u, v.t()))
}

/// How far an iteration moves towards the extreme point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stride {
    /// `2 / (k + 2)`: right for every smooth convex function.
    Open,
    /// To the minimum of the quadratic that agrees with the objective in slope and curvature along the segment: exact for
    /// quadratics. Where it would raise the objective, the open stride is taken.
    Curvature,
}

struct Conditional<'a> {
    smooth: &'a dyn Smooth,
    set: &'a dyn Extreme,
    stride: Stride,
}

impl Method for Conditional<'_> {
    const NAME: &'static str = "frank_wolfe";

    fn iterate(&self, state: &State, k: usize) -> Result<State> {
        let x = &state[0];
        let g = self.smooth.gradient(x)?;
        let d = self.set.least(&g[0]) - &x[0];
        let open = x[0].device().scalar(2.0 / (k as f64 + 2.0));
        let t = match self.stride {
            Stride::Open => open,
            Stride::Curvature => {
                let turned = crate::autograd::jvp(&[&g[0]], &[&x[0]], &[&d])?.swap_remove(0);
                let (slope, bend) = ((&g[0] * &d).sum(..), (turned * &d).sum(..));
                let curved = bend.gt(0.0);
                let newton = curved.select(-&slope / curved.select(&bend, 1.0), 1.0).clamp(0.0, 1.0);
                let trial = [&x[0] + &d * &newton];
                // equal up to rounding is no rise: close to the minimum there is nothing else
                let before = self.smooth.value(x);
                let ceiling = &before + before.abs() * ROUNDING;
                self.smooth.value(&trial).le(&ceiling).select(&newton, &open)
            }
        };
        Ok(vec![vec![&x[0] + d * &t], vec![t]])
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        let x = &state[0];
        let g = self.smooth.gradient(x)?;
        let gap = (&g[0] * (&x[0] - self.set.least(&g[0]))).sum(..);
        let optimality = gap.maximum(0.0);
        Ok(Marks { gap: Some(gap), ..Marks::new(self.smooth.value(x), optimality, state[1][0].clone()) })
    }
}

/// Objectives this close, relative, are equal: rounding of a pairwise sum of many f32 terms.
const ROUNDING: f64 = 1e-6;

/// Minimises `smooth(x)` over a set from a point of it, by conditional gradients. `tol` is a tolerance of the gap, in units of
/// the objective.
///
/// # Errors
/// A start that is not f32, numbers that are not finite, whatever evaluating meets.
pub async fn frank_wolfe(
    smooth: &dyn Smooth,
    set: &dyn Extreme,
    start: &Tensor,
    stride: Stride,
    options: Options<'_>,
) -> Result<Solution> {
    let device = admit_start("frank_wolfe", std::slice::from_ref(start), &options, Site::here())?;
    start.eval()?;
    let state = vec![vec![start.leaf()?], vec![zeros(&device.scalar(0.0))?]];
    drive(&mut Conditional { smooth, set, stride }, &device, &state, options).await
}
