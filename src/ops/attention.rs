//! Attention, without the matrix of weights.

use super::{ok, refuse};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::attention::{Attention as Heads, Part, WIDEST};
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

impl Tensor {
    /// `y[i] = sum_j p[i, j] values[j]` with `p[i, :] = softmax over j of scale self[i] . keys[j] + mask[i, j]`, for each head, in one
    /// kernel that keeps a tile of the weights at a time. A query that sees nothing gives 0.
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
    /// On these adapters products of matrices around a softmax take two thirds of the time of one kernel, and more memory.
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
        let routine = Heads {
            part: Part::Forward,
            scale: scale.to_bits(),
            causal: options.causal,
            mask_every,
            stored: stored(self.device().limits(), b * m * n, options.causal),
        };
        let flat = [self.reshape([b, m, d]), keys.reshape([shared, n, d]), values.reshape([shared, n, e])];
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

/// The most scores in memory at once.
const STORED: usize = 16 << 20;

/// Whether a derivative had better store the weights than compute them again. Measured on llvmpipe, where products of matrices are
/// bound by loads and kernels of gradients take seconds to compile: it takes 0.6 of the time or less, except for long causal sequences, of which
/// tiles that are not seen are not computed.
fn stored(limits: &Limits, scores: usize, causal: bool) -> bool {
    limits.cpu && scores <= if causal { STORED / 4 } else { STORED }
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
