//! The instruction sets that instructions are compiled for, and the few steps that are written by hand for each: moving sixteen
//! elements of several words between memory and registers, and gathers. All else is plain loops over sixteen words, which the compiler
//! turns into vectors under `#[target_feature]`.
#![expect(
    unsafe_code,
    reason = "vector intrinsics and reads through pointers; the callers in `memory` check the bounds"
)]
use super::context::{Context, Ins, Run};
use super::line::{LANES, Words};

/// An instruction set of the host processor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isa {
    /// What the program was compiled for.
    Portable,
    /// x86-64 with AVX2, FMA, BMI2 and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL and DQ besides.
    Avx512,
}

/// The best that the processor has.
impl Default for Isa {
    fn default() -> Self {
        Self::best()
    }
}

impl Isa {
    /// The widest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("f16c");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            match (avx2, avx512) {
                (true, true) => return Self::Avx512,
                (true, false) => return Self::Avx2,
                _ => {}
            }
        }
        Self::Portable
    }

    /// All that this processor has.
    #[must_use]
    pub fn available() -> &'static [Self] {
        let all = &[Self::Portable, Self::Avx2, Self::Avx512];
        &all[..=Self::best() as usize]
    }

    /// The code of a handler for this instruction set, or for the best there is where this processor lacks it.
    #[must_use]
    pub fn code<H: Handler>(self) -> Run {
        match self.min(Self::best()) {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::<H>,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::<H>,
            _ => portable::<H>,
        }
    }
}

/// An instruction's code, written once and compiled for each instruction set.
pub trait Handler {
    /// Runs the instruction at `pc` and returns the position of the next. `HW`: see `math::call`.
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize;
}

/// What an instruction does, where the next one always follows.
pub trait Straight {
    /// Runs the instruction.
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins);
}

impl<T: Straight> Handler for T {
    #[inline(always)]
    fn run<S: Simd, const HW: bool>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
        <T as Straight>::run::<S, HW>(c, i);
        pc + 1
    }
}

unsafe fn portable<H: Handler>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
    H::run::<Portable, false>(c, i, pc)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt,f16c")]
unsafe fn avx2<H: Handler>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
    H::run::<Avx2, true>(c, i, pc)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi1,bmi2,lzcnt,popcnt,f16c")]
unsafe fn avx512<H: Handler>(c: &mut Context<'_>, i: &Ins, pc: usize) -> usize {
    H::run::<Avx512, true>(c, i, pc)
}

/// The steps that differ between instruction sets.
pub trait Simd {
    /// A vector register of floats.
    type Vector: Copy;
    /// Its lanes.
    const WIDTH: usize;

    /// # Safety
    /// `p` is valid for reads of `WIDTH` words; it need not be aligned.
    unsafe fn load(p: *const f32) -> Self::Vector;
    /// # Safety
    /// `p` is valid for writes of `WIDTH` words; it need not be aligned.
    unsafe fn store(p: *mut f32, v: Self::Vector);
    /// One word in all lanes.
    ///
    /// # Safety
    /// `p` is valid for reads of a word; it need not be aligned.
    unsafe fn spread(p: *const f32) -> Self::Vector;
    /// x * y + z, rounded once if `FUSED` (and the processor can), else twice.
    ///
    /// # Safety
    /// The processor has the instruction set.
    unsafe fn multiply_add<const FUSED: bool>(x: Self::Vector, y: Self::Vector, z: Self::Vector) -> Self::Vector;
    /// `WIDTH` elements of four words, by component.
    ///
    /// # Safety
    /// `p` is valid for reads of four times `WIDTH` words; it need not be aligned.
    unsafe fn quads(p: *const f32) -> [Self::Vector; 4];

