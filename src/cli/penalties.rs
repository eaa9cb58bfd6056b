//! `ridgepoint penalties`: the catalogue.

use super::{Failure, Outcome, gallery, json, say};
use clap::Args;
use comfy_table::{ContentArrangement, Table as Grid, presets};
use ridgepoint::Error;
use ridgepoint::penalty::{Entry, catalogue};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::path::PathBuf;

const EXAMPLES: &str = "\
A specification is name(parameter=value,…); parameters left out have their defaults.

Examples:
  ridgepoint penalties
  ridgepoint penalties mcp
  ridgepoint penalties --html penalties.html
  ridgepoint fit data.csv --penalty 'mcp(lambda=0.2,gamma=3)'
  ridgepoint fit data.csv --penalty 'sparse-group-lasso(l1=0.1,lambda=0.2,groups=0-3|4-9,weights=root)'";

/// List the penalties: formula, parameters, convexity, source
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Penalties {
    /// Show one penalty in full
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
    /// Write a page with a picture of each into this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "name"])]
    html: Option<PathBuf>,
}

struct Shown<'a>(&'a Entry);

struct Parameter<'a>(&'a ridgepoint::penalty::Parameter);

impl Serialize for Parameter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("parameter", 5)?;
        out.serialize_field("name", self.0.name)?;
        out.serialize_field("default", &self.0.default)?;
        out.serialize_field("range", &self.0.range.to_string())?;
        out.serialize_field("unit", self.0.unit)?;
        out.serialize_field("meaning", self.0.meaning)?;
        out.end()
    }
}

struct Choice<'a>(&'a ridgepoint::penalty::Choice);

impl Serialize for Choice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("option", 3)?;
        out.serialize_field("name", self.0.name)?;
        out.serialize_field("default", self.0.default)?;
        out.serialize_field("meaning", self.0.meaning)?;
        out.end()
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let e = self.0;
        let mut out = serializer.serialize_struct("penalty", 11)?;
        out.serialize_field("name", &e.name)?;
        out.serialize_field("aliases", &e.aliases)?;
        out.serialize_field("summary", &e.summary)?;
        out.serialize_field("formula", &e.formula)?;
        out.serialize_field("parameters", &e.parameters.iter().map(Parameter).collect::<Vec<_>>())?;
        out.serialize_field("groups", &e.grouped)?;
        out.serialize_field("options", &e.options.iter().map(Choice).collect::<Vec<_>>())?;
        out.serialize_field("convex", &e.convex)?;
        out.serialize_field("set", &e.set)?;
        out.serialize_field("elsewhere", &e.elsewhere)?;
        out.serialize_field("source", &e.source)?;
        out.end()
    }
}

impl Penalties {
    pub fn run(self) -> Result<Outcome, Failure> {
        let all = catalogue();
        if let Some(path) = &self.html {
            gallery::write(&all, path)?;
            say(&format!("{} penalties in {}", all.len(), path.display()));
            return Ok(Outcome::Good);
        }
        let Some(name) = &self.name else {
            if self.json {
                say(&json(&all.iter().map(Shown).collect::<Vec<_>>())?);
            } else {
                say(&overview(&all));
            }
            return Ok(Outcome::Good);
        };
        let Some(entry) = all.iter().find(|e| e.name == *name || e.aliases.contains(name)) else {
            let known = all.iter().map(|e| e.name.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("no penalty is called {name:?}");
            return Err(Failure::Usage(Error::input("penalties", message, format!("there are {known}"))));
        };
        say(&if self.json { json(&Shown(entry))? } else { entry.to_string() });
        Ok(Outcome::Good)
    }
}

fn overview(all: &[Entry]) -> String {
    let mut grid = Grid::new();
    grid.load_preset(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(110);
    grid.set_header(["penalty", "parameters", "convex", "value"]);
    for entry in all {
        let mut names = vec![entry.name.clone()];
        names.extend(entry.aliases.iter().cloned());
        let mut parameters: Vec<String> =
            entry.parameters.iter().map(|p| format!("{}={}", p.name, p.default)).collect();
        if entry.grouped {
            parameters.push("groups=…".into());
        }
        parameters.extend(entry.options.iter().map(|o| format!("{}={}", o.name, o.default)));
        let convex = if entry.convex { "yes" } else { "no" };
        grid.add_row([names.join(", "), parameters.join(", "), convex.into(), entry.formula.clone()]);
    }
    format!("{grid}\n`ridgepoint penalties NAME` shows one in full.")
}
