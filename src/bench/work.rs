//! What is timed of the engine: expressions as a user writes them, with the bytes they cannot help moving, the operations
//! they cannot help doing, and how their results are checked at full size.

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::Node;
use crate::reference::tol::sum_depth;
use crate::reference::{Array, Ball, Verdict, compare};
use crate::run::Device;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

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

/// What the reference makes of slices of the inputs along their `split`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nothing: it takes whole inputs.
    Whole,
    /// The slice of the result along this axis.
    Along(usize),
    /// A part of a sum over all elements. Of a [`Work`] that repeats itself.
    Sum,
    /// The same of a mean.
    Mean,
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
    /// How each result is made up.
    pub outputs: Vec<Output>,
    /// The slices of the inputs along their `split` repeat themselves after so many; 0: they do not. Then the reference
    /// computes so many slices and knows the whole result.
    pub period: usize,
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
    #[must_use]
    pub fn real(shape: &[usize], split: Option<usize>) -> Input {
        Input { shape: shape.to_vec(), fill: Fill::Real, split }
    }

    /// With other numbers.
    #[must_use]
    pub fn filled(self, fill: Fill) -> Input {
        Input { fill, ..self }
    }

    fn values(&self, seed: u64, period: usize) -> Values {
        let own = match self.split {
            Some(axis) if period > 0 => Input { shape: with(&self.shape, axis, period), ..self.clone() },
            _ => return self.fresh(seed),
        };
        let (axis, n) = (self.split.unwrap_or(0), self.shape[self.split.unwrap_or(0)]);
        match own.fresh(seed) {
            Values::Real(x) => Values::Real(repeated(&x, &own.shape, axis, n)),
            Values::Index(x) => Values::Index(repeated(&x, &own.shape, axis, n)),
        }
    }

    /// Numbers that do not repeat themselves.
    fn fresh(&self, seed: u64) -> Values {
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
    pub(super) fn on(&self, device: &Device, seed: u64) -> Tensor {
        self.tensor(device, &self.fresh(seed))
    }

    fn tensor(&self, device: &Device, values: &Values) -> Tensor {
        match values {
            Values::Real(x) => device.tensor(x, self.shape.as_slice()),
            Values::Index(x) => device.tensor(x, self.shape.as_slice()),
        }
    }
}

/// A shape with another length along an axis.
fn with(shape: &[usize], axis: usize, length: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape[axis] = length;
    shape
}

/// A row-major array, its slices along an axis repeated up to `n` of them.
fn repeated<T: Copy>(data: &[T], shape: &[usize], axis: usize, n: usize) -> Vec<T> {
    let inner: usize = shape[axis + 1..].iter().product();
    data.chunks_exact(shape[axis] * inner).flat_map(|plane| plane.iter().cycle().take(n * inner).copied()).collect()
}

/// The slice at `at` of a row-major array along an axis, which stays with length 1.
fn slab<T: Copy>(data: &[T], shape: &[usize], axis: usize, at: usize) -> Vec<T> {
    let inner: usize = shape[axis + 1..].iter().product();
    data.chunks_exact(shape[axis] * inner).flat_map(|plane| plane[at * inner..][..inner].iter().copied()).collect()
}

fn array(values: &Values, shape: &[usize], part: Option<(usize, usize)>) -> Array {
    let dims = part.map_or_else(|| shape.to_vec(), |(axis, _)| with(shape, axis, 1));
    match (values, part) {
        (Values::Real(x), None) => Array::of(x, dims.as_slice()),
        (Values::Index(x), None) => Array::of(x, dims.as_slice()),
        (Values::Real(x), Some((axis, at))) => Array::of(&slab(x, shape, axis, at), dims.as_slice()),
        (Values::Index(x), Some((axis, at))) => Array::of(&slab(x, shape, axis, at), dims.as_slice()),
    }
}

