//! `ridgepoint bench`: what an adapter can do, what the engine makes of it, and what has changed since.

mod chart;
mod html;

use super::progress::Progress;
use super::report::cannot_write;
use super::{Common, Failure, Outcome, say};
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table as Grid, presets};
use ridgepoint::Error;
use ridgepoint::bench::{self, Comparison, Entry, Report, Settings, Source, Verdict};
use ridgepoint::run::Options;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Every result is verified in the same run; what is wrong is reported and not timed. The bar shows the share of a hand-written \
kernel (copy, read or multiply-add) that was timed alternately with the entry. Exit code 1: a result was wrong, or \
`--compare` found a regression.

Examples:
  ridgepoint bench
  ridgepoint bench --suite peaks --html peaks.html
  ridgepoint bench --filter softmax --adapter llvmpipe --time 2
  ridgepoint bench --suite ops --json new.json --compare old.json";

/// Measure an adapter and the engine's kernels on it: bandwidth, arithmetic, latencies, operations, penalties, training
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Bench {
    /// The parts to run, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    suite: Vec<Suite>,
    /// Only entries whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Seconds for which each entry is timed
    #[arg(long, value_name = "SECONDS", default_value_t = 0.3)]
    time: f64,
    /// Write the report as JSON; `-` for standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with a report of an earlier run; may be given several times
    #[arg(long, value_name = "OLD.json")]
    compare: Vec<PathBuf>,
    /// Differences below this share count as none
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    threshold: f64,
    /// `auto` for the best adapter, `cpu` for the embedded CPU device, or a part of an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    adapter: String,
    /// The folder with what `ridgepoint tune` found; `none` uses the defaults
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Suite {
    /// What the machine can do, by hand-written kernels
    Peaks,
    /// Tensor operations
    Ops,
    /// Penalties and their proximal operators
    Penalties,
    /// Training steps of three networks
    Train,
    /// All of these
    All,
}

impl Suite {
    fn parts(self) -> Vec<bench::Suite> {
        match self {
            Suite::Peaks => vec![bench::Suite::Peaks],
            Suite::Ops => vec![bench::Suite::Ops],
            Suite::Penalties => vec![bench::Suite::Penalties],
            Suite::Train => vec![bench::Suite::Train],
            Suite::All => bench::Suite::ALL.to_vec(),
        }
    }
}

/// An earlier report and what has changed since.
struct Earlier {
    place: String,
    report: Report,
}

impl Bench {
    pub fn run(self) -> Result<Outcome, Failure> {
        let earlier = self.earlier()?;
        if !(self.threshold > 0.0 && self.threshold.is_finite()) {
            let message = format!("{} is no share", self.threshold);
            return Err(Failure::Usage(Error::input("--threshold", message, "give a positive number, e.g. 0.1")));
        }
        // before minutes are spent
        for path in [&self.json, &self.html].into_iter().flatten().filter(|p| !is_standard(p)) {
            std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(|e| cannot_write(path, &e))?;
        }
        let common = Common { adapter: self.adapter.clone(), json: false, cache: self.cache.clone() };
        let device = common.open_with(Options { features: bench::features(), ..common.options() })?;
        let suites = self.suite.iter().flat_map(|s| s.parts()).collect();
        let settings = Settings { suites, filter: self.filter.clone(), seconds: self.time };
        let mut bar = Progress::new();
        let report = bench::run(&device, &settings, &mut |p| bar.set(p.done as u64, p.total as u64, p.name));
        bar.clear();
        let report = report.map_err(|error| match error {
            error @ Error::Input { .. } => Failure::Usage(error),
            error => Failure::Error(error),
        })?;
        let compared: Vec<(&str, Comparison)> =
            earlier.iter().map(|e| (e.place.as_str(), Comparison::of(&e.report, &report, self.threshold))).collect();
        self.write(&report, &compared)?;
        let steady = compared.iter().all(|(_, c)| c.slower().next().is_none());
        Ok(if report.passed() && steady { Outcome::Good } else { Outcome::Bad })
    }

    fn earlier(&self) -> Result<Vec<Earlier>, Failure> {
        let read = |path: &PathBuf| {
            let place = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|e| {
                Error::input(&place, format!("cannot be read: {e}"), "give a file of `ridgepoint bench --json`")
            })?;
            Ok(Earlier { report: Report::from_json(&text, &place)?, place })
        };
        self.compare.iter().map(read).collect::<Result<_, Error>>().map_err(Failure::Usage)
    }

    fn write(&self, report: &Report, compared: &[(&str, Comparison)]) -> Result<(), Failure> {
        let save = |path: &Path, text: String| std::fs::write(path, text).map_err(|e| cannot_write(path, &e));
        if let Some(path) = &self.html {
            save(path, html::page(report, compared)?)?;
        }
        match &self.json {
            Some(path) if is_standard(path) => {
                say(&report.to_json()?);
                return Ok(());
            }
            Some(path) => save(path, report.to_json()? + "\n")?,
            None => {}
        }
        say(&text(report));
        for (place, comparison) in compared {
            say(&difference(place, comparison));
        }
        Ok(())
    }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Three significant digits.
pub fn digits(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let decimals = (2 - x.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{x:.decimals$}")
}

/// A time in a unit that suits it.
pub fn duration(seconds: f64) -> String {
    let (scale, unit) = match seconds {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "us"),
        _ => (1e9, "ns"),
    };
    format!("{} {unit}", digits(seconds * scale))
}

/// Eight cells, filled to a share of 1.
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * 64.0).round() as usize;
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    let full = "█".repeat(eighths / 8);
    let rest = 8 - eighths / 8 - usize::from(!part.is_empty());
    format!("{full}{part}{}", "·".repeat(rest))
}

