//! Judging one try of a case: the device against the reference, values and derivatives, and the reference's derivatives
//! against its own differences.

use super::case::{Case, Variant};
use super::input::{Domain, Ground, Random};
use super::{Outcome, Settings, What};
use crate::error::Result;
use crate::graph::Node;
use crate::reference::{Array, Evaluator, Fetch, Verdict, compare, directional};
use crate::run::Device;
use crate::tensor::Tensor;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What is read of one try.
struct Asked {
    what: What,
    node: Node,
}

/// A slope to compare with differences: `root` along the leaves, whose gradients are nodes.
struct Descent {
    what: What,
    root: Node,
    leaves: Vec<Node>,
    gradients: Vec<Node>,
}

/// All outcomes of one try. An error on the way is an outcome too.
pub async fn judge(device: &Device, case: &Case, variant: &Variant, settings: &Settings) -> Vec<Outcome> {
    let (label, seed) = (variant.label(), settings.seed);
    match Caught(Box::pin(run(device, case, variant, settings))).await {
        Ok(Ok(outcomes)) => outcomes,
        Ok(Err(error)) => vec![Outcome::failed(device, &case.name, &label, What::Value(0), seed, error.to_string())],
        Err(panic) => vec![Outcome::failed(device, &case.name, &label, What::Value(0), seed, panic)],
    }
}

/// A future whose panics are results: a broken invariant of the engine fails the case that met it, not the whole run.
pub(super) struct Caught<F>(pub Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = std::result::Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                Poll::Ready(Err(format!("panicked: {}", text.unwrap_or_default())))
            }
        }
    }
}

/// A try, built: what is read of it, and from what.
pub(super) struct Posed {
    ground: Ground,
    random: Random,
    asked: Vec<Asked>,
    descents: Vec<Descent>,
}

impl Posed {
    /// The graphs of a try.
    pub fn new(device: &Device, case: &Case, variant: &Variant, seed: u64) -> Result<Posed> {
        let mut random = Random::new(seed, &format!("{} {}", case.name, variant.label()));
        let mut ground = Ground::new(device);
        let (bases, inputs) = inputs(&mut ground, &mut random, case, variant);
        let results = (case.build)(&inputs);
        let (mut asked, mut descents) = (Vec::new(), Vec::new());
        for (ix, result) in results.iter().enumerate() {
            asked.push(Asked { what: What::Value(ix), node: result.node()?.clone() });
        }
        let order = case.order.min(variant.order);
        if order > 0 {
            let targets: Vec<&Tensor> =
                bases.iter().zip(&case.inputs).filter(|(_, d)| d.dtype().is_float()).map(|(b, _)| b).collect();
            let loss = weighted(&mut ground, &mut random, &results)?;
            let gradients = derive(&loss, &targets, What::Gradient, What::Slope, &mut asked, &mut descents)?;
            if order > 1 {
                let second = weighted(&mut ground, &mut random, &gradients)?;
                derive(&second, &targets, What::Second, What::SecondSlope, &mut asked, &mut descents)?;
            }
        }
        Ok(Posed { ground, random, asked, descents })
    }

    /// What is read of it.
    pub fn nodes(&self) -> Vec<Node> {
        self.asked.iter().map(|a| a.node.clone()).collect()
    }

    /// What the device has.
    pub async fn got(&self) -> Result<Vec<Array>> {
        self.ground.read(&self.nodes()).await
    }

    /// What the reference has.
    pub async fn want(&mut self) -> Result<Vec<Arc<Array>>> {
        let nodes = self.nodes();
        self.ground.learn(&nodes).await?;
        Evaluator::new(&|data| self.ground.fetch(data)).eval(&nodes)
    }
}