    /// Sixteen elements of `N` words each, by component.
    ///
    /// # Safety
    /// `p` is valid for reads; it need not be aligned.
    #[inline(always)]
    unsafe fn split<const N: usize>(p: *const [[u32; N]; LANES]) -> [Words; N] {
        let mut d = [[0; LANES]; N];
        if N == 1 {
            // SAFETY: the caller's; sixteen elements of one word are sixteen words.
            d[0] = unsafe { p.cast::<Words>().read_unaligned() };
            return d;
        }
        // SAFETY: the caller's.
        let elements = unsafe { p.read_unaligned() };
        for n in 0..N {
            for j in 0..LANES {
                d[n][j] = elements[j][n];
            }
        }
        d
    }

    /// The reverse of `split`.
    ///
    /// # Safety
    /// `p` is valid for writes; it need not be aligned.
    #[inline(always)]
    unsafe fn join<const N: usize>(words: &[Words; N], p: *mut [[u32; N]; LANES]) {
        if N == 1 {
            // SAFETY: the caller's; sixteen elements of one word are sixteen words.
            return unsafe { p.cast::<Words>().write_unaligned(words[0]) };
        }
        let mut elements = [[0; N]; LANES];
        for n in 0..N {
            for j in 0..LANES {
                elements[j][n] = words[n][j];
            }
        }
        // SAFETY: the caller's.
        unsafe { p.write_unaligned(elements) }
    }

    /// `N` words at each of sixteen addresses of a memory of so many bytes; zero where they do not lie within it.
    ///
    /// # Safety
    /// The memory is valid for reads.
    #[inline(always)]
    unsafe fn gather<const N: usize>(p: *const u8, bytes: u32, addresses: &Words) -> [Words; N] {
        let mut d = [[0; LANES]; N];
        for j in 0..LANES {
            if u64::from(addresses[j]) + 4 * N as u64 <= u64::from(bytes) {
                // SAFETY: within the memory, as just seen.
                let element = unsafe { p.add(addresses[j] as usize).cast::<[u32; N]>().read_unaligned() };
                for n in 0..N {
                    d[n][j] = element[n];
                }
            }
        }
        d
    }
}

