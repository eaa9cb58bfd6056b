//! Matrices of given row and column sums: transport plans, doubly stochastic matrices.

use super::super::Penalty;
use super::super::certificate;
use super::super::functional::Description;
use super::super::registry::{Choice, Computed, Registered};
use super::super::rows::threshold;
use super::{Indicator, Set, relative};
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// Matrices `>= 0` with given sums of rows and of columns; if not given, 1 for each row and what this leaves on average for
/// the columns.
#[derive(Debug)]
struct Transport {
    sums: Option<[Tensor; 2]>,
    square: bool,
    iterations: usize,
}

static BIRKHOFF_OF: Description = Description {
    name: "birkhoff",
    aliases: &["doubly-stochastic"],
    summary: "square matrices whose rows and columns are probabilities: relaxed permutations",
    formula: "0 if X >= 0 and all its rows and columns add up to 1, else infinity",
    parameters: &[],
    convex: true,
    set: true,
    source: SOURCE,
};

static TRANSPORT_OF: Description = Description {
    name: "transport",
    aliases: &["transport-polytope"],
    summary: "plans that move one distribution onto another",
    formula: "0 if X >= 0, its rows add up to given numbers (1 in specifications) and its columns too (their mean), else infinity",
    parameters: &[],
    convex: true,
    set: true,
    source: SOURCE,
};

const SOURCE: &str = "J. Boyle, R. Dykstra, A method for finding projections onto the intersection of convex sets in Hilbert \
                      spaces (1986), between the rows' simplices and the columns'; regularized transport: M. Blondel, \
                      V. Seguy, A. Rolet, Smooth and sparse optimal transport, AISTATS 2018";

/// What a sum of a member may miss, relative to the greatest sum: a projection meets those of the rows in the limit only.
const ITERATED: f64 = 4e-4;

impl Transport {
    /// What rows and columns add up to: `[n, 1]` and `[m, 1]`.
    fn sums(&self, w: &Tensor) -> [Tensor; 2] {
        if let Some([rows, columns]) = &self.sums {
            return [rows.unsqueeze(1), columns.unsqueeze(1)];
        }
        let (n, m) = w.shape().map_or((1, 1), |s| (s[0], s[1]));
        let device = w.device();
        [device.ones([n, 1]), device.full([m, 1], n as f64 / m.max(1) as f64, crate::DType::F32)]
    }
}

impl Set for Transport {
    fn description(&self) -> &'static Description {
        if self.square { &BIRKHOFF_OF } else { &TRANSPORT_OF }
    }

    /// `relu(w - a_i - b_j)`: the rows' potentials `a` and the columns' `b`, in turn each the best for the other.
    fn project(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let [row_sums, column_sums] = self.sums(w);
        let across = w.t();
        let mut b = column_sums.zeros_like();
        let mut a = row_sums.zeros_like();
        for _ in 0..self.iterations {
            a = threshold(&w.sub(b.t()), &row_sums, false);
            b = threshold(&across.sub(a.t()), &column_sums, false);
        }
        w.sub(a).sub(b.t()).relu()
    }

    fn outside(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
        let [row_sums, column_sums] = self.sums(w);
        let off = |x: &Tensor, sums: &Tensor| relative(&x.sum_keep(1).sub(sums).abs(), &sums.max(..)).max(..);
        let negative = relative(&w.min(..).neg(), &row_sums.max(..));
        off(w, &row_sums).maximum(off(&w.t(), &column_sums)).maximum(negative)
    }

    fn tolerance(&self) -> f64 {
        ITERATED
    }

    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        match shape.dims() {
            [n, m] if self.square && n != m => Some("the matrix must be square".into()),
            [n, m] => {
                let [rows, columns] = self.sums.as_ref()?.each_ref().map(|t| t.shape().ok().map(Shape::elements));
                ((rows, columns) != (Some(*n), Some(*m))).then(|| "the sums are those of another matrix".into())
            }
            _ => Some("it must be a matrix".into()),
        }
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        vec![("iterations", self.iterations.to_string())]
    }
}

const ITERATIONS: Choice =
    Choice { name: "iterations", default: "60", meaning: "of rows and columns in turn, in each projection" };

