//! Optimizers for training loops: SGD, momentum, Adagrad, Adam, `AdamW` and Lion, and the proximal version of each.
//!
//! A step is written as tensor expressions over parameters, gradients and state, evaluated in one submission: the update,
//! the state and the proximal operator of one parameter are maps of one shape and become one kernel. Learning rates,
//! strengths and bias corrections travel as data, so a loop is planned once and then replayed.
//!
//! ```no_run
//! # async fn example(device: &ridgepoint::Device, x: ridgepoint::Tensor, y: ridgepoint::Tensor) -> ridgepoint::Result<()> {
//! use ridgepoint::{optim::Optimizer, penalty};
//! let mut params = [device.zeros([10])];
//! let mut adam = Optimizer::adam(1e-2).penalty(penalty::l1(0.01));
//! for _ in 0..100 {
//!     let loss = (x.matmul(&params[0]) - &y).square().mean_all();
//!     let grads = loss.grad(&[&params[0]])?;
//!     adam.step(&mut params, &grads)?;
//! }
//! # Ok(()) }
//! ```
//!
//! # Proximal steps
//! With a penalty the step is `prox_{penalty, t}(w - t d)`: `d` the method's direction, `t` its step length. For Adam and
//! Adagrad the length differs by coefficient, `t = rate / (sqrt(v) + epsilon)`, and so does the step of the proximal
//! operator: it is exact in the method's own metric (J. Duchi, E. Hazan, Y. Singer, *Adaptive subgradient methods*, JMLR 12
//! (2011), section 5; J. Yun, A. Lozano, E. Yang, *Adaptive proximal gradient methods for structured neural networks*, 2021). A
//! penalty on groups has no closed form there; it takes the plain `rate`, as Lion does, whose steps have one length.

pub mod sparse;

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::penalty::Penalty;
use crate::tensor::Tensor;

/// The rule that turns a gradient into a direction.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Rule {
    /// `b = momentum b + g`; the direction is `b`, with Nesterov `g + momentum b`.
    Sgd { momentum: f64, nesterov: bool },
    /// `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`, direction `m / (sqrt(v) + epsilon)` with both
    /// corrected for their start at 0.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// `v = v + g^2`, direction `g / (sqrt(v) + epsilon)`.
    Adagrad { epsilon: f64 },
    /// Direction `sign(beta1 m + (1 - beta1) g)`, then `m = beta2 m + (1 - beta2) g`.
    Lion { beta1: f64, beta2: f64 },
}

/// An optimizer with its state; see the module.
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    rate: f64,
    decay: f64,
    decoupled: bool,
    everywhere: Option<Penalty>,
    on: Vec<(usize, Penalty)>,
    masks: Vec<Tensor>,
    state: Vec<Vec<Tensor>>,
    steps: u64,
}

impl Optimizer {
    fn new(rule: Rule, rate: f64) -> Optimizer {
        Optimizer {
            rule,
            rate,
            decay: 0.0,
            decoupled: false,
            everywhere: None,
            on: Vec::new(),
            masks: Vec::new(),
            state: Vec::new(),
            steps: 0,
        }
    }

    /// `w - rate g`.
    ///
    /// # Source
    /// H. Robbins, S. Monro, A stochastic approximation method, Ann. Math. Statist. 22 (1951).
    #[must_use]
    pub fn sgd(rate: f64) -> Optimizer {
        Optimizer::new(Rule::Sgd { momentum: 0.0, nesterov: false }, rate)
    }

    /// `b = momentum b + g`, `w - rate b` (no dampening, as PyTorch's default).
    ///
    /// # Source
    /// B. Polyak, Some methods of speeding up the convergence of iteration methods, USSR Comput. Math. Math. Phys. 4 (1964).
    #[must_use]
    pub fn momentum(rate: f64, momentum: f64) -> Optimizer {
        Optimizer::new(Rule::Sgd { momentum, nesterov: false }, rate)
    }