async fn run(device: &Device, case: &Case, variant: &Variant, settings: &Settings) -> Result<Vec<Outcome>> {
    let seed = settings.seed;
    let mut posed = Posed::new(device, case, variant, seed)?;
    let want = posed.want().await?;
    let got = posed.got().await?;
    let mut outcomes = Vec::new();
    for ((asked, got), want) in posed.asked.iter().zip(&got).zip(&want) {
        let verdict = compare(&got.values, want);
        let promises = variant.awkward || promises_enough(&verdict);
        let mut outcome = Outcome::new(device, &case.name, &variant.label(), asked.what, seed, verdict);
        if !promises {
            outcome.passed = false;
            outcome.error = Some("the reference promises nothing of more than half of the elements".into());
        } else if !outcome.passed && settings.trace {
            outcome.divergence = device.diagnose(&asked.node).await?.map(Box::new);
        }
        outcomes.push(outcome);
    }
    let Posed { ground, mut random, descents, .. } = posed;
    for descent in &descents {
        let verdict = differences(descent, &mut random, &|data| ground.fetch(data))?;
        outcomes.push(Outcome::new(device, &case.name, &variant.label(), descent.what, seed, verdict));
    }
    Ok(outcomes)
}

/// A check that nothing can fail checks nothing.
pub(super) fn promises_enough(verdict: &Verdict) -> bool {
    verdict.unknown * 2 <= verdict.elements
}

/// The leaves, and the inputs over them.
fn inputs(ground: &mut Ground, random: &mut Random, case: &Case, variant: &Variant) -> (Vec<Tensor>, Vec<Tensor>) {
    let mut bases = Vec::new();
    let mut inputs = Vec::new();
    for (ix, (domain, shape)) in case.inputs.iter().zip(&variant.shapes).enumerate() {
        let base_shape = variant.layout.base(shape);
        let base = if variant.awkward {
            ground.leaf(Array::exact(base_shape, domain.dtype(), case.awkward(ix)))
        } else {
            ground.draw(random, *domain, &base_shape)
        };
        inputs.push(variant.layout.over(&base, shape));
        bases.push(base);
    }
    (bases, inputs)
}

/// The sum of all float results, each element with a weight of its own: one number whose gradient tells all apart.
fn weighted(ground: &mut Ground, random: &mut Random, results: &[Tensor]) -> Result<Tensor> {
    let weights = Domain::Real(crate::dtype::DType::F32, &[(-1.0, -0.25), (0.25, 1.0)]);
    let mut total: Option<Tensor> = None;
    for result in results {
        if !result.dtype()?.is_float() {
            continue;
        }
        let shape = result.shape()?.clone();
        let term = result.mul(&ground.draw(random, weights, &shape)).sum(..);
        total = Some(match total {
            Some(sum) => sum.add(&term),
            None => term,
        });
    }
    Ok(total.unwrap_or_else(|| ground.leaf(Array::exact((), crate::dtype::DType::F32, vec![0.0]))))
}

/// Asks for the gradients of `loss`, and for their slope.
fn derive(
    loss: &Tensor,
    targets: &[&Tensor],
    what: fn(usize) -> What,
    slope: What,
    asked: &mut Vec<Asked>,
    descents: &mut Vec<Descent>,
) -> Result<Vec<Tensor>> {
    let gradients = loss.grad(targets)?;
    let mut nodes = Vec::new();
    for (ix, gradient) in gradients.iter().enumerate() {
        let node = gradient.node()?.clone();
        asked.push(Asked { what: what(ix), node: node.clone() });
        nodes.push(node);
    }
    let leaves = targets.iter().map(|t| t.node().cloned()).collect::<Result<Vec<_>>>()?;
    descents.push(Descent { what: slope, root: loss.node()?.clone(), leaves, gradients: nodes });
    Ok(gradients)
}

