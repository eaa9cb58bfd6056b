//! Block coordinate descent for lasso-type problems: working sets, screening, extrapolation.
//!
//! The objective is `1/n sum_i loss(x_i w, y_i) + sum_b (l1_b ||w_b|| + l2_b/2 ||w_b||^2)`, blocks being single coefficients or
//! groups. Coordinate descent is sequential, a device is not; so an outer iteration
//!
//! 1. has the gradient of the loss at the current point (two products with the data, all columns at once);
//! 2. screens: a block whose gradient is short by more than the gap allows is zero in every solution and never looked at again
//!    (E. Ndiaye et al., *Gap safe screening rules for sparsity enforcing penalties*, JMLR 18 (2017));
//! 3. takes the blocks in use and the worst of the others as working set (M. Massias, A. Gramfort, J. Salmon, *Celer*, ICML 2018;
//!    Q. Bertrand et al., *Beyond L1*, `NeurIPS` 2022), and their Gram matrix, weighted by the loss's curvature;
//! 4. sweeps over it, [`Tensor::descent`]: some sweeps are one dispatch of one workgroup. After five times the point is
//!    extrapolated (Anderson; Q. Bertrand, M. Massias, AISTATS 2021), and the better of the two is kept;
//! 5. moves there: the whole way for least squares, where the model is exact; for the logistic loss, where this is a proximal
//!    Newton step, by the first of a few fractions that lowers the objective.
//!
//! Least squares with no more columns than rows go by the Gram matrix of all columns, computed once: then an iteration costs
//! `p^2`, whatever the number of rows.
//!
//! All of it is one submission; the host reads how many blocks are in use and sets the size of the next working set.
//!
//! # Certificate
//! [`Report::optimality`](super::Report::optimality) is the greatest distance of `-gradient` from the subdifferential over all blocks,
//! [`Report::gap`](super::Report::gap) the duality gap: with `u` the gradient of the loss by the linear predictor, shortened
//! until `X^T u` is feasible, `P(w) + f*(u) + penalty*(-X^T u)`.

use super::blocks::Blocks;
use super::drive::{Marks, Method, Seen, State, drive, number, settle, zeros};
use super::proximal::greatest;
use super::{Options, Progress, Solution, Status, Watch, admit_start};
use crate::error::{Error, Result, Site};
use crate::graph::Scatter;
use crate::linear::Linear;
use crate::penalty::Penalty;
use crate::run::Device;
use crate::tensor::Tensor;

/// The loss of [`coordinate_descent`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Model {
    /// `1/2 (x w - y)^2`.
    Squares,
    /// `log(1 + exp(x w)) - y x w`, `y` 0 or 1.
    Logistic,
}

/// Sweeps per dispatch, and dispatches before an extrapolation.
const SWEEPS: usize = 4;
const SNAPSHOTS: usize = 5;
/// Blocks of the first working set.
const FIRST: usize = 16;
/// Fractions of a Newton step that are tried: halvings.
const TRIALS: usize = 7;
/// Above all scores of blocks that are not in use, below the greatest number.
const IN_USE: f64 = 1e30;
/// What rounding can make of a gap, relative to the objectives that it is the difference of.
const ROUNDING: f64 = 4e-6;

/// Columns up to which the Gram matrix of all of them is kept.
const GRAM: usize = 4096;

/// The data as the method has them.
enum Design {
    /// The columns by block, `[blocks, size, n]`, and the response.
    Columns(Tensor, Tensor),
    /// `X^T X / n` by blocks, `X^T y / n` as `[blocks, size]`, `||y||^2 / (2 n)`.
    Gram(Tensor, Tensor, Tensor),
}

struct Problem {
    device: Device,
    model: Model,
    design: Design,
    /// The lengths of the blocks' columns.
    lengths: Tensor,
    /// `[blocks]`.
    l1: Tensor,
    l2: Tensor,
    n: usize,
    blocks: usize,
    size: usize,
    most: usize,
    /// Blocks of the working set.
    working: usize,
}

