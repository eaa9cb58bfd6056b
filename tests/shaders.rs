//! The WGSL cases of `assets/wgsl` as tests, on the CPU device and on every other adapter.

use libtest_mimic::{Arguments, Failed, Trial};
use ridgepoint::run::Adapter;
use ridgepoint::shader_test::{Case, Outcome, Settings, Target, load};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cases = load(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/wgsl")).expect("the cases can be read");
    let mut trials = Vec::new();
    for summary in ridgepoint::Device::adapters_blocking() {
        let adapter = if summary.backend == "cpu" { Adapter::Cpu } else { Adapter::Named(summary.to_string()) };
        // a device is opened when it is needed; what the sanitizer finds is told apart by running one test at a time
        let target: Arc<Mutex<Option<Target>>> = Arc::default();
        for case in &cases {
            let (case, adapter, target) = (case.clone(), adapter.clone(), target.clone());
            let name = format!("{} ({})", case.name, summary.name);
            trials.push(Trial::test(name, move || one(&case, &adapter, &target)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn one(case: &Case, adapter: &Adapter, target: &Mutex<Option<Target>>) -> Result<(), Failed> {
    let mut target = target.lock().map_err(|_| "another test panicked with the device")?;
    if target.is_none() {
        *target = Some(Target::open(adapter.clone())?);
    }
    let Some(target) = target.as_ref() else { return Err("bug: a device that was opened is not there".into()) };
    let report = case.run(target, Settings::default());
    match &report.outcome {
        Outcome::Passed | Outcome::Skipped(_) => Ok(()),
        Outcome::Failed(message) => Err(format!("{message}\nrepeat: {}", report.repeat()).into()),
    }
}
