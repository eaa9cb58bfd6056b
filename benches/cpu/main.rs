//! The embedded CPU device beside the software adapters of the machine, on the same hand-written shaders.
//!
//! `cargo bench --bench cpu -- [NAME…] [--rounds N] [--markdown FILE.md]`. Time is that of all threads of the process, the rounds
//! of the devices are interleaved, and a ratio is the median over rounds. No time is told for a result that differs.

mod clock;
mod work;

use clock::{Summary, summary, time};
use ridgepoint::cpu::{self, Checks};
use ridgepoint::wgpu;
use std::fmt::Write;
use std::time::Instant;
use work::{Prepared, Work};

struct Settings {
    names: Vec<String>,
    rounds: usize,
    markdown: Option<String>,
}

fn settings() -> Result<Settings, String> {
    let mut out = Settings { names: Vec::new(), rounds: 15, markdown: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} takes a value"));
        match word.as_str() {
            "--rounds" => out.rounds = value()?.parse().map_err(|e| format!("--rounds: {e}"))?,
            "--markdown" => out.markdown = Some(value()?),
            "--bench" => {}
            name => out.names.push(name.to_owned()),
        }
    }
    Ok(out)
}

/// A device and its name.
struct Opened {
    name: String,
    device: wgpu::Device,
    queue: wgpu::Queue,
}

fn open(adapter: &wgpu::Adapter) -> Result<Opened, String> {
    let descriptor = wgpu::DeviceDescriptor::default();
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).map_err(|e| e.to_string())?;
    Ok(Opened { name: adapter.get_info().name, device, queue })
}

fn embedded(checks: Checks) -> Result<Opened, String> {
    let instance = cpu::instance(&cpu::Options { checks, ..cpu::Options::default() });
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    open(adapters.first().ok_or("the CPU device is always there")?)
}

/// A software adapter of a driver, if there is one.
fn driver() -> Option<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::VULKAN,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    adapters.into_iter().find(|a| a.get_info().device_type == wgpu::DeviceType::Cpu)
}

/// Processor seconds of a run, or those of the wall where processes do not know theirs.
fn seconds(prepared: &Prepared<'_>) -> f64 {
    let ((), spent) = time(|| prepared.run());
    spent.process.unwrap_or(spent.wall)
}

/// From nothing to the first result of a 512x512 product, on the wall.
fn first(open: impl Fn() -> Result<Opened, String>) -> Result<f64, String> {
    let start = Instant::now();
    let opened = open()?;
    Prepared::new(&opened.device, &opened.queue, &work::ALL[work::ALL.len() - 1])?.result();
    Ok(start.elapsed().as_secs_f64())
}

fn shown(s: Summary) -> String {
    format!("{:.2} ({:.2} to {:.2})", s.median, s.low, s.high)
}

fn bench(settings: &Settings) -> Result<bool, String> {
    let (plain, watched) = (embedded(Checks::default())?, embedded(Checks::all())?);
    let driver = driver();
    let other = driver.as_ref().map(open).transpose()?;
    let name = other.as_ref().map_or("no software driver", |o| o.name.as_str());
    println!("{} beside {name}", plain.name);
    let mut table = format!(
        "{} beside {name}; processor time, medians and quartiles of {} rounds\n\n| shader | ms | rate | driver's time / ours | goal | with all \
         checks / without |\n|---|---|---|---|---|---|\n",
        plain.name, settings.rounds
    );
    let mut good = true;
    for work in
        work::ALL.iter().filter(|w| settings.names.is_empty() || settings.names.iter().any(|n| w.name.contains(n)))
    {
        good &= compare(work, settings.rounds, &plain, &watched, other.as_ref(), &mut table)?;
    }
    let ours = first(|| embedded(Checks::default()))?;
    let _ok = writeln!(table, "\nFirst result of a 512x512 product from opening a device: {:.0} ms", ours * 1e3);
    if driver.is_some() {
        let theirs = first(|| open(&crate::driver().ok_or("no driver")?))?;
        let _ok = writeln!(table, "({name}: {:.0} ms, {:.1} times as long; goal 3)", theirs * 1e3, theirs / ours);
    }
    println!("{table}");
    if let Some(path) = &settings.markdown {
        std::fs::write(path, &table).map_err(|e| format!("{path}: {e}"))?;
    }
    Ok(good)
}

/// A shader on a device, and its first result.
fn prepare<'o>(o: &'o Opened, work: &Work) -> Result<(Vec<f32>, Prepared<'o>), String> {
    Prepared::new(&o.device, &o.queue, work).map(|p| (p.result(), p))
}

/// One shader on all devices; whether the results agree and the goal is reached.
fn compare(
    work: &Work,
    rounds: usize,
    plain: &Opened,
    watched: &Opened,
    other: Option<&Opened>,
    table: &mut String,
) -> Result<bool, String> {
    let (ours, (_, with_checks)) = (prepare(plain, work)?, prepare(watched, work)?);
    let other = other.map(|o| prepare(o, work)).transpose()?;
    if let Some((theirs, _)) = &other {
        let scale = theirs.iter().fold(1e-30f32, |m, x| m.max(x.abs()));
        let worst = ours.0.iter().zip(theirs).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / scale;
        if worst.is_nan() || worst > 1e-4 {
            return Err(format!("{}: results differ by {worst:e} of the greatest", work.name));
        }
    }
    let (mut times, mut ratios, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let t = seconds(&ours.1);
        times.push(t * 1e3);
        ratios.extend(other.as_ref().map(|(_, p)| seconds(p) / t));
    }
    for _ in 0..rounds.div_ceil(5) {
        checks.push(seconds(&with_checks) / seconds(&ours.1));
    }
    let t = summary(&times);
    let rate = work.amount / t.median / 1e6;
    let ratio = summary(&ratios);
    let _ok = writeln!(
        table,
        "| {} | {} | {rate:.1} {} | {} | {} | {:.1} |",
        work.name,
        shown(t),
        work.unit,
        if ratios.is_empty() { "-".into() } else { shown(ratio) },
        work.goal,
        summary(&checks).median
    );
    Ok(ratios.is_empty() || ratio.median >= work.goal)
}

fn main() -> std::process::ExitCode {
    match settings().and_then(|s| bench(&s)) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("some goals are missed");
            std::process::ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
