//! The benchmark as a library: what it times is verified, what it says can be kept and compared.

use ridgepoint::bench::{self, Comparison, Report, Settings, Suite};
use ridgepoint::run::{Adapter, Options};
use ridgepoint::{Device, Result};

fn device() -> Result<Device> {
    Device::open_blocking(Options { adapter: Adapter::Cpu, features: bench::features(), ..Options::default() })
}

fn report(suites: &[Suite], filter: &str) -> Result<Report> {
    let settings = Settings { suites: suites.to_vec(), filter: Some(filter.into()), seconds: 0.1 };
    let mut heard = Vec::new();
    let report = bench::run(&device()?, &settings, &mut |p| heard.push((p.done, p.name.to_owned())))?;
    assert_eq!(heard.len(), report.entries.len() + report.skipped.len());
    Ok(report)
}

#[test]
fn entries_are_positive_and_survive_json() -> Result<()> {
    let report = report(&[Suite::Peaks, Suite::Penalties], "Elastic-NET prox")?;
    assert_eq!(report.entries.len(), 1);
    let prox = &report.entries[0];
    assert_eq!((prox.suite, prox.name.as_str(), prox.dispatches), (Suite::Penalties, "elastic-net prox", 1));
    assert!(
        prox.seconds.low > 0.0 && prox.seconds.low <= prox.seconds.median && prox.seconds.median <= prox.seconds.high
    );
    // one array read, one written
    let elements = 4.0 * 1024.0 * 1024.0;
    assert_eq!(prox.bytes, 8.0 * elements);
    let rate = prox.rate.as_ref().expect("bytes per second");
    assert!((rate.value.median * prox.seconds.median * 1e9 / prox.bytes - 1.0).abs() < 1e-9);
    assert!(prox.ceiling.as_ref().is_some_and(|c| c.name == "copy" && c.share.median > 0.0));
    assert!(prox.cold.is_some_and(|cold| cold > 0.0) && prox.error <= 1.0);
    let text = report.to_json()?;
    assert_eq!(Report::from_json(&text, "a.json")?, report);
    let same = Comparison::of(&report, &report, 0.1);
    assert!(same.slower().chain(same.faster()).next().is_none() && same.notices.is_empty());
    Ok(())
}

#[test]
fn training_gives_steps_host_time_and_memory() -> Result<()> {
    let report = report(&[Suite::Train], "mlp")?;
    let mlp = report.entries.first().expect("the perceptron");
    assert!(mlp.host.is_some_and(|host| host > 0.0 && host <= mlp.seconds.high));
    // forward, and backward to all weights and to the inputs of two layers
    let forward = 2.0 * 256.0 * (784 * 512 + 512 * 512 + 512 * 10) as f64;
    assert!((2.0 * forward..3.0 * forward).contains(&mlp.flops), "{}", mlp.flops);
    assert!(mlp.ceiling.as_ref().is_some_and(|c| c.share.median > 0.0), "timed beside multiply-adds");
    // six parameters of 670,000 numbers, their gradients, two averages of each: at least 4 x 2.7 MB
    assert!(mlp.memory.is_some_and(|bytes| bytes > 4 * 4 * 669_706), "{:?}", mlp.memory);
    Ok(())
}

#[test]
fn settings_and_files_that_make_no_sense_are_refused() -> Result<()> {
    let device = device()?;
    let refused = |settings: Settings| bench::run(&device, &settings, &mut |_| {}).map(drop).unwrap_err().to_string();
    let nothing = refused(Settings { filter: Some("no such thing".into()), ..Settings::default() });
    assert!(nothing.contains("no such thing") && nothing.contains("softmax"), "{nothing}");
    assert!(refused(Settings { seconds: 0.0, ..Settings::default() }).contains("positive"));
    let tuned = |settings| bench::tune::run(&device, &settings, &mut |_| {}).map(drop).unwrap_err().to_string();
    let unknown = tuned(bench::tune::Settings { routine: Some("mop".into()), seconds: 0.1 });
    assert!(unknown.contains("\"mop\"") && unknown.contains("matmul, vector"), "{unknown}");
    assert!(tuned(bench::tune::Settings { routine: None, seconds: f64::NAN }).contains("positive"));
    let from = |text: &str| Report::from_json(text, "old.json").map(drop).unwrap_err().to_string();
    assert!(from("{}").contains("old.json: this is no report"));
    assert!(from("{\"schema\": 99}").contains("schema 99, this version reads 1"));
    assert!(from("{\"schema\": 1}").contains("cannot be read"));
    Ok(())
}
