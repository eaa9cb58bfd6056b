//! Movement: views, reshapes and joins. All of them keep the dtype, `f16`, `bf16` and `bool` included, and copy nothing by
//! themselves; the gradient of each is the sum of what flows back to an element.

use super::axes::{Axes, axis_of};
use super::{Operand, failed, ok};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{AxisMap, Fill, Node, View};
use crate::shape::{MAX_LEN, Shape};
use crate::tensor::Tensor;
use std::ops::{Bound, RangeBounds};

/// In the argument of [`Tensor::reshape`]: the length that the others leave.
pub const INFER: usize = usize::MAX;

/// The node in a shape it broadcasts to.
pub(super) fn broadcast_node(node: &Node, shape: &Shape, site: Site) -> Result<Node> {
    let from = node.shape();
    if from == shape {
        return Ok(node.clone());
    }
    if from.broadcast(shape).as_ref() != Some(shape) {
        let message = format!("shape {from} does not broadcast to {shape}");
        let hint = "aligned at the last axis, each length must be 1 or the one asked for";
        return Err(Error::argument("broadcast_to", message, hint, site));
    }
    let shift = shape.rank() - from.rank();
    let one = |axis: usize| if from[axis] == 1 { AxisMap::fixed(0) } else { AxisMap::same(axis + shift) };
    view(node, (0..from.rank()).map(one).collect(), shape.clone(), site)
}

/// A view that never leaves its source.
pub(super) fn view(node: &Node, axes: Vec<AxisMap>, shape: Shape, site: Site) -> Result<Node> {
    Node::view(node, View { axes, fill: Fill::Zero }, shape, site)
}

/// The node without its axes `axes` being the shape `shape`: puts reduced axes back by repetition.
pub(super) fn restore_node(node: &Node, axes: &[usize], shape: &Shape, site: Site) -> Result<Node> {
    let kept = (0..shape.rank()).filter(|axis| !axes.contains(axis));
    view(node, kept.map(AxisMap::same).collect(), shape.clone(), site)
}

/// `start..end` of a range over `len` elements.
fn bounds(range: &impl RangeBounds<usize>, len: usize) -> (usize, usize) {
    let start = match range.start_bound() {
        Bound::Included(&s) => s,
        Bound::Excluded(&s) => s.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&e) => e.saturating_add(1),
        Bound::Excluded(&e) => e,
        Bound::Unbounded => len,
    };
    (start, end)
}

impl Tensor {
    /// The same elements, row-major, in another shape. One length may be [`INFER`].
    ///
    /// # Errors
    /// The numbers of elements differ, or several lengths are [`INFER`].
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor {
        let site = Site::here();
        let shape = shape.into();
        self.then(|x| Node::reshape(x, infer(shape, x, site)?, site))
    }

    /// All elements in one axis.
    #[track_caller]
    #[must_use]
    pub fn flatten(&self) -> Tensor {
        let site = Site::here();
        self.then(|x| Node::reshape(x, Shape::from(x.elements()), site))
    }

