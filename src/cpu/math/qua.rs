//! Functions of four words; see [`Qua`](super::Qua).
use super::call::Quaternary;
use super::table::{f, table};
use super::{bits, pack};

table! { ($) Qua: Quaternary(a, b, c, e: u32) -> u32, for_each_quaternary;
    InsertBits |a, b, c, e| bits::insert(a, b, c, e);
    Pack4x8Snorm |a, b, c, e| pack::bytes(pack::snorm8::<HW>(f(a)), pack::snorm8::<HW>(f(b)), pack::snorm8::<HW>(f(c)), pack::snorm8::<HW>(f(e)));
    Pack4x8Unorm |a, b, c, e| pack::bytes(pack::unorm8::<HW>(f(a)), pack::unorm8::<HW>(f(b)), pack::unorm8::<HW>(f(c)), pack::unorm8::<HW>(f(e)));
    Pack4xI8 |a, b, c, e| pack::bytes(a, b, c, e);
    Pack4xU8 |a, b, c, e| pack::bytes(a, b, c, e);
    Pack4xI8Clamp |a, b, c, e| pack::bytes(pack::clamp_signed(a), pack::clamp_signed(b), pack::clamp_signed(c), pack::clamp_signed(e));
    Pack4xU8Clamp |a, b, c, e| pack::bytes(a.min(255), b.min(255), c.min(255), e.min(255));
}