/// The lengths of the blocks of `[blocks, size]`.
fn lengths(x: &Tensor) -> Tensor {
    match x.shape() {
        Ok(shape) if shape[1] == 1 => x.abs().reshape([shape[0]]),
        _ => x.square().sum(1).sqrt(),
    }
}

impl Problem {
    /// The columns by block or their Gram matrix, evaluated.
    fn upload(x: &Tensor, y: &Tensor, model: Model, blocks: &Blocks) -> Result<Problem> {
        let (device, n) = (x.device().clone(), y.shape()?[0]);
        let (count, size) = (blocks.len(), blocks.size);
        let columns = blocks.gather(&x.t()).reshape([count, size, n]);
        let lengths = columns.square().sum([1, 2]).sqrt();
        let list = settle(&device, &vec![vec![columns, lengths, y.clone()]])?.swap_remove(0);
        let [columns, lengths, y] = <[Tensor; 3]>::try_from(list).expect("bug: three tensors");
        let all = count * size;
        let design = match model {
            Model::Squares if all <= n.min(GRAM) => {
                let flat = columns.reshape([all, n]);
                let share = 1.0 / n as f64;
                let gram = flat.matmul(&flat.t()) * share;
                let linear = flat.matmul(&y).reshape([count, size]) * share;
                let list = settle(&device, &vec![vec![gram, linear, y.square().sum(..) * (0.5 * share)]])?;
                let [gram, linear, rest] = <[Tensor; 3]>::try_from(list.concat()).expect("bug: three tensors");
                Design::Gram(gram, linear, rest)
            }
            Model::Squares | Model::Logistic => Design::Columns(columns, y),
        };
        let most = blocks.most();
        let [l1, l2] = Problem::strengths(&device, blocks)?;
        let working = FIRST.min(most);
        Ok(Problem { device, model, design, lengths, l1, l2, n, blocks: count, size, most, working })
    }

    fn strengths(device: &Device, blocks: &Blocks) -> Result<[Tensor; 2]> {
        let upload = |v: &[f64]| {
            let narrow: Vec<f32> = v.iter().map(|&v| v as f32).collect();
            device.tensor(&narrow, [blocks.len()]).check()
        };
        Ok([upload(&blocks.l1)?, upload(&blocks.l2)?])
    }

    /// The state at a point with so many blocks in use.
    fn begin(&mut self, w: &Tensor, used: usize) -> Result<State> {
        let z = self.predict(w)?;
        let g = self.slope(w, &z);
        let kept = zeros(&self.l1)? + 1.0;
        let bonus = self.room(used);
        let bonus = number(&self.device, bonus)?;
        Ok(vec![vec![w.clone()], vec![g, z], vec![kept], vec![bonus, number(&self.device, 0.0)?]])
    }

    /// Sets the size of the next working set; gives the score of a block in use.
    fn room(&mut self, used: usize) -> f64 {
        let wanted = (2 * used).next_power_of_two().clamp(FIRST.min(self.most), self.most);
        self.working = self.working.max(wanted);
        // more in use than there is room for: the worst are taken, whether in use or not
        if used <= self.working { IN_USE } else { 0.0 }
    }

    /// The linear predictor `[n]`; with a Gram matrix it is not needed, and a number stands for it.
    fn predict(&self, w: &Tensor) -> Result<Tensor> {
        match &self.design {
            Design::Columns(x, _) => self.image(x, w),
            Design::Gram(..) => Ok(self.device.scalar(0.0)),
        }
    }

    /// `X w` for blocks `x: [b, size, n]`.
    fn image(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        let columns = x.shape()?[0] * self.size;
        Ok(w.reshape([1, columns]).matmul(&x.reshape([columns, self.n])).reshape([self.n]))
    }

    /// The gradient of the loss by the coefficients.
    fn slope(&self, w: &Tensor, z: &Tensor) -> Tensor {
        let all = self.blocks * self.size;
        match &self.design {
            Design::Columns(x, y) => {
                x.reshape([all, self.n]).matmul(&self.residual(z, y)).reshape([self.blocks, self.size])
            }
            Design::Gram(gram, linear, _) => gram.matmul(&w.flatten()).reshape([self.blocks, self.size]) - linear,
        }
    }