    /// The neighbouring axes `first..=last` as one.
    #[track_caller]
    #[must_use]
    pub fn flatten_axes(&self, first: usize, last: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let shape = x.shape();
            axis_of("flatten_axes", last, shape, site)?;
            if first > last {
                let message = format!("axes {first}..={last} of shape {shape}");
                return Err(Error::argument("flatten_axes", message, "the first axis comes first", site));
            }
            let joined = Shape::from(&shape[first..=last]).elements();
            Node::reshape(x, [&shape[..first], &[joined], &shape[last + 1..]].concat().into(), site)
        })
    }

    /// Axis `j` of the result is axis `order[j]` of this.
    ///
    /// # Errors
    /// `order` does not name each axis once.
    #[track_caller]
    #[must_use]
    pub fn permute(&self, order: impl AsRef<[usize]>) -> Tensor {
        let site = Site::here();
        self.then(|x| permute_node(x, order.as_ref(), site))
    }

    /// Two axes exchanged.
    #[track_caller]
    #[must_use]
    pub fn transpose(&self, a: usize, b: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let mut order: Vec<_> = (0..x.shape().rank()).collect();
            axis_of("transpose", a.max(b), x.shape(), site)?;
            order.swap(a, b);
            permute_node(x, &order, site)
        })
    }

    /// The last two axes exchanged: the transpose of a matrix, or of each matrix of a batch.
    #[track_caller]
    #[must_use]
    pub fn t(&self) -> Tensor {
        match ok!(self, self.shape()).rank() {
            rank if rank >= 2 => self.transpose(rank - 2, rank - 1),
            _ => self.transpose(0, 1),
        }
    }

    /// Axis `from` moved to place `to`; the others keep their order.
    #[track_caller]
    #[must_use]
    pub fn move_axis(&self, from: usize, to: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            axis_of("move_axis", from.max(to), x.shape(), site)?;
            let mut order: Vec<_> = (0..x.shape().rank()).filter(|&axis| axis != from).collect();
            order.insert(to, from);
            permute_node(x, &order, site)
        })
    }

    /// Axes of length 1, and new ones before the first, repeated to a shape; no copy.
    ///
    /// # Errors
    /// A length is neither 1 nor the one asked for.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        let site = Site::here();
        let shape = shape.into();
        self.then(|x| broadcast_node(x, &shape, site))
    }

    /// New axes of length 1; `axes` are their places in the result.
    #[track_caller]
    #[must_use]
    pub fn unsqueeze(&self, axes: impl Into<Axes>) -> Tensor {
        let (site, axes) = (Site::here(), axes.into());
        self.then(|x| {
            // Named axes must exist in the result, whose rank depends on how many there are.
            let Some(n_new) = axes.count() else {
                return Err(Error::argument("unsqueeze", "a range without end", "name the new axes", site));
            };
            let axes = axes.resolve("unsqueeze", &Shape::from(vec![1; x.shape().rank() + n_new]), site)?;
            let mut dims = x.shape().dims().to_vec();
            for &axis in &axes {
                dims.insert(axis, 1);
            }
            restore_node(x, &axes, &dims.into(), site)
        })
    }

    /// Without the given axes, which must have length 1.
    #[track_caller]
    #[must_use]
    pub fn squeeze(&self, axes: impl Into<Axes>) -> Tensor {
        let (site, axes) = (Site::here(), axes.into());
        self.then(|x| {
            let axes = axes.resolve("squeeze", x.shape(), site)?;
            if let Some(&long) = axes.iter().find(|&&axis| x.shape()[axis] != 1) {
                let message = format!("axis {long} of shape {} has length {}", x.shape(), x.shape()[long]);
                return Err(Error::argument(
                    "squeeze",
                    message,
                    "only axes of length 1 can go; use pick or a sum",
                    site,
                ));
            }
            let shape = x.shape().without(&axes);
            let mut place = 0..;
            let relation = |axis| match axes.contains(&axis) {
                true => AxisMap::fixed(0),
                false => AxisMap::same(place.next().unwrap_or_default()),
            };
            let relations = (0..x.shape().rank()).map(relation).collect();
            view(x, relations, shape, site)
        })
    }

    /// The elements `range` along an axis.
    ///
    /// # Errors
    /// The range ends beyond the axis or before it starts (nothing is cut off silently).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [4]);
    /// assert_eq!(x.slice(0, 1..3).read_blocking::<f32>()?, [2.0, 3.0]);
    /// assert_eq!(x.slice_step(0, .., 2).read_blocking::<f32>()?, [1.0, 3.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn slice(&self, axis: usize, range: impl RangeBounds<usize>) -> Tensor {
        self.slice_step(axis, range, 1)
    }

    /// Each `step`-th element of `range` along an axis, starting with the first. To run backwards, [`Tensor::flip`] first.
    #[track_caller]
    #[must_use]
    pub fn slice_step(&self, axis: usize, range: impl RangeBounds<usize>, step: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let len = x.shape()[axis_of("slice", axis, x.shape(), site)?];
            let (start, end) = bounds(&range, len);
            if start > end || end > len || step == 0 || step > MAX_LEN {
                let message = format!("{start}..{end} step {step} along axis {axis} of shape {}", x.shape());
                let hint = format!("the range must lie in 0..{len}, the step be at least 1");
                return Err(Error::argument("slice", message, hint, site));
            }
            let mut dims = x.shape().dims().to_vec();
            dims[axis] = (end - start).div_ceil(step);
            let mut axes = same_axes(x);
            axes[axis] = AxisMap { terms: vec![(axis, step as i64)], offset: start as i64, divisor: 1 };
            view(x, axes, dims.into(), site)
        })
    }

    /// The slice at one position; the axis vanishes.
    #[track_caller]
    #[must_use]
    pub fn pick(&self, axis: usize, at: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let len = x.shape()[axis_of("pick", axis, x.shape(), site)?];
            if at >= len {
                let message = format!("position {at} along axis {axis} of shape {}", x.shape());
                return Err(Error::argument("pick", message, format!("positions are below {len}"), site));
            }
            let relation = |a: usize| match a.cmp(&axis) {
                std::cmp::Ordering::Less => AxisMap::same(a),
                std::cmp::Ordering::Equal => AxisMap::fixed(at),
                std::cmp::Ordering::Greater => AxisMap::same(a - 1),
            };
            view(x, (0..x.shape().rank()).map(relation).collect(), x.shape().without(&[axis]), site)
        })
    }

    /// The order of the elements along the axes reversed.
    #[track_caller]
    #[must_use]
    pub fn flip(&self, axes: impl Into<Axes>) -> Tensor {
        let (site, axes) = (Site::here(), axes.into());
        self.then(|x| {
            let mut relations = same_axes(x);
            for axis in axes.resolve("flip", x.shape(), site)? {
                let last = x.shape()[axis] as i64 - 1;
                relations[axis] = AxisMap { terms: vec![(axis, -1)], offset: last, divisor: 1 };
            }
            view(x, relations, x.shape().clone(), site)
        })
    }

    /// `padding[axis] = (before, after)` elements `fill` around each axis.
    ///
    /// # Errors
    /// There is not one pair per axis.
    #[track_caller]
    #[must_use]
    pub fn pad(&self, padding: impl AsRef<[(usize, usize)]>, fill: Fill) -> Tensor {
        let site = Site::here();
        self.then(|x| pad_node(x, padding.as_ref(), fill, site))
    }

    /// [`Tensor::pad`] with any number.
    #[track_caller]
    #[must_use]
    pub fn pad_with(&self, padding: impl AsRef<[(usize, usize)]>, value: impl Operand) -> Tensor {
        let padding = padding.as_ref();
        let inside = self.scalar_beside(1.0, true, DType::Bool).broadcast_to(ok!(self, self.shape()));
        let padded = self.pad(padding, Fill::Zero).widen();
        self.keep_dtype(inside.pad(padding, Fill::Zero).select_like(&padded, &padded, value))
    }

    /// `factor - 1` zeros between neighbours along an axis; the length becomes `(n - 1) * factor + 1`.
    #[track_caller]
    #[must_use]
    pub fn dilate(&self, axis: usize, factor: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            axis_of("dilate", axis, x.shape(), site)?;
            if factor == 0 || factor > MAX_LEN {
                return Err(Error::argument("dilate", format!("factor {factor}"), "it is 1 or more", site));
            }
            let mut dims = x.shape().dims().to_vec();
            dims[axis] = dims[axis].saturating_sub(1).saturating_mul(factor).saturating_add(dims[axis].min(1));
            let mut axes = same_axes(x);
            axes[axis].divisor = factor as i64;
            view(x, axes, dims.into(), site)
        })
    }

    /// Sliding windows along an axis, as a new last axis: `y[.., o, .., k] = x[.., o * stride + k * dilation, ..]`. No copy.
    ///
    /// # Shapes
    /// The axis gets `(n - dilation * (size - 1) - 1) / stride + 1` positions.
    ///
    /// # Errors
    /// The window is longer than the axis, or a number is 0.
    #[track_caller]
    #[must_use]
    pub fn window(&self, axis: usize, size: usize, stride: usize, dilation: usize) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let len = x.shape()[axis_of("window", axis, x.shape(), site)?];
            let positions = window_positions(len, size, stride, dilation);
            let Some(positions) = positions else {
                let message =
                    format!("size {size}, stride {stride}, dilation {dilation} on axis {axis} of shape {}", x.shape());
                let hint = format!("all are 1 or more, and dilation * (size - 1) is below the length {len}; pad first");
                return Err(Error::argument("window", message, hint, site));
            };
            let mut dims = x.shape().dims().to_vec();
            dims[axis] = positions;
            dims.push(size);
            let mut axes = same_axes(x);
            axes[axis].terms = vec![(axis, stride as i64), (dims.len() - 1, dilation as i64)];
            view(x, axes, dims.into(), site)
        })
    }

    /// `0, 1, …` along an axis, in the shape of this.
    #[track_caller]
    pub(super) fn positions(&self, axis: usize, dtype: DType) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let shape = x.shape();
            let iota = Node::iota(shape[axis], dtype, site)?;
            view(&iota, vec![AxisMap::same(axis)], shape.clone(), site)
        })
    }

    /// Reduced axes of a reduction put back by repetition, to `shape`.
    #[track_caller]
    pub(super) fn restore(&self, axes: &[usize], shape: &Shape) -> Tensor {
        let site = Site::here();
        self.then(|x| restore_node(x, axes, shape, site))
    }

    /// `result`, which was widened from a storage float, as this tensor's dtype; exact for values that came from it.
    #[track_caller]
    pub(super) fn keep_dtype(&self, result: Tensor) -> Tensor {
        match self.dtype() {
            Ok(dtype) => result.cast(dtype),
            Err(error) => failed(self, error),
        }
    }
}

