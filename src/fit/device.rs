//! The inner solvers on the device: accelerated proximal gradient, conjugate gradients, and the power method for the step.
//!
//! Each is a chunk of iterations as one graph over the state of the chunk before, so that a chunk is planned once, runs in
//! one submission, and the host looks at it only between chunks.

use super::Model;
use super::design::Design;
use super::loss::{Loss, Slope};
use super::regularizer::{Piece, Placed, Regularizer};
use super::solve::{Burst, Inner, Newton, Point};
use crate::error::{Error, Result};
use crate::penalty::Penalty;
use crate::run::Device;
use crate::tensor::Tensor;

/// Iterations in one graph.
const CHUNK: usize = 10;
/// Where conjugate gradients stop: the square of the residual, relative to the first.
const SOLVED: f32 = 1e-10;
/// Power iterations. After `i` of them the estimate is below the greatest eigenvalue by a share of about `ln(p) / (2 i)` at
/// most (J. Kuczynski, H. Wozniakowski, SIAM J. Matrix Anal. Appl. 13 (1992)), which `MARGIN` makes up for.
const POWER: usize = 60;
const MARGIN: f64 = 1.1;
/// Spreads of columns beyond this, and below its inverse, have squares outside of f32.
const WIDEST: f64 = 1e15;

/// The data on the device.
pub(super) struct Accelerator {
    device: Device,
    model: Model,
    k: usize,
    n: usize,
    p: usize,
    free_intercept: bool,
    /// `[n, p]`.
    x: Tensor,
    /// `[n, 1]`, or one column per class.
    y: Tensor,
    /// Mean squares of the columns, `[p, 1]`.
    squares: Tensor,
    penalized: Option<Penalized>,
}

/// A penalty in the device's coordinates `w`, from which the columns' are `u = scale * w`.
struct Penalized {
    penalty: Penalty,
    /// `w = ratio * b`, from the coefficients the penalty acts on.
    ratio: Vec<f64>,
    /// `[p, 1]`.
    scale: Tensor,
    /// `1 / scale^2`: `[p, 1]` for separable penalties, else one number.
    metric: Tensor,
    /// `[groups, p]`, 1 where a row is in the group.
    membership: Option<Tensor>,
}

/// Coefficients and intercepts on the device.
#[derive(Clone)]
struct Pair {
    w: Tensor,
    b: Tensor,
}

pub(super) fn narrow(values: impl IntoIterator<Item = f64>) -> Vec<f32> {
    values.into_iter().map(|v| v as f32).collect()
}

impl Accelerator {
    /// Uploads the data.
    pub fn new(device: &Device, design: &Design, loss: &Loss) -> Result<Accelerator> {
        let (n, p, k) = (design.n, design.p, loss.k);
        let y = match loss.model {
            Model::Softmax { .. } => {
                loss.y.iter().flat_map(|&y| (0..k).map(move |c| f64::from(y == c as f64))).collect()
            }
            _ => loss.y.clone(),
        };
        let squares = (0..p).map(|j| design.x[j..].iter().step_by(p).map(|v| v * v).sum::<f64>() / n as f64);
        Ok(Accelerator {
            device: device.clone(),
            model: loss.model,
            k,
            n,
            p,
            free_intercept: loss.free_intercept,
            x: device.tensor(&narrow(design.x.iter().copied()), [n, p]).check()?,
            y: device.tensor(&narrow(y), [n, k]).check()?,
            squares: device.tensor(&narrow(squares), [p, 1]).check()?,
            penalized: None,
        })
    }

