//! Pooling over the last axes: a sliding view, reduced.

use super::{Fixed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{AxisMap, Fill, Node, Reduce, View};
use crate::shape::{MAX_LEN, Shape};
use crate::tensor::Tensor;

/// A pooling window over the last `D` axes: `Pool { padding: [1, 1], ..Pool::new([3, 3]) }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pool<const D: usize> {
    /// Its lengths.
    pub size: [usize; D],
    /// Steps between windows.
    pub stride: [usize; D],
    /// Elements added on both sides, at most half of the size; no element for a maximum, 0 for a mean.
    pub padding: [usize; D],
    /// Steps between the elements of a window.
    pub dilation: [usize; D],
    /// Whether a mean counts the padding.
    pub count_padding: bool,
}

impl<const D: usize> Pool<D> {
    /// Windows side by side, without padding.
    #[must_use]
    pub const fn new(size: [usize; D]) -> Self {
        Self { size, stride: size, padding: [0; D], dilation: [1; D], count_padding: true }
    }

    /// The windows of `x` as `D` new last axes.
    fn windows(&self, op: &str, x: &Node, fill: Fill, site: Site) -> Result<Node> {
        let shape = x.shape();
        let refuse = |hint: &str| Err(Error::argument(op, format!("shape {shape}, {self:?}"), hint, site));
        let Some(outer) = shape.rank().checked_sub(D) else {
            return refuse(&format!("it needs {D} axes"));
        };
        let mut axes: Vec<AxisMap> = (0..outer).map(AxisMap::same).collect();
        let mut dims = shape[..outer].to_vec();
        for d in 0..D {
            if self.padding[d] > self.size[d] / 2 || self.size[d] > MAX_LEN {
                return refuse("the padding is at most half of the size");
            }
            let padded = shape[outer + d] + 2 * self.padding[d];
            let Some(n) = super::movement::window_positions(padded, self.size[d], self.stride[d], self.dilation[d])
            else {
                return refuse("size, stride and dilation are 1 or more, and the window fits into the padded axis");
            };
            dims.push(n);
            axes.push(AxisMap {
                terms: vec![(outer + d, self.stride[d] as i64), (shape.rank() + d, self.dilation[d] as i64)],
                offset: -(self.padding[d] as i64),
                divisor: 1,
            });
        }
        dims.extend_from_slice(&self.size);
        Node::view(x, View { axes, fill }, dims.into(), site)
    }
}

impl Tensor {
    /// The greatest element under each window of the last `D` axes.
    ///
    /// # Errors
    /// The window does not fit.
    ///
    /// # Gradient
    /// Goes to the elements that equal the maximum, in equal shares.
    #[track_caller]
    #[must_use]
    pub fn max_pool<const D: usize>(&self, pool: Pool<D>) -> Tensor {
        let site = Site::here();
        let windows = self.widen().then(|x| pool.windows("max_pool", x, Fill::Lowest, site));
        windows.reduce(Reduce::Max, &last::<D>(&windows))
    }

    /// The mean under each window of the last `D` axes.
    ///
    /// # Errors
    /// The window does not fit.
    #[track_caller]
    #[must_use]
    pub fn avg_pool<const D: usize>(&self, pool: Pool<D>) -> Tensor {
        let site = Site::here();
        let x = self.float("avg_pool");
        let windows = x.then(|x| pool.windows("avg_pool", x, Fill::Zero, site));
        if pool.count_padding || pool.padding == [0; D] {
            return windows.mean_of("avg_pool", &last::<D>(&windows));
        }
        let ones = x.ones_like().then(|x| pool.windows("avg_pool", x, Fill::Zero, site));
        windows.reduce(Reduce::Sum, &last::<D>(&windows)).div(&ones.reduce(Reduce::Sum, &last::<D>(&ones)))
    }

    /// Means over a grid of `size` cells that covers the last `D` axes: cell `i` of `n` elements in `m` cells runs from
    /// `floor(i n / m)` up to `ceil((i + 1) n / m)`.
    ///
    /// # Errors
    /// A length is 0, or the product of lengths exceeds 2^32.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool<const D: usize>(&self, size: [usize; D]) -> Tensor {
        let site = Site::here();
        let x = self.float("adaptive_avg_pool");
        let shape = ok!(self, x.shape()).clone();
        let Some(outer) = shape.rank().checked_sub(D) else {
            return refuse(self, "adaptive_avg_pool", format!("shape {shape}"), format!("it needs {D} axes"), site);
        };
        let lengths = &shape[outer..];
        let fits = |(&n, &m): (&usize, &usize)| n > 0 && m > 0 && n.saturating_mul(m + 1) < u32::MAX as usize;
        if !lengths.iter().zip(&size).all(fits) {
            let message = format!("shape {shape} to {size:?}");
            return refuse(self, "adaptive_avg_pool", message, "lengths are 1 or more, products below 2^32", site);
        }
        if lengths.iter().zip(&size).all(|(n, m)| n % m == 0) {
            let mut cell = [1; D];
            for d in 0..D {
                cell[d] = lengths[d] / size[d];
            }
            return x.avg_pool(Pool::new(cell));
        }
        let mut pooled = x;
        for (d, &cells) in size.iter().enumerate() {
            if cells != shape[outer + d] {
                pooled = pooled.cell_means(outer + d, cells);
            }
        }
        pooled
    }

    /// Means of the cells along one axis: a product with the matrix of their shares.
    #[track_caller]
    fn cell_means(&self, axis: usize, cells: usize) -> Tensor {
        let site = Site::here();
        let shape = ok!(self, self.shape());
        let (n, rank) = (shape[axis], shape.rank());
        let cell = self.device().iota(cells, DType::U32).unsqueeze(1);
        let start = cell.mul(Fixed(n as f64)).div(Fixed(cells as f64));
        let end = cell.add(Fixed(1.0)).mul(Fixed(n as f64)).add(Fixed((cells - 1) as f64)).div(Fixed(cells as f64));
        let at = self.device().iota(n, DType::U32).unsqueeze(0);
        let inside = at.ge(&start).bit_and(&at.lt(&end));
        let share = inside.select(end.sub(&start).cast(DType::F32).recip(), Fixed(0.0));
        let mut dims = shape.dims().to_vec();
        dims[axis] = cells;
        dims.push(n);
        let relation = |a: usize| AxisMap::same(if a == axis { rank } else { a });
        let product = Shape::from(dims);
        let spread = self.then(|x| super::movement::view(x, (0..rank).map(relation).collect(), product.clone(), site));
        let weights = share
            .then(|s| super::movement::view(s, vec![AxisMap::same(axis), AxisMap::same(rank)], product.clone(), site));
        spread.mul(&weights).reduce(Reduce::Sum, &[rank])
    }
}

/// The last `D` axes.
fn last<const D: usize>(windows: &Tensor) -> Vec<usize> {
    let rank = windows.shape().map_or(0, Shape::rank);
    (rank.saturating_sub(D)..rank).collect()
}