    /// The loss's gradient by the predictor, `[n]`.
    fn residual(&self, z: &Tensor, y: &Tensor) -> Tensor {
        let mean = match self.model {
            Model::Squares => z.clone(),
            Model::Logistic => z.sigmoid(),
        };
        (mean - y) * (1.0 / self.n as f64)
    }

    /// The loss of predictors `[.., n]`, summed over the last axis.
    fn loss(&self, z: &Tensor, y: &Tensor) -> Result<Tensor> {
        let last = z.shape()?.rank() - 1;
        let each = match self.model {
            Model::Squares => (z - y).square() * 0.5,
            Model::Logistic => z.softplus() - z * y,
        };
        Ok(each.sum(last) * (1.0 / self.n as f64))
    }

    /// The loss, and its conjugate at `scale` times its gradient by the predictor.
    fn pair(&self, w: &Tensor, z: &Tensor, g: &Tensor, scale: &Tensor) -> Result<[Tensor; 2]> {
        let y = match &self.design {
            Design::Columns(_, y) => y,
            Design::Gram(_, linear, rest) => {
                let loss = (w * (g - linear)).sum(..) * 0.5 + rest;
                let conjugate = (&loss * scale + (w * linear).sum(..) - rest * 2.0) * scale;
                return Ok([loss, conjugate]);
            }
        };
        let u = self.residual(z, y) * scale;
        let conjugate = match self.model {
            Model::Squares => (&u * (&u * (0.5 * self.n as f64) + y)).sum(..),
            Model::Logistic => {
                let p = (u * (self.n as f64) + y).clamp(0.0, 1.0);
                let entropy = |p: &Tensor| {
                    let some = p.gt(0.0);
                    some.select(p * some.select(p, 1.0).log(), 0.0)
                };
                (entropy(&p) + entropy(&(1.0 - &p))).sum(..) * (1.0 / self.n as f64)
            }
        };
        Ok([self.loss(z, y)?, conjugate])
    }

    /// The penalty of blocks `[.., b, size]`, summed over blocks.
    fn penalty(w: &Tensor, l1: &Tensor, l2: &Tensor) -> Result<Tensor> {
        let rank = w.shape()?.rank();
        let square = w.square().sum(rank - 1);
        Ok((square.sqrt() * l1 + &square * l2 * 0.5).sum(rank - 2))
    }

    /// The distance of each block from optimality.
    fn distances(&self, w: &Tensor, g: &Tensor) -> Tensor {
        let size = lengths(w);
        let used = size.gt(0.0);
        let pull = (&self.l1 / used.select(&size, 1.0) + &self.l2).unsqueeze(1);
        let inside = lengths(&(g + w * pull));
        let outside = (lengths(g) - &self.l1).maximum(0.0);
        used.select(&inside, &outside)
    }

    /// The objective, the duality gap, and the factor that makes the dual point feasible.
    fn gap(&self, w: &Tensor, z: &Tensor, g: &Tensor) -> Result<[Tensor; 3]> {
        let sizes = lengths(g);
        // blocks without a square bound the dual point: its length times the factor must not exceed l1
        let hard = self.l2.gt(0.0).logical_not().logical_and(sizes.gt(&self.l1));
        let room = hard.select(&self.l1 / sizes.gt(0.0).select(&sizes, 1.0), 1.0);
        let scale = match self.blocks {
            0 => self.device.scalar(1.0),
            _ => room.min(..),
        };
        let soft = self.l2.gt(0.0);
        let over = (&sizes * &scale - &self.l1).maximum(0.0);
        let conjugate = soft.select(over.square() / (soft.select(&self.l2, 1.0) * 2.0), 0.0).sum(..);
        let [loss, of_loss] = self.pair(w, z, g, &scale)?;
        let primal = loss + Problem::penalty(w, &self.l1, &self.l2)?;
        let gap = &primal + of_loss + conjugate;
        Ok([primal, gap, scale])
    }

