//! The alternating direction method of multipliers: two functions of two variables tied by linear equations.
//!
//! For `f(x) + g(z)` subject to `A x + B z = c`, in scaled form with over-relaxation `a`:
//!
//! `x' = argmin f(x) + rho/2 ||A x + B z - c + u||^2`, `q = a A x' - (1 - a) (B z - c)`,
//! `z' = argmin g(z) + rho/2 ||q + B z - c + u||^2`, `u' = u + q + B z' - c`
//!
//! (S. Boyd et al., *Distributed optimization and statistical learning via the alternating direction method of multipliers*,
//! Found. Trends Mach. Learn. 3 (2011), sections 3.1, 3.4). How a variable is minimised over is up to its [`Block`].
//!
//! `rho` doubles where the equations are violated ten times more than the dual is, and halves in the other case; after
//! fifty changes it stays, so that the method converges.
//!
//! # Certificate
//! `-rho B^T u'` is a subgradient of `g` at `z'`, and `-rho A^T u'` differs from one of `f` at `x'` by
//! `s = rho A^T (B (z' - z) + (a - 1) (A x' + B z - c))`. The greatest magnitude in `s` or in `A x' + B z' - c` is
//! [`Report::optimality`](super::Report::optimality), which is a distance from optimality where blocks minimise exactly; `dual` is `rho u`.

use super::drive::{Marks, Method, Seen, State, drive, number, settle, zeros};
use super::proximal::{Proximal, greatest, length};
use super::{Options, Solution, Status, admit_start};
use crate::error::{Error, Result, Site};
use crate::linear::Linear;
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// `argmin_x f(x) + rho/2 ||A x - v||^2` of `v`, the scalar tensor `rho`, and the `x` before, from which an inner method may start.
pub type Update<'a> = Box<dyn Fn(&Tensor, &Tensor, &Tensor) -> Tensor + 'a>;

/// One variable of [`admm`]: its function, its map, and how it is minimised over.
pub struct Block<'a> {
    map: Linear,
    value: Box<dyn Fn(&Tensor) -> Tensor + 'a>,
    update: Update<'a>,
}

impl<'a> Block<'a> {
    /// From its parts: a map `A`, the value of `f` as a scalar tensor, and the minimisation.
    #[must_use]
    pub fn new(map: &Linear, value: impl Fn(&Tensor) -> Tensor + 'a, update: Update<'a>) -> Block<'a> {
        Block { map: map.clone(), value: Box::new(value), update }
    }

    /// A function with a proximal operator, and the map `x -> factor x`; the factor must not be 0.
    #[must_use]
    pub fn proximal(f: &'a dyn Proximal, shape: impl Into<Shape>, factor: f64) -> Block<'a> {
        let update = move |v: &Tensor, rho: &Tensor, _: &Tensor| {
            f.prox(&(v * (1.0 / factor)), &(rho * (factor * factor)).recip())
        };
        Block::new(&Linear::identity(shape).scaled(factor), |x| f.value(x), Box::new(update))
    }

    /// `1/2 <x, P x> + <q, x>`, `P` symmetric and positive semi-definite, with any map: the system
    /// `(P + rho A^T A) x = rho A^T v - q` is solved by `steps` of conjugate gradients from the `x` before; the more they are, the
    /// fewer iterations should make a submission ([`Options::every`]).
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn quadratic(p: &Linear, q: &Tensor, map: &Linear, steps: usize) -> Result<Block<'a>> {
        let gram = map.gram();
        p.plus(&gram)?;
        q.shape()?.broadcast(p.domain()).filter(|s| s == p.domain()).ok_or_else(|| {
            let message = format!("a linear term {:?} of {p:?}", q.shape());
            Error::argument("admm", message, "shapes must agree", Site::here())
        })?;
        let (p, of, a, b) = (p.clone(), p.clone(), map.clone(), q.clone());
        let c = q.clone();
        let update = move |v: &Tensor, rho: &Tensor, before: &Tensor| match p.plus(&gram.times(rho)) {
            Ok(system) => system.solve(&(a.adjoint(v) * rho - &b), before, steps),
            Err(e) => Tensor::new(v.device(), Err(e)),
        };
        let value = move |x: &Tensor| (x * (of.apply(x) * 0.5 + &c)).sum(..);
        Ok(Block::new(map, value, Box::new(update)))
    }

    /// A function with a proximal operator and any map, by one proximal gradient step on the quadratic: the linearised method,
    /// right for any `norm` of at least `||A||` (X. Zhang et al., *A unified primal-dual algorithm framework based on Bregman
    /// iteration*, J. Sci. Comput. 46 (2011)).
    #[must_use]
    pub fn linearized(f: &'a dyn Proximal, map: &Linear, norm: f64) -> Block<'a> {
        let share = 1.0 / (norm * norm);
        let a = map.clone();
        let update = move |v: &Tensor, rho: &Tensor, before: &Tensor| {
            let down = before - a.adjoint(&(a.apply(before) - v)) * share;
            f.prox(&down, &(rho.recip() * share))
        };
        Block::new(map, |x| f.value(x), Box::new(update))
    }
}

