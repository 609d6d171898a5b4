//! Standard output, for commands whose reader may go away: `farthing tax rates | head -1` ends quietly.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Writes to standard output. A reader who has seen enough is no failure, and what is left goes nowhere;
/// anything else ends the process, for who reads half an answer must not take it for the whole.
pub fn write(words: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let written = out.write_fmt(words).and_then(|()| out.flush());
    if let Err(error) = written.or_else(quiet) {
        eprintln!("farthing: standard output: {error}");
        std::process::exit(1);
    }
}

/// A closed pipe is no failure.
pub fn quiet(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
    }
}

/// `print!`, by [`write`].
macro_rules! out {
    ($($words:tt)*) => { $crate::out::write(format_args!($($words)*)) };
}

/// `println!`, by [`write`].
macro_rules! outln {
    ($($words:tt)*) => {{
        $crate::out::write(format_args!($($words)*));
        $crate::out::write(format_args!("\n"));
    }};
}
