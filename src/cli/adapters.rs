//! `ridgepoint adapters`: what there is to compute on, and whether it computes rightly.

use super::{Common, Failure, Outcome, json, say};
use clap::Args;
use comfy_table::{ContentArrangement, Table as Grid, presets};
use ridgepoint::run::AdapterSummary;
use ridgepoint::{Device, Error, Result};
use serde::ser::{Serialize, SerializeStruct, Serializer};

const EXAMPLES: &str = "\
The probe runs a few operations on the adapter and compares them with the f64 reference; \
`ridgepoint check` runs all.

Examples:
  ridgepoint adapters
  ridgepoint adapters --adapter llvmpipe --json";

/// List the adapters: backend, limits, features, and whether the conformance probe passed
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Adapters {
    #[command(flatten)]
    common: Common,
}

/// An adapter and what the probe found.
struct Probed {
    summary: AdapterSummary,
    probe: Result<()>,
}

impl Serialize for Probed {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (s, l) = (&self.summary, &self.summary.limits);
        let mut out = serializer.serialize_struct("adapter", 13)?;
        out.serialize_field("name", &s.name)?;
        out.serialize_field("backend", &s.backend)?;
        out.serialize_field("driver", &s.driver)?;
        out.serialize_field("kind", s.kind)?;
        out.serialize_field("buffer_bytes", &l.buffer_bytes)?;
        out.serialize_field("binding_bytes", &l.binding_bytes)?;
        out.serialize_field("storage_buffers", &l.storage_buffers)?;
        out.serialize_field("invocations", &l.invocations)?;
        out.serialize_field("workgroup_bytes", &l.workgroup_bytes)?;
        out.serialize_field("groups", &l.groups)?;
        out.serialize_field("features", &s.features)?;
        out.serialize_field("passed", &self.probe.is_ok())?;
        out.serialize_field("error", &self.probe.as_ref().err().map(ToString::to_string))?;
        out.end()
    }
}

impl Adapters {
    pub fn run(self) -> std::result::Result<Outcome, Failure> {
        let all = Device::adapters_blocking();
        let wanted = self.common.adapter.to_lowercase();
        let chosen: Vec<_> = all
            .iter()
            .filter(|s| wanted == "auto" || s.to_string().to_lowercase().contains(&wanted))
            .cloned()
            .collect();
        if chosen.is_empty() {
            // opening it says what there is and what to do
            self.common.open()?;
        }
        let probed: Vec<Probed> =
            chosen.into_iter().map(|summary| Probed { probe: probe(&summary), summary }).collect();
        if self.common.json {
            say(&json(&probed)?);
        } else {
            say(&grid(&probed));
            for p in &probed {
                if let Err(error) = &p.probe {
                    eprintln!("ridgepoint: {}: {error}", p.summary.name);
                }
            }
        }
        Ok(if probed.iter().all(|p| p.probe.is_ok()) { Outcome::Good } else { Outcome::Bad })
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 30 => format!("{:.0} GiB", b as f64 / f64::from(1 << 30)),
        b if b >= 1 << 20 => format!("{:.0} MiB", b as f64 / f64::from(1 << 20)),
        b => format!("{:.0} KiB", b as f64 / f64::from(1 << 10)),
    }
}

/// The features that compute work can use; all of them are in the JSON.
fn features(all: &[String]) -> String {
    let useful = ["SHADER_F16", "SUBGROUP", "TIMESTAMP_QUERY", "SHADER_INT64", "SHADER_F64", "PIPELINE_CACHE"];
    let found = useful.iter().filter(|f| all.iter().any(|a| a == *f));
    found.map(|f| f.to_lowercase().replace('_', " ")).collect::<Vec<_>>().join(", ")
}

fn grid(probed: &[Probed]) -> String {
    let mut grid = Grid::new();
    grid.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(110);
    grid.set_header(["adapter", "backend", "limits", "features", "probe"]);
    for p in probed {
        let (s, l) = (&p.summary, &p.summary.limits);
        let limits = format!(
            "buffer {}\nbinding {}\n{} storage buffers\n{} invocations\nworkgroup {}\n{} groups per dimension",
            size(l.buffer_bytes),
            size(l.binding_bytes),
            l.storage_buffers,
            l.invocations,
            size(u64::from(l.workgroup_bytes)),
            l.groups
        );
        grid.add_row([
            format!("{}\n{}", s.name, s.driver),
            format!("{}, {}", s.backend, s.kind),
            limits,
            features(&s.features),
            if p.probe.is_ok() { "passed".into() } else { "FAILED".to_string() },
        ]);
    }
    grid.to_string()
}

/// A few operations of different kinds (a fused map, a reduction, a product) against the reference.
fn probe(summary: &AdapterSummary) -> Result<()> {
    let common = Common { adapter: summary.to_string(), json: false, cache: Some("none".into()) };
    let device = common.open()?;
    let values: Vec<f32> = (0..300).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
    let x = device.tensor(&values, [20, 15]);
    let report = device.verify_blocking(&[&x.exp().sum(1), &x.t().matmul(&x), &x.softmax(1), &x.abs().max(0)])?;
    if report.passed() {
        return Ok(());
    }
    Err(Error::Numeric {
        op: "probe".into(),
        message: report.to_string(),
        hint: "update the driver, or use another adapter".into(),
    })
}
