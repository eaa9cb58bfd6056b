//! How values are made of words, and how they lie in memory.
use naga::proc::{IndexableLength, Layouter};
use naga::{ArraySize, Handle, Module, Scalar, ScalarKind, Type, TypeInner, VectorSize};

use super::super::tape::Cell;

/// A kind of scalar that registers can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Num {
    F32,
    F16,
    S32,
    U32,
    S16,
    U16,
    S64,
    U64,
    Bool,
}

impl Num {
    /// The kind of a naga scalar.
    pub fn of(s: Scalar) -> Result<Self, String> {
        Ok(match (s.kind, s.width) {
            (ScalarKind::Float, 4) => Self::F32,
            (ScalarKind::Float, 2) => Self::F16,
            (ScalarKind::Sint, 4) => Self::S32,
            (ScalarKind::Uint, 4) => Self::U32,
            (ScalarKind::Sint, 2) => Self::S16,
            (ScalarKind::Uint, 2) => Self::U16,
            (ScalarKind::Sint, 8) => Self::S64,
            (ScalarKind::Uint, 8) => Self::U64,
            (ScalarKind::Bool, _) => Self::Bool,
            (ScalarKind::Float, 8) => return Err("f64 is not supported by the CPU device; use f32".into()),
            (kind, width) => {
                return Err(format!("scalars of kind {kind:?} with {width} bytes are not supported by the CPU device"));
            }
        })
    }
    /// Two words instead of one?
    pub fn is_wide(self) -> bool {
        matches!(self, Self::S64 | Self::U64)
    }
    /// Registers to a scalar.
    pub fn words(self) -> usize {
        1 + usize::from(self.is_wide())
    }
    /// f32 or f16?
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16)
    }
    /// Signed integer?
    pub fn is_signed(self) -> bool {
        matches!(self, Self::S32 | Self::S16 | Self::S64)
    }
    /// Integer of two bytes?
    pub fn is_short(self) -> bool {
        matches!(self, Self::S16 | Self::U16)
    }
}

/// The shape of a value, or of what a pointer points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Array or struct.
    Of(Handle<Type>),
    /// Columns and rows.
    Matrix(VectorSize, VectorSize, Scalar),
    Vector(VectorSize, Scalar),
    Scalar(Scalar),
}

/// An array, matrix or vector seen as a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    pub element: Shape,
    pub stride_bytes: u32,
    pub stride_words: u32,
    /// `None`: known at run time.
    pub count: Option<u32>,
}

/// How a memory variable is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// By the rules of WGSL.
    Wgsl,
    /// Word after word, as in registers: for workgroup variables that hold bools, which have no layout.
    Words,
}

/// Answers all questions about layout.
pub struct Layouts<'m> {
    module: &'m Module,
    layouter: Layouter,
    words: Vec<Option<u32>>,
}