    /// Which blocks may still differ from zero.
    fn screen(&self, w: &Tensor, z: &Tensor, g: &Tensor, kept: &Tensor) -> Result<Tensor> {
        let [primal, gap, scale] = self.gap(w, z, g)?;
        // the dual is strongly concave: n for squares, 4 n for the logistic loss
        let modulus = self.n as f64 * if self.model == Model::Squares { 1.0 } else { 4.0 };
        let slack = (&primal.abs() + (&primal - &gap).abs()) * ROUNDING;
        let radius = ((gap.maximum(0.0) + slack) * (2.0 / modulus)).sqrt();
        let reach = lengths(g) * scale + &self.lengths * radius;
        Ok(reach.lt(&self.l1).select(0.0, kept))
    }

    /// The working set's new coefficients, from their model: Gram matrix, linear term, weights.
    fn sweep(&self, gram: &Tensor, linear: &Tensor, start: &Tensor, weights: &Tensor) -> Result<Tensor> {
        let mut points = vec![start.clone()];
        for ix in 0..SNAPSHOTS {
            points.push(gram.descent(linear, &points[ix], weights, self.size, SWEEPS));
        }
        let moves: Vec<Tensor> = points.windows(2).map(|pair| &pair[1] - &pair[0]).collect();
        let moves = Tensor::stack(&moves.iter().collect::<Vec<_>>(), 0)?;
        let products = moves.matmul(&moves.t());
        // a multiple of the identity keeps the small system solvable
        let trace = products.diagonal(0).sum(..);
        let regular = &products + self.device.eye(SNAPSHOTS, SNAPSHOTS) * (trace * 1e-6);
        let ones = self.device.ones([SNAPSHOTS]);
        let c = Linear::matrix(&regular)?.solve(&ones, &ones.zeros_like(), SNAPSHOTS);
        let total = c.sum(..);
        let some = total.abs().gt(0.0);
        let c = c * some.select(some.select(&total, 1.0).recip(), 0.0);
        let later = Tensor::stack(&points[1..].iter().collect::<Vec<_>>(), 0)?;
        let guess = c.unsqueeze(0).matmul(&later).flatten();
        let last = &points[SNAPSHOTS];
        let [l1, l2] = [0, 1].map(|row| weights.pick(0, row));
        let value = |w: &Tensor| -> Result<Tensor> {
            let smooth = (w * (gram.matmul(w) * 0.5 - linear)).sum(..);
            Ok(smooth + Problem::penalty(&w.reshape([l1.shape()?[0], self.size]), &l1, &l2)?)
        };
        // NaN of a singular small system is no improvement
        let better = value(&guess)?.lt(&value(last)?);
        Ok(better.select(&guess, last))
    }

    /// The working set's part of the Gram matrix, weighted by the curvature of the loss, and of the gradient.
    fn model(&self, w: &Tensor, z: &Tensor, set: &Tensor) -> [Tensor; 2] {
        let columns = self.working * self.size;
        match &self.design {
            Design::Gram(gram, ..) => {
                let all = self.blocks * self.size;
                let rows = gram.reshape([self.blocks, self.size, all]).index_select(0, set).reshape([columns, all]);
                let both = rows.t().reshape([self.blocks, self.size, columns]).index_select(0, set);
                let slope = self.slope(w, z).index_select(0, set).reshape([columns]);
                [both.reshape([columns, columns]), slope]
            }
            Design::Columns(x, y) => {
                let flat = x.index_select(0, set).reshape([columns, self.n]);
                let curvature = match self.model {
                    Model::Squares => z.ones_like(),
                    Model::Logistic => z.sigmoid() * (1.0 - z.sigmoid()),
                };
                let bent = &flat * (curvature * (1.0 / self.n as f64));
                [bent.matmul(&flat.t()), flat.matmul(&self.residual(z, y))]
            }
        }
    }

