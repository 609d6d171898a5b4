//! `farthing statement`: what moved in a wallet over a period.

use super::ask::{Server, deliver};
use crate::failure::Failure;
use clap::Parser;
use std::path::PathBuf;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing statement wal_… --asset EUR --from 2026-03-01T00:00:00Z --until 2026-04-01T00:00:00Z
  farthing statement wal_… --asset EUR --from … --until … --form html --lang de --out march.html

Exit codes: 0 done; 1 it could not be had, and the message says what to do; 2 the command line is
  wrong.";

/// Fetch a wallet's statement over a period
///
/// Asks a running server: opening balance, every movement with the balance after it, closing
/// balance, to the atom.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Which wallet
    wallet: String,
    /// In which asset, such as EUR
    #[arg(long)]
    asset: String,
    /// Not before, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Before
    #[arg(long, value_name = "TIME")]
    until: String,
    /// In which form
    #[arg(long, value_enum, default_value = "csv")]
    form: Form,
    /// The language of the labels: en, ko, ja, de or fr
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: String,
    /// Where to write it; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    Json,
    Html,
    Csv,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let accept = match args.form {
        Form::Json => "application/json",
        Form::Html => "text/html",
        Form::Csv => "text/csv",
    };
    let fields = [
        ("wallet", &args.wallet),
        ("asset", &args.asset),
        ("from", &args.from),
        ("until", &args.until),
        ("lang", &args.lang),
    ];
    let query: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    let path = format!("/v1/statements?{}", query.join("&"));
    let bytes = args.server.ask("GET", &path, accept, None, None)?;
    deliver(&bytes, args.out.as_deref())
}

/// A value as a query string takes it.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b':' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_add_to_the_query() {
        assert_eq!(
            escaped("2026-03-01T00:00:00+09:00"),
            "2026-03-01T00:00:00%2B09:00"
        );
        assert_eq!(escaped("EUR&lang=ko#ü"), "EUR%26lang%3Dko%23%C3%BC");
    }
}