    /// `b = momentum b + g`, `w - rate (g + momentum b)`.
    ///
    /// # Source
    /// I. Sutskever et al., On the importance of initialization and momentum in deep learning, ICML (2013).
    #[must_use]
    pub fn nesterov(rate: f64, momentum: f64) -> Optimizer {
        Optimizer::new(Rule::Sgd { momentum, nesterov: true }, rate)
    }

    /// Adam with `beta = (0.9, 0.999)`, `epsilon = 1e-8`; see [`Optimizer::betas`] and [`Optimizer::epsilon`].
    ///
    /// # Source
    /// D. Kingma, J. Ba, Adam: a method for stochastic optimization, ICLR (2015).
    #[must_use]
    pub fn adam(rate: f64) -> Optimizer {
        Optimizer::new(Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, rate)
    }

    /// Adam with decoupled weight decay: `w - rate decay w - rate d`.
    ///
    /// # Source
    /// I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR (2019).
    #[must_use]
    pub fn adamw(rate: f64, decay: f64) -> Optimizer {
        Optimizer { decay, decoupled: true, ..Optimizer::adam(rate) }
    }

    /// `v = v + g^2`, `w - rate g / (sqrt(v) + epsilon)`, `epsilon = 1e-10`.
    ///
    /// # Source
    /// J. Duchi, E. Hazan, Y. Singer, Adaptive subgradient methods for online learning and stochastic optimization, JMLR 12
    /// (2011).
    #[must_use]
    pub fn adagrad(rate: f64) -> Optimizer {
        Optimizer::new(Rule::Adagrad { epsilon: 1e-10 }, rate)
    }

    /// `w - rate sign(beta1 m + (1 - beta1) g) - rate decay w`, then `m = beta2 m + (1 - beta2) g`, with
    /// `beta = (0.9, 0.99)`; one state tensor.
    ///
    /// # Source
    /// X. Chen et al., Symbolic discovery of optimization algorithms, `NeurIPS` (2023).
    #[must_use]
    pub fn lion(rate: f64, decay: f64) -> Optimizer {
        Optimizer { decay, decoupled: true, ..Optimizer::new(Rule::Lion { beta1: 0.9, beta2: 0.99 }, rate) }
    }

    /// Other averaging factors for Adam and Lion; without effect on the others.
    #[must_use]
    pub fn betas(mut self, first: f64, second: f64) -> Optimizer {
        if let Rule::Adam { beta1, beta2, .. } | Rule::Lion { beta1, beta2 } = &mut self.rule {
            (*beta1, *beta2) = (first, second);
        }
        self
    }

    /// Another guard against division by 0 for Adam and Adagrad; without effect on the others.
    #[must_use]
    pub fn epsilon(mut self, value: f64) -> Optimizer {
        if let Rule::Adam { epsilon, .. } | Rule::Adagrad { epsilon } = &mut self.rule {
            *epsilon = value;
        }
        self
    }

    /// Adds `decay w` to the gradient (for [`Optimizer::adamw`] and [`Optimizer::lion`]: sets their decoupled decay).
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> Optimizer {
        self.decay = decay;
        self
    }

    /// A penalty on all parameters, by its proximal operator.
    #[must_use]
    pub fn penalty(mut self, penalty: Penalty) -> Optimizer {
        self.everywhere = Some(penalty);
        self
    }

    /// A penalty on parameter `ix` (counted as in [`Optimizer::step`]); it replaces the one on all.
    #[must_use]
    pub fn penalty_on(mut self, ix: usize, penalty: Penalty) -> Optimizer {
        self.on.retain(|(i, _)| *i != ix);
        self.on.push((ix, penalty));
        self
    }

    /// Zeros of the masks, one per parameter (none for no masks), hold parameters at exactly 0 and keep their gradients out of
    /// the state: in the same kernel, for one more read. See [`sparse`].
    #[must_use]
    pub fn masked(mut self, masks: &[Tensor]) -> Optimizer {
        self.masks = masks.to_vec();
        self
    }

    /// Another learning rate from the next step on.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// The learning rate.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The number of steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Forgets averages and momentum.
    pub fn reset(&mut self) {
        self.state.clear();
        self.steps = 0;
    }

