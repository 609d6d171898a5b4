//! The real binary, killed and starved under load. The clients' records are the judge.
//!
//! What must hold, whatever happens to the process:
//! - every acknowledged payment is there, exactly once, as it was acknowledged;
//! - none that was not acknowledged is there in half;
//! - who sends again under the same key, a UUIDv7 or any text, never pays twice.
//!
//! FARTHING_CRASHES says how often it is killed (50 in a release build, else 3), FARTHING_SEED
//! repeats a run's choices.
#![allow(clippy::unwrap_used)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;
#[path = "common/judge.rs"]
mod judge;
#[path = "common/load.rs"]
mod load;
#[path = "common/wallets.rs"]
mod wallets;

use dice::Dice;
use farthing::{Farthing, path, run_well, spawn, verify};
use judge::{Judged, judge};
use load::{Client, Town};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wallets::open_wallet;

const CLIENTS: u64 = 12;
/// Snapshots are taken, and started from, during the test too.
const CONFIG: &str = "snapshot_every = 3000\n";

fn crashes() -> u64 {
    let given = std::env::var("FARTHING_CRASHES")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or(if cfg!(debug_assertions) { 3 } else { 50 })
}

struct Scene {
    folder: tempfile::TempDir,
    dice: Dice,
}

impl Scene {
    fn new(what: &str) -> Scene {
        let seed = dice::seed();
        println!("{what}: FARTHING_SEED={seed}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("farthing.toml"), CONFIG).unwrap();
        Scene {
            folder,
            dice: Dice::new(seed),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("stderr.log")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("farthing.toml")
    }

    fn start(&self, data: &Path) -> Farthing {
        Farthing::start(data, &self.log(), &["--config", path(&self.config())])
    }

    fn try_start(&self, data: &Path) -> Result<Farthing, std::process::ExitStatus> {
        Farthing::try_start(data, &self.log(), &["--config", path(&self.config())])
    }

    /// All that was said on standard error.
    fn words(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn clients(&mut self) -> Vec<Client> {
        (0..CLIENTS)
            .map(|_| Client::new(self.dice.roll()))
            .collect()
    }
}

/// All clients pay until `meanwhile` returns and their connections break.
fn under_load(
    farthing: Farthing,
    town: &Town,
    clients: &mut [Client],
    meanwhile: impl FnOnce(Farthing),
) {
    let stop = AtomicBool::new(false);
    let address = farthing.address.clone();
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| client.pay(&address, town, &stop));
        }
        meanwhile(farthing);
        stop.store(true, Ordering::Relaxed);
    });
}

/// All that is unknown is sent again, and then the judge looks.
fn settle_and_judge(farthing: &Farthing, town: &Town, clients: &mut [Client]) -> Judged {
    for client in clients.iter_mut() {
        client.settle(&farthing.address, town);
    }
    judge(farthing, town, clients)
}

fn sum(clients: &[Client], what: impl Fn(&Client) -> u64) -> u64 {
    clients.iter().map(what).sum()
}

