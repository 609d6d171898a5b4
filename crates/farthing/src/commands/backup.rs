//! `farthing backup`: a consistent copy of a data folder, also while the node runs.
//!
//! The journal is copied first and the store after it: text is written to the store before its
//! payment is journaled, so every payment in the copy has its text. Subject keys go last, or not at
//! all: with them in a backup of their own, kept shorter, restoring an old backup does not bring an
//! erased person back.

use crate::failure::Failure;
use crate::folder;
use crate::progress::Progress;
use clap::Parser;
use journal::sqlite::{SqliteReader, backup_file};
use journal::{Head, Reader, hex, verify_chain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing backup --to /backup/2026-01-01
  farthing backup --data /srv/farthing --to /backup/2026-01-01 --without-keys
  farthing verify --data /backup/2026-01-01

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong; 3 the journal is not what was written, and no backup was made.";

/// Copy a data folder while the node runs
///
/// Copies the journal, the store, the gate's keys and the subject keys, each as of one instant, checks
/// the copied journal's hash chain, and writes a manifest with the files' hashes. Snapshots and the read model are left out: both are made again from the journal.
/// The copy has its name only once it is whole.
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
    /// Where the backup goes: a folder that does not exist yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Leave the subject keys out; back them up separately and keep them shorter
    #[arg(long)]
    without_keys: bool,
    /// Copy a journal that is not what was written, too: the copy's hash chain is not checked
    #[arg(long)]
    unchecked: bool,
    /// The shard of the journal
    #[arg(long, default_value_t = 0)]
    shard: u32,
}

/// What a backup says of itself.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this file.
    pub format: u32,
    pub shard: u32,
    pub created_at: String,
    /// The journal's last row and its hash.
    pub head_seq: u64,
    pub head_hash: String,
    /// BLAKE3 of each file.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// Compares each file with its hash.
    ///
    /// # Errors
    /// [`Failure::NotRight`], naming the file.
    pub fn compare_files(&self, dir: &Path) -> Result<(), Failure> {
        for (name, hash) in &self.files {
            // A manifest names plain files of the backup, nothing elsewhere.
            if !FILES.contains(&name.as_str()) {
                return Err(Failure::NotRight(format!(
                    "the manifest names {name}, which is no file of a backup"
                )));
            }
            if hash_file(&dir.join(name))? != *hash {
                return Err(Failure::NotRight(format!(
                    "{} is not what the manifest says: the backup is damaged",
                    dir.join(name).display()
                )));
            }
        }
        Ok(())
    }

    /// Compares the journal's head.
    ///
    /// # Errors
    /// [`Failure::NotRight`].
    pub fn compare_head(&self, head: &Head) -> Result<(), Failure> {
        if (head.seq, hex(&head.hash)) == (self.head_seq, self.head_hash.clone()) {
            return Ok(());
        }
        Err(Failure::NotRight(
            "the journal's head is not what the manifest says".into(),
        ))
    }
}

/// The manifest of a folder, if it is a backup.
///
/// # Errors
/// It cannot be read, or is of a newer version.
pub fn manifest(dir: &Path) -> Result<Option<Manifest>, Failure> {
    let path = dir.join(MANIFEST);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, &e))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| Failure::said(format!("{}: {error}", path.display())))?;
    if manifest.format != 1 {
        let format = manifest.format;
        return Err(Failure::said(format!(
            "a backup of format {format} needs a newer version"
        )));
    }
    Ok(Some(manifest))
}

/// The files a backup may have.
pub const FILES: [&str; 4] = ["journal.db", "store.db", "gate.db", "keys.db"];

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";

pub fn run(args: &Args) -> Result<(), Failure> {
    let journal = args.data.join("journal.db");
    if !journal.exists() {
        return Err(Failure::said(format!(
            "{} is not there: name a data folder",
            journal.display()
        )));
    }
    folder::require_whole(&args.data, args.shard)?;
    if args.to.exists() {
        return Err(Failure::said(format!(
            "{} exists already: name a new folder",
            args.to.display()
        )));
    }
    // Under another name until it is whole.
    let partial = args.to.with_extension("partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(|e| Failure::file(&partial, &e))?;
    }
    folder::make_private(&partial)?;
    let mut names = vec!["journal.db"];
    names.extend(
        ["store.db", "gate.db"]
            .into_iter()
            .filter(|name| args.data.join(name).exists()),
    );
    if !args.without_keys {
        names.extend(
            ["keys.db"]
                .into_iter()
                .filter(|name| args.data.join(name).exists()),
        );
    }
    let mut files = BTreeMap::new();
    for name in names {
        let mut progress = Progress::new(name, 0, false);
        let (from, to) = (args.data.join(name), partial.join(name));
        backup_file(&from, &to, |p| progress.at(p.pages_done))?;
        progress.finish();
        files.insert(name.to_owned(), hash_file(&to)?);
    }
    let mut copy = SqliteReader::open(&partial.join("journal.db"), args.shard)?;
    let head = copy.head()?;
    if !args.unchecked {
        let mut progress = Progress::new("rows: hash chain", head.seq, false);
        verify_chain(&mut copy, None, node::leaves, |row| progress.at(row.seq))?;
        progress.finish();
    }
    drop(copy);
    let manifest = Manifest {
        format: 1,
        shard: args.shard,
        created_at: jiff::Timestamp::now().to_string(),
        head_seq: head.seq,
        head_hash: hex(&head.hash),
        files,
    };
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Failure::said(format!("the manifest could not be written: {error}")))?;
    let path = partial.join(MANIFEST);
    folder::write_private(&path, &text)?;
    for name in manifest.files.keys() {
        let path = partial.join(name);
        std::fs::File::open(&path)
            .and_then(|f| f.sync_all())
            .map_err(|e| Failure::file(&path, &e))?;
    }
    std::fs::rename(&partial, &args.to).map_err(|e| Failure::file(&args.to, &e))?;
    if args.unchecked {
        eprintln!(
            "not checked: `farthing verify --data {}` does",
            args.to.display()
        );
    }
    outln!(
        "backup of {} rows, head {}, in {}",
        head.seq,
        manifest.head_hash,
        args.to.display()
    );
    Ok(())
}

/// The BLAKE3 of a file, in hexadecimal.
pub fn hash_file(path: &Path) -> Result<String, Failure> {
    let mut hasher = blake3::Hasher::new();
    let file = std::fs::File::open(path).map_err(|e| Failure::file(path, &e))?;
    hasher
        .update_reader(file)
        .map_err(|e| Failure::file(path, &e))?;
    Ok(hasher.finalize().to_hex().to_string())
}
