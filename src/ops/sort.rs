//! Order: sorting, the greatest few, what differs, what is not zero.

use super::axes::axis_of;
use super::{Fixed, failed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Result, Site};
use crate::graph::{Fill, Node, Routine};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Tensor {
    /// The positions (`u32`) that sort the elements along an axis. Ties keep their order. Ascending, NaN is last;
    /// descending, it is first.
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[3.0f32, 1.0, 2.0], [3]);
    /// assert_eq!(x.argsort(0, false).read_blocking::<u32>()?, [1, 2, 0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn argsort(&self, axis: usize, descending: bool) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("argsort", axis, shape, site));
        let rows = self.numeric().widen().rows(axis);
        rows.then(|x| Node::routine(Routine::ArgSort { descending }, vec![x.clone()], site)).unrows(axis, shape)
    }

    /// The sorted elements along an axis, and where each was ([`Tensor::argsort`]).
    ///
    /// # Gradient
    /// Goes back to where each element was.
    #[track_caller]
    #[must_use]
    pub fn sort(&self, axis: usize, descending: bool) -> (Tensor, Tensor) {
        let order = self.argsort(axis, descending);
        (self.gather(axis, &order), order)
    }

    /// The `k` greatest (or least) elements along an axis in order, and where each was.
    ///
    /// # Errors
    /// The axis has fewer than `k` elements.
    #[track_caller]
    #[must_use]
    pub fn top_k(&self, k: usize, axis: usize, largest: bool) -> (Tensor, Tensor) {
        let order = self.argsort(axis, largest).slice(axis, ..k);
        (self.gather(axis, &order), order)
    }

    /// How many different values there are, as `u32`. NaN differs from NaN; 0 equals -0.
    #[track_caller]
    #[must_use]
    pub fn unique_count(&self) -> Tensor {
        let n = ok!(self, self.shape()).elements();
        if n == 0 {
            return self.count_nonzero(..);
        }
        let sorted = self.flatten().sort(0, false).0;
        sorted.slice(0, 1..).ne(&sorted.slice(0, ..n - 1)).count_nonzero(..).add(Fixed(1.0))
    }

    /// The elements where `mask` (`bool`, of the same shape) holds, in order, packed into `size` places; places that remain
    /// are 0, elements that find no place are dropped. The size is known on the host, so nothing waits;
    /// [`Tensor::count_nonzero`] of the mask tells the right one.
    #[track_caller]
    #[must_use]
    pub fn masked_select(&self, mask: &Tensor, size: usize) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("masked_select", &[self, mask], site));
        if nodes[0].shape() != nodes[1].shape() || nodes[1].dtype() != DType::Bool {
            let message = format!("shape {} with a mask {}{}", nodes[0].shape(), nodes[1].dtype(), nodes[1].shape());
            return refuse(self, "masked_select", message, "the mask is bool and has the tensor's shape", site);
        }
        let kept = mask.first_true(size);
        let n = ok!(&kept, kept.shape())[0];
        let packed = self.flatten().gather(0, &kept);
        let packed = if n < size { packed.pad([(0, size - n)], Fill::Zero) } else { packed };
        let x = packed.widen();
        self.keep_dtype(mask.places(&x).select_like(&x, &x, Fixed(0.0)))
    }

    /// The positions of the first `size` elements that are not 0 (or are true), in order, one row of coordinates each:
    /// `[size, rank]`, `u32`. Rows that remain are `u32::MAX`, which [`Tensor::gather`] reads as nothing and
    /// [`Tensor::scatter`] drops.
    #[track_caller]
    #[must_use]
    pub fn nonzero_sized(&self, size: usize) -> Tensor {
        let (mask, shape) = (self.truth(), ok!(self, self.shape()));
        let kept = mask.first_true(size);
        let n = ok!(&kept, kept.shape())[0];
        let flat = if n < size { kept.pad([(0, size - n)], Fill::Zero) } else { kept };
        if shape.rank() == 0 {
            return flat.slice(0, ..0).reshape([size, 0]);
        }
        let valid = mask.places(&flat);
        let mut columns = Vec::with_capacity(shape.rank());
        for (&length, stride) in shape.iter().zip(shape.strides()) {
            let column = flat.div(Fixed(stride.max(1) as f64)).rem(Fixed(length.max(1) as f64));
            columns.push(valid.select_like(&flat, &column, Fixed(f64::from(u32::MAX))));
        }
        ok!(self, Tensor::stack(&columns.iter().collect::<Vec<_>>(), 1))
    }

    /// The positions of the elements that are not 0 (or are true), in order, one row of coordinates each: `[n, rank]`, `u32`.
    /// How many there are is read from the device first; [`Tensor::nonzero_sized`] needs not wait.
    #[track_caller]
    pub fn nonzero(&self) -> impl Future<Output = Result<Tensor>> + use<> {
        let count = self.count_nonzero(..).item::<u32>();
        let all = self.shape().map(Shape::elements).map_or_else(|e| failed(self, e), |n| self.nonzero_sized(n));
        async move { all.slice(0, ..count.await? as usize).check() }
    }

    /// [`Tensor::nonzero`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn nonzero_blocking(&self) -> Result<Tensor> {
        let count = self.count_nonzero(..).item_blocking::<u32>()? as usize;
        self.nonzero_sized(count).check()
    }

    /// Positions of the elements that hold, before those of all others; at most `size`.
    #[track_caller]
    fn first_true(&self, size: usize) -> Tensor {
        let n = ok!(self, self.shape()).elements();
        self.flatten().bit_not().argsort(0, false).slice(0, ..size.min(n))
    }

    /// Which places of a packed `like` are taken by elements of this mask.
    #[track_caller]
    fn places(&self, like: &Tensor) -> Tensor {
        like.positions(0, DType::U32).lt(&self.count_nonzero(..))
    }
}
