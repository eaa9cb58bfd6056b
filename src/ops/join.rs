//! Joining, cutting and repeating. As all movement, these keep the dtype.

use super::axes::{axis_of, no_axis};
use super::movement::restore_node;
use super::{Fixed, failed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Fill, Node};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Tensor {
    /// The tensors one after the other along an axis.
    ///
    /// # Errors
    /// The list is empty, or shapes differ in another axis, or dtypes differ.
    ///
    /// ```
    /// # use ridgepoint::Tensor;
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let (a, b) = (device.tensor(&[1.0f32, 2.0], [2]), device.tensor(&[3.0f32], [1]));
    /// assert_eq!(Tensor::concat(&[&a, &b], 0)?.read_blocking::<f32>()?, [1.0, 2.0, 3.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn concat(tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
        let site = Site::here();
        let Some(first) = tensors.first() else {
            return Err(Error::argument("concat", "no tensors", "give at least one", site));
        };
        let nodes = Tensor::nodes("concat", tensors, site)?;
        let shape = nodes[0].shape();
        axis_of("concat", axis, shape, site)?;
        for node in &nodes {
            if node.shape().without(&[axis]) != shape.without(&[axis]) || node.shape().rank() != shape.rank() {
                let message = format!("shapes {shape} and {} along axis {axis}", node.shape());
                return Err(Error::argument("concat", message, "the other axes must agree", site));
            }
            if node.dtype() != nodes[0].dtype() {
                let message = format!("dtypes {} and {}", nodes[0].dtype(), node.dtype());
                return Err(Error::argument("concat", message, "cast to one dtype first", site));
            }
        }
        // A few pieces are joined in one expression; many in groups, so that none binds too many buffers.
        let mut level: Vec<Tensor> = tensors.iter().map(|&t| t.clone()).collect();
        while level.len() > 1 {
            let mut joined = Vec::new();
            for group in level.chunks(JOINED_AT_ONCE) {
                joined.push(join(group, axis));
            }
            level = joined;
        }
        Ok(level.pop().unwrap_or_else(|| (*first).clone()))
    }

    /// Tensors of one shape along a new axis.
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
        let mut raised = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            raised.push(tensor.unsqueeze(axis));
        }
        Tensor::concat(&raised.iter().collect::<Vec<_>>(), axis)
    }

    /// Consecutive pieces of the given lengths along an axis.
    ///
    /// # Errors
    /// The lengths do not add up to the length of the axis; each piece carries the error.
    #[track_caller]
    #[must_use]
    pub fn split(&self, axis: usize, lengths: impl AsRef<[usize]>) -> Vec<Tensor> {
        let (site, lengths) = (Site::here(), lengths.as_ref());
        let bad = match self.shape() {
            Err(error) => Some(error),
            Ok(shape) if axis >= shape.rank() => Some(no_axis("split", axis, shape, site)),
            Ok(shape) if lengths.iter().fold(0usize, |sum, &n| sum.saturating_add(n)) != shape[axis] => {
                let message = format!("lengths {lengths:?} along axis {axis} of shape {shape}");
                Some(Error::argument("split", message, format!("they must add up to {}", shape[axis]), site))
            }
            Ok(_) => None,
        };
        let mut pieces = Vec::with_capacity(lengths.len());
        let mut start = 0;
        for &length in lengths {
            pieces.push(match &bad {
                Some(error) => failed(self, error.clone()),
                None => self.slice(axis, start..start + length),
            });
            start = start.saturating_add(length);
        }
        pieces
    }

    /// `n` consecutive pieces along an axis, of equal length but for the last ones, which may be shorter by one.
    #[track_caller]
    #[must_use]
    pub fn chunk(&self, axis: usize, n: usize) -> Vec<Tensor> {
        let len = self.shape().ok().and_then(|shape| shape.get(axis).copied()).unwrap_or(0);
        let lengths: Vec<usize> = (0..n).map(|i| len / n + usize::from(i < len % n)).collect();
        self.split(axis, lengths)
    }

    /// Each element `times` times in succession along an axis.
    #[track_caller]
    #[must_use]
    pub fn repeat(&self, axis: usize, times: usize) -> Tensor {
        self.multiply(axis, times, true)
    }

    /// The whole tensor repeated `times[axis]` times along each axis.
    ///
    /// # Errors
    /// There is not one number per axis.
    #[track_caller]
    #[must_use]
    pub fn tile(&self, times: impl AsRef<[usize]>) -> Tensor {
        let (times, shape) = (times.as_ref(), ok!(self, self.shape()));
        if times.len() != shape.rank() {
            let message = format!("{times:?} for shape {shape}");
            return refuse(self, "tile", message, "give one number per axis; unsqueeze for new axes", Site::here());
        }
        let mut tiled = self.clone();
        for (axis, &n) in times.iter().enumerate() {
            if n != 1 {
                tiled = tiled.multiply(axis, n, false);
            }
        }
        tiled
    }

    #[track_caller]
    fn multiply(&self, axis: usize, times: usize, inner: bool) -> Tensor {
        let site = Site::here();
        self.then(|x| {
            let len = x.shape()[axis_of("repeat", axis, x.shape(), site)?];
            // Three axes suffice whatever the rank: before, at, and after the new one.
            let before = Shape::from(&x.shape()[..axis + usize::from(inner)]).elements();
            let after = Shape::from(&x.shape()[axis + usize::from(inner)..]).elements();
            let flat = Node::reshape(x, [before, after].into(), site)?;
            let many = restore_node(&flat, &[1], &[before, times, after].into(), site)?;
            let mut dims = x.shape().dims().to_vec();
            dims[axis] = len.saturating_mul(times);
            Node::reshape(&many, dims.into(), site)
        })
    }

    /// Shifted along an axis, what leaves at the end enters at the start: `y[i] = x[(i - shift) mod n]`.
    #[track_caller]
    #[must_use]
    pub fn roll(&self, axis: usize, shift: isize) -> Tensor {
        let shape = ok!(self, self.shape());
        let len = shape[ok!(self, axis_of("roll", axis, shape, Site::here()))];
        let shift = if len == 0 { 0 } else { shift.rem_euclid(len as isize) as usize };
        if shift == 0 {
            return self.clone();
        }
        join(&[self.slice(axis, len - shift..), self.slice(axis, ..len - shift)], axis)
    }
}

/// Pieces that [`join`] takes into one expression: with the result they stay within eight buffers.
const JOINED_AT_ONCE: usize = 7;

/// Concatenates pieces that are known to fit: each padded to the whole, the right one chosen by position.
#[track_caller]
fn join(pieces: &[Tensor], axis: usize) -> Tensor {
    let mut lengths = Vec::with_capacity(pieces.len());
    for piece in pieces {
        lengths.push(ok!(piece, piece.shape())[axis]);
    }
    let total: usize = lengths.iter().sum();
    let mut end = total;
    let mut joined: Option<Tensor> = None;
    for (piece, &length) in pieces.iter().zip(&lengths).rev() {
        if length > 0 || (joined.is_none() && end == 0) {
            let mut padding = vec![(0, 0); ok!(piece, piece.shape()).rank()];
            padding[axis] = (end - length, total - end);
            let padded = piece.pad(padding, Fill::Zero).widen();
            joined = Some(match joined {
                None => padded,
                Some(rest) => rest.positions(axis, DType::U32).lt(Fixed(end as f64)).select(&padded, &rest),
            });
        }
        end -= length;
    }
    match joined {
        Some(joined) => pieces[0].keep_dtype(joined),
        None => pieces[0].clone(),
    }
}
