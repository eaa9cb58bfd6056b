//! Sparse matrices, by rows (CSR): their structure is the host's, checked once; their values are a tensor like any other.

use super::{ok, refuse};
use crate::error::{Error, Result, Site};
use crate::graph::{Node, Routine};
use crate::run::Device;
use crate::shape::MAX_LEN;
use crate::tensor::Tensor;

/// A sparse matrix of `rows` times `columns` with values of `f32`.
///
/// The entries lie row by row: those of row `r` are `offsets[r]..offsets[r + 1]`, each with its column and value. The
/// transposed structure is made beside it, so products with the transpose, and gradients, read rows too; all sums are in a
/// fixed order.
///
/// ```
/// # fn main() -> ridgepoint::Result<()> {
/// use ridgepoint::ops::Csr;
/// let device = ridgepoint::Device::cpu()?;
/// let a = Csr::from_triplets(&device, [2, 3], &[(0, 2, 5.0), (1, 0, 2.0), (0, 0, 1.0)])?;
/// let x = device.tensor(&[1.0f32, 10.0, 100.0], [3]);
/// assert_eq!(a.matmul(&x).read_blocking::<f32>()?, [501.0, 2.0]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Csr {
    shape: [usize; 2],
    values: Tensor,
    structure: Structure,
    team: [u32; 2],
}

/// The places of the entries, and of those of the transposed matrix; see [`Routine::Sparse`].
#[derive(Clone, Debug)]
struct Structure {
    offsets: Tensor,
    columns: Tensor,
    rows: Tensor,
    back_offsets: Tensor,
    back_columns: Tensor,
    order: Tensor,
    back_order: Tensor,
}

/// Entries that one invocation goes through at most: drivers may stop a loop of 65,536 turns.
const LONGEST: usize = 50_000;

impl Csr {
    /// A matrix by its rows.
    ///
    /// # Errors
    /// `offsets` has not `rows + 1` elements, does not begin with 0, decreases, or does not end with the number of entries; a
    /// column out of range; columns of a row that do not ascend (a place that occurs twice among them); a row or column with
    /// more than 12.8 million entries.
    #[track_caller]
    pub fn new(device: &Device, shape: [usize; 2], offsets: &[u32], columns: &[u32], values: &[f32]) -> Result<Self> {
        let site = Site::here();
        check(shape, offsets, columns, values.len(), site)?;
        let [n_rows, n_columns] = shape;
        let mut rows = Vec::with_capacity(columns.len());
        for (row, range) in offsets.windows(2).enumerate() {
            rows.resize(rows.len() + (range[1] - range[0]) as usize, row as u32);
        }
        let mut back_offsets = vec![0u32; n_columns + 1];
        for &column in columns {
            back_offsets[column as usize + 1] += 1;
        }
        for column in 0..n_columns {
            back_offsets[column + 1] += back_offsets[column];
        }
        let mut next = back_offsets.clone();
        let (mut order, mut back_order) = (vec![0u32; columns.len()], vec![0u32; columns.len()]);
        for (entry, &column) in columns.iter().enumerate() {
            let place = &mut next[column as usize];
            order[*place as usize] = entry as u32;
            back_order[entry] = *place;
            *place += 1;
        }
        let back_columns: Vec<u32> = order.iter().map(|&entry| rows[entry as usize]).collect();
        let team = [team(offsets, n_rows, site)?, team(&back_offsets, n_columns, site)?];
        let leaf = |of: &[u32]| device.tensor(of, [of.len()]);
        let structure = Structure {
            offsets: leaf(offsets),
            columns: leaf(columns),
            rows: leaf(&rows),
            back_offsets: leaf(&back_offsets),
            back_columns: leaf(&back_columns),
            order: leaf(&order),
            back_order: leaf(&back_order),
        };
        Ok(Self { shape, values: device.tensor(values, [values.len()]), structure, team })
    }

    /// A matrix by `(row, column, value)`, in any order; values of one place add up.
    ///
    /// # Errors
    /// A place out of range, and those of [`Csr::new`].
    #[track_caller]
    pub fn from_triplets(device: &Device, shape: [usize; 2], triplets: &[(u32, u32, f32)]) -> Result<Self> {
        let site = Site::here();
        if let Some((row, column, _)) = triplets.iter().find(|t| t.0 as usize >= shape[0] || t.1 as usize >= shape[1]) {
            let message = format!("an entry at row {row}, column {column} of a matrix {shape:?}");
            return Err(Error::argument("csr", message, "rows and columns count from 0", site));
        }
        let mut sorted: Vec<&(u32, u32, f32)> = triplets.iter().collect();
        sorted.sort_by_key(|t| (t.0, t.1));
        let (mut columns, mut values) = (Vec::new(), Vec::<f32>::new());
        let mut offsets = vec![0u32; shape[0] + 1];
        let mut last = None;
        for &&(row, column, value) in &sorted {
            if last == Some((row, column)) {
                *values.last_mut().expect("bug: a place before the first") += value;
                continue;
            }
            last = Some((row, column));
            offsets[row as usize + 1] += 1;
            columns.push(column);
            values.push(value);
        }
        for row in 0..shape[0] {
            offsets[row + 1] += offsets[row];
        }
        Self::new(device, shape, &offsets, &columns, &values)
    }

