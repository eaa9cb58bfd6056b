//! `ridgepoint fit`: a regularized model of the user's data.

use super::picture::Picture;
use super::progress::Progress;
use super::report::{Report, cannot_write};
use super::table::{self, Table};
use super::{Common, Failure, Outcome, json, say};
use clap::{Args, ValueEnum};
use ridgepoint::fit::{Fitter, Model, Path as FitPath, Problem};
use ridgepoint::{Device, Result, penalty};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Objective: loss + penalty(b). The loss is 1/(2n) ||y - X b - b0||^2 for linear models and the mean log-loss for logistic and \
softmax models; the intercept b0 is not penalized. `ridgepoint penalties` says what each penalty computes.

Examples:
  ridgepoint fit    (the packaged diabetes data along an elastic-net path, into out/)
  ridgepoint fit data.csv --target price --penalty 'lasso(l1=0.1)'
  ridgepoint fit data.csv --penalty 'ridge(l2=0.3)' --standardize --path 100 --out result
  ridgepoint fit breast_cancer --model logistic --penalty 'lasso(l1=0.02)' --json
  ridgepoint fit wine --model softmax --penalty 'elastic-net(l1=0.02,l2=0.1)'
  ridgepoint fit data.csv --penalty 'group-lasso(lambda=0.1,groups=0-3|4-7|8-9)'";

/// Fit a regularized model to the rows of a CSV file, on the GPU, checked against the f64 reference
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Fit {
    /// A CSV file with a header row, or a packaged set: diabetes, `breast_cancer`, wine, digits [default: diabetes]
    #[arg(value_name = "DATA.csv")]
    data: Option<PathBuf>,
    /// The column to predict [default: `target`, else the last column]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// What the linear predictor means
    #[arg(long, value_enum, default_value = "linear")]
    model: Kind,
    /// name(parameter=value,…), see `ridgepoint penalties` [default: elastic-net(l1=0.1,l2=0.05)]
    #[arg(long, value_name = "SPEC")]
    penalty: Option<String>,
    /// Fit N strengths of the penalty, from the one that leaves no coefficient to a weak one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=10_000))]
    path: Option<u16>,
    /// Fit without an intercept
    #[arg(long)]
    no_intercept: bool,
    /// Let the penalty act on standardized columns; the reported coefficients are those of the given columns all the same
    #[arg(long)]
    standardize: bool,
    /// Stop at this distance to optimality, relative to the gradient of the empty model
    #[arg(long, value_name = "TOL", default_value = "1e-10", value_parser = tolerance)]
    tol: f64,
    /// Stop after this many iterations on the device
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_iter: u32,
    /// Write fit.json, coefficients.csv and path.svg into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// What users get who ask for nothing in particular.
const DEFAULT_PENALTY: &str = "elastic-net(l1=0.1,l2=0.05)";
/// A good model of the packaged diabetes data, standardized.
const SHOW_PENALTY: &str = "elastic-net(l1=1,l2=0.05)";
/// Strengths in a path that is drawn without having been asked for.
const DRAWN: u16 = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Linear,
    Logistic,
    Softmax,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Linear => "linear",
            Kind::Logistic => "logistic",
            Kind::Softmax => "softmax",
        }
    }
}

fn tolerance(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(tol) if tol > 0.0 && tol < 1.0 => Ok(tol),
        _ => Err("a number above 0 and below 1 is expected, such as 1e-10".into()),
    }
}

impl Fit {
    /// Without data and penalty it shows what it can do: see `EXAMPLES`.
    fn is_show(&self) -> bool {
        self.data.is_none() && self.penalty.is_none() && self.model == Kind::Linear
    }

    pub fn run(mut self) -> std::result::Result<Outcome, Failure> {
        let mut default = DEFAULT_PENALTY;
        if self.is_show() {
            default = SHOW_PENALTY;
            self.standardize = true;
            if !self.common.json {
                self.out.get_or_insert_with(|| "out".into());
            }
        }
        let spec = self.penalty.as_deref().unwrap_or(default);
        let penalty = penalty::parse(spec).map_err(Failure::Usage)?;
        let data = self.data.clone().unwrap_or_else(|| "diabetes".into());
        let mut table = table::read(&data, self.target.as_deref())?;
        let (target, model) = table.for_model(self.model.name())?;
        let problem = Problem {
            features: table.names.len(),
            x: std::mem::take(&mut table.x),
            y: target.y,
            model,
            penalty,
            intercept: !self.no_intercept,
            standardize: self.standardize,
            tol: self.tol,
            max_iter: self.max_iter as usize,
        };
        let device = self.common.open()?;
        let mut progress = Progress::new();
        let done = pollster::block_on(self.work(&device, &problem, &mut progress));
        progress.clear();
        let (fit, path) = done?;
        let report = Report {
            adapter: device.name(),
            model: self.model.name(),
            penalty: problem.penalty.to_string(),
            names: &table.names,
            classes: &target.classes,
            fit: &fit,
        };
        if self.common.json {
            say(&json(&report)?);
        } else {
            print(&report, &table, path.as_ref());
        }
        if let Some(out) = &self.out {
            self.write(out, &report, &table, path.as_ref())?;
        }
        if !fit.converged {
            let strongest = if matches!(model, Model::Linear) { "" } else { " (separable classes need a penalty)" };
            eprintln!(
                "ridgepoint: fit: stopped at a distance of {:.1e} to optimality after {} iterations, {:.0e} was asked for; \
                 raise --max-iter or --tol, or use a stronger penalty{strongest}",
                fit.optimality, fit.iterations, self.tol
            );
        }
        if !fit.verified.passed {
            eprintln!(
                "ridgepoint: fit: the device disagrees with the f64 reference; update the driver, or choose another with \
                 --adapter"
            );
        }
        Ok(if fit.converged && fit.verified.passed { Outcome::Good } else { Outcome::Bad })
    }

