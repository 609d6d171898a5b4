//! `farthing verify`: proves a data folder right by replaying it.

use super::backup;
use super::verify_projection::Projected;
use crate::failure::Failure;
use crate::progress::Progress;
use clap::Parser;
use engine::codec::RowReader;
use engine::event::{Effect, EventKind};
use engine::{State, is_balanced, snapshot};
use journal::sqlite::SqliteReader;
use journal::{Head, JournalError, Reader, SnapshotStore, hex, verify_chain};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing verify                                ./farthing-data
  farthing verify --data /backup/2026-01-01 --json

Exit codes: 0 everything is right; 1 it could not be checked, and the message says
  why; 2 the command line is wrong; 3 something is not right, and the message says what.";

/// Check a data folder: hash chain, conservation, snapshots, projections
///
/// Replays the whole journal and compares: each row with the hash of the one before, each event's
/// postings with zero, the running sums with a scan of all accounts, each anchored snapshot and the
/// newest file with the state at its row, and the read model's balances with the replayed ones. Reads
/// only, and works on a backup too, whose files and head it compares with the manifest.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The data folder
    #[arg(
        long,
        value_name = "DIR",
        env = "FARTHING_DATA",
        default_value = "farthing-data"
    )]
    data: PathBuf,
    /// The shard of the journal
    #[arg(long, default_value_t = 0)]
    shard: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Serialize)]
struct Found {
    rows: u64,
    events: u64,
    head: String,
    chain: &'static str,
    unbalanced_events: u64,
    trial_balance_zero: bool,
    sums_agree: bool,
    digest: String,
    snapshots_checked: u64,
    snapshots_wrong: u64,
    projection_seq: Option<u64>,
    projection_accounts: u64,
    projection_wrong: u64,
    right: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let path = args.data.join("journal.db");
    if !path.exists() {
        return Err(Failure::said(format!(
            "{} is not there: name a data folder with --data",
            path.display()
        )));
    }
    let manifest = backup::manifest(&args.data)?;
    if let Some(manifest) = &manifest {
        manifest.compare_files(&args.data)?;
    }
    let mut reader = SqliteReader::open(&path, args.shard)?;
    let rows = reader.head()?.seq;

    let mut progress = Progress::new("rows: hash chain", rows, args.json);
    let head = verify_chain(&mut reader, None, node::leaves, |row| progress.at(row.seq));
    let head = head.map_err(|error| match error {
        broken @ JournalError::Broken { .. } => Failure::NotRight(broken.to_string()),
        other => other.into(),
    })?;
    progress.finish();
    if let Some(manifest) = &manifest {
        manifest.compare_head(&head)?;
    }

    let projection = Projected::open(&args.data)?;
    let anchors = anchored_digests(&mut reader)?;
    let mut state = State::new(random()?);
    let mut replay = Replay::default();
    let mut progress = Progress::new("events: replay", 0, args.json);
    let mut at = Head::EMPTY;
    let mut passed = 0u64;
    let mut compared_projection = None;
    // Snapshots and the read model say after which row they stand; they are compared while passing
    // it.
    let mut past = |state: &State, seq: u64, replay: &mut Replay| {
        if let Some((_, digest)) = anchors.iter().find(|(anchor, _)| *anchor == seq) {
            passed += 1;
            replay.snapshots_wrong += u64::from(snapshot::digest(state) != *digest);
        }
        if let Some(projected) = projection.as_ref().filter(|p| p.seq == seq) {
            compared_projection = Some(projected.compare(state));
        }
    };
    let mut rows = engine::Replay::default();
    reader.for_each_from(1, &mut |row| {
        at.advance(row)?;
        let unbalanced = &mut replay.unbalanced;
        let folded = rows.row(
            &mut state,
            row.seq,
            row.format,
            &row.events,
            |state, event, _| {
                *unbalanced += u64::from(!is_balanced(state, event));
            },
        );
        match folded {
            Ok(events) => replay.events += u64::from(events),
            Err(error) => {
                replay.undecodable = Some(format!("row {}: {error}", row.seq));
                return Ok(ControlFlow::Break(()));
            }
        }
        past(&state, row.seq, &mut replay);
        progress.at(replay.events);
        Ok(ControlFlow::Continue(()))
    })?;
    progress.finish();

