//! Random numbers without hidden state: a [`Key`] is a value, and the same key gives the same bits on every device.
//!
//! Element `i` of a tensor is a function of the key and of `i` (Philox-4x32-10, Salmon et al., *Parallel random numbers: as
//! easy as 1, 2, 3*, SC 2011): a fused expression, no buffer, no order. The words of the key travel as data, so a new key
//! recompiles nothing. Use a key once; [`Key::split`] and [`Key::fold_in`] make new ones.

use super::{Fixed, Operand, ok, refuse};
use crate::dtype::DType;
use crate::error::{Result, Site};
use crate::graph::{Func, Node};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::f64::consts::TAU;
use std::ops::Range;

/// The key of a stream of random numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key([u32; 2]);

/// What the last counter word says, so that keys derived from a key are no elements of its tensors.
const SPLIT: u32 = 1;
const FOLD: u32 = 2;

impl Key {
    /// The key of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self([seed as u32, (seed >> 32) as u32])
    }

    /// Two independent keys; the rule is to use these, not the old one, from here on.
    #[must_use]
    pub fn split(self) -> (Key, Key) {
        (self.derive(0, SPLIT), self.derive(1, SPLIT))
    }

    /// `n` independent keys.
    #[must_use]
    pub fn split_into(self, n: u32) -> Vec<Key> {
        (0..n).map(|i| self.derive(i, SPLIT)).collect()
    }

    /// The key of this one and a number, like a step or a layer.
    #[must_use]
    pub fn fold_in(self, number: u32) -> Key {
        self.derive(number, FOLD)
    }

    fn derive(self, number: u32, purpose: u32) -> Key {
        let [a, b, ..] = philox(self.0, [number, 0, 0, purpose]);
        Key([a, b])
    }

    /// Word `word` of each element's block as bits, `u32`.
    fn word(self, shape: &Shape, word: u8, site: Site) -> Result<Node> {
        let n = shape.elements();
        let counter = Node::reshape(&Node::iota(n, DType::U32, site)?, shape.clone(), site)?;
        let mut sources = Vec::with_capacity(3);
        for half in self.0 {
            let scalar = Node::constant(f64::from(half), false, DType::U32, site)?;
            sources.push(super::movement::broadcast_node(&scalar, shape, site)?);
        }
        sources.push(counter);
        Node::map(Func::Philox(word), sources, site)
    }

    #[track_caller]
    fn words(self, device: &Device, shape: &Shape, word: u8) -> Tensor {
        Tensor::new(device, self.word(shape, word, Site::here()))
    }

    /// Random bits, `u32`.
    #[track_caller]
    #[must_use]
    pub fn bits(self, device: &Device, shape: impl Into<Shape>) -> Tensor {
        self.words(device, &shape.into(), 0)
    }

    /// Uniform in `[0, 1)`, `f32`: multiples of 2^-24, each as likely.
    ///
    /// ```
    /// # use ridgepoint::ops::Key;
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let (first, second) = Key::new(42).split();
    /// let noise = first.uniform(&device, [2, 3]) * 2.0 - 1.0;
    /// let normal = second.normal(&device, [1000]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn uniform(self, device: &Device, shape: impl Into<Shape>) -> Tensor {
        unit(&self.words(device, &shape.into(), 0))
    }

    /// Normal with mean 0 and variance 1, `f32`, by the method of Box and Muller; magnitudes reach up to 5.77.
    ///
    /// # Numerics
    /// The uniform numbers underneath have the same bits everywhere; logarithm and cosine round as the device does.
    ///
    /// # Source
    /// Box, Muller, *A note on the generation of random normal deviates*, 1958.
    #[track_caller]
    #[must_use]
    pub fn normal(self, device: &Device, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        // 1 - u lies in (0, 1]: its logarithm is finite.
        let radius = (Fixed(1.0) - unit(&self.words(device, &shape, 0))).log().mul(Fixed(-2.0)).sqrt();
        radius.mul(&unit(&self.words(device, &shape, 1)).mul(Fixed(TAU)).cos())
    }

    /// True with probability `p` (a number, or a tensor that broadcasts to `shape`).
    #[track_caller]
    #[must_use]
    pub fn bernoulli(self, device: &Device, shape: impl Into<Shape>, p: impl Operand) -> Tensor {
        self.uniform(device, shape).lt(p)
    }

    /// Integers in a range, `i32`, each as likely to within 2^-32 of its share.
    ///
    /// # Errors
    /// The range is empty.
    ///
    /// # Source
    /// Lemire, *Fast random integer generation in an interval*, 2019, with 64 random bits instead of a rejection.
    #[track_caller]
    #[must_use]
    pub fn randint(self, device: &Device, shape: impl Into<Shape>, range: Range<i32>) -> Tensor {
        let shape = shape.into();
        let (high, low) = (self.words(device, &shape, 0), self.words(device, &shape, 1));
        if range.is_empty() {
            let message = format!("the range {}..{}", range.start, range.end);
            return refuse(&high, "randint", message, "its end lies above its start", Site::here());
        }
        let n = range.end.wrapping_sub(range.start) as u32;
        // The upper word of (2^32 high + low) * n / 2^32, whose lower word may carry.
        let below = high_product(&low, n);
        let carry = high.mul(n).add(&below).lt(&below).cast(DType::U32);
        high_product(&high, n).add(&carry).cast(DType::I32).add(range.start)
    }

    /// The numbers `0..n` in random order, `u32`.
    ///
    /// # Numerics
    /// By sorting random words; of the pairs, a share of 2^-32 are drawn equal and keep their order.
    #[track_caller]
    #[must_use]
    pub fn permutation(self, device: &Device, n: usize) -> Tensor {
        self.bits(device, n).argsort(0, false)
    }
}

