//! Contractions: products of matrices and vectors, and sums over products named by letters.

use super::{ok, refuse};
use crate::error::{Error, Result, Site};
use crate::graph::{AxisMap, Node, Reduce, Routine};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Tensor {
    /// The matrix product `c[.., i, j] = sum over k of a[.., i, k] b[.., k, j]`.
    ///
    /// # Shapes
    /// NumPy's rules: axes before the last two are a batch and broadcast; a vector on the left is a row, on the right a
    /// column, whose axis vanishes from the result; two vectors give their dot product. Transposed operands
    /// ([`Tensor::t`]) are read in place.
    ///
    /// # Errors
    /// Lengths do not fit, an operand is a scalar, one is a float and the other is not.
    ///
    /// # Numerics
    /// `f32` accumulation in blocks, `f16` and `bf16` operands are widened as they are read. Integers wrap.
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let a = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [2, 2]);
    /// let x = device.tensor(&[1.0f32, 10.0], [2]);
    /// assert_eq!(a.matmul(&x).read_blocking::<f32>()?, [21.0, 43.0]);
    /// assert_eq!(a.t().matmul(&x).read_blocking::<f32>()?, [31.0, 42.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        let site = Site::here();
        let nodes = ok!(self, Tensor::nodes("matmul", &[self, other], site));
        let (a, b) = (nodes[0].shape(), nodes[1].shape());
        let kinds = (nodes[0].dtype(), nodes[1].dtype());
        let (rank_a, rank_b) = (a.rank(), b.rank());
        let joined = rank_a > 0 && rank_b > 0 && a[rank_a - 1] == b[rank_b.saturating_sub(2)];
        let floats = kinds.0.is_float() && kinds.1.is_float();
        if !joined || !(floats || (kinds.0 == kinds.1 && kinds.0.is_int())) {
            let message = format!("{}{a} times {}{b}", kinds.0, kinds.1);
            let hint = "the last axis of the left and the last but one of the right (of a vector, its only one) must \
                        agree; both are floats, or of one integer dtype";
            return refuse(self, "matmul", message, hint, site);
        }
        match (rank_a, rank_b) {
            (1, 1) => self.mul(other).reduce(Reduce::Sum, &[0]),
            (1, _) => self.unsqueeze(0).product(other, floats).squeeze(rank_b - 2),
            (_, 1) => self.product(&other.unsqueeze(1), floats).squeeze(rank_a - 1),
            _ => self.product(other, floats),
        }
    }

    /// The product of matrices or batches of them that are known to fit.
    #[track_caller]
    fn product(&self, other: &Tensor, floats: bool) -> Tensor {
        let (a, b) = (ok!(self, self.shape()), ok!(self, other.shape()));
        let (m, k, n) = (a[a.rank() - 2], a[a.rank() - 1], b[b.rank() - 1]);
        let (batch_a, batch_b) = (Shape::from(&a[..a.rank() - 2]), Shape::from(&b[..b.rank() - 2]));
        let Some(batch) = batch_a.broadcast(&batch_b) else {
            let message = format!("batches {batch_a} and {batch_b} of {a} and {b} do not broadcast");
            return refuse(
                self,
                "matmul",
                message,
                "lengths before the last two axes must be equal or 1",
                Site::here(),
            );
        };
        let shape = Shape::from([batch.dims(), &[m, n]].concat());
        if !floats {
            let left = self.unsqueeze(a.rank());
            return left.mul(&other.unsqueeze(b.rank() - 2)).reduce(Reduce::Sum, &[shape.rank() - 1]);
        }
        if b.rank() == 2 {
            // One matrix on the right: the batch of the left is more rows.
            let left = if a.rank() == 2 { self.unsqueeze(0) } else { self.reshape([1, batch.elements() * m, k]) };
            let product = left.contract(&other.unsqueeze(0));
            return if a.rank() == 2 { product.squeeze(0) } else { product.reshape(shape) };
        }
        let left = self.batched(&batch_a, &batch, [m, k]);
        left.contract(&other.batched(&batch_b, &batch, [k, n])).reshape(shape)
    }

    /// `[batch, rows, columns]` with one batch axis, repeated to `batch` by a view where it can be.
    #[track_caller]
    fn batched(&self, own: &Shape, batch: &Shape, [rows, columns]: [usize; 2]) -> Tensor {
        let flat = [batch.elements(), rows, columns];
        match own.elements() {
            _ if own == batch => self.reshape(flat),
            1 => self.reshape([1, rows, columns]).broadcast_to(flat),
            _ => self.broadcast_to([batch.dims(), &[rows, columns]].concat()).reshape(flat),
        }
    }

    #[track_caller]
    fn contract(&self, other: &Tensor) -> Tensor {
        let site = Site::here();
        self.then(|a| Node::routine(Routine::Matmul, vec![a.clone(), other.node()?.clone()], site))
    }

    /// The dot product of two vectors of one length.
    #[track_caller]
    #[must_use]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        match (ok!(self, self.shape()).dims(), ok!(self, other.shape()).dims()) {
            ([n], [m]) if n == m => self.matmul(other),
            (a, b) => refuse(
                self,
                "dot",
                format!("shapes {a:?} and {b:?}"),
                "it takes two vectors of one length",
                Site::here(),
            ),
        }
    }

    /// The outer product `y[i, j] = a[i] b[j]` of two vectors.
    #[track_caller]
    #[must_use]
    pub fn outer(&self, other: &Tensor) -> Tensor {
        match (ok!(self, self.shape()).dims(), ok!(self, other.shape()).dims()) {
            ([_], [_]) => self.unsqueeze(1).mul(&other.unsqueeze(0)),
            (a, b) => refuse(self, "outer", format!("shapes {a:?} and {b:?}"), "it takes two vectors", Site::here()),
        }
    }

    /// The bilinear form `y[.., o] = sum over i, j of a[.., i] w[o, i, j] b[.., j]`.
    ///
    /// # Shapes
    /// `self: [.., i]`, `weight: [o, i, j]`, `other: [.., j]`, the axes before the last alike.
    #[track_caller]
    #[must_use]
    pub fn bilinear(&self, weight: &Tensor, other: &Tensor) -> Tensor {
        let (a, w, b) = (ok!(self, self.shape()), ok!(self, weight.shape()), ok!(self, other.shape()));
        let (Some((&i, batch)), Some((&j, batch_b)), &[o, wi, wj]) = (a.split_last(), b.split_last(), w.dims()) else {
            return bilinear_error(self, a, w, b, Site::here());
        };
        if batch != batch_b || i != wi || j != wj {
            return bilinear_error(self, a, w, b, Site::here());
        }
        let rows: usize = batch.iter().product();
        let mixed = self.reshape([rows, i]).matmul(&weight.move_axis(1, 0).reshape([i, o * j]));
        let product = mixed.reshape([rows, o, j]).mul(&other.reshape([rows, 1, j])).reduce(Reduce::Sum, &[2]);
        product.reshape([batch, &[o]].concat())
    }

    /// The sum of products that `spec` names: `"ij,jk->ik"` is the matrix product, `"bij->bji"` a transpose, `"ii->"` a
    /// trace, `"bhqd,bhkd->bhqk"` attention scores.
    ///
    /// A letter names an axis; axes of one letter run together; letters missing on the right are summed over. Without
    /// `->`, the letters that occur once are kept, in alphabetical order. Pairs are contracted from left to right, each as
    /// a (batched) matrix product.
    ///
    /// # Errors
    /// The text and the shapes do not fit, or a letter names different lengths.
    #[track_caller]
    pub fn einsum(spec: &str, operands: &[&Tensor]) -> Result<Tensor> {
        let site = Site::here();
        let (mut inputs, output) = parse(spec, operands, site)?;
        let mut terms = Vec::with_capacity(operands.len());
        for (operand, letters) in operands.iter().zip(&mut inputs) {
            terms.push(operand.diagonals(letters).check()?);
        }
        let mut rest = terms.into_iter().zip(inputs);
        let Some((mut x, mut letters)) = rest.next() else {
            return Err(Error::argument("einsum", "no operands", "give at least one", site));
        };
        let mut rest: Vec<_> = rest.collect();
        while !rest.is_empty() {
            let (y, right) = rest.remove(0);
            let kept = |c: &char| output.contains(c) || rest.iter().any(|(_, later)| later.contains(c));
            let joined = union(&letters, &right).into_iter().filter(kept).collect::<Vec<_>>();
            x = pair(&x, &letters, &y, &right, &joined);
            letters = joined;
        }
        x.arrange(&letters, &output).check()
    }

    /// A letter that occurs twice means a diagonal: afterwards each occurs once.
    #[track_caller]
    fn diagonals(&self, letters: &mut Vec<char>) -> Tensor {
        let site = Site::here();
        let mut kept: Vec<char> = Vec::new();
        for &c in letters.iter() {
            if !kept.contains(&c) {
                kept.push(c);
            }
        }
        if kept.len() == letters.len() {
            return self.clone();
        }
        let all = std::mem::replace(letters, kept.clone());
        self.then(|x| {
            let place = |c: &char| kept.iter().position(|k| k == c).unwrap_or_default();
            let length = |c: &char| all.iter().position(|k| k == c).map_or(1, |axis| x.shape()[axis]);
            let axes = all.iter().map(|c| AxisMap::same(place(c))).collect();
            super::movement::view(x, axes, kept.iter().map(length).collect::<Vec<_>>().into(), site)
        })
    }

    /// Sums over the letters that are not in `output` and puts the others in its order.
    #[track_caller]
    fn arrange(&self, letters: &[char], output: &[char]) -> Tensor {
        let gone: Vec<usize> = (0..letters.len()).filter(|&axis| !output.contains(&letters[axis])).collect();
        let kept: Vec<char> = letters.iter().copied().filter(|c| output.contains(c)).collect();
        let summed = if gone.is_empty() { self.clone() } else { self.reduce(Reduce::Sum, &gone) };
        let order: Vec<usize> = output.iter().filter_map(|c| kept.iter().position(|k| k == c)).collect();
        summed.permute(order)
    }
}