pub fn grid(header: &[&str], right: &[usize]) -> Grid {
    let mut grid = Grid::new();
    grid.load_preset(presets::NOTHING).set_header(header.to_vec());
    for &ix in right {
        if let Some(column) = grid.column_mut(ix) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

/// What else there is to say of an entry.
pub fn remarks(entry: &Entry) -> String {
    let mut all = Vec::new();
    if entry.dispatches > 0 {
        all.push(format!("{} dispatch{}", entry.dispatches, if entry.dispatches == 1 { "" } else { "es" }));
    }
    if let Some(cold) = entry.cold {
        all.push(format!("first run {}", duration(cold)));
    }
    if let Some(host) = entry.host {
        all.push(format!("host {}", duration(host)));
    }
    if let Some(memory) = entry.memory {
        all.push(format!("{:.0} MiB", memory as f64 / (1 << 20) as f64));
    }
    all.extend(entry.notes.iter().cloned());
    all.join(", ")
}

fn text(report: &Report) -> String {
    let adapter = &report.adapter;
    let mut out = format!(
        "{} ({}, {}, {}), {} processors; {}\n",
        adapter.name,
        adapter.backend,
        adapter.kind,
        adapter.driver,
        adapter.threads,
        match report.clock {
            Source::Device => "timed by the device",
            Source::Host => "timed by the host",
        }
    );
    for suite in bench::Suite::ALL {
        let entries: Vec<&Entry> = report.entries.iter().filter(|e| e.suite == suite).collect();
        if entries.is_empty() {
            continue;
        }
        let mut grid = grid(&[suite.name(), "", "time", "±", "rate", "", "share", "", ""], &[2, 3, 4, 6]);
        for entry in entries {
            let (rate, unit) =
                entry.rate.as_ref().map_or_else(Default::default, |r| (digits(r.value.median), r.unit.clone()));
            let share = entry.ceiling.as_ref().map(|c| c.share.median);
            grid.add_row(vec![
                entry.name.clone(),
                entry.size.clone(),
                duration(entry.seconds.median),
                format!("{:.0} %", 100.0 * entry.seconds.spread()),
                rate,
                unit,
                share.map_or_else(String::new, |s| format!("{:.0} %", 100.0 * s)),
                share.map_or_else(String::new, bar),
                remarks(entry),
            ]);
        }
        out += &format!("\n{grid}\n");
    }
    if let Some(ridge) = report.ridge() {
        out += &format!(
            "\nroofline: {} GB/s, {} GFLOP/s, ridge point at {} operations per byte\n",
            digits(ridge.bandwidth * 1e-9),
            digits(ridge.compute * 1e-9),
            digits(ridge.intensity())
        );
    }
    if !report.skipped.is_empty() {
        out += &format!("\nnot timed: {}\n", report.skipped.len());
        for s in &report.skipped {
            out += &format!("  {}{} {}: {}\n", if s.failed { "FAILED " } else { "" }, s.name, s.size, s.reason);
        }
    }
    out.trim_end().to_owned()
}

/// A comparison as text.
fn difference(place: &str, comparison: &Comparison) -> String {
    let mut out = format!("\nsince {place}: {} entries compared", comparison.changes.len());
    if comparison.unmatched > 0 {
        out += &format!(", {} in one of the reports only", comparison.unmatched);
    }
    for notice in &comparison.notices {
        out += &format!("\n  notice: {notice}");
    }
    let significant: Vec<_> = comparison.changes.iter().filter(|c| c.verdict != Verdict::Same).collect();
    if significant.is_empty() {
        return out + "\n  no significant difference";
    }
    let mut grid = grid(&["", "before", "now", "", ""], &[1, 2, 3]);
    for change in significant {
        let verdict = if change.verdict == Verdict::Slower { "SLOWER" } else { "faster" };
        let ratio = format!("{:+.0} %", 100.0 * (change.ratio - 1.0));
        grid.add_row(vec![change.name.clone(), duration(change.before), duration(change.after), ratio, verdict.into()]);
    }
    format!("{out}\n{grid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_eight_wide_and_numbers_short() {
        for share in [0.0, 0.01, 0.5, 0.99, 1.0, 7.0, f64::NAN] {
            assert_eq!(bar(share).chars().count(), 8, "{share}");
        }
        assert_eq!(bar(0.5), "████····");
        assert_eq!(
            (duration(0.001_234), duration(2.5e-8), duration(12.0)),
            ("1.23 ms".into(), "25.0 ns".into(), "12.0 s".into())
        );
    }
}