    /// Sets the penalty.
    pub fn penalize(&mut self, regularizer: &Regularizer) -> Result<()> {
        let Placed { scale, ratio, penalty } = regularizer.placed(&self.device)?;
        if let Some(j) = scale.iter().position(|s| !(1.0 / WIDEST..=WIDEST).contains(s)) {
            return Err(Error::input(
                format!("column {j} of x"),
                format!("its numbers spread over {:.0e}, beyond what f32 arithmetic can weigh", scale[j]),
                "give the column another unit, or standardize",
            ));
        }
        let column = |values: Vec<f32>| self.device.tensor(&values, [self.p, 1]);
        let inverse = |s: &f64| 1.0 / (s * s);
        let metric = match regularizer.grouped {
            Some(_) => self.device.scalar(scale.first().map_or(1.0, inverse)),
            None => column(narrow(scale.iter().map(inverse))),
        };
        let membership = regularizer.grouped.as_ref().map(|grouped| {
            let mut rows = vec![0.0f32; grouped.members.len() * self.p];
            for (g, members) in grouped.members.iter().enumerate() {
                members.iter().for_each(|j| rows[g * self.p + j] = 1.0);
            }
            self.device.tensor(&rows, [grouped.members.len(), self.p])
        });
        self.penalized =
            Some(Penalized { penalty, ratio, scale: column(narrow(scale.iter().copied())), metric, membership });
        Ok(())
    }

    fn penalized(&self) -> &Penalized {
        self.penalized.as_ref().expect("bug: a solver before `penalize`")
    }

    /// An upper bound (but for rounding) on the greatest eigenvalue of `x^T x / n`, with a column of ones where there is a
    /// free intercept: the columns are centred then, so the two do not mix.
    pub async fn greatest_eigenvalue(&self) -> Result<f64> {
        // any start with a share of every eigenvector will do; the golden ratio's multiples are well spread
        let start = (0..self.p).map(|j| 0.5 + (j as f64 * 0.618_033_988_749_895).fract());
        let mut v = self.device.tensor(&narrow(start), [self.p, 1]);
        let mut norm = self.device.scalar(0.0);
        for _ in 0..POWER / CHUNK {
            for _ in 0..CHUNK {
                let moved = self.mean_product(&self.product(&v));
                norm = moved.square().sum_all().sqrt();
                v = moved.div(norm.maximum(f32::MIN_POSITIVE));
            }
            self.settle([&mut v, &mut norm])?;
        }
        let found = f64::from(norm.item::<f32>().await?) * MARGIN;
        let found = if self.free_intercept { found.max(1.0) } else { found };
        Ok(if found > 0.0 { found } else { 1.0 })
    }

    /// Computes the state of a loop in one submission, and cuts it off from its past.
    fn settle<const N: usize>(&self, state: [&mut Tensor; N]) -> Result<()> {
        let all: Vec<&Tensor> = state.iter().map(|t| &**t).collect();
        self.device.eval(&all)?;
        state.into_iter().try_for_each(|t| t.leaf().map(|leaf| *t = leaf))
    }

    /// `x w` for `w: [p, k]`. One column is a reduction, which takes what follows into its kernel.
    fn product(&self, w: &Tensor) -> Tensor {
        match w.shape() {
            Ok(shape) if shape[1] == 1 => self.x.mul(w.t()).sum_keep(1),
            _ => self.x.matmul(w),
        }
    }

    /// `x^T r / n` for `r: [n, k]`.
    fn mean_product(&self, r: &Tensor) -> Tensor {
        match r.shape() {
            Ok(shape) if shape[1] == 1 => self.x.mul(r).mean(0).unsqueeze(1),
            _ => self.x.t().matmul(r).mul(1.0 / self.n as f64),
        }
    }

    /// The linear predictor `[n, k]` of coefficients in the device's coordinates.
    fn predictor(&self, at: &Pair) -> Tensor {
        let eta = self.product(&at.w.mul(&self.penalized().scale));
        if self.free_intercept { eta.add(&at.b) } else { eta }
    }

    /// The derivative of each row's loss by its predictor.
    fn residual(&self, eta: &Tensor) -> Tensor {
        match self.model {
            Model::Linear => eta.sub(&self.y),
            Model::Logistic => eta.sigmoid().sub(&self.y),
            Model::Softmax { .. } => eta.softmax(1).sub(&self.y),
        }
    }

