//! `ridgepoint lint`: what of a WGSL shader is not portable.

use super::{Failure, Outcome, json, say};
use clap::Args;
use ridgepoint::Error;
use ridgepoint::lint::{self, Finding, Rule, Settings};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Errors are what a browser refuses: barriers in flow that is not uniform, more than WebGPU's portable limits, features that \
browsers lack. Warnings are what may compute something else on another device. A comment `lint: allow(RULE)` exempts its line and the \
next.

Rules: barrier-uniformity, subgroup-uniformity, limit, not-webgpu, optional-feature, nan, workgroup-size, subgroup-size

Examples:
  ridgepoint lint shaders/*.wgsl
  ridgepoint lint reduce.wgsl --allow nan --json";

/// Find what of a WGSL shader is not portable
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Lint {
    /// WGSL files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A rule that does not apply; several may be given
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

struct Placed {
    file: String,
    finding: Finding,
}

impl Serialize for Placed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("finding", 7)?;
        out.serialize_field("file", &self.file)?;
        out.serialize_field("line", &self.finding.line)?;
        out.serialize_field("column", &self.finding.column)?;
        out.serialize_field("rule", self.finding.rule.name())?;
        out.serialize_field("error", &self.finding.rule.refuses())?;
        out.serialize_field("message", &self.finding.message)?;
        out.serialize_field("hint", &self.finding.hint)?;
        out.end()
    }
}

impl Lint {
    pub fn run(self) -> Result<Outcome, Failure> {
        let mut settings = Settings::default();
        for name in &self.allow {
            let rule = Rule::named(name).ok_or_else(|| {
                let all = Rule::ALL.map(Rule::name).join(", ");
                Failure::Usage(Error::input(
                    "--allow",
                    format!("there is no rule {name:?}"),
                    format!("the rules are {all}"),
                ))
            })?;
            settings = settings.allow(rule);
        }
        let mut found = Vec::new();
        for path in &self.files {
            let file = path.display().to_string();
            let fault = |message: String, hint: &str| Error::input(&file, message, hint);
            let text =
                std::fs::read_to_string(path).map_err(|e| fault(format!("cannot be read: {e}"), "check the path"))?;
            let findings =
                lint::source(&text, &settings).map_err(|e| fault(e, "a shader must be valid to be linted"))?;
            found.extend(findings.into_iter().map(|finding| Placed { file: file.clone(), finding }));
        }
        if self.json {
            say(&json(&found)?);
        } else {
            found.iter().for_each(|placed| say(&format!("{}:{}", placed.file, placed.finding)));
        }
        Ok(if found.iter().any(|placed| placed.finding.rule.refuses()) { Outcome::Bad } else { Outcome::Good })
    }
}
