//! A data folder that is not whole, not right, or not private, and the real binary on it.
#![allow(clippy::unwrap_used)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;
#[path = "common/wallets.rs"]
mod wallets;

use dice::Dice;
use farthing::{Farthing, fails, path, run, run_well, text};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wallets::open_wallet;

/// A folder that was served and stopped, with a party of Germany in its journal.
fn served() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let farthing = Farthing::start(&data, &folder.path().join("log"), &[]);
    let mut http = farthing.http(&farthing.keys[0]);
    open_wallet(&mut http, &mut Dice::new(7));
    assert_eq!(farthing.stop().code(), Some(0));
    (folder, data)
}

fn serve_fails(data: &Path, code: i32, words: &str) {
    let args = ["serve", "--data", path(data), "--listen", "127.0.0.1:0"];
    fails(&args, code, words);
}

#[test]
fn a_journal_that_was_changed_is_neither_served_nor_backed_up() {
    let (folder, data) = served();
    let journal = data.join("journal.db");
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(2).rposition(|two| two == b"DE").unwrap();
    bytes[at..at + 2].copy_from_slice(b"FR");
    fs::write(&journal, bytes).unwrap();
    serve_fails(&data, 3, "is broken: root");
    let backup = folder.path().join("backup");
    let args = ["backup", "--data", path(&data), "--to", path(&backup)];
    fails(&args, 3, "is broken: root");
    assert!(!backup.exists());
    // Whoever wants the damaged one all the same says so.
    run_well(&[&args[..], &["--unchecked"]].concat());
    fails(&["verify", "--data", path(&backup)], 3, "is broken");
}

#[test]
fn nothing_is_made_anew_beside_what_is_there() {
    let (_folder, data) = served();
    let take = |name: &str| {
        let away = data.with_extension(name);
        fs::rename(data.join(name), &away).unwrap();
        away
    };
    for name in ["journal.db", "store.db", "keys.db"] {
        let away = take(name);
        serve_fails(&data, 1, name);
        serve_fails(&data, 1, "farthing restore");
        fails(&["keys", "list", "--data", path(&data)], 1, "");
        assert!(!data.join(name).exists(), "{name} was made anew");
        fs::rename(away, data.join(name)).unwrap();
    }
    run_well(&["keys", "list", "--data", path(&data)]);
}

#[test]
fn a_start_on_a_taken_port_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["serve", "--data", path(&data), "--listen", &address];
    fails(&args, 1, "cannot listen");
    assert!(!data.exists());
    drop(taken);
    let farthing = Farthing::start(&data, &folder.path().join("log"), &[]);
    assert_eq!(
        farthing.keys.len(),
        2,
        "the first keys were shown to nobody"
    );
    assert_eq!(farthing.stop().code(), Some(0));
}

#[test]
fn only_the_owner_may_read_the_folder_its_backup_and_what_is_restored() {
    let (folder, data) = served();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    run_well(&["backup", "--data", path(&data), "--to", path(&backup)]);
    let names = |dir: &Path| -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let whole = ["journal.db", "keys.db", "manifest.json", "store.db"];
    assert_eq!(
        names(&backup),
        whole,
        "a backup is these files and no others"
    );
    // As after a copy by a tool that knows nothing of rights.
    fs::set_permissions(backup.join("keys.db"), fs::Permissions::from_mode(0o644)).unwrap();
    run_well(&[
        "restore",
        "--from",
        path(&backup),
        "--data",
        path(&restored),
    ]);
    run_well(&["verify", "--data", path(&backup)]);
    assert_eq!(
        names(&backup),
        whole,
        "reading a backup leaves nothing in it"
    );
    fs::set_permissions(backup.join("keys.db"), fs::Permissions::from_mode(0o600)).unwrap();
    for dir in [&data, &backup, &restored] {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode(dir), 0, "{}", dir.display());
        for name in names(dir) {
            assert_eq!(mode(&dir.join(&name)), 0, "{}/{name}", dir.display());
        }
    }
}

#[test]
fn a_backup_without_keys_is_restored_only_by_who_knows_it() {
    let (folder, data) = served();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let to = ["--data", path(&data), "--to", path(&backup)];
    run_well(&[&["backup", "--without-keys"][..], &to].concat());
    let args = [
        "restore",
        "--from",
        path(&backup),
        "--data",
        path(&restored),
    ];
    fails(&args, 1, "--without-keys");
    run_well(&[&args[..], &["--without-keys"]].concat());
    let farthing = Farthing::start(&restored, &folder.path().join("log"), &[]);
    assert_eq!(farthing.stop().code(), Some(0));
}

#[test]
fn a_backup_is_verified_against_its_manifest() {
    let (folder, data) = served();
    let backup = folder.path().join("backup");
    run_well(&["backup", "--data", path(&data), "--to", path(&backup)]);
    run_well(&["verify", "--data", path(&backup)]);
    let journal = rusqlite::Connection::open(backup.join("journal.db")).unwrap();
    let deleted = "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)";
    assert_eq!(journal.execute(deleted, []).unwrap(), 1);
    drop(journal);
    fails(&["verify", "--data", path(&backup)], 3, "manifest");
}

#[test]
fn a_key_is_made_for_tenants_that_are_there() {
    let (_folder, data) = served();
    let nobody = "ten_11111111111171118111111111111111";
    let args = [
        "keys",
        "create",
        "--scopes",
        "payments:read",
        "--data",
        path(&data),
    ];
    fails(&[&args[..], &["--tenant", nobody]].concat(), 1, nobody);
    run_well(&args);
    let output = run(&["keys", "create", "--data", path(&data)]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--scopes"));
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    for args in [&["tax", "rates"][..], &["packs", "show", "kr", "--json"]] {
        let mut command = farthing::command(args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        drop(out);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(text(&ended.stderr), "", "{args:?}");
        assert!(ended.status.success(), "{args:?}");
    }
}

#[test]
fn a_setting_that_cannot_be_is_named_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", path(&data)];
    let file = folder.path().join("farthing.toml");
    fs::write(&file, "queue_weight_max = 0").unwrap();
    let with_file = [&serve[..], &["--config", path(&file)]].concat();
    fails(&with_file, 1, "queue_weight_max is 0");
    for (name, value, code, words) in [
        ("FARTHING_QUEUE_MAX", "abc", 1, "FARTHING_QUEUE_MAX"),
        (
            "FARTHING_ID_WINDOW_MINUTES",
            "0",
            1,
            "id_window_minutes is 0",
        ),
        ("FARTHING_METRIC_OPEN", "true", 2, "FARTHING_METRICS_OPEN"),
    ] {
        let output = farthing::command(&serve).env(name, value).output().unwrap();
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(words), "{err}");
    }
    fails(&["--log-level", "bogus", "verify"], 2, "bogus");
    assert!(!data.exists());
}
