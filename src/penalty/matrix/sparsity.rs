//! FLOPS: the expected cost of an inverted index over sparse representations.

use super::misshapen;
use crate::error::Site;
use crate::tensor::Tensor;

/// `sum_j (1/n sum_i |d_ij|)^2`: a smooth bound of the number of products that a query costs; even use of all columns is
/// cheapest.
///
/// # Shapes
/// `[n, v]`: `n` documents, `v` terms; a scalar comes out.
/// # Errors
/// Not two axes, or no rows.
/// # Gradient
/// `2/n mean_j sign(d_ij)`, 0 at 0.
/// # Numerics
/// Two sums.
/// # Source
/// B. Paria, C. Yeh, I. Yen, N. Xu, P. Ravikumar, B. Poczos, Minimizing FLOPs to learn efficient sparse representations,
/// ICLR (2020).
#[must_use]
#[track_caller]
pub fn flops(d: &Tensor) -> Tensor {
    match d.shape() {
        Ok(shape) if shape.rank() == 2 && shape[0] > 0 => d.abs().mean(0).square().sum_all(),
        _ => misshapen("sparsity::flops", d, "documents by terms [n, v] with n > 0", Site::here()),
    }
}

/// `sum_j w_j (1/n sum_i |d_ij|)^2`: [`flops`] with a price per term, such as [`idf_price`]s, so that frequent terms go first.
///
/// # Shapes
/// `d` `[n, v]`, `price` `[v]`; a scalar comes out.
/// # Errors
/// Other shapes, or no rows.
/// # Gradient
/// `2/n w_j mean_j sign(d_ij)`, 0 at 0.
/// # Numerics
/// Two sums.
/// # Source
/// Z. Geng, Y. Wang, D. Ru, Y. Yang, Towards competitive search relevance for inference-free learned sparse retrievers,
/// arXiv:2411.04403.
#[must_use]
#[track_caller]
pub fn weighted_flops(d: &Tensor, price: &Tensor) -> Tensor {
    match (d.shape(), price.shape()) {
        (Ok(of), Ok(by)) if of.rank() == 2 && of[0] > 0 && by[..] == [of[1]] => {
            d.abs().mean(0).square().mul(price).sum_all()
        }
        (Ok(of), Ok(_)) if of.rank() == 2 && of[0] > 0 => {
            misshapen("sparsity::weighted_flops", price, "one price per term", Site::here())
        }
        (Ok(_), Err(_)) => price.clone(),
        _ => misshapen("sparsity::weighted_flops", d, "documents by terms [n, v] with n > 0", Site::here()),
    }
}

/// The inverse document frequency `log(1 + (N - df + 1/2) / (df + 1/2))` of terms that occur in `df` of `documents`.
///
/// # Shapes
/// Any; the same comes out.
/// # Numerics
/// At least 0 for `df <= documents`.
/// # Source
/// S. Robertson, H. Zaragoza, The probabilistic relevance framework: BM25 and beyond, Found. Trends Inf. Retr. 3 (2009).
#[must_use]
#[track_caller]
pub fn idf(df: &Tensor, documents: f64) -> Tensor {
    df.neg().add(documents).add(0.5).div(df.add(0.5)).log1p()
}

/// `min(mean(idf) / max(idf, 0.001), 10)`: prices that fall with the [`idf`].
///
/// # Shapes
/// `[v]`; the same comes out.
/// # Source
/// As [`weighted_flops`]; an explicit form of it.
#[must_use]
#[track_caller]
pub fn idf_price(idf: &Tensor) -> Tensor {
    idf.mean_keep(..).div(idf.maximum(1e-3)).minimum(10.0)
}
