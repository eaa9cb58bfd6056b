//! Exact fits along an axis: monotone ones, and those of least total variation.

use super::axes::axis_of;
use super::{Operand, ok};
use crate::error::Site;
use crate::graph::{Node, Routine};
use crate::tensor::Tensor;

impl Tensor {
    /// The nearest monotone sequence along an axis, `argmin_u ||u - x||^2` with `u` not increasing (`descending`) or not
    /// decreasing: isotonic regression.
    ///
    /// # Gradient
    /// The mean of the cotangent over each pool of equal elements.
    ///
    /// # Numerics
    /// Pools of neighbours are merged one by one; a merge rounds thrice. The greatest norm does not expand.
    ///
    /// # Source
    /// M. Best, N. Chakravarti, *Active set algorithms for isotonic regression*, Math. Program. 47 (1990).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[1.0f32, 3.0, 2.0, 5.0], [4]);
    /// assert_eq!(x.isotonic(0, false).read_blocking::<f32>()?, [1.0, 2.5, 2.5, 5.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn isotonic(&self, axis: usize, descending: bool) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("isotonic", axis, shape, site));
        let turned = if descending { self.widen() } else { self.widen().flip(axis) };
        let rows = turned.rows(axis).then(|x| Node::routine(Routine::Isotonic, vec![x.clone()], site));
        let fit = rows.unrows(axis, shape);
        if descending { fit } else { fit.flip(axis) }
    }

    /// `argmin_u ||u - x||^2 / 2 + lambda sum_i |u[i + 1] - u[i]|` along an axis, exactly: one-dimensional denoising by total
    /// variation. A negative `lambda` counts as 0.
    ///
    /// # Shapes
    /// `lambda` broadcasts to the shape without the axis: one for all, or one per row.
    ///
    /// # Gradient
    /// The mean of the cotangent over each segment of equal elements; by `lambda` what its two jumps are worth.
    ///
    /// # Numerics
    /// Direct; equal neighbours are equal to the bit. The greatest norm does not expand.
    ///
    /// # Source
    /// L. Condat, *A direct algorithm for 1-D total variation denoising*, IEEE Signal Process. Lett. 20 (2013).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[0.0f32, 0.0, 4.0, 4.0], [4]);
    /// assert_eq!(x.taut_string(1.0, 0).read_blocking::<f32>()?, [0.5, 0.5, 3.5, 3.5]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn taut_string(&self, lambda: impl Operand, axis: usize) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let axis = ok!(self, axis_of("taut_string", axis, shape, site));
        let rest = shape.without(&[axis]);
        let x = self.widen();
        let lambda = lambda.beside(&x, site).widen().relu().broadcast_to(&rest).reshape([rest.elements()]);
        let rows = x.rows(axis).then(|x| {
            let nodes = Tensor::nodes("taut_string", &[self, &lambda], site)?;
            Node::routine(Routine::TautString, vec![x.clone(), nodes[1].clone()], site)
        });
        rows.unrows(axis, shape)
    }

    /// `sum_i max(x[row, i] - t[row, j], 0)` (or of `|x|`) of rows `[rows, n]` for 256 thresholds each, `[rows, 256]`, at one reading of
    /// the rows. Detached.
    #[track_caller]
    pub(crate) fn excess(&self, magnitude: bool, thresholds: &Tensor) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("excess", &[&self.detach(), &thresholds.detach()], site));
        Tensor::new(self.device(), Node::routine(Routine::Excess { magnitude }, nodes, site)).sum(1)
    }
}
