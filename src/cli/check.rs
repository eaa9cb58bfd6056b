//! `ridgepoint check`: every operation, gradient, penalty and law, on every adapter, against the reference.

use super::progress::Progress;
use super::{Common, Failure, Outcome, json, say};
use clap::Args;
use comfy_table::{CellAlignment, Table as Grid, presets};
use ridgepoint::check::{self, Report, Settings};
use ridgepoint::run::{Kernels, Options};
use ridgepoint::{Device, Error};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Every result is compared with an f64 evaluation of the same graph, within a bound that follows from the roundings in \
between. A line says how many comparisons were made for a case, how many were about derivatives, and the greatest error \
relative to its bound.

Examples:
  ridgepoint check
  ridgepoint check softmax
  ridgepoint check --seed 7 --random 2000
  ridgepoint check matmul --adapter llvmpipe --json
  ridgepoint check softmax --kernels graphics
  ridgepoint check --capsules wrong";

/// Check every operation, forward and backward, against the f64 reference; on every adapter, unless one is named
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// Only cases whose name contains this
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Seed of all inputs
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Random graphs to draw besides the table of cases
    #[arg(long, value_name = "N", default_value_t = 100)]
    random: usize,
    /// Which form of the kernels: software adapters can run those of graphics processors, slowly
    #[arg(long, value_enum, default_value_t)]
    kernels: Form,
    /// Write the dispatches of each wrong result into this folder, as tests that `shader-test` repeats on any adapter
    #[arg(long, value_name = "DIR")]
    capsules: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default)]
enum Form {
    /// Those for the kind of the adapter
    #[default]
    Auto,
    /// Those for processors
    Processor,
    /// Those for graphics processors
    Graphics,
}

impl From<Form> for Kernels {
    fn from(form: Form) -> Kernels {
        match form {
            Form::Auto => Kernels::Auto,
            Form::Processor => Kernels::Processor,
            Form::Graphics => Kernels::Graphics,
        }
    }
}

/// The report of one adapter.
struct Checked {
    adapter: String,
    report: Report,
}

struct Failed<'a>(&'a check::Outcome);

impl Serialize for Failed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let o = self.0;
        let capsule = o.divergence.as_ref().and_then(|d| d.capsule.as_ref().ok());
        let mut out = serializer.serialize_struct("failure", 9)?;
        out.serialize_field("case", &o.case)?;
        out.serialize_field("variant", &o.variant)?;
        out.serialize_field("what", &o.what.to_string())?;
        out.serialize_field("seed", &o.seed)?;
        out.serialize_field("error", &o.error)?;
        out.serialize_field("got", &o.verdict.as_ref().map(|v| v.got))?;
        out.serialize_field("want", &o.verdict.as_ref().map(|v| v.want))?;
        out.serialize_field("bound", &o.verdict.as_ref().map(|v| v.bound))?;
        out.serialize_field("capsule", &capsule.map(ridgepoint::verify::Capsule::name))?;
        out.end()
    }
}

struct Line<'a>(&'a check::Summary);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("case", 6)?;
        out.serialize_field("case", &self.0.case)?;
        out.serialize_field("comparisons", &self.0.outcomes)?;
        out.serialize_field("derivatives", &self.0.gradients)?;
        out.serialize_field("failed", &self.0.failed)?;
        out.serialize_field("worst_ratio", &self.0.worst_ratio)?;
        out.serialize_field("passed", &(self.0.failed == 0))?;
        out.end()
    }
}

impl Serialize for Checked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("checked", 4)?;
        out.serialize_field("adapter", &self.adapter)?;
        out.serialize_field("passed", &self.report.passed())?;
        out.serialize_field("cases", &self.report.summary().iter().map(Line).collect::<Vec<_>>())?;
        out.serialize_field("failures", &self.report.failures().map(Failed).collect::<Vec<_>>())?;
        out.end()
    }
}

