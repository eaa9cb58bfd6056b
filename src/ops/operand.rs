//! What can stand beside a tensor in a formula: another tensor or a number.

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::Node;
use crate::tensor::Tensor;

/// A number that is part of the program's structure, like the 2 in `2x`: it is written into the shader (and may be
/// folded), so another value is another program. A plain number is data: another value runs the same shader.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fixed(pub f64);

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::tensor::Tensor {}
    impl Sealed for &crate::tensor::Tensor {}
    impl Sealed for super::Fixed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for i32 {}
    impl Sealed for u32 {}
    impl Sealed for bool {}
}

/// A tensor, or a number that takes the dtype of the tensor it meets.
pub trait Operand: sealed::Sealed {
    /// Itself as a tensor beside `like`.
    #[doc(hidden)]
    fn beside(self, like: &Tensor, site: Site) -> Tensor;
    /// Itself, if it is a tensor.
    #[doc(hidden)]
    fn tensor(&self) -> Option<&Tensor>;
}

impl Operand for Tensor {
    fn beside(self, _like: &Tensor, _site: Site) -> Tensor {
        self
    }
    fn tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}
impl Operand for &Tensor {
    fn beside(self, _like: &Tensor, _site: Site) -> Tensor {
        self.clone()
    }
    fn tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}

macro_rules! number {
    ($($t:ty, $value:expr, $fixed:expr;)*) => {$(
        impl Operand for $t {
            fn beside(self, like: &Tensor, site: Site) -> Tensor {
                let value: fn($t) -> f64 = $value;
                Tensor::new(like.device(), number(value(self), $fixed, like, site))
            }
            fn tensor(&self) -> Option<&Tensor> {
                None
            }
        }
    )*};
}
number! {
    f32, f64::from, false;
    f64, |x| x, false;
    i32, f64::from, false;
    u32, f64::from, false;
    bool, |x| f64::from(u8::from(x)), false;
    Fixed, |x| x.0, true;
}

fn number(value: f64, fixed: bool, like: &Tensor, site: Site) -> Result<Node> {
    constant(value, fixed, like.dtype()?.compute(), site)
}

/// A scalar node, if `dtype` can hold the number.
pub(super) fn constant(value: f64, fixed: bool, dtype: DType, site: Site) -> Result<Node> {
    let held = match dtype {
        DType::F32 | DType::F16 | DType::BF16 => true,
        DType::I32 => value == f64::from(value as i32),
        DType::U32 => value == f64::from(value as u32),
        DType::Bool => value == 0.0 || value == 1.0,
    };
    if !held {
        let message = format!("{value} beside a tensor of dtype {dtype}, which cannot hold it");
        return Err(Error::argument("number", message, "cast the tensor, to f32 for a fraction", site));
    }
    Node::constant(value, fixed, dtype, site)
}
