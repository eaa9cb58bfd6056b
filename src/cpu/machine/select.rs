//! Which code runs a pure operation: one for each function, kind of operands and instruction set.
use super::super::math::{self, Bin, Qua, Ter, Un, WideBin, WideCmp, WideFrom, WideInto, WideUn};
use super::arith::{
    BinLane, BinUniform, QuaAny, QuaUniform, TerAny, TerLane, TerUniform, UnLane, UnUniform, WideBinLane,
    WideBinUniform, WideCmpLane, WideCmpUniform, WideFromLane, WideFromUniform, WideIntoLane, WideIntoUniform,
    WideUnLane, WideUnUniform,
};
use super::context::Run;
use super::simd::Isa;

/// Of one operand; `lane`: the destination is a lane register.
pub fn unary(isa: Isa, f: Un, lane: bool) -> Run {
    macro_rules! pick {
        ($($name:ident)*) => {
            match (f, lane) { $(
                (Un::$name, true) => isa.code::<UnLane<math::un::$name>>(),
                (Un::$name, false) => isa.code::<UnUniform<math::un::$name>>(),
            )* }
        };
    }
    math::un::for_each_unary!(pick)
}

/// Of two operands, of which these are uniform.
pub fn binary(isa: Isa, f: Bin, uniform: [bool; 2]) -> Run {
    macro_rules! pick {
        ($($name:ident)*) => {
            match (f, uniform) { $(
                (Bin::$name, [false, false]) => isa.code::<BinLane<math::bin::$name, false, false>>(),
                (Bin::$name, [true, false]) => isa.code::<BinLane<math::bin::$name, true, false>>(),
                (Bin::$name, [false, true]) => isa.code::<BinLane<math::bin::$name, false, true>>(),
                (Bin::$name, [true, true]) => isa.code::<BinUniform<math::bin::$name>>(),
            )* }
        };
    }
    math::bin::for_each_binary!(pick)
}

/// Of three operands, of which these are uniform; `fused`: a multiply-add rounds once where the processor can.
pub fn ternary(isa: Isa, f: Ter, uniform: [bool; 3], fused: bool) -> Run {
    macro_rules! kinds {
        ($function:ty) => {
            match uniform {
                [false, false, false] => isa.code::<TerLane<$function, false, false>>(),
                [false, true, false] => isa.code::<TerLane<$function, true, false>>(),
                [false, false, true] => isa.code::<TerLane<$function, false, true>>(),
                [false, true, true] => isa.code::<TerLane<$function, true, true>>(),
                [true, true, true] => isa.code::<TerUniform<$function>>(),
                _ => isa.code::<TerAny<$function>>(),
            }
        };
    }
    macro_rules! pick {
        ($($name:ident)*) => {
            match f {
                Ter::FFma if !fused => kinds!(math::ter::FMulAdd),
                $( Ter::$name => kinds!(math::ter::$name), )*
            }
        };
    }
    math::ter::for_each_ternary!(pick)
}

/// Of four operands; `lane`: the destination is a lane register.
pub fn quaternary(isa: Isa, f: Qua, lane: bool) -> Run {
    macro_rules! pick {
        ($($name:ident)*) => {
            match (f, lane) { $(
                (Qua::$name, true) => isa.code::<QuaAny<math::qua::$name>>(),
                (Qua::$name, false) => isa.code::<QuaUniform<math::qua::$name>>(),
            )* }
        };
    }
    math::qua::for_each_quaternary!(pick)
}

/// The five forms of 64-bit functions. `($)` first, because the inner macro needs a dollar of its own.
macro_rules! wide {
    (($d:tt) $($select:ident $enum:ident $each:ident $lane:ident $uniform:ident;)*) => { $(
        /// Of 64-bit operands; `lane`: the destination is a lane register.
        pub fn $select(isa: Isa, f: $enum, lane: bool) -> Run {
            macro_rules! pick {
                ($d($d name:ident)*) => {
                    match (f, lane) { $d(
                        ($enum::$d name, true) => isa.code::<$lane<math::wide::$d name>>(),
                        ($enum::$d name, false) => isa.code::<$uniform<math::wide::$d name>>(),
                    )* }
                };
            }
            math::wide::$each!(pick)
        }
    )* };
}
wide! { ($)
    wide_unary WideUn for_each_wide_unary WideUnLane WideUnUniform;
    wide_binary WideBin for_each_wide_binary WideBinLane WideBinUniform;
    wide_compare WideCmp for_each_wide_compare WideCmpLane WideCmpUniform;
    wide_from WideFrom for_each_wide_widen WideFromLane WideFromUniform;
    wide_into WideInto for_each_wide_narrow WideIntoLane WideIntoUniform;
}
