//! Schemathesis against a served binary: every answer must be the one the OpenAPI document
//! promises, and none a server error, whatever is sent.
//!
//! What it relies on: `farthing serve --data DIR --listen 127.0.0.1:0` prints its address
//! (`http://…`) and an API key (`fk_…`), in any wording; `/health` answers 200 when ready;
//! `/openapi.json` is the document; the key goes in `Authorization: Bearer`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::python;
use crate::steps::Outcome;
use crate::workspace::Workspace;

const VERSION: &str = "schemathesis==4.32.5";
/// Cases for each operation.
const EXAMPLES: &str = "10";
/// No 5xx, and every answer as documented. Left out are the checks that take a valid body for one
/// that must be accepted, and an invalid one for one that must be refused with 400: whether a payment
/// has the funds, a correction sums to zero or an id was used before is no matter of a schema.
const CHECKS: &[&str] = &[
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
];
/// The tool cannot write NDJSON; the API's own tests do.
const EXCLUDED_PATH: &str = "/v1/payments/batch";

const START_LIMIT: Duration = Duration::from_secs(60);
const RUN_LIMIT: Duration = Duration::from_secs(15 * 60);
const POLL: Duration = Duration::from_millis(50);

pub fn run(workspace: &Workspace) -> Outcome {
    match python::install(workspace, "venv", &[VERSION]) {
        Ok(venv) => check(workspace, &venv.join("bin/schemathesis")).into(),
        Err(outcome) => outcome,
    }
}

fn check(workspace: &Workspace, program: &Path) -> Result<String, String> {
    workspace.build_farthing()?;
    let dir = workspace.scratch("schemathesis")?;
    let data = dir.join("data");
    // Whatever is sent, nothing of the outside world is asked.
    let config = dir.join("farthing.toml");
    std::fs::write(&config, "feeds = \"none\"\n")
        .map_err(|e| format!("{}: {e}", config.display()))?;
    let mut command = workspace.command(workspace.farthing());
    command
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .arg("--data")
        .arg(&data)
        .args(["--listen", "127.0.0.1:0"]);
    let mut served = Served::start(&mut command)?;
    served.wait_for_health()?;
    let checked = served.check(program, &dir);
    let health = served.wait_for_health();
    let log = served.stop();
    let log_path = dir.join("server.log");
    std::fs::write(&log_path, &log).map_err(|e| format!("{}: {e}", log_path.display()))?;
    if checked.is_err() || health.is_err() {
        println!("the server's last lines (all in {}):", log_path.display());
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..]
            .iter()
            .for_each(|line| println!("  {line}"));
    }
    checked?;
    health.map_err(|why| format!("afterwards: {why}"))?;
    // Whatever was sent, and though the server was killed, the books must still be right.
    workspace.run(
        workspace
            .command(workspace.farthing())
            .arg("verify")
            .arg("--data")
            .arg(&data),
    )?;
    Ok("every answer as documented".into())
}

/// A running `farthing serve`, killed when dropped.
struct Served {
    child: Child,
    printed: Receiver<String>,
    log: String,
    address: String,
    key: String,
}

