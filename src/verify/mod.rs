//! Results of a device against the reference, at run time: who is right, and where they part.
//!
//! [`Device::verify`] evaluates the graphs of tensors in f64 from the same data, compares element by element within the
//! bounds the reference derives, and, where a tensor misses its bound, computes the nodes it depends on one by one to
//! name the first that diverges, and to put its dispatches into a [`Capsule`] that computes the wrong result again. It costs what the reference costs: it is for tests, doubts and reports, not for loops.

mod capsule;

pub use capsule::Capsule;

use crate::error::{Error, Result, Site};
use crate::graph::{Node, NodeMap, Op, op_name, topological};
use crate::reference::{Array, Evaluator, Host, Verdict, compare};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use capsule::Contents;
use std::fmt;

/// What [`Device::verify`] found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The adapter.
    pub adapter: String,
    /// One per tensor.
    pub verdicts: Vec<Verdict>,
    /// The first node, sources before users, that is out of its bound; `None` when all passed.
    pub divergence: Option<Divergence>,
}

impl Report {
    /// Whether every tensor is within its bounds.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|v| v.passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for verdict in &self.verdicts {
            writeln!(f, "{verdict}")?;
        }
        match &self.divergence {
            None => write!(f, "on {}", self.adapter),
            Some(divergence) => write!(f, "on {}; {divergence}", self.adapter),
        }
    }
}

/// The first node that a device gets wrong.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The operation.
    pub op: String,
    /// Its result.
    pub shape: Shape,
    /// Where the caller's program made it.
    pub site: Site,
    /// Its comparison.
    pub verdict: Verdict,
    /// Whether it is wrong only where it is fused with others: computed on its own it is right.
    pub fused_only: bool,
    /// What computes it again; an error where it could not be made, or where it came out right when it was computed again.
    pub capsule: Result<Capsule>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.fused_only { " (only when fused with its sources)" } else { "" };
        write!(f, "first divergence: {} {} made at {}{how}: {}", self.op, self.shape, self.site, self.verdict)
    }
}

/// The node on what the device has for its sources.
fn alone(node: &Node) -> Result<Node> {
    let source = |source: &Node| match source.value() {
        Some(value) => Node::data(value.clone(), source.shape().clone(), source.dtype(), source.site()),
        None => Ok(source.clone()),
    };
    Ok(node.over(node.sources().iter().map(source).collect::<Result<_>>()?))
}

/// The graph of a node, with no value but those of its leaves.
fn afresh(node: &Node) -> Node {
    let mut made = NodeMap::<Node>::default();
    for old in topological(std::slice::from_ref(node), false) {
        let new = match old.sources() {
            [] => old.clone(),
            sources => old.over(sources.iter().map(|s| made[&s.id()].clone()).collect()),
        };
        made.insert(old.id(), new);
    }
    made.remove(&node.id()).expect("bug: the order ends with the node")
}

impl Device {
    /// Computes tensors on the device and in the f64 reference, from the same data, and compares.
    ///
    /// # Errors
    /// What a tensor carries or computing it meets. A wrong result is no error but a report that did not pass.
    ///
    /// # Numerics
    /// The bounds are those of [`crate::reference`]: derived per element, none is chosen here.
    #[track_caller]
    pub fn verify(&self, tensors: &[&Tensor]) -> impl Future<Output = Result<Report>> + use<> {
        let device = self.clone();
        let nodes = Tensor::nodes("verify", tensors, Site::here());
        async move { device.verify_nodes(&nodes?).await }
    }

    /// [`Device::verify`], blocking.
    #[cfg(not(target_arch = "wasm32"))]
    #[track_caller]
    pub fn verify_blocking(&self, tensors: &[&Tensor]) -> Result<Report> {
        pollster::block_on(self.verify(tensors))
    }

