//! Penalties on tensors: the scalar functions of a profile, applied to elements or to the norms of groups.
//!
//! Everything here is graph building: maps, reductions, views and gathers of the penalty's snippets, so that a value, a
//! gradient and a proximal step fuse with whatever stands around them. Parameters enter as constants that are not fixed:
//! changing one reaches the shader as data.

use super::group::Groups;
use super::profile::Functions;
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{AxisMap, Fill, Func, Node, Reduce, Snippet, View};
use crate::run::Device;
use crate::shape::Shape;
use std::sync::Arc;

/// Builds nodes for one call of a method of [`Penalty`](super::Penalty).
#[derive(Clone, Copy)]
pub(super) struct Build {
    pub site: Site,
}

impl Build {
    /// A number that travels as data.
    pub fn number(self, value: f64) -> Result<Node> {
        Node::constant(value, false, DType::F32, self.site)
    }

    /// A number that is part of a formula.
    pub fn literal(self, value: f64) -> Result<Node> {
        Node::constant(value, true, DType::F32, self.site)
    }

    /// `x` as f32.
    pub fn float(self, x: &Node) -> Result<Node> {
        match x.dtype() {
            DType::F32 => Ok(x.clone()),
            _ => Node::map(Func::Cast(DType::F32), vec![x.clone()], self.site),
        }
    }

    /// `x` repeated to `shape` by the usual rule (align right).
    pub fn broadcast(self, x: &Node, shape: &Shape) -> Result<Node> {
        if x.shape() == shape {
            return Ok(x.clone());
        }
        if x.shape().broadcast(shape).as_ref() != Some(shape) {
            return Err(Error::argument(
                "broadcast",
                format!("shape {} against {shape}", x.shape()),
                "it must be one number, or have the shape of the coefficients",
                self.site,
            ));
        }
        let lead = shape.rank() - x.shape().rank();
        let axes = x.shape().iter().enumerate();
        let axes = axes.map(|(a, &n)| if n == shape[lead + a] { AxisMap::same(lead + a) } else { AxisMap::fixed(0) });
        Node::view(x, View { axes: axes.collect(), fill: Fill::Zero }, shape.clone(), self.site)
    }

    /// `func` of nodes, the others broadcast to the shape of the first.
    pub fn map(self, func: Func, args: &[&Node]) -> Result<Node> {
        let shape = args[0].shape().clone();
        let args = args.iter().map(|a| self.broadcast(a, &shape)).collect::<Result<Vec<_>>>()?;
        Node::map(func, args, self.site)
    }

    pub fn mul(self, a: &Node, b: &Node) -> Result<Node> {
        self.map(Func::Mul, &[a, b])
    }

    pub fn sum_all(self, x: &Node) -> Result<Node> {
        let axes: Vec<usize> = (0..x.shape().rank()).collect();
        Node::reduce(Reduce::Sum, x, &axes, self.site)
    }

    fn call(self, snippet: &Arc<Snippet>, scalars: &[&Node], parameters: &[Node]) -> Result<Node> {
        let args: Vec<&Node> = scalars.iter().copied().chain(parameters).collect();
        self.map(Func::Call(snippet.clone()), &args)
    }

    /// `if condition { a } else { b }`; numbers are broadcast.
    pub fn select(self, condition: &Node, a: &Node, b: &Node) -> Result<Node> {
        self.map(Func::Select, &[condition, a, b])
    }

    /// `numerator / r`, 0 where `r` is 0.
    pub fn ratio(self, numerator: &Node, r: &Node) -> Result<Node> {
        let zero = self.literal(0.0)?;
        let none = self.map(Func::Eq, &[r, &zero])?;
        let safe = self.select(&none, &self.broadcast(&self.literal(1.0)?, r.shape())?, r)?;
        let quotient = self.map(Func::Div, &[numerator, &safe])?;
        self.select(&none, &self.broadcast(&zero, r.shape())?, &quotient)
    }

    /// `sqrt(x)` whose derivative at 0 is 0: the subgradient of a norm that points nowhere.
    fn root(self, x: &Node) -> Result<Node> {
        let zero = self.broadcast(&self.literal(0.0)?, x.shape())?;
        let none = self.map(Func::Eq, &[x, &zero])?;
        let safe = self.select(&none, &self.broadcast(&self.literal(1.0)?, x.shape())?, x)?;
        let root = self.map(Func::Sqrt, &[&safe])?;
        self.select(&none, &zero, &root)
    }
}

