//! Proximal stochastic gradients with variance reduction, for means of many terms.
//!
//! A step of plain stochastic gradients must shrink, because the noise of a batch does not vanish at the solution. Two methods
//! correct each batch's gradient by one of the same batch taken before, so that it does, and a constant step converges:
//!
//! - [`svrg`]: `d = grad f_B(w) - grad f_B(v) + grad f(v)`, with `v` the point at the start of the epoch (R. Johnson, T. Zhang,
//!   *Accelerating stochastic gradient descent using predictive variance reduction*, NIPS 2013; with a proximal operator L. Xiao,
//!   T. Zhang, SIAM J. Optim. 24 (2014)).
//! - [`saga`]: `d = grad f_B(w) - a_B + mean(a)`, with `a_B` the gradient of the batch when it was last drawn (A. Defazio,
//!   F. Bach, S. Lacoste-Julien, *SAGA*, NIPS 2014).
//!
//! Batches are drawn on the device by a counter-based generator: a whole epoch is one submission, and the same seed gives the
//! same run.

use super::drive::{Marks, Method, State, drive, number, settle, zeros};
use super::fista::worst_distance;
use super::smooth::{Smooth, lipschitz};
use super::{Options, Solution, Step, admit, zip};
use crate::error::{Error, Result, Site};
use crate::graph::Scatter;
use crate::ops::Key;
use crate::penalty::Penalty;
use crate::run::Device;
use crate::tensor::Tensor;

/// The mean loss of a batch: coefficients and the batch's rows of each data tensor to a scalar tensor.
type Loss<'a> = Box<dyn Fn(&[Tensor], &[Tensor]) -> Tensor + 'a>;

/// A mean of terms, one per row of the data.
pub struct FiniteSum<'a> {
    data: Vec<Tensor>,
    loss: Loss<'a>,
    n: usize,
}

impl<'a> FiniteSum<'a> {
    /// `1/n sum_i term(w, row i)`: `loss` gives the mean of the terms of any rows, `data` are tensors whose first axis counts them.
    ///
    /// # Errors
    /// No data, no rows, or numbers of rows that differ.
    #[track_caller]
    pub fn new(data: &[Tensor], loss: impl Fn(&[Tensor], &[Tensor]) -> Tensor + 'a) -> Result<FiniteSum<'a>> {
        let counts = data.iter().map(|d| Ok(d.shape()?.first().copied().unwrap_or(0))).collect::<Result<Vec<_>>>()?;
        match counts.first() {
            Some(&n) if n > 0 && counts.iter().all(|&c| c == n) => {
                Ok(FiniteSum { data: data.to_vec(), loss: Box::new(loss), n })
            }
            _ => {
                let message = format!("data with {counts:?} rows");
                let hint = "give at least one tensor, all with the same number of rows, at least one";
                Err(Error::argument("finite_sum", message, hint, Site::here()))
            }
        }
    }

    fn over(&self, w: &[Tensor], rows: &Tensor) -> Tensor {
        let batch: Vec<Tensor> = self.data.iter().map(|d| d.index_select(0, rows)).collect();
        (self.loss)(w, &batch)
    }

    fn slope(&self, w: &[Tensor], rows: &Tensor) -> Result<Vec<Tensor>> {
        self.over(w, rows).grad(&w.iter().collect::<Vec<_>>())
    }
}

impl Smooth for FiniteSum<'_> {
    fn value(&self, w: &[Tensor]) -> Tensor {
        (self.loss)(w, &self.data)
    }
}

/// How batches are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batches {
    /// Rows of a batch.
    pub size: usize,
    /// Of the generator.
    pub seed: u64,
}

/// Batches whose curvature is measured for [`Step::Estimate`].
const PROBES: u32 = 4;
const POWER: usize = 8;

struct Problem<'a> {
    device: Device,
    sum: &'a FiniteSum<'a>,
    penalties: &'a [Penalty],
    batches: Batches,
    epoch: usize,
}

impl Problem<'_> {
    fn key(&self, k: usize) -> Key {
        Key::new(self.batches.seed).fold_in(k as u32)
    }

    fn step(&self, w: &[Tensor], d: &[Tensor], length: &Tensor) -> Vec<Tensor> {
        let down = zip(w, d, |w, d| w - d * length);
        down.iter().zip(self.penalties).map(|(w, p)| p.prox(w, length)).collect()
    }

    fn marks(&self, w: &[Tensor], length: &Tensor) -> Result<Marks> {
        let g = self.sum.gradient(w)?;
        let objective = w.iter().zip(self.penalties).fold(self.sum.value(w), |sum, (w, p)| sum + p.value(w));
        Ok(Marks::new(objective, worst_distance(self.penalties, w, &g), length.clone()))
    }
}

/// The state's lists: `w`; the snapshot; the full gradient there; the step.
struct Svrg<'a>(Problem<'a>);

impl Method for Svrg<'_> {
    const NAME: &'static str = "svrg";

    fn iterate(&self, state: &State, k: usize) -> Result<State> {
        let Svrg(own) = self;
        let w = &state[0];
        let (snapshot, full) = match k.is_multiple_of(own.epoch) {
            true => (w.clone(), own.sum.gradient(w)?),
            false => (state[1].clone(), state[2].clone()),
        };
        let rows = own.key(k).randint(&own.device, [own.batches.size], 0..own.sum.n as i32);
        let noisy = zip(&own.sum.slope(w, &rows)?, &own.sum.slope(&snapshot, &rows)?, |a, b| a - b);
        let d = zip(&noisy, &full, |a, b| a + b);
        Ok(vec![own.step(w, &d, &state[3][0]), snapshot, full, state[3].clone()])
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        self.0.marks(&state[0], &state[3][0])
    }
}