/// No instruction set in particular.
pub struct Portable;
impl Simd for Portable {
    type Vector = [f32; 4];
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; 4] {
        // SAFETY: the caller's.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller's.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn spread(p: *const f32) -> [f32; 4] {
        // SAFETY: the caller's.
        [unsafe { p.read_unaligned() }; 4]
    }
    #[inline(always)]
    unsafe fn multiply_add<const FUSED: bool>(x: [f32; 4], y: [f32; 4], z: [f32; 4]) -> [f32; 4] {
        [x[0] * y[0] + z[0], x[1] * y[1] + z[1], x[2] * y[2] + z[2], x[3] * y[3] + z[3]]
    }
    #[inline(always)]
    unsafe fn quads(p: *const f32) -> [[f32; 4]; 4] {
        // SAFETY: the caller's.
        let e = unsafe { p.cast::<[[f32; 4]; 4]>().read_unaligned() };
        let mut d = [[0.0; 4]; 4];
        for n in 0..4 {
            for j in 0..4 {
                d[n][j] = e[j][n];
            }
        }
        d
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Portable, Simd, Words};
    use std::arch::x86_64::{
        __m256, __m256i, __m512, __m512i, _mm256_add_epi32, _mm256_add_ps, _mm256_and_si256, _mm256_castsi256_ps,
        _mm256_cmpeq_epi32, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_mask_i32gather_epi32,
        _mm256_min_epu32, _mm256_mul_ps, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_set1_ps,
        _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
        _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm512_add_ps, _mm512_castsi512_ps, _mm512_cmple_epu32_mask,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_i32gather_epi32, _mm512_mul_ps,
        _mm512_permutex2var_epi32, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_si512,
        _mm512_shuffle_i64x2, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
        _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    };

    /// 256-bit vectors.
    pub struct Avx2;
    /// 512-bit vectors.
    pub struct Avx512;

    /// Can all of a memory be reached with the signed indices of a gather instruction?
    #[inline(always)]
    fn gathers(bytes: u32, element: usize) -> bool {
        bytes as usize >= element && bytes <= i32::MAX as u32
    }

    impl Simd for Avx2 {
        type Vector = __m256;
        const WIDTH: usize = 8;

        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m256 {
            // SAFETY: the caller's.
            unsafe { _mm256_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m256) {
            // SAFETY: the caller's.
            unsafe { _mm256_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn spread(p: *const f32) -> __m256 {
            // SAFETY: the caller's.
            unsafe { _mm256_set1_ps(p.read_unaligned()) }
        }
        #[inline(always)]
        unsafe fn multiply_add<const FUSED: bool>(x: __m256, y: __m256, z: __m256) -> __m256 {
            // SAFETY: the caller's.
            unsafe { if FUSED { _mm256_fmadd_ps(x, y, z) } else { _mm256_add_ps(_mm256_mul_ps(x, y), z) } }
        }
        #[inline(always)]
        unsafe fn quads(p: *const f32) -> [__m256; 4] {
            // SAFETY: the caller's.
            unsafe {
                let [x, y, z, w] = quads(p.cast());
                [_mm256_castsi256_ps(x), _mm256_castsi256_ps(y), _mm256_castsi256_ps(z), _mm256_castsi256_ps(w)]
            }
        }

        #[inline(always)]
        unsafe fn split<const N: usize>(p: *const [[u32; N]; LANES]) -> [Words; N] {
            let mut d = [[0; LANES]; N];
            // SAFETY: the caller's; each half is eight elements of N words.
            unsafe {
                if N == 4 {
                    split4(p.cast(), &raw mut d as *mut u32);
                    split4(p.cast::<u32>().add(32).cast(), (&raw mut d as *mut u32).add(8));
                    d
                } else {
                    Portable::split(p)
                }
            }
        }

        #[inline(always)]
        unsafe fn join<const N: usize>(words: &[Words; N], p: *mut [[u32; N]; LANES]) {
            // SAFETY: the caller's.
            unsafe {
                if N == 4 {
                    join4(words.as_ptr().cast(), p.cast());
                    join4(words.as_ptr().cast::<u32>().add(8), p.cast::<u32>().add(32).cast());
                } else {
                    Portable::join(words, p);
                }
            }
        }

        #[inline(always)]
        unsafe fn gather<const N: usize>(p: *const u8, bytes: u32, addresses: &Words) -> [Words; N] {
            let mut d = [[0; LANES]; N];
            // SAFETY: the caller's; lanes out of bounds are masked off.
            unsafe {
                if !gathers(bytes, 4 * N) {
                    return Portable::gather(p, bytes, addresses);
                }
                let last = _mm256_set1_epi32((bytes as usize - 4 * N) as i32);
                for half in 0..2 {
                    let at = _mm256_loadu_si256(addresses.as_ptr().add(8 * half).cast());
                    let ok = _mm256_cmpeq_epi32(_mm256_min_epu32(at, last), at);
                    let at = _mm256_and_si256(at, ok);
                    for (n, d) in d.iter_mut().enumerate() {
                        let at = _mm256_add_epi32(at, _mm256_set1_epi32(4 * n as i32));
                        let v = _mm256_mask_i32gather_epi32::<1>(_mm256_setzero_si256(), p.cast(), at, ok);
                        _mm256_storeu_si256(d.as_mut_ptr().add(8 * half).cast(), v);
                    }
                }
            }
            d
        }
    }

    /// Eight elements of four words at `p` to four rows of eight words, the rows sixteen words apart.
    #[inline(always)]
    unsafe fn split4(p: *const __m256i, d: *mut u32) {
        // SAFETY: the caller's.
        unsafe {
            for (n, v) in quads(p).into_iter().enumerate() {
                _mm256_storeu_si256(d.add(LANES * n).cast(), v);
            }
        }
    }

    /// Eight elements of four words, by component.
    #[inline(always)]
    unsafe fn quads(p: *const __m256i) -> [__m256i; 4] {
        // SAFETY: the caller's.
        unsafe {
            let l = |i: usize| _mm256_loadu_si256(p.add(i));
            let (a, b, c, e) = (l(0), l(1), l(2), l(3)); // elements 01 23 45 67
            let (f, g) = (_mm256_permute2x128_si256::<0x20>(a, c), _mm256_permute2x128_si256::<0x31>(a, c)); // 04 15
            let (h, i) = (_mm256_permute2x128_si256::<0x20>(b, e), _mm256_permute2x128_si256::<0x31>(b, e)); // 26 37
            let (xy0, zw0) = (_mm256_unpacklo_epi32(f, g), _mm256_unpackhi_epi32(f, g)); // x0 x1 y0 y1
            let (xy1, zw1) = (_mm256_unpacklo_epi32(h, i), _mm256_unpackhi_epi32(h, i)); // x2 x3 y2 y3
            [
                _mm256_unpacklo_epi64(xy0, xy1),
                _mm256_unpackhi_epi64(xy0, xy1),
                _mm256_unpacklo_epi64(zw0, zw1),
                _mm256_unpackhi_epi64(zw0, zw1),
            ]
        }
    }

    /// The reverse of `split4`.
    #[inline(always)]
    unsafe fn join4(v: *const u32, p: *mut __m256i) {
        // SAFETY: the caller's.
        unsafe {
            let l = |n: usize| _mm256_loadu_si256(v.add(LANES * n).cast());
            let (x, y, z, w) = (l(0), l(1), l(2), l(3));
            let (xy0, xy1) = (_mm256_unpacklo_epi32(x, y), _mm256_unpackhi_epi32(x, y)); // elements 01.45 23.67
            let (zw0, zw1) = (_mm256_unpacklo_epi32(z, w), _mm256_unpackhi_epi32(z, w));
            let (a, b) = (_mm256_unpacklo_epi64(xy0, zw0), _mm256_unpackhi_epi64(xy0, zw0)); // 0.4 1.5
            let (c, e) = (_mm256_unpacklo_epi64(xy1, zw1), _mm256_unpackhi_epi64(xy1, zw1)); // 2.6 3.7
            let s = |i: usize, v: __m256i| _mm256_storeu_si256(p.add(i), v);
            s(0, _mm256_permute2x128_si256::<0x20>(a, b));
            s(1, _mm256_permute2x128_si256::<0x20>(c, e));
            s(2, _mm256_permute2x128_si256::<0x31>(a, b));
            s(3, _mm256_permute2x128_si256::<0x31>(c, e));
        }
    }

    /// Sixteen elements of four words, by component.
    #[inline(always)]
    unsafe fn quads16(p: *const __m512i) -> [__m512i; 4] {
        // SAFETY: the caller's.
        unsafe {
            let l = |i: usize| _mm512_loadu_si512(p.add(i));
            let (z0, z1, z2, z3) = (l(0), l(1), l(2), l(3));
            let xy = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
            let zw = _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
            let (a, b) = (_mm512_permutex2var_epi32(z0, xy, z1), _mm512_permutex2var_epi32(z2, xy, z3));
            let (c, e) = (_mm512_permutex2var_epi32(z0, zw, z1), _mm512_permutex2var_epi32(z2, zw, z3));
            [
                _mm512_shuffle_i64x2::<0x44>(a, b),
                _mm512_shuffle_i64x2::<0xee>(a, b),
                _mm512_shuffle_i64x2::<0x44>(c, e),
                _mm512_shuffle_i64x2::<0xee>(c, e),
            ]
        }
    }

    impl Simd for Avx512 {
        type Vector = __m512;
        const WIDTH: usize = 16;

        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m512 {
            // SAFETY: the caller's.
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m512) {
            // SAFETY: the caller's.
            unsafe { _mm512_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn spread(p: *const f32) -> __m512 {
            // SAFETY: the caller's.
            unsafe { _mm512_set1_ps(p.read_unaligned()) }
        }
        #[inline(always)]
        unsafe fn multiply_add<const FUSED: bool>(x: __m512, y: __m512, z: __m512) -> __m512 {
            // SAFETY: the caller's.
            unsafe { if FUSED { _mm512_fmadd_ps(x, y, z) } else { _mm512_add_ps(_mm512_mul_ps(x, y), z) } }
        }
        #[inline(always)]
        unsafe fn quads(p: *const f32) -> [__m512; 4] {
            // SAFETY: the caller's.
            unsafe {
                let [x, y, z, w] = quads16(p.cast());
                [_mm512_castsi512_ps(x), _mm512_castsi512_ps(y), _mm512_castsi512_ps(z), _mm512_castsi512_ps(w)]
            }
        }

        #[inline(always)]
        unsafe fn split<const N: usize>(p: *const [[u32; N]; LANES]) -> [Words; N] {
            // SAFETY: the caller's.
            unsafe {
                if N != 4 {
                    return Portable::split(p);
                }
                let mut d = [[0; LANES]; N];
                for (n, v) in quads16(p.cast()).into_iter().enumerate() {
                    _mm512_storeu_si512(d[n].as_mut_ptr().cast(), v);
                }
                d
            }
        }

        #[inline(always)]
        unsafe fn join<const N: usize>(words: &[Words; N], p: *mut [[u32; N]; LANES]) {
            // SAFETY: the caller's.
            unsafe {
                if N != 4 {
                    return Portable::join(words, p);
                }
                let l = |n: usize| _mm512_loadu_si512(words[n].as_ptr().cast());
                let (x, y, z, w) = (l(0), l(1), l(2), l(3));
                let (xy0, xy1) = (_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y)); // in each quarter
                let (zw0, zw1) = (_mm512_unpacklo_epi32(z, w), _mm512_unpackhi_epi32(z, w));
                let (a, b) = (_mm512_unpacklo_epi64(xy0, zw0), _mm512_unpackhi_epi64(xy0, zw0)); // 0 4 8 12, 1 5 9 13
                let (c, e) = (_mm512_unpacklo_epi64(xy1, zw1), _mm512_unpackhi_epi64(xy1, zw1)); // 2 6 .., 3 7 ..
                let (ab0, ab1) = (_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xee>(a, b)); // 0 4 1 5, 8 12 9 13
                let (ce0, ce1) = (_mm512_shuffle_i64x2::<0x44>(c, e), _mm512_shuffle_i64x2::<0xee>(c, e));
                let s = |i: usize, v: __m512i| _mm512_storeu_si512(p.cast::<__m512i>().add(i), v);
                s(0, _mm512_shuffle_i64x2::<0x88>(ab0, ce0));
                s(1, _mm512_shuffle_i64x2::<0xdd>(ab0, ce0));
                s(2, _mm512_shuffle_i64x2::<0x88>(ab1, ce1));
                s(3, _mm512_shuffle_i64x2::<0xdd>(ab1, ce1));
            }
        }

        #[inline(always)]
        unsafe fn gather<const N: usize>(p: *const u8, bytes: u32, addresses: &Words) -> [Words; N] {
            // SAFETY: the caller's; lanes out of bounds are masked off.
            unsafe {
                if !gathers(bytes, 4 * N) {
                    return Portable::gather(p, bytes, addresses);
                }
                let mut d = [[0; LANES]; N];
                let at = _mm512_loadu_si512(addresses.as_ptr().cast());
                let ok = _mm512_cmple_epu32_mask(at, _mm512_set1_epi32((bytes as usize - 4 * N) as i32));
                for (n, d) in d.iter_mut().enumerate() {
                    let v = _mm512_mask_i32gather_epi32::<1>(_mm512_setzero_si512(), ok, at, p.add(4 * n).cast());
                    _mm512_storeu_si512(d.as_mut_ptr().cast(), v);
                }
                d
            }
        }
    }
}
