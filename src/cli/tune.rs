//! `ridgepoint tune`: which kernels an adapter is fastest with.

use super::bench::{digits, duration, grid};
use super::cache::Cache;
use super::progress::Progress;
use super::report::cannot_write;
use super::{Common, Failure, Outcome, json, say};
use clap::Args;
use ridgepoint::bench::tune::{self, Settings, Tuning};
use ridgepoint::run::{Kernels, Options, Tuned};
use ridgepoint::{Device, Error};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Candidates give the same results within the same bounds; each is verified before it is timed, alternately with the best so \
far. The winners are kept in the user's cache folder for this adapter, driver and version, and used by every later command \
but `check`. `--cache none` keeps nothing.

Examples:
  ridgepoint tune
  ridgepoint tune --adapter llvmpipe --routine matmul --time 1
  ridgepoint tune --cache ./tuned --json found.json";

/// Find the kernels that this adapter is fastest with
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Tune {
    /// Only this routine
    #[arg(long, value_name = "NAME")]
    routine: Option<String>,
    /// Seconds for which each candidate is timed on each workload
    #[arg(long, value_name = "SECONDS", default_value_t = 0.3)]
    time: f64,
    /// Write what was found and tried as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// `auto` for the best adapter, `cpu` for the embedded CPU device, or a part of an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    adapter: String,
    /// The folder for what is found; `none` keeps nothing
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl Tune {
    pub fn run(self) -> Result<Outcome, Failure> {
        if let Some(path) = &self.json {
            // before minutes are spent
            std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(|e| cannot_write(path, &e))?;
        }
        let common = Common { adapter: self.adapter.clone(), json: false, cache: self.cache.clone() };
        let options = Options { features: ridgepoint::bench::features(), kernels: Kernels::Auto, ..common.options() };
        let device = Device::open_blocking(options)?;
        if let Some(note) = &device.info().note {
            eprintln!("note: {note} (`--adapter` chooses another)");
        }
        let settings = Settings { routine: self.routine.clone(), seconds: self.time };
        let mut bar = Progress::new();
        let found = tune::run(&device, &settings, &mut |p| bar.set(p.done as u64, p.total as u64, p.name));
        bar.clear();
        let found = found.map_err(|error| match error {
            error @ Error::Input { .. } => Failure::Usage(error),
            error => Failure::Error(error),
        })?;
        if let Some(path) = &self.json {
            std::fs::write(path, json(&found)? + "\n").map_err(|e| cannot_write(path, &e))?;
        }
        say(&text(&found));
        let cache = Cache::new(self.cache.as_deref());
        let mut winners = found.winners.clone();
        if self.routine.is_some() {
            // what was found for the other routines stays
            let before = cache.tuned(device.clone()).limits().tune();
            let others =
                ridgepoint::kernel::Tune::CHOICES.iter().filter(|c| Some(c.routine) != self.routine.as_deref());
            let of_kind = device.limits().of_kind();
            winners
                .extend(others.filter(|c| c.of(&before) != c.of(&of_kind)).map(|c| (c.name.to_owned(), c.of(&before))));
        }
        if let Some(path) = cache.keep_tuned(&device, &Tuned::of(device.info(), winners))? {
            say(&format!("\nkept in {}", path.display()));
        }
        Ok(Outcome::Good)
    }
}

fn text(found: &Tuning) -> String {
    let timed = found.trials.iter().filter(|t| t.gain.is_some()).count();
    let mut out = format!(
        "{} ({}, {}): {} candidates, {timed} timed\n",
        found.adapter.name,
        found.adapter.backend,
        found.adapter.driver,
        found.trials.len()
    );
    for trial in found.trials.iter().filter(|t| !t.note.is_empty()) {
        out += &format!("  not timed: {} = {}: {}\n", trial.choice, trial.value, trial.note);
    }
    if !found.effects.is_empty() {
        let mut table = grid(&["", "", "default", "tuned", "times as fast", "(95 %)"], &[2, 3, 4]);
        for e in &found.effects {
            table.add_row(vec![
                e.name.clone(),
                e.size.clone(),
                duration(e.default.median),
                duration(e.tuned.median),
                digits(e.gain.median),
                format!("{} to {}", digits(e.gain.low), digits(e.gain.high)),
            ]);
        }
        out += &format!("\n{table}\n");
    }
    if found.winners.is_empty() {
        return out + "\nthe defaults are the best";
    }
    out += "\nwinners:";
    for (name, value) in &found.winners {
        let what = ridgepoint::kernel::Tune::choice(name).map_or("", |c| c.what);
        out += &format!("\n  {name} = {value}: {what}");
    }
    out
}
