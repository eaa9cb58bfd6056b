//! Laws: what must hold among results of a device, whatever the numbers. They find what a reference with the same mistake
//! would not.
//!
//! The two sides of a law are graphs; they may differ by the sum of the bounds the reference derives for them.

use super::case::{ANY, FRACTION, NONZERO, POSITIVE};
use super::input::{Domain, Ground, Random};
use super::judge::Caught;
use super::{Outcome, What};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Fill, Node, Scatter};
use crate::ops::Conv;
use crate::penalty::{self, Penalty, Separable};
use crate::reference::{Array, Evaluator, compare};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The sides of a law, and how they relate.
pub enum Sides {
    /// They are equal.
    Equal(Tensor, Tensor),
    /// The first is nowhere greater than the second.
    AtMost(Tensor, Tensor),
    /// The elements of these tensors, read from the device, satisfy a condition; if not, it says why.
    Host(Vec<Tensor>, Condition),
    /// What the function finds in the tensors, as read: numbers in `0..=limit`.
    Residual(Vec<Tensor>, Judged),
}

/// See [`Sides::Host`].
pub type Condition = Box<dyn Fn(&[Vec<f64>]) -> Result<(), String>>;

/// What is left of each of several residuals, and how much may be.
pub type Judged = Box<dyn Fn(&[Array]) -> Vec<(f64, f64)>>;

/// One law.
pub struct Law {
    /// What it says.
    pub name: String,
    sides: Box<dyn Fn(&mut Draw<'_>) -> Sides>,
}

/// Inputs of a law.
pub struct Draw<'a> {
    ground: &'a mut Ground,
    random: Random,
}

impl Draw<'_> {
    pub(super) fn device(&self) -> &Device {
        self.ground.device()
    }

    /// A leaf.
    pub fn leaf(&mut self, domain: Domain, dims: &[usize]) -> Tensor {
        self.ground.draw(&mut self.random, domain, &Shape::from(dims))
    }

    fn any(&mut self, dims: &[usize]) -> Tensor {
        self.leaf(ANY, dims)
    }
}

impl Law {
    pub(super) fn new(name: String, sides: impl Fn(&mut Draw<'_>) -> Sides + 'static) -> Law {
        Law { name, sides: Box::new(sides) }
    }

    /// The graphs that a device computes for it, each on its own.
    #[cfg(test)]
    pub(super) fn graphs(&self, device: &Device, seed: u64) -> Result<Vec<Vec<Node>>> {
        let mut ground = Ground::new(device);
        let of = |all: &[&Tensor]| all.iter().map(|t| t.node().cloned()).collect::<Result<Vec<_>>>();
        match (self.sides)(&mut Draw { ground: &mut ground, random: Random::new(seed, &self.name) }) {
            Sides::Equal(left, right) | Sides::AtMost(left, right) => Ok(vec![of(&[&left, &right])?]),
            Sides::Host(tensors, _) => tensors.iter().map(|t| of(&[t])).collect(),
            Sides::Residual(tensors, _) => Ok(vec![of(&tensors.iter().collect::<Vec<_>>())?]),
        }
    }

    /// Whether a device obeys the law.
    pub async fn judge(&self, device: &Device, seed: u64) -> Outcome {
        let outcome = match Caught(Box::pin(self.run(device, seed))).await {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic,
        };
        Outcome::failed(device, &self.name, "", What::Law, seed, outcome)
    }

    async fn run(&self, device: &Device, seed: u64) -> Result<Outcome> {
        let mut ground = Ground::new(device);
        let sides = (self.sides)(&mut Draw { ground: &mut ground, random: Random::new(seed, &self.name) });
        let (left, right, at_most) = match sides {
            Sides::Equal(left, right) => (left, right, false),
            Sides::AtMost(left, right) => (left, right, true),
            Sides::Host(tensors, condition) => {
                // one after another: what has one structure is planned once, and what others are made of is at hand
                let mut read = Vec::with_capacity(tensors.len());
                for tensor in &tensors {
                    tensor.eval()?;
                    read.push(ground.read(&[tensor.node()?.clone()]).await?.remove(0).values);
                }
                let verdict =
                    judged(&Array::exact((), DType::F32, vec![0.0]), &Array::exact((), DType::F32, vec![0.0]));
                let mut outcome = Outcome::new(device, &self.name, "", What::Law, seed, verdict);
                if let Err(message) = condition(&read) {
                    outcome = Outcome::failed(device, &self.name, "", What::Law, seed, message);
                }
                return Ok(outcome);
            }
            Sides::Residual(tensors, judge) => {
                let nodes = tensors.iter().map(|t| t.node().cloned()).collect::<Result<Vec<_>>>()?;
                let left = judge(&ground.read(&nodes).await?);
                let mut limits = Array::filled([left.len()], DType::F32, 0.0);
                limits.errors = left.iter().map(|l| l.1).collect();
                let found: Vec<f64> = left.iter().map(|l| l.0).collect();
                return Ok(Outcome::new(device, &self.name, "", What::Law, seed, compare(&found, &limits)));
            }
        };
        let nodes: Vec<Node> = vec![left.node()?.clone(), right.node()?.clone()];
        ground.learn(&nodes).await?;
        let fetch = |data: &crate::graph::Data| ground.fetch(data);
        let bounds = Evaluator::new(&fetch).eval(&nodes)?;
        let mut got = ground.read(&nodes).await?;
        let mut right = got.remove(1);
        let mut left = got.remove(0);
        right.errors = (0..right.len()).map(|i| bounds[0].error(i) + bounds[1].error(i)).collect();
        if at_most {
            for (l, r) in left.values.iter_mut().zip(&right.values) {
                *l = if l.is_nan() { *l } else { l.max(*r) };
            }
        }
        let mut outcome = Outcome::new(device, &self.name, "", What::Law, seed, judged(&left, &right));
        if left.shape != right.shape {
            outcome.passed = false;
            outcome.error = Some(format!("the sides have shapes {} and {}", left.shape, right.shape));
        }
        Ok(outcome)
    }
}

fn judged(left: &Array, right: &Array) -> crate::reference::Verdict {
    compare(&left.values, right)
}

/// The inner product of all elements.
fn inner(a: &Tensor, b: &Tensor) -> Tensor {
    a.mul(b).sum(..)
}

fn equal(left: Tensor, right: Tensor) -> Sides {
    Sides::Equal(left, right)
}

pub(super) fn carried(like: &Tensor, result: Result<Vec<Tensor>>) -> Tensor {
    result.map_or_else(|error| Tensor::new(like.device(), Err(error)), |mut all| all.swap_remove(0))
}

const PLACES: Domain = Domain::Int(DType::U32, 0, 6);

type Row = (&'static str, fn(&mut Draw<'_>) -> Sides);

