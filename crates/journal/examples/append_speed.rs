//! How fast rows become durable and roots are built.
//!
//! `cargo run --release -p journal --example append_speed [DIR]`

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use journal::{Journal, Options, SqliteJournal, merkle};

/// Bytes of events and rows appended.
const ROWS: [(usize, usize); 4] = [
    (200, 20_000),
    (16_000, 10_000),
    (160_000, 2_000),
    (1_300_000, 400),
];
const EVENT_BYTES: usize = 110;

fn main() -> Result<(), Box<dyn Error>> {
    let base = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    println!("| row bytes | rows | p50 µs | p99 µs | max µs | commits/s | MB/s | log |");
    println!("|--:|--:|--:|--:|--:|--:|--:|---|");
    for (size, rows) in ROWS {
        append(Path::new(&base), size, rows)?;
    }
    println!(
        "\n| events a row | builder ns/event | 30 children a node, ns/event | proof bytes, binary / wide |"
    );
    println!("|--:|--:|--:|--:|");
    for events in [1, 10, 100, 1_000, 10_000] {
        roots(events);
    }
    Ok(())
}

fn append(base: &Path, size: usize, rows: usize) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir_in(base)?;
    let mut journal = SqliteJournal::open(&dir.path().join("j.db"), 1, Options::default())?;
    let events = vec![0x5a; size];
    let mut micros = Vec::with_capacity(rows);
    let start = Instant::now();
    for _ in 0..rows {
        let one = Instant::now();
        journal.append(1, &events, [1; 32])?;
        micros.push(one.elapsed().as_micros());
    }
    let took = start.elapsed().as_secs_f64();
    micros.sort_unstable();
    println!(
        "| {size} | {rows} | {} | {} | {} | {:.0} | {:.1} | {:?} |",
        micros[rows / 2],
        micros[rows * 99 / 100],
        micros[rows - 1],
        rows as f64 / took,
        (size * rows) as f64 / took / 1e6,
        journal.stats(),
    );
    Ok(())
}

fn roots(count: usize) {
    let events: Vec<Vec<u8>> = (0..count)
        .map(|i| {
            (0..EVENT_BYTES - 10 + i % 20)
                .map(|b| (b ^ i) as u8)
                .collect()
        })
        .collect();
    let mut builder = merkle::Builder::new();
    let ns = best_ns(count, || {
        events.iter().for_each(|e| builder.push_leaf(e));
        black_box(builder.finish());
    });
    let leaves: Vec<_> = events.iter().map(|e| merkle::leaf(e)).collect();
    let wide_nodes = best_ns(count, || {
        let mut level = black_box(leaves.clone());
        while level.len() > 1 {
            level = level
                .chunks(30)
                .map(|c| blake3::hash(c.as_flattened()).into())
                .collect();
        }
        black_box(level);
    });
    let nodes = best_ns(count, || {
        black_box(merkle::root(&leaves));
    });
    let binary = merkle::prove(&leaves, 0).map_or(0, |p| p.siblings.len() * 32);
    let levels = (1..).find(|l| 30_usize.pow(*l) >= count).unwrap_or(1) as usize;
    println!(
        "| {count} | {ns:.0} | {:.0} | {binary} / {} |",
        ns - nodes + wide_nodes,
        levels * 29 * 32,
    );
}

/// Nanoseconds an event, of the best of many short runs: other processes disturb the rest.
fn best_ns(count: usize, mut build: impl FnMut()) -> f64 {
    let rounds = 20_000_usize.div_ceil(count);
    let runs = (0..50).map(|_| {
        let start = Instant::now();
        (0..rounds).for_each(|_| build());
        start.elapsed().as_nanos() as f64 / (rounds * count) as f64
    });
    runs.fold(f64::INFINITY, f64::min)
}
