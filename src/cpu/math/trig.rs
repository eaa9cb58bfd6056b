//! Sine, cosine and tangent, of any argument: within 1.7 ulp (tangent: 4.5). An argument below [`NEAR`] is reduced by multiples of pi / 2 in double
//! precision, in two parts; a line of lanes with greater ones takes them through the exact reduction by 192 bits of 2 / pi.
use super::call::Line;
use super::round::{fma, fma64, poly};
use core::f64::consts::FRAC_2_PI;

/// Up to here the multiple has less than 20 bits, and its product with the first part of pi / 2 is exact.
const NEAR: f32 = 1_000_000.0;
/// Adding it leaves the nearest integer in the low bits.
const LOW: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
/// pi / 2: its first 33 bits, and the rest.
const FRAC_PI_2: [f64; 2] = [f64::from_bits(0x3ff9_21fb_5440_0000), f64::from_bits(0x3dd0_b461_1a62_6331)];

/// What is left of `x` in [-pi/4, pi/4], and the number of quarter turns taken away.
#[inline(always)]
fn reduce_near<const HW: bool>(x: f32) -> (f32, u32) {
    let x = f64::from(x);
    let t = fma64::<HW>(x, FRAC_2_PI, LOW);
    let k = t - LOW;
    let r = fma64::<HW>(k, -FRAC_PI_2[1], fma64::<HW>(k, -FRAC_PI_2[0], x));
    (r as f32, t.to_bits() as u32)
}

/// The same for any finite `x`: the 24 bits of `x` times those bits of 2 / pi that can matter.
#[cold]
#[inline(never)]
fn reduce_far(x: f32) -> (f32, u32) {
    const TWO_OVER_PI: [u32; 24] = [
        0xa2,
        0xa2f9,
        0xa2_f983,
        0xa2f9_836e,
        0xf983_6e4e,
        0x836e_4e44,
        0x6e4e_4415,
        0x4e44_1529,
        0x4415_29fc,
        0x1529_fc27,
        0x29fc_2757,
        0xfc27_57d1,
        0x2757_d1f5,
        0x57d1_f534,
        0xd1f5_34dd,
        0xf534_ddc0,
        0x34dd_c0db,
        0xddc0_db62,
        0xc0db_6295,
        0xdb62_9599,
        0x6295_993c,
        0x9599_3c43,
        0x993c_4390,
        0x3c43_9041,
    ];
    let bits = x.to_bits();
    let at = (bits >> 26 & 15) as usize;
    let m = ((bits & 0x7f_ffff) | 0x80_0000) << (bits >> 23 & 7);
    let product = |i: usize| u64::from(m) * u64::from(TWO_OVER_PI[at + i]);
    let high = u64::from(m.wrapping_mul(TWO_OVER_PI[at]));
    let turns = (high << 32 | product(8) >> 32).wrapping_add(product(4));
    // two bits of quarter turns, then a binary fraction of one
    let quarter = turns.wrapping_add(1 << 61) >> 62;
    let fraction = turns.wrapping_sub(quarter << 62).cast_signed();
    let r = fraction as f64 * (core::f64::consts::FRAC_PI_2 / (1u64 << 62) as f64);
    let (r, quarter) = if x < 0.0 { (-r, quarter.wrapping_neg()) } else { (r, quarter) };
    (r as f32, quarter as u32)
}

/// Finite and not below [`NEAR`]?
#[inline(always)]
fn far(a: u32) -> bool {
    (a & 0x7fff_ffff).wrapping_sub(NEAR.to_bits()) < 0x7f80_0000 - NEAR.to_bits()
}

/// Sine and cosine of `r` in [-pi/4, pi/4].
#[inline(always)]
fn eighth<const HW: bool>(r: f32) -> (f32, f32) {
    let z = r * r;
    let s = fma::<HW>(r * z, poly::<HW, 3>(z, [-1.666_665_5e-1, 8.332_16e-3, -1.951_521_8e-4]), r);
    let c = poly::<HW, 3>(z, [4.166_664_6e-2, -1.388_731_5e-3, 2.443_308_2e-5]);
    // of a zero the sign counts
    (s.copysign(r), fma::<HW>(z * z, c, fma::<HW>(z, -0.5, 1.0)))
}

/// A function of the reduced argument.
pub(super) trait Circular {
    /// Its value at `r + k pi / 2`.
    fn value<const HW: bool>(r: f32, k: u32) -> f32;
}

/// Its sign changed where bit 1 of `k` is set.
#[inline(always)]
fn turn(x: f32, k: u32) -> f32 {
    f32::from_bits(x.to_bits() ^ (k & 2) << 30)
}

pub(super) struct Sin;
impl Circular for Sin {
    #[inline(always)]
    fn value<const HW: bool>(r: f32, k: u32) -> f32 {
        let (s, c) = eighth::<HW>(r);
        turn(if k & 1 == 0 { s } else { c }, k)
    }
}

pub(super) struct Cos;
impl Circular for Cos {
    #[inline(always)]
    fn value<const HW: bool>(r: f32, k: u32) -> f32 {
        let (s, c) = eighth::<HW>(r);
        turn(if k & 1 == 0 { c } else { s }, k.wrapping_add(1))
    }
}

pub(super) struct Tan;
impl Circular for Tan {
    #[inline(always)]
    fn value<const HW: bool>(r: f32, k: u32) -> f32 {
        let (s, c) = eighth::<HW>(r);
        if k & 1 == 0 { s / c } else { -c / s }
    }
}

/// The value in one lane.
#[inline(always)]
pub(super) fn lane<const HW: bool, F: Circular>(a: u32) -> u32 {
    let x = f32::from_bits(a);
    let (r, k) = if far(a) { reduce_far(x) } else { reduce_near::<HW>(x) };
    F::value::<HW>(r, k).to_bits()
}

/// The values in a line of lanes.
#[inline(always)]
pub(super) fn lanes<const HW: bool, F: Circular>(a: &Line) -> Line {
    let mut d = [0; 16];
    let mut any = false;
    for i in 0..16 {
        let (r, k) = reduce_near::<HW>(f32::from_bits(a[i]));
        d[i] = F::value::<HW>(r, k).to_bits();
        any |= far(a[i]);
    }
    if any {
        for i in 0..16 {
            if far(a[i]) {
                d[i] = lane::<HW, F>(a[i]);
            }
        }
    }
    d
}