#[rustfmt::skip]
const LAWS: &[Row] = &[
    ("law: sine and cosine on the circle", |d| {
        let x = d.leaf(Domain::Real(DType::F32, &[(-30.0, 30.0)]), &[1000]);
        equal(x.sin().square().add(x.cos().square()), x.ones_like())
    }),
    ("law: exp undoes log", |d| { let x = d.leaf(POSITIVE, &[1000]); equal(x.log().exp(), x) }),
    ("law: tanh by sigmoid", |d| {
        let x = d.any(&[1000]);
        equal(x.tanh(), x.mul(2.0).sigmoid().mul(2.0).sub(1.0))
    }),
    ("law: erf and erfc add up", |d| { let x = d.any(&[1000]); equal(x.erf().add(x.erfc()), x.ones_like()) }),
    ("law: pow by exp and log", |d| {
        let (x, y) = (d.leaf(POSITIVE, &[500]), d.any(&[500]));
        equal(x.pow(&y), x.log().mul(&y).exp())
    }),
    ("law: cosh minus sinh squared", |d| {
        let x = d.leaf(FRACTION, &[500]);
        equal(x.cosh().square().sub(x.sinh().square()), x.ones_like())
    }),
    ("law: quotient and remainder", |d| {
        let (x, y) = (d.leaf(Domain::Int(DType::I32, -9999, 9999), &[700]), d.leaf(Domain::Int(DType::I32, -9, 9), &[700]));
        let exact = x.div(&y).mul(&y).add(x.rem(&y));
        equal(exact, y.eq(0).select(y.zeros_like(), &x))
    }),
    ("law: softmax sums to one", |d| { let x = d.any(&[5, 300]); equal(x.softmax(1).sum(1), x.sum(1).ones_like()) }),
    ("law: softmax ignores a shift", |d| { let x = d.any(&[5, 300]); equal(x.softmax(1), x.add(7.25).softmax(1)) }),
    ("law: log_softmax is the log of softmax", |d| { let x = d.any(&[5, 30]); equal(x.log_softmax(1), x.softmax(1).log()) }),
    ("law: layer_norm has mean zero", |d| {
        let x = d.any(&[5, 257]);
        equal(x.layer_norm(1, None, None, 1e-3).mean(1), x.sum(1).zeros_like())
    }),
    ("law: sums in any order of axes", |d| { let x = d.any(&[7, 30, 11]); equal(x.sum(0).sum(1).sum(0), x.permute([2, 0, 1]).sum(..)) }),
    ("law: a sum is the last of cumsum", |d| { let x = d.any(&[3, 1031]); equal(x.cumsum(1).pick(1, 1030), x.sum(1)) }),
    ("law: a linear recurrence of ones is cumsum", |d| {
        let x = d.any(&[3, 517]);
        equal(x.ones_like().linear_recurrence(&x, 1), x.cumsum(1))
    }),
    ("law: max is minus min of minus", |d| { let x = d.any(&[9, 257]); equal(x.max(1), x.neg().min(1).neg()) }),
    ("law: max is where argmax points", |d| {
        let x = d.any(&[9, 257]);
        equal(x.gather(1, &x.argmax_keep(1)).squeeze(1), x.max(1))
    }),
    ("law: variance by second moment", |d| {
        let x = d.any(&[4, 257]);
        equal(x.var(0, 1), x.square().mean(1).sub(x.mean(1).square()))
    }),
    ("law: sorting is undone by its order", |d| {
        let x = d.leaf(Domain::Spaced, &[3, 700]);
        let (sorted, order) = x.sort(1, false);
        equal(sorted.gather(1, &order.argsort(1, false)), x)
    }),
    ("law: sorted rows do not decrease", |d| {
        let sorted = d.any(&[3, 700]).sort(1, false).0;
        Sides::AtMost(sorted.slice(1, ..699), sorted.slice(1, 1..))
    }),
    ("law: matmul is linear", |d| {
        let (a, b, c) = (d.any(&[17, 65]), d.any(&[17, 65]), d.any(&[65, 31]));
        equal(a.add(&b).matmul(&c), a.matmul(&c).add(b.matmul(&c)))
    }),
    ("law: matmul is associative", |d| {
        let (a, b, c) = (d.any(&[9, 20]), d.any(&[20, 33]), d.any(&[33, 5]));
        equal(a.matmul(&b).matmul(&c), a.matmul(&b.matmul(&c)))
    }),
    ("law: transpose of a product", |d| {
        let (a, b) = (d.any(&[33, 70]), d.any(&[70, 19]));
        equal(a.matmul(&b).t(), b.t().matmul(&a.t()))
    }),
    ("law: matmul by broadcast and sum", |d| {
        let (a, b) = (d.any(&[13, 40]), d.any(&[40, 7]));
        equal(a.matmul(&b), a.unsqueeze(2).mul(b.unsqueeze(0)).sum(1))
    }),
    ("law: transposed convolution is the adjoint", |d| {
        let options = Conv { stride: [2, 1], padding: [1, 1], dilation: [1, 2], ..Conv::<2>::default() };
        let (x, w, y) = (d.any(&[2, 3, 9, 8]), d.any(&[4, 3, 3, 2]), d.any(&[2, 4, 5, 8]));
        equal(inner(&x.conv2d(&w, None, options), &y), inner(&x, &y.conv_transpose2d(&w, None, options)))
    }),
    ("law: scatter is the adjoint of gather", |d| {
        let (x, y, at) = (d.any(&[7, 5]), d.any(&[300, 5]), d.leaf(PLACES, &[300, 5]));
        equal(inner(&x.gather(0, &at), &y), inner(&x, &x.zeros_like().scatter(0, &at, &y, Scatter::Add)))
    }),
    ("law: padding is undone by slicing", |d| {
        let x = d.any(&[9, 7]);
        equal(x.pad([(2, 1), (0, 3)], Fill::One).slice(0, 2..11).slice(1, ..7), x)
    }),
    ("law: flips and permutations undo themselves", |d| {
        let x = d.any(&[3, 5, 7]);
        equal(x.flip(..).permute([2, 0, 1]).permute([1, 2, 0]).flip(..), x)
    }),
    ("law: concat undoes split", |d| {
        let x = d.any(&[5, 12]);
        let parts = x.split(1, [3, 0, 9]);
        equal(carried(&x, Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1).map(|t| vec![t])), x)
    }),
    ("law: vjp is the adjoint of jvp", |d| {
        let (x, v, u) = (d.any(&[6, 5]), d.any(&[6, 5]), d.any(&[6]));
        let y = x.sin().mul(&x).softmax(1).cumsum(1).square().sum(1);
        let forward = y.jvp(&[&x], &[&v]).unwrap_or_else(|error| Tensor::new(x.device(), Err(error)));
        equal(inner(&forward, &u), inner(&v, &carried(&x, y.vjp(&u, &[&x]))))
    }),
    ("law: the norm obeys the triangle inequality", |d| {
        let (x, y) = (d.any(&[50, 9]), d.any(&[50, 9]));
        Sides::AtMost(x.add(&y).norm(2.0, 1), x.norm(2.0, 1).add(y.norm(2.0, 1)))
    }),
    ("law: the geometric mean is below the arithmetic", |d| {
        let x = d.leaf(POSITIVE, &[50, 9]);
        Sides::AtMost(x.log().mean(1).exp(), x.mean(1))
    }),
    ("law: casting to narrow and back is idempotent", |d| {
        let once = d.leaf(NONZERO, &[999]).cast(DType::F16).cast(DType::F32);
        equal(once.cast(DType::F16).cast(DType::F32), once)
    }),
    ("law: the inverse transform undoes the transform", |d| { let x = d.any(&[3, 300, 2]); equal(x.fft().ifft(), x) }),
    ("law: a transform keeps the norm", |d| {
        let x = d.any(&[4096, 2]);
        equal(x.fft().square().sum(..), x.square().sum(..).mul(4096.0))
    }),
    ("law: transforms turn convolution into products", |d| {
        let (x, w) = (d.any(&[24]), d.any(&[24]));
        let by_transform = x.rfft().complex_product(&w.rfft()).irfft(24);
        equal(by_transform, carried(&x, Tensor::concat(&[&x, &x], 0).map(|t| vec![t])).window(0, 24, 1, 1).slice(0, 1..).matmul(&w.flip(0)))
    }),
    ("law: bits and back", |d| { let x = d.any(&[999]); equal(x.bits().from_bits(), x) }),
];

