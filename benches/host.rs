//! What a step of a loop of constant structure costs the host: hash the graph, find the plan, bind, record, submit.
//!
//! The device's own work is waited for outside of the measured time. Run with `cargo bench --bench host`.

use ridgepoint::run::{Options, Stats};
use ridgepoint::{Device, Tensor};
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
        report(&format!("{stages} centred stages"), repeat(&device, start, chain));
    }
}