/// A profile with its parameters as nodes, and the weights of the elements (or groups) it acts on.
pub(super) struct Lifted {
    pub build: Build,
    pub functions: Functions,
    pub parameters: Vec<Node>,
    pub weights: Option<Node>,
}

impl Lifted {
    fn weigh(&self, x: Node) -> Result<Node> {
        match &self.weights {
            Some(w) => self.build.mul(&x, w),
            None => Ok(x),
        }
    }

    /// The value at each element.
    pub fn value(&self, x: &Node) -> Result<Node> {
        self.weigh(self.build.call(&self.functions.value, &[x], &self.parameters)?)
    }

    /// The derivative at each element.
    pub fn grad(&self, x: &Node) -> Result<Node> {
        self.weigh(self.build.call(&self.functions.grad, &[x], &self.parameters)?)
    }

    /// The proximal operator at each element; `step` is one number or one per element.
    pub fn prox(&self, x: &Node, step: &Node) -> Result<Node> {
        let step = self.weigh(self.build.broadcast(step, x.shape())?)?;
        self.build.call(&self.functions.prox, &[x, &step], &self.parameters)
    }

    /// The distance of `-g` from the weighted subdifferential at each element. A user's penalty has no function for it;
    /// there it is the length of a proximal step, `|x - prox(x - s g, s)| / s` with `s = 1`: 0 at the same points if
    /// the penalty is convex.
    pub fn distance(&self, x: &Node, g: &Node) -> Result<Node> {
        let b = self.build;
        let Some(distance) = &self.functions.distance else {
            let one = b.literal(1.0)?;
            let moved = self.prox(&b.map(Func::Sub, &[x, g])?, &one)?;
            return b.map(Func::Abs, &[&b.map(Func::Sub, &[x, &moved])?]);
        };
        match &self.weights {
            None => b.call(distance, &[x, g], &self.parameters),
            Some(w) => {
                // dist(-g, w S) = w dist(-g / w, S), and |g| for w = 0
                let w = b.broadcast(w, x.shape())?;
                let scaled = b.call(distance, &[x, &b.ratio(g, &w)?], &self.parameters)?;
                let free = b.map(Func::Eq, &[&w, &b.literal(0.0)?])?;
                b.select(&free, &b.map(Func::Abs, &[g])?, &b.mul(&scaled, &w)?)
            }
        }
    }
}

/// How the groups lie in a tensor of coefficients `[n, …]`.
pub(super) enum Layout {
    /// Consecutive groups of one size: `[n, …]` is `[groups, size * …]`.
    Regular,
    /// Members by index, padded to one width.
    Indexed(Indexed),
}

/// The index tensors of groups, uploaded.
#[derive(Clone)]
pub(super) struct Indexed {
    /// `[groups * width]`, padding is 0.
    pub index: Node,
    /// `[groups * width]`, 1 for members and 0 for padding.
    pub member: Node,
    /// `[n]`.
    pub owner: Node,
}

impl Indexed {
    pub fn upload(groups: &Groups, device: &Device, site: Site) -> Result<Indexed> {
        let n = groups.n_members() as u32;
        let padded = groups.index();
        let index: Vec<u32> = padded.iter().map(|&ix| if ix == n { 0 } else { ix }).collect();
        let member: Vec<bool> = padded.iter().map(|&ix| ix != n).collect();
        let node = |tensor: crate::Tensor| tensor.node().cloned();
        let _site = site;
        Ok(Indexed {
            index: node(device.tensor(&index, [index.len()]))?,
            member: node(device.tensor(&member, [member.len()]))?,
            owner: node(device.tensor(&groups.owner(), [groups.n_members()]))?,
        })
    }
}

/// Coefficients seen as groups.
pub(super) struct Grouped<'a> {
    pub build: Build,
    pub groups: &'a Groups,
    pub layout: &'a Layout,
    /// The shape of the coefficients.
    pub shape: Shape,
}

