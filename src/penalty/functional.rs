//! Penalties on whole tensors: those that are not a sum of scalar functions of elements or of norms of groups (sorted
//! norms, total variation, norms of matrices, indicators of sets, …).
//!
//! A [`Functional`] gives the value and the proximal operator as tensor expressions. They fuse with what stands around
//! them, they differentiate, and the reference verifies them, like any other graph. Everything that takes a
//! [`Penalty`](super::Penalty) takes one made of a functional: solvers, optimizers, the check.

use super::lift::Build;
use super::profile::Parameter;
use super::term::node;
use super::terms::refuse_weight;
use super::{Penalty, Scalar};
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

/// What the catalogue says of a penalty on whole tensors.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name in specifications.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// One sentence: what it is good for.
    pub summary: &'static str,
    /// The value as a formula of the coefficients `x`.
    pub formula: &'static str,
    /// Numeric parameters. They travel as data and reach the methods of [`Functional`] as scalar tensors.
    pub parameters: &'static [Parameter],
    /// Whether the value is convex.
    pub convex: bool,
    /// Whether it is the indicator of a set: value 0 or `f32::MAX`, the proximal operator a projection.
    pub set: bool,
    /// Where it was published.
    pub source: &'static str,
}

/// A penalty on a whole tensor `w`; see the module. `p` holds the parameters in the order of the description, as scalars.
///
/// ```no_run
/// # use ridgepoint::{Tensor, penalty::{Description, Functional, Penalty, Parameter, Range}};
/// /// `lambda ||w||`: one group of all coefficients.
/// #[derive(Debug)]
/// struct Length;
/// static LENGTH: Description = Description {
///     name: "length",
///     aliases: &[],
///     summary: "all coefficients or none",
///     formula: "lambda ||x||",
///     parameters: &[Parameter {
///         name: "lambda", aliases: &[], default: 0.1, range: Range::NOT_NEGATIVE, unit: "f/x", meaning: "strength",
///     }],
///     convex: true,
///     set: false,
///     source: "M. Yuan, Y. Lin (2006)",
/// };
/// impl Functional for Length {
///     fn description(&self) -> &'static Description { &LENGTH }
///     fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor { w.square().sum_all().sqrt().mul(&p[0]) }
///     fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
///         let r = w.square().sum_all().sqrt();
///         w.mul(r.sub(step.mul(&p[0])).relu().div(r.maximum(1e-30)))
///     }
/// }
/// let penalty = Penalty::from_functional(Length).with("lambda", 0.3);
/// ```
pub trait Functional: fmt::Debug + Send + Sync {
    /// What it is.
    fn description(&self) -> &'static Description;

    /// The value, a scalar tensor.
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor;

    /// `argmin_u ||u - w||^2 / (2 step) + value(u)` in the shape of `w`; `step` is a positive scalar.
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor;

    /// The gradient of the value, in the shape of `w`; at a kink some subgradient. The default differentiates the value;
    /// of a set it is 0.
    fn gradient(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        if self.is_set() {
            return w.zeros_like();
        }
        match self.value(w, p).grad(&[w]) {
            Ok(mut all) => all.swap_remove(0),
            Err(error) => Tensor::new(w.device(), Err(error)),
        }
    }

    /// How far each coefficient is from optimal where the gradient of the smooth part is `g`. The default is the length of
    /// a proximal step, `|w - prox(w - g, 1)|`: 0 exactly at stationary points if the penalty is convex.
    fn distance(&self, w: &Tensor, g: &Tensor, p: &[Tensor]) -> Tensor {
        w.sub(self.prox(&w.sub(g), &w.device().scalar(1.0), p)).abs()
    }

    /// What is wrong with coefficients of this shape, if anything: what it must be.
    fn refuse_shape(&self, _shape: &Shape) -> Option<String> {
        None
    }

    /// What is wrong with parameters that are each within its range, if anything; called when all are numbers.
    fn refuse_parameters(&self, _p: &[f64]) -> Option<String> {
        None
    }

