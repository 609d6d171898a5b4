//! `bench usage`: usage events over HTTP, a fifth of them sent twice and all of them shuffled, in batches
//! that are each durable before they are answered.
//!
//! - `usage`: `POST /v1/usage`; each event is priced per token, with a fraction carried in its payer's
//!   meter, and paid. Duplicates are recognized and compared. The read model follows; its lag is stated.
//! - `postgres`: the same events in as many rows into a table with a primary key of source and id, by
//!   `INSERT … ON CONFLICT DO NOTHING` from a `COPY` of each batch, one transaction a batch: recognizing
//!   duplicates and nothing else.
//!
//! Both get what was written before the clock started, over as many connections.

use crate::bench::draw::{Pattern, Random, mix};
use crate::bench::durable::WINDOW;
use crate::bench::loopback::{address_of, open_town};
use crate::bench::machine::process_cpu;
use crate::bench::postgres::Postgres;
use crate::bench::price;
use crate::bench::sheet::{Numbers, Sheet};
use crate::bench::town::Town;
use crate::bootstrap::{Ids, must};
use crate::commands::serve::{listen, runtime, serve};
use crate::config::Config;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::serving;
use engine::ids::{PriceId, WalletId};
use money::Asset;
use node::Node;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// With those that are sent again.
    pub events: usize,
    /// In one request.
    pub batch: usize,
    pub connections: usize,
    pub wallets: u64,
    pub rounds: usize,
    pub seed: u64,
    /// Where data are written.
    pub folder: PathBuf,
    pub quiet: bool,
}

/// One event: who pays whom for how many, and its number.
#[derive(Clone, Copy, Debug)]
struct Event {
    number: usize,
    payer: WalletId,
    payee: WalletId,
    quantity: u64,
}

/// Runs it.
///
/// # Errors
/// The server, a connection or PostgreSQL fails, or an event was not charged exactly once.
pub fn run(plan: &Plan) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new("usage", Some(&plan.folder));
    sheet.set("events", plan.events);
    sheet.set("duplicates", plan.events / 5);
    sheet.set("batch", plan.batch);
    sheet.set("connections", plan.connections);
    sheet.set("wallets", plan.wallets);
    sheet.set("rounds", plan.rounds);
    sheet.set("seed", plan.seed);
    sheet.set("price", "per unit, metered, fractions carried");
    sheet.set("read_model", "follows");
    let postgres = match Postgres::start(&plan.folder) {
        Ok(found) => Some(found),
        Err(why) => {
            eprintln!("farthing: nothing to compare with: {why}");
            None
        }
    };
    let version = postgres.as_ref().map_or("none", |found| &found.version);
    sheet.set("postgres", version);
    let mut progress = Progress::new("measurements", plan.rounds as u64, plan.quiet);
    for round in 0..plan.rounds {
        // A fresh node each time: events of another round would all be duplicates.
        let folder = plan.folder.join(format!("usage-{round}"));
        let (found, events) = measure(plan, folder)?;
        let Some(postgres) = &postgres else {
            sheet.round("usage", found);
            continue;
        };
        let rows = events.iter().map(row);
        let rows: Vec<String> = rows.collect();
        let batches: Vec<&[String]> = rows.chunks(plan.batch).collect();
        let (took, kept) = postgres.insert(&batches, plan.connections)?;
        let unique = plan.events - plan.events / 5;
        if kept != unique {
            let words = format!("PostgreSQL kept {kept} of {unique} events");
            return Err(Failure::said(words));
        }
        let bare = numbers(plan, took);
        let ratio = found.rate() / bare.rate();
        sheet.round("usage", found.with("ratio_to_postgres", ratio));
        sheet.round("postgres", bare);
        progress.at(round as u64 + 1);
    }
    progress.finish();
    Ok(sheet)
}

fn numbers(plan: &Plan, took: Duration) -> Numbers {
    let (all, seconds) = (plan.events as f64, took.as_secs_f64());
    let unique = (plan.events - plan.events / 5) as f64;
    Numbers::default()
        .with("payments_per_second", unique / seconds)
        .with("events_per_second", all / seconds)
}

