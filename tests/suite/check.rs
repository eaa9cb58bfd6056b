//! The table of `ridgepoint check` and a first stretch of random graphs, on every adapter.

use ridgepoint::check::{Outcome, Report, Settings, random, run_blocking};
use ridgepoint::reference::tol;
use ridgepoint::run::Kernels;
use ridgepoint::{DType, Device};

fn device() -> Device {
    let device = Device::open_blocking(Default::default()).expect("the CPU device at least");
    println!("checked on {}", device.name());
    device
}

pub fn assert_passed(report: &Report) {
    let failures: Vec<String> = report.failures().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), report.outcomes.len(), failures.join("\n"));
    assert!(report.passed());
}

#[test]
fn every_case_and_law_passes_on_every_adapter() {
    for device in crate::devices(Kernels::Auto) {
        assert_passed(&run_blocking(&device, &Settings::default(), &mut |_| {}));
    }
}

/// A thousand graphs from a seed on, on every adapter.
fn graphs(first: u64) {
    let settings =
        Settings { filter: Some(random::NAME.into()), seed: first, random_graphs: 1000, ..Settings::default() };
    for device in crate::devices(Kernels::Auto) {
        let report = run_blocking(&device, &settings, &mut |_| {});
        assert_passed(&report);
        let count = |f: fn(&Outcome) -> usize| report.outcomes.iter().map(f).sum::<usize>();
        let unknown = count(|o| o.verdict.as_ref().map_or(0, |v| v.unknown));
        let elements = count(|o| o.verdict.as_ref().map_or(0, |v| v.elements));
        assert!(unknown * 20 < elements, "the reference promises nothing of {unknown} of {elements} elements");
    }
}

#[test]
fn the_first_thousand_random_graphs_agree_with_the_reference() {
    graphs(0);
}

#[test]
fn the_second_thousand_random_graphs_agree_with_the_reference() {
    graphs(1000);
}

/// More groups than one dimension of a dispatch takes, of four elements a lane and of one, and a remainder.
#[test]
fn seventeen_million_elements_are_all_there() {
    let device = device();
    let n = 65_536 * 256 + 3;
    let threefold = device.iota(n, DType::U32).mul(3u32).add(1u32).read_blocking::<u32>().unwrap();
    assert_eq!(threefold.len(), n);
    assert!(threefold.iter().enumerate().all(|(i, &y)| y == 3 * i as u32 + 1));
    let side = 4_099;
    let square = device.iota(side * side, DType::U32).reshape([side, side]);
    let turned = square.t().add(square.flip(0).pick(0, side - 1).unsqueeze(1)).read_blocking::<u32>().unwrap();
    assert!(turned.iter().enumerate().all(|(i, &y)| {
        let (row, column) = (i / side, i % side);
        y as usize == column * side + row + row
    }));
}

/// A running sum in `f32` stands still at 2^24; the contract on the depth of sums does not allow that.
#[test]
fn a_hundred_million_equal_numbers_add_up() {
    let n = 100_000_000;
    let sum = device().full([n], 1.0, DType::F32).sum_all().item_blocking::<f32>().unwrap();
    let bound = tol::sum_depth(n) * tol::ULP * n as f64;
    assert!((f64::from(sum) - n as f64).abs() <= bound, "{sum}");
}