/// Lengths, for people.
pub(super) fn size(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

impl Work {
    /// One bound by memory, which moves what its inputs and `written` elements take.
    #[must_use]
    pub fn new(
        name: &str,
        inputs: Vec<Input>,
        written: usize,
        outputs: Vec<Output>,
        build: impl Fn(&[Tensor]) -> Vec<Tensor> + 'static,
    ) -> Work {
        let read: usize = inputs.iter().map(|i| i.shape.iter().product::<usize>()).sum();
        Work {
            name: name.into(),
            size: inputs.first().map(|i| size(&i.shape)).unwrap_or_default(),
            bytes: 4.0 * (read + written) as f64,
            flops: 0.0,
            computes: false,
            inputs,
            outputs,
            period: 0,
            build: Box::new(build),
        }
    }

    /// With so many operations for each element of the first input.
    #[must_use]
    pub fn ops(self, each: f64) -> Work {
        let elements: usize = self.inputs.first().map_or(0, |i| i.shape.iter().product());
        Work { flops: each * elements as f64, ..self }
    }

    /// With inputs that repeat themselves.
    #[must_use]
    pub fn repeating(self, period: usize) -> Work {
        Work { period, ..self }
    }

    fn values(&self) -> Vec<Values> {
        self.inputs.iter().zip(1..).map(|(input, seed)| input.values(seed, self.period)).collect()
    }

    /// The inputs on a device.
    pub(super) fn upload(&self, device: &Device) -> Vec<Tensor> {
        self.inputs.iter().zip(&self.values()).map(|(input, values)| input.tensor(device, values)).collect()
    }

    /// The number of slices; `None` if the reference takes whole inputs.
    fn slices(&self) -> Option<usize> {
        self.inputs.iter().filter_map(|i| i.split.map(|axis| i.shape[axis])).max()
    }

    /// Slices that the reference computes: a period, or the ends and two places between.
    fn places(&self) -> Vec<Option<usize>> {
        match (self.slices(), self.period) {
            (None, _) => vec![None],
            (Some(n), 0) => {
                let mut places = vec![0, n / 3, n * 7 / 11, n.saturating_sub(1)];
                places.dedup();
                places.into_iter().map(Some).collect()
            }
            (Some(n), period) => (0..period.min(n)).map(Some).collect(),
        }
    }

    /// Slices that are like the one at a place, itself among them.
    fn alike(&self, place: usize) -> impl Iterator<Item = usize> {
        let (n, period) = (self.slices().unwrap_or(0), self.period);
        (place..n).step_by(period.max(1)).take(if period > 0 { n } else { 1 })
    }

    /// The results of a device against the f64 reference, at full size: all of them, or where they are independent along an
    /// axis those at some places, whose inputs alone the reference then needs; all again where inputs repeat themselves.
    ///
    /// # Errors
    /// The device's, or the expression's. A wrong result is a verdict.
    pub(super) fn verify(&self, device: &Device, results: &[Tensor]) -> Result<Verdict> {
        let nodes: Vec<Node> = results.iter().map(|t| t.node().cloned()).collect::<Result<_>>()?;
        let got = pollster::block_on(device.arrays(&nodes))?;
        let values = self.values();
        let mut totals: Vec<Ball> = vec![Ball::exact(0.0); results.len()];
        let mut verdicts = Vec::new();
        for place in self.places() {
            let part = |axis: Option<usize>| axis.zip(place);
            let parts: Vec<Array> =
                self.inputs.iter().zip(&values).map(|(i, v)| array(v, &i.shape, part(i.split))).collect();
            for (ix, want) in self.expected(device, parts)?.iter().enumerate() {
                let whole = &got[ix];
                match (self.outputs[ix], place) {
                    (Output::Along(axis), Some(place)) => verdicts.extend(
                        self.alike(place).map(|at| compare(&slab(&whole.values, &whole.shape, axis, at), want)),
                    ),
                    (Output::Sum | Output::Mean, Some(place)) => self.add(&mut totals[ix], ix, place, want.ball(0)),
                    _ => verdicts.push(compare(&whole.values, want)),
                }
            }
        }
        for (ix, total) in totals.iter().enumerate().filter(|(ix, _)| self.is_total(*ix)) {
            let want = Array::collect(got[ix].shape.clone(), got[ix].dtype, [*total]);
            verdicts.push(compare(&got[ix].values, &want));
        }
        let worse = |a: Verdict, b: Verdict| {
            if a.passed && (!b.passed || b.ratio > a.ratio) { b } else { a }
        };
        let nothing = || crate::Error::input("bench", format!("{} has no result", self.name), "report this");
        verdicts.into_iter().reduce(worse).ok_or_else(nothing)
    }

    fn is_total(&self, ix: usize) -> bool {
        matches!(self.outputs[ix], Output::Sum | Output::Mean)
    }

    /// What the slices like the one at a place contribute to a sum or mean of all. Errors add up like the values, as long as
    /// the sum over a slice may already be as deep as any: then every term was given the roundings of the whole sum.
    fn add(&self, total: &mut Ball, ix: usize, place: usize, part: Ball) {
        let slices = self.slices().unwrap_or(1);
        let elements: usize = self.inputs[0].shape.iter().product();
        assert!(
            self.period > 0 && sum_depth(elements / slices) == sum_depth(elements),
            "bug: {} is no sum of its slices",
            self.name
        );
        let count = self.alike(place).count() as f64;
        let weight = if self.outputs[ix] == Output::Mean { count / slices as f64 } else { count };
        *total = Ball { value: total.value + weight * part.value, error: total.error + weight * part.error };
    }

    /// The reference's results for these inputs. The graph is built on the device, where nothing of it runs.
    fn expected(&self, device: &Device, inputs: Vec<Array>) -> Result<Vec<Arc<Array>>> {
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
        let mut evaluator = pollster::block_on(device.reference(&roots))?;
        for (leaf, array) in leaves.iter().zip(inputs) {
            evaluator.set(leaf.node()?, array)?;
        }
        evaluator.eval(&roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squares, their sum, and the mean of the numbers; each wrong by `off` where it is not to be right.
    fn work(off: [f64; 3]) -> Work {
        let outputs = vec![Output::Along(0), Output::Sum, Output::Mean];
        Work::new("squares", vec![Input::real(&[10, 4096], Some(0))], 4096, outputs, move |x| {
            let squares = x[0].square() + off[0];
            vec![squares.clone(), x[0].square().sum_all() + off[1], x[0].mean(..) + off[2]]
        })
        .repeating(3)
    }

    #[test]
    fn a_result_is_known_from_one_period_of_its_inputs() {
        let device = Device::cpu().expect("always there");
        let right = work([0.0; 3]);
        let inputs = right.upload(&device);
        let rows = inputs[0].read_blocking::<f32>().expect("numbers");
        assert!(rows[..3 * 4096] == rows[3 * 4096..6 * 4096] && rows[..4096] == rows[9 * 4096..]);
        let verdict = right.verify(&device, &(right.build)(&inputs)).expect("computes");
        assert!(verdict.passed && verdict.ratio < 0.5, "{verdict}");
        // about the size of the bounds: a hundredth of a unit of 1 in squares, sums of 40960 of them
        for off in [[1e-5, 0.0, 0.0], [0.0, 100.0, 0.0], [0.0, 0.0, 1e-2]] {
            let results = (work(off).build)(&inputs);
            let verdict = right.verify(&device, &results).expect("computes");
            assert!(!verdict.passed, "{off:?}: {verdict}");
        }
        // one wrong number in the last row, which the reference does not compute
        let mut squares = (right.build)(&inputs);
        let spoilt: Vec<f32> = rows.iter().enumerate().map(|(i, x)| x * x + f32::from(u8::from(i == 40_000))).collect();
        squares[0] = device.tensor(&spoilt, [10, 4096]);
        let verdict = right.verify(&device, &squares).expect("computes");
        assert!(!verdict.passed && verdict.worst_index == 40_000 - 9 * 4096, "{verdict}");
    }
}
