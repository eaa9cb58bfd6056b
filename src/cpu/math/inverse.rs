#[inline(always)]
pub(super) fn asin<const HW: bool>(x: f32) -> f32 {
    x.asin()
}
#[inline(always)]
pub(super) fn acos<const HW: bool>(x: f32) -> f32 {
    x.acos()
}
#[inline(always)]
pub(super) fn atan<const HW: bool>(x: f32) -> f32 {
    x.atan()
}
#[inline(always)]
pub(super) fn atan2<const HW: bool>(y: f32, x: f32) -> f32 {
    y.atan2(x)
}
