//! Functions of 64-bit integers; see [`WideUn`](super::WideUn) and its sisters.
use super::call::{WideBinary, WideCompare, WideNarrow, WideUnary, WideWiden};
use super::table::{f, table, truth};

table! { ($) WideUn: WideUnary(a: u64) -> u64, for_each_wide_unary;
    Neg |a| a.wrapping_neg();
    Not |a| !a;
    SAbs |a| a.cast_signed().wrapping_abs().cast_unsigned();
    SSign |a| a.cast_signed().signum().cast_unsigned();
    CountOneBits |a| u64::from(a.count_ones());
    ReverseBits |a| a.reverse_bits();
    CountTrailingZeros |a| u64::from(a.trailing_zeros());
    CountLeadingZeros |a| u64::from(a.leading_zeros());
    FirstTrailingBit |a| if a == 0 { u64::MAX } else { u64::from(a.trailing_zeros()) };
    FirstLeadingBitU |a| 63u64.wrapping_sub(u64::from(a.leading_zeros()));
    FirstLeadingBitS |a| 63u64.wrapping_sub(u64::from((a ^ (a.cast_signed() >> 63).cast_unsigned()).leading_zeros()));
}

table! { ($) WideBin: WideBinary(a, b: u64) -> u64, for_each_wide_binary;
    Add |a, b| a.wrapping_add(b);
    Sub |a, b| a.wrapping_sub(b);
    Mul |a, b| a.wrapping_mul(b);
    SDiv |a, b| a.cast_signed().wrapping_div((b | u64::from(b == 0)).cast_signed()).cast_unsigned();
    UDiv |a, b| a / (b | u64::from(b == 0));
    SRem |a, b| a.cast_signed().wrapping_rem((b | u64::from(b == 0)).cast_signed()).cast_unsigned();
    URem |a, b| a % (b | u64::from(b == 0));
    SMin |a, b| a.cast_signed().min(b.cast_signed()).cast_unsigned();
    SMax |a, b| a.cast_signed().max(b.cast_signed()).cast_unsigned();
    UMin |a, b| a.min(b);
    UMax |a, b| a.max(b);
    Shl |a, b| a.wrapping_shl(b as u32);
    ShrU |a, b| a.wrapping_shr(b as u32);
    ShrS |a, b| a.cast_signed().wrapping_shr(b as u32).cast_unsigned();
}

table! { ($) WideCmp: WideCompare(a, b: u64) -> u32, for_each_wide_compare;
    SLt |a, b| truth(a.cast_signed() < b.cast_signed());
    SLe |a, b| truth(a.cast_signed() <= b.cast_signed());
    ULt |a, b| truth(a < b);
    ULe |a, b| truth(a <= b);
    Eq |a, b| truth(a == b);
    Ne |a, b| truth(a != b);
}

table! { ($) WideFrom: WideWiden(a: u32) -> u64, for_each_wide_widen;
    S32 |a| i64::from(a.cast_signed()).cast_unsigned();
    U32 |a| u64::from(a);
    F32ToS64 |a| (f(a) as i64).cast_unsigned();
    F32ToU64 |a| f(a) as u64;
}

table! { ($) WideInto: WideNarrow(a: u64) -> u32, for_each_wide_narrow;
    S64ToF32 |a| (a.cast_signed() as f32).to_bits();
    U64ToF32 |a| (a as f32).to_bits();
    ToB |a| truth(a != 0);
}
