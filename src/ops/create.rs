//! Tensors from numbers: constants, sequences, patterns. None of them takes memory or runs anything until it is used.

use super::operand::constant;
use super::{Fixed, failed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::run::Device;
use crate::shape::{MAX_LEN, Shape};
use crate::tensor::Tensor;

impl Device {
    /// `value` everywhere. Integers and `bool` are given as the number that equals them. The value is data: another one
    /// recompiles nothing.
    ///
    /// # Errors
    /// The dtype cannot hold the value.
    #[track_caller]
    #[must_use]
    pub fn full(&self, shape: impl Into<Shape>, value: f64, dtype: DType) -> Tensor {
        Tensor::new(self, filled(&shape.into(), value, dtype, Site::here()))
    }

    /// Zeros, `f32`.
    #[track_caller]
    #[must_use]
    pub fn zeros(&self, shape: impl Into<Shape>) -> Tensor {
        Tensor::new(self, filled(&shape.into(), 0.0, DType::F32, Site::here()))
    }

    /// Ones, `f32`.
    #[track_caller]
    #[must_use]
    pub fn ones(&self, shape: impl Into<Shape>) -> Tensor {
        Tensor::new(self, filled(&shape.into(), 1.0, DType::F32, Site::here()))
    }

    /// A scalar `f32` that may differ from run to run without a recompile.
    #[track_caller]
    #[must_use]
    pub fn scalar(&self, value: f64) -> Tensor {
        self.full((), value, DType::F32)
    }

    /// `0, 1, …, n - 1` of any dtype but `bool`.
    #[track_caller]
    #[must_use]
    pub fn iota(&self, n: usize, dtype: DType) -> Tensor {
        let site = Site::here();
        if dtype == DType::Bool {
            let error = Error::argument("iota", "dtype bool", "use a number dtype and compare", site);
            return Tensor::new(self, Err(error));
        }
        let counted = if dtype.is_int() { dtype } else { DType::U32 };
        Tensor::new(self, Node::iota(n, counted, site)).cast(dtype)
    }

    /// `start, start + step, …` up to but without `stop`, `f32`.
    ///
    /// # Errors
    /// The step is 0 or a number is not finite, or there were more elements than a tensor can have.
    ///
    /// # Numerics
    /// Element `i` is `start + i * step`, so errors do not accumulate; positions are exact below 2^24.
    #[track_caller]
    #[must_use]
    pub fn arange(&self, start: f64, stop: f64, step: f64) -> Tensor {
        let n = ((stop - start) / step).ceil().max(0.0);
        if !n.is_finite() || n > MAX_LEN as f64 || step == 0.0 {
            let message = format!("{start} to {stop} by {step}");
            let hint = "numbers must be finite, the step not 0, the count below 2^31";
            return Tensor::new(self, Err(Error::argument("arange", message, hint, Site::here())));
        }
        self.iota(n as usize, DType::F32).mul(step).add(start)
    }

    /// `n` evenly spaced numbers from `start` to `stop`, both included, `f32`.
    ///
    /// # Numerics
    /// Each half is counted from its own end, so both ends are exact.
    #[track_caller]
    #[must_use]
    pub fn linspace(&self, start: f64, stop: f64, n: usize) -> Tensor {
        let step = if n > 1 { (stop - start) / (n - 1) as f64 } else { 0.0 };
        let i = self.iota(n, DType::U32);
        let last = n.saturating_sub(1) as f64;
        let below = i.cast(DType::F32).mul(step).add(start);
        let above = i.cast(DType::F32).sub(Fixed(last)).mul(step).add(stop);
        i.lt(Fixed(n.div_ceil(2) as f64)).select(&below, &above)
    }

    /// Ones on the main diagonal of an `[n, m]` matrix, `f32`.
    #[track_caller]
    #[must_use]
    pub fn eye(&self, n: usize, m: usize) -> Tensor {
        self.zeros([n, m]).on_diagonal(0).cast(DType::F32)
    }
}

/// A number as data, also where it is 0 or 1: a tensor that a gradient is taken by must not be folded away.
fn filled(shape: &Shape, value: f64, dtype: DType, site: Site) -> Result<Node> {
    super::movement::broadcast_node(&constant(value, false, dtype, site)?, shape, site)
}

impl Tensor {
    /// Zeros in the shape and dtype of this.
    #[track_caller]
    #[must_use]
    pub fn zeros_like(&self) -> Tensor {
        let site = Site::here();
        self.then(|x| filled(x.shape(), 0.0, x.dtype(), site))
    }

    /// Ones in the shape and dtype of this.
    #[track_caller]
    #[must_use]
    pub fn ones_like(&self) -> Tensor {
        let site = Site::here();
        self.then(|x| filled(x.shape(), 1.0, x.dtype(), site))
    }

    /// `value` in the shape and dtype of this; the value is data.
    #[track_caller]
    #[must_use]
    pub fn full_like(&self, value: f64) -> Tensor {
        let site = Site::here();
        self.then(|x| filled(x.shape(), value, x.dtype(), site))
    }

    /// Which of `n` classes each element names, as a new last axis: `y[.., c] = (x[..] == c)`, in `dtype`. An index out of
    /// range gives zeros.
    ///
    /// # Errors
    /// The indices are not integers.
    #[track_caller]
    #[must_use]
    pub fn one_hot(&self, n: usize, dtype: DType) -> Tensor {
        let (site, kind) = (Site::here(), ok!(self, self.dtype()));
        let shape = ok!(self, self.shape());
        if !kind.is_int() {
            return refuse(self, "one_hot", format!("indices of dtype {kind}"), "cast them to u32", site);
        }
        let mut dims = shape.dims().to_vec();
        dims.push(n);
        let index = self.restore(&[shape.rank()], &dims.into());
        index.eq(&index.positions(shape.rank(), kind)).cast(dtype)
    }

    /// The lower triangle of each matrix (the last two axes): elements with `column > row + diagonal` are 0.
    #[track_caller]
    #[must_use]
    pub fn tril(&self, diagonal: isize) -> Tensor {
        self.triangle("tril", diagonal, true)
    }

    /// The upper triangle of each matrix (the last two axes): elements with `column < row + diagonal` are 0.
    #[track_caller]
    #[must_use]
    pub fn triu(&self, diagonal: isize) -> Tensor {
        self.triangle("triu", diagonal, false)
    }

    #[track_caller]
    fn triangle(&self, op: &str, diagonal: isize, lower: bool) -> Tensor {
        ok!(self, self.matrix_axes(op));
        let x = self.widen();
        let column = x.columns_from(diagonal);
        let inside = if lower { column.le(Fixed(0.0)) } else { column.ge(Fixed(0.0)) };
        self.keep_dtype(inside.select_like(&x, &x, Fixed(0.0)))
    }

    /// The main or another diagonal of each matrix (the last two axes), as a last axis: `y[.., i] = x[.., i, i + diagonal]`.
    /// No copy.
    ///
    /// # Shapes
    /// The length is what fits; 0 if the diagonal lies outside.
    #[track_caller]
    #[must_use]
    pub fn diagonal(&self, diagonal: isize) -> Tensor {
        let site = Site::here();
        let (n, m) = ok!(self, self.matrix_axes("diagonal"));
        let away = diagonal.unsigned_abs();
        let (row, column) = if diagonal < 0 { (away, 0) } else { (0, away) };
        let length = n.saturating_sub(row).min(m.saturating_sub(column));
        self.then(|x| {
            let place = x.shape().rank() - 2;
            let mut dims = x.shape()[..place].to_vec();
            dims.push(length);
            let mut axes: Vec<_> = (0..place).map(crate::graph::AxisMap::same).collect();
            for start in [row, column] {
                let offset = start.min(MAX_LEN) as i64;
                axes.push(crate::graph::AxisMap { terms: vec![(place, 1)], offset, divisor: 1 });
            }
            super::movement::view(x, axes, dims.into(), site)
        })
    }

    /// Square matrices with the last axis on their main or another diagonal, and 0 elsewhere: the reverse of
    /// [`Tensor::diagonal`]. They have `|diagonal|` rows and columns more than the axis is long.
    #[track_caller]
    #[must_use]
    pub fn diag(&self, diagonal: isize) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let Some((&length, outer)) = shape.split_last() else {
            return failed(self, super::axes::no_axis("diag", 0, shape, site));
        };
        let away = diagonal.unsigned_abs();
        let size = length.saturating_add(away);
        let (above, left) = if diagonal < 0 { (away, 0) } else { (0, away) };
        let mut padding = vec![(0, 0); shape.rank()];
        padding[outer.len()] = (above, left);
        let rows = self.pad(padding, crate::graph::Fill::Zero);
        let square = rows.restore(&[shape.rank()], &[outer, &[size, size]].concat().into()).widen();
        self.keep_dtype(square.on_diagonal(diagonal).select_like(&square, &square, Fixed(0.0)))
    }

    /// Whether an element lies on a diagonal of its matrix.
    #[track_caller]
    fn on_diagonal(&self, diagonal: isize) -> Tensor {
        self.columns_from(diagonal).eq(Fixed(0.0))
    }

    /// `column - row - diagonal` of each element.
    #[track_caller]
    fn columns_from(&self, diagonal: isize) -> Tensor {
        let rank = ok!(self, self.shape()).rank();
        let limit = MAX_LEN as isize / 2;
        let column = self.positions(rank - 1, DType::I32);
        column.sub(&self.positions(rank - 2, DType::I32)).sub(Fixed(diagonal.clamp(-limit, limit) as f64))
    }

    /// The lengths of the last two axes.
    #[track_caller]
    pub(super) fn matrix_axes(&self, op: &str) -> Result<(usize, usize)> {
        match self.shape()?.dims() {
            [.., n, m] => Ok((*n, *m)),
            dims => {
                let message = format!("shape {dims:?} is no matrix");
                Err(Error::argument(op, message, "it takes at least two axes; unsqueeze one", Site::here()))
            }
        }
    }
}
