//! Sparse training: which weights may differ from zero, and how that changes while a model is trained.
//!
//! A mask is a tensor of zeros and ones beside a parameter. [`Sparse`] holds one for each; [`Optimizer::masked`] multiplies by
//! them inside the step's kernel, so that what is masked is exactly 0, and stays so. Masks are tensor programs: nothing but the
//! number of weights to keep is known to the host, and the same weights give the same masks on every device. Among equals the
//! ones that come first are kept.
//!
//! | method | how |
//! | --- | --- |
//! | one-shot magnitude pruning | [`Sparse::magnitude`] after training |
//! | gradual magnitude pruning | [`Sparse::prune`] to the density of a [`Gradual`] schedule |
//! | N:M | [`n_of_m`] |
//! | SET | [`Sparse::random`], then [`Sparse::regrow`] with [`Growth::Random`] |
//! | `RigL` | [`Sparse::random`] with the densities of [`erk`], then [`Sparse::regrow`] with [`Growth::Gradient`] |
//!
//! ```no_run
//! # fn example(params: &mut [ridgepoint::Tensor], grads: &[ridgepoint::Tensor]) -> ridgepoint::Result<()> {
//! use ridgepoint::{ops::Key, optim::{Optimizer, sparse::{Cosine, Growth, Sparse, erk}}};
//! let shapes = params.iter().map(|p| p.shape().cloned()).collect::<ridgepoint::Result<Vec<_>>>()?;
//! let mut sparse = Sparse::random(params, &erk(&shapes, 0.1)?, Key::new(1))?;
//! let mut optimizer = Optimizer::momentum(0.1, 0.9).masked(sparse.masks());
//! let schedule = Cosine { fraction: 0.3, every: 100, end: 7500 };
//! for step in 0..10_000 {
//!     // … gradients of the masked parameters
//!     if let Some(fraction) = schedule.at(step) {
//!         sparse.regrow(params, fraction, &Growth::Gradient(grads))?;
//!         optimizer = optimizer.masked(sparse.masks());
//!     } else {
//!         optimizer.step(params, grads)?;
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! [`Optimizer::masked`]: super::Optimizer::masked

use crate::error::{Error, Result, Site};
use crate::graph::Scatter;
use crate::ops::Key;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The number of weights that a density leaves of `n`: the nearest.
fn kept(density: f64, n: usize) -> usize {
    (density * n as f64).round() as usize
}

#[track_caller]
fn check_density(density: f64) -> Result<()> {
    if (0.0..=1.0).contains(&density) {
        return Ok(());
    }
    Err(Error::argument("sparse", format!("density {density}"), "it lies between 0 and 1", Site::here()))
}

/// Ones at the `k` greatest scores, zeros elsewhere, in their shape; of equal ones the first are taken.
#[track_caller]
fn greatest(scores: &Tensor, k: usize) -> Result<Tensor> {
    let shape = scores.shape()?.clone();
    let n = shape.elements();
    let device = scores.device();
    if n == 0 || k == 0 {
        return scores.zeros_like().check();
    }
    let order = scores.flatten().argsort(0, true).slice(0, ..k.min(n));
    let ones = device.ones([k.min(n)]);
    device.zeros([n]).index_scatter(0, &order, &ones, Scatter::Replace).reshape(shape).check()
}

/// Ones at the `density` share of greatest magnitudes of a tensor, zeros elsewhere.
///
/// # Errors
/// A density out of `[0, 1]`.
///
/// # Source
/// S. Han, J. Pool, J. Tran, W. Dally, Learning both weights and connections for efficient neural networks, NIPS (2015).
#[track_caller]
pub fn magnitude_mask(w: &Tensor, density: f64) -> Result<Tensor> {
    check_density(density)?;
    greatest(&w.abs(), kept(density, w.shape()?.elements()))
}