impl Served {
    fn start(command: &mut Command) -> Result<Served, String> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("farthing serve did not start: {e}"))?;
        let (sender, printed) = channel();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (address, key) = (String::new(), String::new());
        let mut served = Served {
            child,
            printed,
            log: String::new(),
            address,
            key,
        };
        served.read_greeting()?;
        println!("serving on http://{}", served.address);
        Ok(served)
    }

    /// Until both the address and the key have been printed.
    fn read_greeting(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        while self.address.is_empty() || self.key.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.printed.recv_timeout(left).map_err(|error| {
                let why = match error {
                    RecvTimeoutError::Timeout => "printed no address and API key in time",
                    RecvTimeoutError::Disconnected => "ended before it printed address and key",
                };
                format!("farthing serve {why}; it printed:\n{}", self.log)
            })?;
            if let Some(address) = address_in(&line).filter(|_| self.address.is_empty()) {
                self.address = address.to_owned();
            }
            if let Some(key) = key_in(&line).filter(|_| self.key.is_empty()) {
                self.key = key.to_owned();
            }
            self.log.push_str(&line);
            self.log.push('\n');
        }
        Ok(())
    }

    fn wait_for_health(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let why = match health(&self.address) {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("farthing serve ended: {status}"));
            }
            if Instant::now() >= deadline {
                return Err(format!("/health: {why}"));
            }
            std::thread::sleep(POLL);
        }
    }

    fn check(&self, program: &Path, dir: &Path) -> Result<(), String> {
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .stdin(Stdio::null())
            .arg("run")
            .arg(format!("http://{}/openapi.json", self.address))
            .args(["--header", &format!("Authorization: Bearer {}", self.key)])
            .args(["--checks", &CHECKS.join(","), "--max-examples", EXAMPLES])
            .args(["--exclude-path", EXCLUDED_PATH])
            .arg("--generation-deterministic")
            .args([
                "--continue-on-failure",
                "--request-timeout",
                "30",
                "--no-color",
            ]);
        println!("$ schemathesis run http://{}/openapi.json …", self.address);
        let mut child = command
            .spawn()
            .map_err(|e| format!("schemathesis did not start: {e}"))?;
        let deadline = Instant::now() + RUN_LIMIT;
        loop {
            match child.try_wait().map_err(|e| format!("schemathesis: {e}"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("schemathesis: {status}")),
                None if Instant::now() >= deadline => {
                    stop(&mut child);
                    return Err(format!(
                        "schemathesis ran longer than {} s",
                        RUN_LIMIT.as_secs()
                    ));
                }
                None => std::thread::sleep(POLL),
            }
        }
    }

    /// Kills it and returns all it printed.
    fn stop(mut self) -> String {
        stop(&mut self.child);
        for line in self.printed.iter() {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        std::mem::take(&mut self.log)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// It may have ended by itself: that is no error here.
fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn health(address: &str) -> Result<(), String> {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request =
            format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status)?;
        Ok(status)
    };
    let status: String = ask().map_err(|e: std::io::Error| e.to_string())?;
    if status.split(' ').nth(1) == Some("200") {
        Ok(())
    } else {
        Err(status.trim().to_owned())
    }
}

/// `HOST:PORT` of the first `http://` address with a port.
fn address_in(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("http://")?;
    let end = after
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']')))
        .unwrap_or(after.len());
    let address = after[..end].trim_end_matches(['.', ':']);
    let (_, port) = address.rsplit_once(':')?;
    port.parse::<u16>()
        .is_ok_and(|port| port != 0)
        .then_some(address)
}

/// The first `fk_test_…` or `fk_live_…`.
fn key_in(line: &str) -> Option<&str> {
    let start = line.find("fk_test_").or_else(|| line.find("fk_live_"))?;
    let key = &line[start..];
    let end = key
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        .unwrap_or(key.len());
    (end > "fk_test_".len()).then_some(&key[..end])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn address_is_found_in_any_wording() {
        assert_eq!(
            address_in("Listening on http://127.0.0.1:4021/."),
            Some("127.0.0.1:4021")
        );
        assert_eq!(address_in(r#"{"url":"http://[::1]:80"}"#), Some("[::1]:80"));
        assert_eq!(
            address_in("serving at http://127.0.0.1:4021."),
            Some("127.0.0.1:4021")
        );
        assert_eq!(address_in("see http://example.com/docs"), None);
        assert_eq!(address_in("http://127.0.0.1:0"), None);
    }

    #[test]
    fn key_is_found_in_any_wording() {
        assert_eq!(
            key_in("API key: fk_test_Ab-9_z (shown once)"),
            Some("fk_test_Ab-9_z")
        );
        assert_eq!(key_in(r#"{"key":"fk_live_x1"}"#), Some("fk_live_x1"));
        assert_eq!(key_in("keys look like fk_test_…"), None);
    }

    fn shell(script: &str) -> Result<Served, String> {
        Served::start(Command::new("sh").args(["-c", script]).stdin(Stdio::null()))
    }

    #[test]
    fn server_is_read_asked_and_stopped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = std::thread::spawn(move || {
            for status in ["503 Service Unavailable", "200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let request: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
                assert_eq!(request[0], "GET /health HTTP/1.1");
                write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
            }
        });
        let script =
            format!("echo 'key: fk_test_a1' >&2; echo 'at http://{address}'; exec sleep 60");
        let mut served = shell(&script).unwrap();
        assert_eq!(
            (served.address.as_str(), served.key.as_str()),
            (&*address, "fk_test_a1")
        );
        served.wait_for_health().unwrap();
        answers.join().unwrap();
        assert!(served.stop().contains("key: fk_test_a1"));
    }

    #[test]
    fn server_that_ends_early_is_shown_with_its_words() {
        let why = shell("echo 'no such flag' >&2; exit 2").err().unwrap();
        assert!(
            why.contains("ended before") && why.contains("no such flag"),
            "{why}"
        );
    }
}
