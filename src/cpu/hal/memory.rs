//! Buffers: zeroed memory that begins at a cache line, shared by the host's mappings and the worker.
#![expect(unsafe_code, reason = "memory that the host maps while the worker may use other parts of it")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wgpu_hal as hal;

/// Buffers begin at multiples of this: a cache line, and the widest vector register.
const LINE: usize = 64;

/// How much memory a device's buffers have, and may have.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicU64,
    limit: u64,
}

impl Budget {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { used: AtomicU64::new(0), limit: limit.unwrap_or(u64::MAX) }
    }

    fn take(&self, bytes: u64) -> bool {
        let more = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

struct Memory {
    /// What the allocator gave.
    base: NonNull<u8>,
    layout: Layout,
    /// The first whole line in it.
    start: NonNull<u8>,
    bytes: u64,
    budget: Arc<Budget>,
}

// SAFETY: it is memory without an owner thread. Who may access which part at what time is wgpu-core's business: a buffer
// is not mapped while a submission that uses it is not done.
unsafe impl Send for Memory {}
// SAFETY: as above; all access goes through raw pointers, no references into it are made.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `base` was allocated with this layout and is freed once, here.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
        self.budget.give(self.bytes);
    }
}

/// A buffer. Bind groups and recorded commands hold it too, so that it lives until they are done.
#[derive(Clone)]
pub struct Buffer(Arc<Memory>);

impl Buffer {
    /// A buffer of zeros, or `None` when there is no memory for it.
    pub(super) fn new(bytes: u64, budget: &Arc<Budget>) -> Option<Self> {
        // the allocator gets fresh zero pages from the system only for small alignments, so the line is found by hand
        let size = usize::try_from(bytes).ok()?.checked_add(LINE)?;
        let layout = Layout::from_size_align(size, align_of::<u64>()).ok()?;
        if !budget.take(bytes) {
            return None;
        }
        // SAFETY: the layout's size is not zero.
        let Some(base) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            budget.give(bytes);
            return None;
        };
        // SAFETY: the distance to the next multiple of LINE is below LINE, and the memory is LINE longer than the buffer.
        let start = unsafe { base.add(base.align_offset(LINE)) };
        Some(Self(Arc::new(Memory { base, layout, start, bytes, budget: budget.clone() })))
    }

    /// Its length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Where a range of it lies.
    ///
    /// # Panics
    /// If the range is not within the buffer: wgpu-core checks that it is.
    pub(super) fn at(&self, offset: u64, bytes: u64) -> NonNull<u8> {
        assert!(
            offset.checked_add(bytes).is_some_and(|end| end <= self.0.bytes),
            "bug: a range beyond the buffer's end"
        );
        // SAFETY: the range is within the buffer, as was just checked.
        unsafe { self.0.start.add(offset as usize) }
    }

    /// Sets a range to zero.
    pub(super) fn clear(&self, offset: u64, bytes: u64) {
        // SAFETY: the range is within the buffer; the worker is the only one that uses it now (see `Memory`).
        unsafe { self.at(offset, bytes).write_bytes(0, bytes as usize) };
    }

    /// Copies a range of `source` to `offset`; they may overlap.
    pub(super) fn copy_from(&self, source: &Buffer, source_offset: u64, offset: u64, bytes: u64) {
        // SAFETY: both ranges are within their buffers; the worker is the only one that uses them now.
        unsafe { self.at(offset, bytes).copy_from(source.at(source_offset, bytes), bytes as usize) };
    }

    /// Writes words at an offset.
    pub(super) fn write(&self, offset: u64, words: &[u64]) {
        let place = self.at(offset, size_of_val(words) as u64).cast::<u64>();
        for (ix, &word) in words.iter().enumerate() {
            // SAFETY: within the range that `at` checked; it need not be aligned.
            unsafe { place.add(ix).write_unaligned(word) };
        }
    }

    /// Three words at an offset.
    pub(super) fn read(&self, offset: u64) -> [u32; 3] {
        let place = self.at(offset, size_of::<[u32; 3]>() as u64).cast::<[u32; 3]>();
        // SAFETY: within the range that `at` checked; it need not be aligned.
        unsafe { place.read_unaligned() }
    }
}

thread_local! {
    static WANTED: Cell<bool> = const { Cell::new(false) };
    static SEEN: Cell<Option<Buffer>> = const { Cell::new(None) };
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if WANTED.get() {
            SEEN.set(Some(self.clone()));
        }
        write!(f, "Buffer({} bytes)", self.0.bytes)
    }
}

/// Part of a buffer, as it is bound.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) buffer: Buffer,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl Region {
    /// What a binding refers to.
    ///
    /// `BufferBinding::buffer` is private to wgpu-hal 30.0.1 (an accessor was merged after it, gfx-rs/wgpu#9820). Its `Debug`
    /// formats the buffer through ours, which takes note of itself.
    pub(super) fn of(binding: &hal::BufferBinding<'_, Buffer>) -> Self {
        struct Nowhere;
        impl fmt::Write for Nowhere {
            fn write_str(&mut self, _: &str) -> fmt::Result {
                Ok(())
            }
        }
        WANTED.set(true);
        let written = fmt::write(&mut Nowhere, format_args!("{binding:?}"));
        WANTED.set(false);
        let buffer =
            SEEN.take().filter(|_| written.is_ok()).expect("bug: wgpu-hal's Debug of a binding omits its buffer");
        let bytes = binding.size.map_or(buffer.bytes().saturating_sub(binding.offset), std::num::NonZero::get);
        Self { buffer, offset: binding.offset, bytes }
    }
}