/// Ones at the `n` greatest magnitudes of each `m` neighbours along an axis: what sparse tensor cores take (2 of 4).
///
/// # Errors
/// `n` above `m`, or `m` 0 or not a divisor of the axis's length.
///
/// # Source
/// A. Zhou et al., Learning N:M fine-grained structured sparse neural networks from scratch, ICLR (2021).
#[track_caller]
pub fn n_of_m(w: &Tensor, n: usize, m: usize, axis: usize) -> Result<Tensor> {
    let shape = w.shape()?.clone();
    let length = shape.get(axis).copied().unwrap_or(0);
    if axis >= shape.rank() || m == 0 || n > m || !length.is_multiple_of(m) {
        let message = format!("{n} of {m} along axis {axis} of shape {shape}");
        return Err(Error::argument("n_of_m", message, "n is at most m, and m divides the axis", Site::here()));
    }
    let last = w.move_axis(axis, shape.rank() - 1);
    let moved = last.shape()?.clone();
    let rows = last.abs().reshape([shape.elements() / m, m]);
    let order = rows.argsort(1, true).slice(1, ..n);
    let ones = rows.device().ones([shape.elements() / m, n]);
    let mask = rows.zeros_like().scatter(1, &order, &ones, Scatter::Replace);
    mask.reshape(moved).move_axis(shape.rank() - 1, axis).check()
}

/// Densities of layers by the rule of Erdős, Rényi and kernels: in proportion to `(sum of lengths) / (product of lengths)`, so that
/// small layers stay denser, and `density` over all; what would be above 1 is 1.
///
/// # Errors
/// A density out of `[0, 1]`.
///
/// # Source
/// U. Evci et al., Rigging the lottery: making all tickets winners, ICML (2020); D. Mocanu et al., Nature Communications 9 (2018).
#[track_caller]
pub fn erk(shapes: &[Shape], density: f64) -> Result<Vec<f64>> {
    check_density(density)?;
    let sizes: Vec<f64> = shapes.iter().map(|s| s.elements() as f64).collect();
    let raw = |s: &Shape| s.iter().sum::<usize>().max(1) as f64 / s.elements().max(1) as f64;
    let raw: Vec<f64> = shapes.iter().map(raw).collect();
    let mut dense = vec![false; shapes.len()];
    loop {
        let open = || (0..shapes.len()).filter(|&ix| !dense[ix]);
        let whole: f64 = (0..shapes.len()).filter(|&ix| dense[ix]).map(|ix| sizes[ix]).sum();
        let left = (density * sizes.iter().sum::<f64>() - whole).max(0.0);
        let weight: f64 = open().map(|ix| raw[ix] * sizes[ix]).sum();
        let scale = if weight > 0.0 { left / weight } else { 0.0 };
        let over: Vec<usize> = open().filter(|&ix| scale * raw[ix] > 1.0).collect();
        if over.is_empty() {
            return Ok((0..shapes.len()).map(|ix| if dense[ix] { 1.0 } else { scale * raw[ix] }).collect());
        }
        over.into_iter().for_each(|ix| dense[ix] = true);
    }
}

/// A schedule of sparsity that rises fast at first and slowly in the end:
/// `s(t) = last + (first - last) (1 - (t - begin) / (end - begin))^3`.
///
/// # Source
/// M. Zhu, S. Gupta, To prune, or not to prune: exploring the efficacy of pruning for model compression, arXiv:1710.01878 (2017).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gradual {
    /// Sparsity (the share of zeros) until `begin`.
    pub first: f64,
    /// Sparsity from `end` on.
    pub last: f64,
    /// The first step that prunes.
    pub begin: u64,
    /// The last step that prunes.
    pub end: u64,
    /// Steps between two prunings.
    pub every: u64,
}

impl Gradual {
    /// The density (one minus the sparsity) to prune to at a step, if it is one that prunes.
    #[must_use]
    pub fn at(&self, step: u64) -> Option<f64> {
        let due = (self.begin..=self.end).contains(&step) && (step - self.begin).is_multiple_of(self.every.max(1));
        due.then(|| 1.0 - self.sparsity(step))
    }

