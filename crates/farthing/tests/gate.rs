//! `farthing gate` and `farthing pay`, the real binary: sessions from the command line, and a gate
//! that is killed while it serves one.
#![allow(clippy::unwrap_used)]

#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;

use farthing::{command, path, text, verify};
use http::Http;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Atoms of USD.
const PRICE: u64 = 100_000;
const GIFT: u64 = 1_000_000_000;
const PRICES: &str = "asset = \"USD\"\ndefault = \"0.0001\"\n[free]\n\
                      statuses_other_than = [\"200\"]\n[gate]\npeople = \"priced\"\n\
                      free_requests_per_day = 0\n";

/// A site that counts the pages it gives.
fn open_site() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let given = Arc::new(AtomicU64::new(0));
    let count = given.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = count.clone();
            std::thread::spawn(move || give_pages(stream, &count));
        }
    });
    (address, given)
}

fn give_pages(mut stream: TcpStream, given: &AtomicU64) {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            given.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\npage\n";
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    }
}

struct Scene {
    folder: tempfile::TempDir,
    site: String,
    given: Arc<AtomicU64>,
    keys: Vec<String>,
}

/// A running gate; killed when dropped.
struct Gate {
    child: Child,
    address: String,
    api: String,
    seller: String,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("prices.toml"), PRICES).unwrap();
        let (site, given) = open_site();
        Scene {
            folder,
            site,
            given,
            keys: Vec::new(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&mut self, listen: &str) -> Gate {
        let (data, prices) = (self.file("data"), self.file("prices.toml"));
        let args = [
            "gate",
            "--upstream",
            &self.site,
            "--prices",
            path(&prices),
            "--data",
            path(&data),
            "--listen",
            listen,
            "--api",
            "127.0.0.1:0",
            "--test-gift",
            "1.00",
        ];
        let mut command = command(&args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut gate = Gate {
            child,
            address: String::new(),
            api: String::new(),
            seller: String::new(),
        };
        for line in out.lines().map_while(Result::ok) {
            let words = line.split_whitespace();
            self.keys.extend(
                words
                    .filter(|w| w.starts_with("fk_test_"))
                    .map(str::to_owned),
            );
            if let Some((_, address)) = line.split_once(" on http://") {
                gate.address = address.to_owned();
            } else if let Some((_, seller)) = line.split_once(" to wal_") {
                gate.seller = format!("wal_{seller}");
            } else if let Some(api) = line.strip_prefix("API: http://") {
                gate.api = api.trim_end_matches("/docs").to_owned();
                return gate;
            }
        }
        panic!("the gate did not start");
    }

    fn pay(&self, args: &[&str]) -> Command {
        let mut command = command(&["pay"]);
        command
            .args(args)
            .env("FARTHING_KEY", self.file("key"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a wallet has, in atoms of USD.
    fn balance(&self, gate: &Gate, wallet: &str) -> u64 {
        let mut http = Http::connect(&gate.api, &self.keys[0]).unwrap();
        let found = http
            .get(&format!("/v1/wallets/{wallet}"))
            .unwrap()
            .expect(200);
        let units = found["balances"][0]["balance"].as_str();
        let units = units.unwrap_or_else(|| panic!("{found}"));
        let (whole, part) = units.split_once('.').unwrap_or((units, ""));
        format!("{whole}{part:0<9}").parse().unwrap()
    }
}

impl Gate {
    fn url(&self, page: &str) -> String {
        format!("http://{}/{page}", self.address)
    }

    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.address.clone()
    }

    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn told(output: &Output, is_good: bool) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.success(), is_good, "{out}\n{err}");
    assert!(!err.contains("panicked"), "{err}");
    (out, err)
}

#[test]
fn several_requests_are_paid_for_in_one_session_within_the_limits() {
    let mut scene = Scene::new();
    let gate = scene.start("127.0.0.1:0");
    let (a, b) = (gate.url("a"), gate.url("b"));
    let (out, err) = told(&scene.pay(&[&a]).output().unwrap(), true);
    assert_eq!(out, "page\n");
    assert!(err.contains("paid 0.0001 USD from wal_"), "{err}");

    let (out, err) = told(
        &scene.pay(&[&a, &b, "--count", "3"]).output().unwrap(),
        true,
    );
    assert_eq!(out, "page\n".repeat(6));
    assert!(
        err.contains("paid 0.0006 USD for 6 requests in a session: pay_"),
        "{err}"
    );

    // What it has paid before the limit is reached is paid, and told.
    let many = ["--count", "20000", "--budget", "0.0005"];
    let (out, err) = told(
        &scene.pay(&[&[&*a][..], &many].concat()).output().unwrap(),
        false,
    );
    assert_eq!(out, "page\n".repeat(5));
    assert!(err.contains("allow more with --budget"), "{err}");
    assert!(err.contains("paid 0.0005 USD for 5 requests"), "{err}");

    let dear = ["--count", "2", "--max", "0.00001"];
    let (out, err) = told(
        &scene.pay(&[&[&*a][..], &dear].concat()).output().unwrap(),
        false,
    );
    assert!(
        out.is_empty() && err.contains("allow more with --max"),
        "{err}"
    );

    let (_, err) = told(
        &scene.pay(&[&a, "http://127.0.0.1:1/b"]).output().unwrap(),
        false,
    );
    assert!(err.contains("one site"), "{err}");
    let seller = gate.seller.clone();
    assert_eq!(scene.balance(&gate, &seller), 12 * PRICE);
    gate.stop();
    verify(&scene.file("data"));
}

#[test]
fn a_gate_that_is_killed_loses_no_more_than_it_says() {
    let mut scene = Scene::new();
    let gate = scene.start("127.0.0.1:0");
    let seller = gate.seller.clone();
    let url = gate.url("a");
    // One per cent of what is set aside for these is twenty pages.
    let mut payer = scene.pay(&[&url, "--count", "2000"]);
    let payer = payer.stdout(Stdio::null()).spawn().unwrap();
    wait_for(|| scene.given.load(Ordering::SeqCst) >= 150);
    let address = gate.kill();
    let given = scene.given.load(Ordering::SeqCst);
    let (_, err) = told(&payer.wait_with_output().unwrap(), false);
    assert!(given < 2000, "it was killed too late: {err}");

    let gate = scene.start(&address);
    let earned = scene.balance(&gate, &seller);
    let told_by = format!("earned {earned} of {given} pages");
    assert!(earned <= given * PRICE, "{told_by}");
    // The last page may have been on its way.
    assert!((given - 1) * PRICE <= earned + 20 * PRICE, "{told_by}");

    // The gate goes on; what the dead session has set aside stays set aside for a while.
    let again = scene.pay(&[&url, "--count", "10"]).output().unwrap();
    told(&again, true);
    assert_eq!(scene.balance(&gate, &seller), earned + 10 * PRICE);
    assert!(earned + 10 * PRICE < GIFT);
    gate.stop();
    verify(&scene.file("data"));
}

fn wait_for(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
    }
}
