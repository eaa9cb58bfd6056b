//! Groups that overlap, by duplication.

use super::group::Groups;
use crate::error::{Error, Result};
use crate::graph::Scatter;
use crate::tensor::Tensor;

/// Groups that may share coefficients: the latent group lasso.
///
/// Every group gets copies `v_g` of its coefficients, and `x = sum_g v_g`. Fit the copies `v` with any penalty on
/// [`Overlap::groups`], which do not overlap, and use `x =` [`Overlap::collect`]`(v)` in the loss. The penalty of `x` is then
/// the least that its parts cost, `min sum_g f(||v_g||)`, and what is not 0 in `x` is a *union* of groups. (The other
/// reading, a sum of `f(||x_g||)` over overlapping groups, leaves the complement of a union of groups; it has no simple
/// proximal operator.)
///
/// # Source
/// L. Jacob, G. Obozinski, J.-P. Vert, *Group lasso with overlap and graph lasso*, ICML 2009.
///
/// ```no_run
/// # use ridgepoint::{Tensor, penalty::{self, Overlap}};
/// # fn example(loss: impl Fn(&Tensor) -> Tensor, v: &Tensor) -> ridgepoint::Result<()> {
/// let overlap = Overlap::new(vec![vec![0, 1, 2], vec![2, 3]])?; // v has 5 rows, x has 4
/// let objective = loss(&overlap.collect(v)) + penalty::group_lasso(0.1, overlap.groups()).value(v);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Overlap {
    groups: Groups,
    origin: Vec<u32>,
    n: usize,
}

impl Overlap {
    /// From the members of each group; together they must be `0..n`.
    ///
    /// # Errors
    /// No groups, an empty group, an index twice in one group, or one left out below the greatest.
    pub fn new(members: impl Into<Vec<Vec<usize>>>) -> Result<Overlap> {
        let members = members.into();
        let refuse = |message: String, hint: &str| Err(Error::input("groups", message, hint));
        for (g, group) in members.iter().enumerate() {
            let mut sorted = group.clone();
            sorted.sort_unstable();
            if let Some(pair) = sorted.windows(2).find(|w| w[0] == w[1]) {
                return refuse(format!("index {} is twice in group {g}", pair[0]), "give each index of a group once");
            }
        }
        let groups = Groups::sizes(&members.iter().map(Vec::len).collect::<Vec<_>>())?;
        let mut all: Vec<usize> = members.iter().flatten().copied().collect();
        let origin = all.iter().map(|&ix| u32::try_from(ix).unwrap_or(u32::MAX)).collect();
        all.sort_unstable();
        all.dedup();
        match (0..all.len()).find(|&ix| all[ix] != ix) {
            Some(gap) => refuse(format!("index {gap} is in no group"), "give a single index a group of its own"),
            None => Ok(Overlap { groups, origin, n: all.len() }),
        }
    }

    /// The groups of the copies: consecutive ones.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The number of coefficients.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// The coefficients as the sums of their copies, `[copies, …]` to `[n, …]`.
    #[must_use]
    #[track_caller]
    pub fn collect(&self, v: &Tensor) -> Tensor {
        let device = v.device();
        let Ok(shape) = v.shape() else { return v.clone() };
        let mut dims = shape.dims().to_vec();
        if let Some(first) = dims.first_mut() {
            *first = self.n;
        }
        let at = device.tensor(&self.origin, [self.origin.len()]);
        device.zeros(dims).index_scatter(0, &at, v, Scatter::Add)
    }

    /// Every coefficient copied to its groups, `[n, …]` to `[copies, …]`.
    #[must_use]
    #[track_caller]
    pub fn copies(&self, x: &Tensor) -> Tensor {
        x.index_select(0, &x.device().tensor(&self.origin, [self.origin.len()]))
    }
}
