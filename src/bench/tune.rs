//! The tuner: which of the kernels of equal results an adapter is fastest with.
//!
//! Routine by routine, every choice ([`crate::kernel::tune`]) is tried with each of its values while the others stay at the best
//! found so far. A candidate whose plans are no others is not tried. Before it may be timed, its results must agree with the
//! f64 reference within the bounds that hold for the default. Then it is timed alternately with the best so far, in batches
//! far longer than the clock's quantum; it wins if the median of the ratios of neighbours, over all workloads, is better
//! beyond doubt. At the end the winners are timed against the defaults in the same way: what does not show is dropped.

use super::clock::Clock;
use super::list;
use super::peaks::memory;
use super::report::{Adapter, date};
use super::run::{Progress, raw, widest};
use super::sample::Summary;
use super::work::Work;
use crate::error::{Error, Result};
use crate::kernel::tune::Choice;
use crate::kernel::{Kernel, Tune};
use crate::run::Device;
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;

/// The gain below which nothing is changed.
const LEAST: f64 = 1.03;

/// What to tune.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Only the routine of this name.
    pub routine: Option<String>,
    /// Seconds for which each candidate is timed on each workload.
    pub seconds: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { routine: None, seconds: 0.3 }
    }
}

/// What tuning found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tuning {
    /// The version of this crate.
    pub version: String,
    /// When it began (UTC).
    pub date: String,
    /// What it ran on.
    pub adapter: Adapter,
    /// The winners that are not defaults: names and values.
    pub winners: Vec<(String, u32)>,
    /// The workloads with the defaults and with the winners.
    pub effects: Vec<Effect>,
    /// What was tried.
    pub trials: Vec<Trial>,
    /// The whole set.
    #[serde(skip, default = "defaults")]
    pub tune: Tune,
}

fn defaults() -> Tune {
    Tune::GRAPHICS
}

/// A candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// The routine.
    pub routine: String,
    /// The choice.
    pub choice: String,
    /// Its value.
    pub value: u32,
    /// How many times as fast as the best before it, over all workloads; `None` if it was not timed.
    pub gain: Option<f64>,
    /// Whether it became the best.
    pub kept: bool,
    /// Why it was not timed.
    pub note: String,
}

/// A workload with the defaults and with the winners, timed alternately.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Effect {
    /// The routine.
    pub routine: String,
    /// The workload.
    pub name: String,
    /// Its sizes.
    pub size: String,
    /// Seconds with the defaults.
    pub default: Summary,
    /// Seconds with the winners.
    pub tuned: Summary,
    /// How many times as fast: the median of the ratios of neighbours.
    pub gain: Summary,
}

/// A device with one set of choices, and the inputs on it.
struct Variant {
    device: Device,
    tune: Tune,
    inputs: Vec<Vec<Tensor>>,
}

impl Variant {
    fn new(device: &Device, tune: Tune, works: &[Work]) -> Result<Self> {
        let device = device.tuned(tune);
        let inputs: Vec<Vec<Tensor>> = works.iter().map(|w| w.upload(&device)).collect();
        device.eval(&inputs.iter().flatten().collect::<Vec<_>>())?;
        Ok(Self { device, tune, inputs })
    }

    fn results(&self, works: &[Work], ix: usize) -> Vec<Tensor> {
        (works[ix].build)(&self.inputs[ix])
    }

    /// What would run.
    fn kernels(&self, works: &[Work]) -> Result<Vec<(Arc<Kernel>, [u32; 3])>> {
        let mut all = Vec::new();
        for ix in 0..works.len() {
            let plan = self.device.plan(&self.results(works, ix).iter().collect::<Vec<_>>())?;
            all.extend(plan.steps.into_iter().map(|s| (s.kernel, s.groups)));
        }
        Ok(all)
    }

