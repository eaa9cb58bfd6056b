//! Time, and medians of it.

use std::time::Instant;

/// Seconds spent on something.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// By the clock on the wall.
    pub wall: f64,
    /// By all threads of the process together, where that is known.
    pub process: Option<f64>,
}

/// The time `work` takes.
pub fn time<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let (wall, process) = (Instant::now(), process_seconds());
    let result = work();
    let process = process_seconds().zip(process).map(|(now, then)| now - then);
    (result, Spent { wall: wall.elapsed().as_secs_f64(), process })
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such clock")]
fn process_seconds() -> Option<f64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn process_seconds() -> Option<f64> {
    None
}

/// Least, median and greatest of a sample.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// The quartiles and the median.
pub fn summary(sample: &[f64]) -> Summary {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |q: f64| sorted.get(((sorted.len() - 1) as f64 * q).round() as usize).copied().unwrap_or(f64::NAN);
    Summary { low: at(0.25), median: at(0.5), high: at(0.75) }
}