impl Grouped<'_> {
    /// Elements per row of the first axis.
    fn inner(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// `[groups, width * inner]`: the members of each group in a row, padded with 0.
    fn rows(&self, x: &Node) -> Result<Node> {
        let (b, inner) = (self.build, self.inner());
        let width = self.groups.width();
        let rows = Shape::from([self.groups.len(), width * inner]);
        match self.layout {
            Layout::Regular => Node::reshape(x, rows, b.site),
            Layout::Indexed(at) => {
                let flat = Node::reshape(x, Shape::from([self.shape[0], inner]), b.site)?;
                let wide = Shape::from([self.groups.len() * width, inner]);
                let column = |node: &Node| {
                    let column = Node::reshape(node, Shape::from([wide[0], 1]), b.site)?;
                    b.broadcast(&column, &wide)
                };
                let taken = Node::gather(&flat, 0, &column(&at.index)?, b.site)?;
                let zero = b.literal(0.0)?;
                let members = b.select(&column(&at.member)?, &taken, &zero)?;
                Node::reshape(&members, rows, b.site)
            }
        }
    }

    /// `[groups]`: the Euclidean norm of each group.
    pub fn norms(&self, x: &Node) -> Result<Node> {
        let rows = self.rows(x)?;
        let squares = self.build.mul(&rows, &rows)?;
        self.build.root(&Node::reduce(Reduce::Sum, &squares, &[1], self.build.site)?)
    }

    /// One number per group, `[groups]`, at every coefficient of the group.
    pub fn spread(&self, per_group: &Node) -> Result<Node> {
        let (b, inner) = (self.build, self.inner());
        let n_groups = self.groups.len();
        match self.layout {
            Layout::Regular => {
                let column = Node::reshape(per_group, Shape::from([n_groups, 1]), b.site)?;
                let rows = b.broadcast(&column, &Shape::from([n_groups, self.groups.width() * inner]))?;
                Node::reshape(&rows, self.shape.clone(), b.site)
            }
            Layout::Indexed(at) => {
                let taken = Node::gather(per_group, 0, &at.owner, b.site)?;
                let column = Node::reshape(&taken, Shape::from([self.shape[0], 1]), b.site)?;
                let rows = b.broadcast(&column, &Shape::from([self.shape[0], inner]))?;
                Node::reshape(&rows, self.shape.clone(), b.site)
            }
        }
    }

    /// The sum over groups of the profile's value at the group's norm.
    pub fn value(&self, profile: &Lifted, x: &Node) -> Result<Node> {
        self.build.sum_all(&profile.value(&self.norms(x)?)?)
    }

    /// `profile'(r) x / r`, 0 for groups of norm 0.
    pub fn gradient(&self, profile: &Lifted, x: &Node) -> Result<Node> {
        let norms = self.norms(x)?;
        let factor = self.build.ratio(&profile.grad(&norms)?, &norms)?;
        self.build.mul(x, &self.spread(&factor)?)
    }

    /// `prox(r) x / r`; groups whose norm the profile sends to 0 become exactly 0.
    pub fn prox(&self, profile: &Lifted, x: &Node, step: &Node) -> Result<Node> {
        let b = self.build;
        if !step.shape().is_empty() {
            return Err(Error::argument(
                "prox",
                format!("a step of shape {} for a penalty on groups", step.shape()),
                "one step for all coefficients; only separable penalties take one per coefficient",
                b.site,
            ));
        }
        let norms = self.norms(x)?;
        let shrunk = profile.prox(&norms, step)?;
        let factor = self.spread(&b.ratio(&shrunk, &norms)?)?;
        // by selection, so that a group of norm 0 gives +0 and not the -0 of a product
        let zero = b.literal(0.0)?;
        let gone = b.map(Func::Eq, &[&factor, &zero])?;
        b.select(&gone, &b.broadcast(&zero, x.shape())?, &b.mul(x, &factor)?)
    }

    /// `[groups]`: how far `-g` is from the subdifferential of the profile on the norm plus that of a penalty on the
    /// elements, whose distance from `-g'` `within` gives.
    pub fn distance(
        &self,
        profile: &Lifted,
        within: impl Fn(&Node) -> Result<Node>,
        x: &Node,
        g: &Node,
    ) -> Result<Node> {
        let b = self.build;
        let norms = self.norms(x)?;
        // away from 0 the norm is smooth: its gradient joins g; at 0 the factor is 0
        let factor = b.ratio(&profile.grad(&norms)?, &norms)?;
        let total = b.map(Func::Add, &[g, &b.mul(x, &self.spread(&factor)?)?])?;
        let rest = self.norms(&within(&total)?)?;
        // at 0 the profile takes up to its own subdifferential off what the elements leave
        let at_zero = profile.distance(&norms, &b.map(Func::Neg, &[&rest])?)?;
        let none = b.map(Func::Eq, &[&norms, &b.literal(0.0)?])?;
        b.select(&none, &at_zero, &rest)
    }
}