    /// Why its results are not to be had, or wrong.
    fn verify(&self, works: &[Work]) -> Result<Option<String>> {
        for (ix, work) in works.iter().enumerate() {
            let results = self.results(works, ix);
            let verdict = self
                .device
                .eval(&results.iter().collect::<Vec<_>>())
                .and_then(|()| work.verify(&self.device, &results));
            match verdict {
                Ok(verdict) if verdict.passed => {}
                Ok(verdict) => return Ok(Some(format!("{} is wrong: {verdict}", work.name))),
                Err(error @ Error::DeviceLost { .. }) => return Err(error),
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
        Ok(None)
    }
}

struct Tuner<'a> {
    device: &'a Device,
    clock: Clock,
    seconds: f64,
    trials: Vec<Trial>,
}

/// Two variants alternately: the seconds of each, and the ratios of neighbours, for each workload.
type Duel = Vec<[Summary; 3]>;

impl Tuner<'_> {
    /// How many runs make a batch.
    fn batch(&self, record: super::clock::Record<'_>) -> Result<usize> {
        self.clock.time(record, 1)?;
        let once = self.clock.time(record, 1)?;
        let aim = (self.seconds / 20.0).min(0.01);
        Ok(((aim / once.max(1e-9)).ceil() as usize).clamp(1, 64))
    }

    fn duel(&self, works: &[Work], one: &Variant, two: &Variant) -> Result<Duel> {
        let mut duel = Vec::new();
        for ix in 0..works.len() {
            let record = |variant: &Variant, encoder: &mut wgpu::CommandEncoder| {
                let results = variant.results(works, ix);
                variant.device.encode(&results.iter().collect::<Vec<_>>(), encoder).map(Some)
            };
            let (first, second) =
                (|e: &mut wgpu::CommandEncoder| record(one, e), |e: &mut wgpu::CommandEncoder| record(two, e));
            let runs = [self.batch(&first)?, self.batch(&second)?];
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let start = Instant::now();
            while a.len() < 7 || (start.elapsed().as_secs_f64() < self.seconds && a.len() < 60) {
                a.push(self.clock.time(&first, runs[0])?);
                b.push(self.clock.time(&second, runs[1])?);
                if a.len() >= 5 && start.elapsed().as_secs_f64() > 8.0 * self.seconds {
                    break;
                }
            }
            let ratios: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a / b).collect();
            let of = |samples: &[f64]| Summary::of(samples).expect("bug: there are samples");
            duel.push([of(&a), of(&b), of(&ratios)]);
        }
        Ok(duel)
    }

    /// One choice of a routine: the best value, the others as they are.
    fn choose(&mut self, choice: &Choice, works: &[Work], mut best: Variant) -> Result<Variant> {
        for &value in choice.candidates {
            let Some(tune) = choice.with(&best.tune, value).filter(|t| *t != best.tune) else { continue };
            let candidate = Variant::new(self.device, tune, works)?;
            if candidate.kernels(works)? == best.kernels(works)? {
                continue;
            }
            let mut trial = Trial {
                routine: choice.routine.into(),
                choice: choice.name.into(),
                value,
                gain: None,
                kept: false,
                note: String::new(),
            };
            match candidate.verify(works)? {
                Some(fault) => trial.note = fault,
                None => {
                    let duel = self.duel(works, &best, &candidate)?;
                    let gain = mean(duel.iter().map(|d| d[2].median));
                    trial.gain = Some(gain);
                    trial.kept = gain > LEAST && mean(duel.iter().map(|d| d[2].low)) > 1.0;
                }
            }
            if trial.kept {
                best = candidate;
            }
            self.trials.push(trial);
        }
        Ok(best)
    }

    /// All choices of a routine, and the winners against the defaults; `watch` hears of each choice.
    fn routine(
        &mut self,
        routine: &str,
        works: &[Work],
        watch: &mut dyn FnMut(&'static str),
    ) -> Result<(Tune, Vec<Effect>)> {
        let default = self.device.limits().of_kind();
        let plain = Variant::new(self.device, default, works)?;
        if let Some(fault) = plain.verify(works)? {
            let message = format!("the default of {routine}: {fault}");
            return Err(Error::input("tune", message, "`ridgepoint check` says more"));
        }
        let mut best = Variant::new(self.device, default, works)?;
        for choice in choices(routine) {
            watch(choice.name);
            best = self.choose(choice, works, best)?;
        }
        if best.tune == default {
            return Ok((default, Vec::new()));
        }
        let duel = self.duel(works, &plain, &best)?;
        let better = mean(duel.iter().map(|d| d[2].median)) > LEAST && mean(duel.iter().map(|d| d[2].low)) > 1.0;
        let effect = |(work, [default, tuned, gain]): (&Work, [Summary; 3])| Effect {
            routine: routine.into(),
            name: work.name.clone(),
            size: work.size.clone(),
            default,
            tuned,
            gain,
        };
        Ok((if better { best.tune } else { default }, works.iter().zip(duel).map(effect).collect()))
    }
}