    /// The number of rows and of columns.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The values, in the order of the entries: a tensor to differentiate with respect to.
    #[must_use]
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// The same places with other values: `[entries]`.
    ///
    /// # Errors
    /// Another number of values, not floats.
    #[track_caller]
    pub fn with_values(&self, values: &Tensor) -> Result<Self> {
        let (shape, dtype) = (values.shape()?, values.dtype()?);
        if shape != self.values.shape()? || !dtype.is_float() {
            let message = format!("{dtype}{shape} for {} entries", self.values.shape()?.elements());
            return Err(Error::argument("csr", message, "give one float per entry", Site::here()));
        }
        Ok(Self { values: values.widen(), ..self.clone() })
    }

    /// The transposed matrix; no entry moves before it is asked for.
    #[track_caller]
    #[must_use]
    pub fn t(&self) -> Self {
        let of = &self.structure;
        let structure = Structure {
            offsets: of.back_offsets.clone(),
            columns: of.back_columns.clone(),
            rows: of.columns.gather(0, &of.order),
            back_offsets: of.offsets.clone(),
            back_columns: of.columns.clone(),
            order: of.back_order.clone(),
            back_order: of.order.clone(),
        };
        let values = self.values.gather(0, &of.order);
        Self { shape: [self.shape[1], self.shape[0]], values, structure, team: [self.team[1], self.team[0]] }
    }

    /// The product with a vector or a dense matrix.
    ///
    /// # Shapes
    /// `x: [columns]` gives `[rows]`, `x: [columns, k]` gives `[rows, k]`.
    ///
    /// # Errors
    /// Lengths do not fit, not floats.
    ///
    /// # Gradient
    /// To `x`, a product with the transpose; to the values, of an entry at `(r, c)` the product of row `r` of what flows back and
    /// row `c` of `x`.
    ///
    /// # Numerics
    /// As many roundings as a row has entries, at most, in a fixed order.
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, x: &Tensor) -> Tensor {
        let site = Site::here();
        let (shape, dtype) = (ok!(x, x.shape()), ok!(x, x.dtype()));
        let fits = matches!(shape.rank(), 1 | 2) && shape[0] == self.shape[1] && dtype.is_float();
        if !fits {
            let message = format!("a sparse matrix {:?} times {dtype}{shape}", self.shape);
            return refuse(x, "sparse_matmul", message, "it takes floats [columns] or [columns, k]", site);
        }
        let dense = if shape.rank() == 1 { x.widen().unsqueeze(1) } else { x.widen() };
        let s = &self.structure;
        let sources = [
            &self.values,
            &dense,
            &s.offsets,
            &s.columns,
            &s.rows,
            &s.back_offsets,
            &s.back_columns,
            &s.order,
            &s.back_order,
        ];
        let nodes = ok!(x, Tensor::nodes("sparse_matmul", &sources, site));
        let product = Tensor::new(x.device(), Node::routine(Routine::Sparse { team: self.team }, nodes, site));
        if shape.rank() == 1 { product.squeeze(1) } else { product }
    }

    /// The matrix with its zeros: `[rows, columns]`.
    #[track_caller]
    #[must_use]
    pub fn to_dense(&self) -> Tensor {
        self.matmul(&self.values.device().eye(self.shape[1], self.shape[1]))
    }
}

fn check(shape: [usize; 2], offsets: &[u32], columns: &[u32], n_values: usize, site: Site) -> Result<()> {
    let bad = |message: String, hint: &str| Err(Error::argument("csr", message, hint, site));
    let entries = columns.len();
    if shape.iter().any(|&n| n >= MAX_LEN) || entries > MAX_LEN {
        return bad(format!("a matrix {shape:?} with {entries} entries"), "lengths are below 2^31");
    }
    if n_values != entries {
        return bad(format!("{n_values} values for {entries} columns"), "give one value per column number");
    }
    if offsets.len() != shape[0] + 1 || offsets.first() != Some(&0) || offsets.last() != Some(&(entries as u32)) {
        let message = format!("{} offsets for {} rows and {entries} entries", offsets.len(), shape[0]);
        return bad(message, "offsets are rows + 1 numbers from 0 to the number of entries");
    }
    for (row, range) in offsets.windows(2).enumerate() {
        if range[0] > range[1] || range[1] as usize > entries {
            return bad(format!("row {row} from {} to {}", range[0], range[1]), "offsets do not decrease");
        }
        let places = &columns[range[0] as usize..range[1] as usize];
        if let Some(&place) = places.iter().find(|&&c| c as usize >= shape[1]) {
            return bad(format!("column {place} in row {row} of {}", shape[1]), "columns count from 0");
        }
        if let Some(pair) = places.windows(2).find(|w| w[0] >= w[1]) {
            let message = format!("column {} after {} in row {row}", pair[1], pair[0]);
            return bad(message, "columns of a row ascend; Csr::from_triplets sorts and adds");
        }
    }
    Ok(())
}

/// Invocations for a row: an eighth of a typical row's entries, and enough for the longest.
fn team(offsets: &[u32], n: usize, site: Site) -> Result<u32> {
    let longest = offsets.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    let typical = offsets.last().map_or(0, |&e| e as usize) / n.max(1);
    let least = longest.div_ceil(LONGEST).next_power_of_two();
    if least > 256 {
        let message = format!("{longest} entries in one row or column");
        return Err(Error::argument("csr", message, format!("at most {}; split the matrix", 256 * LONGEST), site));
    }
    Ok((typical / 8).next_power_of_two().clamp(1, 32).max(least) as u32)
}
