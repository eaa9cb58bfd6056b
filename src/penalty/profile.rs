//! What a penalty does to one number: the description of a built-in one, and the functions that reach a shader.

use crate::graph::{Arg, Derivative, Mirror, Snippet};
use std::fmt;
use std::sync::Arc;

/// The parameters of a penalty as its functions take them; unused ones are 0.
pub type Parameters = [f64; 4];

/// The numbers a parameter may be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// Whether the lower end itself is legal.
    pub closed: bool,
}

impl Range {
    /// Any finite number.
    pub const ANY: Range = Range { low: f64::NEG_INFINITY, closed: false };
    /// At least 0.
    pub const NOT_NEGATIVE: Range = Range { low: 0.0, closed: true };
    /// Above `low`.
    #[must_use]
    pub const fn above(low: f64) -> Range {
        Range { low, closed: false }
    }

    /// Whether `x` is finite and in the range.
    #[must_use]
    pub fn holds(self, x: f64) -> bool {
        x.is_finite() && if self.closed { x >= self.low } else { x > self.low }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low == f64::NEG_INFINITY, self.closed) {
            (true, _) => f.write_str("finite"),
            (false, true) => write!(f, ">= {}", self.low),
            (false, false) => write!(f, "> {}", self.low),
        }
    }
}

/// One parameter of a penalty.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Parameter {
    /// The name in specifications: `l1`, `gamma`.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// The value where none is given.
    pub default: f64,
    /// What it may be.
    pub range: Range,
    /// The unit, in terms of the coefficient's unit `x` and the objective's unit `f`.
    pub unit: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// The usual strength parameter `lambda`, in units of `unit`.
pub(super) const fn strength(unit: &'static str) -> Parameter {
    Parameter {
        name: "lambda",
        aliases: &[],
        default: 0.1,
        range: Range::NOT_NEGATIVE,
        unit,
        meaning: "strength of the penalty",
    }
}

/// Whether parameters that are legal each by itself are legal together.
pub type Relation = fn(&Parameters) -> bool;