/// Knobs of [`admm`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Admm {
    /// The first weight of the equations.
    pub rho: f64,
    /// Whether it follows the residuals.
    pub adaptive: bool,
    /// Over-relaxation, above 0 and below 2; 1 is none.
    pub relaxation: f64,
}

impl Default for Admm {
    fn default() -> Self {
        Self { rho: 1.0, adaptive: true, relaxation: 1.5 }
    }
}

/// Residuals further apart than this change `rho` by the factor, so many times.
const APART: f64 = 10.0;
const FACTOR: f64 = 2.0;
const CHANGES: usize = 50;

struct Alternating<'a> {
    device: Device,
    f: &'a Block<'a>,
    g: &'a Block<'a>,
    c: Tensor,
    knobs: Admm,
    rho: f64,
    changes: usize,
}

/// The state's one list: `x`, `z`, `u`, `B z`, `rho`, and of the last iteration the violation and `s`.
impl Method for Alternating<'_> {
    const NAME: &'static str = "admm";
    const SPLITS: bool = true;

    fn iterate(&self, state: &State, _k: usize) -> Result<State> {
        let [x, z, u, bz, rho, ..] = &state[0][..] else { panic!("bug: seven tensors") };
        let over = self.knobs.relaxation;
        let x = (self.f.update)(&(&self.c - bz - u), rho, x);
        let ax = self.f.map.apply(&x);
        let rest = bz - &self.c;
        let q = &ax * over - &rest * (1.0 - over);
        let z = (self.g.update)(&(&self.c - &q - u), rho, z);
        let image = self.g.map.apply(&z);
        let u = u + q + &image - &self.c;
        let turned = self.f.map.adjoint(&(&image - bz + (&ax + rest) * (over - 1.0))) * rho;
        let violation = ax + &image - &self.c;
        Ok(vec![vec![x, z, u, image, rho.clone(), violation, turned]])
    }

    fn judge(&self, state: &State) -> Result<Marks> {
        let [x, z, _, _, rho, violation, turned] = &state[0][..] else { panic!("bug: seven tensors") };
        let objective = (self.f.value)(x) + (self.g.value)(z);
        let optimality = greatest(violation).maximum(greatest(turned));
        let more = vec![length(violation), length(turned)];
        Ok(Marks { more, ..Marks::new(objective, optimality, rho.clone()) })
    }

    fn point(&self, state: &State) -> Vec<Tensor> {
        state[0][..2].to_vec()
    }

    fn dual(&self, state: &State) -> Vec<Tensor> {
        vec![&state[0][2] * &state[0][4]]
    }

    fn adapt(&mut self, state: &mut State, seen: &Seen) -> Result<Option<Status>> {
        let (violation, turned) = (seen.more[0], seen.more[1]);
        let factor = match self.knobs.adaptive && self.changes < CHANGES {
            true if violation > APART * turned => FACTOR,
            true if turned > APART * violation => 1.0 / FACTOR,
            _ => return Ok(None),
        };
        self.changes += 1;
        self.rho *= factor;
        state[0][2] = &state[0][2] * (1.0 / factor);
        state[0][4] = number(&self.device, self.rho)?;
        *state = settle(&self.device, state)?;
        Ok(None)
    }
}

/// Minimises `f(x) + g(z)` subject to `A x + B z = c` from `x, z = start`, both convex; the maps are those of the blocks. The
/// solution's `w` is `[x, z]`.
///
/// # Errors
/// Shapes that do not fit, knobs out of range, numbers that are not finite, whatever evaluating meets.
pub async fn admm(
    f: &Block<'_>,
    g: &Block<'_>,
    c: &Tensor,
    start: [&Tensor; 2],
    knobs: Admm,
    options: Options<'_>,
) -> Result<Solution> {
    let site = Site::here();
    let refuse = |message: String, hint: &str| Err(Error::argument("admm", message, hint, site));
    let device = admit_start("admm", &start.map(Tensor::clone), &options, site)?;
    if !(knobs.rho > 0.0 && knobs.rho.is_finite() && knobs.relaxation > 0.0 && knobs.relaxation < 2.0) {
        return refuse(format!("{knobs:?}"), "rho > 0 and finite, relaxation above 0 and below 2");
    }
    for (block, start) in [f, g].into_iter().zip(start) {
        if block.map.domain() != start.shape()? || block.map.range() != c.shape()? {
            let message = format!("{:?} for a start {} and equations {}", block.map, start.shape()?, c.shape()?);
            return refuse(message, "a block's map takes its variable and gives the shape of the equations");
        }
    }
    device.eval(&[start[0], start[1], c])?;
    let (x, z, c) = (start[0].leaf()?, start[1].leaf()?, c.leaf()?);
    let bz = g.map.apply(&z);
    let far = zeros(&c)? + f64::from(f32::MAX);
    let turned = zeros(&x)?;
    let state = vec![vec![x, z, zeros(&c)?, bz, number(&device, knobs.rho)?, far, turned]];
    let mut problem = Alternating { device: device.clone(), f, g, c, knobs, rho: knobs.rho, changes: 0 };
    drive(&mut problem, &device, &state, options).await
}
