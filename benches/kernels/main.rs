//! The engine against hand-written WGSL on one adapter, as ratios.
//!
//! `cargo bench --bench kernels -- [NAME…] [--adapter PART] [--kernels processor|graphics] [--rounds N] [--scale 1|4|16] [--record FILE.json] [--markdown FILE.md]`
//!
//! Every workload is verified against the f64 reference first, at a sixteenth of its size; one that fails is not timed. Each
//! round times the ceiling, then the workload, so that what disturbs one disturbs the other; the ratio is the median over
//! rounds of the ratios within a round. On an adapter that computes on the host's processor the time is that of all threads
//! of the process, which a busy machine disturbs less.

mod ceiling;
mod clock;
mod step;
mod work;

use ceiling::{Bound, Probe, candidates, wait};
use clock::{Spent, Summary, summary, time};
use ridgepoint::run::{Adapter, Kernels, Options};
use ridgepoint::{Device, Result};
use std::fmt::Write;
use work::Work;

/// What is asked for.
struct Arguments {
    names: Vec<String>,
    adapter: Option<String>,
    kernels: Kernels,
    rounds: usize,
    scale: usize,
    record: Option<String>,
    markdown: Option<String>,
}

fn arguments() -> std::result::Result<Arguments, String> {
    let mut out = Arguments {
        names: Vec::new(),
        adapter: None,
        kernels: Kernels::Auto,
        rounds: 15,
        scale: 1,
        record: None,
        markdown: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} takes a value"));
        match word.as_str() {
            "--adapter" => out.adapter = Some(value()?),
            "--kernels" => {
                out.kernels = match value()?.as_str() {
                    "processor" => Kernels::Processor,
                    "graphics" => Kernels::Graphics,
                    other => return Err(format!("--kernels takes processor or graphics, not {other}")),
                }
            }
            "--rounds" => out.rounds = value()?.parse().map_err(|e| format!("--rounds: {e}"))?,
            "--scale" => {
                out.scale = value()?.parse().map_err(|e| format!("--scale: {e}"))?;
                if ![1, 4, 16].contains(&out.scale) {
                    return Err("--scale takes 1, 4 or 16".into());
                }
            }
            "--record" => out.record = Some(value()?),
            "--markdown" => out.markdown = Some(value()?),
            // Cargo's own.
            "--bench" => {}
            flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
            name => out.names.push(name.to_owned()),
        }
    }
    Ok(out)
}

/// A line of the table.
struct Line {
    name: String,
    bound: Bound,
    /// GB/s or GFLOP/s.
    rate: Summary,
    ceiling: Summary,
    ratio: Summary,
    goal: Option<f64>,
    dispatches: u64,
    wanted: Option<u64>,
    failure: Option<String>,
}