/// The state's lists: `w`; a table of gradients per tensor, `[batches, elements]`; their means; the step.
struct Saga<'a>(Problem<'a>);

impl Saga<'_> {
    fn blocks(&self) -> usize {
        self.0.sum.n / self.0.batches.size
    }

    /// The rows of a block, whose number is `[1]`, `i32`.
    fn rows(&self, block: &Tensor) -> Tensor {
        let within = self.0.device.iota(self.0.batches.size, crate::dtype::DType::I32);
        block * (self.0.batches.size as i32) + within
    }

    /// The tables at a point, one block after the other.
    fn tables(&self, w: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut rows: Vec<Vec<Tensor>> = vec![Vec::new(); w.len()];
        for block in 0..self.blocks() {
            let number = self.0.device.tensor(&[block as i32], [1]);
            let slope = self.0.sum.slope(w, &self.rows(&number))?;
            let own = settle(&self.0.device, &vec![slope])?.swap_remove(0);
            for (list, g) in rows.iter_mut().zip(own) {
                list.push(g.flatten());
            }
        }
        rows.iter().map(|list| Tensor::stack(&list.iter().collect::<Vec<_>>(), 0)).collect()
    }
}

impl Method for Saga<'_> {
    const NAME: &'static str = "saga";

    fn iterate(&self, state: &State, k: usize) -> Result<State> {
        let own = &self.0;
        let (w, length) = (&state[0], &state[3][0]);
        let block = own.key(k).randint(&own.device, [1], 0..self.blocks() as i32);
        let slope = own.sum.slope(w, &self.rows(&block))?;
        let (mut d, mut tables, mut means) = (Vec::new(), Vec::new(), Vec::new());
        for ((g, table), mean) in slope.iter().zip(&state[1]).zip(&state[2]) {
            let flat = g.reshape([1, table.shape()?[1]]);
            let change = &flat - table.index_select(0, &block);
            d.push((&change + mean).reshape(g.shape()?.clone()));
            means.push(mean + change * (1.0 / self.blocks() as f64));
            tables.push(table.index_scatter(0, &block, &flat, Scatter::Replace));
        }
        Ok(vec![own.step(w, &d, length), tables, means, state[3].clone()])
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        self.0.marks(&state[0], &state[3][0])
    }
}

/// Minimises `mean of terms + sum penalty_i(w_i)` from `start` by proximal SVRG. An iteration is a batch; an epoch, which is
/// also a submission, has [`Options::every`] of them, and its full gradient.
///
/// [`Step::Estimate`] takes a third of the reciprocal curvature of the most curved of a few batches at the start; all other
/// kinds are taken as they are. The report's optimality is of the full objective.
///
/// # Errors
/// As [`fista`](super::fista()); a batch of no rows.
pub async fn svrg(
    sum: &FiniteSum<'_>,
    penalties: &[Penalty],
    start: &[Tensor],
    batches: Batches,
    options: Options<'_>,
) -> Result<Solution> {
    let (problem, w, length) = prepare("svrg", sum, penalties, start, batches, &options).await?;
    let device = problem.device.clone();
    let nothing = w.iter().map(zeros).collect::<Result<Vec<_>>>()?;
    let state = vec![w, nothing.clone(), nothing, vec![length]];
    drive(&mut Svrg(problem), &device, &state, options).await
}

/// Minimises `mean of terms + sum penalty_i(w_i)` from `start` by proximal SAGA: the rows are cut into batches of one size, each
/// with its last gradient in memory. An iteration is a batch. Steps are found as by [`svrg`].
///
/// # Errors
/// As [`svrg`]; a batch size that does not divide the number of rows.
pub async fn saga(
    sum: &FiniteSum<'_>,
    penalties: &[Penalty],
    start: &[Tensor],
    batches: Batches,
    options: Options<'_>,
) -> Result<Solution> {
    let (problem, w, length) = prepare("saga", sum, penalties, start, batches, &options).await?;
    if !sum.n.is_multiple_of(batches.size) {
        let message = format!("batches of {} out of {} rows", batches.size, sum.n);
        return Err(Error::argument("saga", message, "the size must divide the number of rows", Site::here()));
    }
    let device = problem.device.clone();
    let method = Saga(problem);
    let tables = method.tables(&w)?;
    let means = tables.iter().map(|t| t.mean_keep(0)).collect();
    let state = vec![w, tables, means, vec![length]];
    let mut method = method;
    drive(&mut method, &device, &state, options).await
}

async fn prepare<'a>(
    op: &str,
    sum: &'a FiniteSum<'a>,
    penalties: &'a [Penalty],
    start: &[Tensor],
    batches: Batches,
    options: &Options<'_>,
) -> Result<(Problem<'a>, Vec<Tensor>, Tensor)> {
    let device = admit(op, penalties, start, options, Site::here())?;
    if batches.size == 0 {
        return Err(Error::argument(op, "batches of no rows", "a batch has at least one", Site::here()));
    }
    let w = settle(&device, &vec![start.to_vec()])?.swap_remove(0);
    let problem = Problem { device: device.clone(), sum, penalties, batches, epoch: options.every };
    let length = match options.step {
        Step::Estimate => {
            let mut most = 0.0f64;
            for probe in 0..PROBES {
                let rows = problem.key(probe as usize).randint(&device, [batches.size], 0..sum.n as i32);
                rows.eval()?;
                let rows = rows.leaf()?;
                let part = |w: &[Tensor]| sum.over(w, &rows);
                most = most.max(lipschitz(&part, &w, POWER).await?);
            }
            if most > 0.0 { 1.0 / (3.0 * most) } else { 1.0 }
        }
        step => super::fista::first_step(op, sum, &w, step).await?,
    };
    let length = number(&device, length)?;
    Ok((problem, w, length))
}
