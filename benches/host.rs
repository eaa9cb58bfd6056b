//! What the host pays: for a step of a loop of constant structure, built anew as tensors (hash the graph, find the plan, bind,
//! record, submit) or replayed as a captured program; and from the start of a process to its first product of matrices.
//!
//! The device's own work is waited for outside of the measured time of a step. Run with `cargo bench --bench host`; `--bench
//! host -- cold` gives the first products alone.

use ridgepoint::run::{Adapter, Options, Stats};
use ridgepoint::{Device, Tensor};
use std::process::Command;
use std::time::{Duration, Instant};

/// Steps before measuring, and measured.
const WARM_UP: usize = 20;
const STEPS: usize = 200;

/// Times of the two halves of a step.
struct Times {
    build: Vec<Duration>,
    run: Vec<Duration>,
}

/// Least and median, in microseconds.
fn summary(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |ix: usize| times[ix].as_secs_f64() * 1e6;
    format!("{:.0} .. {:.0} us", at(0), at(times.len() / 2))
}

/// Repeats `step`, which builds the next state from the last and a number that changes.
fn repeat(
    device: &Device,
    mut state: Vec<Tensor>,
    step: impl Fn(&[Tensor], f64) -> Vec<Tensor>,
) -> (Times, Stats, Stats) {
    let mut times = Times { build: Vec::new(), run: Vec::new() };
    let mut settled = device.stats();
    for ix in 0..WARM_UP + STEPS {
        if ix == WARM_UP {
            settled = device.stats();
            times = Times { build: Vec::new(), run: Vec::new() };
        }
        let start = Instant::now();
        let next = step(&state, 1.0 / (ix + 1) as f64);
        let built = Instant::now();
        device.eval(&next.iter().collect::<Vec<_>>()).expect("runs");
        state = next.iter().map(|t| t.leaf().expect("computed")).collect();
        drop(next);
        times.build.push(built - start);
        times.run.push(built.elapsed());
        // let the device catch up: its threads would compete with the host's where it is a software adapter
        device.wait_blocking().expect("runs");
    }
    (times, settled, device.stats())
}

/// The same loop as a captured program.
fn replay(device: &Device, start: &Tensor, step: impl Fn(&Tensor, &Tensor) -> Tensor) -> (Times, Stats, Stats) {
    let rate = device.scalar(1.0);
    let next = step(start, &rate);
    let mut program = device.capture().state("x", start, &next).input("rate", &rate).build().expect("captures");
    let mut times = Times { build: Vec::new(), run: Vec::new() };
    let mut settled = device.stats();
    for ix in 0..WARM_UP + STEPS {
        if ix == WARM_UP {
            settled = device.stats();
            times = Times { build: Vec::new(), run: Vec::new() };
        }
        let start = Instant::now();
        program.set("rate", 1.0 / (ix + 1) as f64).expect("a number");
        let set = Instant::now();
        program.run().expect("runs");
        times.build.push(set - start);
        times.run.push(set.elapsed());
        device.wait_blocking().expect("runs");
    }
    (times, settled, device.stats())
}

/// Processes to time from their start.
const STARTS: usize = 9;

/// What a process that has just started does: the first product, read back. Prints the seconds since `main` began.
fn first_product(adapter: &str) {
    let start = Instant::now();
    let options = Options { adapter: Adapter::Named(adapter.into()), ..Options::default() };
    let device = Device::open_blocking(options).expect("the adapter is there");
    let opened = start.elapsed().as_secs_f64();
    let data: Vec<f32> = (0..512 * 512).map(|i| (i % 7) as f32).collect();
    let (a, b) = (device.tensor(&data, [512, 512]), device.tensor(&data, [512, 512]));
    let product = a.matmul(&b);
    device.prewarm(&[&product], 1).expect("compiles");
    let warmed = start.elapsed().as_secs_f64();
    let values = product.read_blocking::<f32>().expect("computes");
    assert!(values.iter().all(|v| v.is_finite()));
    println!("{opened} {warmed} {}", start.elapsed().as_secs_f64());
}

/// Medians of the phases of fresh processes, in milliseconds.
fn cold() {
    let program = std::env::current_exe().expect("a program knows itself");
    for adapter in Device::adapters_blocking() {
        let mut phases = vec![Vec::new(); 4];
        for _ in 0..STARTS {
            let start = Instant::now();
            let output = Command::new(&program).args(["first", &adapter.to_string()]).output().expect("starts");
            let whole = start.elapsed().as_secs_f64();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).expect("text");
            let marks: Vec<f64> = text.split_whitespace().map(|w| w.parse().expect("a number")).collect();
            phases[0].push(marks[0]);
            phases[1].push(marks[1] - marks[0]);
            phases[2].push(marks[2] - marks[1]);
            phases[3].push(whole);
        }
        let medians: Vec<f64> = phases
            .iter_mut()
            .map(|p| {
                p.sort_by(f64::total_cmp);
                p[p.len() / 2] * 1e3
            })
            .collect();
        println!(
            "{adapter}: first 512x512 product: open {:.0} ms, plan and pipelines {:.0} ms, run and read {:.0} ms; process \
             from start to end {:.0} ms",
            medians[0], medians[1], medians[2], medians[3]
        );
    }
}

fn report(name: &str, (mut times, before, after): (Times, Stats, Stats)) {
    let steps = STEPS as u64;
    println!(
        "{name}: build {}, run {} (least .. median); per step {} dispatches; in {STEPS} steps {} pipelines, {} bind groups, {} plans made",
        summary(&mut times.build),
        summary(&mut times.run),
        (after.dispatches - before.dispatches) / steps,
        after.pipelines - before.pipelines,
        after.bind_groups - before.bind_groups,
        after.plan_misses - before.plan_misses,
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["first", adapter] => return first_product(adapter),
        ["cold", ..] => return cold(),
        _ => {}
    }
    let device = Device::open_blocking(Options::default()).expect("an adapter");
    println!("{} ({}, {})", device.name(), device.info().backend, device.info().driver);
    let data: Vec<f32> = (0..1 << 16).map(|i| i as f32).collect();
    for stages in [1, 5, 20] {
        let start = vec![device.tensor(&data, [1 << 16])];
        let chain = |state: &[Tensor], rate: f64| {
            let mut x = state[0].clone();
            for _ in 0..stages {
                x = (&x - x.sum(0)) * rate;
            }
            vec![x]
        };
        report(&format!("{stages} centred stages"), repeat(&device, start.clone(), chain));
        let same = |state: &Tensor, rate: &Tensor| {
            let mut x = state.clone();
            for _ in 0..stages {
                x = (&x - x.sum(0)) * rate;
            }
            x
        };
        report(&format!("{stages} centred stages, replayed"), replay(&device, &start[0], same));
    }
    cold();
}
