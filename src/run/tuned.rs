//! What tuning found for an adapter, as text: shipped with the crate for adapters that were measured, kept by hosts for theirs.
//!
//! ```text
//! ridgepoint tune 1
//! adapter: llvmpipe (LLVM 15.0.6, 256 bits)
//! backend: vulkan
//! driver: llvmpipe Mesa 22.3.6
//! version: 0.1.0
//! map_run: 8
//! ```

use super::open::AdapterSummary;
use crate::error::{Error, Result};
use crate::kernel::{Limits, Tune};
use std::fmt;

/// What the text begins with.
const HEAD: &str = "ridgepoint tune 1";

/// What the crate brings along: tuned on adapters of these names.
const SHIPPED: &[&str] = &[include_str!("../../assets/tune/llvmpipe.txt")];

/// The findings for one adapter; see the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuned {
    /// The adapter's name.
    pub adapter: String,
    /// Its backend.
    pub backend: String,
    /// Driver and version.
    pub driver: String,
    /// The version of this crate.
    pub version: String,
    /// The choices that are not defaults.
    pub winners: Vec<(String, u32)>,
}

impl Tuned {
    /// The findings for an adapter by this version of the crate.
    #[must_use]
    pub fn of(info: &AdapterSummary, winners: Vec<(String, u32)>) -> Self {
        Self {
            adapter: info.name.clone(),
            backend: info.backend.clone(),
            driver: info.driver.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            winners,
        }
    }

    /// Reads the text; `place` names it in messages.
    ///
    /// # Errors
    /// Text of another format, an unknown choice, a value that is not legal.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let bad = |what: String| Error::input(place, what, "remove it, or run `ridgepoint tune` again");
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(bad(format!("does not begin with {HEAD:?}")));
        }
        let mut pairs = Vec::new();
        for line in lines.filter(|l| !l.trim().is_empty()) {
            pairs.push(line.split_once(": ").ok_or_else(|| bad(format!("{line:?} is no `name: value`")))?);
        }
        let mut take = |name: &str| match pairs.iter().position(|p| p.0 == name) {
            Some(at) => Ok(pairs.remove(at).1.to_owned()),
            None => Err(bad(format!("names no {name}"))),
        };
        let (adapter, backend) = (take("adapter")?, take("backend")?);
        let (driver, version) = (take("driver")?, take("version")?);
        let mut winners = Vec::new();
        for (name, value) in pairs {
            let choice = Tune::choice(name).ok_or_else(|| bad(format!("there is no choice {name:?}")))?;
            let value = value.parse().ok().filter(|v| choice.candidates.contains(v));
            let value = value.ok_or_else(|| bad(format!("{name} must be one of {:?}", choice.candidates)))?;
            winners.push((name.to_owned(), value));
        }
        Ok(Self { adapter, backend, driver, version, winners })
    }

    /// The choices for a device of this adapter.
    ///
    /// # Errors
    /// Findings for another adapter, driver or version.
    pub fn tune(&self, info: &AdapterSummary, place: &str) -> Result<Tune> {
        let pairs = [
            ("adapter", &self.adapter, info.name.as_str()),
            ("backend", &self.backend, info.backend.as_str()),
            ("driver", &self.driver, info.driver.as_str()),
            ("version", &self.version, env!("CARGO_PKG_VERSION")),
        ];
        if let Some((what, theirs, own)) = pairs.into_iter().find(|(_, theirs, own)| theirs != own) {
            let message = format!("is for another {what}, {theirs:?} instead of {own:?}");
            return Err(Error::input(place, message, "run `ridgepoint tune` again"));
        }
        Ok(self.apply(&info.limits))
    }

    fn apply(&self, limits: &Limits) -> Tune {
        let set = |tune, (name, value): &(String, u32)| {
            Tune::choice(name).and_then(|choice| choice.with(&tune, *value)).unwrap_or(tune)
        };
        self.winners.iter().fold(limits.of_kind(), set)
    }
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}\nadapter: {}\nbackend: {}", self.adapter, self.backend)?;
        writeln!(f, "driver: {}\nversion: {}", self.driver, self.version)?;
        self.winners.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

/// The adapter without what differs from machine to machine: `llvmpipe` of `llvmpipe (LLVM 15.0.6, 256 bits)`.
fn family(name: &str) -> &str {
    name.split(" (").next().unwrap_or(name)
}

/// What is shipped for an adapter of this family.
pub(super) fn shipped(info: &AdapterSummary) -> Option<Tune> {
    let all = SHIPPED.iter().map(|text| Tuned::parse(text, "a shipped table").expect("bug: a shipped table"));
    let mut fitting = all.filter(|t| family(&t.adapter) == family(&info.name) && t.backend == info.backend);
    fitting.next().map(|t| t.apply(&info.limits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str) -> AdapterSummary {
        AdapterSummary {
            name: name.into(),
            backend: "vulkan".into(),
            driver: "d 1".into(),
            kind: "software",
            limits: Limits { cpu: true, ..Limits::default() },
            features: Vec::new(),
            note: None,
        }
    }

    #[test]
    fn findings_come_back_and_fit_their_adapter_alone() {
        let winners = vec![("map_run".to_owned(), 8), ("row_groups".to_owned(), 1)];
        let own = info("one (v2)");
        let tuned = Tuned::of(&own, winners);
        assert_eq!(Tuned::parse(&tuned.to_string(), "t").expect("whole"), tuned);
        let tune = tuned.tune(&own, "t").expect("its own");
        assert_eq!((tune.map_run, tune.row_groups, tune.map_lanes), (8, true, Tune::PROCESSOR.map_lanes));
        let foreign = tuned.tune(&info("two"), "t").expect_err("another's").to_string();
        assert!(foreign.contains("another adapter"), "{foreign}");
    }

    #[test]
    fn what_is_damaged_is_named() {
        let whole = Tuned::of(&info("one"), vec![("map_run".to_owned(), 8)]).to_string();
        let cases = [
            (whole.replace("tune 1", "tune 9"), "does not begin"),
            (whole.replace("map_run: 8", "map_run: 7"), "must be one of"),
            (whole.replace("map_run: 8", "map_ran: 8"), "no choice"),
            (whole.replace("map_run: 8", "map_run"), "no `name: value`"),
            (whole.replace("driver", "diver"), "names no driver"),
            (String::new(), "does not begin"),
        ];
        for (text, want) in cases {
            let message = Tuned::parse(&text, "t").expect_err("damaged").to_string();
            assert!(message.contains(want), "{message}");
        }
    }

    #[test]
    fn shipped_tables_are_whole_and_found_by_family() {
        assert!(SHIPPED.iter().all(|text| Tuned::parse(text, "shipped").is_ok()));
        assert!(shipped(&info("llvmpipe (LLVM 99, 512 bits)")).is_some());
        assert_eq!(shipped(&info("another")), None);
    }
}