    /// What a specification says beside the numeric parameters, as keys and values.
    fn options(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The whole specification, if it is not made of the name, the parameters and the options.
    fn spec(&self) -> Option<String> {
        None
    }

    /// Whether this one is convex (the description's word, unless it depends on more).
    fn is_convex(&self) -> bool {
        self.description().convex
    }

    /// Whether this one is the indicator of a set (the description's word, unless it depends on more).
    fn is_set(&self) -> bool {
        self.description().set
    }

    /// The same with a parameter of a penalty it is made of changed; `None` if there is no such parameter.
    fn with_inner(&self, _parameter: &str, _value: &Scalar, _site: Site) -> Option<Result<Arc<dyn Functional>>> {
        None
    }

    /// A parameter of a penalty it is made of.
    fn inner_parameter(&self, _name: &str) -> Option<f64> {
        None
    }
}

/// A functional with its parameters and its weight.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub of: Arc<dyn Functional>,
    pub parameters: Vec<Scalar>,
    pub weight: Option<Scalar>,
}

/// The tensors of one call.
struct Given {
    parameters: Vec<Tensor>,
    weight: Option<Tensor>,
}

impl Whole {
    pub fn new(of: Arc<dyn Functional>) -> Whole {
        let parameters = of.description().parameters.iter().map(|p| Scalar::Number(p.default)).collect();
        Whole { of, parameters, weight: None }
    }

