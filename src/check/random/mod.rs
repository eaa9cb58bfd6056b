//! Random graphs: what no table foresees. Every family of operations, views, dtypes and sharing; small, and tame: values
//! keep to a range in which the reference has something to say.
//!
//! A graph is a function of its seed, so a failure is repeated by the seed alone; its text says what was drawn.

mod draw;
mod step;

use super::input::{Ground, Random};
use super::judge::Caught;
use super::{Outcome, What};
use crate::error::Result;
use crate::graph::{Node, Op, op_name, topological};
use crate::reference::{Evaluator, compare};
use crate::run::Device;
use crate::tensor::Tensor;
use draw::Pool;
use std::fmt::Write;

/// The name of the case that random graphs are.
pub const NAME: &str = "random graph";

/// Draws the graph of a seed, its leaves on `ground`: one to three results, and for some of them gradients.
pub fn graph(ground: &mut Ground, seed: u64) -> Result<Vec<Tensor>> {
    let mut pool = Pool::new(ground, Random::new(seed, NAME));
    let n_steps = 3 + pool.random.below(10);
    for _ in 0..n_steps {
        step::step(&mut pool);
    }
    pool.roots()
}

/// Draws the graph of a seed and compares every result with the reference.
pub async fn judge(device: &Device, seed: u64) -> Vec<Outcome> {
    let mut ground = Ground::new(device);
    let drawn = graph(&mut ground, seed);
    let failed = |text: String, error: String| vec![Outcome::failed(device, NAME, &text, What::Value(0), seed, error)];
    let roots = match drawn {
        Ok(roots) => roots,
        Err(error) => return failed("not built".into(), error.to_string()),
    };
    let text = describe(&roots);
    match Caught(Box::pin(run(device, &mut ground, &roots, seed))).await {
        Ok(Ok(outcomes)) => outcomes,
        Ok(Err(error)) => failed(text, error.to_string()),
        Err(panic) => failed(text, panic),
    }
}

async fn run(device: &Device, ground: &mut Ground, roots: &[Tensor], seed: u64) -> Result<Vec<Outcome>> {
    let nodes = roots.iter().map(|t| t.node().cloned()).collect::<Result<Vec<Node>>>()?;
    ground.learn(&nodes).await?;
    let fetch = |data: &crate::graph::Data| ground.fetch(data);
    let got = ground.read(&nodes).await?;
    let want = Evaluator::new(&fetch).eval(&nodes)?;
    let mut outcomes = Vec::new();
    for (ix, (got, want)) in got.iter().zip(&want).enumerate() {
        let label = format!("{}{}", got.dtype, got.shape);
        let mut outcome = Outcome::new(device, NAME, &label, What::Value(ix), seed, compare(&got.values, want));
        if !outcome.passed {
            let found = device.verify(&[&roots[ix]]).await?;
            outcome.divergence = found.divergence.map(Box::new);
            outcome.error = Some(format!("the graph is\n{}", describe(roots)));
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// The graph as text, one node per line, sources before users.
#[must_use]
pub fn describe(roots: &[Tensor]) -> String {
    let nodes: Vec<Node> = roots.iter().filter_map(|t| t.node().ok().cloned()).collect();
    let order = topological(&nodes, false);
    let number = |node: &Node| order.iter().position(|n| n == node).unwrap_or(usize::MAX);
    let mut text = String::new();
    for (n, node) in order.iter().enumerate() {
        let sources: Vec<String> = node.sources().iter().map(|s| format!("n{}", number(s))).collect();
        let detail = match node.op() {
            Op::View(view) => format!(" {:?} fill {:?}", view.axes, view.fill),
            Op::Reduce { axes, .. } => format!(" over {axes:?}"),
            Op::Gather { axis } => format!(" along {axis}"),
            Op::Const { value, .. } => format!(" {value}"),
            _plain => String::new(),
        };
        let name = op_name(node.op());
        // Writing to a string cannot fail.
        let _ok = writeln!(text, "  n{n} = {name} {}{}({}){detail}", node.dtype(), node.shape(), sources.join(", "));
    }
    let ends: Vec<String> = nodes.iter().map(|n| format!("n{}", number(n))).collect();
    let _ok = writeln!(text, "  results {}", ends.join(", "));
    text
}
