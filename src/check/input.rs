//! What goes into a case: numbers within a domain, in a layout, from a seed.

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Data, Node, Op, topological};
use crate::reference::{Array, integer};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::collections::HashMap;

/// Random numbers by counting, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random {
    key: [u32; 2],
    counter: u32,
}

impl Random {
    /// The numbers of a seed and a name.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a: any spread of names over keys will do, as long as it stays.
        let hash = name.bytes().fold(0x811C_9DC5u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        Self { key: [seed as u32 ^ hash, (seed >> 32) as u32], counter: 0 }
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.counter = self.counter.wrapping_add(1);
        integer::philox(self.key, [self.counter, 0, 0, 0])[0]
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.bits()) / 4_294_967_296.0
    }

    /// One of `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.bits()) * n as u64) >> 32) as usize
    }

    /// Whether an event of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform(0.0, 1.0) < probability
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// The numbers an input of a case is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Floats of this dtype, uniform over intervals that are chosen with equal probability.
    Real(DType, &'static [(f64, f64)]),
    /// `F32`, all different and a sixteenth apart, in random order.
    Spaced,
    /// Integers of this dtype from the first to the last.
    Int(DType, i64, i64),
    /// Booleans.
    Bool,
}

/// The arguments every engine got wrong once.
const AWKWARD: [f32; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    2.0,
    3.0,
    1e-7,
    -1e-7,
    20.0,
    -20.0,
    89.0,
    -104.0,
    100.0,
    3.0e38,
    -3.0e38,
    1.2e-38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// The integers every engine got wrong once; as `U32` their bit patterns.
const AWKWARD_INTEGERS: [i32; 14] = [0, 1, -1, 2, -2, 7, 31, 32, 33, 255, 65_536, i32::MAX, i32::MIN, i32::MIN + 1];

impl Domain {
    /// The dtype.
    #[must_use]
    pub fn dtype(self) -> DType {
        match self {
            Domain::Real(dtype, _) | Domain::Int(dtype, ..) => dtype,
            Domain::Spaced => DType::F32,
            Domain::Bool => DType::Bool,
        }
    }

    /// Elements drawn from the domain.
    pub fn draw(self, random: &mut Random, shape: &Shape) -> Array {
        let n = shape.elements();
        let values: Vec<f64> = match self {
            Domain::Real(dtype, intervals) => (0..n)
                .map(|_| {
                    let &(low, high) = random.pick(intervals);
                    rounded(dtype, random.uniform(low, high))
                })
                .collect(),
            Domain::Spaced => {
                let mut order: Vec<usize> = (0..n).collect();
                for i in (1..n).rev() {
                    order.swap(i, random.below(i + 1));
                }
                order.into_iter().map(|i| (i as f64 - n as f64 / 2.0) / 16.0 + 1.0 / 64.0).collect()
            }
            Domain::Int(_, first, last) => {
                (0..n).map(|_| first as f64 + random.below((last - first + 1) as usize) as f64).collect()
            }
            Domain::Bool => (0..n).map(|_| f64::from(random.bits() & 1)).collect(),
        };
        Array::exact(shape.clone(), self.dtype(), values)
    }

    /// What every engine got wrong once, within the dtype.
    #[must_use]
    pub fn awkward(self) -> Vec<f64> {
        match self.dtype() {
            DType::F32 => AWKWARD.iter().map(|&x| f64::from(x)).collect(),
            dtype @ (DType::F16 | DType::BF16) => {
                let of_its_own = [65504.0, 65520.0, 6.0e-5, 6.0e-8, 1.0 + 1.0 / 2048.0, 1.0 + 1.0 / 256.0];
                AWKWARD.iter().map(|&x| f64::from(x)).chain(of_its_own).map(|x| rounded(dtype, x)).collect()
            }
            dtype @ (DType::I32 | DType::U32) => {
                AWKWARD_INTEGERS.iter().map(|&i| integer::from_bits(dtype, i as u32)).collect()
            }
            DType::Bool => vec![0.0, 1.0],
        }
    }
}

/// The nearest number of a float dtype.
fn rounded(dtype: DType, x: f64) -> f64 {
    match dtype {
        DType::F16 => crate::dtype::to_f16(x).to_f64(),
        DType::BF16 => crate::dtype::to_bf16(x).to_f64(),
        DType::F32 | DType::I32 | DType::U32 | DType::Bool => f64::from(x as f32),
    }
}

/// How the elements of an input lie in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Row-major, from the start.
    Plain,
    /// Axes in reverse.
    Permuted,
    /// Every second element of the last axis and the inner part of the others, of a larger buffer.
    Sliced,
    /// Every axis backwards.
    Flipped,
    /// The first axis repeated.
    Broadcast,
}

