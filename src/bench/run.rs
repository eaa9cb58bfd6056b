//! The run: what is asked for, one after the other, each beside its ceiling.

use super::clock::Clock;
use super::list;
use super::peaks::{compute, latency, memory};
use super::probe::Probe;
use super::report::{Adapter, Ceiling, Entry, Rate, Report, SCHEMA, Skipped, Source, Suite, date};
use super::sample::{Summary, drift};
use super::train::{self, Net};
use super::work::Work;
use crate::error::{Error, Result};
use crate::run::{Device, Recording};
use std::time::Instant;

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The parts.
    pub suites: Vec<Suite>,
    /// Only entries whose name contains this; case does not matter.
    pub filter: Option<String>,
    /// How long each entry is timed, in seconds. What would take forty times as long by the ceilings is skipped.
    pub seconds: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { suites: Suite::ALL.to_vec(), filter: None, seconds: 0.3 }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Entries done.
    pub done: usize,
    /// Entries in all.
    pub total: usize,
    /// What comes next.
    pub name: &'a str,
}

/// The features beyond the engine's needs that the peaks make use of, where an adapter has them: open the device with
/// them ([`crate::run::Options::features`]).
#[must_use]
pub fn features() -> wgpu::Features {
    wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SUBGROUP | wgpu::Features::SHADER_F16
}

/// One thing to time.
enum Item {
    Memory(memory::Access, u64),
    Compute(&'static compute::Kind),
    Intensity(usize),
    Workgroup,
    Atomics(u32),
    Subgroups,
    Dispatches,
    Latency(latency::Latency),
    Work(Suite, Work),
    Train(Net),
}

/// Words that atomic additions are spread over.
const SPREAD: u32 = 65_536;
/// Dispatches of the probe that counts their cost.
const DISPATCHES: u32 = 256;
const GIGA: f64 = 1e-9;

impl Item {
    fn suite(&self) -> Suite {
        match self {
            Item::Work(suite, _) => *suite,
            Item::Train(_) => Suite::Train,
            _ => Suite::Peaks,
        }
    }

    fn name(&self) -> &str {
        match self {
            Item::Memory(access, _) => access.name(),
            Item::Compute(kind) => kind.name,
            Item::Intensity(_) => "intensity",
            Item::Workgroup => "workgroup memory",
            Item::Atomics(1) => "atomic add, one word",
            Item::Atomics(_) => "atomic add, many words",
            Item::Subgroups => "subgroup maximum",
            Item::Dispatches => "dispatch",
            Item::Latency(latency) => latency.name,
            Item::Work(_, work) => &work.name,
            Item::Train(net) => net.name,
        }
    }

    fn size(&self) -> String {
        match self {
            Item::Memory(_, bytes) if *bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            Item::Memory(_, bytes) => format!("{} KiB", bytes >> 10),
            Item::Intensity(k) => format!("{} flop/B", *k as f64 / 4.0),
            Item::Latency(latency) if latency.bytes.is_some() => format!("{} MiB", latency::BYTES >> 20),
            Item::Work(_, work) => work.size.clone(),
            Item::Train(net) => net.size.into(),
            _ => String::new(),
        }
    }
}

/// A kernel beside which others are timed.
struct Top {
    name: String,
    probe: Probe,
}

/// What bounds a workload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    Copy,
    Read,
    Multiply,
}

struct Bench<'a> {
    device: Device,
    clock: Clock,
    settings: &'a Settings,
    /// The best walks for copies and for reads.
    walks: [memory::Walk; 2],
    /// The best number of chains of multiply-adds.
    chains: usize,
    /// The rates of the best copy and of the best multiply-adds.
    rates: [f64; 2],
    tops: Vec<(Bound, u64, Top)>,
}