/// The events, those that are sent again among them, in the order they are sent.
fn drawn(plan: &Plan, town: &mut Town) -> Vec<Event> {
    let mut draws = Random(mix(plan.seed ^ 0x05a6e));
    let unique = plan.events - plan.events / 5;
    let mut events: Vec<Event> = (0..unique)
        .map(|number| {
            let (payer, payee) = town.pair(Pattern::Uniform);
            let quantity = 1 + draws.below(8_000);
            Event {
                number,
                payer,
                payee,
                quantity,
            }
        })
        .collect();
    for _ in unique..plan.events {
        // Of fewer than memory holds.
        let again = draws.below(unique as u64) as usize;
        events.push(events[again]);
    }
    for last in (1..events.len()).rev() {
        events.swap(last, draws.below(last as u64 + 1) as usize);
    }
    events
}

fn line(event: &Event, price: PriceId, out: &mut String) {
    let Event {
        number,
        payer,
        payee,
        quantity,
    } = event;
    // A text takes what is written.
    let _ = writeln!(
        out,
        r#"{{"id":"evt-{number:09}","source":"gateway-1","payer":"{payer}","payee":"{payee}","price":"{price}","unit":"output","quantity":{quantity},"time":"2026-11-01T12:00:00Z"}}"#
    );
}

fn row(event: &Event) -> String {
    let Event {
        number,
        payer,
        payee,
        quantity,
    } = event;
    format!(
        "gateway-1\tevt-{number:09}\t{payer}\t{payee}\toutput\t{quantity}\t2026-11-01T12:00:00Z\n"
    )
}

fn measure(plan: &Plan, folder: PathBuf) -> Result<(Numbers, Vec<Event>), Failure> {
    let mut config = Config::load(None)?;
    config.data = folder;
    (config.requests_per_second, config.requests_burst) = (u32::MAX, u32::MAX);
    config.id_window_minutes = WINDOW.window_ms / 60_000;
    config.id_window_entries = WINDOW.entries_max;
    let opened = serving::open(&config)?;
    let node = opened.node.clone();
    let key = opened.first.as_ref().map(|first| first.test.clone());
    let key = key.ok_or_else(|| Failure::said("the folder is not fresh"))?;
    let mut town = open_town(&node, (plan.wallets, plan.seed), plan.quiet)?;
    let usd = Asset::known("USD").ok_or_else(|| Failure::said("USD is not known"))?;
    let id = Ids::seeded(plan.seed ^ 0x9).at(node.now());
    let set = town.command(node.now(), price::tokens(id, usd));
    must(&node, set)?;
    let events = drawn(plan, &mut town);
    let bodies = events.chunks(plan.batch).map(|batch| {
        let mut body = String::new();
        for event in batch {
            line(event, PriceId(id), &mut body);
        }
        body
    });
    let bodies: Vec<String> = bodies.collect();

    let runtime = runtime()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let address = runtime.block_on(async {
        let listener = listen("127.0.0.1:0").await?;
        let address = address_of(&listener)?;
        tokio::spawn(async move {
            let stopped = async {
                // A sender that is gone says the same.
                let _ = stopped.await;
            };
            serve(listener, opened, &config, stopped).await;
        });
        Ok::<_, Failure>(address)
    })?;
    let sent = send_all(plan, (address, &key), &bodies);
    let lag = node.projection().map(|follows| follows.progress().lag_ms);
    drop(stop);
    runtime.shutdown_timeout(Duration::from_secs(2));
    let bytes = bytes_of(&node);
    node.shutdown();
    let (took, cpu, counted) = sent?;
    let unique = plan.events - plan.events / 5;
    if counted != (unique, plan.events - unique) {
        let words = format!("charged and duplicates were {counted:?}, not each event once");
        return Err(Failure::said(words));
    }
    let numbers = numbers(plan, took)
        .with(
            "cpu_us_per_event",
            cpu.as_secs_f64() * 1e6 / plan.events as f64,
        )
        .with("bytes_per_payment", bytes)
        .with_some("lag_ms", lag.map(|lag| lag as f64));
    Ok((numbers, events))
}

