//! Derivatives of tensors. They are graphs like any other: lazy, fused, and differentiable again.
//!
//! What is differentiated is the graph as it stands: a gradient with respect to a tensor counts every path through it,
//! and a tensor that the result was not computed from gets zeros. [`Tensor::detach`] cuts a path. Gradients are `f32`
//! in the shape of their target, also for `f16` and `bf16` targets. The conventions at kinks are listed in
//! [`pass::grad`](crate::pass::grad).

use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::pass::{grad, jacobian};
use crate::tensor::Tensor;

impl Tensor {
    /// The gradient of a tensor with one element with respect to each target.
    ///
    /// # Shapes
    /// Those of the targets.
    ///
    /// # Errors
    /// A result with other than one element, integer or boolean tensors, a function without a derivative on the way, an
    /// error that one of the tensors carries.
    ///
    /// # Gradient
    /// Differentiable again, to any order.
    #[track_caller]
    pub fn grad(&self, wrt: &[&Tensor]) -> Result<Vec<Tensor>> {
        let site = Site::here();
        let (root, targets) = split(self, "grad", wrt, site)?;
        Ok(wrap(self, grad::gradient(&root, &targets, site)?))
    }

    /// The vector-Jacobian product `cotangent^T · d self / d target` for each target.
    ///
    /// # Shapes
    /// `cotangent` has the shape of `self`; the results have those of the targets.
    ///
    /// # Errors
    /// As [`Tensor::grad`]; a cotangent of another shape.
    #[track_caller]
    pub fn vjp(&self, cotangent: &Tensor, wrt: &[&Tensor]) -> Result<Vec<Tensor>> {
        vjp(&[self], &[cotangent], wrt)
    }

    /// The Jacobian-vector product `sum over targets of d self / d target · tangent`: how `self` moves when the targets
    /// move along the tangents.
    ///
    /// # Shapes
    /// Each tangent has the shape of its target; the result has that of `self`.
    ///
    /// # Errors
    /// As [`Tensor::grad`]; a tangent of another shape.
    #[track_caller]
    pub fn jvp(&self, wrt: &[&Tensor], tangents: &[&Tensor]) -> Result<Tensor> {
        Ok(jvp(&[self], wrt, tangents)?.swap_remove(0))
    }

    /// The Jacobian `d self / d target`, by one differentiation per element of `self` or of the target, whichever are
    /// fewer. The Hessian is the Jacobian of a gradient.
    ///
    /// # Shapes
    /// `[self.., target..]`.
    ///
    /// # Errors
    /// As [`Tensor::grad`]; more than [`MAX_PASSES`](jacobian::MAX_PASSES) differentiations; more than eight axes.
    #[track_caller]
    pub fn jacobian(&self, target: &Tensor) -> Result<Tensor> {
        let site = Site::here();
        let (root, targets) = split(self, "jacobian", &[target], site)?;
        let node = jacobian::jacobian(&root, &targets[0], site)?;
        Ok(Tensor::new(self.device(), Ok(node)))
    }
}

/// `f` of the targets, which must have one element, and its gradient.
///
/// Both share the forward computation: evaluate them together.
///
/// # Errors
/// As [`Tensor::grad`].
#[track_caller]
pub fn value_and_grad(wrt: &[&Tensor], f: impl FnOnce(&[&Tensor]) -> Tensor) -> Result<(Tensor, Vec<Tensor>)> {
    let value = f(wrt);
    let gradient = value.grad(wrt)?;
    Ok((value, gradient))
}

/// Vector-Jacobian products of several results at once: for each target the sum over the results.
///
/// # Errors
/// As [`Tensor::vjp`]; another number of cotangents than of results.
#[track_caller]
pub fn vjp(results: &[&Tensor], cotangents: &[&Tensor], wrt: &[&Tensor]) -> Result<Vec<Tensor>> {
    let site = Site::here();
    let [results_n, cotangents_n, wrt_n] = nodes("vjp", [results, cotangents, wrt], site)?;
    let parts = grad::vjp(&results_n, &cotangents_n, &wrt_n, site)?;
    Ok(results.first().or(wrt.first()).map_or_else(Vec::new, |like| wrap(like, parts)))
}

/// Jacobian-vector products of several results at once: for each result the sum over the targets.
///
/// # Errors
/// As [`Tensor::jvp`]; another number of tangents than of targets.
#[track_caller]
pub fn jvp(results: &[&Tensor], wrt: &[&Tensor], tangents: &[&Tensor]) -> Result<Vec<Tensor>> {
    let site = Site::here();
    let [results_n, wrt_n, tangents_n] = nodes("jvp", [results, wrt, tangents], site)?;
    let parts = grad::jvp(&results_n, &wrt_n, &tangents_n, site)?;
    Ok(results.first().map_or_else(Vec::new, |like| wrap(like, parts)))
}

/// The nodes of three lists of tensors, all of one device.
fn nodes(op: &str, lists: [&[&Tensor]; 3], site: Site) -> Result<[Vec<Node>; 3]> {
    let mut all = Tensor::nodes(op, &lists.concat(), site)?.into_iter();
    Ok(lists.map(|list| all.by_ref().take(list.len()).collect()))
}

/// The node of `root` and those of its targets, all of one device.
fn split(root: &Tensor, op: &str, wrt: &[&Tensor], site: Site) -> Result<(Node, Vec<Node>), Error> {
    let mut nodes = Tensor::nodes(op, &[&[root], wrt].concat(), site)?;
    let first = nodes.remove(0);
    Ok((first, nodes))
}

fn wrap(like: &Tensor, nodes: Vec<Node>) -> Vec<Tensor> {
    nodes.into_iter().map(|node| Tensor::new(like.device(), Ok(node))).collect()
}
