//! Bind groups, kept for the next time the same buffers meet in the same places.

use crate::graph::{IdHasher, NodeMap};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

/// Groups kept at most; beyond it, those not used for longest go.
const CAPACITY: usize = 4096;

/// Layout, then id and size of each buffer.
type GroupKey = Box<[u64]>;

#[derive(Clone, Copy, Default)]
struct WordHasher;

struct WordState(u64);

impl BuildHasher for WordHasher {
    type Hasher = WordState;
    fn build_hasher(&self) -> WordState {
        WordState(0)
    }
}

impl Hasher for WordState {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_ne_bytes(word)).wrapping_mul(0x517C_C1B7_2722_0A95);
        }
    }
}

/// The cache.
pub(super) struct Groups {
    groups: HashMap<GroupKey, (wgpu::BindGroup, u64), WordHasher>,
    /// The keys each buffer occurs in, so that it can leave.
    users: NodeMap<Vec<GroupKey>>,
    now: u64,
}

impl Default for Groups {
    fn default() -> Self {
        Self { groups: HashMap::default(), users: NodeMap::with_hasher(IdHasher), now: 0 }
    }
}

impl Groups {
    /// The group of a key.
    pub fn get(&mut self, key: &[u64]) -> Option<wgpu::BindGroup> {
        self.now += 1;
        let (group, used) = self.groups.get_mut(key)?;
        *used = self.now;
        Some(group.clone())
    }

    /// Keeps a group.
    pub fn put(&mut self, key: &[u64], group: wgpu::BindGroup) {
        if self.groups.len() >= CAPACITY {
            self.halve();
        }
        let key: GroupKey = key.into();
        for id in ids(&key) {
            let keys = self.users.entry(id as usize).or_default();
            if !keys.contains(&key) {
                keys.push(key.clone());
            }
        }
        self.groups.insert(key, (group, self.now));
    }

    fn halve(&mut self) {
        let mut ages: Vec<u64> = self.groups.values().map(|&(_, used)| used).collect();
        ages.sort_unstable();
        let median = ages[ages.len() / 2];
        self.groups.retain(|_, &mut (_, used)| used >= median);
        self.users.clear();
        for key in self.groups.keys() {
            for id in ids(key) {
                self.users.entry(id as usize).or_default().push(key.clone());
            }
        }
    }

    /// A buffer is gone: so are its groups.
    pub fn evict(&mut self, id: u64) {
        for key in self.users.remove(&(id as usize)).unwrap_or_default() {
            self.groups.remove(&key);
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn clear(&mut self) {
        self.groups.clear();
        self.users.clear();
    }
}

fn ids(key: &[u64]) -> impl Iterator<Item = u64> {
    key[1..].iter().step_by(2).copied()
}
