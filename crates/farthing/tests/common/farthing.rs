//! The real binary: served, killed, stopped, asked on its command line.
// Each test uses its part of it.
#![allow(dead_code)]

use crate::http::Http;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const RUN_MAX: Duration = Duration::from_secs(120);
const START_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// The binary with these arguments; nothing of our environment's settings reaches it.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_farthing"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FARTHING_")) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end, which must come.
#[track_caller]
pub fn run(args: &[&str]) -> Output {
    let child = command(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary is built before its tests");
    let id = child.id().to_string();
    let (tell, told) = channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    match told.recv_timeout(RUN_MAX) {
        Ok(output) => output.expect("it is our child"),
        Err(_) => {
            // Its thread waits for it: the id is still its own.
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            panic!("{args:?} does not end");
        }
    }
}

/// Runs it to an end that must be good.
#[track_caller]
pub fn run_well(args: &[&str]) -> String {
    let output = run(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{args:?}: {}\n{out}\n{err}",
        output.status
    );
    out
}

/// It must fail with this exit code, in words, and not by a panic.
#[track_caller]
pub fn fails(args: &[&str], code: i32, words: &str) {
    let output = run(args);
    let err = text(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{args:?}: {err}{}",
        text(&output.stdout)
    );
    assert!(
        err.contains(words) && !err.trim().is_empty(),
        "{args:?}: {err}"
    );
    assert!(!err.contains("panicked"), "{args:?}: {err}");
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `farthing verify` finds, which must be that all is right.
#[track_caller]
pub fn verify(data: &Path) -> Value {
    let out = run_well(&["verify", "--json", "--data", path(data)]);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["right"], true, "{out}");
    found
}

pub fn path(path: &Path) -> &str {
    path.to_str().expect("the tests' folders have plain names")
}

/// A running `farthing serve`; killed when dropped.
pub struct Farthing {
    child: Child,
    pub address: String,
    /// The keys it printed: test, live. None on a folder that has keys.
    pub keys: Vec<String>,
    log: PathBuf,
}

impl Farthing {
    /// Starts it and waits until it is ready; `log` takes its standard error.
    #[track_caller]
    pub fn start(data: &Path, log: &Path, args: &[&str]) -> Farthing {
        match Farthing::try_start(data, log, args) {
            Ok(farthing) => farthing,
            Err(status) => panic!("it ended before it served: {status}\n{}", tail(log)),
        }
    }

    /// The same, where it may also end at once: then how.
    #[track_caller]
    pub fn try_start(data: &Path, log: &Path, args: &[&str]) -> Result<Farthing, ExitStatus> {
        let mut child = spawn(data, log, args);
        let out = child.stdout.take().expect("it is piped");
        let mut farthing = Farthing {
            child,
            address: String::new(),
            keys: Vec::new(),
            log: log.to_owned(),
        };
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(" on http://") {
                rest.clone_into(&mut farthing.address);
            }
            let keys = line.split_whitespace().filter(|w| w.starts_with("fk_"));
            farthing.keys.extend(keys.map(str::to_owned));
            if line.starts_with("Docs:") {
                return farthing.ready();
            }
        }
        Err(farthing.wait_end())
    }

    #[track_caller]
    fn ready(mut self) -> Result<Farthing, ExitStatus> {
        let deadline = Instant::now() + START_MAX;
        loop {
            let mut http = Http::connect(&self.address, "");
            let ready = http
                .as_mut()
                .is_ok_and(|http| http.get("/ready").is_ok_and(|reply| reply.status == 200));
            if ready {
                return Ok(self);
            }
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return Err(status);
            }
            let words = tail(&self.log);
            assert!(Instant::now() < deadline, "not ready in time\n{words}");
            std::thread::sleep(POLL);
        }
    }

    /// A connection with a key.
    #[track_caller]
    pub fn http(&self, key: &str) -> Http {
        Http::connect(&self.address, key).expect("it serves")
    }

    /// SIGKILL: it does nothing any more from one instruction to the next.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it is our child");
    }

    /// SIGTERM, and how it ended.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "SIGTERM could not be sent"
        );
        self.wait_end()
    }

    /// How it ends by itself.
    #[track_caller]
    pub fn wait_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + START_MAX;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end\n{}",
                tail(&self.log)
            );
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Farthing {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `serve` on a port of the system's choice and waits for nothing.
pub fn spawn(data: &Path, log: &Path, args: &[&str]) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log can be written");
    command(&["serve", "--data", path(data), "--listen", "127.0.0.1:0"])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary is built before its tests")
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
