//! Buffers: storage of tensors, the pool they come from and go back to, and the rules of who may recycle what.
//!
//! Everything this crate submits goes to one queue, in order, so a buffer may be handed out again as soon as the last
//! tensor over it is gone: whatever reads it has been submitted before whatever will overwrite it. Three things break
//! that reasoning, and each is marked on the buffer:
//!
//! - commands recorded into a caller's encoder are submitted at an unknown later time (`recorded`, until
//!   [`Recording::submitted`](super::Recording::submitted)),
//! - a buffer whose handle was given away may be used by its new holder for ever (`shared`),
//! - an imported buffer is not ours.
//!
//! Such buffers are freed, not recycled; wgpu itself keeps them alive as long as commands refer to them.

use super::bind::Groups;
use super::fault::{Ticket, lock};
use crate::graph::{Data, Storage};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes that a size class is a multiple of; also the granularity of bindings.
pub(super) const GRAIN: u64 = 16;

/// A number rounded up to a multiple of the grain, at least one grain (wgpu has no empty bindings).
pub(super) fn grains(bytes: u64) -> u64 {
    bytes.max(1).div_ceil(GRAIN).saturating_mul(GRAIN)
}

/// The allocation for a request: up to an eighth more, so that nearby sizes share buffers.
fn size_class(bytes: u64) -> u64 {
    let bytes = grains(bytes);
    let step = (bytes.next_power_of_two() / 16).max(GRAIN);
    bytes.div_ceil(step) * step
}

/// How much memory a device's tensors take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// Bytes of buffers in use.
    pub live: u64,
    /// Bytes of free buffers kept for reuse.
    pub pooled: u64,
    /// The greatest sum of both so far.
    pub peak: u64,
    /// Buffers created so far.
    pub allocations: u64,
}

/// A wgpu buffer of the pool.
#[derive(Debug)]
pub(super) struct Raw {
    pub buffer: wgpu::Buffer,
    pub id: u64,
    pub class: u64,
}

#[derive(Default)]
struct Free {
    /// By class and id: the lowest id first, so that a training loop meets the same buffers again and its bind groups
    /// with them. The value is the time of the return.
    buffers: BTreeMap<(u64, u64), (wgpu::Buffer, u64)>,
    /// Buffers for read-back, by class.
    staging: Vec<Raw>,
    now: u64,
    stats: MemoryStats,
}

/// The free buffers of a device, and its bind groups (which hold buffers too).
pub(super) struct Pool {
    free: Mutex<Free>,
    limit: AtomicU64,
    largest: u64,
    next_id: AtomicU64,
    pub groups: Mutex<Groups>,
}

/// At most this many free read-back buffers are kept.
const STAGING: usize = 8;

impl Pool {
    pub fn new(limit: u64, largest: u64) -> Arc<Self> {
        Arc::new(Self {
            free: Mutex::default(),
            limit: AtomicU64::new(limit),
            largest,
            next_id: AtomicU64::new(1),
            groups: Mutex::default(),
        })
    }

    /// The class for a request that is itself within the device's limit.
    pub fn class(&self, bytes: u64) -> u64 {
        match size_class(bytes) {
            class if class <= self.largest => class,
            _ => grains(bytes),
        }
    }

    /// A fresh identity for a buffer.
    pub fn id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// A free buffer of the class.
    pub fn take(&self, class: u64) -> Option<Raw> {
        let mut free = lock(&self.free);
        let key = *free.buffers.range((class, 0)..=(class, u64::MAX)).next()?.0;
        let (buffer, _) = free.buffers.remove(&key)?;
        free.stats.pooled -= class;
        free.stats.live += class;
        Some(Raw { buffer, id: key.1, class })
    }

    /// Notes a new buffer.
    pub fn created(&self, class: u64) {
        let stats = &mut lock(&self.free).stats;
        stats.live += class;
        stats.allocations += 1;
        stats.peak = stats.peak.max(stats.live + stats.pooled);
    }

    /// A buffer comes back; what exceeds the bound leaves, oldest first.
    fn recycle(&self, raw: Raw) {
        let evicted = {
            let mut free = lock(&self.free);
            free.now += 1;
            let now = free.now;
            free.stats.live -= raw.class;
            free.stats.pooled += raw.class;
            free.buffers.insert((raw.class, raw.id), (raw.buffer, now));
            free.shrink(self.limit.load(Ordering::Relaxed))
        };
        self.forget(&evicted);
    }

    /// A buffer leaves for good.
    fn release(&self, raw: Raw) {
        lock(&self.free).stats.live -= raw.class;
        self.forget(&[raw]);
    }

    fn forget(&self, gone: &[Raw]) {
        if !gone.is_empty() {
            let mut groups = lock(&self.groups);
            for raw in gone {
                groups.evict(raw.id);
            }
        }
    }

    /// The bound on free bytes.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the bound on free bytes.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
        let evicted = lock(&self.free).shrink(bytes);
        self.forget(&evicted);
    }

    /// Frees everything that is not in use.
    pub fn trim(&self) {
        let (evicted, staging) = {
            let mut free = lock(&self.free);
            (free.shrink(0), std::mem::take(&mut free.staging))
        };
        self.forget(&evicted);
        drop(staging);
        lock(&self.groups).clear();
    }

    /// A free read-back buffer of the class.
    pub fn take_staging(&self, class: u64) -> Option<Raw> {
        let mut free = lock(&self.free);
        let at = free.staging.iter().position(|raw| raw.class == class)?;
        Some(free.staging.swap_remove(at))
    }

    /// A read-back buffer, unmapped, comes back.
    pub fn put_staging(&self, raw: Raw) {
        let mut free = lock(&self.free);
        if free.staging.len() == STAGING {
            free.staging.remove(0);
        }
        free.staging.push(raw);
    }

    pub fn stats(&self) -> MemoryStats {
        lock(&self.free).stats
    }
}

