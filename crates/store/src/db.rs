//! A SQLite file: one writer connection, a few readers, backups.
//!
//! * WAL with `synchronous=FULL`: a commit that returned is on disk. What can be made again from
//!   the journal is synced at checkpoints only: a crash may lose its last commits, never a part of one.
//! * Writes take turns at one connection; readers never wait for them.
//! * A backup is one consistent snapshot, complete under its name or absent.
//! * Files are readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::Error;
use crate::migrate::{Migration, migrate};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_READERS_MAX: usize = 4;
const STATEMENT_CACHE: usize = 64;
const REBUILDABLE_PAGE_BYTES: i64 = 8_192;
const REBUILDABLE_CACHE_KIB: i64 = 65_536;
const REBUILDABLE_WAL_PAGES: i64 = 8_192;

/// What a file's loss would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Its rows are nowhere else.
    Original,
    /// It is made from the journal, and made again if lost.
    Rebuildable,
}

pub(crate) struct Db {
    path: PathBuf,
    safety: Safety,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
}

impl Db {
    /// Opens or creates the file and brings it to the newest migration.
    pub fn open(path: &Path, migrations: &[Migration], now_ms: i64) -> Result<Self, Error> {
        Self::open_as(path, Safety::Original, migrations, now_ms)
    }

    /// The same for a file that is made again if lost.
    pub fn open_rebuildable(
        path: &Path,
        migrations: &[Migration],
        now_ms: i64,
    ) -> Result<Self, Error> {
        Self::open_as(path, Safety::Rebuildable, migrations, now_ms)
    }

    fn open_as(
        path: &Path,
        safety: Safety,
        migrations: &[Migration],
        now_ms: i64,
    ) -> Result<Self, Error> {
        create_private(path)?;
        check_magic(path)?;
        Self::open_checked(path, safety, migrations, now_ms).map_err(|error| match error {
            Error::Database(e) if e.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                not_a_database(path)
            }
            error => error,
        })
    }

    fn open_checked(
        path: &Path,
        safety: Safety,
        migrations: &[Migration],
        now_ms: i64,
    ) -> Result<Self, Error> {
        let mut writer = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if safety == Safety::Rebuildable {
            writer.pragma_update(None, "page_size", REBUILDABLE_PAGE_BYTES)?;
        }
        prepare(&writer, safety)?;
        match safety {
            // A row's old bytes do not linger in a page's free space.
            Safety::Original => writer.pragma_update(None, "secure_delete", true)?,
            Safety::Rebuildable => {
                writer.pragma_update(None, "cache_size", -REBUILDABLE_CACHE_KIB)?;
                writer.pragma_update_and_check(
                    None,
                    "wal_autocheckpoint",
                    REBUILDABLE_WAL_PAGES,
                    |_| Ok(()),
                )?;
            }
        }
        migrate(&mut writer, migrations, now_ms)?;
        Ok(Self {
            path: path.to_owned(),
            safety,
            writer: Mutex::new(writer),
            idle_readers: Mutex::default(),
        })
    }

    /// A panic while the lock was held rolled its transaction back as it
    /// unwound, so the connection is sound and poisoning says nothing.
    pub fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reader(&self) -> Result<Reader<'_>, Error> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path, self.safety)?,
        };
        Ok(Reader {
            db: self,
            connection: Some(connection),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle_readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy in `dst_dir` under the file's own name, taken without stopping writers.
    pub fn backup(&self, dst_dir: &Path) -> Result<PathBuf, Error> {
        backup(&open_reader(&self.path, self.safety)?, &self.path, dst_dir)
    }

    /// The same, while writers wait.
    pub fn backup_exclusive(&self, dst_dir: &Path) -> Result<PathBuf, Error> {
        backup(&self.writer(), &self.path, dst_dir)
    }
}

/// That a file with anything in it begins as a database: SQLite itself takes one that is too short to
/// be one for a new one, and writes over it.
fn check_magic(path: &Path) -> Result<(), Error> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut found = Vec::new();
    File::open(path)?
        .take(MAGIC.len() as u64)
        .read_to_end(&mut found)?;
    if found.is_empty() || found == MAGIC {
        return Ok(());
    }
    Err(not_a_database(path))
}

fn not_a_database(path: &Path) -> Error {
    let path = path.to_owned();
    Error::NotADatabase { path }
}