impl Check {
    /// The adapter that was named, or every one: of several backends of one adapter the best.
    fn devices(&self) -> ridgepoint::Result<Vec<Device>> {
        if self.common.adapter != "auto" {
            return Ok(vec![self.open(&self.common)?]);
        }
        let mut names: Vec<String> = Vec::new();
        for summary in Device::adapters_blocking() {
            if !names.contains(&summary.name) {
                names.push(summary.name);
            }
        }
        if names.is_empty() {
            // opening says what is missing
            return Ok(vec![self.open(&self.common)?]);
        }
        names.into_iter().map(|adapter| self.open(&Common { adapter, json: false, cache: None })).collect()
    }

    fn open(&self, common: &Common) -> ridgepoint::Result<Device> {
        Device::open_blocking(Options { kernels: self.kernels.into(), ..common.options() })
    }

    pub fn run(self) -> Result<Outcome, Failure> {
        let (filter, seed, random_graphs) = (self.filter.clone(), self.seed, self.random);
        let settings = Settings { filter, seed, random_graphs, trace: self.capsules.is_some() };
        let mut all = Vec::new();
        for device in self.devices()? {
            let mut bar = Progress::new();
            let report = check::run_blocking(&device, &settings, &mut |p| {
                bar.set(p.done as u64, p.total as u64, p.case);
            });
            bar.clear();
            if report.outcomes.is_empty() {
                let filter = self.filter.unwrap_or_default();
                let message = format!("no case's name contains {filter:?}");
                return Err(Failure::Usage(Error::input("check", message, "`ridgepoint check` lists all cases")));
            }
            let checked = Checked { adapter: device.info().to_string(), report };
            if !self.common.json {
                print(&checked);
            }
            if let Some(folder) = &self.capsules {
                keep(&checked.report, folder)?;
            }
            all.push(checked);
        }
        if self.common.json {
            say(&json(&all)?);
        }
        Ok(if all.iter().all(|c| c.report.passed()) { Outcome::Good } else { Outcome::Bad })
    }
}

/// Writes the capsules of a report; one may stand for several outcomes.
fn keep(report: &Report, folder: &Path) -> ridgepoint::Result<()> {
    let mut names = Vec::new();
    for outcome in report.failures() {
        let Some(divergence) = &outcome.divergence else { continue };
        match &divergence.capsule {
            Ok(capsule) if names.contains(&capsule.name()) => {}
            Ok(capsule) => {
                let file = capsule.write(folder)?;
                names.push(capsule.name());
                eprintln!("ridgepoint: {}: repeat with `ridgepoint shader-test {}`", outcome.case, file.display());
            }
            Err(error) => eprintln!("ridgepoint: {}: no capsule: {error}", outcome.case),
        }
    }
    Ok(())
}

/// Failures shown in full.
const SHOWN: usize = 20;

fn print(checked: &Checked) {
    let mut grid = Grid::new();
    grid.load_preset(presets::UTF8_BORDERS_ONLY);
    grid.set_header(["case", "comparisons", "of derivatives", "error / bound", "verdict"]);
    for line in checked.report.summary() {
        grid.add_row([
            line.case,
            line.outcomes.to_string(),
            line.gradients.to_string(),
            format!("{:.2}", line.worst_ratio),
            if line.failed == 0 { "passed".into() } else { format!("{} FAILED", line.failed) },
        ]);
    }
    for column in grid.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    say(&grid.to_string());
    let failures: Vec<_> = checked.report.failures().collect();
    for failure in failures.iter().take(SHOWN) {
        eprintln!("ridgepoint: {failure}");
    }
    if failures.len() > SHOWN {
        eprintln!("ridgepoint: … and {} more failures; --json lists all", failures.len() - SHOWN);
    }
    say(&format!(
        "{}: {} comparisons, {} failed: {}",
        checked.adapter,
        checked.report.outcomes.len(),
        failures.len(),
        if checked.report.passed() { "passed" } else { "FAILED" }
    ));
}
