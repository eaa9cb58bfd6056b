//! Host arrays of the reference: values in f64, a bound on the device's error beside each.

use super::ball::Ball;
use super::integer;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::graph::{Data, Node, Storage};
use crate::shape::Shape;
use std::any::Any;
use std::sync::Arc;

/// Elements in f64 (integers and booleans as the f64 that equals them) with absolute error bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The shape.
    pub shape: Shape,
    /// The dtype the device holds.
    pub dtype: DType,
    /// Row-major.
    pub values: Vec<f64>,
    /// The bound per element; empty if all are zero.
    pub errors: Vec<f64>,
}

impl Array {
    /// Values without error.
    #[must_use]
    pub fn exact(shape: impl Into<Shape>, dtype: DType, values: Vec<f64>) -> Self {
        let shape = shape.into();
        assert_eq!(shape.elements(), values.len(), "bug: {} values for the shape {shape}", values.len());
        Self { shape, dtype, values, errors: Vec::new() }
    }

    /// Elements as a program has them.
    #[must_use]
    pub fn of<E: Element>(data: &[E], shape: impl Into<Shape>) -> Self {
        let values = decode(E::DTYPE, &E::to_bytes(data), data.len());
        Self::exact(shape, E::DTYPE, values)
    }

    /// Elements as a buffer holds them; surplus bytes are padding.
    pub fn from_bytes(shape: impl Into<Shape>, dtype: DType, bytes: &[u8]) -> Result<Self> {
        let shape = shape.into();
        let n = shape.elements();
        if (bytes.len() as u64) < n as u64 * dtype.bytes() {
            return Err(Error::input(
                "reference",
                format!("{} bytes for {dtype}{shape}", bytes.len()),
                "the buffer is too short",
            ));
        }
        Ok(Self::exact(shape, dtype, decode(dtype, bytes, n)))
    }

    /// The elements as a buffer holds them; floats are rounded to nearest, integers keep their 32 bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let v = &self.values;
        match self.dtype {
            DType::F32 => v.iter().flat_map(|&x| (x as f32).to_ne_bytes()).collect(),
            DType::F16 => v.iter().flat_map(|&x| crate::dtype::to_f16(x).to_ne_bytes()).collect(),
            DType::BF16 => v.iter().flat_map(|&x| crate::dtype::to_bf16(x).to_ne_bytes()).collect(),
            DType::I32 | DType::U32 | DType::Bool => v.iter().flat_map(|&x| integer::bits(x).to_ne_bytes()).collect(),
        }
    }

    /// One value for every element, without error.
    #[must_use]
    pub fn filled(shape: impl Into<Shape>, dtype: DType, value: f64) -> Self {
        let shape = shape.into();
        let n = shape.elements();
        Self::exact(shape, dtype, vec![value; n])
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The error bound of element `ix`.
    #[must_use]
    pub fn error(&self, ix: usize) -> f64 {
        if self.errors.is_empty() { 0.0 } else { self.errors[ix] }
    }

    /// Element `ix` with its error.
    #[must_use]
    pub fn ball(&self, ix: usize) -> Ball {
        Ball { value: self.values[ix], error: self.error(ix) }
    }

    /// The elements with their errors.
    #[must_use]
    pub fn balls(&self) -> impl ExactSizeIterator<Item = Ball> + '_ {
        (0..self.len()).map(|ix| self.ball(ix))
    }

    /// An array of balls.
    #[must_use]
    pub fn collect(shape: Shape, dtype: DType, balls: impl IntoIterator<Item = Ball>) -> Self {
        let (values, mut errors): (Vec<f64>, Vec<f64>) = balls.into_iter().map(|b| (b.value, b.error)).unzip();
        if errors.iter().all(|&e| e == 0.0) {
            errors = Vec::new();
        }
        let mut array = Self::exact(shape, dtype, values);
        array.errors = errors;
        array
    }
}

fn decode(dtype: DType, bytes: &[u8], n: usize) -> Vec<f64> {
    match dtype {
        DType::F32 => f32::from_bytes(bytes, n).into_iter().map(f64::from).collect(),
        DType::F16 => half::f16::from_bytes(bytes, n).into_iter().map(f64::from).collect(),
        DType::BF16 => half::bf16::from_bytes(bytes, n).into_iter().map(f64::from).collect(),
        DType::I32 => i32::from_bytes(bytes, n).into_iter().map(f64::from).collect(),
        DType::U32 => u32::from_bytes(bytes, n).into_iter().map(f64::from).collect(),
        DType::Bool => bool::from_bytes(bytes, n).into_iter().map(|b| f64::from(u8::from(b))).collect(),
    }
}

/// A leaf that lives in host memory: graphs can be built and evaluated with no device at all.
///
/// ```
/// use ridgepoint::dtype::DType;
/// use ridgepoint::error::Site;
/// use ridgepoint::graph::{Func, Node};
/// use ridgepoint::reference::{Array, Evaluator, Host};
///
/// let x = Host::node(Array::of(&[1.0f32, 4.0], [2]));
/// let y = Node::map(Func::Sqrt, vec![x], Site::here())?;
/// let result = Evaluator::new(&Host::fetch).eval(&[y])?;
/// assert_eq!(result[0].values, [1.0, 2.0]);
/// # Ok::<(), ridgepoint::Error>(())
/// ```
#[derive(Debug)]
pub struct Host(Array);

impl Host {
    /// A leaf of the graph over `array`.
    #[must_use]
    #[track_caller]
    pub fn node(array: Array) -> Node {
        let (shape, dtype) = (array.shape.clone(), array.dtype);
        Node::data(Data(Arc::new(Host(array))), shape, dtype, crate::error::Site::here())
            .expect("bug: an array in memory is within the limits of a shape")
    }

    /// The array of a leaf made by [`Host::node`]: what [`Evaluator::new`](super::Evaluator::new) is given.
    pub fn fetch(data: &Data) -> Result<Array> {
        data.0.as_any().downcast_ref::<Host>().map(|h| h.0.clone()).ok_or_else(|| {
            Error::input(
                "reference",
                "a leaf that does not live in host memory",
                "evaluate it with its device's `verify`",
            )
        })
    }
}

impl Storage for Host {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn padded(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_values_are_one_to_one() {
        let arrays = [
            Array::of(&[1.5f32, -0.0, f32::INFINITY], [3]),
            Array::of(&[i32::MIN, -1, i32::MAX], [3]),
            Array::of(&[0u32, 1, u32::MAX], [3]),
            Array::of(&[true, false, true], [3]),
            Array::of(&[half::f16::MAX, half::f16::from_f32(0.1)], [2]),
            Array::of(&[half::bf16::MAX, half::bf16::from_f32(0.1)], [2]),
        ];
        for array in arrays {
            let back = Array::from_bytes(array.shape.clone(), array.dtype, &array.to_bytes()).unwrap();
            assert_eq!(back, array);
        }
        assert!(Array::from_bytes([3], DType::F32, &[0; 8]).is_err());
    }
}
