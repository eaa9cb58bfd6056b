//! Sweeps of coordinate descent: the inner loop of working-set methods.

use super::{ok, refuse};
use crate::error::Site;
use crate::graph::{Node, Routine};
use crate::tensor::Tensor;

impl Tensor {
    /// The point after `epochs` sweeps of block coordinate descent on
    /// `1/2 <w, G w> - <q, w> + sum_b (l1_b ||w_b|| + l2_b/2 ||w_b||^2)`, with this symmetric matrix for `G`: for each block in
    /// turn `u = w_b - (G w - q)_b / c_b`, then `w_b = max(0, 1 - (l1_b / c_b) / ||u||) u / (1 + l2_b / c_b)`. One dispatch.
    ///
    /// With blocks of one element and `c` the diagonal of `G`, each update minimises exactly over its coordinate; larger blocks
    /// need a `c_b` of at least the greatest eigenvalue of their part of `G`. A block with `c_b <= 0` stays as it is.
    ///
    /// # Shapes
    /// This is `[k, k]`, `linear` (`q`) and `start` are `[k]`, `weights` is `[3, k / block]` with the rows `l1`, `l2`, `c`; `k` is at
    /// most [`Routine::MOST`].
    ///
    /// # Errors
    /// Shapes that do not fit, a block of 0 elements or one that does not divide `k`.
    ///
    /// # Gradient
    /// None: asking for one is an error.
    ///
    /// # Source
    /// P. Tseng, *Convergence of a block coordinate descent method for nondifferentiable minimization*, JOTA 109 (2001).
    #[track_caller]
    #[must_use]
    pub fn descent(&self, linear: &Tensor, start: &Tensor, weights: &Tensor, block: usize, epochs: usize) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("descent", &[self, linear, start, weights], site));
        if u32::try_from(epochs).is_err() {
            return refuse(self, "descent", format!("{epochs} sweeps"), "less than 2^32 will do", site);
        }
        Tensor::new(self.device(), Node::routine(Routine::Descent { epochs, block }, nodes, site))
    }
}
