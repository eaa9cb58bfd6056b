//! Checks: every operation, forward and backward, on a device against the reference, over a ladder of shapes and layouts.
//!
//! One table ([`cases`]) serves the command `ridgepoint check` and the tests. A case names an operation, the domain of its
//! inputs and how its graph is built; from that follow the forward comparison (within the bound that the reference
//! derives for each element), the comparison of the gradients with the reference's evaluation of the same gradient graph,
//! and the comparison of those with differences of the forward graph in f64, which involve no derivative at all.
//! [`laws`] need no reference; [`random`] draws graphs.

pub mod case;
pub mod cases;
pub mod input;
mod judge;
pub mod laws;
mod laws_edge;
mod laws_kink;
mod laws_penalty;
#[cfg(test)]
mod planted;
pub mod random;
mod residual;

use crate::reference::Verdict;
use crate::run::Device;
use crate::verify::Divergence;
use std::fmt;

/// What of a case an outcome is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// Result `ix` of the device against the reference.
    Value(usize),
    /// The gradient with respect to float input `ix`, device against reference.
    Gradient(usize),
    /// The gradient of a sum of gradients.
    Second(usize),
    /// The gradients against differences, on the reference.
    Slope,
    /// The second gradients against differences of the first.
    SecondSlope,
    /// A law among results of the device.
    Law,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Value(0) => f.write_str("value"),
            What::Value(ix) => write!(f, "value {ix}"),
            What::Gradient(ix) => write!(f, "gradient {ix}"),
            What::Second(ix) => write!(f, "second gradient {ix}"),
            What::Slope => f.write_str("gradient by differences"),
            What::SecondSlope => f.write_str("second gradient by differences"),
            What::Law => f.write_str("law"),
        }
    }
}

/// The outcome of one comparison.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case.
    pub case: String,
    /// Shapes and layout.
    pub variant: String,
    /// What was compared.
    pub what: What,
    /// The device.
    pub executor: String,
    /// The seed of the inputs.
    pub seed: u64,
    /// Whether it passed.
    pub passed: bool,
    /// The comparison, if it came so far.
    pub verdict: Option<Verdict>,
    /// What stood in the way.
    pub error: Option<String>,
    /// Where a result first went wrong, if that was asked for and it goes wrong again on its own.
    pub divergence: Option<Box<Divergence>>,
}

impl Outcome {
    fn new(device: &Device, case: &str, variant: &str, what: What, seed: u64, verdict: Verdict) -> Self {
        Self {
            case: case.to_owned(),
            variant: variant.to_owned(),
            what,
            executor: device.name().to_owned(),
            seed,
            passed: verdict.passed,
            verdict: Some(verdict),
            error: None,
            divergence: None,
        }
    }

    fn failed(device: &Device, case: &str, variant: &str, what: What, seed: u64, error: String) -> Self {
        Self {
            case: case.to_owned(),
            variant: variant.to_owned(),
            what,
            executor: device.name().to_owned(),
            seed,
            passed: false,
            verdict: None,
            error: Some(error),
            divergence: None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} on {} (seed {})", self.case, self.variant, self.what, self.executor, self.seed)?;
        if let Some(verdict) = &self.verdict {
            write!(f, ": {verdict}")?;
        }
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        if let Some(divergence) = &self.divergence {
            write!(f, "; {divergence}")?;
        }
        if !self.passed {
            write!(f, "; repeat with `ridgepoint check {} --seed {}`", self.case, self.seed)?;
        }
        Ok(())
    }
}

/// What is to be checked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Only cases whose name contains this.
    pub filter: Option<String>,
    /// Of all inputs.
    pub seed: u64,
    /// How many random graphs to draw besides the table.
    pub random_graphs: usize,
    /// Whether wrong results are traced to their [`Outcome::divergence`], with its capsule.
    pub trace: bool,
}

impl Settings {
    fn takes(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|f| name.contains(f.as_str()))
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Tries done.
    pub done: usize,
    /// Tries in all.
    pub total: usize,
    /// The case of the last one.
    pub case: &'a str,
    /// Its outcomes.
    pub outcomes: &'a [Outcome],
}

/// All outcomes of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the table.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether something was checked, and all of it passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.outcomes.is_empty() && self.outcomes.iter().all(|o| o.passed)
    }

    /// Those that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|o| !o.passed)
    }

    /// One line per case, in order: its name, its outcomes, the failed ones, the worst ratio of error to bound.
    #[must_use]
    pub fn summary(&self) -> Vec<Summary> {
        let mut lines: Vec<Summary> = Vec::new();
        for outcome in &self.outcomes {
            if lines.last().is_none_or(|l| l.case != outcome.case) {
                lines.push(Summary { case: outcome.case.clone(), ..Summary::default() });
            }
            let line = lines.last_mut().expect("bug: a line was pushed");
            line.outcomes += 1;
            line.failed += usize::from(!outcome.passed);
            line.gradients += usize::from(!matches!(outcome.what, What::Value(_) | What::Law));
            if let Some(verdict) = &outcome.verdict {
                line.worst_ratio = line.worst_ratio.max(verdict.ratio);
            }
        }
        lines
    }
}

/// A line of [`Report::summary`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The case.
    pub case: String,
    /// How many comparisons were made.
    pub outcomes: usize,
    /// How many of them failed.
    pub failed: usize,
    /// How many of them were about derivatives.
    pub gradients: usize,
    /// The greatest error relative to its bound.
    pub worst_ratio: f64,
}

/// Checks a device: the table of cases, the laws, and random graphs.
///
/// Nothing is skipped silently: what cannot be built or run is a failed outcome.
pub async fn run(device: &Device, settings: &Settings, progress: &mut dyn FnMut(Progress<'_>)) -> Report {
    let cases: Vec<_> = cases::all().into_iter().filter(|c| settings.takes(&c.name)).collect();
    let laws: Vec<_> = laws::all().into_iter().filter(|l| settings.takes(&l.name)).collect();
    let graphs = if settings.takes(random::NAME) { settings.random_graphs } else { 0 };
    let total = cases.iter().map(|c| c.variants.len()).sum::<usize>() + laws.len() + graphs;
    let mut report = Report::default();
    let mut done = 0;
    let mut tell = |case: &str, outcomes: Vec<Outcome>| {
        done += 1;
        progress(Progress { done, total, case, outcomes: &outcomes });
        report.outcomes.extend(outcomes);
    };
    for case in &cases {
        for variant in &case.variants {
            tell(&case.name, judge::judge(device, case, variant, settings).await);
        }
    }
    for law in &laws {
        tell(&law.name, vec![law.judge(device, settings.seed).await]);
    }
    for graph in 0..graphs {
        tell(random::NAME, random::judge(device, settings.seed + graph as u64).await);
    }
    report
}

/// [`run`], blocking.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_blocking(device: &Device, settings: &Settings, progress: &mut dyn FnMut(Progress<'_>)) -> Report {
    pollster::block_on(run(device, settings, progress))
}
