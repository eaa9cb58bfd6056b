//! Fourier transforms. A complex number is a pair: complex tensors have a last axis of length 2, (re, im).

use super::{Fixed, ok, refuse};
use crate::error::{Error, Result, Site};
use crate::graph::{Fill, Node, Routine};
use crate::tensor::Tensor;
use std::f64::consts::PI;

impl Tensor {
    /// The discrete Fourier transform `y[.., k] = sum over j of x[.., j] exp(-2 pi i j k / n)`.
    ///
    /// # Shapes
    /// `[.., n, 2]`, as the result; the last axis holds real and imaginary parts. Any `n`.
    ///
    /// # Errors
    /// The last axis is not 2, there is no other, not floats.
    ///
    /// # Gradient
    /// The inverse transform without its factor.
    ///
    /// # Numerics
    /// Within `6 (log2 n + 3)` ulp of `sqrt(n)` times the norm of the row; typically within 2 ulp of that norm. Lengths that are no
    /// power of two go by way of a convolution of at least twice the length (three transforms).
    ///
    /// # Source
    /// Van Loan, Computational frameworks for the fast Fourier transform (1992), 1.7 and 4.2.3 (Bluestein).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[1.0f32, 0.0, 2.0, 0.0], [2, 2]);
    /// assert_eq!(x.fft().read_blocking::<f32>()?, [3.0, 0.0, -1.0, 0.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn fft(&self) -> Tensor {
        self.transform("fft", false)
    }

    /// The inverse of [`Tensor::fft`]: `y[.., j] = 1/n sum over k of x[.., k] exp(2 pi i j k / n)`.
    #[track_caller]
    #[must_use]
    pub fn ifft(&self) -> Tensor {
        let sum = self.transform("ifft", true);
        let shape = ok!(&sum, sum.shape());
        let n = shape[shape.rank() - 2];
        sum.mul(Fixed(1.0 / n.max(1) as f64))
    }

    /// [`Tensor::fft`] of real numbers: the first `n / 2 + 1` elements, which determine the others
    /// (`y[n - k]` is the conjugate of `y[k]`).
    ///
    /// # Shapes
    /// `[.., n]` gives `[.., n / 2 + 1, 2]`.
    #[track_caller]
    #[must_use]
    pub fn rfft(&self) -> Tensor {
        let rank = ok!(self, self.shape()).rank();
        if rank == 0 {
            return refuse(self, "rfft", "a scalar", "it takes floats of shape [.., n]", Site::here());
        }
        let mut padding = vec![(0, 0); rank + 1];
        padding[rank] = (0, 1);
        let n = ok!(self, self.shape())[rank - 1];
        let whole = self.unsqueeze(rank).pad(padding, Fill::Zero).transform("rfft", false);
        whole.slice(rank - 1, ..if n == 0 { 0 } else { n / 2 + 1 })
    }

    /// The inverse of [`Tensor::rfft`] for `n` real numbers. The imaginary part of the first element, and of the last if `n` is even,
    /// is not read: it is 0 in the transform of real numbers.
    ///
    /// # Shapes
    /// `[.., n / 2 + 1, 2]` gives `[.., n]`.
    ///
    /// # Errors
    /// The number of elements does not fit `n`.
    #[track_caller]
    #[must_use]
    pub fn irfft(&self, n: usize) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let rank = shape.rank();
        if rank < 2 || shape[rank - 1] != 2 || n == 0 || shape[rank - 2] != n / 2 + 1 {
            let hint = "it takes floats of shape [.., n / 2 + 1, 2], n at least 1";
            return refuse(self, "irfft", format!("shape {shape} for {n} real numbers"), hint, site);
        }
        let last = (n - 1) / 2;
        let real = |x: Tensor| x.slice(rank - 1, ..1);
        // All that is not its own mirror image counts twice, itself and its conjugate; the real part is what they sum to.
        let ends = real(self.slice(rank - 2, ..1));
        let mut first = vec![(0, 0); rank];
        first[rank - 1] = (0, 1);
        let mut parts = vec![ends.pad(&first, Fill::Zero), self.slice(rank - 2, 1..last + 1).mul(Fixed(2.0))];
        if n.is_multiple_of(2) {
            parts.push(real(self.slice(rank - 2, n / 2..n / 2 + 1)).pad(&first, Fill::Zero));
        }
        let half = ok!(self, Tensor::concat(&parts.iter().collect::<Vec<_>>(), rank - 2));
        let mut rest = vec![(0, 0); rank];
        rest[rank - 2] = (0, n - (n / 2 + 1));
        half.pad(rest, Fill::Zero).transform("irfft", true).pick(rank - 1, 0).mul(Fixed(1.0 / n as f64))
    }

    /// [`Tensor::fft`] along two axes.
    ///
    /// # Shapes
    /// `[.., m, n, 2]`, as the result.
    #[track_caller]
    #[must_use]
    pub fn fft2(&self) -> Tensor {
        let rank = ok!(self, self.planes("fft2"));
        self.fft().transpose(rank - 3, rank - 2).fft().transpose(rank - 3, rank - 2)
    }

    /// The inverse of [`Tensor::fft2`].
    #[track_caller]
    #[must_use]
    pub fn ifft2(&self) -> Tensor {
        let rank = ok!(self, self.planes("ifft2"));
        self.ifft().transpose(rank - 3, rank - 2).ifft().transpose(rank - 3, rank - 2)
    }

    #[track_caller]
    fn planes(&self, op: &str) -> Result<usize> {
        match self.shape()?.dims() {
            dims @ [.., _, _, 2] => Ok(dims.len()),
            dims => {
                let message = format!("shape {dims:?}");
                Err(Error::argument(op, message, "it takes complex numbers [.., m, n, 2]", Site::here()))
            }
        }
    }

    /// Without a factor.
    #[track_caller]
    fn transform(&self, op: &str, inverse: bool) -> Tensor {
        let (site, shape) = (Site::here(), ok!(self, self.shape()));
        let rank = shape.rank();
        let dtype = ok!(self, self.dtype());
        if rank < 2 || shape[rank - 1] != 2 || !dtype.is_float() {
            let hint = "it takes complex numbers as floats of shape [.., n, 2]";
            return refuse(self, op, format!("{dtype}{shape}"), hint, site);
        }
        let n = shape[rank - 2];
        let x = self.widen();
        if shape.elements() == 0 {
            return x;
        }
        let rows = shape.elements() / (2 * n);
        let flat = x.reshape([rows, n, 2]);
        let found = if n.is_power_of_two() { flat.pass(inverse) } else { flat.chirped(n, inverse) };
        found.reshape(shape)
    }

    #[track_caller]
    fn pass(&self, inverse: bool) -> Tensor {
        let site = Site::here();
        self.then(|x| Node::routine(Routine::Fft { inverse }, vec![x.clone()], site))
    }

    /// Bluestein: `j k = (j^2 + k^2 - (k - j)^2) / 2` makes the transform a convolution with `exp(pi i m^2 / n)`, between two products with
    /// its conjugate.
    #[track_caller]
    fn chirped(&self, n: usize, inverse: bool) -> Tensor {
        let length = (2 * n - 1).next_power_of_two();
        let sign = if inverse { 1.0 } else { -1.0 };
        let chirp: Vec<(f64, f64)> = (0..n as u64)
            .map(|j| {
                let (s, c) = (sign * PI * (j * j % (2 * n as u64)) as f64 / n as f64).sin_cos();
                (c, s)
            })
            .collect();
        let mut against = vec![[0.0f32; 2]; length];
        for (j, &(c, s)) in chirp.iter().enumerate() {
            against[j] = [c as f32, -s as f32];
            against[(length - j) % length] = against[j];
        }
        let chirp: Vec<f32> = chirp.iter().flat_map(|&(c, s)| [c as f32, s as f32]).collect();
        let chirp = self.device().tensor(&chirp, [1, n, 2]);
        let against = self.device().tensor(against.as_flattened(), [1, length, 2]);
        let padded = self.complex_product(&chirp).pad([(0, 0), (0, length - n), (0, 0)], Fill::Zero);
        let both = padded.pass(false).complex_product(&against.pass(false)).pass(true);
        both.slice(1, ..n).mul(Fixed(1.0 / length as f64)).complex_product(&chirp)
    }

    /// The product of complex numbers.
    ///
    /// # Shapes
    /// `[.., 2]`, broadcast against each other.
    #[track_caller]
    #[must_use]
    pub fn complex_product(&self, other: &Tensor) -> Tensor {
        let pairs = |x: &Tensor| x.shape().map(|s| s.last() == Some(&2));
        if !(ok!(self, pairs(self)) && ok!(self, pairs(other))) {
            let message = format!("shapes {} and {}", ok!(self, self.shape()), ok!(self, other.shape()));
            return refuse(
                self,
                "complex_product",
                message,
                "complex numbers have a last axis of length 2",
                Site::here(),
            );
        }
        let part = |x: &Tensor, at: usize| -> Tensor {
            let axis = x.shape().map_or(0, |s| s.rank() - 1);
            x.slice(axis, at..at + 1)
        };
        let (a, b, c, d) = (part(self, 0), part(self, 1), part(other, 0), part(other, 1));
        let (real, imaginary) = (a.mul(&c).sub(b.mul(&d)), a.mul(&d).add(b.mul(&c)));
        let axis = ok!(&real, real.shape()).rank() - 1;
        ok!(self, Tensor::concat(&[&real, &imaginary], axis))
    }
}