    fn name(&self) -> &'static str {
        self.of.description().name
    }

    /// What is wrong with the parameters that are numbers: which (none for a relation), and why.
    pub fn refuse(&self) -> Option<(Option<usize>, String)> {
        let mut numbers = Vec::new();
        for (ix, (p, value)) in self.of.description().parameters.iter().zip(&self.parameters).enumerate() {
            let Scalar::Number(x) = value else { continue };
            if !p.range.holds(*x) {
                return Some((Some(ix), format!("{} = {x}, it must be {}", p.name, p.range)));
            }
            numbers.push(*x);
        }
        if numbers.len() < self.parameters.len() {
            return None;
        }
        self.of.refuse_parameters(&numbers).map(|message| (None, message))
    }

    pub fn hint(&self) -> String {
        let each = self.of.description().parameters.iter();
        each.map(|p| format!("{} {} ({})", p.name, p.range, p.meaning)).collect::<Vec<_>>().join(", ")
    }

    pub fn judge(self, site: Site) -> Result<Whole> {
        match self.refuse() {
            Some((_, message)) => Err(Error::argument(self.name(), message, self.hint(), site)),
            None => Ok(self),
        }
    }

    pub fn position(&self, parameter: &str) -> Option<usize> {
        let mut all = self.of.description().parameters.iter();
        all.position(|p| p.name == parameter || p.aliases.contains(&parameter))
    }

    pub fn with(mut self, parameter: &str, value: &Scalar, site: Site) -> Result<Whole> {
        if let Some(ix) = self.position(parameter) {
            self.parameters[ix] = value.clone();
            return self.judge(site);
        }
        if let Some(changed) = self.of.with_inner(parameter, value, site) {
            self.of = changed?;
            return Ok(self);
        }
        let known: Vec<_> = self.of.description().parameters.iter().map(|p| p.name).collect();
        Err(Error::argument(
            "with",
            format!("{self} has no parameter {parameter:?}"),
            format!("it has {}", if known.is_empty() { "none".into() } else { known.join(", ") }),
            site,
        ))
    }

    pub fn parameter(&self, name: &str) -> Option<f64> {
        match self.position(name).map(|ix| &self.parameters[ix]) {
            Some(Scalar::Number(x)) => Some(*x),
            Some(Scalar::Tensor(_)) => None,
            None => self.of.inner_parameter(name),
        }
    }

    pub fn weigh(mut self, weight: &Scalar, site: Site) -> Result<Whole> {
        refuse_weight(weight, site)?;
        self.weight = Some(match (&self.weight, weight) {
            (None, new) => new.clone(),
            (Some(Scalar::Number(a)), Scalar::Number(b)) => Scalar::Number(a * b),
            (Some(Scalar::Tensor(a)), Scalar::Number(b)) => Scalar::Tensor(a.mul(*b)),
            (Some(Scalar::Number(a)), Scalar::Tensor(b)) => Scalar::Tensor(b.mul(*a)),
            (Some(Scalar::Tensor(a)), Scalar::Tensor(b)) => Scalar::Tensor(a.mul(b)),
        });
        Ok(self)
    }

    /// A number or a tensor of one element as a scalar tensor beside `w`.
    fn scalar(&self, what: &str, value: &Scalar, device: &Device, site: Site) -> Result<Tensor> {
        let node = node(value, device, Build { site })?;
        if node.elements() != 1 {
            return Err(Error::argument(
                self.name(),
                format!("a {what} of shape {}", node.shape()),
                "a penalty on a whole tensor takes one number; only separable penalties take one per coefficient",
                site,
            ));
        }
        Ok(Tensor::new(device, Node::reshape(&node, Shape::scalar(), site)))
    }

    fn given(&self, w: &Tensor, site: Site) -> Result<Given> {
        if let Some(message) = self.of.refuse_shape(w.shape()?) {
            let shape = format!("coefficients of shape {}", w.shape()?);
            return Err(Error::argument(self.name(), shape, message, site));
        }
        let scalar = |what: &str, value: &Scalar| self.scalar(what, value, w.device(), site);
        let weight = self.weight.as_ref().filter(|_| !self.of.is_set());
        Ok(Given {
            parameters: self.parameters.iter().map(|p| scalar("parameter", p)).collect::<Result<_>>()?,
            weight: weight.map(|x| scalar("weight", x)).transpose()?,
        })
    }

    pub fn value(&self, w: &Tensor, site: Site) -> Result<Node> {
        let given = self.given(w, site)?;
        let value = self.of.value(w, &given.parameters);
        given.weight.map_or_else(|| value.clone(), |weight| value.mul(weight)).node().cloned()
    }

    pub fn gradient(&self, w: &Tensor, site: Site) -> Result<Node> {
        let given = self.given(w, site)?;
        let gradient = self.of.gradient(w, &given.parameters);
        given.weight.map_or_else(|| gradient.clone(), |weight| gradient.mul(weight)).node().cloned()
    }

    pub fn prox(&self, w: &Tensor, step: &Scalar, site: Site) -> Result<Node> {
        let given = self.given(w, site)?;
        if let Scalar::Number(s) = step
            && !(s.is_finite() && *s >= 0.0)
        {
            return Err(Error::argument("prox", format!("a step of {s}"), "steps are finite and not negative", site));
        }
        let step = self.scalar("step", step, w.device(), site)?;
        let step = given.weight.map_or_else(|| step.clone(), |weight| step.mul(weight));
        self.of.prox(w, &step, &given.parameters).node().cloned()
    }

    pub fn distance(&self, w: &Tensor, g: &Tensor, site: Site) -> Result<Node> {
        let given = self.given(w, site)?;
        let Some(weight) = given.weight else {
            return self.of.distance(w, g, &given.parameters).node().cloned();
        };
        // dist(-g, c S) = c dist(-g / c, S), and |g| for c = 0
        let none = weight.eq(0.0);
        let scaled = self.of.distance(w, &g.div(none.select(1.0, &weight)), &given.parameters).mul(&weight);
        none.select(g.abs(), scaled).node().cloned()
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(spec) = self.of.spec() {
            return f.write_str(&spec);
        }
        let number = |x: &Scalar| match x {
            Scalar::Number(x) => x.to_string(),
            Scalar::Tensor(_) => "?".into(),
        };
        let numbers = self.of.description().parameters.iter().zip(&self.parameters);
        let numbers = numbers.map(|(p, x)| format!("{}={}", p.name, number(x)));
        let options = self.of.options().into_iter().map(|(key, value)| format!("{key}={value}"));
        let parts: Vec<String> = numbers.chain(options).collect();
        f.write_str(self.name())?;
        if parts.is_empty() { Ok(()) } else { write!(f, "({})", parts.join(",")) }
    }
}

impl Penalty {
    /// A penalty on a whole tensor, with the default of every parameter; see [`Functional`].
    #[must_use]
    pub fn from_functional(of: impl Functional + 'static) -> Penalty {
        Penalty::whole(Whole::new(Arc::new(of)))
    }

    pub(super) fn whole(whole: Whole) -> Penalty {
        Penalty(Ok(super::Form::Whole(whole)))
    }

    /// A penalty that carries an error.
    #[track_caller]
    pub(super) fn refused(op: &str, message: impl Into<String>, hint: impl Into<String>) -> Penalty {
        Penalty(Err(Box::new(Error::argument(op, message, hint, Site::here()))))
    }

