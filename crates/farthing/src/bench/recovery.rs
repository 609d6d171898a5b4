//! `bench recovery`: from kill -9 to the first acknowledgement.
//!
//! A second process of this program opens the wallets, takes a snapshot, makes the payments and goes
//! on paying until it is killed in the middle of it. Then a node is opened on what it left, and the
//! time is taken until a payment is acknowledged. The read model stays off: it follows later. What the system has in its page cache stays there:
//! a process died, not a machine.

use crate::bench::draw::Pattern;
use crate::bench::durable::open_town;
use crate::bench::sheet::{Numbers, Sheet};
use crate::bench::sqlite::size_bytes;
use crate::bench::town::{Town, all_done};
use crate::failure::Failure;
use node::{Node, NodeOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const BATCH: usize = 8_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub wallets: u64,
    /// Payments after the snapshot.
    pub payments: u64,
    pub rounds: usize,
    pub seed: u64,
    /// Where data are written.
    pub folder: PathBuf,
    pub quiet: bool,
}

/// Runs it.
///
/// # Errors
/// The other process fails, or what it had acknowledged is not there.
pub fn run(plan: &Plan) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new("recovery", Some(&plan.folder));
    sheet.set("wallets", plan.wallets);
    sheet.set("payments_after_snapshot", plan.payments);
    sheet.set("rounds", plan.rounds);
    sheet.set("seed", plan.seed);
    sheet.set("page_cache", "warm");
    let data = plan.folder.join("killed");
    let acknowledged = write_and_kill(plan, &data)?;
    for round in 0..plan.rounds {
        let start = Instant::now();
        let options = NodeOptions {
            snapshot_every: 0,
            projection: false,
            ..NodeOptions::default()
        };
        let node = Node::open(&data, options)?;
        let opened = start.elapsed();
        let tenant = engine::records::TenantNo(0);
        let mut town = Town::new(
            plan.wallets,
            plan.seed + 1 + round as u64,
            tenant,
            ledger::AssetNo(0),
        );
        all_done(&node.submit_brief(vec![town.payment(Pattern::Uniform, node.now())])?)?;
        let took = start.elapsed();
        let found = node.stats();
        node.shutdown();
        // The first to open reads what the killed process left in the log.
        if found.durable_seq <= acknowledged {
            return Err(Failure::NotRight(format!(
                "row {acknowledged} was acknowledged before the kill; the journal ends at {}",
                found.durable_seq - 1
            )));
        }
        sheet.round(
            "kill_9",
            Numbers::default()
                .with("to_first_acknowledgement_ms", took.as_secs_f64() * 1e3)
                .with("opening_ms", opened.as_secs_f64() * 1e3)
                .with(
                    "replayed_per_second",
                    plan.payments as f64 / opened.as_secs_f64(),
                )
                .with(
                    "journal_bytes",
                    size_bytes(&data.join("journal.db"))? as f64,
                ),
        );
    }
    Ok(sheet)
}

/// Returns the last row that the killed process had acknowledged.
fn write_and_kill(plan: &Plan, data: &Path) -> Result<u64, Failure> {
    let failed = |error: std::io::Error| Failure::said(format!("the second process: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let mut writer = Command::new(program)
        .args([
            "bench",
            "recovery-writer",
            "--wallets",
            &plan.wallets.to_string(),
        ])
        .args([
            "--payments",
            &plan.payments.to_string(),
            "--seed",
            &plan.seed.to_string(),
        ])
        .arg("--data")
        .arg(data)
        .args(plan.quiet.then_some("--json"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut acknowledged = None;
    let mut lines = 0;
    if let Some(out) = writer.stdout.take() {
        for line in BufReader::new(out).lines() {
            acknowledged = line.map_err(failed)?.parse().ok();
            lines += 1;
            // It is killed while it works on what it has not said yet.
            if lines == 3 {
                break;
            }
        }
    }
    writer.kill().map_err(failed)?;
    writer.wait().map_err(failed)?;
    acknowledged.ok_or_else(|| Failure::said("the second process ended before it was killed"))
}

/// The process that is killed: says the last acknowledged row, a line at a time, when all payments
/// are made.
///
/// # Errors
/// The node fails, or a payment is refused.
pub fn write(plan: &Plan) -> Result<(), Failure> {
    let (node, mut town) = open_town(&plan.folder, (plan.wallets, plan.seed), false, plan.quiet)?;
    node.snapshot()?;
    let mut progress = crate::progress::Progress::new("payments", plan.payments, plan.quiet);
    let mut commands = Vec::with_capacity(BATCH);
    let mut made = 0;
    loop {
        town.payments(Pattern::Uniform, BATCH, node.now(), &mut commands);
        let briefs = node.submit_brief(std::mem::take(&mut commands))?;
        all_done(&briefs)?;
        made += BATCH as u64;
        if made < plan.payments {
            progress.at(made);
            continue;
        }
        progress.finish();
        if let Some(node::Brief::Done { position, .. }) = briefs.last() {
            outln!("{}", position.seq);
        }
    }
}
