//! Progress: a bar on a terminal, a plain line now and then elsewhere, nothing with `--json`.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows how far long work has come, on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    what: &'static str,
    last: Instant,
}

impl Progress {
    /// Starts; `total` is 0 where it is not known, `quiet` shows nothing.
    pub fn new(what: &'static str, total: u64, quiet: bool) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let (bar, style) = if total > 0 {
                (
                    ProgressBar::new(total),
                    "{msg} [{bar:32}] {human_pos}/{human_len} {per_sec} {eta}",
                )
            } else {
                (
                    ProgressBar::new_spinner(),
                    "{spinner} {msg} {human_pos} {per_sec}",
                )
            };
            let style = ProgressStyle::with_template(style);
            bar.set_style(style.expect("the template is a constant that parses"));
            bar.set_message(what);
            bar
        });
        Progress {
            bar,
            plain: !terminal && !quiet,
            what,
            last: Instant::now(),
        }
    }

    /// So far.
    pub fn at(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.plain && self.last.elapsed() > Duration::from_secs(5) {
            self.last = Instant::now();
            eprintln!("{}: {done}", self.what);
        }
    }

    /// Done: the bar goes away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
