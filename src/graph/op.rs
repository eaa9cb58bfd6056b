//! The closed set of primitive operations.
//!
//! Everything the engine can do is a graph of these. A new variant is carried by the compiler through every place that
//! must know it: [`infer`](super::Node) here, `reference`, `pass/grad.rs`, `pass/fuse.rs`, `kernel` (no wildcard arms there).

use super::Data;
use super::attention::Attention;
use super::dense::Dense;
use super::func::Func;
use crate::dtype::DType;

/// What a node is.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// Contiguous, row-major elements held by an executor.
    Data(Data),
    /// One number; shape `[]`. It travels to the shader as data, so changing it recompiles nothing, unless `fixed`
    /// says that it is part of the program's structure (a literal of a formula, like the 2 in `2x`).
    Const {
        /// Integers and booleans as the number that equals them.
        value: f64,
        /// A literal of the program.
        fixed: bool,
    },
    /// `y[i] = i`; shape `[n]`, dtype `I32` or `U32`.
    Iota,
    /// One scalar function applied to every element; all sources have the result's shape.
    Map(Func),
    /// The same elements, row-major, in another shape.
    Reshape,
    /// A window on one source: see [`View`].
    View(View),
    /// `y[.., i, ..] = x[.., index[.., i, ..], ..]` along `axis`; sources `x`, `index` (`U32` or `I32`); the result has the
    /// shape of `index`, which equals `x` but in `axis`. An index out of range gives NaN (floats), 0 or false.
    Gather {
        /// The axis of `x` that is indexed.
        axis: usize,
    },
    /// Reduction over `axes` (ascending), which vanish from the shape.
    Reduce {
        /// How elements are joined.
        kind: Reduce,
        /// Ascending.
        axes: Vec<usize>,
    },
    /// A hand-written algorithm.
    Routine(Routine),
}

/// How [`Op::Reduce`] joins elements. The order is fixed by the plan: same adapter, same inputs, same bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reduce {
    /// Sum (0 for none); pairwise or blocked, so that the error grows with the depth of the tree.
    Sum,
    /// Product (1 for none).
    Prod,
    /// Greatest (for none -infinity, the lowest integer, or false); NaN if any is NaN. On `Bool`: any.
    Max,
    /// Greatest of the numbers among floats: a NaN is passed over, -infinity for none. Cheaper, where a NaN shows elsewhere.
    MaxNumber,
    /// Least (for none infinity, the highest integer, or true); NaN if any is NaN. On `Bool`: all.
    Min,
    /// Row-major position (over the reduced axes) of the first greatest element, as `U32`; NaN counts as greatest.
    ArgMax,
    /// Position of the first least element; NaN counts as least.
    ArgMin,
}

/// Hand-written algorithms; each has its own kernels and one entry in `kernel/routine.rs`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Routine {
    /// `c[b, m, n] = sum_k a[b, m, k] * b[b, k, n]`; operands `a: [b, m, k]`, `b: [b, k, n]`, result `[b, m, n]`, all f32
    /// (operands may be storage floats). Transposition and batch broadcasting come as views of the operands.
    Matmul,
    /// Attention or its derivative, without the matrix of weights.
    Attention(Attention),
    /// Inclusive scan of `x: [rows, n]` along the last axis; `F32`, `I32` or `U32`.
    Scan(Scan),
    /// Two sources `a, b: [rows, n]`, f32: `y[i] = a[i] * y[i-1] + b[i]`, `y[-1] = 0`.
    LinRec,
    /// Stable ascending argsort of `x: [rows, n]` along the last axis; `U32` result; NaN last. `descending` reverses the
    /// order of values but keeps ties stable (and NaN first).
    ArgSort {
        /// Greatest first.
        descending: bool,
    },
    /// `y[row, :] = argmin_u ||u - x[row, :]||^2` with `u[0] >= u[1] >= …`; `x: [rows, n]`, f32.
    Isotonic,
    /// `y[row, :] = argmin_u ||u - x[row, :]||^2 / 2 + lambda[row] sum_i |u[i+1] - u[i]|`; sources `x: [rows, n]` and
    /// `lambda: [rows]` (not negative), f32.
    TautString,
    /// `y[row, block, j] = sum over a block of max(x[row, i] - t[row, j], 0)`, or of `|x[row, i]|` for `x`; sources `x: [rows, n]` and
    /// `t: [rows, EXCESS_THRESHOLDS]`, f32; a block has [`EXCESS_BLOCK`] elements. One reading of `x` for all thresholds.
    Excess {
        /// Of `|x|`.
        magnitude: bool,
    },
    /// `base: [n, inner]`, `index: [m]` (`U32`), `order: [m]` (`U32`, stable argsort of `index`), `source: [m, inner]`;
    /// `y[i, :] = base[i, :] ∘ source[j, :]` over all `j` with `index[j] = i`, in ascending `j`. Indices out of range are dropped.
    Scatter(Scatter),
    /// Dense linear algebra on each matrix of a batch, all f32.
    Dense(Dense),
    /// `y[r, k] = sum over j of x[r, j] exp(-2 pi i j k / n)` for `x: [rows, n, 2]` of (re, im), f32, `n` a power of two; the inverse has
    /// the other sign, and no factor.
    Fft {
        /// The sign of the exponent is positive.
        inverse: bool,
    },
    /// A sparse matrix times a dense one: `y[r, c] = sum over e in offsets[r]..offsets[r + 1] of values[e] x[columns[e], c]`. Sources:
    /// `values: [entries]`, `x: [n, k]` (f32); then, of `u32`, `offsets: [m + 1]`, `columns: [entries]` and the `rows: [entries]` they
    /// belong to; and for the transposed matrix its `offsets: [n + 1]`, its `columns`, the `order` in which it has the entries, and
    /// the inverse of that order: `[entries]` each. Result `[m, k]`.
    Sparse {
        /// How many invocations share an element of the result, a power of two; and of a product with the transposed matrix.
        team: [u32; 2],
    },
    /// `gram: [k, k]` symmetric, `linear: [k]`, `start: [k]`, `weights: [3, k / block]` (rows `l1`, `l2`, `c`), all f32, `k` at
    /// most [`MOST`](Routine::MOST): the point after `epochs` sweeps over blocks of `block` elements in turn,
    /// `u = w_b - (gram w - linear)_b / c_b`, `w_b = max(0, 1 - (l1_b / c_b) / ||u||) u / (1 + l2_b / c_b)`; a block with
    /// `c_b <= 0` stays.
    Descent {
        /// Sweeps.
        epochs: usize,
        /// Elements of a block.
        block: usize,
    },
}