impl Layout {
    /// The shape of what lies in the buffer for a tensor of shape `shape`.
    #[must_use]
    pub fn base(self, shape: &Shape) -> Shape {
        let last = shape.rank().saturating_sub(1);
        let axes = shape.iter().enumerate();
        match self {
            Layout::Plain | Layout::Flipped => shape.clone(),
            Layout::Permuted => Shape::from(shape.iter().rev().copied().collect::<Vec<_>>()),
            Layout::Sliced => {
                Shape::from(axes.map(|(a, &d)| if a == last { 2 * d + 1 } else { d + 3 }).collect::<Vec<_>>())
            }
            Layout::Broadcast => Shape::from(axes.map(|(a, &d)| if a == 0 { 1 } else { d }).collect::<Vec<_>>()),
        }
    }

    /// The tensor of shape `shape` over what lies in the buffer.
    #[must_use]
    pub fn over(self, base: &Tensor, shape: &Shape) -> Tensor {
        let rank = shape.rank();
        match self {
            Layout::Plain => base.clone(),
            Layout::Flipped => base.flip(..),
            Layout::Permuted => base.permute((0..rank).rev().collect::<Vec<_>>()),
            Layout::Broadcast => base.broadcast_to(shape),
            Layout::Sliced => (0..rank).fold(base.clone(), |t, axis| {
                if axis + 1 == rank {
                    t.slice_step(axis, 1..1 + 2 * shape[axis], 2)
                } else {
                    t.slice(axis, 1..1 + shape[axis])
                }
            }),
        }
    }
}

/// The leaves of a check: on the device, and in host memory for the reference.
pub struct Ground {
    device: Device,
    arrays: HashMap<usize, Array>,
    /// Keeps the identities in `arrays` alive.
    data: Vec<Data>,
}

impl Ground {
    /// Nothing uploaded yet.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self { device: device.clone(), arrays: HashMap::new(), data: Vec::new() }
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A tensor over elements that the reference will find too.
    #[track_caller]
    pub fn leaf(&mut self, array: Array) -> Tensor {
        let site = Site::here();
        let (shape, dtype) = (array.shape.clone(), array.dtype);
        let what = || format!("an input {dtype}{shape} of a check");
        let node = self.device.upload(&array.to_bytes(), what).and_then(|data| {
            self.arrays.insert(data.id(), array);
            self.data.push(data.clone());
            Node::data(data, shape.clone(), dtype, site)
        });
        Tensor::new(&self.device, node)
    }

    /// A leaf drawn from a domain.
    #[track_caller]
    pub fn draw(&mut self, random: &mut Random, domain: Domain, shape: &Shape) -> Tensor {
        self.leaf(domain.draw(random, shape))
    }

    /// Reads the leaves of graphs that were not made here, like the tables of an operation, so that the reference finds
    /// them too.
    pub async fn learn(&mut self, roots: &[Node]) -> Result<()> {
        for node in topological(roots, false) {
            if let Op::Data(data) = node.op()
                && !self.arrays.contains_key(&data.id())
            {
                let array = self.read(std::slice::from_ref(&node)).await?.remove(0);
                self.arrays.insert(data.id(), array);
                self.data.push(data.clone());
            }
        }
        Ok(())
    }

    /// The elements of a leaf, for the reference.
    pub fn fetch(&self, data: &Data) -> Result<Array> {
        self.arrays
            .get(&data.id())
            .cloned()
            .ok_or_else(|| Error::input("check", "a leaf that is not known", "call `learn` with the graph first"))
    }

    /// Computes nodes on the device, in one submission, and reads them.
    pub async fn read(&self, nodes: &[Node]) -> Result<Vec<Array>> {
        let readings = self.device.start_reading(nodes)?;
        let mut arrays = Vec::with_capacity(nodes.len());
        for (node, reading) in nodes.iter().zip(readings) {
            arrays.push(Array::from_bytes(node.shape().clone(), node.dtype(), &reading.await?)?);
        }
        Ok(arrays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_within_their_domain_and_repeat() {
        let shape = Shape::from([4, 50]);
        let real = Domain::Real(DType::F32, &[(-3.0, -1.0), (1.0, 2.0)]);
        let draw = |domain: Domain| domain.draw(&mut Random::new(3, "x"), &shape).values;
        assert!(draw(real).iter().all(|x| (-3.0..=-1.0).contains(x) || (1.0..=2.0).contains(x)));
        assert_eq!(draw(real), draw(real));
        let mut spaced = draw(Domain::Spaced);
        spaced.sort_by(f64::total_cmp);
        assert!(spaced.windows(2).all(|w| w[1] - w[0] == 1.0 / 16.0));
        assert!(draw(Domain::Int(DType::I32, -2, 2)).iter().all(|x| (-2.0..=2.0).contains(x) && x.fract() == 0.0));
        assert_ne!(Random::new(1, "a").bits(), Random::new(1, "b").bits());
    }
}
