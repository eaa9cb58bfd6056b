//! Differentiation as graph rewriting: from a graph to a graph, so gradients have gradients.
//!
//! There is one rule per primitive and no wildcard arm: a new [`Op`] or [`Func`] does not compile
//! before its rule is written. The rules say what the cotangents of the sources are, given the cotangent of the result;
//! they use the forward's nodes wherever these hold what is needed, so nothing is computed twice, and they are linear in
//! the cotangent, which is why [`jvp`] comes for free.
//!
//! - A rule is asked only on a path from a root to a target; gradients stop at integers, booleans and `Detach`.
//! - Cotangents add up in the order of the graph, the same every time.
//! - The cotangent of a storage float (`F16`, `BF16`) is `F32`: sums of gradients must not round at every addend.
//! - A realised node is differentiated through like any other; its sources are still known.
//! - A new node names the line of the forward operation that it belongs to, so a report about a gradient kernel points
//!   at the caller's own formula.
//!
//! Where functions have kinks the field's conventions hold: `abs'(0) = 0`, `minimum` and `maximum` give each side half
//! at a tie, reductions share among all extrema equally, rounding has derivative 0. `Select` passes the gradient on to
//! the chosen side and zero to the other, but zero times an infinite derivative is NaN: to guard a function outside its
//! domain, guard its argument too (`select(x > 0, sqrt(select(x > 0, x, 1)), 0)`).

use super::algebra::Algebra;
use super::{grad_gather, grad_map, grad_reduce, grad_routine, grad_view};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Func, Node, NodeMap, Op};

/// The cotangents of a node's sources; `None` where nothing flows.
pub(super) type Cotangents = Vec<Option<Node>>;

/// What a rule is given: a node on a path, the cotangent of its result, and which sources lead to a target.
pub(super) struct Adjoint<'a> {
    pub node: &'a Node,
    pub g: &'a Node,
    pub wants: &'a [bool],
    pub algebra: Algebra,
}

impl Adjoint<'_> {
    /// The cotangents of the sources: `rule(ix)` for those that are wanted.
    pub fn each(&self, rule: impl Fn(usize) -> Result<Node>) -> Result<Cotangents> {
        self.wants.iter().enumerate().map(|(ix, &wanted)| wanted.then(|| rule(ix)).transpose()).collect()
    }

    /// No source gets anything.
    pub fn none(&self) -> Cotangents {
        vec![None; self.wants.len()]
    }
}

/// Vector-Jacobian products: for each target `t`, `sum_r cotangent_r^T · d root_r / d t`.
///
/// A target that no root depends on gets zeros. A target may be any node, also one that other targets depend on: its
/// gradient counts all paths. All gradients are `F32`, in the shapes of their targets.
///
/// # Errors
/// A root or target that is not a float, a cotangent of another shape than its root, a function without derivative on a
/// path ([`Derivative::Missing`](crate::graph::Derivative)).
pub fn vjp(roots: &[Node], cotangents: &[Node], wrt: &[Node], site: Site) -> Result<Vec<Node>> {
    check_pairs("vjp", "cotangent", roots, cotangents, site)?;
    check_floats("vjp", wrt, site)?;
    let path = Path::between(roots, wrt);
    let mut sums = Sums { total: NodeMap::default(), algebra: Algebra { site } };
    for (root, cotangent) in roots.iter().zip(cotangents) {
        sums.add(root, widened(cotangent, site)?)?;
    }
    for node in path.order.iter().rev() {
        let Some(g) = sums.total.get(&node.id()).cloned() else { continue };
        let wants: Vec<bool> = node.sources().iter().map(|s| path.holds(s)).collect();
        if !wants.contains(&true) || !differentiable(node) {
            continue;
        }
        let step = Adjoint { node, g: &g, wants: &wants, algebra: Algebra { site: node.site() } };
        let parts = rule(&step).map_err(|e| at(e, site))?;
        for (source, part) in node.sources().iter().zip(parts) {
            if let Some(part) = part.filter(|p| p.fixed() != Some(0.0)) {
                sums.add(source, part)?;
            }
        }
    }
    wrt.iter().map(|t| sums.total.get(&t.id()).cloned().map_or_else(|| sums.algebra.zeros(t.shape()), Ok)).collect()
}

/// The gradient of a root with one element.
///
/// # Errors
/// A root with another number of elements; the errors of [`vjp`].
pub fn gradient(root: &Node, wrt: &[Node], site: Site) -> Result<Vec<Node>> {
    if root.elements() != 1 {
        return Err(Error::argument(
            "grad",
            format!("the root has shape {}", root.shape()),
            "a gradient is of one number: reduce it first, or use `vjp` or `jacobian`",
            site,
        ));
    }
    let one = Algebra { site }.number(1.0, root)?;
    vjp(std::slice::from_ref(root), &[one], wrt, site)
}