/// The description of a separable penalty: the Rust half of its two files.
///
/// The f64 functions are written from the formulas, independently of the WGSL, and decide who is right.
#[derive(Clone, Copy, Debug)]
pub struct Separable {
    /// The name in specifications, with hyphens; the WGSL names have underscores instead.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// One sentence: what it is good for.
    pub summary: &'static str,
    /// The value as a formula of `x`.
    pub formula: &'static str,
    /// At most four.
    pub parameters: &'static [Parameter],
    /// What must hold between the parameters beyond the ranges: a sentence, and the test.
    pub relation: Option<(&'static str, Relation)>,
    /// The value at `x`.
    pub value: fn(f64, &Parameters) -> f64,
    /// The derivative at `x`; at a kink the subgradient of least magnitude.
    pub grad: fn(f64, &Parameters) -> f64,
    /// The derivative of `grad` where it exists, 0 at kinks.
    pub curvature: fn(f64, &Parameters) -> f64,
    /// `prox(x, step) = argmin_u (u - x)^2 / (2 step) + value(u)`, the global minimiser, the lesser magnitude at ties.
    pub prox: fn(f64, f64, &Parameters) -> f64,
    /// The subdifferential at `x` as a closed interval (empty, `[inf, -inf]`, outside of the domain).
    pub subdifferential: fn(f64, &Parameters) -> [f64; 2],
    /// Where the derivative does not exist.
    pub kinks: fn(&Parameters) -> Vec<f64>,
    /// Whether the value is convex.
    pub convex: bool,
    /// Whether `value(-x) = value(x)` and no subdifferential but that at 0 has more than one element: such a penalty can
    /// act on the norms of groups.
    pub even: bool,
    /// Whether `value(t x) = t value(x)` for `t > 0`: such a penalty can be joined with one on groups.
    pub homogeneous: bool,
    /// More parameters to check it at: strong and weak, on both sides of each change of regime.
    pub samples: &'static [Parameters],
    /// Who else has it, under which name and with which parameters; empty if nobody is known to.
    pub elsewhere: &'static str,
    /// Where it was published.
    pub source: &'static str,
}

impl Separable {
    /// The start of its WGSL names.
    #[must_use]
    pub fn module(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Whether it is 0 within a set and `f32::MAX` outside, which a value between tells apart.
    #[must_use]
    pub fn is_indicator(&self) -> bool {
        let p = self.defaults();
        let wall = f64::from(f32::MAX);
        let values: Vec<f64> =
            [-1e3, -2.0, -0.4, 0.0, 0.4, 1.0, 2.0, 1e3].iter().map(|&x| (self.value)(x, &p)).collect();
        values.iter().all(|&v| v == 0.0 || v >= wall) && values.iter().any(|&v| v >= wall)
    }

    /// The default of every parameter.
    #[must_use]
    pub fn defaults(&self) -> Parameters {
        let mut p = [0.0; 4];
        for (slot, parameter) in p.iter_mut().zip(self.parameters) {
            *slot = parameter.default;
        }
        p
    }

    /// Positions of the parameters that say how strong the penalty is: with all of them 0 it is 0 on its domain.
    pub fn strengths(&self) -> impl Iterator<Item = usize> + use<> {
        let named = self.parameters.iter().enumerate();
        named.filter(|(_, p)| ["l1", "l2", "lambda"].contains(&p.name)).map(|(ix, _)| ix)
    }

    /// The distance of `-g` from the subdifferential at `x`.
    #[must_use]
    pub fn distance(&self, x: f64, g: f64, p: &Parameters) -> f64 {
        let [low, high] = (self.subdifferential)(x, p);
        if low > high { f64::from(f32::MAX) } else { (low + g).max(-g - high).max(0.0) }
    }

    /// What is wrong with the parameters, if anything: which one (none for a relation between several), and why.
    pub(super) fn refuse(&self, p: &Parameters) -> Option<(Option<usize>, String)> {
        for (ix, parameter) in self.parameters.iter().enumerate() {
            if !parameter.range.holds(p[ix]) {
                return Some((Some(ix), format!("{} = {}, it must be {}", parameter.name, p[ix], parameter.range)));
            }
        }
        match self.relation {
            Some((sentence, holds)) if !holds(p) => Some((None, sentence.to_string())),
            _ => None,
        }
    }
}

/// The functions of a penalty as snippets, ready to be called in a graph.
#[derive(Clone, Debug)]
pub(super) struct Functions {
    pub value: Arc<Snippet>,
    pub grad: Arc<Snippet>,
    pub prox: Arc<Snippet>,
    /// `(x, g, p)`; without it optimality is measured by the proximal step.
    pub distance: Option<Arc<Snippet>>,
}

/// A parameter vector from the flattened tail of a snippet's arguments.
fn tail(args: &[f64], from: usize) -> Parameters {
    [args[from], args[from + 1], args[from + 2], args[from + 3]]
}

/// `[x, p]` or `[x, step, p]`: the derivatives of a penalty's functions are given with respect to `x` alone.
fn by_x(x: Derivative, n_scalars: usize) -> Vec<Derivative> {
    let mut all = vec![Derivative::Missing; n_scalars + 4];
    all[0] = x;
    all
}

/// Rounding of the built-in penalties' WGSL. Their longest chains (middle pieces of mcp, scad, log-sum) have at most 16
/// operations of at most 1 unit each but for division and square root (2.5, WGSL section 15.7.4) and one `log` (3); the
/// results are sums of terms of one sign, or differences of directly rounded products, which is a backward error.
///
/// So is what Newton's iteration leaves: where it ends, `u - x + step value'(u)` vanishes up to the rounding of its terms,
/// each of which is at most one function of `lib/special` (6 units) and six operations from `x`, `step` and the parameters,
/// and `u` is exact for these moved as much. Their numbers of turns are those after which the residual is that small from
/// every start, also next to a double root.
const ULPS: f64 = 24.0;

struct Maker<'a> {
    module: &'a str,
    wgsl: &'a str,
}

impl Maker<'_> {
    fn make(
        &self,
        suffix: &str,
        scalars: usize,
        mirror: Mirror,
        derivatives: Vec<Derivative>,
        ulps: f64,
    ) -> Arc<Snippet> {
        let mut args = vec![Arg::Scalar; scalars];
        args.push(Arg::Vec4);
        Arc::new(Snippet {
            module: self.module.to_string(),
            wgsl: self.wgsl.to_string(),
            entry: format!("{}_{suffix}", self.module),
            args,
            mirror,
            derivatives,
            ulps,
        })
    }
}