impl Routine {
    /// The greatest number of coordinates of [`Routine::Descent`], which keeps them in workgroup memory.
    pub const MOST: usize = 1024;
}

/// The thresholds of one [`Routine::Excess`].
pub const EXCESS_THRESHOLDS: usize = 256;

/// The elements of a block of [`Routine::Excess`].
pub const EXCESS_BLOCK: usize = 4096;

/// What a scan accumulates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scan {
    /// `y[i] = y[i-1] + x[i]`.
    Sum,
    /// `y[i] = y[i-1] x[i]`.
    Prod,
    /// `y[i] = max(y[i-1], x[i])`; NaN once one was met.
    Max,
    /// `y[i] = min(y[i-1], x[i])`; NaN once one was met.
    Min,
}

/// How [`Routine::Scatter`] joins the base and the sources.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scatter {
    /// Their sum.
    Add,
    /// The greatest of all.
    Max,
    /// The least of all.
    Min,
    /// The last source in index order, or the base where there is none.
    Replace,
}

/// A window on a tensor: one relation per source axis between the source index `i` and the result indices `o`,
///
/// `divisor * i = sum_j coefficient_j * o_j + offset`.
///
/// Where the right side is not divisible, or `i` is out of range, the element is `fill`. A result axis occurs at most
/// once in a relation, but may occur in several (a diagonal; the adjoint of a sliding window, whose element at window
/// offset `k` reads both another position and axis `k`). Permutation, broadcasting, slices with steps, flips, padding,
/// dilation and sliding windows are all of this form, and so is the adjoint of each (after a sum), which is why there is
/// no other movement primitive but [`Op::Reshape`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// One per source axis.
    pub axes: Vec<AxisMap>,
    /// The value outside.
    pub fill: Fill,
}

/// The relation of one source axis, see [`View`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AxisMap {
    /// `(result axis, coefficient)`, coefficient not 0.
    pub terms: Vec<(usize, i64)>,
    /// Added to the sum.
    pub offset: i64,
    /// At least 1.
    pub divisor: i64,
}

impl AxisMap {
    /// `i = o[axis]`.
    #[must_use]
    pub fn same(axis: usize) -> Self {
        Self { terms: vec![(axis, 1)], offset: 0, divisor: 1 }
    }

    /// `i = at`, whatever the result indices.
    #[must_use]
    pub fn fixed(at: usize) -> Self {
        Self { terms: Vec::new(), offset: at as i64, divisor: 1 }
    }

    /// The index for result indices `o`, or `None` outside of `0..len`.
    #[must_use]
    pub fn index(&self, o: &[usize], len: usize) -> Option<usize> {
        let sum = self.terms.iter().fold(self.offset, |s, &(axis, c)| s + c * o[axis] as i64);
        (sum.rem_euclid(self.divisor) == 0)
            .then(|| sum.div_euclid(self.divisor))
            .and_then(|i| usize::try_from(i).ok())
            .filter(|&i| i < len)
    }
}

/// The value of a [`View`] outside of its source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Fill {
    /// 0 or false.
    #[default]
    Zero,
    /// 1 or true.
    One,
    /// The least value of the dtype (-infinity's stand-in: the lowest finite float).
    Lowest,
    /// The greatest value of the dtype (the highest finite float).
    Highest,
}

impl Fill {
    /// As a number.
    #[must_use]
    pub fn value(self, dtype: DType) -> f64 {
        match (self, dtype) {
            (Fill::Zero, _) => 0.0,
            (Fill::One, _) => 1.0,
            (Fill::Lowest, DType::F32) => f64::from(f32::MIN),
            (Fill::Highest, DType::F32) => f64::from(f32::MAX),
            (Fill::Lowest, DType::F16) => -65504.0,
            (Fill::Highest, DType::F16) => 65504.0,
            (Fill::Lowest, DType::BF16) => half::bf16::MIN.to_f64(),
            (Fill::Highest, DType::BF16) => half::bf16::MAX.to_f64(),
            (Fill::Lowest, DType::I32) => f64::from(i32::MIN),
            (Fill::Highest, DType::I32) => f64::from(i32::MAX),
            (Fill::Highest, DType::U32) => f64::from(u32::MAX),
            (Fill::Lowest, DType::U32 | DType::Bool) => 0.0,
            (Fill::Highest, DType::Bool) => 1.0,
        }
    }
}
