//! What `fit` prints and writes.

use comfy_table::{CellAlignment, Table as Grid, presets};
use ridgepoint::fit::{Fit, Path as FitPath, Verified};
use ridgepoint::{Error, Result};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use std::fmt::Write as _;
use std::path::Path;

/// A fit with everything that names it.
pub struct Report<'a> {
    /// The adapter it ran on.
    pub adapter: &'a str,
    /// `linear`, `logistic`, `softmax`.
    pub model: &'a str,
    /// The penalty as a specification.
    pub penalty: String,
    /// Names of the features.
    pub names: &'a [String],
    /// Names of the classes; empty for linear models.
    pub classes: &'a [String],
    /// The result.
    pub fit: &'a Fit,
}

/// Coefficients by name, in the order of the columns: a number each, or a list over the classes.
struct ByName<'a>(&'a [String], &'a [f64], usize);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in self.0.iter().zip(self.1.chunks_exact(self.2)) {
            match values {
                [value] => map.serialize_entry(name, value)?,
                many => map.serialize_entry(name, many)?,
            }
        }
        map.end()
    }
}

struct Verdict<'a>(&'a Verified);

impl Serialize for Verdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("verified", 3)?;
        out.serialize_field("max_abs_error", &self.0.max_abs_error)?;
        out.serialize_field("bound", &self.0.bound)?;
        out.serialize_field("passed", &self.0.passed)?;
        out.end()
    }
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let fit = self.fit;
        let mut out = serializer.serialize_struct("fit", 11)?;
        out.serialize_field("adapter", self.adapter)?;
        out.serialize_field("model", self.model)?;
        out.serialize_field("penalty", &self.penalty)?;
        out.serialize_field("objective", &fit.objective)?;
        match fit.intercept.as_slice() {
            [one] => out.serialize_field("intercept", one)?,
            many => out.serialize_field("intercept", many)?,
        }
        out.serialize_field("coefficients", &ByName(self.names, &fit.coefficients, fit.outputs()))?;
        out.serialize_field("nonzero", &fit.nonzero())?;
        out.serialize_field("iterations", &fit.iterations)?;
        out.serialize_field("optimality", &fit.optimality)?;
        out.serialize_field("polished", &fit.polished)?;
        out.serialize_field("verified", &Verdict(&fit.verified))?;
        out.end()
    }
}

/// Rows of the printed table; more would hide the verdict.
const SHOWN: usize = 40;

impl Report<'_> {
    fn titles(&self) -> Vec<String> {
        if self.fit.outputs() > 1 {
            self.classes.iter().map(|class| format!("class {class}")).collect()
        } else {
            vec!["coefficient".into(), "per standard deviation".into()]
        }
    }

    /// The table of coefficients, largest effects first where not all are shown.
    pub fn table(&self) -> String {
        let k = self.fit.outputs();
        let effect = |j: usize| self.fit.standardized[j * k..(j + 1) * k].iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        if order.len() > SHOWN {
            order.sort_by(|&a, &b| effect(b).total_cmp(&effect(a)));
        }
        let mut grid = Grid::new();
        grid.load_preset(presets::UTF8_BORDERS_ONLY);
        grid.set_header(std::iter::once("feature".to_string()).chain(self.titles()));
        for &j in order.iter().take(SHOWN) {
            let values = &self.fit.coefficients[j * k..(j + 1) * k];
            let mut cells = vec![self.names[j].clone()];
            cells.extend(values.iter().map(|v| number(*v)));
            if k == 1 {
                cells.push(number(self.fit.standardized[j]));
            }
            grid.add_row(cells);
        }
        let mut last = vec!["(intercept)".to_string()];
        last.extend(self.fit.intercept.iter().map(|v| number(*v)));
        grid.add_row(last);
        for column in grid.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = grid.to_string();
        if order.len() > SHOWN {
            let rest = &order[SHOWN..];
            let zero = rest.iter().filter(|&&j| effect(j) == 0.0).count();
            let _infallible = write!(text, "\n… and {} more with smaller effects, {zero} of them 0", rest.len());
        }
        text
    }

    /// The lines below the table, the verdict last.
    pub fn summary(&self) -> String {
        let fit = self.fit;
        let v = &fit.verified;
        let verdict = if v.passed { "passed" } else { "FAILED" };
        format!(
            "model       {}, {} of {} coefficients are not 0\n\
             penalty     {}\n\
             objective   {}\n\
             optimality  {:.1e} ({}, relative to the gradient of the empty model)\n\
             work        {} device iterations on {}\n\
             verified    device against f64 reference: error {:.1e}, bound {:.1e}: {verdict}",
            self.model,
            fit.nonzero(),
            fit.coefficients.len(),
            self.penalty,
            number(fit.objective),
            fit.optimality,
            if fit.polished { "distance to the subdifferential" } else { "move of a proximal step, in f32" },
            fit.iterations,
            self.adapter,
            v.max_abs_error,
            v.bound,
        )
    }

    /// `feature,coefficient` (softmax: one column per class), the intercept last.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let k = self.fit.outputs();
        let write = || -> std::result::Result<(), csv::Error> {
            let mut out = csv::Writer::from_path(path)?;
            let titles = if k == 1 { vec!["coefficient".to_string()] } else { self.titles() };
            out.write_record(std::iter::once("feature".to_string()).chain(titles))?;
            let rows = self.names.iter().zip(self.fit.coefficients.chunks_exact(k));
            let intercept = "(intercept)".to_string();
            for (name, values) in rows.chain([(&intercept, self.fit.intercept.as_slice())]) {
                out.write_record(std::iter::once(name.clone()).chain(values.iter().map(f64::to_string)))?;
            }
            Ok(out.flush()?)
        };
        write().map_err(|e| cannot_write(path, &e))
    }
}

impl Report<'_> {
    /// One row per strength: strength, objective, intercepts, coefficients.
    pub fn write_path(&self, steps: &FitPath, path: &Path) -> Result<()> {
        let k = self.fit.outputs();
        let titles = |name: &str| match k {
            1 => vec![name.to_string()],
            _ => self.classes.iter().map(|class| format!("{name}[{class}]")).collect(),
        };
        let write = || -> std::result::Result<(), csv::Error> {
            let mut out = csv::Writer::from_path(path)?;
            let mut head = vec![steps.parameter.to_string(), "objective".into()];
            head.extend(titles("(intercept)"));
            head.extend(self.names.iter().flat_map(|name| titles(name)));
            out.write_record(head)?;
            for step in &steps.steps {
                let values = [step.strength, step.objective];
                let all = values.iter().chain(&step.intercept).chain(&step.coefficients);
                out.write_record(all.map(f64::to_string))?;
            }
            Ok(out.flush()?)
        };
        write().map_err(|e| cannot_write(path, &e))
    }
}

/// A failed write, in one sentence.
pub fn cannot_write(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::input(path.display().to_string(), format!("cannot be written: {error}"), "choose another folder with --out")
}

/// Six significant digits; zeros stand out as `0`.
pub fn number(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{x:.5e}");
    }
    let decimals = (5 - size.log10().floor() as i32).max(0) as usize;
    format!("{x:.decimals$}")
}
