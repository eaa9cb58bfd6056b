//! A scalar penalty with its parameters and its weight: one summand of a [`Penalty`](super::Penalty).

use super::group::Groups;
use super::lift::{Build, Lifted};
use super::profile::{Functions, Parameters, Separable};
use super::separable::LIST;
use super::{Part, Scalar};
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::run::Device;
use crate::shape::Shape;
use std::sync::Arc;

/// A scalar penalty, built in or a user's.
#[derive(Debug)]
pub(super) struct Profile {
    pub name: String,
    pub functions: Functions,
    /// Name and aliases of each parameter.
    pub parameters: Vec<Vec<String>>,
    pub convex: bool,
    pub even: bool,
    pub homogeneous: bool,
    /// What refuses parameters, if it is a built-in one.
    pub description: Option<&'static Separable>,
}

impl Profile {
    fn built_in(of: &'static Separable, wgsl: &str) -> Profile {
        let names = |p: &super::Parameter| std::iter::once(&p.name).chain(p.aliases).map(ToString::to_string).collect();
        Profile {
            name: of.name.into(),
            functions: Functions::built_in(of, wgsl),
            parameters: of.parameters.iter().map(names).collect(),
            convex: of.convex,
            even: of.even,
            homogeneous: of.homogeneous,
            description: Some(of),
        }
    }
}

/// A profile with its parameters and weight.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub profile: Arc<Profile>,
    pub parameters: Vec<Scalar>,
    pub weight: Option<Scalar>,
}

impl Term {
    pub fn built_in(name: &str, site: Site) -> Result<Term> {
        let found = LIST.iter().find(|(of, _)| of.name == name || of.aliases.contains(&name));
        let Some((of, wgsl)) = found else {
            let known: Vec<_> = LIST.iter().map(|(of, _)| of.name).collect();
            return Err(Error::argument(
                "penalty",
                format!("no penalty is called {name:?}"),
                format!("there are {}", known.join(", ")),
                site,
            ));
        };
        let parameters = of.parameters.iter().map(|p| Scalar::Number(p.default)).collect();
        Ok(Term { profile: Arc::new(Profile::built_in(of, wgsl)), parameters, weight: None })
    }

    /// The parameters all at once, so that relations between them are judged by the new values only.
    pub fn with_all(mut self, values: &[Scalar], site: Site) -> Result<Term> {
        self.parameters[..values.len()].clone_from_slice(values);
        self.judge(site)
    }

    pub fn judge(self, site: Site) -> Result<Term> {
        if let Some((_, message)) = self.refuse() {
            return Err(Error::argument(self.profile.name.clone(), message, self.hint(), site));
        }
        Ok(self)
    }

    /// What is wrong with the parameters that are numbers: which, and why.
    pub fn refuse(&self) -> Option<(Option<usize>, String)> {
        let Some(of) = self.profile.description else {
            let odd = self.parameters.iter().position(|p| matches!(p, Scalar::Number(x) if !x.is_finite()))?;
            return Some((Some(odd), format!("{} is not finite", self.profile.parameters[odd][0])));
        };
        let mut p: Parameters = of.defaults();
        let mut all = true;
        for (slot, value) in p.iter_mut().zip(&self.parameters) {
            match value {
                Scalar::Number(x) => *slot = *x,
                Scalar::Tensor(_) => all = false,
            }
        }
        of.refuse(&p).filter(|(which, _)| all || which.is_some())
    }

    pub fn hint(&self) -> String {
        let Some(of) = self.profile.description else { return "give finite numbers".into() };
        let each = of.parameters.iter().map(|p| format!("{} {} ({})", p.name, p.range, p.meaning));
        each.chain(of.relation.map(|(sentence, _)| sentence.to_string())).collect::<Vec<_>>().join(", ")
    }

    pub fn position(&self, parameter: &str) -> Option<usize> {
        self.profile.parameters.iter().position(|names| names.iter().any(|n| n == parameter))
    }

    pub fn lifted(&self, device: &Device, groups: Option<&Groups>, build: Build) -> Result<Lifted> {
        let node = |scalar: &Scalar| node(scalar, device, build);
        let mut parameters = Vec::with_capacity(4);
        for value in &self.parameters {
            let value = node(value)?;
            if value.elements() != 1 {
                return Err(Error::argument(
                    self.profile.name.clone(),
                    format!("a parameter of shape {}", value.shape()),
                    "parameters are single numbers; give strengths per coefficient as a weight",
                    build.site,
                ));
            }
            parameters.push(Node::reshape(&value, Shape::scalar(), build.site)?);
        }
        while parameters.len() < 4 {
            parameters.push(build.literal(0.0)?);
        }
        let own = self.weight.as_ref().map(node).transpose()?;
        let each = match groups.and_then(Groups::weights) {
            Some(list) => {
                let list: Vec<f32> = list.iter().map(|&w| w as f32).collect();
                Some(device.tensor(&list, [list.len()]).node()?.clone())
            }
            None => None,
        };
        let weights = match (each, own) {
            (Some(each), Some(own)) => Some(build.mul(&each, &own)?),
            (each, own) => each.or(own),
        };
        Ok(Lifted { build, functions: self.profile.functions.clone(), parameters, weights })
    }

    pub fn part(&self, site: Site) -> Result<Part> {
        let refuse = |message: String| {
            let hint = "only built-in penalties with numbers for parameters can be taken apart";
            Error::argument("parts", message, hint, site)
        };
        let Some(of) = self.profile.description else {
            return Err(refuse(format!("{} is a user's penalty", self.profile.name)));
        };
        let number = |x: &Scalar| match x {
            Scalar::Number(x) => Ok(*x),
            Scalar::Tensor(_) => Err(refuse(format!("a parameter or weight of {} is a tensor", of.name))),
        };
        let mut parameters = of.defaults();
        for (slot, value) in parameters.iter_mut().zip(&self.parameters) {
            *slot = number(value)?;
        }
        Ok(Part { of, parameters, weight: self.weight.as_ref().map_or(Ok(1.0), number)? })
    }

    pub fn spec(&self) -> Vec<String> {
        let value = |x: &Scalar| match x {
            Scalar::Number(x) => x.to_string(),
            Scalar::Tensor(_) => "?".into(),
        };
        self.profile.parameters.iter().zip(&self.parameters).map(|(n, v)| format!("{}={}", n[0], value(v))).collect()
    }
}

/// A number or tensor as a node beside coefficients on `device`.
pub(super) fn node(scalar: &Scalar, device: &Device, build: Build) -> Result<Node> {
    match scalar {
        Scalar::Number(x) => build.number(*x),
        Scalar::Tensor(x) if !x.device().same(device) => Err(Error::argument(
            "penalty",
            format!("a parameter on {}, coefficients on {}", x.device().name(), device.name()),
            "upload the parameter to the coefficients' device",
            build.site,
        )),
        Scalar::Tensor(x) => build.float(x.node()?),
    }
}
