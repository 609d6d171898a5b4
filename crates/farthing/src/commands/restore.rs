//! `farthing restore`: puts a backup back, after checking that it is whole.

use super::backup::{self, MANIFEST};
use crate::failure::Failure;
use crate::folder;
use clap::Parser;
use journal::Reader;
use journal::sqlite::SqliteReader;
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
    /// The subject keys to use: the keys.db of another backup, where this one was made without
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Begin with no subject keys: the text of everybody in the backup stays unreadable
    #[arg(long, conflicts_with = "keys")]
    without_keys: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let manifest = backup::manifest(&args.from)?.ok_or_else(|| {
        Failure::said(format!(
            "{} is not there: name a backup",
            args.from.join(MANIFEST).display()
        ))
    })?;
    if args.data.join("journal.db").exists() {
        return Err(Failure::said(format!(
            "{} already has a journal; restore into a new folder",
            args.data.display()
        )));
    }
    manifest.compare_files(&args.from)?;
    let without = !manifest.files.contains_key("keys.db");
    if without && args.keys.is_none() && !args.without_keys {
        return Err(Failure::said(
            "the backup is without the subject keys, which make its text readable: name their file with \
             --keys, or say --without-keys if they are lost for good",
        ));
    }
    folder::make_private(&args.data)?;
    // The journal last: a folder with a journal is a whole one.
    let mut names: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    names.sort_unstable_by_key(|name| *name == "journal.db");
    let copy = |from: PathBuf, name: &str| -> Result<(), Failure> {
        folder::copy_private(&from, &args.data.join(name))
    };
    if let Some(keys) = &args.keys {
        copy(keys.clone(), "keys.db")?;
    } else if without {
        let now = jiff::Timestamp::now().as_millisecond();
        store::Keys::open(&args.data.join("keys.db"), now)?;
    }
    // Keys that were named stand above the backup's own.
    for name in names
        .into_iter()
        .filter(|name| args.keys.is_none() || *name != "keys.db")
    {
        copy(args.from.join(name), name)?;
    }
    let head = SqliteReader::open(&args.data.join("journal.db"), manifest.shard)?.head()?;
    manifest.compare_head(&head)?;
    outln!(
        "restored {} rows, head {}, into {}; `farthing verify` checks the whole",
        head.seq,
        manifest.head_hash,
        args.data.display()
    );
    Ok(())
}