    /// Computes the gradients and the step in one submission and replaces the parameters by the results.
    ///
    /// # Shapes
    /// One gradient per parameter, in its shape; the same parameters at every step.
    ///
    /// # Errors
    /// Other numbers or shapes, parameters that are not `f32`, an illegal constant, whatever the computation meets. The
    /// parameters and the state then are as before.
    #[track_caller]
    pub fn step(&mut self, params: &mut [Tensor], grads: &[Tensor]) -> Result<()> {
        let site = Site::here();
        self.check(params, grads, site)?;
        let Some(first) = params.first() else { return Ok(()) };
        let device = first.device().clone();
        let results = self.updates(params, grads)?;
        let all: Vec<&Tensor> = results.iter().flatten().collect();
        device.eval(&all)?;
        let settled = results.iter().map(|r| r.iter().map(Tensor::leaf).collect()).collect::<Result<Vec<Vec<_>>>>()?;
        self.state.clear();
        for (w, mut result) in params.iter_mut().zip(settled) {
            *w = result.remove(0);
            self.state.push(result);
        }
        self.steps += 1;
        Ok(())
    }

    /// What [`Optimizer::step`] would evaluate: each new parameter, followed by its new state. For [`Device::plan`], or to
    /// record the step into an encoder; the optimizer stays as it is.
    ///
    /// [`Device::plan`]: crate::Device::plan
    ///
    /// # Errors
    /// As [`Optimizer::step`].
    #[track_caller]
    pub fn pending(&self, params: &[Tensor], grads: &[Tensor]) -> Result<Vec<Tensor>> {
        self.check(params, grads, Site::here())?;
        Ok(self.updates(params, grads)?.concat())
    }

    #[track_caller]
    fn updates(&self, params: &[Tensor], grads: &[Tensor]) -> Result<Vec<Vec<Tensor>>> {
        let fresh = self.state.is_empty();
        let state = if fresh { self.start(params)? } else { self.state.clone() };
        let mut results = Vec::new();
        for (ix, (w, g)) in params.iter().zip(grads).enumerate() {
            results.push(self.update(ix, w, g, &state[ix]));
        }
        Ok(results)
    }

    /// The new parameter, then its new state.
    #[track_caller]
    fn update(&self, ix: usize, w: &Tensor, g: &Tensor, state: &[Tensor]) -> Vec<Tensor> {
        let penalty = self.on.iter().find(|(i, _)| *i == ix).map(|(_, p)| p).or(self.everywhere.as_ref());
        let open = self.masks.get(ix).map(|mask| mask.gt(0.0));
        let g = if self.decay != 0.0 && !self.decoupled { g + w * self.decay } else { g.clone() };
        let g = open.as_ref().map_or_else(|| g.clone(), |open| open.select(&g, 0.0));
        let rate = self.rate;
        let shrunk = if self.decay != 0.0 && self.decoupled { w * (1.0 - rate * self.decay) } else { w.clone() };
        let (direction, lengths, state) = match self.rule {
            Rule::Sgd { momentum: 0.0, .. } => (g, None, Vec::new()),
            Rule::Sgd { momentum, nesterov } => {
                let b = &state[0] * momentum + &g;
                let direction = if nesterov { &g + &b * momentum } else { b.clone() };
                (direction, None, vec![b])
            }
            Rule::Adam { beta1, beta2, epsilon } => {
                let m = &state[0] * beta1 + &g * (1.0 - beta1);
                let v = &state[1] * beta2 + g.square() * (1.0 - beta2);
                let t = (self.steps + 1) as f64;
                // m and v started at 0: their expected values are short by these factors
                let (first, second) = (1.0 - beta1.powf(t), (1.0 - beta2.powf(t)).sqrt());
                let scale = (v.sqrt() * (1.0 / second) + epsilon).recip();
                (&m * (1.0 / first), Some(scale), vec![m, v])
            }
            Rule::Adagrad { epsilon } => {
                let v = &state[0] + g.square();
                (g, Some((v.sqrt() + epsilon).recip()), vec![v])
            }
            Rule::Lion { beta1, beta2 } => {
                let direction = (&state[0] * beta1 + &g * (1.0 - beta1)).sign();
                (direction, None, vec![&state[0] * beta2 + g * (1.0 - beta2)])
            }
        };
        let steps = lengths.map(|scale| scale * rate);
        let moved = match &steps {
            Some(steps) => shrunk - steps * direction,
            None => shrunk - direction * rate,
        };
        let moved = match (penalty, steps) {
            (None, _) => moved,
            (Some(penalty), Some(steps)) if penalty.is_separable() => penalty.prox(&moved, steps),
            (Some(penalty), _) => penalty.prox(&moved, rate),
        };
        let moved = open.map_or_else(|| moved.clone(), |open| open.select(&moved, 0.0));
        std::iter::once(moved).chain(state).collect()
    }