impl Free {
    fn shrink(&mut self, limit: u64) -> Vec<Raw> {
        let mut evicted = Vec::new();
        if self.stats.pooled <= limit {
            return evicted;
        }
        let mut by_age: Vec<_> = self.buffers.iter().map(|(&key, &(_, at))| (at, key)).collect();
        by_age.sort_unstable();
        for (_, key) in by_age {
            if self.stats.pooled <= limit {
                break;
            }
            if let Some((buffer, _)) = self.buffers.remove(&key) {
                self.stats.pooled -= key.0;
                evicted.push(Raw { buffer, id: key.1, class: key.0 });
            }
        }
        evicted
    }
}

/// Realised elements on a device.
pub(super) struct Buffer {
    raw: Option<Raw>,
    /// Where the elements begin; not 0 only for imported buffers.
    pub offset: u64,
    /// Bytes of the elements.
    pub bytes: u64,
    /// Of an imported buffer: it is not padded and not recycled.
    foreign: bool,
    recorded: AtomicU32,
    shared: AtomicBool,
    /// Written by commands that the caller has not declared submitted.
    unready: AtomicBool,
    /// The outcome of the submission that fills it.
    pub ticket: Arc<Ticket>,
    pool: Arc<Pool>,
}

impl Buffer {
    /// Storage of `bytes` over a buffer of the pool.
    pub fn own(pool: &Arc<Pool>, raw: Raw, bytes: u64, ticket: Arc<Ticket>) -> Self {
        Self::new(pool, raw, 0, bytes, false, ticket)
    }

    /// Storage over a caller's buffer.
    pub fn import(pool: &Arc<Pool>, buffer: wgpu::Buffer, offset: u64, bytes: u64, ticket: Arc<Ticket>) -> Self {
        let raw = Raw { buffer, id: pool.id(), class: 0 };
        Self::new(pool, raw, offset, bytes, true, ticket)
    }

    fn new(pool: &Arc<Pool>, raw: Raw, offset: u64, bytes: u64, foreign: bool, ticket: Arc<Ticket>) -> Self {
        Self {
            raw: Some(raw),
            offset,
            bytes,
            foreign,
            recorded: AtomicU32::new(0),
            shared: AtomicBool::new(false),
            unready: AtomicBool::new(false),
            ticket,
            pool: pool.clone(),
        }
    }

    fn raw(&self) -> &Raw {
        self.raw.as_ref().expect("bug: a buffer is used after it was dropped")
    }

    pub fn wgpu(&self) -> &wgpu::Buffer {
        &self.raw().buffer
    }

    pub fn id(&self) -> u64 {
        self.raw().id
    }

    /// What a bind group binds: all the elements, with the padding if it is ours.
    pub fn bound_bytes(&self) -> u64 {
        if self.foreign { self.bytes.max(4).div_ceil(4) * 4 } else { grains(self.bytes) }
    }

    /// Whether `pool` made it.
    pub fn of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }

    /// The same storage with the outcome of the submission that fills it.
    pub fn filled_by(mut self, ticket: Arc<Ticket>) -> Self {
        self.ticket = ticket;
        self
    }

    /// The handle leaves our hands.
    pub fn share(&self) -> &wgpu::Buffer {
        self.spoil();
        self.wgpu()
    }

    /// It must not be used again.
    pub fn spoil(&self) {
        self.shared.store(true, Ordering::Relaxed);
    }

    /// Commands in a caller's encoder refer to it.
    pub fn record(&self) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
    }

    /// Those commands have been submitted.
    pub fn submitted(&self) {
        self.recorded.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn set_unready(&self, unready: bool) {
        self.unready.store(unready, Ordering::Release);
    }

    pub fn is_unready(&self) -> bool {
        self.unready.load(Ordering::Acquire)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        let claimed = self.recorded.load(Ordering::Relaxed) > 0 || self.shared.load(Ordering::Relaxed);
        if self.foreign || claimed || !matches!(self.ticket.now(), None | Some(Ok(()))) {
            self.pool.release(raw);
        } else {
            self.pool.recycle(raw);
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.foreign { "imported " } else { "" };
        write!(f, "{kind}buffer {} of {} bytes", self.id(), self.bytes)
    }
}

impl Storage for Buffer {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn padded(&self) -> bool {
        !self.foreign
    }
}

/// A shared [`Buffer`], both as itself and as the graph sees it.
#[derive(Clone, Debug)]
pub(super) struct Held(Arc<Buffer>);

impl Held {
    pub fn new(buffer: Buffer) -> Self {
        Self(Arc::new(buffer))
    }

    pub fn data(&self) -> Data {
        Data(self.0.clone())
    }
}

impl std::ops::Deref for Held {
    type Target = Buffer;
    fn deref(&self) -> &Buffer {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_multiples_of_the_grain_and_waste_at_most_an_eighth() {
        for bytes in (0..4096).chain((1..200).map(|i| i * 1_000_003)) {
            let class = size_class(bytes);
            assert!(class >= bytes.max(1) && class.is_multiple_of(GRAIN));
            assert!(class - grains(bytes) <= bytes / 8, "{bytes} in {class}");
            assert_eq!(size_class(class), class);
        }
    }

    #[test]
    fn a_class_never_exceeds_the_greatest_buffer() {
        let pool = Pool::new(0, 1000 * 16);
        assert_eq!(pool.class(15_900), 15_904);
        assert!(pool.class(9_000) >= 9_000);
    }
}