/// A connection lent from the pool.
pub(crate) struct Reader<'a> {
    db: &'a Db,
    connection: Option<Connection>,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let mut idle = self.db.idle();
        // One left in a transaction by a panic would read the past for ever.
        if connection.is_autocommit() && idle.len() < IDLE_READERS_MAX {
            idle.push(connection);
        }
    }
}

fn open_reader(path: &Path, safety: Safety) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&connection, safety)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn prepare(connection: &Connection, safety: Safety) -> Result<(), Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::Corrupt {
            what: "the file system does not allow a write-ahead log",
        });
    }
    let synchronous = match safety {
        Safety::Original => "full",
        Safety::Rebuildable => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(())
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // A copy that was put back may come with others' rights.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            // Whose file it is not may not take them.
            let _ = file.set_permissions(fs::Permissions::from_mode(0o600));
        }
    }
    drop(file);
    Ok(())
}

fn backup(src: &Connection, path: &Path, dst_dir: &Path) -> Result<PathBuf, Error> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    fs::create_dir_all(dst_dir)?;
    let target = dst_dir.join(name);
    let mut partial = target.clone().into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => create_private(&partial)?,
    }
    {
        let mut dst = Connection::open_with_flags(&partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // All pages in one step hold one read snapshot, so a busy writer
        // cannot make the copy start over for ever.
        Backup::new(src, &mut dst)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
        // A single file to carry away: no log beside it.
        dst.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    }
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, &target)?;
    #[cfg(unix)]
    File::open(dst_dir)?.sync_all()?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Migration] = &[Migration {
        version: 1,
        name: "0001_t",
        sql: "CREATE TABLE t (n INTEGER NOT NULL) STRICT;",
    }];

    fn count(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn readers_see_what_was_committed_and_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("t.db"), TABLE, 0).unwrap();
        let before = db.reader().unwrap();
        assert_eq!(count(&before), 0);
        db.writer().execute("INSERT INTO t VALUES (1)", []).unwrap();
        assert_eq!(count(&before), 1);
        assert!(before.execute("INSERT INTO t VALUES (2)", []).is_err());
    }

    #[test]
    fn readers_are_lent_again_and_few_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("t.db"), TABLE, 0).unwrap();
        let many: Vec<_> = (0..10).map(|_| db.reader().unwrap()).collect();
        drop(many);
        assert_eq!(db.idle().len(), IDLE_READERS_MAX);
        drop(db.reader().unwrap());
        assert_eq!(db.idle().len(), IDLE_READERS_MAX);
    }

    #[test]
    fn what_is_not_a_database_is_named_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        drop(Db::open(&path, TABLE, 0).unwrap());
        let mut bent = fs::read(&path).unwrap();
        bent[16..18].fill(0xff); // the page size
        for content in [&b"\0"[..], &[0; 4096], b"SQLite form", b"a text", &bent] {
            fs::write(&path, content).unwrap();
            let Err(error) = Db::open(&path, TABLE, 0) else {
                panic!("{content:?} was opened")
            };
            assert_eq!(error.code(), "store_wrong_file");
            let words = error.to_string();
            assert!(words.contains("t.db") && words.contains("backup"));
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_backup_is_one_whole_file_and_replaces_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("t.db"), TABLE, 0).unwrap();
        let to = dir.path().join("backup");
        for n in 1..=3_i64 {
            db.writer()
                .execute("INSERT INTO t VALUES ($1)", [n])
                .unwrap();
            let copy = if n == 2 {
                db.backup_exclusive(&to).unwrap()
            } else {
                db.backup(&to).unwrap()
            };
            assert_eq!(count(&Connection::open(&copy).unwrap()), n);
            let names: Vec<_> = fs::read_dir(&to)
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(names, ["t.db"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("t.db"), TABLE, 0).unwrap();
        db.writer().execute("INSERT INTO t VALUES (1)", []).unwrap();
        db.backup(&dir.path().join("b")).unwrap();
        for name in ["t.db", "t.db-wal", "t.db-shm", "b/t.db"] {
            let mode = fs::metadata(dir.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{name}");
        }
        drop(db);
        let copy = dir.path().join("b/t.db");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
        drop(Db::open(&copy, TABLE, 0).unwrap());
        let mode = fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
