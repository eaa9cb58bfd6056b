//! The `ridgepoint` command: arguments, files, tables and pictures around the library.
//!
//! This is the only place that reads the environment: whether it writes to a terminal, and where the user's cache folder is.

mod adapters;
mod bench;
mod cache;
mod check;
mod fit;
mod gallery;
mod lint;
mod penalties;
mod picture;
mod progress;
mod report;
mod shader_test;
mod table;
mod tune;

use cache::Cache;
use clap::{Args, Parser, Subcommand};
use ridgepoint::run::{Adapter, Options};
use ridgepoint::{Device, Error, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tensors, regularization penalties and solvers on any GPU, every result checked against an f64 reference.
#[derive(Parser)]
#[command(name = "ridgepoint", version, max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Adapters(adapters::Adapters),
    Fit(fit::Fit),
    Check(check::Check),
    Bench(bench::Bench),
    Tune(tune::Tune),
    Penalties(penalties::Penalties),
    ShaderTest(shader_test::ShaderTest),
    Lint(lint::Lint),
}

/// What every command that uses a device takes.
#[derive(Args, Clone, Debug)]
struct Common {
    /// `auto` for the best adapter, `cpu` for the embedded CPU device, or a part of an adapter's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    adapter: String,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
    /// The folder with what `ridgepoint tune` found, where compiled pipelines are kept too; `none` keeps and uses nothing
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl Common {
    fn options(&self) -> Options {
        let adapter = match self.adapter.as_str() {
            "auto" => Adapter::Auto,
            "cpu" => Adapter::Cpu,
            name => Adapter::Named(name.into()),
        };
        Options { adapter, ..Options::default() }
    }

    fn open(&self) -> Result<Device> {
        self.open_with(self.options())
    }

    /// The device, with what was tuned for it, and with the pipelines that are kept.
    fn open_with(&self, options: Options) -> Result<Device> {
        let cache = Cache::new(self.cache.as_deref());
        let mut device = Device::open_blocking(options.clone())?;
        if let Some(compiled) = cache.compiled(device.info()) {
            device = Device::open_blocking(Options { compiled: Some(compiled), ..options })?;
        }
        if let Some(note) = &device.info().note {
            eprintln!("note: {note} (`--adapter` chooses another)");
        }
        Ok(cache.tuned(device))
    }

    /// Keeps what the driver has compiled, where that is asked for.
    fn keep(&self, device: &Device) -> Result<()> {
        Cache::new(self.cache.as_deref()).keep(device)
    }
}

/// How a command ended.
enum Outcome {
    /// All went well.
    Good,
    /// It did what was asked, and what it found is bad; it has said so.
    Bad,
}

/// Why a command could not do what was asked.
enum Failure {
    /// The arguments make no sense.
    Usage(Error),
    /// Anything else.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Runs the command line. Exit code 0: all is well; 1: it is not; 2: the arguments make no sense.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Adapters(command) => command.run(),
        Command::Fit(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Tune(command) => command.run(),
        Command::Penalties(command) => command.run(),
        Command::ShaderTest(command) => command.run(),
        Command::Lint(command) => command.run(),
    };
    match outcome {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Err(Failure::Usage(error)) => {
            eprintln!("ridgepoint: {error}");
            ExitCode::from(2)
        }
        Err(Failure::Error(error)) => {
            eprintln!("ridgepoint: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error.
fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("ridgepoint: standard output: {error}");
    }
}

/// A value as indented JSON.
fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|e| Error::input("output", format!("cannot be written as JSON: {e}"), "report this"))
}