    /// What the move `d` of the working set is multiplied by.
    fn fraction(&self, z: &Tensor, set: &Tensor, [w, d]: [&Tensor; 2], [l1, l2]: [&Tensor; 2]) -> Result<Tensor> {
        let (Model::Logistic, Design::Columns(x, y)) = (self.model, &self.design) else {
            return Ok(self.device.scalar(1.0));
        };
        let dz = self.image(&x.index_select(0, set), d)?;
        let mut fractions: Vec<f32> = (0..TRIALS).map(|ix| 0.5f32.powi(ix as i32)).collect();
        fractions.push(0.0);
        let t = self.device.tensor(&fractions, [TRIALS + 1]);
        let loss = self.loss(&(z + dz * t.unsqueeze(1)), y)?;
        let penalty = Problem::penalty(&(w + d * t.unsqueeze([1, 2])), l1, l2)?;
        let objective = loss + penalty;
        // the first that is not above the point itself but by rounding: the greatest fraction
        let here = objective.pick(0, TRIALS);
        let fine = objective.le(&here + here.abs() * (0.25 * ROUNDING));
        Ok(fine.select(&t, 0.0).max(..))
    }
}

/// The state's lists: `w: [blocks, size]`; its gradient and its predictor; the mask of blocks not screened; the score of a block
/// in use, and the fraction of the last step.
impl Method for Problem {
    const NAME: &'static str = "coordinate_descent";

    fn iterate(&self, state: &State, _k: usize) -> Result<State> {
        let [g, z] = &state[1][..] else { panic!("bug: two tensors") };
        let kept = self.screen(&state[0][0], z, g, &state[2][0])?;
        // a screened block is zero in every solution
        let w = &state[0][0] * kept.unsqueeze(1);
        let bonus = &state[3][0];
        let used = lengths(&w).gt(0.0);
        let score = self.distances(&w, g) + used.select(bonus, 0.0);
        let score = kept.gt(0.0).select(&score, -1.0);
        let (_, set) = score.top_k(self.working, 0, true);
        let (k, size) = (self.working, self.size);
        let before = w.index_select(0, &set);
        let open = kept.index_select(0, &set).gt(0.0);
        let z = self.predict(&w)?;
        let [gram, slope] = self.model(&w, &z, &set);
        let start = before.flatten();
        let linear = gram.matmul(&start) - slope;
        let own = match size {
            1 => gram.diagonal(0),
            // of each block's part the Frobenius norm, which is at least the greatest eigenvalue
            _ => gram.reshape([k, size, k, size]).permute([1, 3, 0, 2]).diagonal(0).square().sum([0, 1]).sqrt(),
        };
        let [l1, l2] = [&self.l1, &self.l2].map(|l| l.index_select(0, &set));
        let weights = Tensor::stack(&[&l1, &l2, &open.select(own, 0.0)], 0)?;
        let after = self.sweep(&gram, &linear, &start, &weights)?.reshape([k, size]);
        let d = &after - &before;
        let t = self.fraction(&z, &set, [&before, &d], [&l1, &l2])?;
        // the whole step is taken as it is: its zeros are exact
        let moved = t.eq(1.0).select(&after, before + d * &t);
        let w = w.index_scatter(0, &set, &moved, Scatter::Replace);
        let z = self.predict(&w)?;
        let g = self.slope(&w, &z);
        Ok(vec![vec![w], vec![g, z], vec![kept], vec![bonus.clone(), t]])
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        let (w, [g, z]) = (&state[0][0], &state[1][..]) else { panic!("bug: two tensors") };
        let [objective, gap, _] = self.gap(w, z, g)?;
        let optimality = greatest(&self.distances(w, g));
        let used = lengths(w).gt(0.0).cast(crate::dtype::DType::F32).sum(..);
        let more = vec![used];
        Ok(Marks { gap: Some(gap), more, ..Marks::new(objective, optimality, state[3][1].clone()) })
    }

    fn adapt(&mut self, state: &mut State, seen: &Seen) -> Result<Option<Status>> {
        let bonus = self.room(seen.more[0] as usize);
        state[3][0] = number(&self.device, bonus)?;
        Ok(None)
    }
}