/// Bits to `[0, 1)`.
#[track_caller]
fn unit(bits: &Tensor) -> Tensor {
    bits.shr(Fixed(8.0)).cast(DType::F32).mul(Fixed(1.0 / f64::from(1 << 24)))
}

/// The upper 32 bits of the products `x * n`, by halves.
#[track_caller]
fn high_product(x: &Tensor, n: u32) -> Tensor {
    let (n_low, n_high) = (n & 0xFFFF, n >> 16);
    let (low, high) = (x.bit_and(Fixed(f64::from(0xFFFF))), x.shr(Fixed(16.0)));
    let first = high.mul(n_low).add(&low.mul(n_low).shr(Fixed(16.0)));
    let second = low.mul(n_high).add(&first.bit_and(Fixed(f64::from(0xFFFF))));
    high.mul(n_high).add(&first.shr(Fixed(16.0))).add(&second.shr(Fixed(16.0)))
}

impl Tensor {
    /// A class per row, drawn with the probabilities `softmax(x)` along an axis, `u32`; the axis vanishes.
    ///
    /// # Errors
    /// The axis has no elements.
    ///
    /// # Source
    /// The maximum of logits with Gumbel noise: Gumbel, *Statistical theory of extreme values*, 1954.
    #[track_caller]
    #[must_use]
    pub fn categorical(&self, axis: usize, key: Key) -> Tensor {
        let shape = ok!(self, self.shape());
        // Uniform strictly between 0 and 1: both logarithms are finite.
        let bits = key.words(self.device(), shape, 0);
        let u = bits.shr(Fixed(9.0)).cast(DType::F32).add(Fixed(0.5)).mul(Fixed(1.0 / f64::from(1 << 23)));
        self.float("categorical").sub(&u.log().neg().log()).argmax(axis)
    }

    /// Each element 0 with probability `p`, else divided by `1 - p`: the expectation stays.
    ///
    /// # Errors
    /// `p` is not in `[0, 1]`.
    ///
    /// # Source
    /// Srivastava et al., *Dropout*, 2014.
    #[track_caller]
    #[must_use]
    pub fn dropout(&self, p: f64, key: Key) -> Tensor {
        let shape = ok!(self, self.shape());
        if !(0.0..=1.0).contains(&p) {
            return refuse(self, "dropout", format!("probability {p}"), "it lies between 0 and 1", Site::here());
        }
        let scale = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
        let x = self.float("dropout").mul(scale);
        unit(&key.words(self.device(), shape, 0)).lt(p).select(Fixed(0.0), &x)
    }
}

/// Philox-4x32-10 on the host.
fn philox(mut key: [u32; 2], mut c: [u32; 4]) -> [u32; 4] {
    let product = |a: u32, b: u32| {
        let wide = u64::from(a) * u64::from(b);
        ((wide >> 32) as u32, wide as u32)
    };
    for _ in 0..10 {
        let (high_0, low_0) = product(0xD251_1F53, c[0]);
        let (high_1, low_1) = product(0xCD9E_8D57, c[2]);
        c = [high_1 ^ c[1] ^ key[0], low_1, high_0 ^ c[3] ^ key[1], low_0];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    c
}