    /// The sparsity at a step.
    #[must_use]
    pub fn sparsity(&self, step: u64) -> f64 {
        if step >= self.end {
            return self.last;
        }
        let done = step.saturating_sub(self.begin) as f64 / self.end.saturating_sub(self.begin).max(1) as f64;
        self.last + (self.first - self.last) * (1.0 - done).powi(3)
    }
}

/// The share of weights that are replaced: `fraction/2 (1 + cos(pi t / end))`, every so many steps until the end.
///
/// # Source
/// As [`erk`], section 3 (2).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cosine {
    /// At the start.
    pub fraction: f64,
    /// Steps between two replacements.
    pub every: u64,
    /// The step from which on masks stay.
    pub end: u64,
}

impl Cosine {
    /// The share to replace at a step, if it is one that does; not at step 0.
    #[must_use]
    pub fn at(&self, step: u64) -> Option<f64> {
        let due = step > 0 && step < self.end && step.is_multiple_of(self.every.max(1));
        due.then(|| 0.5 * self.fraction * (1.0 + (std::f64::consts::PI * step as f64 / self.end as f64).cos()))
    }
}

/// Where new weights come from.
pub enum Growth<'a> {
    /// Where the gradients of the dense model are greatest, one per parameter (`RigL`).
    Gradient(&'a [Tensor]),
    /// At random (SET).
    Random(Key),
}

/// The masks of a model; see the module.
#[derive(Clone, Debug)]
pub struct Sparse {
    masks: Vec<Tensor>,
    kept: Vec<usize>,
}

impl Sparse {
    /// Masks of the greatest magnitudes, one density per parameter.
    ///
    /// # Errors
    /// Another number of densities, or densities out of `[0, 1]`.
    #[track_caller]
    pub fn magnitude(params: &[Tensor], densities: &[f64]) -> Result<Sparse> {
        Sparse::by(params, densities, |_, w| w.abs())
    }

    /// Random masks, one density per parameter.
    ///
    /// # Errors
    /// As [`Sparse::magnitude`].
    #[track_caller]
    pub fn random(params: &[Tensor], densities: &[f64], key: Key) -> Result<Sparse> {
        Sparse::by(params, densities, |ix, w| match w.shape() {
            Ok(shape) => key.fold_in(ix as u32).uniform(w.device(), shape.clone()),
            Err(e) => Tensor::new(w.device(), Err(e)),
        })
    }

    #[track_caller]
    fn by(params: &[Tensor], densities: &[f64], score: impl Fn(usize, &Tensor) -> Tensor) -> Result<Sparse> {
        if params.len() != densities.len() {
            let message = format!("{} parameters, {} densities", params.len(), densities.len());
            return Err(Error::argument("sparse", message, "give one each", Site::here()));
        }
        let (mut masks, mut counts) = (Vec::new(), Vec::new());
        for (ix, (w, &density)) in params.iter().zip(densities).enumerate() {
            check_density(density)?;
            let k = kept(density, w.shape()?.elements());
            masks.push(greatest(&score(ix, w), k)?);
            counts.push(k);
        }
        Sparse { masks, kept: counts }.settled()
    }

    /// Masks of a caller's own, like those of [`n_of_m`]; the numbers of their ones.
    ///
    /// # Errors
    /// Lists of different lengths.
    #[track_caller]
    pub fn given(masks: &[Tensor], kept: &[usize]) -> Result<Sparse> {
        if masks.len() != kept.len() {
            let message = format!("{} masks, {} numbers", masks.len(), kept.len());
            return Err(Error::argument("sparse", message, "give one each", Site::here()));
        }
        Sparse { masks: masks.to_vec(), kept: kept.to_vec() }.settled()
    }

    /// Evaluated and cut off from what they were computed from.
    fn settled(self) -> Result<Sparse> {
        if let Some(first) = self.masks.first() {
            first.device().eval(&self.masks.iter().collect::<Vec<_>>())?;
        }
        Ok(Sparse { masks: self.masks.iter().map(Tensor::leaf).collect::<Result<_>>()?, kept: self.kept })
    }