    /// The mean loss, a scalar.
    fn loss(&self, eta: &Tensor) -> Tensor {
        match self.model {
            Model::Linear => eta.sub(&self.y).square().mean_all().mul(0.5),
            Model::Logistic => eta.softplus().sub(&self.y.mul(eta)).mean_all(),
            Model::Softmax { .. } => eta.log_softmax(1).mul(&self.y).sum(1).mean_all().neg(),
        }
    }

    /// Gradients by `u` and by the intercepts.
    fn gradient(&self, at: &Pair) -> Pair {
        let r = self.residual(&self.predictor(at));
        Pair { w: self.mean_product(&r), b: r.mean(0) }
    }

    fn upload(&self, w: &[f32], b: &[f32]) -> Pair {
        Pair { w: self.device.tensor(w, [self.p, self.k]), b: self.device.tensor(b, [self.k]) }
    }

    /// A point in the device's coordinates.
    fn place(&self, at: &Point) -> Pair {
        let ratio = &self.penalized().ratio;
        let w = at.b.iter().enumerate().map(|(ix, v)| v * ratio[ix / self.k]);
        self.upload(&narrow(w), &narrow(at.intercept.iter().copied()))
    }

    /// The sum of the products of all elements; intercepts count where they are fitted.
    fn dot(&self, a: &Pair, b: &Pair) -> Tensor {
        let coefficients = a.w.mul(&b.w).sum_all();
        if self.free_intercept { coefficients.add(a.b.mul(&b.b).sum_all()) } else { coefficients }
    }

    /// The objective and the gradients of its loss at a point, for [`verify`](super::verify).
    pub(super) fn claims(&self, at: &Point) -> Vec<(&'static str, Tensor)> {
        let at = self.place(at);
        let eta = self.predictor(&at);
        let gradient = self.gradient(&at);
        let mut claims =
            vec![("objective", self.loss(&eta).add(self.penalized().penalty.value(&at.w))), ("gradient", gradient.w)];
        if self.free_intercept {
            claims.push(("gradient by the intercept", gradient.b));
        }
        claims
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }
}

/// One accelerated proximal gradient iteration's state.
struct Fista {
    x: Pair,
    z: Pair,
    theta: Tensor,
}

impl Fista {
    fn next(&self, on: &Accelerator, correction: &Pair, t: f64) -> Fista {
        let penalized = on.penalized();
        let g = on.gradient(&self.z);
        let slope = g.w.add(&correction.w).div(&penalized.scale);
        let w = penalized.penalty.prox(&self.z.w.sub(slope.mul(t)), penalized.metric.mul(t));
        let b = if on.free_intercept { self.z.b.sub(g.b.add(&correction.b).mul(t)) } else { self.z.b.clone() };
        let x = Pair { w, b };
        let scaled = |a: &Pair, b: &Pair| Pair { w: a.w.sub(&b.w).mul(&penalized.scale), b: a.b.sub(&b.b) };
        // momentum that points uphill is dropped (B. O'Donoghue, E. Candes, Found. Comput. Math. 15 (2015))
        let uphill = on.dot(&scaled(&self.z, &x), &scaled(&x, &self.x)).gt(0.0);
        let theta = uphill.select(1.0, &self.theta);
        let after = theta.square().mul(4.0).add(1.0).sqrt().add(1.0).mul(0.5);
        let momentum = theta.sub(1.0).div(&after);
        let ahead = |new: &Tensor, old: &Tensor| new.add(new.sub(old).mul(&momentum));
        let z = Pair { w: ahead(&x.w, &self.x.w), b: ahead(&x.b, &self.x.b) };
        Fista { x, z, theta: after }
    }

    fn settle(&mut self, on: &Accelerator) -> Result<()> {
        on.settle([&mut self.x.w, &mut self.x.b, &mut self.z.w, &mut self.z.b, &mut self.theta])
    }
}

/// The linear system of Newton's step.
struct System {
    /// 1 where a coefficient may move.
    free: Tensor,
    /// Second derivative of the penalty, and the damping.
    diagonal: Tensor,
    /// Square roots of the rank-one parts of groups, and their signs as a column `[groups, 1]`.
    direction: Option<(Tensor, Tensor)>,
    /// Probabilities of the rows, where the loss is not quadratic.
    probability: Option<Tensor>,
    /// An approximation of the diagonal, for preconditioning.
    condition: Pair,
}