impl Functions {
    /// Of a built-in penalty, from its description and its WGSL.
    pub(super) fn built_in(of: &'static Separable, wgsl: &str) -> Functions {
        let module = of.module();
        let maker = Maker { module: &module, wgsl };
        let unary = |f: fn(f64, &Parameters) -> f64| -> Mirror { Arc::new(move |a: &[f64]| f(a[0], &tail(a, 1))) };
        let missing = |n| vec![Derivative::Missing; n];
        let curvature = maker.make("curvature", 1, unary(of.curvature), missing(5), ULPS);
        let grad = maker.make("grad", 1, unary(of.grad), by_x(Derivative::By(curvature), 1), ULPS);
        let value = maker.make("value", 1, unary(of.value), by_x(Derivative::By(grad.clone()), 1), ULPS);
        // where prox(x) = u is no kink, u + s value'(u) = x gives du/dx = 1 / (1 + s value''(u)); at a kink u stays
        let slope_mirror: Mirror = Arc::new(move |a: &[f64]| {
            let (step, p) = (a[1], tail(a, 2));
            let u = (of.prox)(a[0], step, &p);
            let [low, high] = (of.subdifferential)(u, &p);
            if low < high { 0.0 } else { 1.0 / (1.0 + step * (of.curvature)(u, &p)) }
        });
        let slope = maker.make("prox_slope", 2, slope_mirror, missing(6), ULPS);
        let prox_mirror: Mirror = Arc::new(move |a: &[f64]| (of.prox)(a[0], a[1], &tail(a, 2)));
        let prox = maker.make("prox", 2, prox_mirror, by_x(Derivative::By(slope), 2), ULPS);
        let distance_mirror: Mirror = Arc::new(move |a: &[f64]| of.distance(a[0], a[1], &tail(a, 2)));
        let distance = maker.make("distance", 2, distance_mirror, missing(6), ULPS);
        Functions { value, grad, prox, distance: Some(distance) }
    }

    /// Of a user's penalty: three functions in `wgsl`, and their mirrors.
    pub(super) fn custom(module: &str, wgsl: &str, value: Mirror, grad: Mirror, prox: Mirror, ulps: f64) -> Functions {
        let maker = Maker { module, wgsl };
        let grad = maker.make("grad", 1, grad, vec![Derivative::Missing; 5], ulps);
        let value = maker.make("value", 1, value, by_x(Derivative::By(grad.clone()), 1), ulps);
        let prox = maker.make("prox", 2, prox, vec![Derivative::Missing; 6], ulps);
        Functions { value, grad, prox, distance: None }
    }
}

/// `x` moved into `low..=high`; NaN stays, and ends in the wrong order are no panic (parameters may come from a device).
pub(super) fn between(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// The least of `(u - x)^2 / 2 + step value(u)` over candidates for `u`; ties go to the earlier one. The f64 proxes of
/// non-convex penalties are this over the stationary points of their pieces.
pub(super) fn least(x: f64, step: f64, value: impl Fn(f64) -> f64, candidates: &[f64]) -> f64 {
    let objective = |u: f64| 0.5 * (u - x) * (u - x) + step * value(u);
    if !x.is_finite() {
        return x;
    }
    let mut best = candidates[0];
    for &u in &candidates[1..] {
        if objective(u) < objective(best) {
            best = u;
        }
    }
    best
}
