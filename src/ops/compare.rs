//! Comparisons, logic, choice.

use super::Operand;
use super::map::map;
use crate::dtype::DType;
use crate::error::Site;
use crate::graph::Func;
use crate::tensor::Tensor;

macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident => $func:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self, other: impl Operand) -> Tensor {
                map(Func::$func, [self, &other.beside(self, Site::here())])
            }
        )*}
    };
}

comparison! {
    /// `x == y` as `bool`; false for NaN.
    eq => Eq;
    /// `x != y` as `bool`; true for NaN.
    ne => Ne;
    /// `x < y` as `bool`; false for NaN.
    lt => Lt;
    /// `x <= y` as `bool`; false for NaN.
    le => Le;
    /// `x > y` as `bool`; false for NaN.
    gt => Gt;
    /// `x >= y` as `bool`; false for NaN.
    ge => Ge;
}

macro_rules! logical {
    ($($(#[$doc:meta])* $name:ident => $func:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self, other: impl Operand) -> Tensor {
                let other = other.beside(self, Site::here());
                map(Func::$func, [&self.truth(), &other.truth()])
            }
        )*}
    };
}

logical! {
    /// Whether both are true; numbers are true if they are not 0.
    logical_and => And;
    /// Whether one or both are true; numbers are true if they are not 0.
    logical_or => Or;
    /// Whether exactly one is true; numbers are true if they are not 0.
    logical_xor => Xor;
}

impl Tensor {
    /// Whether it is false; numbers are true if they are not 0.
    #[track_caller]
    #[must_use]
    pub fn logical_not(&self) -> Tensor {
        self.truth().bit_not()
    }

    /// `x != 0`, or itself if it is `bool`.
    #[track_caller]
    pub(super) fn truth(&self) -> Tensor {
        match self.dtype() {
            Ok(DType::Bool) | Err(_) => self.clone(),
            Ok(_) => self.ne(super::Fixed(0.0)),
        }
    }

    /// `a` where this condition (`bool`) holds, `b` elsewhere; also called *where*.
    ///
    /// A number takes the dtype of the other choice; two numbers are `f32`. The choice not taken has no influence on the
    /// value, not even if it is NaN.
    ///
    /// # Gradient
    /// That of the result where it is taken, 0 where it is not. If the derivative of the choice not taken is infinite
    /// or NaN, `0 * inf` makes NaN of it: make that choice harmless before (as in `x.gt(0.0).select(&x, 1.0).log()`).
    ///
    /// ```
    /// # fn main() -> ridgepoint::Result<()> {
    /// let device = ridgepoint::Device::cpu()?;
    /// let x = device.tensor(&[-1.0f32, 2.0], [2]);
    /// let y = x.lt(0.0).select(0.0, &x);
    /// assert_eq!(y.read_blocking::<f32>()?, [0.0, 2.0]);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn select(&self, a: impl Operand, b: impl Operand) -> Tensor {
        let like = match (a.tensor(), b.tensor()) {
            (Some(tensor), _) | (None, Some(tensor)) => tensor.clone(),
            (None, None) => self.cast(DType::F32),
        };
        self.select_like(&like, a, b)
    }

    /// [`Tensor::select`] with numbers of the dtype of `like`.
    #[track_caller]
    pub(super) fn select_like(&self, like: &Tensor, a: impl Operand, b: impl Operand) -> Tensor {
        let site = Site::here();
        map(Func::Select, [self, &a.beside(like, site), &b.beside(like, site)])
    }
}
