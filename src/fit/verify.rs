//! The device's numbers at the solution against the reference.
//!
//! The graph that gives the objective and its gradients on the device is evaluated in f64 by [`reference`](crate::reference)
//! at the same data and coefficients, with a bound on the error of every element that follows from the roundings in between.
//! So a wrong kernel or driver cannot pass unnoticed, and a right one is not suspected.

use super::device::Accelerator;
use super::solve::Point;
use crate::error::Result;
use crate::graph::{Data, Node, NodeMap, Op, topological};
use crate::reference::{Array, Evaluator, compare};
use crate::run::Device;
use crate::tensor::Tensor;

/// The outcome of the check.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The greatest distance between the device and the reference.
    pub max_abs_error: f64,
    /// The greatest bound: what rounding can explain.
    pub bound: f64,
    /// Whether every element is within its own bound.
    pub passed: bool,
    /// The first claim that failed, in words.
    pub failure: Option<String>,
}

/// Checks the objective and its gradients at `at`.
pub(super) async fn verify(accelerator: &Accelerator, at: &Point) -> Result<Verified> {
    let claims = accelerator.claims(at);
    let device = accelerator.device();
    let nodes = claims.iter().map(|(_, t)| t.node().cloned()).collect::<Result<Vec<Node>>>()?;
    let leaves = leaves(device, &nodes).await?;
    let fetch = |data: &Data| Ok(leaves.get(&data.id()).expect("bug: a leaf that was not read").clone());
    let want = Evaluator::new(&fetch).eval(&nodes)?;
    let mut verified = Verified { max_abs_error: 0.0, bound: 0.0, passed: true, failure: None };
    for ((name, tensor), want) in claims.iter().zip(&want) {
        let got = read(device, tensor).await?;
        let verdict = compare(&got.values, want);
        verified.max_abs_error = verified.max_abs_error.max(verdict.max_abs_error);
        // an element of which nothing is promised makes the greatest bound infinite, and that must show
        verified.bound = (0..want.len()).fold(verified.bound, |m, ix| m.max(want.ball(ix).flushed().error));
        if !verdict.passed {
            verified.passed = false;
            verified.failure.get_or_insert_with(|| format!("{name}: {verdict}"));
        }
    }
    Ok(verified)
}

async fn read(device: &Device, tensor: &Tensor) -> Result<Array> {
    let node = tensor.node()?;
    let mut readings = device.start_reading(std::slice::from_ref(node))?;
    let bytes = readings.pop().expect("bug: one reading per node").await?;
    Array::from_bytes(node.shape().clone(), node.dtype(), &bytes)
}

/// The elements of all leaves, as the device has them.
async fn leaves(device: &Device, roots: &[Node]) -> Result<NodeMap<Array>> {
    let leaves: Vec<Node> = topological(roots, false).into_iter().filter(|n| matches!(n.op(), Op::Data(_))).collect();
    let mut arrays = NodeMap::default();
    for (reading, node) in device.start_reading(&leaves)?.into_iter().zip(&leaves) {
        let array = Array::from_bytes(node.shape().clone(), node.dtype(), &reading.await?)?;
        if let Op::Data(data) = node.op() {
            arrays.insert(data.id(), array);
        }
    }
    Ok(arrays)
}
