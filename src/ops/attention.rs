//! Attention, without the matrix of weights.

use super::{Fixed, ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::attention::{Attention as Heads, Lengths, NOTHING, Part, UNSEEN, WIDEST};
use crate::graph::{Node, Routine};
use crate::kernel::Limits;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// What queries see, and how scores are scaled: `Attention { causal: true, ..Attention::default() }`.
#[derive(Clone, Debug, Default)]
pub struct Attention {
    /// The factor of the scores; without one the inverse root of the length of a query. Another factor runs the same shader.
    pub scale: Option<f32>,
    /// Query `i` of `m` sees the keys `j <= i + n - m` alone: the last query sees all.
    pub causal: bool,
    /// `bool` (true is seen) or a float that is added to the scores (-1e38 or less is not seen); broadcast to
    /// `[.., heads, m, n]`.
    pub mask: Option<Tensor>,
}

/// How attention is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// One kernel that keeps a tile of the weights at a time.
    Kernel,
    /// Two products of matrices, the weights between them in memory.
    Products,
}

impl Tensor {
    /// `y[i] = sum_j p[i, j] values[j]` with `p[i, :] = softmax over j of scale self[i] . keys[j] + mask[i, j]`, for each head. A query
    /// that sees nothing gives 0. One kernel keeps a tile of the weights at a time; adapters that compute on the processor take
    /// two products of matrices with the weights between, where the weights are at most 64 MiB and nothing is causal: their
    /// kernels are bound by loads, of which products need fewer.
    ///
    /// # Shapes
    /// `self: [.., heads, m, d]`, `keys: [.., shared, n, d]`, `values: [.., shared, n, e]`, where `shared` divides `heads`: so many
    /// heads in a row have the same keys and values. The result is `[.., heads, m, e]`. `d` and `e` are at most 256; axes before
    /// the last two may be missing.
    ///
    /// # Errors
    /// Shapes do not fit, something else than floats, a longer `d` or `e`: multiply matrices instead.
    ///
    /// # Gradient
    /// One kernel each for queries, keys and values, which compute the weights again. That of a mask, second derivatives, and the
    /// gradient of moderate sizes on adapters that compute on the processor have the matrix of weights in memory.
    ///
    /// # Numerics
    /// Sums in f32 also of `f16` and `bf16`, in the order of the keys; the result has the queries' dtype. What comes of keys and
    /// values that are not finite, or of scores beyond 1e37, is not promised, even where they are not seen.
    ///
    /// # Source
    /// Dao, `FlashAttention-2`, 2023; Rabe and Staats, Self-attention does not need O(n^2) memory, 2021.
    ///
    /// ```
    /// # use ridgepoint::ops::Attention;
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let (q, k) = (device.zeros([2, 2]), device.ones([2, 2]));
    /// let v = device.tensor(&[1.0f32, 3.0], [2, 1]);
    /// let y = q.attention(&k, &v, &Attention { causal: true, ..Attention::default() });
    /// assert_eq!(y.read_blocking::<f32>()?, [1.0, 2.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn attention(&self, keys: &Tensor, values: &Tensor, options: &Attention) -> Tensor {
        self.attention_by(keys, values, options, None)
    }

    /// [`Tensor::attention`] in a way; `None`: by device and sizes.
    #[track_caller]
    pub(crate) fn attention_by(&self, keys: &Tensor, values: &Tensor, options: &Attention, way: Option<Way>) -> Tensor {
        let site = Site::here();
        let [q, k, v] = [ok!(self, self.shape()), ok!(self, keys.shape()), ok!(self, values.shape())];
        let kinds = [ok!(self, self.dtype()), ok!(self, keys.dtype()), ok!(self, values.dtype())];
        if !kinds.iter().all(|d| d.is_float()) || !fits(q, k, v) {
            let message = format!("queries {}{q}, keys {}{k}, values {}{v}", kinds[0], kinds[1], kinds[2]);
            let hint = "queries [.., heads, m, d], keys [.., shared, n, d], values [.., shared, n, e], floats; d and e in 1..=256";
            return refuse(self, "attention", message, hint, site);
        }
        let rank = q.rank();
        let (m, d, n, e) = (q[rank - 2], q[rank - 1], k[rank - 2], v[rank - 1]);
        let batch = &q[..rank - 2];
        let result = [batch, &[m, e]].concat();
        let (b, shared) = (batch.iter().product::<usize>(), k[..rank - 2].iter().product::<usize>());
        let (mask, mask_every) = match &options.mask {
            None => (None, 0),
            Some(mask) => {
                let (mask, every) = ok!(self, mask.as_mask(batch, [m, n], site));
                (Some(mask), every)
            }
        };
        if b * m * n == 0 {
            return self.keep_dtype(self.device().zeros(result));
        }
        let scale = options.scale.unwrap_or_else(|| (d as f32).sqrt().recip());
        let flat = [self.reshape([b, m, d]), keys.reshape([shared, n, d]), values.reshape([shared, n, e])];
        let stored = stored(self.device().limits(), b * m * n, options.causal);
        let products = if stored && !options.causal { Way::Products } else { Way::Kernel };
        if way.unwrap_or(products) == Way::Products {
            let lengths = Lengths { b, m, n, d, e, group: b / shared };
            let mask = mask.map(|mask| (mask, mask_every));
            return self.keep_dtype(weighted(&flat, lengths, scale, options.causal, mask).reshape(result));
        }
        let routine = Heads { part: Part::Forward, scale: scale.to_bits(), causal: options.causal, mask_every, stored };
        let sources: Vec<&Tensor> = flat.iter().chain(&mask).collect();
        let nodes = ok!(self, Tensor::nodes("attention", &sources, site));
        let rows = Tensor::new(self.device(), Node::routine(Routine::Attention(routine), nodes, site));
        self.keep_dtype(rows.slice(2, ..e).reshape(result))
    }

    /// `[masks, 1 or m, 1 or n]`, and how many heads in a row have one mask.
    #[track_caller]
    fn as_mask(&self, batch: &[usize], [m, n]: [usize; 2], site: Site) -> Result<(Tensor, usize)> {
        let (shape, dtype) = (self.shape()?, self.dtype()?);
        let whole = Shape::from([batch, &[m, n]].concat());
        if (dtype != DType::Bool && !dtype.is_float()) || shape.broadcast(&whole).as_ref() != Some(&whole) {
            let message = format!("a mask {dtype}{shape} of scores {whole}");
            return Err(Error::argument(
                "attention",
                message,
                "a mask is bool or float and broadcasts to the scores",
                site,
            ));
        }
        let mut dims = vec![1; whole.rank() - shape.rank()];
        dims.extend_from_slice(shape);
        let (heads, matrix) = dims.split_at(batch.len());
        let mask = self.widen().reshape(dims.as_slice());
        // a run of axes with a mask each; axes of length 1 count either way
        let own = |axis: &usize| heads[*axis] != 1;
        let first = (0..heads.len()).find(own).unwrap_or(heads.len());
        let end = (0..heads.len()).rev().find(own).map_or(first, |last| last + 1);
        let (masks, every) = (batch[first..end].iter().product(), batch[end..].iter().product());
        let mask = match heads[first..end] == batch[first..end] {
            true => mask,
            false => mask.broadcast_to([&batch[first..end], matrix].concat()),
        };
        Ok((mask.reshape([masks, matrix[0], matrix[1]]), every))
    }
}