fn bilinear_error(like: &Tensor, a: &Shape, w: &Shape, b: &Shape, site: Site) -> Tensor {
    let message = format!("shapes {a}, weight {w}, {b}");
    refuse(like, "bilinear", message, "they are [.., i], [o, i, j] and [.., j], with one batch", site)
}

/// The letters of the operands and of the result.
fn parse(spec: &str, operands: &[&Tensor], site: Site) -> Result<(Vec<Vec<char>>, Vec<char>)> {
    let bad = |message: String, hint: &str| Err(Error::argument("einsum", message, hint, site));
    let text: String = spec.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    if let Some(odd) = left.chars().chain(right.unwrap_or("").chars()).find(|&c| c != ',' && !c.is_ascii_alphabetic()) {
        return bad(format!("{spec:?} contains {odd:?}"), "name each axis by a letter; an ellipsis is not supported");
    }
    let inputs: Vec<Vec<char>> = left.split(',').map(|term| term.chars().collect()).collect();
    if inputs.len() != operands.len() {
        return bad(format!("{spec:?} for {} operands", operands.len()), "separate the operands' letters by commas");
    }
    let mut lengths: Vec<(char, usize)> = Vec::new();
    for (operand, letters) in operands.iter().zip(&inputs) {
        let shape = operand.shape()?;
        if letters.len() != shape.rank() {
            let named: String = letters.iter().collect();
            return bad(format!("{named:?} in {spec:?} for shape {shape}"), "give one letter per axis");
        }
        for (&c, &n) in letters.iter().zip(shape.iter()) {
            match lengths.iter().find(|(known, _)| *known == c) {
                Some(&(_, m)) if m != n => {
                    return bad(format!("letter {c:?} of {spec:?} has lengths {m} and {n}"), "one letter, one length");
                }
                Some(_) => {}
                None => lengths.push((c, n)),
            }
        }
    }
    let output: Vec<char> = match right {
        Some(right) => right.chars().collect(),
        None => {
            let count = |c: char| inputs.iter().flatten().filter(|&&k| k == c).count();
            let mut once: Vec<char> = lengths.iter().map(|&(c, _)| c).filter(|&c| count(c) == 1).collect();
            once.sort_unstable();
            once
        }
    };
    let unknown = output.iter().find(|c| !lengths.iter().any(|(known, _)| known == *c));
    let twice = (1..output.len()).find(|&i| output[..i].contains(&output[i])).map(|i| &output[i]);
    if let Some(c) = unknown.or(twice) {
        return bad(
            format!("letter {c:?} of the result of {spec:?}"),
            "the result names letters of operands, each once",
        );
    }
    Ok((inputs, output))
}

