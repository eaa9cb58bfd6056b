//! What the sanitizer remembers of each unit of memory (a word, or half a word): who wrote and who read it last.
//!
//! A shadow is written by one thread. An entry for workgroup memory is `epoch << 13 | many << 12 | lane`: an epoch ends at each barrier
//! and each block, so that nothing needs to be cleared between them; `many`: other lanes did the same in this epoch. An entry for a binding has the
//! number of the block in its upper half, whose highest bit says that several blocks did the same.

/// Bits of a lane's number.
const LANE: u32 = 0xfff;
/// Several lanes.
pub const MANY: u32 = 1 << 12;
pub const EPOCH_SHIFT: u32 = 13;
/// Several blocks.
const BLOCKS: u64 = 1 << 63;

/// Two accesses that conflict: the lane that came now and, if it is known, the one before, with its block if that is another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conflict {
    pub unit: u32,
    pub lane: u32,
    pub other: Option<u32>,
    pub block: Option<u64>,
}

/// What an access revealed.
#[derive(Default)]
pub struct Verdict {
    pub conflict: Option<Conflict>,
    pub conflicts: u64,
    /// A unit that was read and never written, and the lane.
    pub blank: Option<(u32, u32)>,
    pub blanks: u64,
}

impl Verdict {
    /// Counts a conflict, and keeps the one that names both sides.
    fn note(&mut self, conflict: Conflict) {
        self.conflicts += 1;
        if self.conflict.is_none_or(|known| known.other.is_none() && conflict.other.is_some()) {
            self.conflict = Some(conflict);
        }
    }
}

/// The shadow of workgroup memory.
#[derive(Debug)]
pub struct Local {
    /// Who wrote each unit, then who read each.
    entries: Vec<u32>,
    reads: usize,
    /// Bytes of a unit.
    pub unit: u32,
    /// Its binary logarithm.
    pub shift: u32,
}

/// The present time for workgroup memory.
#[derive(Clone, Copy)]
pub struct Now {
    /// The epoch.
    pub epoch: u32,
    /// The epoch in which the block began.
    pub begun: u32,
}

/// Epochs that can be told apart; then all begins anew.
pub const EPOCHS: u32 = (1 << 19) - 1;

impl Local {
    pub fn new(bytes: u32, unit: u32) -> Self {
        let (n, reads) = (bytes.div_ceil(unit) as usize, Self::reads(bytes, unit));
        Self { entries: vec![0; reads + n], reads, unit, shift: unit.ilog2() }
    }

    /// Where the entries of readers begin: no processor takes one for that of the unit's writer by the last bits of its address.
    pub fn reads(bytes: u32, unit: u32) -> usize {
        (bytes.div_ceil(unit) as usize).next_multiple_of(1024) + 512
    }

    /// Where the entries lie.
    pub fn start(&mut self) -> *mut u32 {
        self.entries.as_mut_ptr()
    }

    /// Both kinds of entries.
    #[inline(always)]
    fn halves(&mut self) -> (&mut [u32], &mut [u32]) {
        let (written, read) = self.entries.split_at_mut(self.reads);
        (&mut written[..read.len()], read)
    }

    /// Forgets everything, because epochs begin anew.
    pub fn clear(&mut self) {
        self.entries.fill(0);
    }

    /// Sixteen lanes access `N` units each, side by side from unit `first`. True if there is nothing to say.
    #[inline(always)]
    pub fn line<const WRITE: bool, const N: usize>(&mut self, now: Now, first: usize, lane: u32) -> bool {
        let n = 16 * N;
        let (written, read) = self.halves();
        let (Some(written), Some(read)) = (written.get_mut(first..first + n), read.get_mut(first..first + n)) else {
            return false;
        };
        let (written, read) = (written.as_chunks_mut::<16>().0, read.as_chunks_mut::<16>().0);
        let (start, begun) = (now.epoch << EPOCH_SHIFT, now.begun << EPOCH_SHIFT);
        let mut bad = [0; 16];
        for (c, (w, r)) in written.iter().zip(read.iter()).enumerate() {
            for u in 0..16 {
                let me = start | (lane + ((c * 16 + u) / N) as u32);
                let clash = u32::from(w[u] >= start) & u32::from(w[u] != me);
                let other =
                    if WRITE { u32::from(r[u] >= start) & u32::from(r[u] != me) } else { u32::from(w[u] < begun) };
                bad[u] |= clash | other;
            }
        }
        if bad.iter().fold(0, |all, b| all | b) != 0 {
            return false;
        }
        for (c, (w, r)) in written.iter_mut().zip(read).enumerate() {
            for u in 0..16 {
                let me = start | (lane + ((c * 16 + u) / N) as u32);
                if WRITE {
                    w[u] = me;
                } else {
                    let again = r[u] | (u32::from(r[u] & !MANY != me) << 12);
                    r[u] = if r[u] < start { me } else { again };
                }
            }
        }
        true
    }

    /// Several lanes, `lane` the first of them, read one unit. True if there is nothing to say.
    #[inline(always)]
    pub fn shared_read(&mut self, now: Now, unit: usize, lane: u32) -> bool {
        let (written, read) = self.halves();
        let (Some(w), Some(r)) = (written.get(unit), read.get_mut(unit)) else { return true };
        let start = now.epoch << EPOCH_SHIFT;
        if *w >= start || *w < now.begun << EPOCH_SHIFT {
            return false;
        }
        *r = if *r < start { start | MANY | lane } else { *r | MANY };
        true
    }

