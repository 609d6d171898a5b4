//! Everything that can go wrong here, each with a stable code.

use rusqlite::ErrorCode;

use crate::random::RandomFailed;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the text was erased with its person")]
    Erased,
    #[error("the text cannot be decrypted: it was altered, or its key is lost")]
    Unreadable,
    #[error("the text takes {bytes} bytes, more than the {max} allowed")]
    TooLarge { bytes: usize, max: usize },
    #[error("an API key with this id exists")]
    KeyExists,
    #[error("no such API key")]
    KeyUnknown,
    #[error("no such brief")]
    BriefUnknown,
    #[error("the brief has changed: revision {revision} is not the one that was looked at")]
    BriefChanged { revision: i64 },
    #[error(
        "the key is destroyed, but a reader kept its old page from being wiped: erase again to finish"
    )]
    EraseUnfinished,
    #[error("a stored value is not what was written: {what}")]
    Corrupt { what: &'static str },
    #[error("migration {version} ({name}) is not the one this database was built with")]
    MigrationChanged { version: i64, name: String },
    #[error("the database has migration {version}, newer than this program knows")]
    MigrationUnknown { version: i64 },
    #[error("migration {version} ({name}) failed")]
    MigrationFailed {
        version: i64,
        name: &'static str,
        source: rusqlite::Error,
    },
    #[error(
        "{} is not a database, or its beginning was damaged: restore it from a backup",
        path.display()
    )]
    NotADatabase { path: std::path::PathBuf },
    #[error("\"{0}\" is not a cursor: use the one a page came with, or none")]
    BadCursor(String),
    #[error(transparent)]
    Random(#[from] RandomFailed),
    #[error("a file of the store")]
    Io(#[from] std::io::Error),
    #[error("the store's database")]
    Database(#[from] rusqlite::Error),
}

impl Error {
    /// Stable: never renamed once released.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Erased => "details_erased",
            Self::Unreadable => "details_unreadable",
            Self::TooLarge { .. } => "details_too_large",
            Self::KeyExists => "api_key_exists",
            Self::KeyUnknown => "api_key_unknown",
            Self::BriefUnknown => "brief_unknown",
            Self::BriefChanged { .. } => "brief_changed",
            Self::EraseUnfinished => "erase_unfinished",
            Self::Corrupt { .. } => "store_corrupt",
            Self::MigrationChanged { .. } => "migration_changed",
            Self::MigrationUnknown { .. } => "migration_unknown",
            Self::MigrationFailed { .. } => "migration_failed",
            Self::NotADatabase { .. } => "store_wrong_file",
            Self::BadCursor(_) => "bad_cursor",
            Self::Random(_) => "random_unavailable",
            Self::Io(_) => "store_io",
            Self::Database(source) => match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => "store_full",
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "store_busy",
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "store_corrupt",
                _ => "store_unavailable",
            },
        }
    }
}
