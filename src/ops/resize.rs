//! Images in another size. Positions are fractions of whole numbers, computed in integers, so that no rounding can choose
//! another neighbour.

use super::{Fixed, ok};
use crate::dtype::DType;
use crate::error::Site;
use crate::tensor::Tensor;

impl Tensor {
    /// The last `D` axes in the lengths `size`, each element a copy of its nearest: `y[i] = x[floor(i n / m)]`.
    ///
    /// # Errors
    /// A length is 0, or the product of lengths is not below 2^31.
    #[track_caller]
    #[must_use]
    pub fn resize_nearest<const D: usize>(&self, size: [usize; D]) -> Tensor {
        let outer = ok!(self, self.resizable("resize_nearest", &size));
        let mut resized = self.clone();
        for (d, &m) in size.iter().enumerate() {
            let n = ok!(self, self.shape())[outer + d];
            if n != m {
                let index = self.device().iota(m, DType::U32).mul(Fixed(n as f64)).div(Fixed(m as f64));
                resized = resized.index_select(outer + d, &index);
            }
        }
        resized
    }

    /// The last two axes in the lengths `size`, interpolated linearly along each.
    ///
    /// Elements are cells, their centres keep their relative place, `(i + 1/2) n / m - 1/2`, and the border is repeated
    /// outward; with `align_corners` they are points, and the corners keep theirs, `i (n - 1) / (m - 1)`.
    ///
    /// # Errors
    /// A length is 0, or four times the product of lengths is not below 2^31.
    #[track_caller]
    #[must_use]
    pub fn resize_bilinear(&self, size: [usize; 2], align_corners: bool) -> Tensor {
        let outer = ok!(self, self.resizable("resize_bilinear", &size));
        let mut resized = self.float("resize_bilinear");
        for (d, &m) in size.iter().enumerate() {
            let n = ok!(self, self.shape())[outer + d];
            if n != m {
                resized = resized.interpolate(outer + d, m, align_corners);
            }
        }
        resized
    }

    /// Linear interpolation along one axis at the positions `numerator / denominator`.
    #[track_caller]
    fn interpolate(&self, axis: usize, m: usize, align_corners: bool) -> Tensor {
        let shape = ok!(self, self.shape());
        let n = shape[axis];
        let i = self.device().iota(m, DType::I32);
        let (numerator, denominator) = if align_corners {
            (i.mul(Fixed((n - 1) as f64)), (m - 1).max(1))
        } else {
            let doubled = i.mul(Fixed(2.0)).add(Fixed(1.0)).mul(Fixed(n as f64)).sub(Fixed(m as f64));
            (doubled.maximum(Fixed(0.0)), 2 * m)
        };
        let whole = numerator.div(Fixed(denominator as f64));
        let next = whole.add(Fixed(1.0)).minimum(Fixed((n - 1) as f64));
        let part = numerator.rem(Fixed(denominator as f64)).cast(DType::F32).mul(Fixed(1.0 / denominator as f64));
        let mut along = vec![1; shape.rank()];
        along[axis] = m;
        self.index_select(axis, &whole).lerp(&self.index_select(axis, &next), part.reshape(along))
    }

    /// The number of axes before those that change, if the sizes make sense.
    #[track_caller]
    fn resizable(&self, op: &str, size: &[usize]) -> crate::Result<usize> {
        let shape = self.shape()?;
        let limit = 1usize << 29;
        let fits = |(&n, &m): (&usize, &usize)| n > 0 && m > 0 && n.saturating_mul(m) < limit && m < limit;
        match shape.rank().checked_sub(size.len()) {
            Some(outer) if shape[outer..].iter().zip(size).all(fits) => Ok(outer),
            _ => {
                let hint = format!("it needs {} last axes, lengths of 1 or more, and products below 2^29", size.len());
                Err(crate::Error::argument(op, format!("shape {shape} to {size:?}"), hint, Site::here()))
            }
        }
    }
}
