//! `ridgepoint shader-test`: tests of WGSL shaders from TOML files.

use super::{Failure, Outcome as Ended, say};
use clap::Args;
use quick_junit::{NonSuccessKind, Report as JUnit, TestCase, TestCaseStatus, TestSuite};
use ridgepoint::shader_test::{self, Case, Outcome, Report, Settings, Target};
use ridgepoint::{Error, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
A test is a TOML file beside a WGSL file:

  dispatch = 4                                  # workgroups: n, or [x, y, z]
  passes = [{ entry = \"a\" }, { entry = \"b\", dispatch = 2, bind = { x = \"y\" } }]   # several dispatches
  entry = \"main\"                                # may be left out where there is one
  overrides = { n = 256 }
  buffers.a = [1, 2, 3]                         # by the name of the WGSL variable
  buffers.b = { random = { seed = 1, min = -1, max = 1, count = 64 } }
                # or range = { start, step, count }, fill = { value, count }, npy = \"FILE\"
  buffers.c = { output = 64 }                   # elements to be written; guarded and poisoned
  expect.c = { data = [2, 4, 6], first = 3, rel = 1e-6 }
                # ulp, abs, rel; one_of = [..]; unordered = true; snapshot = \"FILE\";
                # same_as = { shader = \"OTHER.wgsl\" }
  findings = [{ kind = \"race\", line = 12 }]     # the sanitizer must report this, and nothing else
  lint = [\"barrier-uniformity\"]                 # the lint must report this, and nothing else
  error = \"TEXT\"                                # the shader must be refused
  skip.NAME = \"why\"                             # on adapters with this in their names

Several [[test]] with a `name` share what stands above them.

Examples:
  ridgepoint shader-test shaders
  ridgepoint shader-test reduce.toml --adapter all --junit report.xml
  ridgepoint shader-test scan.toml --bless";

/// Test WGSL compute shaders, on the CPU device with its sanitizer or on any adapter
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ShaderTest {
    /// TOML files, or folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// `cpu`, `all`, or a part of an adapter's name; several may be given
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    adapter: Vec<String>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "FILTER")]
    test: Option<String>,
    /// Write an XML report, as `JUnit` does, for continuous integration
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write snapshots instead of comparing with them
    #[arg(long)]
    bless: bool,
}

impl ShaderTest {
    pub fn run(self) -> std::result::Result<Ended, Failure> {
        let cases = self.cases().map_err(Failure::Usage)?;
        let targets = shader_test::targets(&self.adapter)?;
        let start = Instant::now();
        say(&format!("\nrunning {} tests", cases.len() * targets.len()));
        let mut reports = Vec::new();
        for target in &targets {
            reports.extend(cases.iter().map(|case| self.one(case, target)));
        }
        summary(&reports, start.elapsed());
        if let Some(file) = &self.junit {
            junit(&reports, file)?;
        }
        let failed = reports.iter().any(|report| matches!(report.outcome, Outcome::Failed(_)));
        Ok(if failed { Ended::Bad } else { Ended::Good })
    }

    fn cases(&self) -> Result<Vec<Case>> {
        let mut cases = Vec::new();
        for path in &self.paths {
            cases.extend(shader_test::load(path)?);
        }
        if let Some(filter) = &self.test {
            cases.retain(|case| case.name.contains(filter));
            if cases.is_empty() {
                let message = format!("no test's name contains {filter:?}");
                return Err(Error::input("--test", message, "leave it out to see all names"));
            }
        }
        Ok(cases)
    }

    fn one(&self, case: &Case, target: &Target) -> Report {
        let report = case.run(target, Settings { bless: self.bless });
        say(&report.to_string());
        report
    }
}

/// What failed and how to repeat it, and the counts.
fn summary(reports: &[Report], took: Duration) {
    let failures: Vec<(&Report, &String)> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Failed(message) => Some((report, message)),
            Outcome::Passed | Outcome::Skipped(_) => None,
        })
        .collect();
    if !failures.is_empty() {
        say("\nfailures:");
        for (report, message) in &failures {
            say(&format!("\n---- {} ({}) ----\n{message}\nrepeat: {}", report.name, report.adapter, report.repeat()));
        }
    }
    let skipped = reports.iter().filter(|report| matches!(report.outcome, Outcome::Skipped(_))).count();
    say(&format!(
        "\ntest result: {}. {} passed; {} failed; {skipped} ignored; finished in {:.2}s\n",
        if failures.is_empty() { "ok" } else { "FAILED" },
        reports.len() - failures.len() - skipped,
        failures.len(),
        took.as_secs_f64()
    ));
}

fn junit(reports: &[Report], file: &PathBuf) -> Result<()> {
    let mut junit = JUnit::new("ridgepoint shader-test");
    let mut adapters: Vec<&str> = reports.iter().map(|report| report.adapter.as_str()).collect();
    adapters.dedup();
    for adapter in adapters {
        let mut suite = TestSuite::new(adapter);
        for report in reports.iter().filter(|report| report.adapter == adapter) {
            let status = match &report.outcome {
                Outcome::Passed => TestCaseStatus::success(),
                Outcome::Skipped(why) => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(why.as_str());
                    status
                }
                Outcome::Failed(message) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(message.lines().next().unwrap_or_default());
                    status.set_description(format!("{message}\nrepeat: {}", report.repeat()));
                    status
                }
            };
            let mut case = TestCase::new(report.name.as_str(), status);
            case.set_classname(report.file.display().to_string()).set_time(Duration::from_secs_f64(report.seconds));
            suite.add_test_case(case);
        }
        junit.add_test_suite(suite);
    }
    let fault = |message: String| Error::input(file.display().to_string(), message, "check the path");
    let text = junit.to_string().map_err(|e| fault(format!("the report cannot be written as XML: {e}")))?;
    std::fs::write(file, text).map_err(|e| fault(format!("cannot be written: {e}")))
}