fn off(x: &[f64], shape: &[usize], column: f64) -> f64 {
    let (n, m) = (shape[0], shape[1]);
    let rows = x.chunks(m).map(|r| (r.iter().sum::<f64>() - 1.0).abs());
    let columns = (0..m).map(|j| ((0..n).map(|i| x[i * m + j]).sum::<f64>() - column).abs());
    rows.chain(columns).chain(x.iter().map(|v| -v)).fold(0.0, f64::max)
}

pub(super) static BIRKHOFF: Registered = Registered {
    of: &BIRKHOFF_OF,
    options: &[ITERATIONS],
    build: |o| {
        let iterations = o.number("iterations")?;
        Ok(Arc::new(Indicator(Transport { sums: None, square: true, iterations })))
    },
    mirror: |x, shape, _| off(x, shape, 1.0),
    shapes: &[&[1, 1], &[4, 4]],
    prox: Computed::Certified(|p| certificate::plans(p, 1.0)),
};

pub(super) static TRANSPORT: Registered = Registered {
    of: &TRANSPORT_OF,
    options: &[ITERATIONS],
    build: |o| {
        let iterations = o.number("iterations")?;
        Ok(Arc::new(Indicator(Transport { sums: None, square: false, iterations })))
    },
    mirror: |x, shape, _| off(x, shape, shape[0] as f64 / shape[1] as f64),
    shapes: &[&[2, 1], &[3, 4]],
    prox: Computed::Certified(|p| certificate::plans(p, p.shape[0] as f64 / p.shape[1] as f64)),
};

/// The iterations of [`birkhoff`] and [`transport`].
const DEFAULT: usize = 60;

/// The indicator of the doubly stochastic matrices.
///
/// # Numerics
/// A projection takes 60 rounds of thresholds for the rows and the columns in turn.
#[must_use]
#[track_caller]
pub fn birkhoff() -> Penalty {
    Penalty::functional(Indicator(Transport { sums: None, square: true, iterations: DEFAULT }), &[])
}

/// The indicator of the plans that move `rows: [n]` onto `columns: [m]`, which must have one total: matrices `[n, m]`.
///
/// # Numerics
/// As [`birkhoff`].
#[must_use]
#[track_caller]
pub fn transport(rows: &Tensor, columns: &Tensor) -> Penalty {
    for sums in [rows, columns] {
        match sums.shape() {
            Ok(shape) if shape.rank() == 1 => {}
            Ok(shape) => return Penalty::refused("transport", format!("sums of shape {shape}"), "a vector each"),
            Err(error) => return Penalty::refused("transport", error.to_string(), "give sums without an error"),
        }
    }
    let sums = Some([rows.clone(), columns.clone()]);
    Penalty::functional(Indicator(Transport { sums, square: false, iterations: DEFAULT }), &[])
}

/// Entropic transport: the plan `P` that minimises `<cost, P> + epsilon sum P (log P - 1)` with row sums `rows: [n]` and
/// column sums `columns: [m]`, by `iterations` of Sinkhorn's scaling in the logarithmic domain.
///
/// # Shapes
/// `cost: [n, m]`, the plan too. Sums must be positive.
///
/// # Numerics
/// The columns' sums are exact to rounding, the rows' converge at a rate that worsens with `max |cost| / epsilon`.
///
/// # Source
/// M. Cuturi, *Sinkhorn distances: lightspeed computation of optimal transport*, NIPS 2013.
#[must_use]
#[track_caller]
pub fn sinkhorn(cost: &Tensor, rows: &Tensor, columns: &Tensor, epsilon: f64, iterations: usize) -> Tensor {
    let kernel = cost.neg().div(epsilon);
    let (r, c) = (rows.log().unsqueeze(1), columns.log().unsqueeze(0));
    let mut v = c.zeros_like();
    let mut u = r.zeros_like();
    for _ in 0..iterations {
        u = r.sub(kernel.add(&v).logsumexp_keep(1));
        v = c.sub(kernel.add(&u).logsumexp_keep(0));
    }
    kernel.add(u).add(v).exp()
}