/// Runs the benchmark. Blocks until it is done; `watch` hears of every entry.
///
/// # Errors
/// Settings that select nothing; a device that cannot run the ceilings. What goes wrong later is in the report, and the
/// other entries are timed all the same, unless the device is lost: then the report ends there.
pub fn run(device: &Device, settings: &Settings, watch: &mut dyn FnMut(&Progress<'_>)) -> Result<Report> {
    timed(device, settings, watch, items(device, settings)?)
}

/// Runs workloads of your own like those of [`Suite::Ops`], whatever the settings select.
///
/// # Errors
/// Those of [`run`].
pub fn run_works(
    device: &Device,
    settings: &Settings,
    works: Vec<Work>,
    watch: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report> {
    timed(device, settings, watch, works.into_iter().map(|work| Item::Work(Suite::Ops, work)).collect())
}

fn timed(
    device: &Device,
    settings: &Settings,
    watch: &mut dyn FnMut(&Progress<'_>),
    items: Vec<Item>,
) -> Result<Report> {
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    if !(settings.seconds > 0.0 && settings.seconds.is_finite()) {
        let message = format!("{} seconds for each entry", settings.seconds);
        return Err(Error::input("bench", message, "give a positive number, e.g. 0.3"));
    }
    let bench = Bench::new(device, settings)?;
    let mut report = Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        unix_seconds: start,
        date: date(start),
        adapter: Adapter::of(device),
        clock: if bench.clock.on_device() { Source::Device } else { Source::Host },
        entries: Vec::new(),
        skipped: Vec::new(),
    };
    let (total, mut bench) = (items.len(), bench);
    for (done, item) in items.into_iter().enumerate() {
        watch(&Progress { done, total, name: item.name() });
        let (suite, name, size) = (item.suite(), item.name().to_owned(), item.size());
        let skip = |reason, failed| Skipped { suite, name, size, reason, failed };
        match bench.entry(item) {
            Ok(Ok(entry)) => report.entries.push(entry),
            Ok(Err(Skip::Reason(reason))) => report.skipped.push(skip(reason, false)),
            Ok(Err(Skip::Wrong(what))) => report.skipped.push(skip(format!("the result is wrong: {what}"), true)),
            Err(error @ Error::DeviceLost { .. }) => {
                report.skipped.push(skip(error.to_string(), true));
                return Ok(report);
            }
            // what does not fit this device is no failure of it
            Err(error @ (Error::Limit { .. } | Error::OutOfMemory { .. })) => {
                report.skipped.push(skip(error.to_string(), false));
            }
            Err(error) => report.skipped.push(skip(error.to_string(), true)),
        }
        device.trim();
    }
    Ok(report)
}

fn items(device: &Device, settings: &Settings) -> Result<Vec<Item>> {
    let mut all = Vec::new();
    for suite in Suite::ALL.into_iter().filter(|s| settings.suites.contains(s)) {
        match suite {
            Suite::Peaks => all.extend(peaks(device)?),
            Suite::Ops => all.extend(list::ops().into_iter().map(|w| Item::Work(suite, w))),
            Suite::Penalties => all.extend(list::penalties().into_iter().map(|w| Item::Work(suite, w))),
            Suite::Train => all.extend(train::nets().into_iter().map(Item::Train)),
        }
    }
    let Some(filter) = &settings.filter else { return Ok(all) };
    let wanted = filter.to_lowercase();
    let names = all.iter().map(|i| i.name().to_owned()).collect::<Vec<_>>();
    all.retain(|item| item.name().to_lowercase().contains(&wanted));
    if all.is_empty() {
        let mut known = names;
        known.dedup();
        return Err(Error::input(
            "bench",
            format!("no entry's name contains {filter:?}"),
            format!("there are {}", known.join(", ")),
        ));
    }
    Ok(all)
}

/// The greatest footprint: a power of two that a binding may have, 128 MiB at most.
pub(super) fn widest(device: &Device) -> u64 {
    let limit = device.limits().binding_bytes.min(device.limits().buffer_bytes).min(128 << 20);
    1 << limit.ilog2()
}

fn peaks(device: &Device) -> Result<Vec<Item>> {
    use memory::Access;
    let mut all = Vec::new();
    let widest = widest(device);
    for access in [Access::Copy, Access::Read, Access::Write] {
        let mut bytes = 16 << 10;
        while bytes <= widest {
            all.push(Item::Memory(access, bytes));
            // between these footprints lie the caches: every second power of two shows the steps
            bytes = if bytes < widest { (bytes * 4).min(widest) } else { bytes * 2 };
        }
    }
    all.extend([Access::Strided, Access::Random].map(|access| Item::Memory(access, widest)));
    all.extend(compute::KINDS.iter().map(Item::Compute));
    all.extend((0..=9).map(|k| Item::Intensity(1 << k)));
    all.extend([Item::Workgroup, Item::Atomics(1), Item::Atomics(SPREAD), Item::Subgroups, Item::Dispatches]);
    all.extend(latency::all(device)?.into_iter().map(Item::Latency));
    Ok(all)
}

/// Why an entry has no time.
enum Skip {
    Reason(String),
    Wrong(String),
}

type Outcome = std::result::Result<Entry, Skip>;

/// The best of some candidates, and its rate.
fn best<T>(clock: &Clock, candidates: impl IntoIterator<Item = Result<(T, Probe)>>) -> Result<(T, f64)> {
    let mut best: Option<(T, f64)> = None;
    for candidate in candidates {
        let (what, probe) = candidate?;
        clock.time(&raw(&probe), 1)?;
        let times = (0..3).map(|_| clock.time(&raw(&probe), 2)).collect::<Result<Vec<_>>>()?;
        let rate = probe.work / times.into_iter().fold(f64::INFINITY, f64::min);
        if best.as_ref().is_none_or(|(_, top)| rate > *top) {
            best = Some((what, rate));
        }
    }
    best.ok_or_else(|| Error::input("bench", "there is no candidate", "report this"))
}

pub(super) fn raw(probe: &Probe) -> impl Fn(&mut wgpu::CommandEncoder) -> Result<Option<Recording>> + '_ {
    |encoder| {
        probe.record(encoder);
        Ok(None)
    }
}

/// Samples of an entry, and of its ceiling beside each.
struct Samples {
    own: Vec<f64>,
    top: Vec<f64>,
}

impl Bench<'_> {
    fn new<'a>(device: &Device, settings: &'a Settings) -> Result<Bench<'a>> {
        let arena = memory::Arena::new(device, memory::TOTAL.min(widest(device)), memory::TOTAL);
        let trial = arena.probe(memory::Access::Write, memory::WALKS[0])?;
        let clock = Clock::new(device, &raw(&trial), 2)?;
        let walk = |access| {
            let candidates = memory::WALKS.iter().map(|&walk| Ok((walk, arena.probe(access, walk)?)));
            best(&clock, candidates)
        };
        let ((copy, moved), (read, _)) = (walk(memory::Access::Copy)?, walk(memory::Access::Read)?);
        let chains = [4, 8, 12].map(|chains| Ok((chains, compute::KINDS[0].probe(device, chains)?)));
        let (chains, done) = best(&clock, chains)?;
        let (device, walks, rates) = (device.clone(), [copy, read], [moved, done]);
        Ok(Bench { device, clock, settings, walks, chains, rates, tops: Vec::new() })
    }

    fn walk(&self, access: memory::Access) -> memory::Walk {
        match access {
            memory::Access::Copy | memory::Access::Write => self.walks[0],
            _ => self.walks[1],
        }
    }

    fn entry(&mut self, item: Item) -> Result<Outcome> {
        let (suite, name, size) = (item.suite(), item.name().to_owned(), item.size());
        let named = Entry {
            suite,
            name,
            size,
            seconds: Summary { median: 0.0, low: 0.0, high: 0.0, samples: 0 },
            rate: None,
            bytes: 0.0,
            flops: 0.0,
            x: None,
            ceiling: None,
            dispatches: 0,
            cold: None,
            host: None,
            memory: None,
            error: 0.0,
            notes: Vec::new(),
        };
        match item {
            Item::Memory(access, bytes) => self.memory(named, access, bytes),
            Item::Compute(kind) if !self.device.wgpu_device().features().contains(kind.features) => {
                Ok(Err(Skip::Reason(format!("the adapter lacks {}", kind.features))))
            }
            Item::Compute(kind) => {
                let chains = if kind.name == compute::KINDS[0].name { self.chains } else { 8 };
                self.counted(named, kind.unit, &kind.probe(&self.device, chains)?)
            }
            Item::Intensity(k) => {
                let (probe, bytes) = compute::intensity(&self.device, k, 16 << 20)?;
                let named = Entry { bytes, flops: probe.work, x: Some(probe.work / bytes), ..named };
                self.counted(named, "GFLOP/s", &probe)
            }
            Item::Workgroup => {
                let probe = compute::workgroup_memory(&self.device)?;
                self.counted(Entry { bytes: probe.work, ..named }, "GB/s", &probe)
            }
            Item::Atomics(spread) => self.counted(named, "Gop/s", &compute::atomics(&self.device, spread)?),
            Item::Subgroups if !self.device.wgpu_device().features().contains(wgpu::Features::SUBGROUP) => {
                Ok(Err(Skip::Reason("the adapter lacks SUBGROUP".into())))
            }
            Item::Subgroups => self.counted(named, "Gop/s", &compute::subgroups(&self.device)?),
            Item::Dispatches => {
                let probe = compute::dispatches(&self.device, DISPATCHES)?;
                let outcome = self.counted(named, "Gop/s", &probe)?;
                let each = |s: f64| s / f64::from(DISPATCHES);
                Ok(outcome.map(|e| Entry { seconds: e.seconds.map(each), rate: None, ..e }))
            }
            Item::Latency(latency) => self.latency(named, latency),
            Item::Work(_, work) => self.work(named, &work),
            Item::Train(net) => self.train(named, &net),
        }
    }

    fn memory(&self, named: Entry, access: memory::Access, bytes: u64) -> Result<Outcome> {
        let arena = memory::Arena::new(&self.device, bytes, memory::TOTAL);
        let walk = self.walk(access);
        let write = arena.probe(memory::Access::Write, self.walks[0])?;
        if let Err(what) = write.verify()? {
            return Ok(Err(Skip::Wrong(what)));
        }
        let probe = match access {
            memory::Access::Write => write,
            _ => arena.probe(access, walk)?,
        };
        let named = Entry { bytes: probe.work, x: Some(bytes as f64), ..named };
        self.counted(named, "GB/s", &probe)
    }

    /// Verifies a probe and times it.
    fn counted(&self, named: Entry, unit: &str, probe: &Probe) -> Result<Outcome> {
        if let Err(what) = probe.verify()? {
            return Ok(Err(Skip::Wrong(what)));
        }
        let samples = self.samples(&raw(probe), None, usize::MAX)?;
        Ok(Ok(summarise(named, Some((unit, probe.work)), &samples, None)))
    }

    /// Runs in a batch: for ten milliseconds, or a twentieth of the time there is, but `most` at most.
    fn batch(&self, record: super::clock::Record<'_>, most: usize) -> Result<usize> {
        let aim = (self.settings.seconds / 20.0).min(0.01);
        self.clock.time(record, 1)?;
        let once = self.clock.time(record, 1)?;
        Ok(((aim / once.max(1e-9)).ceil() as usize).clamp(1, 4096).min(most).max(1))
    }

    /// Times work, and a ceiling alternately; `most` runs fit into memory at once.
    fn samples(&self, record: super::clock::Record<'_>, top: Option<&Probe>, most: usize) -> Result<Samples> {
        let runs = self.batch(record, most)?;
        let tops = top.map(|probe| self.batch(&raw(probe), usize::MAX)).transpose()?.unwrap_or(1);
        // the first batch meets buffers that are new
        self.clock.time(record, runs)?;
        let mut samples = Samples { own: Vec::new(), top: Vec::new() };
        let start = Instant::now();
        while samples.own.len() < 9
            || (start.elapsed().as_secs_f64() < self.settings.seconds && samples.own.len() < 100)
        {
            if let Some(probe) = top {
                samples.top.push(self.clock.time(&raw(probe), tops)?);
            }
            samples.own.push(self.clock.time(record, runs)?);
            // five of what is slow
            if samples.own.len() >= 5 && start.elapsed().as_secs_f64() > 4.0 * self.settings.seconds {
                break;
            }
        }
        Ok(samples)
    }

    fn latency(&self, named: Entry, mut latency: latency::Latency) -> Result<Outcome> {
        (latency.sample)()?;
        let mut own = Vec::new();
        let start = Instant::now();
        while own.len() < 9 || (start.elapsed().as_secs_f64() < self.settings.seconds && own.len() < 100) {
            own.push((latency.sample)()?);
        }
        let rate = latency.bytes.map(|bytes| ("GB/s", bytes));
        let named = Entry { bytes: latency.bytes.unwrap_or(0.0), ..named };
        Ok(Ok(summarise(named, rate, &Samples { own, top: Vec::new() }, None)))
    }

    /// The ceiling of a kind over arrays of a size.
    fn top(&mut self, bound: Bound, bytes: u64) -> Result<usize> {
        let bytes =
            if bound == Bound::Multiply { 0 } else { bytes.next_power_of_two().clamp(1 << 20, widest(&self.device)) };
        if let Some(ix) = self.tops.iter().position(|t| t.0 == bound && t.1 == bytes) {
            return Ok(ix);
        }
        // one footprint at a time: the buffers are large
        self.tops.retain(|t| t.0 == Bound::Multiply || t.1 == bytes);
        let arena = memory::Arena::new(&self.device, bytes.max(1 << 20), memory::TOTAL);
        let probe = match bound {
            Bound::Copy => arena.probe(memory::Access::Copy, self.walks[0])?,
            Bound::Read => arena.probe(memory::Access::Read, self.walks[1])?,
            Bound::Multiply => compute::KINDS[0].probe(&self.device, self.chains)?,
        };
        let name = match bound {
            Bound::Copy => "copy",
            Bound::Read => "read",
            Bound::Multiply => "fma f32",
        };
        self.tops.push((bound, bytes, Top { name: name.into(), probe }));
        Ok(self.tops.len() - 1)
    }

    /// Seconds that a workload takes at a twentieth of the rate of multiply-adds, or a fifth of that of copies: kernels
    /// that are slower are not worth the wait.
    fn forecast(&self, work: &Work) -> f64 {
        let [moved, done] = self.rates;
        let compute = if work.computes { work.flops / (0.05 * done) } else { 0.0 };
        compute.max(work.bytes / (0.2 * moved))
    }

    fn work(&mut self, named: Entry, work: &Work) -> Result<Outcome> {
        let forecast = self.forecast(work);
        if forecast > 40.0 * self.settings.seconds {
            let reason = format!("one run may take {forecast:.0} s; `--time {:.1}` allows it", forecast / 40.0);
            return Ok(Err(Skip::Reason(reason)));
        }
        let device = self.device.clone();
        let inputs = work.upload(&device);
        let build = || (work.build)(&inputs);
        device.eval(&inputs.iter().collect::<Vec<_>>())?;
        device.wait_blocking()?;
        let before = device.stats().dispatches;
        let start = Instant::now();
        let results = build();
        device.eval(&results.iter().collect::<Vec<_>>())?;
        device.wait_blocking()?;
        let cold = start.elapsed().as_secs_f64();
        let dispatches = device.stats().dispatches - before;
        let verdict = work.verify(&device, &results)?;
        if !verdict.passed {
            return Ok(Err(Skip::Wrong(verdict.to_string())));
        }
        let mut out = 0;
        for result in &results {
            out += result.shape()?.elements() as u64 * 4;
        }
        drop(results);
        let record = |encoder: &mut wgpu::CommandEncoder| {
            let results = build();
            device.encode(&results.iter().collect::<Vec<_>>(), encoder).map(Some)
        };
        let read: u64 = inputs.iter().map(|t| t.shape().map_or(0, |s| s.elements() as u64 * 4)).max().unwrap_or(0);
        let bound = match () {
            () if work.computes => Bound::Multiply,
            () if 10 * out < read => Bound::Read,
            () => Bound::Copy,
        };
        let top = self.top(bound, read.max(out))?;
        let (unit, amount) = if bound == Bound::Multiply { ("GFLOP/s", work.flops) } else { ("GB/s", work.bytes) };
        let most = ((256 << 20) / out.max(1)).max(1) as usize;
        let samples = self.samples(&record, Some(&self.tops[top].2.probe), most)?;
        let error = verdict.ratio;
        let named = Entry { bytes: work.bytes, flops: work.flops, dispatches, cold: Some(cold), error, ..named };
        Ok(Ok(summarise(named, Some((unit, amount)), &samples, Some(&self.tops[top].2))))
    }

    /// Steps alternate with multiply-adds: a machine that is busy with other things slows both.
    fn train(&mut self, named: Entry, net: &Net) -> Result<Outcome> {
        let device = &self.device.clone();
        device.trim();
        let top = self.top(Bound::Multiply, 0)?;
        let top = &self.tops[top].2;
        let runs = self.batch(&raw(&top.probe), usize::MAX)?;
        let floor = device.memory();
        let mut training = net.start(device)?;
        let (loss, gradients) = training.loss_and_gradients()?;
        let all: Vec<_> = std::iter::once(&loss).chain(&gradients).collect();
        let verified = device.verify_blocking(&all)?;
        if !verified.passed() {
            return Ok(Err(Skip::Wrong(verified.to_string())));
        }
        let error = verified.verdicts.iter().map(|v| v.ratio).fold(0.0, f64::max);
        let nodes = all.iter().map(|t| t.node().cloned()).collect::<Result<Vec<_>>>()?;
        let flops = train::products(&nodes);
        drop(nodes);
        drop((loss, gradients));
        device.trim();
        let (mut own, mut host) = (Vec::new(), Vec::new());
        let mut step = |own: &mut Vec<f64>, host: &mut Vec<f64>| -> Result<()> {
            let start = Instant::now();
            training.step()?;
            host.push(start.elapsed().as_secs_f64());
            device.wait_blocking()?;
            own.push(start.elapsed().as_secs_f64());
            Ok(())
        };
        let before = device.stats().dispatches;
        step(&mut own, &mut host)?;
        let (cold, dispatches) = (own[0], device.stats().dispatches - before);
        for _ in 0..3 {
            step(&mut own, &mut host)?;
        }
        (own, host) = (Vec::new(), Vec::new());
        let (start, mut tops) = (Instant::now(), Vec::new());
        while own.len() < 9 || (start.elapsed().as_secs_f64() < self.settings.seconds && own.len() < 400) {
            tops.push(self.clock.time(&raw(&top.probe), runs)?);
            step(&mut own, &mut host)?;
        }
        let now = device.memory();
        let memory = (now.live + now.pooled).saturating_sub(floor.live + floor.pooled);
        let named = Entry {
            dispatches,
            flops,
            cold: Some(cold),
            host: Summary::of(&host).map(|s| s.median),
            memory: Some(memory),
            error,
            ..named
        };
        Ok(Ok(summarise(named, Some(("steps/s", 1e9)), &Samples { own, top: tops }, Some(top))))
    }
}