impl<'m> Layouts<'m> {
    /// Of the types of a module.
    pub fn new(module: &'m Module) -> Result<Self, String> {
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).map_err(|e| e.to_string())?;
        let mut this = Self { module, layouter, words: vec![] };
        for (h, _) in module.types.iter() {
            let n = this.count_words(h);
            this.words.push(n);
        }
        Ok(this)
    }
    /// Types stand before those made of them.
    fn count_words(&self, h: Handle<Type>) -> Option<u32> {
        let scalar = |s: Scalar| Num::of(s).ok().map(|n| u32::try_from(n.words()).expect("bug: one or two"));
        match &self.module.types[h].inner {
            TypeInner::Scalar(s) | TypeInner::Atomic(s) => scalar(*s),
            TypeInner::Vector { size, scalar: s } => Some(*size as u32 * scalar(*s)?),
            TypeInner::Matrix { columns, rows, scalar: s } => Some(*columns as u32 * *rows as u32 * scalar(*s)?),
            TypeInner::Array { base, size, .. } => self.words[base.index()]?.checked_mul(self.count(*size).ok()??),
            TypeInner::Struct { members, .. } => {
                members.iter().try_fold(0u32, |sum, m| sum.checked_add(self.words[m.ty.index()]?))
            }
            _ => None,
        }
    }
    /// The number of elements; a size that is an override has its value by now.
    fn count(&self, size: ArraySize) -> Result<Option<u32>, String> {
        match size.resolve(self.module.to_ctx()) {
            Ok(IndexableLength::Known(n)) => Ok(Some(n)),
            Ok(IndexableLength::Dynamic) => Ok(None),
            Err(_) => Err("an array whose size is an override that has no value".into()),
        }
    }
    /// The shape of a type.
    pub fn shape(&self, h: Handle<Type>) -> Shape {
        match self.module.types[h].inner {
            TypeInner::Scalar(s) | TypeInner::Atomic(s) => Shape::Scalar(s),
            TypeInner::Vector { size, scalar } => Shape::Vector(size, scalar),
            TypeInner::Matrix { columns, rows, scalar } => Shape::Matrix(columns, rows, scalar),
            _ => Shape::Of(h),
        }
    }
    /// Registers to a value of this shape.
    pub fn words(&self, s: Shape) -> Result<u32, String> {
        match s {
            Shape::Scalar(s) => Ok(u32::try_from(Num::of(s)?.words()).expect("bug: one or two")),
            Shape::Vector(n, s) => Ok(n as u32 * self.words(Shape::Scalar(s))?),
            Shape::Matrix(columns, rows, s) => Ok(columns as u32 * rows as u32 * self.words(Shape::Scalar(s))?),
            Shape::Of(h) => self.words[h.index()].ok_or_else(|| {
                let ty = &self.module.types[h];
                format!(
                    "values of type {} ({:?}) are not supported by the CPU device",
                    ty.name.as_deref().unwrap_or("without a name"),
                    ty.inner
                )
            }),
        }
    }
    /// Bytes of a type in memory.
    pub fn bytes(&self, h: Handle<Type>, packing: Packing) -> Result<u32, String> {
        match packing {
            Packing::Wgsl => Ok(self.layouter[h].size),
            Packing::Words => Ok(4 * self.words(self.shape(h))?),
        }
    }
    /// A shape as a sequence.
    pub fn sequence(&self, s: Shape, packing: Packing) -> Result<Sequence, String> {
        let (element, stride, count) = match s {
            Shape::Vector(n, s) => (Shape::Scalar(s), u32::from(s.width), Some(n as u32)),
            Shape::Matrix(columns, rows, s) => {
                let stride = u32::from(s.width) * if rows == VectorSize::Bi { 2 } else { 4 };
                (Shape::Vector(rows, s), stride, Some(columns as u32))
            }
            Shape::Scalar(_) => return Err("an index into a scalar".into()),
            Shape::Of(h) => match self.module.types[h].inner {
                TypeInner::Array { base, size, stride } => (self.shape(base), stride, self.count(size)?),
                ref other => return Err(format!("indexing {other:?} is not supported by the CPU device")),
            },
        };
        let stride_words = self.words(element)?;
        let stride_bytes = if packing == Packing::Words { 4 * stride_words } else { stride };
        Ok(Sequence { element, stride_bytes, stride_words, count })
    }
    /// The shape, byte and word position of element or member `ix`.
    pub fn part(&self, s: Shape, ix: u32, packing: Packing) -> Result<(Shape, u32, u32), String> {
        if let Shape::Of(h) = s
            && let TypeInner::Struct { members, .. } = &self.module.types[h].inner
        {
            let mut words = 0;
            for m in &members[..ix as usize] {
                words += self.words(self.shape(m.ty))?;
            }
            let m = &members[ix as usize];
            let bytes = if packing == Packing::Words { 4 * words } else { m.offset };
            return Ok((self.shape(m.ty), bytes, words));
        }
        let q = self.sequence(s, packing)?;
        Ok((q.element, ix.wrapping_mul(q.stride_bytes), ix.wrapping_mul(q.stride_words)))
    }
    /// Every word of a value: its byte position in memory and its cell.
    pub fn cells(&self, s: Shape, packing: Packing, base: u32, out: &mut Vec<(u32, Cell)>) -> Result<(), String> {
        match s {
            _ if packing == Packing::Words => out.extend((0..self.words(s)?).map(|i| (base + 4 * i, Cell::Word))),
            Shape::Scalar(s) => match Num::of(s)? {
                Num::F16 => out.push((base, Cell::F16)),
                Num::S16 => out.push((base, Cell::I16)),
                Num::U16 => out.push((base, Cell::U16)),
                Num::S64 | Num::U64 => out.extend([(base, Cell::Word), (base + 4, Cell::Word)]),
                Num::F32 | Num::S32 | Num::U32 | Num::Bool => out.push((base, Cell::Word)),
            },
            Shape::Of(h) if matches!(self.module.types[h].inner, TypeInner::Struct { .. }) => {
                let TypeInner::Struct { members, .. } = &self.module.types[h].inner else { return Ok(()) };
                for m in members {
                    self.cells(self.shape(m.ty), packing, base + m.offset, out)?;
                }
            }
            Shape::Of(_) | Shape::Vector(..) | Shape::Matrix(..) => {
                let q = self.sequence(s, packing)?;
                let n = q.count.ok_or("a runtime-sized array is not a value")?;
                for i in 0..n {
                    self.cells(q.element, packing, base + i * q.stride_bytes, out)?;
                }
            }
        }
        Ok(())
    }
    /// Does the type hold a bool anywhere?
    pub fn has_bool(&self, h: Handle<Type>) -> bool {
        match &self.module.types[h].inner {
            TypeInner::Scalar(s) | TypeInner::Vector { scalar: s, .. } => s.kind == ScalarKind::Bool,
            TypeInner::Array { base, .. } => self.has_bool(*base),
            TypeInner::Struct { members, .. } => members.iter().any(|m| self.has_bool(m.ty)),
            _ => false,
        }
    }
}
