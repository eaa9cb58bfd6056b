//! A set of axes as an argument.

use crate::error::{Error, Result, Site};
use crate::shape::Shape;
use std::ops::{Range, RangeFrom, RangeFull};

/// The axes a method works over: one (`1`), several (`[0, 2]`, `0..2`, `1..`), or all (`..`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Selection);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selection {
    Named(Vec<usize>),
    From(usize),
}

impl Axes {
    /// How many axes are named; `None` for a range without end.
    pub(super) fn count(&self) -> Option<usize> {
        match &self.0 {
            Selection::Named(axes) => Some(axes.len()),
            Selection::From(_) => None,
        }
    }

    /// The axes in ascending order, each once, all of them axes of `shape`.
    pub(super) fn resolve(self, op: &str, shape: &Shape, site: Site) -> Result<Vec<usize>> {
        let rank = shape.rank();
        let mut axes = match self.0 {
            Selection::Named(axes) => axes,
            Selection::From(first) if first <= rank => (first..rank).collect(),
            Selection::From(first) => vec![first],
        };
        axes.sort_unstable();
        if let Some(pair) = axes.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("axis {} is named twice in {axes:?}", pair[0]);
            return Err(Error::argument(op, message, "name each axis once", site));
        }
        match axes.last() {
            Some(&axis) if axis >= rank => Err(no_axis(op, axis, shape, site)),
            _ => Ok(axes),
        }
    }
}

/// The error for an axis that `shape` does not have.
pub(super) fn no_axis(op: &str, axis: usize, shape: &Shape, site: Site) -> Error {
    let hint = match shape.rank() {
        0 => "a scalar has no axes".to_owned(),
        rank => format!("axes are counted from 0, the last one is {}", rank - 1),
    };
    Error::argument(op, format!("axis {axis} of shape {shape}"), hint, site)
}

/// `axis`, if `shape` has it.
pub(super) fn axis_of(op: &str, axis: usize, shape: &Shape, site: Site) -> Result<usize> {
    if axis < shape.rank() { Ok(axis) } else { Err(no_axis(op, axis, shape, site)) }
}

impl From<usize> for Axes {
    fn from(axis: usize) -> Self {
        Self(Selection::Named(vec![axis]))
    }
}
impl<const N: usize> From<[usize; N]> for Axes {
    fn from(axes: [usize; N]) -> Self {
        Self(Selection::Named(axes.to_vec()))
    }
}
impl<const N: usize> From<&[usize; N]> for Axes {
    fn from(axes: &[usize; N]) -> Self {
        Self(Selection::Named(axes.to_vec()))
    }
}
impl From<&[usize]> for Axes {
    fn from(axes: &[usize]) -> Self {
        Self(Selection::Named(axes.to_vec()))
    }
}
impl From<Vec<usize>> for Axes {
    fn from(axes: Vec<usize>) -> Self {
        Self(Selection::Named(axes))
    }
}
impl From<&Vec<usize>> for Axes {
    fn from(axes: &Vec<usize>) -> Self {
        Self(Selection::Named(axes.clone()))
    }
}
impl From<Range<usize>> for Axes {
    fn from(axes: Range<usize>) -> Self {
        Self(Selection::Named(axes.collect()))
    }
}
impl From<RangeFrom<usize>> for Axes {
    fn from(axes: RangeFrom<usize>) -> Self {
        Self(Selection::From(axes.start))
    }
}
impl From<RangeFull> for Axes {
    fn from(_: RangeFull) -> Self {
        Self(Selection::From(0))
    }
}