/// Minimises `1/n sum_i loss(x_i w, y_i) + penalty(w)` by block coordinate descent with working sets; see the source's module text.
/// The penalty is `l1`, `l2`, `elastic-net` or none, on elements or on groups. An iteration, which is also a submission, is a
/// working set.
///
/// # Shapes
/// `x: [n, p]`, `y: [n]`, `start: [p]`.
///
/// # Errors
/// Shapes that do not fit, no rows, another penalty, logistic responses other than 0 and 1, numbers that are not finite,
/// whatever evaluating meets.
pub async fn coordinate_descent(
    x: &Tensor,
    y: &Tensor,
    model: Model,
    penalty: &Penalty,
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    let path = coordinate_path(x, y, model, std::slice::from_ref(penalty), start, options).await?;
    Ok(path.into_iter().next().expect("bug: one solution per penalty"))
}

/// [`coordinate_descent`] for several penalties in turn, each from the solution before: the path of a strength. The data are
/// arranged once. Where the watch stops one, the path ends with it.
///
/// # Errors
/// As [`coordinate_descent`].
pub async fn coordinate_path(
    x: &Tensor,
    y: &Tensor,
    model: Model,
    penalties: &[Penalty],
    start: &Tensor,
    options: Options<'_>,
) -> Result<Vec<Solution>> {
    admit_data(x, y, model, start, &options).await?;
    let p = x.shape()?[1];
    let Options { tol, max_iter, patience, mut watch, .. } = options;
    let mut solutions: Vec<Solution> = Vec::new();
    let mut arranged: Option<(Blocks, Problem)> = None;
    for penalty in penalties {
        let blocks = Blocks::of(penalty, p)?;
        let mut problem = match arranged.take() {
            Some((before, mut problem)) if before.same_places(&blocks) => {
                [problem.l1, problem.l2] = Problem::strengths(&problem.device, &blocks)?;
                problem
            }
            _ => Problem::upload(x, y, model, &blocks)?,
        };
        let device = problem.device.clone();
        let from = solutions.last().map_or(start, |s| &s.w[0]);
        let w = blocks.gather(&from.unsqueeze(1)).reshape([blocks.len(), blocks.size]);
        let used = device.read::<u32>(&[&lengths(&w).count_nonzero(..)]).await?[0][0];
        let state = problem.begin(&w, used as usize)?;
        let watch = watch.as_mut().map(|w| Box::new(move |p: &Progress| w(p)) as Watch<'_>);
        let own = Options { tol, max_iter, patience, every: 1, watch, ..Options::default() };
        let mut solution = drive(&mut problem, &device, &state, own).await?;
        let ordered = blocks.scatter(&solution.w[0].flatten(), p);
        ordered.eval()?;
        solution.w = vec![ordered.leaf()?];
        let stopped = solution.report.status == Status::Stopped;
        solutions.push(solution);
        if stopped {
            break;
        }
        arranged = Some((blocks, problem));
    }
    Ok(solutions)
}

async fn admit_data(x: &Tensor, y: &Tensor, model: Model, start: &Tensor, options: &Options<'_>) -> Result<()> {
    let site = Site::here();
    let device = admit_start("coordinate_descent", &[start.clone(), x.clone(), y.clone()], options, site)?;
    let refuse = |message: String, hint: &str| Err(Error::argument("coordinate_descent", message, hint, site));
    let (rows, response, first) = (x.shape()?, y.shape()?, start.shape()?);
    let fits = match (rows.dims(), response.dims(), first.dims()) {
        ([n, p], [m], [q]) => n == m && p == q && *n > 0 && *p > 0,
        _ => false,
    };
    if !fits {
        let hint = "x: [n, p], y: [n], start: [p], n and p at least 1";
        return refuse(format!("x {rows}, y {response}, start {first}"), hint);
    }
    if model == Model::Logistic {
        let odd = y.eq(0.0).logical_or(y.eq(1.0)).logical_not().count_nonzero(..);
        if device.read::<u32>(&[&odd]).await?[0][0] > 0 {
            return refuse("logistic responses other than 0 and 1".into(), "give classes as 0 and 1");
        }
    }
    Ok(())
}