    async fn verify_nodes(&self, roots: &[Node]) -> Result<Report> {
        let mut evaluator = self.reference(roots).await?;
        let want = evaluator.eval(roots)?;
        let got = self.arrays(roots).await?;
        let verdicts: Vec<Verdict> = got.iter().zip(&want).map(|(g, w)| compare(&g.values, w)).collect();
        let mut report = Report { adapter: self.name().to_owned(), verdicts, divergence: None };
        if let Some(failed) = report.verdicts.iter().position(|v| !v.passed) {
            let root = &roots[failed];
            let found = self.first_divergence(root, &mut evaluator).await?;
            let fused_only = found.is_none();
            let (node, verdict) = found.unwrap_or_else(|| (root.clone(), report.verdicts[failed].clone()));
            report.divergence = Some(Divergence {
                op: op_name(node.op()),
                shape: node.shape().clone(),
                site: node.site(),
                verdict,
                fused_only,
                capsule: self.capsule(&node, root).await,
            });
        }
        Ok(report)
    }

    /// Why a node misses its bound; `None` if it does not when it is computed again.
    pub(crate) async fn diagnose(&self, node: &Node) -> Result<Option<Divergence>> {
        Ok(self.verify_nodes(&[afresh(node)]).await?.divergence)
    }

    /// What computes a wrong result again, with as little around it as will do: the node on what the device has for its
    /// sources; with all that leads to it; the tensor it was found in.
    async fn capsule(&self, node: &Node, root: &Node) -> Result<Capsule> {
        for candidate in [alone(node)?, afresh(node), afresh(root)] {
            if let Some(capsule) = self.captured(&candidate).await? {
                return Ok(capsule);
            }
        }
        let message = "the result was wrong, and is right when it is computed again";
        Err(Error::input("verify", message, "look for what else uses the device or its memory"))
    }

    /// The capsule of a node without a value, if it misses its bound.
    async fn captured(&self, node: &Node) -> Result<Option<Capsule>> {
        if node.value().is_some() {
            return Ok(None);
        }
        let roots = std::slice::from_ref(node);
        let want = self.reference(roots).await?.eval(roots)?.remove(0);
        let dissected = self.dissect(node)?;
        let inputs = self.start_reading(&dissected.inputs)?;
        let got = self.arrays(roots).await?.remove(0);
        let verdict = compare(&got.values, &want);
        if verdict.passed {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(inputs.len());
        for input in inputs {
            bytes.push(input.await?);
        }
        let op = op_name(node.op());
        let about = [
            format!("{op} {}{}, made at {}", node.dtype(), node.shape(), node.site()),
            format!("on {} ({})", self.info(), self.info().driver),
            verdict.to_string(),
        ];
        let (plan, words) = (&dissected.plan, &dissected.words);
        capsule::capsule(&Contents { op: &op, about: &about, plan, words, inputs: &bytes, want: &want }).map(Some)
    }

    /// A reference that has what the device has of the leaves.
    pub(crate) async fn reference(&self, roots: &[Node]) -> Result<Evaluator<'static>> {
        let order = topological(roots, false);
        let leaves: Vec<Node> = order.into_iter().filter(|n| matches!(n.op(), Op::Data(_))).collect();
        let mut evaluator = Evaluator::new(&Host::fetch);
        for (node, array) in leaves.iter().zip(self.arrays(&leaves).await?) {
            evaluator.set(node, array)?;
        }
        Ok(evaluator)
    }

    /// The first ancestor that is wrong when every node has a buffer of its own.
    async fn first_divergence(&self, root: &Node, evaluator: &mut Evaluator<'_>) -> Result<Option<(Node, Verdict)>> {
        let order = topological(std::slice::from_ref(root), false);
        let inner: Vec<Node> =
            order.into_iter().filter(|n| !matches!(n.op(), Op::Data(_) | Op::Const { .. } | Op::Iota)).collect();
        let want = evaluator.eval(&inner)?;
        let got = self.arrays(&inner).await?;
        let verdicts = inner.iter().zip(&got).zip(&want).map(|((n, g), w)| (n.clone(), compare(&g.values, w)));
        Ok(verdicts.into_iter().find(|(_, v)| !v.passed))
    }

    /// The elements of nodes as the device has them.
    pub(crate) async fn arrays(&self, nodes: &[Node]) -> Result<Vec<Array>> {
        let mut arrays = Vec::with_capacity(nodes.len());
        for (node, reading) in nodes.iter().zip(self.start_reading(nodes)?) {
            arrays.push(Array::from_bytes(node.shape().clone(), node.dtype(), &reading.await?)?);
        }
        Ok(arrays)
    }
}
