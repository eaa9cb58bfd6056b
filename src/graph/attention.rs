//! What the attention kernels compute.

use super::Node;
use crate::dtype::DType;
use crate::shape::Shape;

/// One result of attention or of its derivative, see [`Attention`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// `[b, m, w]` with `w = e + 4`, `e` rounded up to a multiple of 4: `y`, then zeros, but for column `w - 4`, which is
    /// `lse[i] = log sum_j exp(s[i, j])`, the lowest number of [`NOTHING`] where nothing is seen.
    Forward,
    /// `scale c k`: `[b, m, d]`.
    Query,
    /// `scale c^T q`, summed over the heads that share keys: `[b / group, n, d]`.
    Key,
    /// `p^T g`, summed likewise: `[b / group, n, e]`.
    Value,
}

/// The scores of what is not seen, and `lse` of queries that see nothing.
pub const NOTHING: f32 = -3e38;

/// What a mask lowers to this or less is not seen.
pub const UNSEEN: f32 = -1e38;

/// The greatest length of a query, key or value.
pub const WIDEST: usize = 256;

/// `y[i] = sum_j p[i, j] v[j]` with `p[i, :] = softmax(s[i, :])`, `s[i, j] = scale q[i] . k[j] + mask[i, j]`, for each of `b`
/// heads; and with `p = exp(s - lse)`, `c = p (g v^T - delta)` its derivative.
///
/// Sources of [`Part::Forward`]: `q: [b, m, d]`, `k: [b / group, n, d]`, `v: [b / group, n, e]`, floats; perhaps a mask. Of the others:
/// `q`, `k`, `v`, `lse: [b, m]`, `delta: [b, m]`, `g: [b, m, e]`, the latter three `F32`; perhaps a mask. No length is 0, `d` and `e`
/// are at most [`WIDEST`]. Heads `group` apart share keys and values.
///
/// A mask is `[masks, 1 or m, 1 or n]`, `Bool` (true is seen) or `F32` (added); head `h` has mask `h / mask_every % masks`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Attention {
    /// Which result.
    pub part: Part,
    /// The bits of an `f32`.
    pub scale: u32,
    /// Query `i` sees the keys `j <= i + n - m` alone.
    pub causal: bool,
    /// The number of heads with one mask before the next has its turn; 0 without a mask.
    pub mask_every: usize,
    /// Of [`Part::Forward`]: its derivative has the matrix of weights in memory, which takes fewer products of matrices.
    pub stored: bool,
}

/// The sizes of an attention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lengths {
    /// Heads of queries.
    pub b: usize,
    /// Queries of a head.
    pub m: usize,
    /// Keys.
    pub n: usize,
    /// The length of a query and of a key.
    pub d: usize,
    /// The length of a value.
    pub e: usize,
    /// Heads of queries that share keys.
    pub group: usize,
}

impl Lengths {
    /// By the shapes of `q`, `k` and `v`; `None` if they do not fit each other.
    #[must_use]
    pub fn of(q: &[usize], k: &[usize], v: &[usize]) -> Option<Self> {
        let (&[b, m, d], &[heads, n, d2], &[heads2, n2, e]) = (q, k, v) else { return None };
        let fits = d == d2 && n == n2 && heads == heads2 && heads > 0 && b % heads == 0;
        let sized = [b, m, n, d, e].iter().all(|&l| l > 0) && d <= WIDEST && e <= WIDEST;
        (fits && sized).then(|| Self { b, m, n, d, e, group: b / heads })
    }

    /// The length of a row of [`Part::Forward`].
    #[must_use]
    pub fn line(&self) -> usize {
        self.e.next_multiple_of(4) + 4
    }
}

impl Attention {
    /// The factor of the scores.
    #[must_use]
    pub fn factor(&self) -> f32 {
        f32::from_bits(self.scale)
    }

    /// The number of sources, a mask not counted.
    #[must_use]
    pub fn sources(&self) -> usize {
        if self.part == Part::Forward { 3 } else { 6 }
    }

    /// For messages and labels.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.part {
            Part::Forward => "attention",
            Part::Query => "attention_dq",
            Part::Key => "attention_dk",
            Part::Value => "attention_dv",
        }
    }

    /// The shape of the result, or what the routine takes.
    pub(super) fn result(&self, sources: &[Node]) -> Result<Shape, &'static str> {
        const HINT: &str = "takes q: [b, m, d], k: [b / group, n, d], v: [b / group, n, e], no length 0, d and e at most 256; \
                            for derivatives lse, delta: [b, m], g: [b, m, e]; perhaps a mask [masks, 1 or m, 1 or n]";
        let own = self.sources();
        if sources.len() != own + usize::from(self.mask_every > 0) {
            return Err(HINT);
        }
        let dims: Vec<&[usize]> = sources.iter().map(|s| s.shape().dims()).collect();
        let l = Lengths::of(dims[0], dims[1], dims[2]).ok_or(HINT)?;
        let floats = sources[..3].iter().all(|s| s.dtype().is_float());
        let plain = sources[3..own].iter().all(|s| s.dtype() == DType::F32);
        let rest = own == 3 || (dims[3] == [l.b, l.m] && dims[4] == [l.b, l.m] && dims[5] == [l.b, l.m, l.e]);
        let masked = self.mask_every == 0
            || (matches!(sources[own].dtype(), DType::Bool | DType::F32)
                && matches!(dims[own], &[masks, rows, columns] if masks > 0
                    && l.b.is_multiple_of(masks * self.mask_every)
                    && (rows == 1 || rows == l.m)
                    && (columns == 1 || columns == l.n)));
        if !(floats && plain && rest && masked) {
            return Err(HINT);
        }
        Ok(match self.part {
            Part::Forward => Shape::from([l.b, l.m, l.line()]),
            Part::Query => sources[0].shape().clone(),
            Part::Key => sources[1].shape().clone(),
            Part::Value => sources[2].shape().clone(),
        })
    }
}
