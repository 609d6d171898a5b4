//! The command: `farthing demo | serve | replay | bench | verify | explain | backup | restore | keys
//! | packs | prices | briefs | simulate | tax | invoice | statement | gate | pay`.
//!
//! Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the command line is
//! wrong; 3 something checked is not right (`verify`, `packs check`, `prices check`, `tax`); 70 the node stopped because a
//! commit failed or a part of it panicked.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
mod out;

mod bench;
mod bootstrap;
mod commands;
mod config;
mod demo;
mod environment;
mod failure;
mod folder;
mod progress;
mod rare;
mod serving;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A self-hosted micropayment platform: every payment is priced, taxed, checked, split and posted
/// to a double-entry ledger in one step, durable before it is acknowledged.
#[derive(Parser)]
#[command(
    name = "farthing",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Each command's --help says what it does, with examples and its exit codes."
)]
struct Cli {
    /// What is logged, e.g. `info`, `warn` or `node=debug`.
    #[arg(
        long,
        global = true,
        env = "FARTHING_LOG_LEVEL",
        default_value = "warn"
    )]
    log_level: String,
    /// Log as JSON, one event a line.
    #[arg(long, global = true, env = "FARTHING_LOG_JSON")]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

// Each is documented at its `Args`: words here would stand in place of those.
#[derive(Subcommand)]
enum Command {
    Demo(commands::demo::Args),
    Serve(commands::serve::Args),
    Replay(commands::replay::Args),
    Bench(commands::bench::Args),
    Verify(commands::verify::Args),
    Explain(commands::explain::Args),
    Backup(commands::backup::Args),
    Restore(commands::restore::Args),
    Keys(commands::keys::Args),
    Packs(commands::packs::Args),
    Prices(commands::prices::Args),
    Briefs(commands::briefs::Args),
    Simulate(commands::simulate::Args),
    Tax(commands::tax::Args),
    Invoice(commands::invoice::Args),
    Statement(commands::statement::Args),
    Gate(commands::gate::Args),
    Pay(commands::pay::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(words) = environment::require_known() {
        eprintln!("farthing: {words}");
        return ExitCode::from(2);
    }
    if let Err(error) = log_to_stderr(&cli.log_level, cli.log_json) {
        eprintln!("farthing: --log-level: {error}");
        return ExitCode::from(2);
    }
    let result = match cli.command {
        Command::Demo(args) => commands::demo::run(args),
        Command::Serve(args) => commands::serve::run(args),
        Command::Replay(args) => commands::replay::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Keys(args) => commands::keys::run(args),
        Command::Packs(args) => commands::packs::run(&args),
        Command::Prices(args) => commands::prices::run(&args),
        Command::Briefs(args) => commands::briefs::run(args),
        Command::Simulate(args) => commands::simulate::run(&args),
        Command::Tax(args) => commands::tax::run(&args),
        Command::Invoice(args) => commands::invoice::run(&args),
        Command::Statement(args) => commands::statement::run(&args),
        Command::Gate(args) => commands::gate::run(args),
        Command::Pay(args) => commands::pay::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("farthing: {}", failure.words());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn log_to_stderr(level: &str, json: bool) -> Result<(), String> {
    use std::io::IsTerminal;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::{Layer, SubscriberExt};
    use tracing_subscriber::util::SubscriberInitExt;
    // A lone word that is no level would be taken for the name of a crate, and nothing be logged.
    let is_known = |part: &&str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    if let Some(word) = level.split(',').map(str::trim).find(|part| !is_known(part)) {
        return Err(format!(
            "\"{word}\" is no level: off, error, warn, info, debug, trace, or node=debug for one part"
        ));
    }
    let targets: Targets = level.parse().map_err(|error| format!("{level}: {error}"))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let layer = if json {
        lines.json().boxed()
    } else {
        lines.boxed()
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .init();
    Ok(())
}
