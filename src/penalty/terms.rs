//! What a [`Penalty`](super::Penalty) is made of: a term on elements, a term on groups, either or both.

use super::group::{GroupWeights, Groups};
use super::lift::{Build, Grouped, Indexed, Layout, Lifted};
use super::term::{self, Term};
use super::{Parts, Scalar, Separable};
use crate::error::{Error, Result, Site};
use crate::graph::{Func, Node, Reduce};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::fmt;
use std::sync::{Arc, Mutex};

/// The greatest element, 0 if there is none.
pub(super) fn greatest(x: &Node, site: Site) -> Result<Node> {
    if x.elements() == 0 {
        return Node::constant(0.0, true, x.dtype(), site);
    }
    let axes: Vec<usize> = (0..x.shape().rank()).collect();
    Node::reduce(Reduce::Max, x, &axes, site)
}

/// A weight that is a number must be finite and not negative.
pub(super) fn refuse_weight(weight: &Scalar, site: Site) -> Result<()> {
    match weight {
        Scalar::Number(w) if !(w.is_finite() && *w >= 0.0) => {
            Err(Error::argument("weight", format!("{w}"), "weights are finite and not negative", site))
        }
        _ => Ok(()),
    }
}

/// Index tensors of the last device they were made for.
type Cache = Arc<Mutex<Option<(Device, Indexed)>>>;

/// Groups, and their index tensors once they are on a device.
#[derive(Clone)]
pub(super) struct Placed {
    groups: Groups,
    cache: Cache,
}

impl fmt::Debug for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.groups)
    }
}

impl Placed {
    fn new(groups: &Groups) -> Placed {
        Placed { groups: groups.clone(), cache: Arc::default() }
    }

    fn layout(&self, device: &Device, site: Site) -> Result<Layout> {
        if self.groups.regular().is_some() {
            return Ok(Layout::Regular);
        }
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*cache {
            Some((of, indexed)) if of.same(device) => Ok(Layout::Indexed(indexed.clone())),
            _ => {
                let indexed = Indexed::upload(&self.groups, device, site)?;
                *cache = Some((device.clone(), indexed.clone()));
                Ok(Layout::Indexed(indexed))
            }
        }
    }

    /// Checks that the groups cover the first axis of `x`.
    fn fits(&self, x: &Node, site: Site) -> Result<()> {
        let n = self.groups.n_members();
        match x.shape().first() {
            Some(&rows) if rows == n => Ok(()),
            rows => Err(Error::argument(
                "groups",
                format!("groups of {n} coefficients, but the coefficients have shape {}", x.shape()),
                match rows {
                    Some(&rows) if rows > n => format!("indices {n} to {} are in no group", rows - 1),
                    _ => "the groups must cover the first axis exactly".into(),
                },
                site,
            )),
        }
    }
}

/// See the module; neither term is the penalty that is zero.
#[derive(Clone, Debug, Default)]
pub(super) struct Inner {
    pub elements: Option<Term>,
    pub groups: Option<(Term, Placed)>,
}

impl Inner {
    pub fn elements(term: Term) -> Inner {
        Inner { elements: Some(term), groups: None }
    }

    pub fn grouped(self, groups: &Groups, site: Site) -> Result<Inner> {
        let refuse = |message: &str, hint: &str| Err(Error::argument("grouped", message, hint, site));
        match self {
            Inner { elements: Some(term), groups: None } if term.profile.even => {
                Ok(Inner { elements: None, groups: Some((term, Placed::new(groups))) })
            }
            Inner { elements: Some(term), groups: None } => refuse(
                &format!("{} tells the sign of its argument", term.profile.name),
                "only an even penalty can act on norms",
            ),
            Inner { groups: Some(_), .. } => refuse("the penalty has groups already", "lift a penalty on elements"),
            Inner { elements: None, .. } => refuse("there is no penalty to lift", "lift a penalty on elements"),
        }
    }

    pub fn join(self, groups: Inner, site: Site) -> Result<Inner> {
        match (self, groups) {
            (Inner { elements, groups: None }, Inner { elements: None, groups })
                if elements.as_ref().is_none_or(|term| term.profile.homogeneous) =>
            {
                Ok(Inner { elements, groups })
            }
            (Inner { elements: Some(term), groups: None }, Inner { elements: None, .. }) => Err(Error::argument(
                "and_groups",
                format!(
                    "{} is not positively homogeneous, so the sum has no simple proximal operator",
                    term.profile.name
                ),
                "join l1 or non-negative with a penalty on groups",
                site,
            )),
            _ => Err(Error::argument(
                "and_groups",
                "it joins one penalty on elements with one on groups",
                "e.g. l1(0.1).and_groups(group_lasso(0.2, &groups))",
                site,
            )),
        }
    }

