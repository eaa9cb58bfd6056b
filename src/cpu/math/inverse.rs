//! Inverse circular functions. Bounds of error are in units in the last place of the result, over all arguments.
use super::round::{fma, poly};
use core::f32::consts::{FRAC_PI_2, PI};

/// What the nearest f32 to pi / 2 is too great by; twice as much for pi.
const EXCESS: f32 = 4.371_139e-8;

/// Arc tangent of `a` in [0, 1].
#[inline(always)]
fn octant<const HW: bool>(a: f32) -> f32 {
    let z = a * a;
    let q = [
        -3.333_33e-1,
        1.999_854_9e-1,
        -1.426_424_2e-1,
        1.095_218_7e-1,
        -8.403_455e-2,
        5.795_765_7e-2,
        -3.117_790_3e-2,
        1.091_463_3e-2,
        -1.793_627_2e-3,
    ];
    fma::<HW>(a * z, poly::<HW, 9>(z, q), a)
}

/// Arc tangent, within 2 ulp.
#[inline(always)]
pub(super) fn atan<const HW: bool>(x: f32) -> f32 {
    let a = x.abs();
    let steep = a > 1.0;
    let p = octant::<HW>(if steep { 1.0 / a } else { a });
    (if steep { FRAC_PI_2 - (p + EXCESS) } else { p }).copysign(x)
}

/// The angle of the point `(x, y)` in [-pi, pi], within 2 ulp; signed zeros and infinities as IEEE 754 has them.
#[inline(always)]
pub(super) fn atan2<const HW: bool>(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let steep = ay > ax;
    let (small, great) = if steep { (ax, ay) } else { (ay, ax) };
    let ratio = small / great;
    let ratio = if small == f32::INFINITY { 1.0 } else { ratio };
    let ratio = if great == 0.0 { 0.0 } else { ratio };
    let p = octant::<HW>(ratio);
    let p = if steep { FRAC_PI_2 - (p + EXCESS) } else { p };
    let p = if x.is_sign_negative() { PI - (p + 2.0 * EXCESS) } else { p };
    if x.is_nan() | y.is_nan() { f32::NAN } else { p.copysign(y) }
}

/// Of `s` with `z = s^2`, `s` in [0, 1/2]: the arc sine.
#[inline(always)]
fn arc_sine<const HW: bool>(s: f32, z: f32) -> f32 {
    fma::<HW>(s * z, poly::<HW, 5>(z, [1.666_675_2e-1, 7.495_297_5e-2, 4.547_037e-2, 2.417_953e-2, 4.216_629e-2]), s)
}

/// Arc sine, within 2.5 ulp; NaN beyond 1.
#[inline(always)]
pub(super) fn asin<const HW: bool>(x: f32) -> f32 {
    let a = x.abs();
    let outer = a > 0.5;
    let z = if outer { 0.5 * (1.0 - a) } else { a * a };
    let p = arc_sine::<HW>(if outer { z.sqrt() } else { a }, z);
    (if outer { FRAC_PI_2 - (p + p + EXCESS) } else { p }).copysign(x)
}

/// Arc cosine, within 1.5 ulp; NaN beyond 1.
#[inline(always)]
pub(super) fn acos<const HW: bool>(x: f32) -> f32 {
    let a = x.abs();
    let outer = a > 0.5;
    let z = if outer { 0.5 * (1.0 - a) } else { a * a };
    let p = arc_sine::<HW>(if outer { z.sqrt() } else { a }, z);
    let far = if x < 0.0 { PI - (p + p + 2.0 * EXCESS) } else { p + p };
    let near = FRAC_PI_2 - (p.copysign(x) + EXCESS);
    if outer { far } else { near }
}
