//! Scalar functions on words: the arithmetic of WGSL, by its specification (integers wrap, division by zero and shifts are
//! defined, conversions saturate) and within its accuracy table. Each is branch-free where it can be, so that a loop over lanes
//! vectorises. The names here are the contract between the lowering (which chooses them) and the machine (which loops over lanes).

//!
//! Each variant of an enum is a type of the same name in the module of its kind ([`un`], [`bin`], [`ter`], [`qua`], [`wide`]) that implements the
//! trait of its arity ([`call`]); `for_each_unary!` and its sisters hand the names of all variants to a macro, so that the machine can compile a
//! loop for each. [`ter::FMulAdd`] is the unfused form of [`ter::FFma`].
pub mod bin;
pub mod call;
pub mod qua;
pub mod ter;
pub mod un;
pub mod wide;

mod bits;
mod divide;
mod exp;
mod half;
mod inverse;
mod log;
mod pack;
mod pow;
mod round;
mod table;
mod trig;

#[cfg(test)]
mod tests;

/// One word in, one word out. F: f32, S: i32, U: u32, B: bool (all ones or zero).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Un {
    FNeg,
    FAbs,
    FSign,
    FFloor,
    FCeil,
    FTrunc,
    /** half to even */
    FRound,
    FFract,
    FSqrt,
    FInvSqrt,
    FExp,
    FExp2,
    FLog,
    FLog2,
    FSin,
    FCos,
    FTan,
    FAsin,
    FAcos,
    FAtan,
    FSinh,
    FCosh,
    FTanh,
    FAsinh,
    FAcosh,
    FAtanh,
    FSaturate,
    FRadians,
    FDegrees,
    /** of frexp: in [0.5, 1) */
    FFrexpFract,
    /** of frexp: an i32 */
    FFrexpExp,
    /** of modf: x - trunc(x), sign of x */
    FModfFract,
    FIsNan,
    FIsInf,
    FIsFinite,
    /** nearest f16, as an f32 (overflow: infinity) */
    RoundF16,
    /** integer negation, wraps */
    INeg,
    /** bitwise; also logical not */
    Not,
    SAbs,
    SSign,
    CountOneBits,
    ReverseBits,
    CountTrailingZeros,
    CountLeadingZeros,
    FirstTrailingBit,
    FirstLeadingBitU,
    FirstLeadingBitS,
    F32ToS32,
    F32ToU32,
    S32ToF32,
    U32ToF32,
    /** 1.0 or 0.0 */
    BToF32,
    /** 1 or 0 */
    BToInt,
    /** not zero */
    IntToB,
    /** not zero; NaN is true */
    FToB,
    /** sign-extends the low 16 bits */
    Ext16S,
    /** zero-extends the low 16 bits */
    Ext16U,
    /** saturates */
    F32ToS16,
    F32ToU16,
    /** f32 of the same value as the f16 in the low half */
    F16BitsToF32,
    /** f16 bits of an f32 in the low half, rounded to nearest even */
    F32ToF16Bits,
}

/// Two words in, one word out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bin {
    FAdd,
    FSub,
    FMul,
    FDiv,
    /** x - y * trunc(x / y) */
    FRem,
    FMin,
    FMax,
    FPow,
    FAtan2,
    /** 1.0 where edge (first) <= x */
    FStep,
    /** x * 2^i, exact */
    FLdexp,
    FLt,
    FLe,
    FEq,
    FNe,
    IAdd,
    ISub,
    IMul,
    /** x / 0 = x, MIN / -1 = MIN */
    SDiv,
    UDiv,
    /** x % 0 = 0, MIN % -1 = 0 */
    SRem,
    URem,
    SMin,
    SMax,
    UMin,
    UMax,
    SLt,
    SLe,
    ULt,
    ULe,
    IEq,
    INe,
    And,
    Or,
    Xor,
    /** first and not second */
    AndNot,
    /** the amount modulo 32 */
    Shl,
    ShrU,
    ShrS,
    Pack2x16Snorm,
    Pack2x16Unorm,
    Pack2x16Float,
    /** component `second` of the unpacked word */
    Unpack4x8Snorm,
    Unpack4x8Unorm,
    Unpack2x16Snorm,
    Unpack2x16Unorm,
    Unpack2x16Float,
    Unpack4xI8,
    Unpack4xU8,
    Dot4I8,
    Dot4U8,
}

/// Three words in, one word out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ter {
    /// x * y + z: fused, or rounded twice, as the device is set.
    FFma,
    /// (condition, accept, reject)
    Select,
    /// (e, offset, count)
    ExtractBitsS,
    ExtractBitsU,
    /// (x, y, t): x * (1 - t) + y * t
    FMix,
    /// (low, high, x)
    FSmoothStep,
    FClamp,
    SClamp,
    UClamp,
}

/// Four words in, one word out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Qua {
    /** (e, newbits, offset, count) */
    InsertBits,
    Pack4x8Snorm,
    Pack4x8Unorm,
    Pack4xI8,
    Pack4xU8,
    Pack4xI8Clamp,
    Pack4xU8Clamp,
}

/// On 64-bit integers (bits of low and high word).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WideUn {
    Neg,
    Not,
    SAbs,
    SSign,
    CountOneBits,
    ReverseBits,
    CountTrailingZeros,
    CountLeadingZeros,
    FirstTrailingBit,
    FirstLeadingBitU,
    FirstLeadingBitS,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WideBin {
    Add,
    Sub,
    Mul,
    SDiv,
    UDiv,
    SRem,
    URem,
    SMin,
    SMax,
    UMin,
    UMax,
    /** amount modulo 64 */
    Shl,
    ShrU,
    ShrS,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WideCmp {
    SLt,
    SLe,
    ULt,
    ULe,
    Eq,
    Ne,
}
/// 32 bits to 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WideFrom {
    /** sign-extends */
    S32,
    U32,
    /** saturates */
    F32ToS64,
    F32ToU64,
}
/// 64 bits to 32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WideInto {
    S64ToF32,
    U64ToF32,
    /** not zero */
    ToB,
}

impl Un {
    /// Does every processor give the same bits? Then [`Un::eval`] may take the place of the machine.
    #[must_use]
    pub fn portable(self) -> bool {
        !matches!(
            self,
            Self::FExp
                | Self::FExp2
                | Self::FLog
                | Self::FLog2
                | Self::FSin
                | Self::FCos
                | Self::FTan
                | Self::FAsin
                | Self::FAcos
                | Self::FAtan
                | Self::FSinh
                | Self::FCosh
                | Self::FTanh
                | Self::FAsinh
                | Self::FAcosh
                | Self::FAtanh
        )
    }
}

impl Bin {
    /// Does every processor give the same bits? Then [`Bin::eval`] may take the place of the machine.
    #[must_use]
    pub fn portable(self) -> bool {
        !matches!(self, Self::FPow | Self::FAtan2)
    }
}

impl Ter {
    /// Does every processor give the same bits? Then [`Ter::eval`] may take the place of the machine.
    #[must_use]
    pub fn portable(self) -> bool {
        self != Self::FFma
    }
}
