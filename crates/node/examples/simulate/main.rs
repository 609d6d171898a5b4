//! The simulation: seeded lives of a node with injected faults, judged by a naive oracle.
//!
//! ```text
//! cargo run --release -p node --example simulate -- --commands 10000000 [--seed N] [--json]
//! cargo run --release -p node --example simulate -- --seed N --life L [--serial]
//! ```
//!
//! The same seed makes the same commands and plans the same faults. How the node's threads cut the
//! commands into batches differs from run to run, and with it where a fault strikes; no check
//! depends on that. With `--serial` every command is a batch of its own, and a run is the same run.
//!
//! Exit code 0 when node and oracle agree, 1 when not, 3 when the node stopped answering.

mod convert;
mod dice;
mod judge;
mod life;
mod shelf;
mod town;

use life::{Manner, Tally, live, run, seed_of};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Commands a life.
const LIFE: u64 = 25_000;
/// A node that answers nothing for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(120);

struct Args {
    commands: u64,
    seed: u64,
    life: Option<u64>,
    serial: bool,
    json: bool,
}

fn args() -> Result<Args, String> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut args = Args {
        commands: 1_000_000,
        seed: since.as_secs(),
        life: None,
        serial: false,
        json: false,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut number = || -> Result<u64, String> {
            let text = given.next().ok_or(format!("{name} needs a number"))?;
            let plain = text.replace('_', "");
            plain
                .parse()
                .map_err(|_| format!("{name} needs a number, not {text}"))
        };
        match name.as_str() {
            "--commands" => args.commands = number()?,
            "--seed" => args.seed = number()?,
            "--life" => args.life = Some(number()?),
            "--serial" => args.serial = true,
            "--json" => args.json = true,
            other => {
                return Err(format!(
                    "{other} is none of --commands N, --seed N, --life N, --serial, --json"
                ));
            }
        }
    }
    Ok(args)
}

fn again(args: &Args, life: u64) -> String {
    let serial = if args.serial { " --serial" } else { "" };
    let seed = args.seed;
    let commands = args.commands;
    format!(
        "cargo run --release -p node --example simulate -- --commands {commands} --seed {seed} --life {life}{serial}"
    )
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let alive = Arc::new(AtomicU64::new(0));
    watch(&args, alive.clone());
    let manner = Manner {
        serial: args.serial,
        commands: LIFE,
    };
    let start = Instant::now();
    let terminal = std::io::stderr().is_terminal();
    let result = match args.life {
        Some(life) => {
            alive.store(life << 32, SeqCst);
            live(seed_of(args.seed, life), manner, &alive).map_err(|why| (life, why))
        }
        None => run(args.seed, args.commands, manner, &alive, |life, sum| {
            if terminal {
                let (done, of) = (sum.commands, args.commands);
                eprint!("\rlife {life}: {done} of {of} commands ");
                let _ = std::io::stderr().flush();
            }
        }),
    };
    if terminal {
        eprintln!();
    }
    match result {
        Ok(tally) => {
            report(&args, &tally, start.elapsed());
            ExitCode::SUCCESS
        }
        Err((life, why)) => {
            if args.json {
                let seed = args.seed;
                println!("{{\"agree\":false,\"seed\":{seed},\"life\":{life}}}");
            }
            eprintln!("{why}");
            eprintln!("node and oracle differ: seed {}, life {life}", args.seed);
            eprintln!("again: {}", again(&args, life));
            ExitCode::FAILURE
        }
    }
}

/// Ends the process when the node no longer answers.
fn watch(args: &Args, alive: Arc<AtomicU64>) {
    let (seed, serial) = (args.seed, if args.serial { " --serial" } else { "" });
    std::thread::spawn(move || {
        let mut last = (u64::MAX, Instant::now());
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let now = alive.load(SeqCst);
            if now != last.0 {
                last = (now, Instant::now());
            } else if last.1.elapsed() > PATIENCE {
                let life = now >> 32;
                eprintln!("the node no longer answers: seed {seed}, life {life}");
                eprintln!(
                    "again: cargo run --release -p node --example simulate -- --seed {seed} --life {life}{serial}"
                );
                std::process::exit(3);
            }
        }
    });
}

fn report(args: &Args, tally: &Tally, took: Duration) {
    let rate = tally.commands as f64 / took.as_secs_f64().max(1e-9);
    if args.json {
        let answers = tally
            .answers
            .iter()
            .map(|(what, n)| format!("\"{what}\":{n}"));
        println!(
            "{{\"agree\":true,\"seed\":{},\"commands\":{},\"retried\":{},\"had_happened\":{},\"faults\":{},\"restarts\":{},\"snapshots_used\":{},\"clock_jumps\":{},\"events\":{},\"rows\":{},\"seconds\":{:.1},\"commands_per_second\":{:.0},\"answers\":{{{}}}}}",
            args.seed,
            tally.commands,
            tally.retried,
            tally.had_happened,
            tally.faults,
            tally.restarts,
            tally.snapshots_used,
            tally.clock_jumps,
            tally.events,
            tally.rows,
            took.as_secs_f64(),
            rate,
            answers.collect::<Vec<_>>().join(","),
        );
        return;
    }
    println!("node and oracle agree: seed {}", args.seed);
    for (what, count) in [
        ("commands", tally.commands),
        ("asked again after an unknown outcome", tally.retried),
        ("of which had happened", tally.had_happened),
        ("faults planned", tally.faults),
        ("restarts", tally.restarts),
        ("restarts from a snapshot", tally.snapshots_used),
        ("clock jumps", tally.clock_jumps),
        ("events", tally.events),
        ("journal rows", tally.rows),
    ] {
        println!("{count:>12}  {what}");
    }
    println!("answers:");
    for (what, count) in &tally.answers {
        println!("{count:>12}  {what}");
    }
    println!("{:.1} s, {rate:.0} commands/s", took.as_secs_f64());
}
