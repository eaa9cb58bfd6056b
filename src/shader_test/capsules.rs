//! Capsules of wrong results, computed again.

use super::{Outcome, Settings, Target, load};
use crate::kernel::library::planted::{Plant, plant};
use crate::run::{Adapter, Device, Options};
use crate::tensor::Tensor;
use crate::verify::Divergence;
use std::path::Path;

fn device() -> Device {
    let options = Options { adapter: Adapter::Cpu, ..Options::default() };
    Device::open_blocking(options).expect("the CPU device")
}

fn line(name: &str, from: &str, to: &str) -> Plant {
    Plant { name: name.into(), lines: vec![from.into()], from: from.into(), nth: 0, to: to.into() }
}

/// How the tests in a folder end on the CPU device.
fn replayed(folder: &Path) -> Vec<Outcome> {
    let target = Target::open(Adapter::Cpu).expect("the CPU device");
    let cases = load(folder).expect("a test");
    cases.iter().map(|case| case.run(&target, Settings::default()).outcome).collect()
}

/// The capsule of a graph that a wrong line spoils fails when it is computed again, and passes with the right line.
fn captured(name: &str, from: &str, to: &str, graph: impl Fn(&Device) -> Tensor) -> Divergence {
    let device = device();
    let (report, _) = plant(line(name, from, to), || device.verify_blocking(&[&graph(&device)]).expect("a report"));
    let divergence = report.divergence.expect("a wrong result");
    let capsule = divergence.capsule.clone().expect("a capsule");
    let folder = std::env::temp_dir().join(format!("ridgepoint {} {}", std::process::id(), capsule.name()));
    let file = capsule.write(&folder).expect("a folder for temporary files");
    let text = std::fs::read_to_string(&file).expect("the test");
    assert!(text.contains(device.name()) && text.contains("failed: element"), "{text}");
    let outcomes = replayed(&folder);
    assert!(matches!(&outcomes[..], [Outcome::Failed(why)] if why.contains("not as expected")), "{outcomes:?}\n{text}");
    let mut mended = 0;
    for (file, bytes) in capsule.files().iter().filter(|(file, _)| file.ends_with(".wgsl")) {
        let text = String::from_utf8(bytes.clone()).expect("WGSL is text");
        mended += text.matches(to).count();
        std::fs::write(folder.join(file), text.replace(to, from)).expect("as above");
    }
    assert!(mended > 0, "the wrong line is in none of the shaders");
    assert_eq!(replayed(&folder), [Outcome::Passed], "{text}");
    std::fs::remove_dir_all(&folder).expect("made above");
    divergence
}

fn ramp(device: &Device, shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    let data: Vec<f32> = (0..n).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect();
    device.tensor(&data, shape)
}

#[test]
fn a_wrong_function_is_replayed_from_its_capsule() {
    let (from, to) = ("return 1.0 + (r + r * r * q);", "return 1.25 + (r + r * r * q);");
    let found = captured("special_exp_core", from, to, |device| ramp(device, &[300]).mul(0.5).exp().sum_all());
    assert_eq!(found.op, "exp");
    assert!(!found.fused_only);
}

#[test]
fn several_dispatches_are_replayed_in_order() {
    let (from, to) = (
        "f[values + place] = select(keys[key + column] * scale, bits_nan(), broken);",
        "f[values + place] = select(keys[key + column] * 1.5, bits_nan(), broken);",
    );
    let found = captured("main", from, to, |device| ramp(device, &[5, 5]).eigh().0);
    let capsule = found.capsule.expect("a capsule");
    assert!(capsule.files().iter().filter(|(file, _)| file.ends_with(".wgsl")).count() > 1);
}

#[test]
fn narrow_results_are_replayed_as_what_they_are() {
    let (from, to) = ("let sign = (bits >> 16u) & 0x8000u;", "let sign = (bits >> 15u) & 0x8000u;");
    captured("bits_to_f16", from, to, |device| ramp(device, &[33]).cast(crate::dtype::DType::F16));
}

#[test]
fn what_is_right_has_no_capsule() {
    let device = device();
    let report = device.verify_blocking(&[&ramp(&device, &[20]).exp()]).expect("a report");
    assert!(report.passed() && report.divergence.is_none());
}
