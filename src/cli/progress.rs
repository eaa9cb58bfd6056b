//! A progress bar for work that takes its time.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// A bar on the terminal, once the work has taken a second; where there is none, a line now and then.
pub struct Progress {
    bar: Option<ProgressBar>,
    shown: bool,
    since: Instant,
    /// When the last line was written.
    line: Instant,
}

/// Between two lines: short work has none, and a log of minutes is short.
const EVERY: Duration = Duration::from_secs(20);

impl Progress {
    /// Not shown yet.
    pub fn new() -> Progress {
        let now = Instant::now();
        Progress { bar: None, shown: std::io::stderr().is_terminal(), since: now, line: now }
    }

    /// `done` of `of` things; `what` they are.
    pub fn set(&mut self, done: u64, of: u64, what: &str) {
        if !self.shown {
            if self.line.elapsed() >= EVERY {
                self.line = Instant::now();
                eprintln!("{done} of {of} after {} s: {what}", self.since.elapsed().as_secs());
            }
            return;
        }
        if self.since.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg:>22} [{wide_bar}] {pos}/{len} {elapsed}");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style.progress_chars("=> ")))
        });
        bar.set_length(of);
        bar.set_position(done);
        bar.set_message(what.to_string());
    }

    /// Takes it off the terminal.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
