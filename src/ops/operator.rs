//! The operators of Rust, between tensors and numbers on either side.

use super::Operand;
use crate::error::Site;
use crate::tensor::Tensor;

macro_rules! operator {
    ($($trait:ident $method:ident $name:ident;)*) => {$(
        impl<T: Operand> std::ops::$trait<T> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                self.$name(other)
            }
        }
        impl<T: Operand> std::ops::$trait<T> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                Tensor::$name(&self, other)
            }
        }
        operator! { @left $trait $method $name f32 }
        operator! { @left $trait $method $name f64 }
        operator! { @left $trait $method $name i32 }
        operator! { @left $trait $method $name u32 }
        operator! { @left $trait $method $name crate::ops::Fixed }
    )*};
    (@left $trait:ident $method:ident $name:ident $number:ty) => {
        impl std::ops::$trait<&Tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                self.beside(other, Site::here()).$name(other)
            }
        }
        impl std::ops::$trait<Tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                self.beside(&other, Site::here()).$name(&other)
            }
        }
    };
}
operator! {
    Add add add;
    Sub sub sub;
    Mul mul mul;
    Div div div;
    Rem rem rem;
    BitAnd bitand bit_and;
    BitOr bitor bit_or;
    BitXor bitxor bit_xor;
}

impl std::ops::Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(self)
    }
}
impl std::ops::Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(&self)
    }
}
impl std::ops::Not for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn not(self) -> Tensor {
        self.bit_not()
    }
}
impl std::ops::Not for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn not(self) -> Tensor {
        self.bit_not()
    }
}