    /// [`Penalty::from_functional`] with its parameters.
    #[track_caller]
    pub(super) fn functional(of: impl Functional + 'static, parameters: &[Scalar]) -> Penalty {
        let mut whole = Whole::new(Arc::new(of));
        whole.parameters.clone_from_slice(parameters);
        match whole.judge(Site::here()) {
            Ok(whole) => Penalty::whole(whole),
            Err(error) => Penalty(Err(Box::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{l1, parse};
    use super::*;

    #[derive(Debug)]
    struct Length;

    static LENGTH: Description = Description {
        name: "length",
        aliases: &[],
        summary: "all or none",
        formula: "lambda ||x||",
        parameters: &[super::super::profile::strength("f/x")],
        convex: true,
        set: false,
        source: "a test",
    };

    impl Functional for Length {
        fn description(&self) -> &'static Description {
            &LENGTH
        }
        fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
            w.square().sum_all().sqrt().mul(&p[0])
        }
        fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
            let r = w.square().sum_all().sqrt();
            w.mul(r.sub(step.mul(&p[0])).relu().div(r))
        }
        fn refuse_shape(&self, shape: &Shape) -> Option<String> {
            shape.is_empty().then(|| "it must have an axis".into())
        }
    }

    fn close(got: &Tensor, want: &[f32]) {
        let got = got.read_blocking::<f32>().expect("it runs");
        assert!(got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?}");
    }

    #[test]
    fn a_users_functional_is_a_penalty_like_any_other() {
        let device = pollster::block_on(Device::open(Default::default())).expect("the CPU device at least");
        let w = device.tensor(&[3.0f32, 4.0], [2]);
        let penalty = Penalty::from_functional(Length).with("lambda", 2.0).weight(0.5);
        assert_eq!(penalty.to_string(), "length(lambda=2)");
        assert_eq!(penalty.parameter("lambda"), Some(2.0));
        assert!(penalty.is_convex() && !penalty.is_separable() && penalty.parts().is_err());
        close(&penalty.value(&w), &[5.0]);
        close(&penalty.gradient(&w), &[0.6, 0.8]);
        close(&penalty.prox(&w, 2.5), &[1.5, 2.0]);
        // at the point where the smooth gradient balances the penalty's
        close(&penalty.optimality(&w, &device.tensor(&[-0.6f32, -0.8], [2])), &[0.0]);
        close(&penalty.clone().weight(0.0).prox(&w, 2.5), &[3.0, 4.0]);
        close(&Penalty::from_functional(Length).with("lambda", device.scalar(1.0)).value(&w), &[5.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let device = pollster::block_on(Device::open(Default::default())).expect("the CPU device at least");
        let length = || Penalty::from_functional(Length);
        let (scalar, w) = (device.scalar(1.0), device.tensor(&[3.0f32, 4.0], [2]));
        let said = |t: Tensor| t.check().expect_err("refused").to_string();
        assert!(said(length().value(&scalar)).contains("must have an axis"));
        assert!(said(length().prox(&w, &w)).contains("a step of shape [2]"));
        assert!(said(length().prox(&w, -1.0)).contains("not negative"));
        assert!(said(length().weight(&w).value(&w)).contains("a weight of shape [2]"));
        assert!(said(length().weight(-1.0).value(&w)).contains("not negative"));
        assert!(said(length().with("lambda", -1.0).value(&w)).contains("lambda = -1, it must be >= 0"));
        assert!(said(length().with("gamma", 1.0).value(&w)).contains("it has lambda"));
        assert!(said(length().distance(&w, &scalar)).contains("the gradient has the shape"));
        assert!(said(l1(0.1).and_groups(length()).value(&w)).contains("acts on the whole tensor"));
        for (spec, part) in [
            ("l2-ball(radius=-1)", "column 16: radius = -1, it must be >= 0"),
            ("l2-ball(size=1)", "column 9: l2-ball has no parameter \"size\"; it has radius"),
            ("l2-ball(radius=1,radius=2)", "given twice"),
        ] {
            let text = parse(spec).expect_err(spec).to_string();
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(parse("l2-ball( radius = 2 )").expect("known").to_string(), "l2-ball(radius=2,along=all)");
    }
}
