//! What a run found, as a value and as JSON.

use super::sample::Summary;
use crate::error::{Error, Result};
use crate::run::Device;
use serde::{Deserialize, Serialize};

/// The version of the JSON; it changes when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Everything a run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this crate.
    pub version: String,
    /// When it began, in seconds since 1970.
    pub unix_seconds: u64,
    /// The same as a date and time, UTC.
    pub date: String,
    /// What it ran on.
    pub adapter: Adapter,
    /// The clock of everything but latencies and training steps, which are by the host's.
    pub clock: Source,
    /// What was timed.
    pub entries: Vec<Entry>,
    /// What was not, and why.
    pub skipped: Vec<Skipped>,
}

/// The adapter of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// The marketing name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `cpu`.
    pub backend: String,
    /// Driver and version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// Logical processors of the host.
    pub threads: usize,
}

impl Adapter {
    /// Of a device.
    #[must_use]
    pub fn of(device: &Device) -> Adapter {
        let info = device.info();
        Adapter {
            name: info.name.clone(),
            backend: info.backend.clone(),
            driver: info.driver.clone(),
            kind: info.kind.into(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Who tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Timestamps of the device.
    Device,
    /// The host's clock, around batches of submissions.
    Host,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// What the machine can do.
    Peaks,
    /// Tensor operations.
    Ops,
    /// Penalties and their proximal operators.
    Penalties,
    /// Training steps.
    Train,
}

impl Suite {
    /// All, in the order in which they run.
    pub const ALL: [Suite; 4] = [Suite::Peaks, Suite::Ops, Suite::Penalties, Suite::Train];

    /// The name in reports and arguments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Suite::Peaks => "peaks",
            Suite::Ops => "ops",
            Suite::Penalties => "penalties",
            Suite::Train => "train",
        }
    }
}

/// One thing that was timed. Its result was verified in the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its part.
    pub suite: Suite,
    /// Its name; with `size` it is unique.
    pub name: String,
    /// The sizes, for people; empty where there is one only.
    pub size: String,
    /// Seconds of one run.
    pub seconds: Summary,
    /// The rate, where there is one to speak of.
    pub rate: Option<Rate>,
    /// Bytes that had to be moved.
    pub bytes: f64,
    /// Operations that had to be done.
    pub flops: f64,
    /// The place on the horizontal axis for entries that form a curve: bytes of the footprint, or operations per byte.
    pub x: Option<f64>,
    /// What a hand-written kernel reached beside it.
    pub ceiling: Option<Ceiling>,
    /// Dispatches of one run; 0 where it is not a matter of kernels.
    pub dispatches: u64,
    /// The first run, with planning, shaders and pipelines: seconds.
    pub cold: Option<f64>,
    /// The host's share of a training step: seconds.
    pub host: Option<f64>,
    /// The greatest memory taken by tensors and the pool: bytes.
    pub memory: Option<u64>,
    /// The greatest error of the result in units of its bound; 0 where it had to be exact.
    pub error: f64,
    /// What makes the figure doubtful.
    pub notes: Vec<String>,
}

/// Work per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// As in `GB/s`.
    pub unit: String,
    /// In that unit.
    pub value: Summary,
}

/// A hand-written kernel, timed alternately with an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// What it does.
    pub name: String,
    /// The median of its rate, in the entry's unit.
    pub rate: f64,
    /// The entry's rate over it, of neighbouring batches.
    pub share: Summary,
}

/// Something that was not timed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its part.
    pub suite: Suite,
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub size: String,
    /// Why.
    pub reason: String,
    /// The result was wrong, or could not be had: the run did not go well.
    pub failed: bool,
}

impl Report {
    /// From JSON.
    ///
    /// # Errors
    /// Text that is no report, or one of another schema; `place` names it in the message.
    pub fn from_json(text: &str, place: &str) -> Result<Report> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let other = |what: String| {
            Error::input(place, what, "give a file that `ridgepoint bench --json` of this version wrote")
        };
        match serde_json::from_str::<Head>(text) {
            Ok(head) if head.schema == SCHEMA => {}
            Ok(head) => {
                return Err(other(format!("the report has schema {}, this version reads {SCHEMA}", head.schema)));
            }
            Err(error) => return Err(other(format!("this is no report: {error}"))),
        }
        serde_json::from_str(text).map_err(|error| other(format!("the report cannot be read: {error}")))
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that is known: all fields are plain.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Error::input("bench", format!("cannot be written as JSON: {e}"), "report this"))
    }

    /// Whether every result was right.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.skipped.iter().all(|s| !s.failed)
    }

    /// The entries of a name, in the order they ran.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |e| e.name == name)
    }

    /// The greatest bandwidth of the copies over all footprints that were measured, the greatest rate of multiply-adds, and
    /// the intensity, in operations per byte, at which they meet: the ridge point of the roofline.
    ///
    /// # Source
    /// S. Williams, A. Waterman, D. Patterson, Roofline: an insightful visual performance model, CACM 52 (2009).
    #[must_use]
    pub fn ridge(&self) -> Option<Ridge> {
        // over the largest footprint: what memory gives, not a cache
        let widest = self.named("copy").max_by(|a, b| a.x.unwrap_or(0.0).total_cmp(&b.x.unwrap_or(0.0)))?;
        let bandwidth = widest.rate.as_ref()?.value.median * 1e9;
        let compute = self.named("fma f32").next()?.rate.as_ref()?.value.median * 1e9;
        Some(Ridge { bandwidth, compute })
    }
}

/// The two lines of a roofline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ridge {
    /// Bytes per second.
    pub bandwidth: f64,
    /// Operations per second.
    pub compute: f64,
}

impl Ridge {
    /// Operations per byte at which the two meet.
    #[must_use]
    pub fn intensity(&self) -> f64 {
        self.compute / self.bandwidth
    }

    /// Operations per second that the lines allow at an intensity.
    #[must_use]
    pub fn roof(&self, intensity: f64) -> f64 {
        self.compute.min(self.bandwidth * intensity)
    }
}

/// The date and time of a Unix time, UTC, as in ISO 8601.
///
/// Days to dates by H. Hinnant's algorithm for the proleptic Gregorian calendar (chrono-compatible low-level date algorithms).
#[must_use]
pub fn date(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(date(1_795_478_400), "2026-11-24T00:00:00Z");
    }
}