impl System {
    fn new(on: &Accelerator, at: &Pair, piece: &Piece, damping: f64) -> System {
        let (p, k) = (on.p, on.k);
        let matrix = |values: Vec<f32>| on.device.tensor(&values, [p, k]);
        let free = matrix(piece.free.iter().map(|&f| f32::from(u8::from(f))).collect());
        let diagonal = matrix(narrow(piece.diagonal.iter().map(|d| d + damping)));
        let direction = (!piece.direction.is_empty()).then(|| {
            let sign = on.device.tensor(&narrow(piece.sign.iter().copied()), [piece.sign.len(), 1]);
            (matrix(narrow(piece.direction.iter().copied())), sign)
        });
        let eta = on.predictor(at);
        let probability = match on.model {
            Model::Linear => None,
            Model::Logistic => Some(eta.sigmoid()),
            Model::Softmax { .. } => Some(eta.softmax(1)),
        };
        let weight = match &probability {
            Some(q) => q.mul(q.mul(-1.0).add(1.0)).mean(0),
            None => on.device.tensor(&vec![1.0f32; k], [k]),
        };
        let condition = Pair { w: on.squares.mul(&weight).add(diagonal.maximum(damping)), b: weight.add(damping) };
        System { free, diagonal, direction, probability, condition }
    }

    /// The matrix times a vector.
    fn apply(&self, on: &Accelerator, d: &Pair) -> Pair {
        let mut rows = on.product(&d.w);
        if on.free_intercept {
            rows = rows.add(&d.b);
        }
        if let Some(q) = &self.probability {
            rows = match on.model {
                Model::Softmax { .. } => q.mul(rows.sub(q.mul(&rows).sum_keep(1))),
                _ => q.mul(q.mul(-1.0).add(1.0)).mul(&rows),
            };
        }
        let mut w = on.mean_product(&rows).add(self.diagonal.mul(&d.w));
        if let (Some((direction, sign)), Some(membership)) = (&self.direction, &on.penalized().membership) {
            let rows = direction.mul(&d.w).sum_keep(1);
            let along = membership.mul(rows.t()).sum_keep(1).mul(sign);
            w = w.add(membership.mul(along).sum(0).unsqueeze(1).mul(direction));
        }
        Pair { w: w.mul(&self.free), b: rows.mean(0) }
    }

    fn precondition(&self, r: &Pair) -> Pair {
        Pair { w: r.w.div(&self.condition.w), b: r.b.div(&self.condition.b) }
    }

    fn settle(&mut self, on: &Accelerator) -> Result<()> {
        if let Some(q) = &mut self.probability {
            on.settle([q])?;
        }
        on.settle([&mut self.condition.w, &mut self.condition.b])
    }
}

/// The state of conjugate gradients.
struct Conjugate {
    d: Pair,
    r: Pair,
    p: Pair,
    rz: Tensor,
    /// 1 once a direction of negative curvature was met.
    indefinite: Tensor,
}

impl Conjugate {
    fn next(&self, on: &Accelerator, system: &System) -> Conjugate {
        let h = system.apply(on, &self.p);
        let along = on.dot(&self.p, &h);
        // a direction without curvature is not followed
        let length = along.gt(0.0).select(self.rz.div(&along), 0.0);
        let moved = |a: &Pair, b: &Pair, f: &Tensor| Pair { w: a.w.add(b.w.mul(f)), b: a.b.add(b.b.mul(f)) };
        let d = moved(&self.d, &self.p, &length);
        let r = moved(&self.r, &h, &length.neg());
        let z = system.precondition(&r);
        let rz = on.dot(&r, &z);
        let ratio = self.rz.gt(0.0).select(rz.div(&self.rz), 0.0);
        let indefinite = along.lt(0.0).select(1.0, &self.indefinite);
        Conjugate { d, p: moved(&z, &self.p, &ratio), r, rz, indefinite }
    }

