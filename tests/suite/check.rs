//! The table of `ridgepoint check` and a first stretch of random graphs, on the best adapter.

use ridgepoint::Device;
use ridgepoint::check::{Outcome, Report, Settings, random, run_blocking};

fn device() -> Device {
    let device = Device::open_blocking(Default::default()).expect("an adapter (on Debian: mesa-vulkan-drivers)");
    println!("checked on {}", device.name());
    device
}

fn assert_passed(report: &Report) {
    let failures: Vec<String> = report.failures().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), report.outcomes.len(), failures.join("\n"));
    assert!(report.passed());
}

#[test]
fn every_case_and_law_passes() {
    assert_passed(&run_blocking(&device(), &Settings::default(), &mut |_| {}));
}

/// A thousand graphs from a seed on.
fn graphs(first: u64) {
    let settings = Settings { filter: Some(random::NAME.into()), seed: first, random_graphs: 1000 };
    let report = run_blocking(&device(), &settings, &mut |_| {});
    assert_passed(&report);
    let count = |f: fn(&Outcome) -> usize| report.outcomes.iter().map(f).sum::<usize>();
    let unknown = count(|o| o.verdict.as_ref().map_or(0, |v| v.unknown));
    let elements = count(|o| o.verdict.as_ref().map_or(0, |v| v.elements));
    assert!(unknown * 20 < elements, "the reference promises nothing of {unknown} of {elements} elements");
}

#[test]
fn the_first_thousand_random_graphs_agree_with_the_reference() {
    graphs(0);
}

#[test]
fn the_second_thousand_random_graphs_agree_with_the_reference() {
    graphs(1000);
}