/// The entry with what the samples say; `rate` is the unit and the work of one run, in single units.
fn summarise(named: Entry, rate: Option<(&str, f64)>, samples: &Samples, top: Option<&Top>) -> Entry {
    let Some(seconds) = Summary::of(&samples.own) else { return named };
    let mut notes = named.notes.clone();
    if seconds.spread() > 0.1 {
        notes.push(format!("noisy: the median is known to {:.0} % only", 100.0 * seconds.spread()));
    }
    let steady = if samples.top.is_empty() { &samples.own } else { &samples.top };
    if let Some(change) = drift(steady).filter(|d| !(0.87..1.15).contains(d)) {
        notes.push(format!("the machine drifted: the last third took {change:.2} times as long as the first"));
    }
    let rate = rate.map(|(unit, work)| Rate { unit: unit.into(), value: seconds.map(|s| work / s * GIGA) });
    let ceiling = top.and_then(|top| {
        let tops: Vec<f64> = samples.top.iter().map(|s| top.probe.work / s).collect();
        let work = if rate.as_ref().is_some_and(|r| r.unit == "GB/s") { named.bytes } else { named.flops };
        let shares: Vec<f64> = samples.own.iter().zip(&tops).map(|(own, top)| work / own / top).collect();
        Some(Ceiling { name: top.name.clone(), rate: Summary::of(&tops)?.median * GIGA, share: Summary::of(&shares)? })
    });
    Entry { seconds, rate, ceiling, notes, ..named }
}
