//! Elements by position: gather, selection, scatter. Deterministic: what meets in one element is joined in order.

use super::axes::axis_of;
use super::{Fixed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Node, Routine, Scatter};
use crate::tensor::Tensor;

impl Tensor {
    /// `y[.., i, ..] = x[.., index[.., i, ..], ..]` along an axis.
    ///
    /// # Shapes
    /// `index` (`u32` or `i32`) equals `x` but along the axis; the result has its shape.
    ///
    /// # Errors
    /// Shapes or the dtype of the index do not fit. An index out of range is no error (nothing on the device can raise
    /// one): it gives NaN for floats, 0 for integers, false.
    ///
    /// # Gradient
    /// Each element receives the sum of what flows back to where it was read, in a fixed order.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, axis: usize, index: &Tensor) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("gather", &[self, index], site));
        Tensor::new(self.device(), Node::gather(&nodes[0], axis, &nodes[1], site))
    }

    /// The slices at the positions `index` along an axis, like rows of an embedding table.
    ///
    /// # Shapes
    /// The axis is replaced by the axes of `index`: none for a scalar, several for a matrix.
    ///
    /// # Errors
    /// As [`Tensor::gather`].
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let table = device.tensor(&[0.0f32, 1.0, 10.0, 11.0, 20.0, 21.0], [3, 2]);
    /// let rows = table.index_select(0, &device.tensor(&[2u32, 0], [2]));
    /// assert_eq!(rows.read_blocking::<f32>()?, [20.0, 21.0, 0.0, 1.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn index_select(&self, axis: usize, index: &Tensor) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("index_select", axis, shape, site));
        let places = ok!(self, index.shape());
        let mut dims = shape.dims().to_vec();
        dims[axis] = places.elements();
        let others: Vec<_> = (0..shape.rank()).filter(|&a| a != axis).collect();
        let flat = index.flatten().restore(&others, &dims.into());
        self.gather(axis, &flat).reshape([&shape[..axis], places.dims(), &shape[axis + 1..]].concat())
    }

    /// `y[.., index[.., j, ..], ..]` joined with `source[.., j, ..]` along an axis: the reverse of [`Tensor::gather`].
    ///
    /// Sources that meet in one element are joined in ascending order with what this tensor holds there; with
    /// [`Scatter::Replace`] the last one stays. An index out of range is dropped.
    ///
    /// # Shapes
    /// `index` (`u32` or `i32`) and `source` have one shape, which equals this one's but along the axis.
    ///
    /// # Errors
    /// Shapes or dtypes do not fit.
    ///
    /// # Gradient
    /// To this tensor where it stays (all of it for `Add`), to the sources that stayed.
    #[track_caller]
    #[must_use]
    pub fn scatter(&self, axis: usize, index: &Tensor, source: &Tensor, how: Scatter) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("scatter", axis, shape, site));
        let (i, s) = (ok!(self, index.shape()), ok!(self, source.shape()));
        if i != s || i.rank() != shape.rank() || i.without(&[axis]) != shape.without(&[axis]) {
            let message = format!("index {i} and source {s} into {shape} along axis {axis}");
            let hint = "index and source have one shape, which equals the base's but along the axis";
            return refuse(self, "scatter", message, hint, site);
        }
        let strides = shape.strides();
        let place = ok!(self, index.in_range("scatter", shape[axis], site));
        let valid = place.lt(Fixed(shape[axis] as f64));
        let mut linear = place.mul(Fixed(strides[axis] as f64));
        for (a, &stride) in strides.iter().enumerate() {
            if a != axis {
                linear = linear.add(&linear.positions(a, DType::U32).mul(Fixed(stride as f64)));
            }
        }
        let linear = valid.select_like(&linear, &linear, Fixed(f64::from(u32::MAX))).flatten();
        let (n, m) = (shape.elements(), i.elements());
        self.join_rows(&self.reshape([n, 1]), &linear, &source.reshape([m, 1]), how).reshape(shape)
    }

    /// Whole slices joined along an axis: `y[.., index[j], ..]` with `source[.., j, ..]`, in ascending `j`. The reverse of
    /// [`Tensor::index_select`].
    ///
    /// # Shapes
    /// `index: [m]` (`u32` or `i32`); `source` equals this but has `m` along the axis.
    ///
    /// # Errors
    /// Shapes or dtypes do not fit. An index out of range is dropped.
    #[track_caller]
    #[must_use]
    pub fn index_scatter(&self, axis: usize, index: &Tensor, source: &Tensor, how: Scatter) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("index_scatter", axis, shape, site));
        let (i, s) = (ok!(self, index.shape()), ok!(self, source.shape()));
        let fits = i.rank() == 1 && s.rank() == shape.rank() && s.without(&[axis]) == shape.without(&[axis]);
        if !fits || s[axis] != i[0] {
            let message = format!("index {i} and source {s} into {shape} along axis {axis}");
            let hint = "the index has one axis [m], the source equals the base but has m along the axis";
            return refuse(self, "index_scatter", message, hint, site);
        }
        let inner = shape.without(&[axis]).elements();
        let base = self.move_axis(axis, 0).reshape([shape[axis], inner]);
        let source = source.move_axis(axis, 0).reshape([i[0], inner]);
        let index = ok!(self, index.in_range("index_scatter", shape[axis], site));
        let mut dims = vec![shape[axis]];
        dims.extend_from_slice(shape.without(&[axis]).dims());
        self.join_rows(&base, &index, &source, how).reshape(dims).move_axis(0, axis)
    }

    /// The routine over `base: [n, inner]`, `index: [m]`, `source: [m, inner]`, in this tensor's dtype.
    #[track_caller]
    fn join_rows(&self, base: &Tensor, index: &Tensor, source: &Tensor, how: Scatter) -> Tensor {
        let site = Site::here();
        let kinds = (ok!(self, self.dtype()), ok!(self, source.dtype()));
        if kinds.0 != kinds.1 {
            let message = format!("a {} source into a {} base", kinds.1, kinds.0);
            return refuse(self, "scatter", message, "cast to one dtype first", site);
        }
        let order = index.argsort(0, false);
        let (base, source) = (base.numeric().widen(), source.numeric().widen());
        let nodes = ok!(self, Tensor::nodes("scatter", &[&base, index, &order, &source], site));
        self.keep_dtype(Tensor::new(self.device(), Node::routine(Routine::Scatter(how), nodes, site)))
    }

    /// Indices as `u32`, those out of `0..n` as `u32::MAX`.
    #[track_caller]
    fn in_range(&self, op: &str, n: usize, site: Site) -> Result<Tensor> {
        let nothing = Fixed(f64::from(u32::MAX));
        let (kind, shape) = (self.dtype()?, self.shape()?);
        match kind {
            DType::U32 => Ok(self.lt(Fixed(n as f64)).select(self, nothing)),
            DType::I32 => {
                let inside = self.ge(Fixed(0.0)).bit_and(&self.lt(Fixed(n as f64)));
                Ok(inside.select_like(&self.cast(DType::U32), &self.cast(DType::U32), nothing))
            }
            other => {
                let message = format!("an index of dtype {other} and shape {shape}");
                Err(Error::argument(op, message, "indices are u32 or i32; cast them", site))
            }
        }
    }
}
