//! Element types.
//!
//! `F32`, `I32`, `U32` and `Bool` are computed with; `F16` and `BF16` are storage: they are read, moved and written at
//! two bytes an element, and every arithmetic operation on them first widens to `F32` and gives `F32`. Rounding happens
//! in one visible place, the cast to the narrow type (round to nearest, ties to even). With
//! [`Options::half`](crate::run::Options::half) a sum, difference or product of `F16` values that is cast to `F16` is computed
//! by the adapter's own arithmetic: the same number where the adapter follows IEEE 754.

use std::borrow::Cow;
use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16, storage only.
    F16,
    /// bfloat16, storage only.
    BF16,
    /// 32-bit two's complement, wrapping.
    I32,
    /// 32-bit unsigned, wrapping. Indices have this type.
    U32,
    /// True or false; takes a 32-bit word in a buffer because WGSL storage holds no `bool`.
    Bool,
}

/// A binary32 on the same side of every binary16, every bfloat16 and every tie between them as `x`: what is lost of `x` shows in
/// the last bit. Rounding it once more rounds `x` once.
fn sticky(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) == x || !near.is_finite() {
        return near;
    }
    let inward = u32::from(f64::from(near).abs() > x.abs());
    f32::from_bits((near.to_bits() - inward) | 1)
}

/// The nearest binary16, ties to even. (`half`'s own conversion from f64 rounds twice.)
pub(crate) fn to_f16(x: f64) -> half::f16 {
    half::f16::from_f32(sticky(x))
}

/// The nearest bfloat16, ties to even. (`half`'s own conversion from f64 drops the last bits of a binary32.)
pub(crate) fn to_bf16(x: f64) -> half::bf16 {
    half::bf16::from_f32(sticky(x))
}

impl DType {
    /// All of them.
    pub const ALL: [DType; 6] = [DType::F32, DType::F16, DType::BF16, DType::I32, DType::U32, DType::Bool];

    /// Bytes of one element in a buffer.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            DType::F16 | DType::BF16 => 2,
            DType::F32 | DType::I32 | DType::U32 | DType::Bool => 4,
        }
    }

    /// Whether it is a floating-point type.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F16 | DType::BF16)
    }

    /// Whether it is `I32` or `U32`.
    #[must_use]
    pub const fn is_int(self) -> bool {
        matches!(self, DType::I32 | DType::U32)
    }

    /// The type arithmetic happens in: `F32` for the storage floats, itself otherwise.
    #[must_use]
    pub const fn compute(self) -> DType {
        match self {
            DType::F16 | DType::BF16 => DType::F32,
            other => other,
        }
    }

    /// The WGSL type an element has inside an expression.
    #[must_use]
    pub const fn wgsl(self) -> &'static str {
        match self {
            DType::F32 | DType::F16 | DType::BF16 => "f32",
            DType::I32 => "i32",
            DType::U32 => "u32",
            DType::Bool => "bool",
        }
    }

    /// The short name: `f32`, `bf16`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::I32 => "i32",
            DType::U32 => "u32",
            DType::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i32 {}
    impl Sealed for u32 {}
    impl Sealed for bool {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
}

/// A Rust type that a tensor's elements can be uploaded from and read back as.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    /// The matching element type.
    const DTYPE: DType;
    /// The bytes of the elements as a buffer holds them.
    fn to_bytes(data: &[Self]) -> Cow<'_, [u8]>;
    /// The inverse of [`Element::to_bytes`]; `len` elements are taken.
    fn from_bytes(bytes: &[u8], len: usize) -> Vec<Self>;
}

macro_rules! pod_element {
    ($t:ty, $d:expr) => {
        impl Element for $t {
            const DTYPE: DType = $d;
            fn to_bytes(data: &[Self]) -> Cow<'_, [u8]> {
                Cow::Borrowed(bytemuck::cast_slice(data))
            }
            fn from_bytes(bytes: &[u8], len: usize) -> Vec<Self> {
                bytemuck::pod_collect_to_vec(&bytes[..len * size_of::<Self>()])
            }
        }
    };
}
pod_element!(f32, DType::F32);
pod_element!(i32, DType::I32);
pod_element!(u32, DType::U32);
pod_element!(half::f16, DType::F16);
pod_element!(half::bf16, DType::BF16);

impl Element for bool {
    const DTYPE: DType = DType::Bool;
    fn to_bytes(data: &[Self]) -> Cow<'_, [u8]> {
        data.iter().flat_map(|&b| u32::from(b).to_ne_bytes()).collect()
    }
    fn from_bytes(bytes: &[u8], len: usize) -> Vec<Self> {
        bytemuck::pod_collect_to_vec::<u8, u32>(&bytes[..len * 4]).into_iter().map(|w| w != 0).collect()
    }
}

#[cfg(test)]
mod rounding {
    use super::{to_bf16, to_f16};

    #[test]
    fn narrow_floats_are_rounded_once() {
        let above = |tie: f64, by: f64| [tie * (1.0 - by), tie, tie * (1.0 + by)];
        for by in [1e-7, 1e-12, f64::EPSILON] {
            assert_eq!(above(1.0 + 1.0 / 256.0, by).map(|x| to_bf16(x).to_f64()), [1.0, 1.0, 1.0 + 1.0 / 128.0]);
            assert_eq!(above(1.0 + 1.0 / 2048.0, by).map(|x| to_f16(x).to_f64()), [1.0, 1.0, 1.0 + 1.0 / 1024.0]);
            assert_eq!(above(-1.0 - 3.0 / 2048.0, by).map(|x| to_f16(x).to_f64())[0], -1.0 - 1.0 / 1024.0);
        }
        assert_eq!((to_f16(65519.999).to_f64(), to_f16(65520.0).to_f64()), (65504.0, f64::INFINITY));
        assert!(to_f16(f64::NAN).is_nan() && to_bf16(1e300).is_infinite());
        assert_eq!(to_f16(-1e-300).to_bits(), 0x8000);
    }
}
