//! Half precision: conversion by integer arithmetic and one float addition, which vectorises without instructions for it.
use super::table::f;

/// The least normal f16, 2^-14, as an f32.
const NORMAL: u32 = 113 << 23;
/// 2^16: not a finite f16 any more.
const OVER: u32 = 143 << 23;
const INFINITY: u32 = 0x7f80_0000;

/// The nearest f16, half to even, as an f32.
#[inline(always)]
pub(super) fn round(a: u32) -> u32 {
    let (sign, m) = (a & 0x8000_0000, a & 0x7fff_ffff);
    // to a multiple of 2^-24: that is the unit of f32 numbers in [0.5, 1)
    let small = ((f(m) + 0.5) - 0.5).to_bits();
    let normal = m.wrapping_add(0xfff + (m >> 13 & 1)) & !0x1fff;
    let r = if m < NORMAL { small } else { normal };
    let r = if r >= OVER { INFINITY } else { r };
    sign | if m > INFINITY { m | 0x40_0000 } else { r }
}

/// f16 bits of the nearest f16, half to even.
#[inline(always)]
pub(super) fn from_f32(a: u32) -> u32 {
    let (sign, m) = (a >> 16 & 0x8000, a & 0x7fff_ffff);
    let small = (f(m) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
    let normal = m.wrapping_add(0xfff + (m >> 13 & 1)).wrapping_sub(112 << 23) >> 13;
    let r = if m < NORMAL { small } else { normal };
    let r = if m >= OVER { 0x7c00 } else { r };
    sign | if m > INFINITY { 0x7e00 } else { r }
}

/// The f32 of the same value as the f16 in the low half.
#[inline(always)]
pub(super) fn to_f32(a: u32) -> u32 {
    let (sign, m) = (a << 16 & 0x8000_0000, a & 0x7fff);
    let normal = (m << 13).wrapping_add(112 << 23);
    // the subnormal m 2^-24: as the fraction of a number in [2^-14, 2^-13), less 2^-14
    let small = (f((m << 13).wrapping_add(NORMAL)) - f(NORMAL)).to_bits();
    let r = if m < 0x400 { small } else { normal };
    sign | if m >= 0x7c00 { m << 13 | INFINITY } else { r }
}
