//! The town as it is watched: a few lines on a terminal, a plain line now and then elsewhere,
//! nothing with `--json`.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often the last act is shown: each for long enough to be read.
const ACT_SHOWN: Duration = Duration::from_millis(120);
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Shows how far the town is, on standard error.
pub struct Screen {
    lines: Option<Lines>,
    plain: bool,
    last: Instant,
    /// Since when they pay.
    since: Instant,
}

struct Lines {
    bar: ProgressBar,
    counts: ProgressBar,
    act: ProgressBar,
    act_at: Instant,
}

impl Screen {
    pub fn new(acts: u64, quiet: bool) -> Screen {
        let terminal = std::io::stderr().is_terminal();
        let lines = (terminal && !quiet).then(|| {
            let all = MultiProgress::new();
            let line = |bar: ProgressBar, template: &str| {
                let style = ProgressStyle::with_template(template);
                bar.set_style(style.expect("the template is a constant that parses"));
                all.add(bar)
            };
            Lines {
                bar: line(
                    ProgressBar::new(acts),
                    "{msg:15} [{bar:32}] {human_pos}/{human_len}",
                ),
                counts: line(ProgressBar::new(0), "  {msg}"),
                act: line(ProgressBar::new(0), "  {wide_msg}"),
                act_at: Instant::now(),
            }
        });
        let now = Instant::now();
        Screen {
            lines,
            plain: !terminal && !quiet,
            last: now,
            since: now,
        }
    }

    /// What is going on.
    pub fn says(&mut self, what: &'static str) {
        self.since = Instant::now();
        match &self.lines {
            Some(lines) => lines.bar.set_message(what),
            None if self.plain => eprintln!("simulated town: {what}"),
            None => {}
        }
    }

    /// What somebody just did.
    pub fn act(&mut self, words: &str) {
        if let Some(lines) = &mut self.lines
            && lines.act_at.elapsed() > ACT_SHOWN
        {
            lines.act_at = Instant::now();
            lines.act.set_message(words.to_owned());
        }
    }

    /// So far.
    pub fn at(&mut self, paid: u64, refused: u64, refunds: u64, earned: &str) {
        if let Some(lines) = &self.lines {
            // Who is refused and then pays has done one thing and is counted twice.
            let done = paid + refused + refunds;
            lines
                .bar
                .set_position(done.min(lines.bar.length().unwrap_or(done)));
            let ms = self.since.elapsed().as_millis().max(1);
            let rate = u128::from(paid) * 1_000 / ms;
            lines.counts.set_message(format!(
                "{paid} paid, {rate}/s; {refused} refused, {refunds} given back; \
                 {earned} earned (simulated)"
            ));
        } else if self.plain && self.last.elapsed() > PLAIN_EVERY {
            self.last = Instant::now();
            eprintln!("simulated town: {paid} paid, {refused} refused, {refunds} given back");
        }
    }

    /// Done: the lines go away.
    pub fn finish(&self) {
        if let Some(lines) = &self.lines {
            for line in [&lines.act, &lines.counts, &lines.bar] {
                line.finish_and_clear();
            }
        }
    }
}
