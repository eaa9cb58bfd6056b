//! Normalizations of rows. Each is a few reductions and maps over the same axes, with reductions put back by views: the
//! form the fusion pass turns into one kernel per row.

use super::axes::{Axes, axis_of};
use super::{Fixed, Operand, ok, refuse};
use crate::error::Site;
use crate::graph::{AxisMap, Reduce};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Tensor {
    /// `e^x / sum e^x` along the axes.
    ///
    /// # Numerics
    /// The maximum is taken out first: no overflow. A row of `-inf` alone gives NaN.
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[0.0f32, 0.0, 1.0, 1.0], [2, 2]);
    /// assert_eq!(x.softmax(1).read_blocking::<f32>()?, [0.5; 4]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn softmax(&self, axes: impl Into<Axes>) -> Tensor {
        let shape = ok!(self, self.shape());
        let axes = ok!(self, axes.into().resolve("softmax", shape, Site::here()));
        let x = self.float("softmax");
        // a NaN shows in the sum
        let e = x.sub(&x.reduce(Reduce::MaxNumber, &axes).detach().restore(&axes, shape)).exp();
        // the sum is at least 1: its reciprocal, once a row, is as good as a division per element
        e.mul(&e.reduce(Reduce::Sum, &axes).recip().restore(&axes, shape))
    }

    /// `x - log(sum e^x)` along the axes.
    ///
    /// # Numerics
    /// Without the cancellation and underflow that the logarithm of [`Tensor::softmax`] has.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self, axes: impl Into<Axes>) -> Tensor {
        let shape = ok!(self, self.shape());
        let axes = ok!(self, axes.into().resolve("log_softmax", shape, Site::here()));
        let x = self.float("log_softmax");
        let shifted = x.sub(&x.reduce(Reduce::MaxNumber, &axes).detach().restore(&axes, shape));
        shifted.sub(&shifted.exp().reduce(Reduce::Sum, &axes).log().restore(&axes, shape))
    }

    /// `(x - mean) / sqrt(var + eps) * weight + bias` over the axes, with the variance of the population.
    ///
    /// # Shapes
    /// `weight` and `bias` broadcast to `x`; for the last axes they have just those.
    ///
    /// # Numerics
    /// The variance is taken of deviations from the mean, so a large mean does not cancel it.
    ///
    /// # Source
    /// Ba, Kiros, Hinton, arXiv:1607.06450.
    #[track_caller]
    #[must_use]
    pub fn layer_norm(
        &self,
        axes: impl Into<Axes>,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: impl Operand,
    ) -> Tensor {
        let shape = ok!(self, self.shape());
        let axes = ok!(self, axes.into().resolve("layer_norm", shape, Site::here()));
        let x = self.float("layer_norm");
        let centred = x.sub(&x.mean_of("layer_norm", &axes).restore(&axes, shape));
        let scale = centred.square().mean_of("layer_norm", &axes).add(eps).rsqrt();
        centred.mul(&scale.restore(&axes, shape)).affine("layer_norm", weight, bias)
    }

    /// `x / sqrt(mean(x^2) + eps) * weight` over the axes.
    ///
    /// # Source
    /// Zhang, Sennrich, arXiv:1910.07467.
    #[track_caller]
    #[must_use]
    pub fn rms_norm(&self, axes: impl Into<Axes>, weight: Option<&Tensor>, eps: impl Operand) -> Tensor {
        let shape = ok!(self, self.shape());
        let axes = ok!(self, axes.into().resolve("rms_norm", shape, Site::here()));
        let x = self.float("rms_norm");
        let scale = x.square().mean_of("rms_norm", &axes).add(eps).rsqrt();
        x.mul(&scale.restore(&axes, shape)).affine("rms_norm", weight, None)
    }

    /// Batch normalization in training: over all axes but the channel axis. Gives the result, and the mean and the
    /// (population) variance of each channel for the running averages of inference.
    ///
    /// # Shapes
    /// With `c` channels, `weight`, `bias`, mean and variance are `[c]`.
    ///
    /// # Gradient
    /// Through the mean and the variance too. Detach them before averaging.
    ///
    /// # Source
    /// Ioffe, Szegedy, arXiv:1502.03167.
    #[track_caller]
    #[must_use]
    pub fn batch_norm(
        &self,
        channel: usize,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: impl Operand,
    ) -> (Tensor, Tensor, Tensor) {
        let x = self.float("batch_norm");
        let rank = x.shape().map_or(0, Shape::rank);
        let axes: Vec<usize> = (0..rank).filter(|&axis| axis != channel).collect();
        let mean = x.mean_of("batch_norm", &axes);
        let centred = x.sub(&mean.channels("batch_norm", channel, &x));
        let variance = centred.square().mean_of("batch_norm", &axes);
        let scale = variance.add(eps).rsqrt().channels("batch_norm", channel, &x);
        (centred.mul(&scale).affine_channels(channel, weight, bias), mean, variance)
    }

    /// Batch normalization in inference: `(x - mean) / sqrt(variance + eps) * weight + bias`, each `[c]` along the channel
    /// axis.
    #[track_caller]
    #[must_use]
    pub fn batch_norm_inference(
        &self,
        channel: usize,
        mean: &Tensor,
        variance: &Tensor,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: impl Operand,
    ) -> Tensor {
        let x = self.float("batch_norm_inference");
        let scale = variance.float("batch_norm_inference").add(eps).rsqrt();
        let centred = x.sub(&mean.channels("batch_norm_inference", channel, &x));
        centred.mul(&scale.channels("batch_norm_inference", channel, &x)).affine_channels(channel, weight, bias)
    }

    /// `x / max(|x|_p, eps)` over the axes.
    ///
    /// # Gradient
    /// Finite where `x` is 0.
    #[track_caller]
    #[must_use]
    pub fn normalize(&self, p: f64, axes: impl Into<Axes>, eps: impl Operand) -> Tensor {
        let x = self.float("normalize");
        x.div(&x.norm_keep(p, axes).maximum(eps))
    }

    /// `sum(x y) / (max(|x|, eps) max(|y|, eps))` over the axes.
    ///
    /// # Shapes
    /// `x` and `y` broadcast; the axes are those of their common shape.
    #[track_caller]
    #[must_use]
    pub fn cosine_similarity(&self, other: &Tensor, axes: impl Into<Axes>, eps: f64) -> Tensor {
        let product = self.float("cosine_similarity").mul(&other.float("cosine_similarity"));
        let shape = ok!(self, product.shape());
        let axes = ok!(self, axes.into().resolve("cosine_similarity", shape, Site::here()));
        let a = self.broadcast_to(shape).norm(2.0, &axes).maximum(eps);
        let b = other.broadcast_to(shape).norm(2.0, &axes).maximum(eps);
        product.reduce(Reduce::Sum, &axes).div(&a.mul(&b))
    }

    /// `x * weight + bias`, of parameters that broadcast to `x` without enlarging it.
    #[track_caller]
    fn affine(&self, op: &str, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Tensor {
        let shape = ok!(self, self.shape());
        let mut result = self.clone();
        for (parameter, is_weight) in [(weight, true), (bias, false)] {
            let Some(parameter) = parameter else { continue };
            let own = ok!(self, parameter.shape());
            if own.broadcast(shape).as_ref() != Some(shape) {
                let message = format!("a parameter of shape {own} for x of shape {shape}");
                return refuse(self, op, message, "weight and bias broadcast to x", Site::here());
            }
            result = if is_weight { result.mul(parameter) } else { result.add(parameter) };
        }
        result
    }

    /// `x * weight + bias` of one number per channel.
    #[track_caller]
    pub(super) fn affine_channels(&self, channel: usize, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Tensor {
        let mut result = self.clone();
        if let Some(weight) = weight {
            result = result.mul(&weight.channels("weight", channel, self));
        }
        if let Some(bias) = bias {
            result = result.add(&bias.channels("bias", channel, self));
        }
        result
    }

    /// One number per channel, `[c]`, repeated to the shape of `x`.
    #[track_caller]
    fn channels(&self, op: &str, channel: usize, x: &Tensor) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, x.shape()));
        let channel = ok!(self, axis_of(op, channel, shape, site));
        self.then(|own| {
            if own.shape().dims() != [shape[channel]] {
                let message =
                    format!("shape {} for {} channels (axis {channel} of {shape})", own.shape(), shape[channel]);
                return Err(crate::Error::argument(op, message, "give one number per channel", site));
            }
            super::movement::view(own, vec![AxisMap::same(channel)], shape.clone(), site)
        })
    }

    /// The number 1 where `self` is 0, for denominators.
    #[track_caller]
    pub(super) fn at_least_one(&self) -> Tensor {
        self.maximum(Fixed(1.0))
    }
}
