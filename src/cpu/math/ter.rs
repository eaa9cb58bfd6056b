//! Functions of three words; see [`Ter`](super::Ter).
use super::bits;
use super::call::Ternary;
use super::round::{fma, max, min};
use super::table::{f, table};

table! { ($) Ter: Ternary(a, b, c: u32) -> u32, for_each_ternary;
    FFma |a, b, c| fma::<HW>(f(a), f(b), f(c)).to_bits();
    Select |a, b, c| (b & a) | (c & !a);
    ExtractBitsS |a, b, c| bits::extract_signed(a, b, c);
    ExtractBitsU |a, b, c| bits::extract(a, b, c);
    FMix |a, b, c| (f(a) * (1.0 - f(c)) + f(b) * f(c)).to_bits();
    FSmoothStep |a, b, c| {
        let t = min(max((f(c) - f(a)) / (f(b) - f(a)), 0.0), 1.0);
        (t * t * (3.0 - 2.0 * t)).to_bits()
    };
    FClamp |a, b, c| min(max(f(a), f(b)), f(c)).to_bits();
    SClamp |a, b, c| a.cast_signed().max(b.cast_signed()).min(c.cast_signed()).cast_unsigned();
    UClamp |a, b, c| a.max(b).min(c);
}

/// The other form of [`FFma`]: always two roundings. For a device that is set so.
pub struct FMulAdd;
impl Ternary for FMulAdd {
    #[inline(always)]
    fn call<const HW: bool>(a: u32, b: u32, c: u32) -> u32 {
        (f(a) * f(b) + f(c)).to_bits()
    }
}
