//! Whether `--compare` tells what it should: a kernel slowed on purpose by a fifth is a regression, the same kernel again is
//! none. On every adapter; run with `cargo bench --bench compare`, on a machine that does nothing else.
//!
//! The kernel is a chain of multiply-adds over numbers that fit a cache, with 500 of them, the same again, and with 600: what is not multiply-adds is small beside them.

use ridgepoint::bench::{self, Comparison, Input, Output, Report, Settings, Work};
use ridgepoint::run::{Adapter, Options};
use ridgepoint::{Device, Error, Result};

/// `x <- x * 0.99 + 0.01`, so many times, over a mebibyte.
fn chain(length: usize) -> Work {
    let inputs = vec![Input::real(&[64, 4096], Some(0))];
    let elements = 64 * 4096;
    let work = Work::new("chain", inputs, elements, vec![Output::Along(0)], move |x| {
        vec![(0..length).fold(x[0].clone(), |x, _| x * 0.99 + 0.01)]
    });
    // beside multiply-adds; of the same count for all, which stand for one entry before and after
    Work { computes: true, ..work }.ops(1000.0)
}

/// On a device opened for it, as by a process of its own.
fn report(adapter: &str, length: usize) -> Result<Report> {
    let adapter = Adapter::Named(adapter.to_owned());
    let options = Options { adapter, features: bench::features(), ..Options::default() };
    let settings = Settings { seconds: 3.0, ..Settings::default() };
    bench::run_works(&Device::open_blocking(options)?, &settings, vec![chain(length)], &mut |_| {})
}

fn main() -> Result<()> {
    let mut wrong = 0;
    for adapter in Device::adapters_blocking() {
        let name = adapter.to_string();
        // whatever comes first finds the machine cold
        report(&name, 500)?;
        let (before, again, slower) = (report(&name, 500)?, report(&name, 500)?, report(&name, 600)?);
        for (what, after, regressions) in [("the same", &again, 0), ("600 for 500", &slower, 1)] {
            let found = Comparison::of(&before, after, 0.1);
            let change = &found.changes[0];
            println!("{name}: {what}: {:.3} times as long, {:?}", change.ratio, change.verdict);
            wrong += usize::from(found.slower().count() != regressions || found.faster().next().is_some());
        }
    }
    match wrong {
        0 => Ok(()),
        _ => {
            Err(Error::input("compare", format!("{wrong} verdicts are not what they should be"), "on an idle machine?"))
        }
    }
}