/// The choices of a routine.
fn choices(routine: &str) -> impl Iterator<Item = &'static Choice> {
    Tune::CHOICES.iter().filter(move |c| c.routine == routine)
}

/// The geometric mean.
fn mean(all: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = all.fold((0.0, 0.0), |(sum, n), x| (sum + x.ln(), n + 1.0));
    f64::exp(sum / n)
}

/// The routines that can be tuned.
#[must_use]
pub fn routines() -> Vec<&'static str> {
    list::tuning().into_iter().map(|(routine, _)| routine).collect()
}

/// The workloads of the routines that are asked for.
fn lists(settings: &Settings) -> Result<Vec<(&'static str, Vec<Work>)>> {
    let chosen = |name: &str| settings.routine.as_ref().is_none_or(|r| r == name);
    let lists: Vec<_> = list::tuning().into_iter().filter(|(name, _)| chosen(name)).collect();
    if lists.is_empty() {
        let asked = settings.routine.clone().unwrap_or_default();
        let hint = format!("there are {}", routines().join(", "));
        return Err(Error::input("tune", format!("no routine {asked:?}"), hint));
    }
    Ok(lists)
}

/// Tunes. Blocks until it is done; `watch` hears of every choice.
///
/// # Errors
/// A routine that is not there; a default whose results are wrong; what the device meets.
pub fn run(device: &Device, settings: &Settings, watch: &mut dyn FnMut(&Progress<'_>)) -> Result<Tuning> {
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    if !(settings.seconds > 0.0 && settings.seconds.is_finite()) {
        let message = format!("{} seconds for each candidate", settings.seconds);
        return Err(Error::input("tune", message, "give a positive number, e.g. 0.3"));
    }
    let lists = lists(settings)?;
    let arena = memory::Arena::new(device, memory::TOTAL.min(widest(device)), memory::TOTAL);
    let trial = arena.probe(memory::Access::Write, memory::WALKS[0])?;
    let clock = Clock::new(device, &raw(&trial), 2)?;
    drop((trial, arena));
    let default = device.limits().of_kind();
    let (mut tune, mut effects) = (default, Vec::new());
    let mut tuner = Tuner { device, clock, seconds: settings.seconds, trials: Vec::new() };
    let total = lists.iter().map(|(routine, _)| choices(routine).count()).sum();
    let mut done = 0;
    for (routine, works) in &lists {
        let (best, found) = tuner.routine(routine, works, &mut |name| {
            watch(&Progress { done, total, name });
            done += 1;
        })?;
        tune = default.differences(best).fold(tune, |t, c| c.with(&t, c.of(&best)).unwrap_or(t));
        effects.extend(found);
        device.trim();
    }
    Ok(Tuning {
        version: env!("CARGO_PKG_VERSION").into(),
        date: date(start),
        adapter: Adapter::of(device),
        winners: default.differences(tune).map(|c| (c.name.to_owned(), c.of(&tune))).collect(),
        effects,
        trials: tuner.trials,
        tune,
    })
}