fn main() -> std::process::ExitCode {
    let outcome = arguments().and_then(|arguments| bench(&arguments).map_err(|e| e.to_string()));
    match outcome {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> Result<bool> {
    let adapter = arguments.adapter.clone().map_or(Adapter::Auto, Adapter::Named);
    let device = Device::open_blocking(Options { adapter, kernels: arguments.kernels, ..Options::default() })?;
    let on_host = device.limits().cpu || device.limits().lockstep;
    let seconds = move |spent: Spent| if on_host { spent.process.unwrap_or(spent.wall) } else { spent.wall };
    println!("{}; time is {}", device.name(), if on_host { "processor time" } else { "wall time" });
    let chosen = |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|n| name.contains(n.as_str()));

    let mut lines = Vec::new();
    let wanted: Vec<Work> = work::all(16).into_iter().filter(|w| chosen(w.name)).collect();
    let ceilings: Vec<(Bound, Probe)> = Bound::ALL
        .into_iter()
        .filter(|bound| wanted.iter().any(|w| w.bound == *bound))
        .map(|bound| (bound, best(&device, bound, &seconds)))
        .collect();
    for small in wanted {
        let checked = verify(&device, &small);
        let name = small.name;
        let work = work::all(arguments.scale).into_iter().find(|w| w.name == name).expect("same names");
        let probe = &ceilings.iter().find(|c| c.0 == work.bound).expect("measured").1;
        let line = match checked.and_then(|()| measure(&device, &work, probe, arguments.rounds, &seconds)) {
            Ok(line) => line,
            Err(failure) => failed(&work, failure),
        };
        println!("{}", text(&line));
        lines.push(line);
        device.trim();
    }
    let host = if chosen("mlp_step") { Some(step::measure(&device, arguments.rounds)?) } else { None };
    if let Some(host) = &host {
        println!("{host}");
    }
    write_records(arguments, &device, &ceilings, &lines, host.as_ref());
    let good = |line: &Line| line.failure.is_none() && line.goal.is_none_or(|goal| line.ratio.median >= goal);
    Ok(lines.iter().all(good))
}

/// The fastest of the candidates for a ceiling.
fn best(device: &Device, bound: Bound, seconds: &dyn Fn(Spent) -> f64) -> Probe {
    let mut timed: Vec<(f64, Probe)> = candidates(device, bound, 16 << 20)
        .into_iter()
        .map(|probe| {
            probe.run();
            let times: Vec<f64> = (0..5).map(|_| seconds(time(|| probe.run()).1)).collect();
            (probe.work / summary(&times).low, probe)
        })
        .collect();
    timed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (rate, probe) = timed.swap_remove(0);
    println!("ceiling {bound:?}: {} at {:.2} {}", probe.label, rate * 1e-9, bound.unit());
    probe
}

/// The workload's results against the reference.
fn verify(device: &Device, work: &Work) -> std::result::Result<(), String> {
    let outputs = (work.build)(&work.upload(device));
    let report = device.verify_blocking(&outputs.iter().collect::<Vec<_>>()).map_err(|e| e.to_string())?;
    if report.passed() { Ok(()) } else { Err(format!("the result is wrong: {report}")) }
}

fn measure(
    device: &Device,
    work: &Work,
    probe: &Probe,
    rounds: usize,
    seconds: &dyn Fn(Spent) -> f64,
) -> std::result::Result<Line, String> {
    let inputs = work.upload(device);
    let run = || -> Result<()> {
        let outputs = (work.build)(&inputs);
        device.eval(&outputs.iter().collect::<Vec<_>>())?;
        wait(device);
        Ok(())
    };
    let before = device.stats().dispatches;
    run().map_err(|e| e.to_string())?;
    let dispatches = device.stats().dispatches - before;
    run().map_err(|e| e.to_string())?;
    let (mut own, mut top, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let ceiling = probe.work / seconds(time(|| probe.run()).1);
        let (result, spent) = time(&run);
        result.map_err(|e| e.to_string())?;
        let rate = work.work / seconds(spent);
        own.push(rate * 1e-9);
        top.push(ceiling * 1e-9);
        ratio.push(rate / ceiling);
    }
    Ok(Line {
        name: work.name.into(),
        bound: work.bound,
        rate: summary(&own),
        ceiling: summary(&top),
        ratio: summary(&ratio),
        goal: work.goal,
        dispatches,
        wanted: work.dispatches,
        failure: work
            .dispatches
            .filter(|&wanted| wanted != dispatches)
            .map(|wanted| format!("{dispatches} dispatches instead of {wanted}")),
    })
}

fn failed(work: &Work, failure: String) -> Line {
    let none = Summary { low: f64::NAN, median: f64::NAN, high: f64::NAN };
    Line {
        name: work.name.into(),
        bound: work.bound,
        rate: none,
        ceiling: none,
        ratio: none,
        goal: work.goal,
        dispatches: 0,
        wanted: work.dispatches,
        failure: Some(failure),
    }
}

fn text(line: &Line) -> String {
    let mut out = format!(
        "{:32} {:7.2} {:8} of {:7.2}: {:5.1} % ({:.1} to {:.1})",
        line.name,
        line.rate.median,
        line.bound.unit(),
        line.ceiling.median,
        100.0 * line.ratio.median,
        100.0 * line.ratio.low,
        100.0 * line.ratio.high,
    );
    if let Some(goal) = line.goal {
        let verdict = if line.ratio.median >= goal { "reached" } else { "MISSED" };
        let _infallible = write!(out, ", goal {:.0} % {verdict}", 100.0 * goal);
    }
    let _infallible = write!(out, ", {} dispatches", line.dispatches);
    if let Some(failure) = &line.failure {
        let _infallible = write!(out, "; FAILED: {failure}");
    }
    out
}

fn write_records(
    arguments: &Arguments,
    device: &Device,
    ceilings: &[(Bound, Probe)],
    lines: &[Line],
    host: Option<&step::Step>,
) {
    let save = |path: &str, text: String| {
        if let Err(error) = std::fs::write(path, text) {
            eprintln!("{path}: {error}");
        }
    };
    if let Some(path) = &arguments.record {
        let json = serde_json::json!({
            "adapter": device.name(),
            "time": if device.limits().cpu || device.limits().lockstep { "processor" } else { "wall" },
            "rounds": arguments.rounds,
            "scale": arguments.scale,
            "ceilings": ceilings.iter().map(|(bound, p)| serde_json::json!({
                "bound": format!("{bound:?}"), "kernel": p.label,
            })).collect::<Vec<_>>(),
            "workloads": lines.iter().map(|line| serde_json::json!({
                "name": line.name,
                "unit": line.bound.unit(),
                "rate": line.rate.median,
                "ceiling": line.ceiling.median,
                "ratio": line.ratio.median,
                "ratio_quartiles": [line.ratio.low, line.ratio.high],
                "goal": line.goal,
                "dispatches": line.dispatches,
                "dispatches_wanted": line.wanted,
                "failure": line.failure,
            })).collect::<Vec<_>>(),
            "mlp_step": host.map(step::Step::json),
        });
        save(path, serde_json::to_string_pretty(&json).expect("plain values") + "\n");
    }
    if let Some(path) = &arguments.markdown {
        let mut table = format!("# {}\n\n", device.name());
        table +=
            "| workload | rate | ceiling | share | quartiles | goal | dispatches |\n|---|---|---|---|---|---|---|\n";
        for line in lines {
            let (unit, goal) = (line.bound.unit(), line.goal.map_or("–".into(), |g| format!("{:.0} %", 100.0 * g)));
            let _infallible = writeln!(
                table,
                "| {} | {:.2} {unit} | {:.2} {unit} | {:.1} % | {:.1} – {:.1} % | {goal} | {} |",
                line.name,
                line.rate.median,
                line.ceiling.median,
                100.0 * line.ratio.median,
                100.0 * line.ratio.low,
                100.0 * line.ratio.high,
                line.dispatches,
            );
        }
        if let Some(host) = host {
            let _infallible = writeln!(table, "\n{host}");
        }
        save(path, table);
    }
}
