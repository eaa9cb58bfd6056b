#[inline(always)]
pub(super) fn pow<const HW: bool>(x: f32, y: f32) -> f32 {
    x.powf(y)
}