fn bytes_of(node: &Node) -> f64 {
    let stats = node.stats();
    stats.bytes as f64 / stats.events.max(1) as f64
}

/// Sends all batches over so many connections: how long it took, the processor's time, and how many
/// events were charged and how many were duplicates.
fn send_all(
    plan: &Plan,
    to: (SocketAddr, &str),
    bodies: &[String],
) -> Result<(Duration, Duration, (usize, usize)), Failure> {
    let next = AtomicUsize::new(0);
    let (start, cpu) = (Instant::now(), process_cpu());
    let counted = std::thread::scope(|scope| {
        let connection = || -> Result<(usize, usize), Failure> {
            let (mut connection, mut sum) = (Connection::open(to)?, (0, 0));
            while let Some(body) = bodies.get(next.fetch_add(1, Relaxed)) {
                let (charged, duplicates) = connection.send(body)?;
                sum = (sum.0 + charged, sum.1 + duplicates);
            }
            Ok(sum)
        };
        let threads: Vec<_> = (0..plan.connections)
            .map(|_| scope.spawn(connection))
            .collect();
        let mut sum = (0, 0);
        for thread in threads {
            let found = thread
                .join()
                .map_err(|_| Failure::said("a connection panicked"))??;
            sum = (sum.0 + found.0, sum.1 + found.1);
        }
        Ok::<_, Failure>(sum)
    })?;
    let took = start.elapsed();
    Ok((took, process_cpu().saturating_sub(cpu), counted))
}

struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
    answer: Vec<u8>,
}

impl Connection {
    fn open((address, key): (SocketAddr, &str)) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(address).map_err(|error| lost(&error))?;
        stream.set_nodelay(true).map_err(|error| lost(&error))?;
        let head = format!(
            "POST /v1/usage HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/x-ndjson\r\ncontent-length: "
        );
        Ok(Connection {
            stream: BufReader::with_capacity(1 << 18, stream),
            head,
            answer: Vec::new(),
        })
    }

    /// Sends a batch and reads what came of it from the answer's last line.
    fn send(&mut self, body: &str) -> Result<(usize, usize), Failure> {
        let head = format!("{}{}\r\n\r\n", self.head, body.len());
        let stream = self.stream.get_mut();
        let sent = stream.write_all(head.as_bytes());
        sent.and_then(|()| stream.write_all(body.as_bytes()))
            .map_err(|error| lost(&error))?;
        let (mut status, mut length, mut text) = (String::new(), 0, String::new());
        self.stream
            .read_line(&mut status)
            .map_err(|error| lost(&error))?;
        loop {
            text.clear();
            self.stream
                .read_line(&mut text)
                .map_err(|error| lost(&error))?;
            let Some((name, value)) = text.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        self.answer.resize(length, 0);
        self.stream
            .read_exact(&mut self.answer)
            .map_err(|error| lost(&error))?;
        let last = self
            .answer
            .trim_ascii_end()
            .rsplit(|byte| *byte == b'\n')
            .next();
        let last: Option<Value> = last.and_then(|line| serde_json::from_slice(line).ok());
        let count = |name: &str| {
            let count = last.as_ref()?.get("summary")?.get(name)?.as_u64()?;
            usize::try_from(count).ok()
        };
        count("charged").zip(count("duplicates")).ok_or_else(|| {
            let start = &self.answer[..self.answer.len().min(500)];
            let start = String::from_utf8_lossy(start);
            Failure::said(format!("a batch was answered with {status}{start}"))
        })
    }
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::said(format!("a connection to the server: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_charges_each_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            events: 1_000,
            batch: 100,
            connections: 2,
            wallets: 50,
            rounds: 1,
            seed: 1,
            folder: folder.path().to_owned(),
            quiet: true,
        };
        let sheet = run(&plan).unwrap();
        let found = sheet.median("usage", "events_per_second");
        assert!(found.is_some_and(|found| found > 0.0));
    }
}
