//! The host's share of a training step: an MLP 784-512-512-10 at batch 256, SGD with momentum.
//!
//! The step is planned once; from then on the host builds the expression, finds the plan by its structure, binds and
//! submits. No pipeline is created and no buffer allocated after the first steps.

use crate::ceiling::wait;
use crate::clock::{Summary, summary, time};
use crate::work::numbers;
use ridgepoint::ops::CrossEntropy;
use ridgepoint::{DType, Device, Result, Tensor};
use std::fmt;

const SIZES: [usize; 4] = [784, 512, 512, 10];
const BATCH: usize = 256;

/// What a step costs the host, in microseconds, and what it created.
pub struct Step {
    /// Building the expression and its gradients.
    build: Summary,
    /// Hashing, binding, encoding and submitting.
    replay: Summary,
    /// Until the device has done it, milliseconds of wall time.
    whole: Summary,
    dispatches: u64,
    pipelines: u64,
    allocations: u64,
    plans: u64,
}

impl Step {
    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "build_us": self.build.median,
            "replay_us": self.replay.median,
            "whole_ms": self.whole.median,
            "dispatches": self.dispatches,
            "pipelines_after_warm_up": self.pipelines,
            "allocations_after_warm_up": self.allocations,
            "plans_after_warm_up": self.plans,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mlp_step: build {:.0} us, hash + bind + encode + submit {:.0} us ({:.0} to {:.0}), whole {:.1} ms, \
             {} dispatches; after warm-up {} pipelines, {} allocations, {} plans",
            self.build.median,
            self.replay.median,
            self.replay.low,
            self.replay.high,
            self.whole.median,
            self.dispatches,
            self.pipelines,
            self.allocations,
            self.plans,
        )
    }
}

/// Parameters and momenta: weight, bias of each layer.
fn parameters(device: &Device) -> Vec<Tensor> {
    SIZES
        .windows(2)
        .enumerate()
        .flat_map(|(layer, s)| [numbers(device, &[s[0], s[1]], 10 + layer as u64) * 0.03, device.zeros([s[1]])])
        .collect()
}

/// New parameters and momenta.
fn update(x: &Tensor, labels: &Tensor, state: &[Tensor], momenta: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut h = x.clone();
    for (layer, pair) in state.chunks(2).enumerate() {
        h = h.matmul(&pair[0]) + &pair[1];
        if layer + 2 < SIZES.len() {
            h = h.relu();
        }
    }
    let loss = h.cross_entropy(labels, 1, CrossEntropy::default());
    let gradients = loss.grad(&state.iter().collect::<Vec<_>>())?;
    let momenta: Vec<Tensor> = momenta.iter().zip(&gradients).map(|(m, g)| m * 0.9 + g).collect();
    let new = state.iter().zip(&momenta).map(|(w, m)| w - m * 0.01).collect::<Vec<_>>();
    Ok(new.into_iter().chain(momenta).collect())
}

/// Trains for `rounds` steps after a warm-up.
pub fn measure(device: &Device, rounds: usize) -> Result<Step> {
    const WARM: usize = 4;
    let x = numbers(device, &[BATCH, SIZES[0]], 1);
    let labels: Vec<u32> = (0..BATCH as u32).map(|i| i * 7 % 10).collect();
    let labels = device.tensor(&labels, [BATCH]);
    debug_assert_eq!(labels.dtype()?, DType::U32);
    let mut state = parameters(device);
    let mut momenta: Vec<Tensor> = state.iter().map(|w| w * 0.0).collect();
    device.eval(&state.iter().chain(&momenta).collect::<Vec<_>>())?;
    let n = state.len();
    let (mut build, mut replay, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = None;
    for round in 0..WARM + rounds {
        if round == WARM {
            start = Some((device.stats(), device.memory()));
        }
        let (steps, all) = time(|| -> Result<_> {
            let (next, built) = time(|| update(&x, &labels, &state, &momenta));
            let mut next = next?;
            let (done, encoded) = time(|| device.eval(&next.iter().collect::<Vec<_>>()));
            done?;
            next = next.iter().map(Tensor::leaf).collect::<Result<_>>()?;
            let last = next.split_off(n);
            (state, momenta) = (next, last);
            wait(device);
            Ok((built, encoded))
        });
        let (built, encoded) = steps?;
        if round >= WARM {
            build.push(built.wall * 1e6);
            replay.push(encoded.wall * 1e6);
            whole.push(all.wall * 1e3);
        }
    }
    let (stats, memory) = (device.stats(), device.memory());
    let (stats_then, memory_then) = start.expect("warmed up");
    Ok(Step {
        build: summary(&build),
        replay: summary(&replay),
        whole: summary(&whole),
        dispatches: (stats.dispatches - stats_then.dispatches) / rounds.max(1) as u64,
        pipelines: stats.pipelines - stats_then.pipelines,
        allocations: memory.allocations - memory_then.allocations,
        plans: stats.plan_misses - stats_then.plan_misses,
    })
}