    /// The term a parameter belongs to and its index there. Where there are two terms, the elements' own names come first
    /// (`l1`), then the groups' names and aliases (`lambda`).
    fn find(&self, parameter: &str) -> Option<(bool, usize)> {
        let own = |t: &Term| t.profile.parameters.iter().position(|names| names[0] == parameter);
        let elements = || self.elements.as_ref();
        let on_elements = |ix| (true, ix);
        let on_groups = |ix| (false, ix);
        elements()
            .and_then(own)
            .map(on_elements)
            .or_else(|| self.groups.as_ref()?.0.position(parameter).map(on_groups))
            .or_else(|| elements()?.position(parameter).map(on_elements))
    }

    pub fn with(mut self, parameter: &str, value: &Scalar, site: Site) -> Result<Inner> {
        let found = self.find(parameter);
        let term = match found {
            Some((true, _)) => self.elements.as_mut(),
            _ => self.groups.as_mut().map(|g| &mut g.0),
        };
        if let (Some((_, ix)), Some(term)) = (found, term) {
            term.parameters[ix] = value.clone();
            term.clone().judge(site)?;
            return Ok(self);
        }
        let known: Vec<_> = self.terms().flat_map(|t| t.profile.parameters.iter().map(|n| n[0].clone())).collect();
        Err(Error::argument(
            "with",
            format!("{self} has no parameter {parameter:?}"),
            format!("it has {}", if known.is_empty() { "none".into() } else { known.join(", ") }),
            site,
        ))
    }

    pub fn weigh(mut self, weight: &Scalar, site: Site) -> Result<Inner> {
        refuse_weight(weight, site)?;
        for term in self.terms_mut() {
            term.weight = Some(match (&term.weight, weight) {
                (None, new) => new.clone(),
                (Some(Scalar::Number(a)), Scalar::Number(b)) => Scalar::Number(a * b),
                _ => {
                    return Err(Error::argument(
                        "weight",
                        "the penalty has a weight already, and one of the two is a tensor",
                        "multiply the weights first",
                        site,
                    ));
                }
            });
        }
        Ok(self)
    }

    fn terms_mut(&mut self) -> impl Iterator<Item = &mut Term> {
        self.groups.iter_mut().map(|g| &mut g.0).chain(&mut self.elements)
    }

    fn terms(&self) -> impl Iterator<Item = &Term> {
        self.groups.iter().map(|g| &g.0).chain(&self.elements)
    }

    pub fn is_convex(&self) -> bool {
        self.terms().all(|t| t.profile.convex)
    }

    /// Whether it is the same even function of every element.
    pub fn is_even(&self) -> bool {
        let alike = |t: &Term| t.profile.even && !matches!(t.weight, Some(Scalar::Tensor(_)));
        self.groups.is_none() && self.elements.as_ref().is_some_and(alike)
    }

    pub fn is_set(&self) -> bool {
        let indicator = |t: &Term| t.profile.description.is_some_and(Separable::is_indicator);
        self.groups.is_none() && self.elements.as_ref().is_some_and(indicator)
    }

    pub fn is_none(&self) -> bool {
        self.terms().next().is_none()
    }

    pub fn groups(&self) -> Option<&Groups> {
        self.groups.as_ref().map(|(_, placed)| &placed.groups)
    }

    pub fn parameter(&self, name: &str) -> Option<f64> {
        let (elements, ix) = self.find(name)?;
        let term = if elements { self.elements.as_ref() } else { self.groups.as_ref().map(|g| &g.0) };
        match term?.parameters[ix] {
            Scalar::Number(x) => Some(x),
            Scalar::Tensor(_) => None,
        }
    }

    pub fn parts(&self, site: Site) -> Result<Parts> {
        Ok(Parts {
            elements: self.elements.as_ref().map(|t| t.part(site)).transpose()?,
            groups: match &self.groups {
                Some((term, placed)) => Some((term.part(site)?, placed.groups.clone())),
                None => None,
            },
        })
    }

