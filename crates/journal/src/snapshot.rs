//! States kept beside the journal, so that a restart replays little.
//!
//! A snapshot is a file `{seq:020}.snap`: magic, seq, length, hash of these and the content, content. It is
//! written under another name, synced and renamed: a file that bears the name is whole, or was damaged
//! later, which the hash finds; a damaged one is passed over for the one before. Whether it is the *right*
//! state is for the journaled anchor (hash and digest) to say.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Hash, JournalError, ZERO_HASH};

const MAGIC: &[u8; 8] = b"FRTHSNP1";
const HEADER_BYTES: usize = 8 + 8 + 8 + 32;
const HASH_KEY: &[u8; 32] = b"farthing snapshot content v1    ";
const SUFFIX: &str = ".snap";

/// A directory of snapshots.
#[derive(Debug, Clone)]
pub struct SnapshotStore {
    dir: PathBuf,
}

/// A state as of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last row that is in it.
    pub seq: u64,
    /// The keyed hash of seq, length and content, to be anchored in the journal.
    pub hash: Hash,
    /// The state, as the engine encoded it.
    pub content: Vec<u8>,
}

/// A snapshot that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// What [`SnapshotStore::load_newest`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The newest sound snapshot, if there is one.
    pub snapshot: Option<Snapshot>,
    /// The newer ones that were not sound.
    pub skipped: Vec<Skipped>,
}

impl SnapshotStore {
    /// Opens the directory, making it if it is not there.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        crate::private::dir(dir).map_err(|e| JournalError::io(dir, "creating", e))?;
        sync_dir_of(dir)?;
        Ok(Self { dir: dir.into() })
    }

    /// Keeps `content` as the state after row `seq`; durable when it returns. Returns its hash.
    pub fn write(&self, seq: u64, content: &[u8]) -> Result<Hash, JournalError> {
        self.write_with(seq, |out| out.write_all(content))
    }

    /// As [`SnapshotStore::write`], for a state that is written piece by piece.
    pub fn write_with(
        &self,
        seq: u64,
        fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<Hash, JournalError> {
        let path = self.path(seq);
        let part = self.dir.join(format!("{seq:020}.part"));
        let result = write_file(&part, seq, fill)
            .and_then(|hash| fs::rename(&part, &path).map(|()| hash))
            .map_err(|e| JournalError::io(&path, "writing", e));
        if result.is_err() {
            // What failed is reported; a leftover is overwritten by the next attempt.
            let _ = fs::remove_file(&part);
        }
        let hash = result?;
        sync_dir(&self.dir)?;
        Ok(hash)
    }

    /// The newest sound snapshot at or before `seq_max`, and why newer ones were passed over.
    pub fn load_newest(&self, seq_max: u64) -> Result<Loaded, JournalError> {
        let mut skipped = Vec::new();
        for seq in self.list()?.into_iter().rev().filter(|seq| *seq <= seq_max) {
            let path = self.path(seq);
            match read_file(&path, seq) {
                Ok(snapshot) => {
                    return Ok(Loaded {
                        snapshot: Some(snapshot),
                        skipped,
                    });
                }
                Err(reason) => skipped.push(Skipped { path, reason }),
            }
        }
        Ok(Loaded {
            snapshot: None,
            skipped,
        })
    }

    /// The seqs there are snapshots of, sound or not, in order.
    pub fn list(&self) -> Result<Vec<u64>, JournalError> {
        let io = |e| JournalError::io(&self.dir, "listing", e);
        let mut seqs = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            let seq: Option<u64> = name
                .to_str()
                .and_then(|n| n.strip_suffix(SUFFIX))
                .and_then(|n| n.parse().ok());
            seqs.extend(seq);
        }
        seqs.sort_unstable();
        Ok(seqs)
    }

    /// Deletes all but these and returns the deleted.
    pub fn keep(&self, kept: &[u64]) -> Result<Vec<u64>, JournalError> {
        let mut seqs = self.list()?;
        seqs.retain(|seq| !kept.contains(seq));
        for seq in &seqs {
            self.delete(*seq)?;
        }
        Ok(seqs)
    }

    /// Deletes the snapshot of `seq`.
    pub fn delete(&self, seq: u64) -> Result<(), JournalError> {
        let path = self.path(seq);
        fs::remove_file(&path).map_err(|e| JournalError::io(&path, "deleting", e))
    }

    /// Where the snapshot of `seq` is, or would be.
    pub fn path(&self, seq: u64) -> PathBuf {
        self.dir.join(format!("{seq:020}{SUFFIX}"))
    }
}

fn hasher(seq: u64, len: u64) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_keyed(HASH_KEY);
    hasher.update(&seq.to_le_bytes()).update(&len.to_le_bytes());
    hasher
}

fn header(seq: u64, len: u64, hash: &Hash) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&seq.to_le_bytes());
    bytes[16..24].copy_from_slice(&len.to_le_bytes());
    bytes[24..].copy_from_slice(hash);
    bytes
}

