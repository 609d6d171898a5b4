//! PostgreSQL to compare with, if it is installed: a cluster of its own with the settings it comes with,
//! synced commits among them, reached by a socket in a temporary folder; gone at the end.

use crate::failure::Failure;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running cluster.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    as_root: bool,
    /// As it says itself.
    pub version: String,
}

/// Where its programs are: in the path, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect());
    let mut folders: Vec<PathBuf> = in_path.unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    let has = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    folders.into_iter().find(has)
}

impl Postgres {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// It is not installed or does not start: there is nothing to compare with then.
    pub fn start(near: &Path) -> Result<Postgres, String> {
        let programs = programs().ok_or("PostgreSQL is not installed")?;
        // Its own user must get there.
        let near = near.parent().unwrap_or(near);
        let folder = tempfile::Builder::new()
            .prefix("farthing-bench-pg-")
            .tempdir_in(near);
        let folder = folder.map_err(|error| error.to_string())?;
        let id = Command::new("id").arg("-u").output();
        let as_root = id.is_ok_and(|id| id.stdout.trim_ascii() == b"0");
        if as_root {
            // It refuses to run as root.
            run(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let mut started = Postgres {
            folder,
            programs,
            as_root,
            version: String::new(),
        };
        let data = started.folder.path().join("data");
        let mut initdb = started.command("initdb");
        run(initdb
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]))?;
        let socket = started.folder.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{socket}'");
        let mut start = started.command("pg_ctl");
        let log = started.folder.path().join("log");
        start
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(log)
            .args(["-w", "-o", &options, "start"]);
        run(&mut start)?;
        let version = started.ask("SHOW server_version")?;
        started.version = version;
        Ok(started)
    }

    /// One of its programs, as a user it runs as.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !self.as_root {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        // Where it starts it must be allowed to be.
        command.current_dir(self.folder.path());
        command
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(self.folder.path());
        psql.args([
            "-U",
            "postgres",
            "-d",
            "postgres",
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        psql
    }

    fn ask(&self, sql: &str) -> Result<String, String> {
        run(self.psql().arg("-c").arg(sql))
    }

    /// Inserts batches of rows over so many connections, each batch a transaction; how long it took, and
    /// how many rows there are then.
    ///
    /// # Errors
    /// It refuses.
    pub fn insert(
        &self,
        batches: &[&[String]],
        connections: usize,
    ) -> Result<(Duration, usize), Failure> {
        let said = |error: String| Failure::said(format!("PostgreSQL: {error}"));
        let columns = "source text, id text, payer text, payee text, unit text, quantity bigint, time timestamptz";
        let table = format!(
            "DROP TABLE IF EXISTS usage; CREATE TABLE usage ({columns}, PRIMARY KEY (source, id))"
        );
        self.ask(&table).map_err(said)?;
        let mut scripts = Vec::new();
        for connection in 0..connections {
            let mut script = format!("CREATE TEMP TABLE batch ({columns});\n");
            for batch in batches.iter().skip(connection).step_by(connections) {
                script.push_str("BEGIN;\nCOPY batch FROM STDIN;\n");
                batch.iter().for_each(|row| script.push_str(row));
                // Ordered, so that two of them never wait for each other in turns.
                let insert = "INSERT INTO usage SELECT * FROM batch ORDER BY source, id ON CONFLICT DO NOTHING";
                // A text takes what is written.
                let _ = writeln!(script, "\\.\n{insert};\nTRUNCATE batch;\nCOMMIT;");
            }
            let path = self.folder.path().join(format!("events-{connection}.sql"));
            std::fs::write(&path, script).map_err(|error| Failure::file(&path, &error))?;
            scripts.push(path);
        }
        let start = Instant::now();
        let mut running = Vec::new();
        for script in &scripts {
            let child = self
                .psql()
                .arg("-f")
                .arg(script)
                .stderr(Stdio::piped())
                .spawn();
            running.push(child.map_err(|error| said(error.to_string()))?);
        }
        for child in running {
            let output = child
                .wait_with_output()
                .map_err(|error| said(error.to_string()))?;
            if !output.status.success() {
                return Err(said(String::from_utf8_lossy(&output.stderr).into_owned()));
            }
        }
        let took = start.elapsed();
        let kept = self.ask("SELECT count(*) FROM usage").map_err(said)?;
        let kept = kept
            .parse()
            .map_err(|_| said(format!("a count of \"{kept}\"")))?;
        Ok((took, kept))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-m", "immediate", "-w", "stop"]);
        // It was started; if it is gone, all the better.
        let _ = run(&mut stop);
    }
}

/// Runs a program to its end and returns what it said.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{name}: {}", text(&output.stderr))),
    }
}
