//! A data folder as a whole: which files belong together, and who may read them.
//!
//! Nothing is made anew beside what is there already. A journal without its store, or a store without
//! its journal, is half a folder: a volume that is not mounted or a copy that broke off. To begin an
//! empty ledger there would lose the books and say that all is well.

use crate::failure::Failure;
use journal::Reader;
use journal::sqlite::SqliteReader;
use std::path::Path;

/// The files without which a journal's payments have no text and no keys.
const BESIDE: [&str; 2] = ["store.db", "keys.db"];

/// Refuses a folder of which a part is missing. An empty one, or one whose first start was cut short, is
/// none.
pub fn require_whole(dir: &Path, shard: u32) -> Result<(), Failure> {
    let has = |name: &str| dir.join(name).exists();
    let at = dir.display();
    if !has("journal.db") {
        let Some(found) = ["store.db", "keys.db", "gate.db", "read.db"]
            .into_iter()
            .find(|n| has(n))
        else {
            return Ok(());
        };
        return Err(Failure::said(format!(
            "{at} has a {found} and no journal.db: the books are missing. Mount the volume or finish the \
             copy they are on, or put a backup back with `farthing restore` into a new folder; to begin \
             anew, name an empty folder"
        )));
    }
    if BESIDE.iter().all(|name| has(name)) {
        return Ok(());
    }
    // A first start that was cut short has made the journal, whole or not, and written no row yet. What
    // else is wrong with a journal is said by whoever opens it to write.
    let reader = SqliteReader::open(&dir.join("journal.db"), shard);
    if reader
        .and_then(|mut reader| reader.head())
        .is_ok_and(|head| head.seq > 0)
    {
        return Err(missing(dir));
    }
    Ok(())
}

fn missing(dir: &Path) -> Failure {
    let missing: Vec<&str> = BESIDE
        .into_iter()
        .filter(|name| !dir.join(name).exists())
        .collect();
    Failure::said(format!(
        "{} has a journal and no {}: copy it there, or put a backup back with `farthing restore` into a \
         new folder (`--without-keys` if the keys are lost for good: the text they made readable is too)",
        dir.display(),
        missing.join(" and no ")
    ))
}

/// Makes a folder if it is not there, for its owner only.
pub fn make_private(dir: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(dir)
        .map_err(|e| Failure::file(dir, &e))
}

/// Copies a file, readable by its owner only, and waits until it is on disk.
pub fn copy_private(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::file(to, &e);
    let mut source = std::fs::File::open(from).map_err(|e| Failure::file(from, &e))?;
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut target = options
        .write(true)
        .create_new(true)
        .open(to)
        .map_err(failed)?;
    std::io::copy(&mut source, &mut target).map_err(failed)?;
    target.sync_all().map_err(failed)
}

/// Writes a new file, readable by its owner only, and waits until it is on disk.
pub fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let failed = |e: std::io::Error| Failure::file(path, &e);
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}
