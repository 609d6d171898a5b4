//! `farthing bench --quick`: every kind runs, and its JSON has the rows that are promised. What the
//! numbers are is not looked at: they are this build's and this machine's.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::process::Command;

/// Runs a bench and returns its rows.
fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_farthing"))
        .arg("bench")
        .args(arguments)
        .args(["--quick", "--json"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for row in &rows {
        for name in [
            "payments_per_second",
            "p50_us",
            "p99_us",
            "p999_us",
            "bytes_per_payment",
            "rss_bytes_per_wallet",
            "machine",
            "versions",
            "settings",
        ] {
            assert!(row.get(name).is_some(), "{name} in {row}");
        }
    }
    rows
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect()
}

#[test]
fn engine_has_a_row_for_each_way_of_paying() {
    let rows = rows(&["engine"]);
    assert_eq!(names(&rows), ["uniform", "zipf", "hot", "replay"]);
    assert!(rows[0]["rss_bytes_per_wallet"].is_number());
    assert!(
        rows[..3]
            .iter()
            .all(|row| row["bytes_per_payment"].as_f64().unwrap() < 160.0)
    );
}

#[test]
fn recovery_has_what_was_acknowledged_before_the_kill() {
    let rows = rows(&["recovery"]);
    assert_eq!(names(&rows), ["kill_9"]);
    assert!(rows[0]["to_first_acknowledgement_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_bench_that_is_not_there_is_a_wrong_command_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_farthing"))
        .args(["bench", "warp"])
        .output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}