    /// State at 0: as data from the first step on, so that all steps have one structure.
    fn start(&self, params: &[Tensor]) -> Result<Vec<Vec<Tensor>>> {
        let n = match self.rule {
            Rule::Sgd { momentum: 0.0, .. } => 0,
            Rule::Sgd { .. } | Rule::Adagrad { .. } | Rule::Lion { .. } => 1,
            Rule::Adam { .. } => 2,
        };
        let zeros = |w: &Tensor| {
            let shape = w.shape()?;
            w.device().tensor(&vec![0.0f32; shape.elements()], shape).check()
        };
        params.iter().map(|w| (0..n).map(|_| zeros(w)).collect()).collect()
    }

    fn check(&self, params: &[Tensor], grads: &[Tensor], site: Site) -> Result<()> {
        let refuse = |message: String, hint: &str| Err(Error::argument("step", message, hint, site));
        if params.len() != grads.len() {
            return refuse(format!("{} parameters, {} gradients", params.len(), grads.len()), "give one each");
        }
        if !self.masks.is_empty() && self.masks.len() != params.len() {
            return refuse(format!("{} parameters, {} masks", params.len(), self.masks.len()), "give one each");
        }
        if !self.state.is_empty() && self.state.len() != params.len() {
            let message = format!("{} parameters, {} at the step before", params.len(), self.state.len());
            return refuse(message, "give the same parameters at every step, or call `reset`");
        }
        for (ix, (w, g)) in params.iter().zip(grads).enumerate() {
            if w.dtype()? != DType::F32 {
                let message = format!("parameter {ix} has dtype {}", w.dtype()?);
                return refuse(message, "keep parameters in f32 and cast what the model reads");
            }
            if w.shape()? != g.shape()? {
                return refuse(
                    format!("parameter {ix} has shape {}, its gradient {}", w.shape()?, g.shape()?),
                    "shapes must agree",
                );
            }
            if self.masks.get(ix).is_some_and(|m| m.shape().ok() != w.shape().ok()) {
                return refuse(
                    format!("parameter {ix} has shape {}, its mask another", w.shape()?),
                    "shapes must agree",
                );
            }
            if self.state.get(ix).and_then(|s| s.first()).is_some_and(|s| s.shape().ok() != w.shape().ok()) {
                return refuse(format!("parameter {ix} changed its shape"), "call `reset` first");
            }
        }
        let unit = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let legal = match self.rule {
            Rule::Sgd { momentum, .. } => unit(momentum),
            Rule::Adam { beta1, beta2, epsilon } => unit(beta1) && unit(beta2) && positive(epsilon),
            Rule::Adagrad { epsilon } => positive(epsilon),
            Rule::Lion { beta1, beta2 } => unit(beta1) && unit(beta2),
        };
        let rate = positive(self.rate) && self.decay.is_finite() && self.decay >= 0.0;
        if !legal || !rate {
            return refuse(
                format!("{:?} with rate {} and weight decay {}", self.rule, self.rate, self.decay),
                "rate and epsilon > 0, decay >= 0, momentum and betas in [0, 1), all finite",
            );
        }
        Ok(())
    }
}