    let stored = newest_snapshot_agrees(args, &mut reader, &state)?;
    let (projection_accounts, projection_wrong) = compared_projection.unwrap_or((0, 0));
    let zero = state.trial_balance().iter().all(|(_, sum)| *sum == 0);
    let mut found = Found {
        rows: head.seq,
        events: replay.events,
        head: hex(&head.hash),
        chain: "intact",
        unbalanced_events: replay.unbalanced,
        trial_balance_zero: zero,
        sums_agree: state.sums_agree(),
        digest: hex(&snapshot::digest(&state)),
        snapshots_checked: passed + u64::from(stored.is_some()),
        snapshots_wrong: replay.snapshots_wrong + u64::from(stored == Some(false)),
        projection_seq: projection.as_ref().map(|p| p.seq),
        projection_accounts,
        projection_wrong,
        right: false,
    };
    found.right = found.unbalanced_events == 0
        && zero
        && found.sums_agree
        && replay.undecodable.is_none()
        && found.snapshots_wrong == 0
        && found.projection_wrong == 0;
    say(&found, args.json)?;
    if let Some(what) = replay.undecodable {
        return Err(Failure::NotRight(what));
    }
    if found.right {
        Ok(())
    } else {
        Err(Failure::NotRight("the data folder is not right".into()))
    }
}

fn say(found: &Found, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(found)
            .map_err(|error| Failure::said(format!("the result could not be written: {error}")))?;
        outln!("{text}");
        return Ok(());
    }
    let yes = |right: bool| if right { "right" } else { "NOT RIGHT" };
    outln!(
        "rows         {} ({} events), head {}",
        found.rows,
        found.events,
        found.head
    );
    outln!("hash chain   {}", found.chain);
    outln!(
        "conservation {} ({} events out of balance, running sums {}, trial balance {})",
        yes(found.unbalanced_events == 0 && found.trial_balance_zero && found.sums_agree),
        found.unbalanced_events,
        if found.sums_agree { "agree" } else { "DIFFER" },
        if found.trial_balance_zero {
            "zero"
        } else {
            "NOT zero"
        }
    );
    outln!("state digest {}", found.digest);
    outln!(
        "snapshots    {} ({} compared, {} wrong)",
        yes(found.snapshots_wrong == 0),
        found.snapshots_checked,
        found.snapshots_wrong
    );
    match found.projection_seq {
        Some(seq) => outln!(
            "projections  {} (as of row {seq}: {} accounts compared, {} wrong)",
            yes(found.projection_wrong == 0),
            found.projection_accounts,
            found.projection_wrong
        ),
        None => outln!("projections  none kept"),
    }
    Ok(())
}

#[derive(Default)]
struct Replay {
    events: u64,
    unbalanced: u64,
    snapshots_wrong: u64,
    undecodable: Option<String>,
}

fn random() -> Result<u128, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::said(format!("no random bytes from the system: {error}")))?;
    Ok(u128::from_le_bytes(bytes))
}

/// The row and digest of every snapshot the journal anchors, if its digest is of this version.
fn anchored_digests(reader: &mut SqliteReader) -> Result<Vec<(u64, [u8; 32])>, Failure> {
    let mut anchors = Vec::new();
    let mut event = engine::Event::empty();
    reader.for_each_from(1, &mut |row| {
        if let Ok(mut rows) = RowReader::new(row.format, &row.events) {
            while let Ok(true) = rows.next_event(&mut event) {
                if event.kind != EventKind::SnapshotTaken {
                    continue;
                }
                for effect in &event.effects {
                    if let Effect::SnapshotTaken {
                        seq,
                        digest,
                        version: snapshot::VERSION,
                        ..
                    } = effect
                    {
                        anchors.push((*seq, *digest));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(anchors)
}

/// Whether the state the node would start from, newest snapshot plus rows, is the replayed one.
fn newest_snapshot_agrees(
    args: &Args,
    reader: &mut SqliteReader,
    state: &State,
) -> Result<Option<bool>, Failure> {
    let dir = args.data.join("snapshots");
    if !dir.exists() {
        return Ok(None);
    }
    let store = SnapshotStore::open(&dir)?;
    if store.list()?.is_empty() {
        return Ok(None);
    }
    let started = node::recover_state(reader, &store)?;
    Ok(Some(snapshot::digest(&started) == snapshot::digest(state)))
}