/// Attention as products: of queries `[b, m, d]` with keys `[b / group, n, d]`, and of the weights with values. A mask is
/// `[masks, 1 or m, 1 or n]`, with the number of heads in a row that have one.
#[track_caller]
fn weighted([q, k, v]: &[Tensor; 3], l: Lengths, scale: f32, causal: bool, mask: Option<(Tensor, usize)>) -> Tensor {
    // the queries of heads that share keys are one matrix
    let joined = [l.b / l.group, l.group * l.m];
    let (masks, every) = mask.as_ref().map_or((1, 1), |(mask, every)| (mask.shape().map_or(1, |s| s[0]), *every));
    let whole = [l.b / (masks * every), masks, every, l.m, l.n];
    let mut scores = q.reshape([joined[0], joined[1], l.d]).matmul(&k.t()).reshape(whole) * f64::from(scale);
    let mut seen = None;
    if causal {
        let (query, key) = (q.device().iota(l.m, DType::U32), q.device().iota(l.n, DType::U32));
        seen = Some((&key + l.m as u32).unsqueeze(0).le(&(&query + l.n as u32).unsqueeze(1)));
    }
    if let Some((mask, _)) = mask {
        let mask = mask.unsqueeze(1);
        let own = match mask.dtype() {
            Ok(DType::Bool) => mask,
            _ => {
                scores = scores + &mask;
                mask.gt(Fixed(f64::from(UNSEEN)))
            }
        };
        seen = Some(seen.map_or_else(|| own.clone(), |before| before & &own));
    }
    let weights = match seen {
        None => scores.softmax(4),
        Some(seen) => {
            let seen = seen.broadcast_to(whole);
            seen.select(seen.select(&scores, Fixed(f64::from(NOTHING))).softmax(4), Fixed(0.0))
        }
    };
    weights.reshape([joined[0], joined[1], l.n]).matmul(v)
}

/// The most scores in memory at once, 64 MiB.
const STORED: usize = 16 << 20;

/// Whether the weights had better be in memory. On processors products of matrices are bound by loads, of which a kernel that
/// computes weights tile by tile needs more: it takes 1.4 to 1.7 times as long as two products, its gradient as much
/// and more, and seconds to compile. A score costs the products two writes and two reads, 16 bytes, beside at least
/// 2 (d + e) multiply-adds, so memory's speed does not matter; its size does. Of a causal sequence the kernel computes
/// half of the tiles, which is as good as the products; its gradient is so for long ones.
fn stored(limits: &Limits, scores: usize, causal: bool) -> bool {
    let most = (limits.binding_bytes.min(limits.buffer_bytes) / 4).min(STORED as u64) as usize;
    limits.tune().attention_products && scores <= if causal { most / 4 } else { most }
}

/// Whether the shapes fit each other.
fn fits(q: &[usize], k: &[usize], v: &[usize]) -> bool {
    let rank = q.len();
    if rank < 2 || k.len() != rank || v.len() != rank || k[..rank - 1] != v[..rank - 1] || q[rank - 1] != k[rank - 1] {
        return false;
    }
    let wide = |length: usize| (1..=WIDEST).contains(&length);
    let heads = match rank {
        2 => true,
        _ => {
            let (heads, shared) = (q[rank - 3], k[rank - 3]);
            q[..rank - 3] == k[..rank - 3] && (heads == shared || (shared > 0 && heads.is_multiple_of(shared)))
        }
    };
    heads && wide(q[rank - 1]) && wide(v[rank - 1])
}
