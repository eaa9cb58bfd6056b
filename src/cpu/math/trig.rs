#[inline(always)]
pub(super) fn sin<const HW: bool>(x: f32) -> f32 {
    x.sin()
}
#[inline(always)]
pub(super) fn cos<const HW: bool>(x: f32) -> f32 {
    x.cos()
}
#[inline(always)]
pub(super) fn tan<const HW: bool>(x: f32) -> f32 {
    x.tan()
}