/// Jacobian-vector products: for each root, `sum_t d root / d t · tangent_t`.
///
/// The vector-Jacobian product is linear in its cotangent `u`, and the transpose of a transpose is the map itself: this
/// is `d/du <vjp(u), tangent>`. The placeholder `u` does not occur in the result, and forward mode needs no rules of its
/// own that could disagree with reverse mode.
///
/// # Errors
/// As [`vjp`], with tangents and targets in place of cotangents and roots.
pub fn jvp(roots: &[Node], wrt: &[Node], tangents: &[Node], site: Site) -> Result<Vec<Node>> {
    check_pairs("jvp", "tangent", wrt, tangents, site)?;
    check_floats("jvp", roots, site)?;
    let algebra = Algebra { site };
    let placeholders = roots
        .iter()
        .map(|root| {
            let opaque = Node::constant(1.0, false, DType::F32, site)?;
            algebra.expand(&opaque, root.shape())
        })
        .collect::<Result<Vec<_>>>()?;
    let transposed = vjp(roots, &placeholders, wrt, site)?;
    vjp(&transposed, tangents, &placeholders, site)
}

fn rule(step: &Adjoint) -> Result<Cotangents> {
    match step.node.op() {
        Op::Data(_) | Op::Const { .. } | Op::Iota => Ok(Vec::new()),
        Op::Map(func) => grad_map::map(step, func),
        Op::Reshape => Ok(vec![Some(step.algebra.reshape(step.g, step.node.source(0).shape())?)]),
        Op::View(view) => Ok(vec![Some(grad_view::view(step, view)?)]),
        Op::Gather { axis } => Ok(vec![Some(grad_gather::gather(step, *axis)?), None]),
        Op::Reduce { kind, axes } => grad_reduce::reduce(step, *kind, axes),
        Op::Routine(routine) => grad_routine::routine(step, routine),
    }
}

/// Whether a node's result depends on its sources in a way that has a derivative at all.
fn differentiable(node: &Node) -> bool {
    node.dtype().is_float() && !matches!(node.op(), Op::Map(Func::Detach))
}

/// The nodes that depend on a target and that a root depends on, sources first.
struct Path {
    order: Vec<Node>,
    on: NodeMap<bool>,
}

impl Path {
    fn between(roots: &[Node], wrt: &[Node]) -> Self {
        let mut path = Path { order: Vec::new(), on: NodeMap::default() };
        let targets: NodeMap<()> = wrt.iter().map(|t| (t.id(), ())).collect();
        let mut stack: Vec<(Node, bool)> = roots.iter().rev().map(|n| (n.clone(), false)).collect();
        while let Some((node, expanded)) = stack.pop() {
            if expanded {
                let on = targets.contains_key(&node.id()) || node.sources().iter().any(|s| path.holds(s));
                path.on.insert(node.id(), on);
                if on {
                    path.order.push(node);
                }
            } else if let std::collections::hash_map::Entry::Vacant(entry) = path.on.entry(node.id()) {
                entry.insert(false);
                let sources = if differentiable(&node) { node.sources() } else { &[] };
                let next: Vec<_> = sources.iter().rev().map(|s| (s.clone(), false)).collect();
                stack.push((node, true));
                stack.extend(next);
            }
        }
        path
    }

    fn holds(&self, node: &Node) -> bool {
        node.dtype().is_float() && self.on.get(&node.id()).copied().unwrap_or(false)
    }
}

/// Cotangents while they add up.
struct Sums {
    total: NodeMap<Node>,
    algebra: Algebra,
}

impl Sums {
    fn add(&mut self, node: &Node, part: Node) -> Result<()> {
        debug_assert_eq!(node.shape(), part.shape(), "bug: cotangent of {node:?}");
        debug_assert_eq!(part.dtype(), DType::F32, "bug: cotangent of {node:?}");
        let sum = match self.total.get(&node.id()) {
            Some(before) => Algebra { site: node.site() }.add(before, &part)?,
            None => part,
        };
        self.total.insert(node.id(), sum);
        Ok(())
    }
}

fn widened(node: &Node, site: Site) -> Result<Node> {
    match node.dtype() {
        DType::F16 | DType::BF16 => Node::map(Func::Cast(DType::F32), vec![node.clone()], site),
        DType::F32 | DType::I32 | DType::U32 | DType::Bool => Ok(node.clone()),
    }
}

fn check_floats(op: &str, nodes: &[Node], site: Site) -> Result<()> {
    match nodes.iter().find(|n| !n.dtype().is_float()) {
        None => Ok(()),
        Some(odd) => Err(Error::argument(
            op,
            format!("{} tensor of shape {} (made at {})", odd.dtype(), odd.shape(), odd.site()),
            "only floats have derivatives; cast to f32 before computing with it",
            site,
        )),
    }
}

fn check_pairs(op: &str, what: &str, points: &[Node], vectors: &[Node], site: Site) -> Result<()> {
    check_floats(op, points, site)?;
    check_floats(op, vectors, site)?;
    if points.len() != vectors.len() {
        let got = format!("{} {what}s for {} tensors", vectors.len(), points.len());
        return Err(Error::argument(op, got, format!("give one {what} each"), site));
    }
    match points.iter().zip(vectors).find(|(p, v)| p.shape() != v.shape()) {
        None => Ok(()),
        Some((point, vector)) => Err(Error::argument(
            op,
            format!("a {what} of shape {} for a tensor of shape {}", vector.shape(), point.shape()),
            format!("a {what} has the shape of its tensor"),
            site,
        )),
    }
}

/// The error of a rule, with the line that asked for the derivative beside the line of the operation.
fn at(error: Error, site: Site) -> Error {
    match error {
        Error::Argument { op, message, hint, site: origin } => {
            Error::argument(op, format!("{message} (differentiated from {site})"), hint, origin)
        }
        other => other,
    }
}