    async fn work(
        &self,
        device: &Device,
        problem: &Problem,
        progress: &mut Progress,
    ) -> Result<(ridgepoint::fit::Fit, Option<FitPath>)> {
        let mut fitter = Fitter::new(device, problem).await?;
        // optimality falls by orders of magnitude: the bar shows the share of the orders that are done
        let orders = -self.tol.log10();
        let fit = fitter
            .fit(&mut |_, distance| {
                let done = (-distance.max(1e-300).log10()).clamp(0.0, orders);
                progress.set((100.0 * done / orders) as u64, 100, "digits of optimality");
            })
            .await?;
        self.common.keep(device)?;
        let steps = match (self.path, &self.out) {
            (Some(n), _) => n,
            (None, Some(_)) if fitter.has_strength() => DRAWN,
            _ => return Ok((fit, None)),
        };
        let path =
            fitter.path(usize::from(steps), &mut |done, of| progress.set(done as u64, of as u64, "path")).await?;
        Ok((fit, Some(path)))
    }

    fn write(&self, out: &Path, report: &Report, table: &Table, path: Option<&FitPath>) -> Result<()> {
        std::fs::create_dir_all(out).map_err(|e| cannot_write(out, &e))?;
        let file = out.join("fit.json");
        std::fs::write(&file, json(report)? + "\n").map_err(|e| cannot_write(&file, &e))?;
        report.write_csv(&out.join("coefficients.csv"))?;
        let mut written = vec![file, out.join("coefficients.csv")];
        if let Some(path) = path {
            let file = out.join("path.csv");
            report.write_path(path, &file)?;
            written.push(file);
            let file = out.join("path.svg");
            picture(report, table, path).write(&file)?;
            written.push(file);
        }
        if !self.common.json {
            let list: Vec<String> = written.iter().map(|f| f.display().to_string()).collect();
            say(&format!("written     {}", list.join(", ")));
        }
        Ok(())
    }
}

/// The table, and what else there is to know.
fn print(report: &Report, table: &Table, path: Option<&FitPath>) {
    say(&report.table());
    let names = |ix: &[usize]| ix.iter().map(|&j| table.names[j].as_str()).collect::<Vec<_>>().join(", ");
    if !report.fit.constant.is_empty() {
        say(&format!("constant    {} (no information; coefficient 0)", names(&report.fit.constant)));
    }
    say(&format!(
        "data        {}: {} rows, {} features, target {}",
        table.place,
        table.rows(),
        table.names.len(),
        table.target
    ));
    if let Some(path) = path {
        let nonzero = |ix: usize| path.steps[ix].coefficients.iter().filter(|v| **v != 0.0).count();
        let last = path.steps.len() - 1;
        say(&format!(
            "path        {} strengths, {} from {:.4} down to {:.2e}: {} to {} coefficients are not 0",
            path.steps.len(),
            path.parameter,
            path.steps[0].strength,
            path.steps[last].strength,
            nonzero(0),
            nonzero(last),
        ));
    }
    say(&report.summary());
}

/// Coefficients per standard deviation: in one picture only like can be compared with like.
fn picture(report: &Report, table: &Table, path: &FitPath) -> Picture {
    let k = report.fit.outputs();
    let size = |values: &[f64]| match values {
        [one] => *one,
        many => many.iter().map(|v| v * v).sum::<f64>().sqrt(),
    };
    let line = |(j, name): (usize, &String)| {
        let values = path.steps.iter().map(|step| size(&step.standardized[j * k..(j + 1) * k])).collect();
        (name.clone(), values)
    };
    let counts =
        path.steps.iter().map(|s| s.coefficients.chunks_exact(k).filter(|c| c.iter().any(|v| *v != 0.0)).count());
    let name = report.penalty.split('(').next().unwrap_or_default();
    let shown = if k == 1 { "coefficients" } else { "sizes of the coefficients over the classes" };
    Picture {
        title: format!("{name} path, {}", Path::new(&table.place).file_stem().unwrap_or_default().to_string_lossy()),
        subtitle: format!("{shown} per standard deviation of the feature; {} model of {}", report.model, table.target),
        strength: format!("{} (log scale, weaker penalty to the right)", path.parameter),
        strengths: path.steps.iter().map(|s| s.strength).collect(),
        counts: counts.collect(),
        chosen: Some(path.chosen),
        lines: table.names.iter().enumerate().map(line).collect(),
    }
}