fn union(a: &[char], b: &[char]) -> Vec<char> {
    a.iter().copied().chain(b.iter().copied().filter(|c| !a.contains(c))).collect()
}

/// The product of two operands with the axes `kept`, in that order.
#[track_caller]
fn pair(a: &Tensor, letters_a: &[char], b: &Tensor, letters_b: &[char], kept: &[char]) -> Tensor {
    let (shape_a, shape_b) = (ok!(a, a.shape()), ok!(a, b.shape()));
    let both = |c: &&char| letters_a.contains(c) && letters_b.contains(c);
    let batch: Vec<char> = kept.iter().filter(both).copied().collect();
    let summed: Vec<char> = letters_a.iter().filter(both).filter(|c| !kept.contains(c)).copied().collect();
    let rows: Vec<char> = kept.iter().filter(|c| !letters_b.contains(c)).copied().collect();
    let columns: Vec<char> = kept.iter().filter(|c| !letters_a.contains(c)).copied().collect();
    let length = |c: &char| match letters_a.iter().position(|k| k == c) {
        Some(axis) => shape_a[axis],
        None => letters_b.iter().position(|k| k == c).map_or(1, |axis| shape_b[axis]),
    };
    let lengths = |letters: &[char]| letters.iter().map(length).collect::<Vec<_>>();
    let size = |letters: &[char]| letters.iter().map(length).product::<usize>();
    let left = a.arrange(letters_a, &[&batch[..], &rows, &summed].concat());
    let right = b.arrange(letters_b, &[&batch[..], &summed, &columns].concat());
    let produced = [&batch[..], &rows, &columns].concat();
    let product = if summed.is_empty() {
        let spread = |with: &[usize], without: &[usize]| [&lengths(&batch)[..], with, without].concat();
        let left = left.reshape(spread(&lengths(&rows), &vec![1; columns.len()]));
        left.mul(&right.reshape(spread(&vec![1; rows.len()], &lengths(&columns))))
    } else {
        let left = left.group([batch.len(), rows.len(), summed.len()], [size(&batch), size(&rows), size(&summed)]);
        let right =
            right.group([batch.len(), summed.len(), columns.len()], [size(&batch), size(&summed), size(&columns)]);
        left.matmul(&right).reshape(lengths(&produced))
    };
    product.arrange(&produced, kept)
}

impl Tensor {
    /// As `[batch, rows, columns]`; by a view where each group has one axis at most, so that nothing is copied.
    #[track_caller]
    fn group(&self, axes: [usize; 3], sizes: [usize; 3]) -> Tensor {
        if axes.iter().any(|&n| n > 1) {
            return self.reshape(sizes);
        }
        let missing: Vec<usize> = (0..3).filter(|&group| axes[group] == 0).collect();
        if missing.is_empty() { self.clone() } else { self.unsqueeze(missing) }
    }
}
