//! `farthing restore`: puts a backup back, after checking that it is whole.

use super::backup::{MANIFEST, Manifest, hash_file};
use crate::failure::Failure;
use clap::Parser;
use journal::sqlite::SqliteReader;
use journal::{Reader, hex};
use std::path::PathBuf;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing restore --from /backup/2026-01-01 --data /srv/farthing
  farthing restore --from /backup/2026-01-01 --keys /backup/keys/keys.db
  farthing verify --data /srv/farthing

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong; 3 the backup is damaged: do not use what was restored.";

/// Put a backup back, checked
///
/// Every file is compared with the backup's manifest; the data folder must not have a journal yet.
/// The read model is rebuilt by the next start: until it has caught up, keys that carry no time are
/// refused with 503 read_model_behind. Run `farthing verify` on the result.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data folder to make: it must not have a journal
    #[arg(
        long,
        value_name = "DIR",
        env = "FARTHING_DATA",
        default_value = "farthing-data"
    )]
    data: PathBuf,
    /// A backup whose subject keys to use, where this one was made without them
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let path = args.from.join(MANIFEST);
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, &e))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| Failure::said(format!("{}: {error}", path.display())))?;
    if manifest.format != 1 {
        let format = manifest.format;
        return Err(Failure::said(format!(
            "a backup of format {format} needs a newer version"
        )));
    }
    if args.data.join("journal.db").exists() {
        return Err(Failure::said(format!(
            "{} already has a journal; restore into a new folder",
            args.data.display()
        )));
    }
    for (name, hash) in &manifest.files {
        // A manifest names plain files of the backup, nothing elsewhere.
        if !matches!(name.as_str(), "journal.db" | "store.db" | "keys.db") {
            return Err(Failure::NotRight(format!(
                "the manifest names {name}, which is no file of a backup"
            )));
        }
        if hash_file(&args.from.join(name))? != *hash {
            return Err(Failure::NotRight(format!(
                "{} is not what the manifest says: the backup is damaged",
                args.from.join(name).display()
            )));
        }
    }
    std::fs::create_dir_all(&args.data).map_err(|e| Failure::file(&args.data, &e))?;
    // The journal last: a folder with a journal is a whole one.
    let mut names: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    names.sort_unstable_by_key(|name| *name == "journal.db");
    let copy = |from: PathBuf, name: &str| -> Result<(), Failure> {
        let to = args.data.join(name);
        std::fs::copy(&from, &to).map_err(|e| Failure::file(&to, &e))?;
        std::fs::File::open(&to)
            .and_then(|f| f.sync_all())
            .map_err(|e| Failure::file(&to, &e))
    };
    if let Some(keys) = &args.keys {
        copy(keys.clone(), "keys.db")?;
    }
    for name in names {
        copy(args.from.join(name), name)?;
    }
    let head = SqliteReader::open(&args.data.join("journal.db"), manifest.shard)?.head()?;
    if (head.seq, hex(&head.hash)) != (manifest.head_seq, manifest.head_hash.clone()) {
        return Err(Failure::NotRight(
            "the journal's head is not what the manifest says".into(),
        ));
    }
    println!(
        "restored {} rows, head {}, into {}; `farthing verify` checks the whole",
        head.seq,
        manifest.head_hash,
        args.data.display()
    );
    Ok(())
}
