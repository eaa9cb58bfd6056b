//! The benchmark: what a machine can do by hand-written kernels, and what the engine makes of it.
//!
//! [`run`] times peaks (bandwidth over footprints, arithmetic, latencies, the measured roofline), operations, penalties and
//! training steps on one device. No result, no time: every kernel's output is checked in the same run, at full size, against
//! what must come out (peaks) or the f64 reference within its derived bounds (everything else, see [`crate::reference`]);
//! where results are independent along an axis the reference computes some of them, and where inputs repeat themselves it knows
//! all from one period. [`run_works`] does the same with expressions of your own.
//!
//! # How it is timed
//! - Batches of about ten milliseconds, in one submission each, between two timestamps of the device, if these prove
//!   consistent with each other and with the host's clock; otherwise by the host's clock.
//! - An operation or a training step alternates with its ceiling, the hand-written copy, read or multiply-add kernel that suits the device best:
//!   the *share* is the median of the ratios of neighbours, which drifts of the machine leave alone.
//! - Medians with 95 % intervals ([`Summary`]); notes where samples scatter or the machine drifted. The first run, with
//!   planning and pipelines, is given by itself ([`Entry::cold`]).
//!
//! [`tune`] finds by the same means which kernels an adapter is fastest with.
//!
//! ```no_run
//! # fn main() -> ridgepoint::Result<()> {
//! use ridgepoint::{bench, run::Options, Device};
//! let device = Device::open_blocking(Options { features: bench::features(), ..Options::default() })?;
//! let settings = bench::Settings { filter: Some("softmax".into()), ..Default::default() };
//! let report = bench::run(&device, &settings, &mut |_| {})?;
//! println!("{}", report.to_json()?);
//! # Ok(()) }
//! ```

mod clock;
mod compare;
mod list;
mod peaks;
mod probe;
mod report;
mod run;
mod sample;
mod train;
pub mod tune;
mod work;

pub use compare::{Change, Comparison, Verdict};
pub use report::{Adapter, Ceiling, Entry, Rate, Report, Ridge, SCHEMA, Skipped, Source, Suite};
pub use run::{Progress, Settings, features, run, run_works};
pub use sample::Summary;
pub use work::{Build, Fill, Input, Output, Work};