    /// One mask per parameter: ones and zeros, f32.
    #[must_use]
    pub fn masks(&self) -> &[Tensor] {
        &self.masks
    }

    /// The number of weights that may differ from zero, per parameter.
    #[must_use]
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// Sets masked weights to 0.
    ///
    /// # Errors
    /// Another number of parameters or other shapes than those of the masks.
    #[track_caller]
    pub fn apply(&self, params: &mut [Tensor]) -> Result<()> {
        self.fit(params)?;
        let masked: Vec<Tensor> = self.masks.iter().zip(params.iter()).map(|(m, w)| m.gt(0.0).select(w, 0.0)).collect();
        if let Some(first) = masked.first() {
            first.device().eval(&masked.iter().collect::<Vec<_>>())?;
        }
        for (w, new) in params.iter_mut().zip(&masked) {
            *w = new.leaf()?;
        }
        Ok(())
    }

    /// Keeps the greatest magnitudes at lower densities: masks shrink, a weight once masked does not come back. The parameters are
    /// masked.
    ///
    /// # Errors
    /// As [`Sparse::magnitude`]; a density above the one there is.
    #[track_caller]
    pub fn prune(&mut self, params: &mut [Tensor], densities: &[f64]) -> Result<()> {
        self.fit(params)?;
        // what is masked scores below every magnitude
        let scores = |ix: usize, w: &Tensor| self.masks[ix].gt(0.0).select(&w.abs(), -1.0);
        let next = Sparse::by(params, densities, scores)?;
        if let Some(ix) = (0..next.kept.len()).find(|&ix| next.kept[ix] > self.kept[ix]) {
            let message = format!("{} weights of parameter {ix}, {} are left", next.kept[ix], self.kept[ix]);
            return Err(Error::argument("prune", message, "densities must not rise", Site::here()));
        }
        *self = next;
        self.apply(params)
    }

    /// Drops the given fraction of each parameter's weights, the least magnitudes, and lets as many others grow, from 0. A weight
    /// that was just dropped may grow again and then keeps its value, as in the authors' program.
    ///
    /// # Errors
    /// A fraction out of `[0, 1]`, other numbers or shapes than those of the masks.
    ///
    /// # Source
    /// `RigL` and SET: as [`erk`].
    #[track_caller]
    pub fn regrow(&mut self, params: &mut [Tensor], fraction: f64, growth: &Growth<'_>) -> Result<()> {
        check_density(fraction)?;
        self.fit(params)?;
        if let Growth::Gradient(grads) = growth {
            self.fit(grads)?;
        }
        let mut masks = Vec::new();
        for (ix, (w, mask)) in params.iter().zip(&self.masks).enumerate() {
            let stay = self.kept[ix] - kept(fraction, self.kept[ix]);
            let survivors = greatest(&mask.gt(0.0).select(&w.abs(), -1.0), stay)?;
            let scores = match growth {
                Growth::Gradient(grads) => grads[ix].abs(),
                Growth::Random(key) => key.fold_in(ix as u32).uniform(w.device(), w.shape()?.clone()),
            };
            // survivors come first, whatever their gradients
            let scores = survivors.gt(0.0).select(f64::from(f32::MAX), &scores);
            masks.push(greatest(&scores, self.kept[ix])?);
        }
        *self = Sparse { masks, kept: self.kept.clone() }.settled()?;
        self.apply(params)
    }

    #[track_caller]
    fn fit(&self, tensors: &[Tensor]) -> Result<()> {
        let refuse = |message: String| {
            Err(Error::argument("sparse", message, "give the tensors that the masks were made for", Site::here()))
        };
        if tensors.len() != self.masks.len() {
            return refuse(format!("{} tensors, {} masks", tensors.len(), self.masks.len()));
        }
        for (ix, (w, mask)) in tensors.iter().zip(&self.masks).enumerate() {
            if w.shape()? != mask.shape()? {
                return refuse(format!("tensor {ix} has shape {}, its mask {}", w.shape()?, mask.shape()?));
            }
        }
        Ok(())
    }
}
