//! The memory that a kernel reads and writes: bindings, workgroup memory and immediates, all as bytes with a bound.
//!
//! Every access is checked against the bound here, so that nothing outside this file needs to be trusted. Workgroups run on several
//! threads over the same bindings, as they would on any device: where a shader races, the words it reads are one of those written.
#![expect(
    unsafe_code,
    reason = "shared memory of the shader, reached by pointer; each access is checked against its bound"
)]
use super::line::{LANES, Words};
use super::simd::Simd;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// A stretch of memory that a kernel may access while it runs.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pointer: *mut u8,
    bytes: usize,
}

// SAFETY: a span is an address and a length; whoever makes one answers for the memory behind it (see `Span::new`), from any thread.
unsafe impl Send for Span {}
// SAFETY: as above.
unsafe impl Sync for Span {}

impl Span {
    /// The `bytes` bytes at `pointer`.
    ///
    /// # Safety
    /// While a kernel runs on it the memory stays valid for reads (and, if the kernel declares the binding writable, writes) and no
    /// reference to it is used.
    #[must_use]
    pub const unsafe fn new(pointer: *mut u8, bytes: usize) -> Self {
        Self { pointer, bytes }
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Do two spans share bytes?
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.address() < other.address() + other.bytes && other.address() < self.address() + self.bytes
    }

    /// Where it begins.
    #[must_use]
    pub fn address(&self) -> usize {
        self.pointer as usize
    }
}

/// A memory variable as an instruction sees it. Addresses have 32 bits, so no more than the first 4 GiB - 1 byte can be reached.
#[derive(Clone, Copy)]
pub struct Mem {
    pointer: *mut u8,
    bytes: u32,
}

impl Mem {
    /// The memory of a span.
    pub fn of(span: Span) -> Self {
        Self { pointer: span.pointer, bytes: u32::try_from(span.bytes).unwrap_or(u32::MAX) }
    }

    /// The bytes that can be reached.
    #[inline(always)]
    pub fn bytes(self) -> u32 {
        self.bytes
    }

    /// Where `bytes` bytes at this address lie, if all of them are within the variable.
    #[inline(always)]
    fn at(self, address: u32, bytes: u32) -> Option<*mut u8> {
        // SAFETY: the sum does not exceed the length of the variable.
        (u64::from(address) + u64::from(bytes) <= u64::from(self.bytes))
            .then(|| unsafe { self.pointer.add(address as usize) })
    }

    /// Where it begins.
    #[inline(always)]
    pub fn start(self) -> *const u8 {
        self.pointer
    }

    /// Sets all of it to zero; only for memory that can be written.
    pub fn clear(self) {
        // SAFETY: all of the variable, and nothing else.
        unsafe { self.pointer.write_bytes(0, self.bytes as usize) }
    }

    /// Where an address lies, if so many bytes from it are within the variable.
    #[inline(always)]
    pub fn window(self, address: u32, bytes: u32) -> Option<*const u8> {
        self.at(address, bytes).map(<*mut u8>::cast_const)
    }

    /// `N` consecutive words.
    #[inline(always)]
    pub fn get<const N: usize>(self, address: u32) -> Option<[u32; N]> {
        let p = self.at(address, 4 * N as u32)?;
        // SAFETY: `at` checked the bound; any bits are words.
        Some(unsafe { p.cast::<[u32; N]>().read_unaligned() })
    }

    /// Writes `N` consecutive words, if they lie within the variable.
    #[inline(always)]
    pub fn set<const N: usize>(self, address: u32, words: [u32; N]) {
        if let Some(p) = self.at(address, 4 * N as u32) {
            // SAFETY: `at` checked the bound; the assembler lets no store write a variable that is not writable.
            unsafe { p.cast::<[u32; N]>().write_unaligned(words) }
        }
    }

    /// `N` consecutive half words.
    #[inline(always)]
    pub fn get_halves<const N: usize>(self, address: u32) -> Option<[u16; N]> {
        let p = self.at(address, 2 * N as u32)?;
        // SAFETY: as in `get`.
        Some(unsafe { p.cast::<[u16; N]>().read_unaligned() })
    }

    /// Writes `N` consecutive half words, if they lie within the variable.
    #[inline(always)]
    pub fn set_halves<const N: usize>(self, address: u32, halves: [u16; N]) {
        if let Some(p) = self.at(address, 2 * N as u32) {
            // SAFETY: as in `set`.
            unsafe { p.cast::<[u16; N]>().write_unaligned(halves) }
        }
    }

    /// Sixteen consecutive elements of `N` half words.
    #[inline(always)]
    pub fn halves<const N: usize>(self, address: u32) -> Option<[[u16; N]; LANES]> {
        let p = self.at(address, 32 * N as u32)?;
        // SAFETY: as in `get`.
        Some(unsafe { p.cast::<[[u16; N]; LANES]>().read_unaligned() })
    }

    /// Writes sixteen consecutive elements of `N` half words, if they all lie within the variable.
    #[inline(always)]
    pub fn set_halves_line<const N: usize>(self, address: u32, halves: [[u16; N]; LANES]) -> bool {
        let p = self.at(address, 32 * N as u32);
        if let Some(p) = p {
            // SAFETY: as in `set`.
            unsafe { p.cast::<[[u16; N]; LANES]>().write_unaligned(halves) }
        }
        p.is_some()
    }

    /// Sixteen consecutive elements of `N` words, by component.
    #[inline(always)]
    pub fn line<S: Simd, const N: usize>(self, address: u32) -> Option<[Words; N]> {
        let p = self.at(address, 64 * N as u32)?;
        // SAFETY: as in `get`.
        Some(unsafe { S::split(p.cast::<[[u32; N]; LANES]>()) })
    }

    /// Writes sixteen consecutive elements of `N` words, if they all lie within the variable.
    #[inline(always)]
    pub fn set_line<S: Simd, const N: usize>(self, address: u32, words: &[Words; N]) -> bool {
        let p = self.at(address, 64 * N as u32);
        if let Some(p) = p {
            // SAFETY: as in `set`.
            unsafe { S::join(words, p.cast::<[[u32; N]; LANES]>()) }
        }
        p.is_some()
    }

    /// `N` words at each of sixteen addresses; zero where they do not lie within the variable.
    #[inline(always)]
    pub fn gather<S: Simd, const N: usize>(self, addresses: &Words) -> [Words; N] {
        // SAFETY: pointer and length are those of a span, whose maker answers for it.
        unsafe { S::gather(self.pointer, self.bytes, addresses) }
    }

    /// A word as an atomic; none where it is out of bounds or not aligned.
    #[inline(always)]
    pub fn atomic(&self, address: u32) -> Option<&AtomicU32> {
        let p = self.at(address, 4)?.cast::<u32>();
        // SAFETY: in bounds and aligned; the memory outlives the run, and other threads of the run reach the word likewise.
        p.is_aligned().then(|| unsafe { AtomicU32::from_ptr(p) })
    }

    /// Two words as an atomic; none where it is out of bounds or not aligned.
    #[cfg(target_has_atomic = "64")]
    #[inline(always)]
    pub fn atomic_wide(&self, address: u32) -> Option<&AtomicU64> {
        let p = self.at(address, 8)?.cast::<u64>();
        // SAFETY: as in `atomic`.
        p.is_aligned().then(|| unsafe { AtomicU64::from_ptr(p) })
    }
}