/// The slope by differences against the one by gradients, both on the reference, along one random direction.
///
/// Both are evaluated without rounding: a conversion to a narrow float, whose derivative is 1 by convention, is the
/// identity then.
fn differences(descent: &Descent, random: &mut Random, fetch: Fetch) -> Result<Verdict> {
    let mut directions = Vec::new();
    let (mut slope, mut magnitude) = (0.0f64, 0.0f64);
    let gradients = Evaluator::new(fetch).real().eval(&descent.gradients)?;
    for (leaf, gradient) in descent.leaves.iter().zip(&gradients) {
        let direction: Vec<f64> = (0..leaf.elements()).map(|_| random.uniform(-1.0, 1.0)).collect();
        for (g, d) in gradient.values.iter().zip(&direction) {
            slope += g * d;
            magnitude += (g * d).abs();
        }
        directions.push((leaf.clone(), direction));
    }
    let found = directional(&descent.root, &directions, fetch)?;
    let mut expected = Array::exact((), crate::dtype::DType::F32, vec![found.values[0]]);
    // The spread estimates the error of the differences; the gradient itself is summed in f64.
    expected.errors = vec![found.spread[0] + 1e-12 * magnitude];
    Ok(compare(&[slope], &expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::case::{ANY, one};
    use crate::error::Site;
    use crate::graph::{Arg, Derivative, Func, Snippet};

    fn device() -> Device {
        pollster::block_on(Device::open(Default::default())).expect("the CPU device at least")
    }

    /// `x` as WGSL has it, `x` as the mirror has it, and the derivative that is claimed.
    fn claimed(wgsl_factor: f64, slope: f64) -> Case {
        let slope = Snippet {
            module: format!("slope{}", slope.to_bits()),
            wgsl: format!("fn slope{}(x: f32) -> f32 {{ return {slope:?}; }}", slope.to_bits()),
            entry: format!("slope{}", slope.to_bits()),
            args: vec![Arg::Scalar],
            mirror: Arc::new(move |_| slope),
            derivatives: vec![Derivative::Zero],
            ulps: 1.0,
        };
        let snippet = Arc::new(Snippet {
            module: format!("line{}", wgsl_factor.to_bits()),
            wgsl: format!("fn line{}(x: f32) -> f32 {{ return {wgsl_factor:?} * x; }}", wgsl_factor.to_bits()),
            entry: format!("line{}", wgsl_factor.to_bits()),
            args: vec![Arg::Scalar],
            mirror: Arc::new(|x| x[0]),
            derivatives: vec![Derivative::By(Arc::new(slope))],
            ulps: 1.0,
        });
        let call = move |x: &Tensor| x.then(|x| Node::map(Func::Call(snippet.clone()), vec![x.clone()], Site::here()));
        Case::alike("claimed", &[ANY], &[&[20]], 1, one(call))
    }

    fn failed(case: &Case) -> Vec<What> {
        let (device, settings) = (device(), Settings { seed: 5, ..Settings::default() });
        let outcomes = pollster::block_on(judge(&device, case, &case.variants[0], &settings));
        outcomes.into_iter().filter(|o| !o.passed).map(|o| o.what).collect()
    }

    #[test]
    fn what_is_right_passes_and_a_wrong_constant_is_noticed() {
        assert_eq!(failed(&claimed(1.0, 1.0)), []);
        assert_eq!(failed(&claimed(1.00001, 1.0)), [What::Value(0)]);
        assert_eq!(failed(&claimed(1.0, 1.00001)), [What::Slope]);
    }

    #[test]
    fn errors_and_broken_invariants_are_failures_of_the_case() {
        let wrong = Case::alike("wrong", &[ANY], &[&[20]], 0, one(|x| x.reshape([7])));
        assert_eq!(failed(&wrong), [What::Value(0)]);
        let broken = Case::alike("broken", &[ANY], &[&[20]], 0, one(|_| panic!("bug: a case that panics")));
        assert_eq!(failed(&broken), [What::Value(0)]);
        let nothing = Case::alike("nothing", &[ANY], &[&[20]], 0, one(|x| x.exp().log().sub(x).recip()));
        assert_eq!(failed(&nothing), [What::Value(0)], "a check that nothing can fail is no check");
    }
}