#[test]
fn a_killed_server_has_kept_what_it_acknowledged_and_nothing_in_half() {
    let mut scene = Scene::new("kill -9");
    let (start, crashes) = (Instant::now(), crashes());
    let data = scene.data();
    let farthing = scene.start(&data);
    let key = farthing.keys[0].clone();
    let town = Town::open(&farthing, &key, &mut scene.dice);
    let mut clients = scene.clients();
    let mut serving = Some(farthing);
    let (mut early, mut unknown) = (0, 0);
    for round in 0..crashes {
        // Now and then it is killed while it still recovers.
        if scene.dice.below(4) == 0 && serving.is_none() {
            let mut child = spawn(&data, &scene.log(), &["--config", path(&scene.config())]);
            std::thread::sleep(Duration::from_micros(scene.dice.below(60_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            early += 1;
        }
        let farthing = serving.take().unwrap_or_else(|| scene.start(&data));
        // The moment is chance itself, not a condition to wait for.
        let moment = Duration::from_micros(20_000 + scene.dice.below(380_000));
        under_load(farthing, &town, &mut clients, |farthing| {
            std::thread::sleep(moment);
            farthing.kill();
        });
        unknown += sum(&clients, |client| client.unknown() as u64);
        if round % 10 == 9 {
            verify(&data);
        }
    }
    let farthing = scene.start(&data);
    let judged = settle_and_judge(&farthing, &town, &mut clients);
    assert!(farthing.stop().success());
    let found = verify(&data);
    println!(
        "survived kill -9 {crashes} times under load and {early} times while starting: {} answers \
         acknowledged, {} payments checked one by one ({} denied), {unknown} unknown at a crash, {} \
         sent again ({} had happened, once), {} given up ({} had happened), {} answered ones \
         repeated; {} rows, {} snapshots compared; {:.1?}",
        sum(&clients, |client| client.acknowledged() as u64),
        judged.payments,
        judged.denied,
        sum(&clients, |client| client.retried),
        sum(&clients, |client| client.found_done),
        judged.abandoned_there + judged.abandoned_not_there,
        judged.abandoned_there,
        sum(&clients, |client| client.repeated),
        found["rows"],
        found["snapshots_checked"],
        start.elapsed()
    );
}

#[test]
fn a_first_start_that_was_cut_short_is_taken_up_again() {
    let mut scene = Scene::new("first start");
    for folder in 0..crashes() / 3 {
        let data = scene.folder.path().join(format!("data-{folder}"));
        for _ in 0..3 {
            let mut child = spawn(&data, &scene.log(), &[]);
            std::thread::sleep(Duration::from_micros(scene.dice.below(60_000)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let farthing = scene.start(&data);
        // A key that was made and not shown is not had again; another is.
        let made = run_well(&[
            "keys",
            "create",
            "--scopes",
            "admin",
            "--json",
            "--data",
            path(&data),
        ]);
        let made: Value = serde_json::from_str(&made).unwrap();
        let mut http = farthing.http(made["secret"].as_str().unwrap());
        open_wallet(&mut http, &mut scene.dice);
        assert!(farthing.stop().success(), "{}", scene.words());
        verify(&data);
    }
    assert!(!scene.words().contains("panicked"), "{}", scene.words());
}

/// A small file system of its own, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where mounting is not allowed.
    fn mount(at: PathBuf, size: &str) -> Option<Disk> {
        std::fs::create_dir(&at).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Disk(at))
    }

    fn enlarge(&self, size: &str) {
        let options = format!("remount,size={size}");
        let status = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that is just being killed may still hold it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The disk is filled, found full again at the next start, and enlarged, so often.
const DISK_SIZES: [&str; 4] = ["16m", "22m", "30m", "256m"];

#[test]
fn a_full_disk_stops_the_server_and_loses_nothing_it_acknowledged() {
    let mut scene = Scene::new("disk full");
    let start = Instant::now();
    let Some(disk) = Disk::mount(scene.folder.path().join("disk"), DISK_SIZES[0]) else {
        println!("disk full: skipped, for a tmpfs cannot be mounted here (it takes root)");
        return;
    };
    let data = disk.0.join("data");
    let mut farthing = scene.start(&data);
    let key = farthing.keys[0].clone();
    let town = Town::open(&farthing, &key, &mut scene.dice);
    let mut clients = scene.clients();
    let mut unknown = 0;
    for larger in &DISK_SIZES[1..] {
        let mut status = None;
        under_load(farthing, &town, &mut clients, |mut farthing| {
            status = Some(farthing.wait_end());
        });
        let status = status.expect("it has ended");
        assert_eq!(
            status.code(),
            Some(70),
            "a failed commit ends the process\n{}",
            scene.words()
        );
        unknown += sum(&clients, |client| client.unknown() as u64);
        // Started on a full disk it says so, or serves until its first commit.
        if let Err(status) = scene.try_start(&data) {
            assert!(
                matches!(status.code(), Some(1 | 70)),
                "{status}\n{}",
                scene.words()
            );
        }
        assert!(!scene.words().contains("panicked"), "{}", scene.words());

        disk.enlarge(larger);
        farthing = scene.start(&data);
        for client in &mut clients {
            client.settle(&farthing.address, &town);
        }
    }
    let judged = judge(&farthing, &town, &clients);
    assert!(farthing.stop().success());
    verify(&data);
    println!(
        "survived a full disk {} times: {} answers acknowledged, {} payments checked one by one, \
         {unknown} unknown at the end, {} sent again ({} had happened, once); {:.1?}",
        DISK_SIZES.len() - 1,
        sum(&clients, |client| client.acknowledged() as u64),
        judged.payments,
        sum(&clients, |client| client.retried),
        sum(&clients, |client| client.found_done),
        start.elapsed()
    );
}
