//! Training steps: a perceptron, a convolutional net and a transformer, each with `AdamW`, as a user writes them.

use super::work::{Fill, Input};
use crate::error::Result;
use crate::graph::{Node, Op, Routine, topological};
use crate::ops::{Conv, CrossEntropy, Pool};
use crate::optim::Optimizer;
use crate::run::Device;
use crate::tensor::Tensor;

/// The mean loss of a batch from parameters, inputs and labels.
type Loss = fn(&[Tensor], &Tensor, &Tensor) -> Tensor;

/// A network with its batch.
pub struct Net {
    /// The name in reports.
    pub name: &'static str,
    /// The sizes, for people.
    pub size: &'static str,
    parameters: Vec<Vec<usize>>,
    batch: Input,
    labels: Input,
    loss: Loss,
}

/// A network in training.
pub struct Training {
    loss: Loss,
    x: Tensor,
    labels: Tensor,
    parameters: Vec<Tensor>,
    optimizer: Optimizer,
}

const SEQUENCE: usize = 64;
const WIDTH: usize = 128;
const HEADS: usize = 4;
const LAYERS: usize = 2;
const BATCH: usize = 16;

/// The networks.
pub fn nets() -> Vec<Net> {
    let labels = |n: usize| Input::real(&[n], None).filled(Fill::Index(10));
    let block = [vec![WIDTH, 3 * WIDTH], vec![WIDTH, WIDTH], vec![WIDTH, 4 * WIDTH], vec![4 * WIDTH, WIDTH]];
    let transformer = (0..LAYERS).flat_map(|_| block.clone()).chain([vec![WIDTH, 10]]).collect();
    vec![
        Net {
            name: "mlp",
            size: "784-512-512-10, batch 256",
            parameters: vec![vec![784, 512], vec![512], vec![512, 512], vec![512], vec![512, 10], vec![10]],
            batch: Input::real(&[256, 784], None),
            labels: labels(256),
            loss: mlp,
        },
        Net {
            name: "convnet",
            size: "1-16-32 channels of 28x28, batch 64",
            parameters: vec![vec![16, 1, 3, 3], vec![32, 16, 3, 3], vec![32 * 7 * 7, 10], vec![10]],
            batch: Input::real(&[64, 1, 28, 28], None),
            labels: labels(64),
            loss: convnet,
        },
        Net {
            name: "transformer",
            size: "2 layers, width 128, 4 heads, sequence 64, batch 16",
            parameters: transformer,
            batch: Input::real(&[BATCH, SEQUENCE, WIDTH], None),
            labels: labels(BATCH * SEQUENCE),
            loss: transform,
        },
    ]
}

/// Operations of the products of matrices that a graph computes: those that count in a step.
pub fn products(roots: &[Node]) -> f64 {
    let of = |node: &Node| match node.op() {
        Op::Routine(Routine::Matmul) => 2.0 * (node.elements() * node.source(0).shape()[2]) as f64,
        _ => 0.0,
    };
    topological(roots, false).iter().map(of).sum()
}

fn mlp(p: &[Tensor], x: &Tensor, labels: &Tensor) -> Tensor {
    let hidden = (x.matmul(&p[0]) + &p[1]).relu();
    let hidden = (hidden.matmul(&p[2]) + &p[3]).relu();
    (hidden.matmul(&p[4]) + &p[5]).cross_entropy(labels, 1, CrossEntropy::default())
}

fn convnet(p: &[Tensor], x: &Tensor, labels: &Tensor) -> Tensor {
    let same = || Conv { padding: [1, 1], ..Conv::<2>::default() };
    let pool = || Pool::<2>::new([2, 2]);
    let h = x.conv2d(&p[0], None, same()).relu().max_pool(pool());
    let h = h.conv2d(&p[1], None, same()).relu().max_pool(pool());
    let flat = h.reshape([64, 32 * 7 * 7]);
    (flat.matmul(&p[2]) + &p[3]).cross_entropy(labels, 1, CrossEntropy::default())
}

fn transform(p: &[Tensor], x: &Tensor, labels: &Tensor) -> Tensor {
    let mut h = x.reshape([BATCH * SEQUENCE, WIDTH]);
    for layer in p[..4 * LAYERS].chunks_exact(4) {
        let qkv = h.layer_norm(1, None, None, 1e-5).matmul(&layer[0]);
        let part = |k: usize| {
            let part = qkv.slice(1, k * WIDTH..(k + 1) * WIDTH).reshape([BATCH, SEQUENCE, HEADS, WIDTH / HEADS]);
            part.permute([0, 2, 1, 3])
        };
        let scores = part(0).matmul(&part(1).permute([0, 1, 3, 2])) * ((WIDTH / HEADS) as f64).sqrt().recip();
        let mixed = scores.softmax(3).matmul(&part(2)).permute([0, 2, 1, 3]).reshape([BATCH * SEQUENCE, WIDTH]);
        h = h + mixed.matmul(&layer[1]);
        let wide = h.layer_norm(1, None, None, 1e-5).matmul(&layer[2]).gelu();
        h = h + wide.matmul(&layer[3]);
    }
    h.matmul(&p[4 * LAYERS]).cross_entropy(labels, 1, CrossEntropy::default())
}

impl Net {
    /// With its first parameters.
    pub fn start(&self, device: &Device) -> Result<Training> {
        let parameters = self.parameters.iter().zip(100..).map(|(shape, seed)| {
            let inputs: usize = if shape.len() > 2 { shape[1..].iter().product() } else { shape[0] };
            let scale = if shape.len() == 1 { 0.0 } else { 0.8 / (inputs as f64).sqrt() };
            let filled = Input::real(shape, None).on(device, seed) * scale;
            device.eval(&[&filled])?;
            filled.leaf()
        });
        let parameters = parameters.collect::<Result<Vec<_>>>()?;
        Ok(Training {
            loss: self.loss,
            x: self.batch.on(device, 1),
            labels: self.labels.on(device, 2),
            parameters,
            optimizer: Optimizer::adamw(1e-3, 1e-2),
        })
    }
}

impl Training {
    /// The loss at the parameters and its gradients.
    pub fn loss_and_gradients(&self) -> Result<(Tensor, Vec<Tensor>)> {
        let loss = (self.loss)(&self.parameters, &self.x, &self.labels);
        let gradients = loss.grad(&self.parameters.iter().collect::<Vec<_>>())?;
        Ok((loss, gradients))
    }

    /// One step; the device may still be at it afterwards.
    pub fn step(&mut self) -> Result<()> {
        let (_, gradients) = self.loss_and_gradients()?;
        self.optimizer.step(&mut self.parameters, &gradients)
    }
}
