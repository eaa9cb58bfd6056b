//! Two reports: what has become slower or faster, beyond what the machine does by itself.

use super::report::{Entry, Report};

/// What has become of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Name and size.
    pub name: String,
    /// Seconds before.
    pub before: f64,
    /// Seconds now.
    pub after: f64,
    /// How many times as long it takes now.
    pub ratio: f64,
    /// The verdict.
    pub verdict: Verdict,
}

/// What a difference is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the threshold, or within what the samples leave open.
    Same,
    /// Significantly faster.
    Faster,
    /// Significantly slower: a regression.
    Slower,
}

/// Two reports beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Entries of both, in the order of the new one.
    pub changes: Vec<Change>,
    /// Entries of only one of them.
    pub unmatched: usize,
    /// What makes the comparison doubtful: another machine, driver, version or clock.
    pub notices: Vec<String>,
}

impl Comparison {
    /// A difference counts if all of this holds:
    ///
    /// - the times differ by more than `threshold` (0.1 is a tenth);
    /// - the 95 % intervals of the two medians do not overlap;
    /// - where both entries have a ceiling, that was timed alternately with them: their shares of it differ by more than
    ///   half the threshold to the same side, and the intervals of the shares do not overlap. What slows everything, a
    ///   busy or a hot machine, is no regression of the entry. Peaks and latencies have no ceiling: for them a busy machine
    ///   counts as a difference.
    #[must_use]
    pub fn of(before: &Report, after: &Report, threshold: f64) -> Comparison {
        let same = |e: &Entry, f: &Entry| e.suite == f.suite && e.name == f.name && e.size == f.size;
        let changes: Vec<Change> = after
            .entries
            .iter()
            .filter_map(|new| Some(change(before.entries.iter().find(|old| same(old, new))?, new, threshold)))
            .collect();
        let unmatched = before.entries.len() + after.entries.len() - 2 * changes.len();
        let mut notices = Vec::new();
        let mut differ = |what: &str, a: &str, b: &str| {
            if a != b {
                notices.push(format!("another {what}: {a} before, {b} now"));
            }
        };
        differ("adapter", &before.adapter.name, &after.adapter.name);
        differ("backend", &before.adapter.backend, &after.adapter.backend);
        differ("driver", &before.adapter.driver, &after.adapter.driver);
        differ("number of processors", &before.adapter.threads.to_string(), &after.adapter.threads.to_string());
        differ("version of ridgepoint", &before.version, &after.version);
        differ("clock", &format!("{:?}", before.clock), &format!("{:?}", after.clock));
        Comparison { changes, unmatched, notices }
    }

    /// The regressions.
    pub fn slower(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|c| c.verdict == Verdict::Slower)
    }

    /// The improvements.
    pub fn faster(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|c| c.verdict == Verdict::Faster)
    }
}

fn change(old: &Entry, new: &Entry, threshold: f64) -> Change {
    let ratio = new.seconds.median / old.seconds.median;
    let slower = ratio > 1.0 + threshold && new.seconds.low > old.seconds.high;
    let faster = ratio < 1.0 / (1.0 + threshold) && new.seconds.high < old.seconds.low;
    let (less, more) = match (&old.ceiling, &new.ceiling) {
        (Some(old), Some(new)) => {
            let change = new.share.median / old.share.median;
            let half = 1.0 + threshold / 2.0;
            (change < 1.0 / half && new.share.high < old.share.low, change > half && new.share.low > old.share.high)
        }
        _ => (true, true),
    };
    let verdict = match () {
        () if slower && less => Verdict::Slower,
        () if faster && more => Verdict::Faster,
        () => Verdict::Same,
    };
    let name = if new.size.is_empty() { new.name.clone() } else { format!("{} {}", new.name, new.size) };
    Change { name, before: old.seconds.median, after: new.seconds.median, ratio, verdict }
}

#[cfg(test)]
mod tests {
    use super::super::report::{Adapter, Ceiling, Entry, Rate, Report, SCHEMA, Source, Suite};
    use super::super::sample::Summary;
    use super::*;

    /// `share`: of the ceiling beside it, which a slower machine slows as well.
    fn entry(name: &str, seconds: f64, spread: f64, share: f64) -> Entry {
        let around = |x: f64| Summary { median: x, low: x * (1.0 - spread), high: x * (1.0 + spread), samples: 20 };
        Entry {
            suite: Suite::Ops,
            name: name.into(),
            size: "8".into(),
            seconds: around(seconds),
            rate: Some(Rate { unit: "GB/s".into(), value: around(1.0 / seconds) }),
            bytes: 1e9,
            flops: 0.0,
            x: None,
            ceiling: Some(Ceiling { name: "copy".into(), rate: 1.0, share: around(share) }),
            dispatches: 1,
            cold: None,
            host: None,
            memory: None,
            error: 0.5,
            notes: Vec::new(),
        }
    }

    fn report(entries: Vec<Entry>) -> Report {
        let adapter =
            Adapter { name: "a".into(), backend: "b".into(), driver: "c".into(), kind: "d".into(), threads: 2 };
        Report {
            schema: SCHEMA,
            version: "1".into(),
            unix_seconds: 0,
            date: String::new(),
            adapter,
            clock: Source::Host,
            entries,
            skipped: Vec::new(),
        }
    }

    #[test]
    fn a_fifth_slower_is_reported_and_a_slower_machine_is_not() {
        let before = report(vec![
            entry("slowed", 1.0, 0.03, 0.9),
            entry("machine", 1.0, 0.03, 0.9),
            entry("noise", 1.0, 0.15, 0.9),
            entry("better", 1.0, 0.03, 0.5),
            entry("gone", 1.0, 0.03, 0.9),
        ]);
        let mut after = report(vec![
            entry("slowed", 1.2, 0.03, 0.75),
            entry("machine", 1.2, 0.03, 0.9),
            entry("noise", 1.2, 0.15, 0.75),
            entry("better", 0.6, 0.03, 0.83),
            entry("new", 1.0, 0.03, 0.9),
        ]);
        after.adapter.driver = "e".into();
        let found = Comparison::of(&before, &after, 0.1);
        assert_eq!(found.slower().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["slowed 8"]);
        assert_eq!(found.faster().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["better 8"]);
        assert_eq!((found.changes.len(), found.unmatched), (4, 2));
        assert_eq!(found.notices, ["another driver: c before, e now"]);
    }

    #[test]
    fn without_a_ceiling_the_times_decide() {
        let bare = |seconds| report(vec![Entry { ceiling: None, ..entry("dispatch", seconds, 0.02, 1.0) }]);
        assert_eq!(Comparison::of(&bare(1.0), &bare(1.3), 0.1).slower().count(), 1);
        assert_eq!(Comparison::of(&bare(1.0), &bare(1.3), 0.4).slower().count(), 0);
    }
}
