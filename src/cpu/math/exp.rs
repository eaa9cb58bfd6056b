#[inline(always)]
pub(super) fn exp<const HW: bool>(x: f32) -> f32 {
    x.exp()
}
#[inline(always)]
pub(super) fn exp2<const HW: bool>(x: f32) -> f32 {
    x.exp2()
}
#[inline(always)]
pub(super) fn sinh<const HW: bool>(x: f32) -> f32 {
    x.sinh()
}
#[inline(always)]
pub(super) fn cosh<const HW: bool>(x: f32) -> f32 {
    x.cosh()
}
#[inline(always)]
pub(super) fn tanh<const HW: bool>(x: f32) -> f32 {
    x.tanh()
}