/// All laws.
#[must_use]
pub fn all() -> Vec<Law> {
    let mut laws: Vec<Law> =
        LAWS.iter().map(|&(name, sides)| Law { name: name.to_owned(), sides: Box::new(sides) }).collect();
    laws.extend(penalty::all().flat_map(of_penalty));
    laws.extend(super::laws_edge::all());
    laws.extend(super::laws_kink::all());
    laws.extend(super::laws_penalty::all());
    laws.extend(super::residual::laws());
    laws
}

/// What a separable penalty promises: its proximal operator finds the minimum, does not expand if the penalty is convex,
/// and is odd if the penalty is even.
fn of_penalty(of: &'static Separable) -> Vec<Law> {
    const STEP: f64 = 0.7;
    let law = |what: &str, sides: fn(&Penalty, &mut Draw<'_>) -> Sides| {
        let sides = move |d: &mut Draw<'_>| match Penalty::named(of.name) {
            Ok(penalty) => sides(&penalty.weight(2.0), d),
            Err(error) => {
                let failed = Tensor::new(d.ground.device(), Err(error));
                equal(failed.clone(), failed)
            }
        };
        Law { name: format!("law: prox of {} {what}", of.name), sides: Box::new(sides) }
    };
    let mut laws = vec![law("is the minimum", |penalty, d| {
        let (x, other) = (d.any(&[300]), d.any(&[300]));
        let objective = |u: &Tensor| u.sub(&x).square().sum(..).div(2.0 * STEP).add(penalty.value(u));
        let found = penalty.prox(&x, STEP);
        let candidates = [x.clone(), x.mul(0.5), x.zeros_like(), found.lerp(&other, 0.01), other.clone()];
        let values: Vec<Tensor> = candidates.iter().map(objective).collect();
        let rivals = carried(&x, Tensor::stack(&values.iter().collect::<Vec<_>>(), 0).map(|t| vec![t]));
        Sides::AtMost(objective(&found).broadcast_to([5]), rivals)
    })];
    if of.convex {
        laws.push(law("does not expand", |penalty, d| {
            let (x, y) = (d.any(&[300]), d.any(&[300]));
            Sides::AtMost(penalty.prox(&x, STEP).sub(penalty.prox(&y, STEP)).abs(), x.sub(&y).abs())
        }));
    }
    if of.even {
        laws.push(law("is odd", |penalty, d| {
            let x = d.any(&[300]);
            equal(penalty.prox(&x.neg(), STEP).neg(), penalty.prox(&x, STEP))
        }));
    }
    laws
}
