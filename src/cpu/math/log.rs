#[inline(always)]
pub(super) fn ln<const HW: bool>(x: f32) -> f32 {
    x.ln()
}
#[inline(always)]
pub(super) fn log2<const HW: bool>(x: f32) -> f32 {
    x.log2()
}
#[inline(always)]
pub(super) fn asinh<const HW: bool>(x: f32) -> f32 {
    x.asinh()
}
#[inline(always)]
pub(super) fn acosh<const HW: bool>(x: f32) -> f32 {
    x.acosh()
}
#[inline(always)]
pub(super) fn atanh<const HW: bool>(x: f32) -> f32 {
    x.atanh()
}
