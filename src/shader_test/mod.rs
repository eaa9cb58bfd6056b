//! Tests of WGSL compute shaders without a window, a browser or a GPU.
//!
//! A test is a TOML file beside a WGSL file: what the bindings hold, how many workgroups run, what must come out. It runs on the
//! embedded CPU device with its sanitizer on, and on any other adapter. Every buffer has guard words around it, outputs begin as
//! a pattern that no test expects, and a test that cannot run fails unless the file says why it may be skipped.
//!
//! ```toml
//! # reduce.toml, for reduce.wgsl
//! dispatch = 4
//! overrides = { n = 256 }
//! buffers.input = { range = { start = 1, count = 1024 } }   # or data, random, fill, npy
//! buffers.sums = { output = 4 }
//!
//! [[test]]
//! name = "adds up each block"
//! expect.sums = { data = [32896, 98432, 163968, 229504], rel = 1e-6 }
//!
//! [[test]]
//! name = "agrees with the slow one"
//! expect.sums = { same_as = { shader = "slow.wgsl" }, ulp = 4 }
//! ```
//!
//! Several dispatches over the same buffers are `passes = [{ entry = "count", dispatch = 4 }, { entry = "move", bind = { a = "b",
//! b = "a" } }]`; `bind` gives a variable another buffer than the one of its name.
//!
//! A pass may name another `shader` than the test's. `expect.NAME = { npy = "want.npy", within = "bound.npy", as = "f16" }` has a
//! bound for each number, and takes the words of the buffer for numbers of that kind: such tests are the capsules that
//! [`crate::verify`] makes of wrong results.
//!
//! Bindings go by the names of the WGSL variables, uniforms and immediates included. Data are numbers in the order of the WGSL
//! type; padding is left out. In a test of your own crate:
//!
//! ```no_run
//! #[test]
//! fn shaders() {
//!     ridgepoint::shader_test::assert_all("shaders");
//! }
//! ```

#[cfg(test)]
mod capsules;
mod compare;
mod data;
mod layout;
mod npy;
mod program;
mod run;
mod spec;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::run::{Adapter, AdapterSummary};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

pub use run::Target;

/// One test of a shader.
#[derive(Clone, Debug)]
pub struct Case {
    /// The TOML file.
    pub file: PathBuf,
    /// `stem::name`, or the stem where the file has one test without a name.
    pub name: String,
    spec: spec::Test,
    shader: PathBuf,
}

/// How a test ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All expectations hold.
    Passed,
    /// The file says that it does not run on this adapter, and why.
    Skipped(String),
    /// What went wrong.
    Failed(String),
}

/// A test on an adapter, and how it ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The test's name.
    pub name: String,
    /// The TOML file.
    pub file: PathBuf,
    /// The adapter it ran on.
    pub adapter: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// The command that runs this test alone on this adapter.
    #[must_use]
    pub fn repeat(&self) -> String {
        let adapter = if self.adapter.contains(' ') { format!("'{}'", self.adapter) } else { self.adapter.clone() };
        format!("ridgepoint shader-test {} --test '{}' --adapter {adapter}", self.file.display(), self.name)
    }
}

impl fmt::Display for Report {
    /// A line as libtest writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match &self.outcome {
            Outcome::Passed => "ok".to_owned(),
            Outcome::Skipped(why) => format!("ignored, {why}"),
            Outcome::Failed(_) => "FAILED".to_owned(),
        };
        write!(f, "test {} ({}) ... {how}", self.name, self.adapter)
    }
}

/// The tests in a TOML file, or in all TOML files below a folder, in the order of their paths.
///
/// # Errors
/// A file that cannot be read or makes no sense, with its place.
pub fn load(path: impl AsRef<Path>) -> Result<Vec<Case>> {
    let path = path.as_ref();
    let mut files = Vec::new();
    find(path, &mut files)?;
    let mut cases = Vec::new();
    for file in files {
        let text = read(&file)?;
        let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or("shader").to_owned();
        let (shader, tests) = spec::parse(&text, &file)?;
        let shader = file.with_file_name(shader.unwrap_or_else(|| PathBuf::from(format!("{stem}.wgsl"))));
        for spec in tests {
            let name = spec.name.as_ref().map_or(stem.clone(), |name| format!("{stem}::{name}"));
            cases.push(Case { file: file.clone(), name, spec, shader: shader.clone() });
        }
    }
    if cases.is_empty() {
        let hint = "a test is a TOML file beside a WGSL file";
        return Err(Error::input(path.display().to_string(), "no shader test is here", hint));
    }
    Ok(cases)
}

fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| unreadable(path, &e))? {
        entries.push(entry.map_err(|e| unreadable(path, &e))?.path());
    }
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|e| e == "toml") {
            find(&entry, files)?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::input(path.display().to_string(), format!("cannot be read: {error}"), "check the path")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| unreadable(path, &e))
}

/// How tests are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Write snapshots instead of comparing with them.
    pub bless: bool,
}

impl Case {
    /// Runs the test.
    #[must_use]
    pub fn run(&self, target: &Target, settings: Settings) -> Report {
        let start = std::time::Instant::now();
        let outcome = match self.spec.skipped_on(target.name()) {
            Some(why) => Outcome::Skipped(why.to_owned()),
            None => match run::run(self, target, settings) {
                Ok(()) => Outcome::Passed,
                Err(message) => Outcome::Failed(message),
            },
        };
        let (name, file) = (self.name.clone(), self.file.clone());
        let adapter = target.name().to_owned();
        Report { name, file, adapter, outcome, seconds: start.elapsed().as_secs_f64() }
    }

    /// A file that the test names, which is beside its own.
    fn beside(&self, file: impl AsRef<Path>) -> PathBuf {
        self.file.with_file_name(file.as_ref())
    }
}

/// The adapters that a list of names means: `cpu`, `all`, or parts of names.
///
/// # Errors
/// A name that no adapter has.
pub fn targets(names: &[String]) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for name in names {
        if name == "all" {
            let all: Vec<AdapterSummary> = crate::Device::adapters_blocking();
            for summary in all {
                targets.push(Target::open(Adapter::Named(summary.to_string()))?);
            }
        } else if name == "cpu" {
            targets.push(Target::open(Adapter::Cpu)?);
        } else {
            targets.push(Target::open(Adapter::Named(name.clone()))?);
        }
    }
    Ok(targets)
}

/// Runs every test below a path on the CPU device.
///
/// # Panics
/// With all failures, if there are any, or where a file makes no sense.
#[track_caller]
pub fn assert_all(path: impl AsRef<Path>) {
    let cases = load(path).unwrap_or_else(|e| panic!("{e}"));
    let target = Target::open(Adapter::Cpu).unwrap_or_else(|e| panic!("{e}"));
    let mut failures = Vec::new();
    for case in &cases {
        let report = case.run(&target, Settings::default());
        if let Outcome::Failed(message) = &report.outcome {
            failures.push(format!("---- {} ----\n{message}\nrepeat: {}", report.name, report.repeat()));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} shader tests failed\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}
