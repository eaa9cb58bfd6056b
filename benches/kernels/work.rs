//! The workloads: expressions a user would write, the bytes or operations they cannot do without, and the share of the
//! ceiling they are held to.

use crate::ceiling::Bound;
use ridgepoint::{Device, Tensor, penalty};

/// One workload.
pub struct Work {
    pub name: &'static str,
    /// What bounds it.
    pub bound: Bound,
    /// Bytes moved or operations done at the size `inputs` were made for.
    pub work: f64,
    /// The share of the ceiling it is to reach; `None` where it is only reported.
    pub goal: Option<f64>,
    /// The number of dispatches it is to take.
    pub dispatches: Option<u64>,
    /// Seed and shape of each input.
    pub inputs: Vec<(u64, Vec<usize>)>,
    pub build: fn(&[Tensor]) -> Vec<Tensor>,
}

impl Work {
    /// The inputs on a device.
    pub fn upload(&self, device: &Device) -> Vec<Tensor> {
        self.inputs.iter().map(|(seed, shape)| numbers(device, shape, *seed)).collect()
    }
}

/// Numbers in about -2..2, some of them 0, by a small generator.
pub fn numbers(device: &Device, shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let data: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let x = (state >> 40) as f32 / (1u64 << 22) as f32 - 2.0;
            if x.abs() < 0.1 { 0.0 } else { x }
        })
        .collect();
    device.tensor(&data, shape)
}

/// All workloads, of the sizes of the records divided by `scale` in elements (1, 4 or 16).
pub fn all(scale: usize) -> Vec<Work> {
    let n = (16 << 20) / scale;
    let flat = |seed| (seed, vec![n]);
    let side = 4096 / scale.isqrt();
    let square = || (2, vec![side, side]);
    let rows = || (3, vec![4096 / scale, 1024]);
    let order = 1024 / scale.isqrt();
    let elements = |count: usize| 4.0 * count as f64;
    let mut all = Vec::new();
    let mut add = |name, bound, work, goal, dispatches, inputs, build| {
        all.push(Work { name, bound, work, goal, dispatches, inputs, build });
    };
    let (copy, read) = (Bound::Copy, Bound::Read);
    add("chain", copy, elements(3 * n), Some(0.85), Some(1), vec![flat(1), flat(2)], chain);
    add("exp", copy, elements(2 * n), None, Some(1), vec![flat(1)], |x| vec![x[0].exp()]);
    add("tanh", copy, elements(2 * n), None, Some(1), vec![flat(1)], |x| vec![x[0].tanh()]);
    add("gelu", copy, elements(2 * n), None, Some(1), vec![flat(1)], |x| vec![x[0].gelu()]);
    add("gelu_tanh", copy, elements(2 * n), None, Some(1), vec![flat(1)], |x| vec![x[0].gelu_tanh()]);
    add("log", copy, elements(2 * n), None, Some(1), vec![flat(1)], |x| vec![x[0].log()]);
    add("sin", copy, elements(2 * n), None, Some(1), vec![flat(1)], |x| vec![x[0].sin()]);
    add("pow", copy, elements(3 * n), None, Some(1), vec![flat(1), flat(2)], |x| vec![x[0].pow(&x[1])]);
    add("elastic_net_value_and_gradient", copy, elements(2 * n), Some(0.85), Some(2), vec![flat(1)], elastic_net);
    add("soft_threshold", copy, elements(2 * n), Some(0.85), Some(1), vec![flat(1)], soft_threshold);
    add("adamw", copy, elements(7 * n), Some(0.85), Some(1), (1..5).map(flat).collect(), adamw);
    add("sum", read, elements(n), Some(0.85), None, vec![flat(1)], |x| vec![x[0].sum_all()]);
    add("row_sum", read, elements(side * side), Some(0.85), None, vec![square()], |x| vec![x[0].sum(&[1])]);
    add("column_sum", read, elements(side * side), Some(0.85), None, vec![square()], |x| vec![x[0].sum(&[0])]);
    let moved = elements(2 * 1024 * 4096 / scale);
    add("softmax", copy, moved, Some(0.70), Some(1), vec![rows()], |x| vec![x[0].softmax(&[1])]);
    add("layer_norm", copy, moved, Some(0.70), Some(1), vec![rows()], layer_norm);
    let operands = vec![(4, vec![order, order]), (5, vec![order, order])];
    let flops = 2.0 * (order as f64).powi(3);
    add("matmul", Bound::Multiply, flops, Some(0.11), None, operands, |x| vec![x[0].matmul(&x[1])]);
    all
}

/// Scale, shift, activation, product.
fn chain(x: &[Tensor]) -> Vec<Tensor> {
    let y = &x[0] * 1.5 + 0.25;
    vec![y.maximum(0.0) * &x[1] - &x[0] * 0.1]
}

/// Two outputs of one pass; the sum's partial results are joined by a second, tiny dispatch.
fn elastic_net(x: &[Tensor]) -> Vec<Tensor> {
    let net = penalty::elastic_net(0.1, 0.05);
    vec![net.value(&x[0]), net.gradient(&x[0])]
}

fn soft_threshold(x: &[Tensor]) -> Vec<Tensor> {
    vec![penalty::l1(0.3).prox(&x[0], 1.0)]
}

fn adamw(x: &[Tensor]) -> Vec<Tensor> {
    let [w, g, m, v] = x else { unreachable!("four inputs") };
    let m = m * 0.9 + g * 0.1;
    let v = v.abs() * 0.999 + g.square() * 0.001;
    let step = &m * 1.2 / ((&v * 1.1).sqrt() + 1e-8);
    let w = w * (1.0 - 1e-5) - step * 1e-3;
    vec![w, m, v]
}

fn layer_norm(x: &[Tensor]) -> Vec<Tensor> {
    vec![x[0].layer_norm(&[1], None, None, 1e-5)]
}