    fn over<'a>(
        &'a self,
        device: &Device,
        x: &Node,
        build: Build,
        layout: &'a mut Layout,
    ) -> Result<Option<(Grouped<'a>, Lifted)>> {
        let Some((term, placed)) = &self.groups else { return Ok(None) };
        placed.fits(x, build.site)?;
        *layout = placed.layout(device, build.site)?;
        let lifted = term.lifted(device, Some(&placed.groups), build)?;
        Ok(Some((Grouped { build, groups: &placed.groups, layout, shape: x.shape().clone() }, lifted)))
    }

    fn each(&self, device: &Device, build: Build) -> Result<Option<Lifted>> {
        self.elements.as_ref().map(|term| term.lifted(device, None, build)).transpose()
    }

    pub fn value(&self, device: &Device, w: &Node, site: Site) -> Result<Node> {
        let b = Build { site };
        let w = b.float(w)?;
        let elements = match self.each(device, b)? {
            Some(term) => Some(b.sum_all(&term.value(&w)?)?),
            None => None,
        };
        let mut layout = Layout::Regular;
        let groups = match self.over(device, &w, b, &mut layout)? {
            Some((over, term)) => Some(over.value(&term, &w)?),
            None => None,
        };
        match (elements, groups) {
            (Some(a), Some(c)) => b.map(Func::Add, &[&a, &c]),
            (Some(one), None) | (None, Some(one)) => Ok(one),
            (None, None) => b.literal(0.0),
        }
    }

    pub fn gradient(&self, device: &Device, w: &Node, site: Site) -> Result<Node> {
        let b = Build { site };
        let w = b.float(w)?;
        let elements = self.each(device, b)?.map(|term| term.grad(&w)).transpose()?;
        let mut layout = Layout::Regular;
        let groups = match self.over(device, &w, b, &mut layout)? {
            Some((over, term)) => Some(over.gradient(&term, &w)?),
            None => None,
        };
        match (elements, groups) {
            (Some(a), Some(c)) => b.map(Func::Add, &[&a, &c]),
            (Some(one), None) | (None, Some(one)) => Ok(one),
            (None, None) => b.broadcast(&b.literal(0.0)?, w.shape()),
        }
    }

    pub fn prox(&self, w: &Tensor, node: &Node, step: &Scalar, site: Site) -> Result<Node> {
        let b = Build { site };
        let mut x = b.float(node)?;
        let step = term::node(step, w.device(), b)?;
        if let Some(term) = self.each(w.device(), b)? {
            x = term.prox(&x, &step)?;
        }
        let mut layout = Layout::Regular;
        if let Some((over, term)) = self.over(w.device(), &x, b, &mut layout)? {
            let step = if step.elements() == 1 { Node::reshape(&step, Shape::scalar(), site)? } else { step };
            x = over.prox(&term, &x, &step)?;
        }
        Ok(x)
    }

    pub fn distance(&self, device: &Device, w: &Node, gradient: &Node, site: Site) -> Result<Node> {
        let b = Build { site };
        let (w, g) = (b.float(w)?, b.float(gradient)?);
        let elements = self.each(device, b)?;
        let within = |g: &Node| match &elements {
            Some(term) => term.distance(&w, g),
            None => b.map(Func::Abs, &[g]),
        };
        let mut layout = Layout::Regular;
        match self.over(device, &w, b, &mut layout)? {
            Some((over, term)) => over.distance(&term, within, &w, &g),
            None => within(&g),
        }
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, mut parts) = match (&self.elements, &self.groups) {
            (None, None) => ("none".into(), Vec::new()),
            (Some(term), None) => (term.profile.name.clone(), term.spec()),
            (elements, Some((term, _))) => {
                let profile = if term.profile.name == "l1" { "lasso" } else { &term.profile.name };
                let mut own = term.spec();
                if term.profile.name == "l1" {
                    own[0] = own[0].replacen("l1", "lambda", 1);
                }
                match elements {
                    None => (format!("group-{profile}"), own),
                    Some(e) => {
                        let prefix = if e.profile.name == "l1" { "sparse" } else { &e.profile.name };
                        (format!("{prefix}-group-{profile}"), e.spec().into_iter().chain(own).collect())
                    }
                }
            }
        };
        if let Some((_, placed)) = &self.groups {
            parts.push(format!("groups={}", placed.groups));
            match placed.groups.kind() {
                GroupWeights::One => {}
                GroupWeights::Root => parts.push("weights=root".into()),
                GroupWeights::Each(list) => {
                    let list: Vec<_> = list.iter().map(ToString::to_string).collect();
                    parts.push(format!("weights={}", list.join("|")));
                }
            }
        }
        if parts.is_empty() { write!(f, "{name}") } else { write!(f, "{name}({})", parts.join(",")) }
    }
}