    fn settle(&mut self, on: &Accelerator) -> Result<()> {
        let Conjugate { d, r, p, rz, indefinite } = self;
        on.settle([&mut d.w, &mut d.b, &mut r.w, &mut r.b, &mut p.w, &mut p.b, rz, indefinite])
    }
}

impl Inner for Accelerator {
    async fn burst(&mut self, from: &Point, slope: &Slope, t: f64, budget: usize) -> Result<Burst> {
        let x = self.place(from);
        let (g, at) = (
            self.upload(&narrow(slope.gradient.iter().copied()), &narrow(slope.intercept.iter().copied())),
            self.gradient(&x),
        );
        let mut correction = Pair { w: g.w.sub(&at.w), b: g.b.sub(&at.b) };
        self.settle([&mut correction.w, &mut correction.b])?;
        // a leaf of its own, not a second name of x: then all chunks have one structure, and one plan
        let mut state = Fista { z: self.place(from), x, theta: self.device.tensor(&[1.0f32], []) };
        let chunks = budget.div_ceil(CHUNK);
        for _ in 0..chunks {
            for _ in 0..CHUNK {
                state = state.next(self, &correction, t);
            }
            state.settle(self)?;
        }
        let read = self.device.read::<f32>(&[&state.x.w, &state.x.b]).await?;
        let ratio = &self.penalized().ratio;
        let b = read[0].iter().enumerate().map(|(ix, &w)| f64::from(w) / ratio[ix / self.k]).collect();
        let intercept =
            if self.free_intercept { read[1].iter().map(|&b| f64::from(b)).collect() } else { from.intercept.clone() };
        Ok(Burst { point: Point { b, intercept }, iterations: chunks * CHUNK })
    }

    async fn newton(
        &mut self,
        at: &Point,
        slope: &Slope,
        piece: &Piece,
        damping: f64,
        budget: usize,
    ) -> Result<Newton> {
        let rest = |ix: usize| if piece.free[ix] { -slope.gradient[ix] - piece.gradient[ix] } else { 0.0 };
        let right: Vec<f64> = (0..at.b.len()).map(rest).collect();
        // the right side in units of its greatest element, so that nothing vanishes however close the solution is
        let unit = right.iter().chain(&slope.intercept).fold(0.0f64, |m, v| m.max(v.abs()));
        let mut found =
            Newton { step: vec![0.0; at.b.len()], intercept: vec![0.0; self.k], iterations: 0, indefinite: false };
        if unit == 0.0 {
            return Ok(found);
        }
        let mut system = System::new(self, &self.place(at), piece, damping);
        let intercept = narrow(slope.intercept.iter().map(|v| -v / unit));
        let r = self.upload(&narrow(right.iter().map(|v| v / unit)), &intercept);
        system.settle(self)?;
        let z = system.precondition(&r);
        let zero = self.upload(&vec![0.0; at.b.len()], &vec![0.0; self.k]);
        let indefinite = self.device.tensor(&[0.0f32], []);
        let mut state = Conjugate { d: zero, rz: self.dot(&r, &z), p: z, r, indefinite };
        state.settle(self)?;
        let first = state.rz.item::<f32>().await?;
        while found.iterations < budget {
            for _ in 0..CHUNK {
                state = state.next(self, &system);
            }
            state.settle(self)?;
            found.iterations += CHUNK;
            let told = self.device.read::<f32>(&[&state.rz, &state.indefinite]).await?;
            found.indefinite = told[1][0] != 0.0;
            let (rest, solved) = (told[0][0], SOLVED * first);
            if found.indefinite || rest <= solved || rest.is_nan() {
                break;
            }
        }
        let read = self.device.read::<f32>(&[&state.d.w, &state.d.b]).await?;
        found.step = read[0].iter().map(|&v| f64::from(v) * unit).collect();
        if self.free_intercept {
            found.intercept = read[1].iter().map(|&v| f64::from(v) * unit).collect();
        }
        Ok(found)
    }
}
