//! Elements that only move: views and gathering.

use super::array::Array;
use super::ball::Ball;
use crate::graph::View;
use crate::shape::Shape;

/// Calls `visit` with each index of `shape`, row-major.
pub fn indices(shape: &Shape, mut visit: impl FnMut(&[usize])) {
    let mut index = vec![0usize; shape.rank()];
    for _ in 0..shape.elements() {
        visit(&index);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// See [`View`].
#[must_use]
pub fn view(source: &Array, view: &View, shape: &Shape) -> Array {
    let strides = source.shape.strides();
    let fill = Ball::exact(view.fill.value(source.dtype));
    let mut out = Vec::with_capacity(shape.elements());
    indices(shape, |o| {
        let place = view
            .axes
            .iter()
            .zip(source.shape.iter().zip(&strides))
            .try_fold(0usize, |at, (axis, (&len, &stride))| Some(at + axis.index(o, len)? * stride));
        out.push(place.map_or(fill, |at| source.ball(at)));
    });
    Array::collect(shape.clone(), source.dtype, out)
}

/// See [`Op::Gather`](crate::graph::Op::Gather). An index that is not certain gives the hull of all it may pick.
#[must_use]
pub fn gather(source: &Array, axis: usize, index: &Array) -> Array {
    let strides = source.shape.strides();
    let (len, float) = (source.shape[axis], source.dtype.is_float());
    let outside = Ball::exact(if float { f64::NAN } else { 0.0 });
    let mut out = Vec::with_capacity(index.len());
    indices(&index.shape, |o| {
        let base: usize = (0..o.len()).filter(|&a| a != axis).map(|a| o[a] * strides[a]).sum();
        let pick = |i: f64| {
            if i >= 0.0 && i < len as f64 { source.ball(base + i as usize * strides[axis]) } else { outside }
        };
        let at = index.ball(out.len());
        let chosen = pick(at.value);
        out.push(if at.is_exact() {
            chosen
        } else if at.low() < 0.0 || at.high() >= len as f64 {
            Ball::unknown(chosen.value)
        } else {
            let candidates = at.low().ceil() as usize..=at.high().floor() as usize;
            let error = candidates
                .map(|i| pick(i as f64))
                .fold(0.0f64, |e, c| e.max(super::ball::deviation(chosen.value, c.value) + c.error));
            Ball { value: chosen.value, error }
        });
    });
    Array::collect(index.shape.clone(), source.dtype, out)
}