/// Hashes what passes through. The length is known only at the end, so it is hashed last, with the
/// content's own hash.
struct Hashing<W> {
    out: W,
    content: blake3::Hasher,
    len: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.content.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn seal(seq: u64, len: u64, content: &blake3::Hasher) -> Hash {
    *hasher(seq, len)
        .update(content.finalize().as_bytes())
        .finalize()
        .as_bytes()
}

fn write_file(
    path: &Path,
    seq: u64,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<Hash> {
    let mut out = BufWriter::with_capacity(1 << 20, create(path)?);
    out.write_all(&header(seq, 0, &ZERO_HASH))?;
    let mut hashing = Hashing {
        out,
        content: blake3::Hasher::new(),
        len: 0,
    };
    fill(&mut hashing)?;
    let Hashing { out, content, len } = hashing;
    let hash = seal(seq, len, &content);
    let mut file = out.into_inner().map_err(|e| e.into_error())?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(seq, len, &hash))?;
    file.sync_all()?;
    Ok(hash)
}

fn create(path: &Path) -> std::io::Result<File> {
    crate::private::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

fn read_file(path: &Path, seq: u64) -> Result<Snapshot, String> {
    let say = |e: std::io::Error| format!("cannot be read: {e}");
    let mut file = File::open(path).map_err(say)?;
    let size = file.metadata().map_err(say)?.len();
    let mut head = [0; HEADER_BYTES];
    file.read_exact(&mut head)
        .map_err(|_| format!("is only {size} bytes long"))?;
    let len = size - HEADER_BYTES as u64;
    let mut content = Vec::with_capacity(len as usize);
    file.read_to_end(&mut content).map_err(say)?;
    if content.len() as u64 != len {
        return Err("changed while it was read".into());
    }
    let hash = seal(seq, len, blake3::Hasher::new().update(&content));
    if head[..8] != *MAGIC {
        return Err("does not begin as a snapshot".into());
    }
    if head[8..16] != seq.to_le_bytes() {
        return Err("is of another seq than its name says".into());
    }
    if head[16..24] != len.to_le_bytes() {
        return Err(format!(
            "was cut: {len} bytes of content are not what its header says"
        ));
    }
    if head[24..] != hash {
        return Err("its content does not have the hash its header says".into());
    }
    Ok(Snapshot { seq, hash, content })
}

/// Makes names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| JournalError::io(dir, "syncing", e))
}

/// Makes the name of `path` durable.
pub(crate) fn sync_dir_of(path: &Path) -> Result<(), JournalError> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => sync_dir(dir),
        _ => sync_dir(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, SnapshotStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(&dir.path().join("snapshots")).unwrap();
        (dir, store)
    }

    #[test]
    fn newest_at_or_before_is_loaded() {
        let (_dir, store) = store();
        assert_eq!(store.load_newest(u64::MAX).unwrap().snapshot, None);
        let hashes: Vec<Hash> = [5, 9, 70]
            .iter()
            .map(|seq| store.write(*seq, &[*seq as u8; 3000]).unwrap())
            .collect();
        for (seq_max, want) in [(4, None), (5, Some(0)), (69, Some(1)), (u64::MAX, Some(2))] {
            let got = store.load_newest(seq_max).unwrap();
            assert_eq!(got.snapshot.map(|s| s.hash), want.map(|i: usize| hashes[i]));
            assert_eq!(got.skipped, []);
        }
        assert_eq!(store.keep(&[9, 70, 71]).unwrap(), [5]);
        store.delete(9).unwrap();
        assert_eq!(store.list().unwrap(), [70]);
    }

    #[test]
    fn damaged_snapshot_is_skipped_with_its_reason() {
        let (_dir, store) = store();
        store.write(1, b"good").unwrap();
        store.write(2, b"soon bad").unwrap();
        let path = store.path(2);
        let sound = fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut bent = sound.clone();
            bent[at] ^= 0x10;
            fs::write(&path, bent).unwrap();
            let got = store.load_newest(10).unwrap();
            assert_eq!(got.snapshot.unwrap().content, b"good", "byte {at}");
            assert_eq!(got.skipped[0].path, path);
        }
        for len in 0..sound.len() {
            fs::write(&path, &sound[..len]).unwrap();
            assert_eq!(
                store.load_newest(10).unwrap().snapshot.unwrap().seq,
                1,
                "cut to {len}"
            );
        }
        fs::write(&path, &sound).unwrap();
        assert_eq!(
            store.load_newest(10).unwrap().snapshot.unwrap().content,
            b"soon bad"
        );
        fs::rename(&path, store.path(3)).unwrap();
        assert_eq!(store.load_newest(10).unwrap().snapshot.unwrap().seq, 1);
    }

    #[test]
    fn unfinished_snapshot_is_no_snapshot() {
        let (dir, store) = store();
        let stop = |_: &mut dyn Write| Err(std::io::Error::other("stop"));
        assert_eq!(store.write_with(7, stop).unwrap_err().code(), "journal_io");
        fs::write(
            dir.path().join("snapshots/00000000000000000008.part"),
            b"half",
        )
        .unwrap();
        assert_eq!(store.list().unwrap(), [0_u64; 0]);
    }
}
