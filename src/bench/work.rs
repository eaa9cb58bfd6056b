//! What is timed of the engine: expressions as a user writes them, with the bytes they cannot help moving, the operations
//! they cannot help doing, and how their results are checked at full size.

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::Node;
use crate::reference::{Array, Evaluator, Host, Verdict, compare};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How an input is filled; the same numbers on every machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// In -2..2, about a twentieth of them 0.
    Real,
    /// In 0.1..0.9.
    Fraction,
    /// Whole numbers below the bound, as `U32`.
    Index(u32),
}

/// An input.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub fill: Fill,
    /// The axis along which results are independent of each other; `None` if every result needs all of it.
    pub split: Option<usize>,
}

/// Builds the results.
pub type Build = Box<dyn Fn(&[Tensor]) -> Vec<Tensor>>;

/// One workload.
pub struct Work {
    /// As in `softmax`.
    pub name: String,
    /// The sizes, for people.
    pub size: String,
    /// Bytes that must be moved: each input read and each result written once.
    pub bytes: f64,
    /// Floating-point operations of the usual algorithm, where an exponential counts as one; 0 where nobody counts them.
    pub flops: f64,
    /// Bound by arithmetic rather than by memory.
    pub computes: bool,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The axis of each result that belongs to the inputs' `split`.
    pub outputs: Vec<Option<usize>>,
    /// The expression.
    pub build: Build,
}

/// A small generator of numbers: multiplicative congruential, upper bits.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// The values of an input, on the host.
enum Values {
    Real(Vec<f32>),
    Index(Vec<u32>),
}

impl Input {
    /// Of real numbers.
    pub fn real(shape: &[usize], split: Option<usize>) -> Input {
        Input { shape: shape.to_vec(), fill: Fill::Real, split }
    }

    /// With other numbers.
    pub fn filled(self, fill: Fill) -> Input {
        Input { fill, ..self }
    }

    fn values(&self, seed: u64) -> Values {
        let n: usize = self.shape.iter().product();
        let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let real = |x: f32| {
            let x = 4.0 * x - 2.0;
            if x.abs() < 0.1 { 0.0 } else { x }
        };
        match self.fill {
            Fill::Real => Values::Real((0..n).map(|_| real(numbers.next())).collect()),
            Fill::Fraction => Values::Real((0..n).map(|_| 0.1 + 0.8 * numbers.next()).collect()),
            Fill::Index(bound) => {
                Values::Index((0..n).map(|_| (numbers.next() * bound as f32) as u32 % bound).collect())
            }
        }
    }

    /// On a device.
    pub fn on(&self, device: &Device, seed: u64) -> Tensor {
        self.tensor(device, &self.values(seed))
    }

    fn tensor(&self, device: &Device, values: &Values) -> Tensor {
        match values {
            Values::Real(x) => device.tensor(x, self.shape.as_slice()),
            Values::Index(x) => device.tensor(x, self.shape.as_slice()),
        }
    }
}

/// The slice at `at` of a row-major array along an axis, which stays with length 1.
fn slab<T: Copy>(data: &[T], shape: &[usize], axis: usize, at: usize) -> Vec<T> {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    (0..outer)
        .flat_map(|o| {
            let start = (o * shape[axis] + at) * inner;
            data[start..start + inner].iter().copied()
        })
        .collect()
}

fn array(values: &Values, shape: &[usize], part: Option<(usize, usize)>) -> Array {
    let mut dims = shape.to_vec();
    if let Some((axis, _)) = part {
        dims[axis] = 1;
    }
    match (values, part) {
        (Values::Real(x), None) => Array::of(x, dims.as_slice()),
        (Values::Index(x), None) => Array::of(x, dims.as_slice()),
        (Values::Real(x), Some((axis, at))) => Array::of(&slab(x, shape, axis, at), dims.as_slice()),
        (Values::Index(x), Some((axis, at))) => Array::of(&slab(x, shape, axis, at), dims.as_slice()),
    }
}

impl Work {
    /// With so many operations for each element of the first input.
    pub fn ops(self, each: f64) -> Work {
        let elements: usize = self.inputs.first().map_or(0, |i| i.shape.iter().product());
        Work { flops: each * elements as f64, ..self }
    }

    /// The inputs on a device.
    pub fn upload(&self, device: &Device) -> Vec<Tensor> {
        self.inputs.iter().zip(1..).map(|(input, seed)| input.on(device, seed)).collect()
    }

    /// Where results are looked at: the ends, and two places between.
    fn places(&self) -> Vec<Option<usize>> {
        let lengths = self.inputs.iter().filter_map(|i| i.split.map(|axis| i.shape[axis]));
        match lengths.max() {
            None => vec![None],
            Some(n) => {
                let mut places = vec![0, n / 3, n * 7 / 11, n.saturating_sub(1)];
                places.dedup();
                places.into_iter().map(Some).collect()
            }
        }
    }

    /// The results of a device against the f64 reference, at full size: all of them, or where they are independent along an
    /// axis those at some places, whose inputs alone the reference then needs.
    ///
    /// # Errors
    /// The device's, or the expression's. A wrong result is a verdict.
    pub fn verify(&self, device: &Device, results: &[Tensor]) -> Result<Verdict> {
        let nodes: Vec<Node> = results.iter().map(|t| t.node().cloned()).collect::<Result<_>>()?;
        let got = pollster::block_on(device.arrays(&nodes))?;
        let values: Vec<Values> = self.inputs.iter().zip(1..).map(|(input, seed)| input.values(seed)).collect();
        let mut worst: Option<Verdict> = None;
        for place in self.places() {
            let part = |axis: Option<usize>| axis.zip(place);
            let parts: Vec<Array> =
                self.inputs.iter().zip(&values).map(|(i, v)| array(v, &i.shape, part(i.split))).collect();
            for (ix, want) in self.expected(device, parts)?.iter().enumerate() {
                let whole = &got[ix];
                let verdict = match part(self.outputs[ix]) {
                    None => compare(&whole.values, want),
                    Some((axis, at)) => compare(&slab(&whole.values, &whole.shape, axis, at), want),
                };
                if worst.as_ref().is_none_or(|w| w.passed && (!verdict.passed || verdict.ratio > w.ratio)) {
                    worst = Some(verdict);
                }
            }
        }
        worst.ok_or_else(|| crate::Error::input("bench", format!("{} has no result", self.name), "report this"))
    }

    /// The reference's results for these inputs. The graph is built on the device, where nothing of it runs.
    fn expected(&self, device: &Device, inputs: Vec<Array>) -> Result<Vec<std::sync::Arc<Array>>> {
        let leaves: Vec<Tensor> = inputs
            .iter()
            .map(|a| match a.dtype {
                DType::U32 => {
                    device.tensor(&a.values.iter().map(|&x| x as u32).collect::<Vec<_>>(), Shape::clone(&a.shape))
                }
                _ => device.tensor(&a.values.iter().map(|&x| x as f32).collect::<Vec<_>>(), Shape::clone(&a.shape)),
            })
            .collect();
        let roots: Vec<Node> = (self.build)(&leaves).iter().map(|t| t.node().cloned()).collect::<Result<_>>()?;
        let mut evaluator = Evaluator::new(&Host::fetch);
        for (leaf, array) in leaves.iter().zip(inputs) {
            evaluator.set(leaf.node()?, array)?;
        }
        evaluator.eval(&roots)
    }
}
