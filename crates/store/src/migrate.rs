//! The schema's steps, in order, each applied once and remembered by checksum.
//!
//! * A released migration is frozen: a changed text is refused, not re-run.
//! * A database newer than the program is refused, not guessed at.
//! * All missing steps are one transaction: an upgrade happens or does not.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::error::Error;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub version: i64,
    /// The file's name without its ending.
    pub name: &'static str,
    pub sql: &'static str,
}

impl Migration {
    /// Of the text with Unix line ends, so that a checkout on Windows agrees.
    fn checksum(&self) -> String {
        blake3::hash(self.sql.replace("\r\n", "\n").as_bytes())
            .to_hex()
            .to_string()
    }
}

macro_rules! migrations {
    ($engine:literal, $file:literal: $($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../migrations/", $engine, "/", $file, "/", $name, ".sql")),
        }),+]
    };
}

pub(crate) const STORE: &[Migration] = migrations!("sqlite", "store":
    1 "0001_details",
    2 "0002_api_keys",
    3 "0003_access_log",
    4 "0004_texts",
    5 "0005_key_lines",
    6 "0006_briefs",
    7 "0007_papers",
    8 "0008_paper_supplies",
    9 "0009_paper_shares",
);

pub(crate) const READ: &[Migration] = migrations!("sqlite", "read":
    1 "0001_read_model",
    2 "0002_things",
    3 "0003_laws",
    4 "0004_subscriptions",
);

pub(crate) const KEYS: &[Migration] = migrations!("sqlite", "keys":
    1 "0001_subject_keys",
);

mod sql {
    pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
        version    BIGINT NOT NULL PRIMARY KEY,
        name       TEXT   NOT NULL,
        checksum   TEXT   NOT NULL,
        applied_at BIGINT NOT NULL)";
    pub const LIST: &str = "SELECT version, name, checksum FROM schema_migration ORDER BY version";
    pub const INSERT: &str = "INSERT INTO schema_migration (version, name, checksum, applied_at)
        VALUES ($1, $2, $3, $4)";
}

pub(crate) fn migrate(
    connection: &mut Connection,
    known: &[Migration],
    now_ms: i64,
) -> Result<(), Error> {
    // Two programs opening one new file: the second waits here, then finds it done.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute(sql::CREATE, [])?;
    let applied: Vec<(i64, String, String)> = tx
        .prepare(sql::LIST)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;

    for (index, (version, name, checksum)) in applied.iter().enumerate() {
        let Some(migration) = known.get(index) else {
            return Err(Error::MigrationUnknown { version: *version });
        };
        if migration.version != *version || migration.checksum() != *checksum {
            return Err(Error::MigrationChanged {
                version: *version,
                name: name.clone(),
            });
        }
    }
    for migration in &known[applied.len()..] {
        tx.execute_batch(migration.sql)
            .map_err(|source| Error::MigrationFailed {
                version: migration.version,
                name: migration.name,
                source,
            })?;
        tx.execute(
            sql::INSERT,
            params![
                migration.version,
                migration.name,
                migration.checksum(),
                now_ms
            ],
        )?;
    }
    Ok(tx.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration {
        version: 1,
        name: "0001_one",
        sql: "CREATE TABLE one (n INTEGER);\n",
    };
    const TWO: Migration = Migration {
        version: 2,
        name: "0002_two",
        sql: "CREATE TABLE two (n INTEGER);",
    };

    fn run(connection: &mut Connection, known: &[Migration]) -> &'static str {
        migrate(connection, known, 7).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn each_step_runs_once_and_new_ones_follow() {
        let db = &mut Connection::open_in_memory().unwrap();
        for known in [&[ONE][..], &[ONE], &[ONE, TWO], &[ONE, TWO]] {
            assert_eq!(run(db, known), "ok");
        }
        db.execute("INSERT INTO two VALUES (1)", []).unwrap();
    }

    #[test]
    fn a_changed_or_unknown_migration_is_refused() {
        let changed = Migration {
            sql: "CREATE TABLE one (n TEXT);\n",
            ..ONE
        };
        let renumbered = Migration { version: 3, ..ONE };
        let windows = Migration {
            sql: "CREATE TABLE one (n INTEGER);\r\n",
            ..ONE
        };
        let table: &[(&[Migration], &[Migration], &str)] = &[
            (&[ONE], &[changed], "migration_changed"),
            (&[ONE, TWO], &[changed, TWO], "migration_changed"),
            (&[ONE], &[renumbered], "migration_changed"),
            (&[ONE, TWO], &[ONE], "migration_unknown"),
            (&[ONE], &[windows], "ok"),
        ];
        for (row, (before, after, expected)) in table.iter().enumerate() {
            let db = &mut Connection::open_in_memory().unwrap();
            assert_eq!(run(db, before), "ok");
            assert_eq!(run(db, after), *expected, "row {row}");
        }
    }

    #[test]
    fn a_failing_step_leaves_nothing_behind() {
        let broken = Migration {
            version: 2,
            name: "0002_broken",
            sql: "CREATE TABLE two (n INTEGER); CREATE TABLE one (n INTEGER);",
        };
        let db = &mut Connection::open_in_memory().unwrap();
        assert_eq!(run(db, &[ONE, broken]), "migration_failed");
        assert_eq!(run(db, &[ONE, TWO]), "ok");
    }

    #[test]
    fn every_file_is_listed_in_order_for_both_engines() {
        for (file, known) in [("store", STORE), ("keys", KEYS), ("read", READ)] {
            let listed: Vec<String> = known.iter().map(|m| format!("{}.sql", m.name)).collect();
            for engine in ["sqlite", "postgres"] {
                let dir = format!("{}/migrations/{engine}/{file}", env!("CARGO_MANIFEST_DIR"));
                let mut found: Vec<String> = std::fs::read_dir(&dir)
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect();
                found.sort();
                assert_eq!(found, listed, "{dir}");
            }
            for (index, migration) in known.iter().enumerate() {
                assert_eq!(migration.version, index as i64 + 1);
                let number = migration.name.split('_').next().unwrap();
                assert_eq!(number.parse(), Ok(migration.version));
            }
        }
    }
}
