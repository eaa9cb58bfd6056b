//! Results of a device against the reference, at run time: who is right, and where they part.
//!
//! [`Device::verify`] evaluates the graphs of tensors in f64 from the same data, compares element by element within the
//! bounds the reference derives, and, where a tensor misses its bound, computes the nodes it depends on one by one to
//! name the first that diverges. It costs what the reference costs: it is for tests, doubts and reports, not for loops.

use crate::error::{Result, Site};
use crate::graph::{Node, Op, op_name, topological};
use crate::reference::{Array, Evaluator, Host, Verdict, compare};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
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
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.fused_only { " (only when fused with its sources)" } else { "" };
        write!(f, "first divergence: {} {} made at {}{how}: {}", self.op, self.shape, self.site, self.verdict)
    }
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
        let order = topological(roots, false);
        let leaves: Vec<Node> = order.iter().filter(|n| matches!(n.op(), Op::Data(_))).cloned().collect();
        let mut evaluator = Evaluator::new(&Host::fetch);
        for (node, array) in leaves.iter().zip(self.arrays(&leaves).await?) {
            evaluator.set(node, array)?;
        }
        let want = evaluator.eval(roots)?;
        let got = self.arrays(roots).await?;
        let verdicts: Vec<Verdict> = got.iter().zip(&want).map(|(g, w)| compare(&g.values, w)).collect();
        let mut report = Report { adapter: self.name().to_owned(), verdicts, divergence: None };
        if let Some(failed) = report.verdicts.iter().position(|v| !v.passed) {
            let found = self.first_divergence(&roots[failed], &mut evaluator).await?;
            let divergence = |node: &Node, verdict: Verdict, fused_only| Divergence {
                op: op_name(node.op()),
                shape: node.shape().clone(),
                site: node.site(),
                verdict,
                fused_only,
            };
            report.divergence = Some(match found {
                Some((node, verdict)) => divergence(&node, verdict, false),
                None => divergence(&roots[failed], report.verdicts[failed].clone(), true),
            });
        }
        Ok(report)
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
