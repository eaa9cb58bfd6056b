//! Where the scalars of a WGSL type lie in memory.

use super::spec::Number;
use half::f16;
use naga::{ArraySize, Handle, Module, Scalar, ScalarKind, Type, TypeInner};

/// A variable's scalars in order, a runtime-sized array at the end being repeated as often as is needed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// Offset and kind of those before the array.
    head: Vec<(usize, Scalar)>,
    /// Those of an element of the array, by offset within it; empty without one.
    element: Vec<(usize, Scalar)>,
    stride: usize,
    /// Where the array begins; without one, the size.
    start: usize,
}

impl Layout {
    pub(super) fn of(module: &Module, ty: Handle<Type>) -> Result<Self, String> {
        let mut layout = Self { head: Vec::new(), element: Vec::new(), stride: 0, start: 0 };
        layout.put(module, ty, 0)?;
        if layout.element.is_empty() {
            layout.start = module.types[ty].inner.size(module.to_ctx()) as usize;
        }
        Ok(layout)
    }

    fn put(&mut self, module: &Module, ty: Handle<Type>, at: usize) -> Result<(), String> {
        match module.types[ty].inner {
            TypeInner::Array { base, size: ArraySize::Dynamic, stride } => {
                let inner = Self::of(module, base)?;
                (self.element, self.stride, self.start) = (inner.head, stride as usize, at);
                Ok(())
            }
            TypeInner::Struct { ref members, .. } => {
                members.iter().try_for_each(|member| self.put(module, member.ty, at + member.offset as usize))
            }
            _ => scalars(module, ty, at, &mut self.head),
        }
    }

    /// Whether it ends with an array without a size.
    pub(super) fn is_open(&self) -> bool {
        !self.element.is_empty()
    }

    /// How many numbers there are with so many elements in the array at the end.
    pub(super) fn numbers(&self, elements: usize) -> usize {
        self.head.len() + elements * self.element.len()
    }

    /// How many elements the array at the end has when there are so many numbers.
    pub(super) fn elements(&self, numbers: usize) -> Result<usize, String> {
        let rest = numbers.checked_sub(self.head.len());
        match rest {
            Some(0) if !self.is_open() => Ok(0),
            Some(rest) if self.is_open() && rest % self.element.len() == 0 => Ok(rest / self.element.len()),
            _ if self.is_open() => Err(format!(
                "it takes {} numbers and a multiple of {}, not {numbers}",
                self.head.len(),
                self.element.len()
            )),
            _ => Err(format!("it takes {} numbers, not {numbers}", self.head.len())),
        }
    }

    pub(super) fn bytes(&self, elements: usize) -> usize {
        (self.start + elements * self.stride).next_multiple_of(4).max(4)
    }

    /// Offset and kind of every number.
    fn places(&self, elements: usize) -> impl Iterator<Item = (usize, Scalar)> + '_ {
        let element =
            move |ix| self.element.iter().map(move |&(at, scalar)| (self.start + ix * self.stride + at, scalar));
        self.head.iter().copied().chain((0..elements).flat_map(element))
    }

    /// Writes numbers to where they belong.
    pub(super) fn encode(&self, numbers: &[Number], bytes: &mut [u8]) -> Result<(), String> {
        let elements = self.elements(numbers.len())?;
        for ((at, scalar), &number) in self.places(elements).zip(numbers) {
            let word = bits(number, scalar)?.to_le_bytes();
            let width = width(scalar);
            bytes[at..at + width].copy_from_slice(&word[..width]);
        }
        Ok(())
    }

    /// Reads all numbers.
    pub(super) fn decode(&self, elements: usize, bytes: &[u8]) -> Vec<Value> {
        let value = |(at, scalar): (usize, Scalar)| {
            let mut word = [0; 8];
            let width = width(scalar);
            word[..width].copy_from_slice(&bytes[at..at + width]);
            Value { bits: u64::from_le_bytes(word), scalar }
        };
        self.places(elements).map(value).collect()
    }

    /// The kind of the n-th number.
    pub(super) fn scalar(&self, ix: usize) -> Scalar {
        match ix.checked_sub(self.head.len()) {
            None => self.head[ix].1,
            Some(rest) => self.element[rest % self.element.len()].1,
        }
    }
}

fn width(scalar: Scalar) -> usize {
    if scalar.kind == ScalarKind::Bool { 4 } else { usize::from(scalar.width) }
}

/// The scalars of a type of fixed size.
fn scalars(module: &Module, ty: Handle<Type>, at: usize, out: &mut Vec<(usize, Scalar)>) -> Result<(), String> {
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => out.push((at, scalar)),
        TypeInner::Vector { size, scalar } => {
            out.extend((0..size as usize).map(|ix| (at + ix * width(scalar), scalar)));
        }
        TypeInner::Matrix { columns, rows, scalar } => {
            let stride = if rows == naga::VectorSize::Bi { 2 } else { 4 } * width(scalar);
            let column = |c: usize| (0..rows as usize).map(move |r| (at + c * stride + r * width(scalar), scalar));
            out.extend((0..columns as usize).flat_map(column));
        }
        TypeInner::Array { base, size: ArraySize::Constant(count), stride } => {
            for ix in 0..count.get() {
                scalars(module, base, at + (ix * stride) as usize, out)?;
            }
        }
        TypeInner::Struct { ref members, .. } => {
            for member in members {
                scalars(module, member.ty, at + member.offset as usize, out)?;
            }
        }
        ref other => return Err(format!("a test cannot give data for {other:?}")),
    }
    Ok(())
}