    /// One lane accesses one unit.
    pub fn one(&mut self, now: Now, write: bool, unit: u32, lane: u32, verdict: &mut Verdict) {
        let at = unit as usize;
        let (written, read) = self.halves();
        if at >= written.len() {
            return;
        }
        let (start, begun) = (now.epoch << EPOCH_SHIFT, now.begun << EPOCH_SHIFT);
        let (w, r, me) = (written[at], read[at], start | lane);
        let other = if w >= start && w != me {
            Some(w)
        } else if write && r >= start && r != me {
            Some(r)
        } else {
            None
        };
        if let Some(other) = other {
            let other = Some(other & LANE).filter(|o| *o != lane);
            verdict.note(Conflict { unit, lane, other, block: None });
        }
        if write {
            written[at] = me;
            return;
        }
        if w < begun {
            verdict.blanks += 1;
            verdict.blank.get_or_insert((unit, lane));
        }
        read[at] = if r < start { me } else { r | if r & !MANY == me { 0 } else { MANY } };
    }

    /// An atomic access: it counts as a write that conflicts with nothing.
    pub fn atomic(&mut self, now: Now, unit: u32) {
        if let Some(w) = self.halves().0.get_mut(unit as usize)
            && *w < now.begun << EPOCH_SHIFT
        {
            *w = now.begun << EPOCH_SHIFT;
        }
    }
}

/// The shadow of a binding.
#[derive(Debug)]
pub struct Shared {
    written: Vec<u64>,
    read: Vec<u64>,
    pub unit: u32,
    /// Its binary logarithm.
    pub shift: u32,
}

/// The present time for bindings.
#[derive(Clone, Copy)]
pub struct Turn {
    /// The number of the block, and of the first one of this dispatch.
    pub block: u64,
    pub first: u64,
    pub epoch: u32,
}

impl Turn {
    #[inline(always)]
    fn me(self, lane: u32) -> u64 {
        self.block << 32 | u64::from(self.epoch << EPOCH_SHIFT | lane)
    }
    /// The entry is of this dispatch.
    #[inline(always)]
    fn recent(self, entry: u64) -> bool {
        (entry & !BLOCKS) >> 32 >= self.first
    }
    /// Does an entry conflict with an access of this lane?
    #[inline(always)]
    fn clashes(self, entry: u64, lane: u32) -> bool {
        let (block, now) = (entry >> 32, self.me(lane));
        let same = block == self.block;
        let together = same & (entry as u32 >> EPOCH_SHIFT == self.epoch);
        self.recent(entry) & (!same | together) & (entry != now)
    }
    /// Remembers that a lane did it too.
    #[inline(always)]
    fn and(self, entry: u64, lane: u32) -> u64 {
        let me = self.me(lane);
        if !self.recent(entry) || (entry >> 32 == self.block && entry as u32 >> EPOCH_SHIFT != self.epoch) {
            return me;
        }
        if entry >> 32 != self.block {
            return entry | BLOCKS;
        }
        entry | if entry & !u64::from(MANY) == me { 0 } else { u64::from(MANY) }
    }
}

impl Shared {
    pub fn new(unit: u32) -> Self {
        Self { written: vec![], read: vec![], unit, shift: unit.ilog2() }
    }

    /// Makes room for a binding of so many bytes.
    pub fn reserve(&mut self, bytes: u32) {
        let n = bytes.div_ceil(self.unit) as usize;
        if self.written.len() < n {
            // a fresh allocation of zeros costs nothing until it is touched
            self.written = vec![0; n];
            self.read = vec![0; n];
        }
    }

    /// Sixteen lanes access `N` units each, side by side from unit `first`. True if there is nothing to say.
    #[inline(always)]
    pub fn line<const WRITE: bool, const N: usize>(&mut self, turn: Turn, first: usize, lane: u32) -> bool {
        let n = 16 * N;
        let (Some(written), Some(read)) = (self.written.get_mut(first..first + n), self.read.get_mut(first..first + n))
        else {
            return false;
        };
        let mut bad = false;
        for u in 0..n {
            let lane = lane + (u / N) as u32;
            bad |= turn.clashes(written[u], lane);
            if WRITE {
                bad |= turn.clashes(read[u], lane);
            }
        }
        if bad {
            return false;
        }
        for u in 0..n {
            let lane = lane + (u / N) as u32;
            if WRITE {
                written[u] = turn.me(lane);
            } else {
                read[u] = turn.and(read[u], lane);
            }
        }
        true
    }

    /// One lane accesses one unit.
    pub fn one(&mut self, turn: Turn, write: bool, unit: u32, lane: u32, verdict: &mut Verdict) {
        let at = unit as usize;
        if at >= self.written.len() {
            return;
        }
        let (w, r) = (self.written[at], self.read[at]);
        let other = if turn.clashes(w, lane) {
            Some(w)
        } else if write && turn.clashes(r, lane) {
            Some(r)
        } else {
            None
        };
        if let Some(other) = other {
            let block = Some((other & !BLOCKS) >> 32).filter(|b| *b != turn.block);
            let known = Some(other as u32 & LANE).filter(|o| block.is_some() || *o != lane);
            verdict.note(Conflict { unit, lane, other: known, block });
        }
        if write {
            self.written[at] = turn.me(lane);
        } else {
            self.read[at] = turn.and(r, lane);
        }
    }
}
