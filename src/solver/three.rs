//! Douglas-Rachford and Davis-Yin splitting: sums of two functions known by their proximal operators, and a smooth one.
//!
//! For `f(x) + g(x) + h(x)` with `h` smooth, one iteration is
//!
//! `x = prox_f(z - s (u + grad h(z)))`, `z' = prox_g(x + s u)`, `u' = u + (x - z') / s`,
//!
//! the three-operator method of D. Davis, W. Yin (*A three-operator splitting scheme*, Set-Valued Var. Anal. 25 (2017)) in the
//! form of F. Pedregosa, G. Gidel (*Adaptive three operator splitting*, ICML 2018), which allows the step `s` to change from
//! iteration to iteration. Without `h` it is the method of P.-L. Lions, B. Mercier (*Splitting algorithms for the sum of two
//! nonlinear operators*, SIAM J. Numer. Anal. 16 (1979)), named after Douglas and Rachford.
//!
//! # Certificate
//! An iteration knows elements of both subdifferentials: `(z - x) / s - u - grad h(z)` of `f` at `x`, and `u'` of `g` at `z'`.
//! With `grad h(x)` they sum to `(z - z') / s + grad h(x) - grad h(z)`. Its greatest element, or that of `x - z'` if greater,
//! is [`Report::optimality`](super::Report::optimality): 0 exactly where `x = z'` solves the problem.

use super::drive::{Marks, Method, State, drive, number, zeros};
use super::fista::first_step;
use super::proximal::{Proximal, greatest};
use super::smooth::Smooth;
use super::{Options, Solution, Step, admit_start};
use crate::error::{Result, Site};
use crate::tensor::Tensor;

/// A step is lengthened by the reciprocal where that is allowed.
const GROWTH: f64 = 0.98;
/// `(64 * 2^-24)^2`: movements too short, relative to the point, to judge a step by.
const UNJUDGED: f64 = 1.455_191_522_836_685_2e-11;

struct Three<'a> {
    f: &'a dyn Proximal,
    g: &'a dyn Proximal,
    smooth: Option<&'a dyn Smooth>,
    step: Step,
}

impl Three<'_> {
    fn slope(&self, at: &Tensor) -> Result<Option<Tensor>> {
        self.smooth.map(|h| Ok(h.gradient(std::slice::from_ref(at))?.swap_remove(0))).transpose()
    }
}

/// The state's one list: the point `x`, `z`, `u`, the step, and the residual.
impl Method for Three<'_> {
    const NAME: &'static str = "davis_yin";
    const SPLITS: bool = true;

    fn iterate(&self, s: &State, _k: usize) -> Result<State> {
        let [x_old, z, u, step, residual_old] = &s[0][..] else { panic!("bug: five tensors") };
        let slope = self.slope(z)?;
        let down = slope.as_ref().map_or_else(|| u.clone(), |g| u + g);
        let x = self.f.prox(&(z - down * step), step);
        let next = self.g.prox(&(&x + u * step), step);
        let multiplier = u + (&x - &next) / step;
        let turned = match &slope {
            Some(at_z) => self.slope(&x)?.map(|at_x| at_x - at_z),
            None => None,
        };
        let mut sum = (z - &next) / step;
        if let Some(turned) = &turned {
            sum = sum + turned;
        }
        let residual = greatest(&sum).maximum(greatest(&(&x - &next)));
        let Some(turned) = turned.filter(|_| !matches!(self.step, Step::Fixed(_))) else {
            return Ok(vec![vec![x, next, multiplier, step.clone(), residual]]);
        };
        // as in `fista`: gradients are compared, NaN counts as too long
        let moved = &x - z;
        let length = moved.square().sum(..);
        let fits = ((turned * &moved).sum(..) * step).le(&length);
        let small = length.le(z.square().sum(..) * UNJUDGED);
        let accept = fits.logical_or(&small);
        let longer = match self.step {
            Step::Adaptive(_) => small.select(step, step * (1.0 / GROWTH)),
            Step::Estimate | Step::From(_) | Step::Fixed(_) => step.clone(),
        };
        let pick = |new: &Tensor, old: &Tensor| accept.select(new, old);
        Ok(vec![vec![
            pick(&x, x_old),
            pick(&next, z),
            pick(&multiplier, u),
            pick(&longer, &(step * 0.5)),
            pick(&residual, residual_old),
        ]])
    }

    fn judge(&self, s: &State) -> Result<Marks> {
        let x = &s[0][0];
        let mut objective = self.f.value(x) + self.g.value(x);
        if let Some(h) = self.smooth {
            objective = objective + h.value(std::slice::from_ref(x));
        }
        Ok(Marks::new(objective, s[0][4].clone(), s[0][3].clone()))
    }

    fn point(&self, s: &State) -> Vec<Tensor> {
        vec![s[0][0].clone()]
    }

    fn dual(&self, s: &State) -> Vec<Tensor> {
        vec![s[0][2].clone()]
    }
}

/// Minimises `f(x) + g(x)` from `start` by Douglas-Rachford splitting; both convex. The point is a value of the proximal
/// operator of `f`: give the one whose zeros or bounds are to be exact first. `dual` is the subgradient of `g` there. Any
/// step converges: [`Step::Estimate`] takes 1; the best one is of the size of the solution over that of the dual.
///
/// # Errors
/// A start that is not f32, numbers that are not finite, whatever evaluating meets.
pub async fn douglas_rachford(
    f: &dyn Proximal,
    g: &dyn Proximal,
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    three(None, f, g, start, options).await
}

/// Minimises `smooth(x) + f(x) + g(x)` from `start` by Davis-Yin splitting; `f` and `g` convex, the step found by
/// backtracking as in [`fista`](super::fista()). The point is a value of the proximal operator of `f`, `dual` the subgradient of
/// `g`.
///
/// # Errors
/// As [`douglas_rachford`].
pub async fn davis_yin(
    smooth: &dyn Smooth,
    f: &dyn Proximal,
    g: &dyn Proximal,
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    three(Some(smooth), f, g, start, options).await
}

async fn three(
    smooth: Option<&dyn Smooth>,
    f: &dyn Proximal,
    g: &dyn Proximal,
    start: &Tensor,
    options: Options<'_>,
) -> Result<Solution> {
    let device = admit_start("davis_yin", std::slice::from_ref(start), &options, Site::here())?;
    start.eval()?;
    let x = start.leaf()?;
    let nothing = |_: &[Tensor]| device.scalar(0.0);
    let first = match (smooth, options.step) {
        (None, Step::Estimate) => 1.0,
        (Some(h), step) => first_step("davis_yin", h, std::slice::from_ref(&x), step).await?,
        (None, step) => first_step("davis_yin", &nothing, std::slice::from_ref(&x), step).await?,
    };
    let state =
        vec![vec![x.clone(), x.clone(), zeros(&x)?, number(&device, first)?, number(&device, f64::from(f32::MAX))?]];
    let mut problem = Three { f, g, smooth, step: options.step };
    drive(&mut problem, &device, &state, options).await
}
