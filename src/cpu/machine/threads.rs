//! The threads that workgroups are handed to.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The threads of a device. The calling thread works too, so that one thread needs no pool.
pub struct Threads {
    #[cfg(not(target_arch = "wasm32"))]
    pool: Option<rayon::ThreadPool>,
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Threads({})", self.count())
    }
}

impl Threads {
    /// So many threads, the caller's included. Where they cannot be had, the caller works alone.
    #[must_use]
    pub fn new(count: usize) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        {
            let name = |n| format!("ridgepoint-cpu-{n}");
            let build = || rayon::ThreadPoolBuilder::new().num_threads(count - 1).thread_name(name).build();
            Self { pool: if count > 1 { build().ok() } else { None } }
        }
        #[cfg(target_arch = "wasm32")]
        {
            let _ = count;
            Self {}
        }
    }

    /// How many threads work, the caller's included.
    #[must_use]
    pub fn count(&self) -> usize {
        #[cfg(not(target_arch = "wasm32"))]
        return 1 + self.pool.as_ref().map_or(0, rayon::ThreadPool::current_num_threads);
        #[cfg(target_arch = "wasm32")]
        return 1;
    }

    /// Hands the numbers below `total` to the threads in runs; `work` is called on each thread that takes part, with what gives it
    /// its next run.
    pub(super) fn share(&self, total: u64, work: impl Fn(&dyn Fn() -> Option<std::ops::Range<u64>>) + Sync) {
        let chunk = (total / (self.count() as u64 * 8)).clamp(1, 64);
        let next = AtomicU64::new(0);
        let take = || {
            let start = next.fetch_add(chunk, Relaxed);
            (start < total).then(|| start..(start + chunk).min(total))
        };
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(pool) = self.pool.as_ref().filter(|_| total > 1) {
            let helpers = (self.count() as u64).min(total) - 1;
            pool.in_place_scope(|scope| {
                for _ in 0..helpers {
                    scope.spawn(|_| work(&take));
                }
                work(&take);
            });
            return;
        }
        work(&take);
    }
}