/// A number as a scalar has it.
fn bits(number: Number, scalar: Scalar) -> Result<u64, String> {
    let whole = match number {
        Number::Int(n) => Some(n),
        Number::Float(x) if x.fract() == 0.0 && x.abs() < 1e30 => Some(x as i128),
        Number::Float(_) => None,
    };
    let fits = |low: i128, high: i128| whole.filter(|n| (low..=high).contains(n)).map(|n| n as u64);
    let mask = if scalar.width == 8 { u64::MAX } else { (1 << (u32::from(scalar.width) * 8)) - 1 };
    let word = match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 2) => Some(u64::from(crate::dtype::to_f16(number.float()).to_bits())),
        (ScalarKind::Float, 4) => Some(u64::from((number.float() as f32).to_bits())),
        (ScalarKind::Float, _) => Some(number.float().to_bits()),
        (ScalarKind::Sint, width) => {
            // the upper half is taken for what its bits say, so that words can be given in hexadecimal
            let bits = u32::from(width) * 8;
            fits(-(1 << (bits - 1)), (1 << bits) - 1)
        }
        (ScalarKind::Uint, width) => fits(0, (1 << (u32::from(width) * 8)) - 1),
        (ScalarKind::Bool, _) => fits(0, 1),
        (ScalarKind::AbstractInt | ScalarKind::AbstractFloat, _) => None,
    };
    let name = Value { bits: 0, scalar }.kind();
    word.map(|word| word & mask).ok_or_else(|| format!("{} is not a value of {name}", number.float()))
}

/// A scalar out of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) bits: u64,
    pub(super) scalar: Scalar,
}

impl Value {
    /// A number as it would be stored.
    pub(super) fn of(number: Number, scalar: Scalar) -> Result<Self, String> {
        Ok(Self { bits: bits(number, scalar)?, scalar })
    }

    /// The same bytes as numbers of another kind; bfloat16 as the binary32 they stand for.
    pub(super) fn view(values: &[Value], kind: &str) -> Result<Vec<Value>, String> {
        let bytes: Vec<u8> =
            values.iter().flat_map(|v| v.bits.to_le_bytes().into_iter().take(width(v.scalar))).collect();
        let half = Scalar { kind: ScalarKind::Float, width: 2 };
        let words = |scalar: Scalar| {
            let (words, _rest) = bytes.as_chunks::<4>();
            words.iter().map(|&w| Value { bits: u64::from(u32::from_le_bytes(w)), scalar }).collect()
        };
        let halves = |scalar: Scalar, shift: u32| {
            let (halves, _rest) = bytes.as_chunks::<2>();
            halves.iter().map(|&h| Value { bits: u64::from(u16::from_le_bytes(h)) << shift, scalar }).collect()
        };
        match kind {
            "f32" => Ok(words(Scalar::F32)),
            "i32" => Ok(words(Scalar::I32)),
            "u32" => Ok(words(Scalar::U32)),
            "f16" => Ok(halves(half, 0)),
            "bf16" => Ok(halves(Scalar::F32, 16)),
            other => Err(format!("`as` is f32, f16, bf16, i32 or u32, not {other:?}")),
        }
    }

    pub(super) fn is_float(self) -> bool {
        self.scalar.kind == ScalarKind::Float
    }

    /// As a float; integers beyond 2^53 are rounded.
    pub(super) fn float(self) -> f64 {
        match (self.scalar.kind, self.scalar.width) {
            (ScalarKind::Float, 2) => f64::from(f16::from_bits(self.bits as u16).to_f32()),
            (ScalarKind::Float, 4) => f64::from(f32::from_bits(self.bits as u32)),
            (ScalarKind::Float, _) => f64::from_bits(self.bits),
            _ => self.int() as f64,
        }
    }

    /// As a whole number.
    pub(super) fn int(self) -> i128 {
        match (self.scalar.kind, self.scalar.width) {
            (ScalarKind::Sint, 2) => i128::from(self.bits as u16 as i16),
            (ScalarKind::Sint, 4) => i128::from(self.bits as u32 as i32),
            (ScalarKind::Sint, _) => i128::from(self.bits as i64),
            _ => i128::from(self.bits),
        }
    }

    /// The name of its kind.
    pub(super) fn kind(self) -> String {
        let letter = match self.scalar.kind {
            ScalarKind::Float | ScalarKind::AbstractFloat => 'f',
            ScalarKind::Sint | ScalarKind::AbstractInt => 'i',
            ScalarKind::Uint => 'u',
            ScalarKind::Bool => return "bool".into(),
        };
        format!("{letter}{}", u32::from(self.scalar.width) * 8)
    }

    /// The distance to another in units in the last place.
    pub(super) fn ulps(self, other: Self) -> f64 {
        if !self.is_float() {
            return (self.int() - other.int()).unsigned_abs() as f64;
        }
        // floats in the order of their values
        let top = 1_i128 << (u32::from(self.scalar.width) * 8 - 1);
        let order = |value: Self| {
            let bits = i128::from(value.bits);
            if bits >= top { top - bits } else { bits }
        };
        (order(self) - order(other)).unsigned_abs() as f64
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.scalar.kind, self.scalar.width) {
            (ScalarKind::Float, 2 | 4) => write!(f, "{:?}", self.float() as f32),
            (ScalarKind::Float, _) => write!(f, "{:?}", self.float()),
            _ => write!(f, "{}", self.int()),
        }
    }
}