fn infer(shape: Shape, x: &Node, site: Site) -> Result<Shape> {
    let unknown: Vec<_> = (0..shape.rank()).filter(|&axis| shape[axis] == INFER).collect();
    let [axis] = unknown[..] else {
        if unknown.is_empty() {
            return Ok(shape);
        }
        return Err(Error::argument("reshape", "several lengths are INFER", "only one can be inferred", site));
    };
    let others = shape.without(&[axis]).elements();
    if others == 0 || !x.elements().is_multiple_of(others) {
        let message = format!("{} elements of shape {} over lengths of product {others}", x.elements(), x.shape());
        return Err(Error::argument("reshape", message, "the inferred length must be a whole number", site));
    }
    let mut dims = shape.dims().to_vec();
    dims[axis] = x.elements() / others;
    Ok(dims.into())
}

fn permute_node(x: &Node, order: &[usize], site: Site) -> Result<Node> {
    let rank = x.shape().rank();
    let place: Option<Vec<usize>> = (0..rank).map(|axis| order.iter().position(|&o| o == axis)).collect();
    match place {
        Some(place) if order.len() == rank => {
            if order.iter().enumerate().all(|(j, &axis)| j == axis) {
                return Ok(x.clone());
            }
            let shape: Vec<usize> = order.iter().map(|&axis| x.shape()[axis]).collect();
            view(x, place.into_iter().map(AxisMap::same).collect(), shape.into(), site)
        }
        _ => {
            let message = format!("order {order:?} for shape {}", x.shape());
            Err(Error::argument("permute", message, format!("name each of the {rank} axes once"), site))
        }
    }
}

fn pad_node(x: &Node, padding: &[(usize, usize)], fill: Fill, site: Site) -> Result<Node> {
    if padding.len() != x.shape().rank() {
        let message = format!("padding {padding:?} for shape {}", x.shape());
        return Err(Error::argument("pad", message, "give one (before, after) per axis", site));
    }
    if padding.iter().all(|&pair| pair == (0, 0)) {
        return Ok(x.clone());
    }
    let grown = |(&n, &(before, after)): (&usize, &(usize, usize))| n.saturating_add(before).saturating_add(after);
    let shape: Vec<usize> = x.shape().iter().zip(padding).map(grown).collect();
    let mut axes = same_axes(x);
    for (relation, &(before, _)) in axes.iter_mut().zip(padding) {
        relation.offset = -(before.min(MAX_LEN) as i64);
    }
    Node::view(x, View { axes, fill }, shape.into(), site)
}

fn same_axes(x: &Node) -> Vec<AxisMap> {
    (0..x.shape().rank()).map(AxisMap::same).collect()
}

/// How many windows fit, if any and if the numbers make sense.
pub(super) fn window_positions(len: usize, size: usize, stride: usize, dilation: usize) -> Option<usize> {
    let sane = (1..=MAX_LEN).contains(&size) && (1..=MAX_LEN).contains(&stride) && (1..=MAX_LEN).contains(&dilation);
    let span = sane.then(|| dilation.checked_mul(size - 1)).flatten()?;
    (span < len).then(|| (len - span - 1) / stride + 1)
}
