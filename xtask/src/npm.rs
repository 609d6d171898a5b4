//! The project's own npm package with what its tests import, installed once.

use std::path::{Path, PathBuf};

use crate::steps::Outcome;
use crate::workspace::Workspace;

const SOURCE: &str = "clients/npm";

/// A copy of the package as it stands, under the build directory, with what its lock file names; a
/// skip without a network.
pub fn install(workspace: &Workspace) -> Result<PathBuf, Outcome> {
    let (source, folder) = (
        workspace.root.join(SOURCE),
        workspace.target.join("clients-npm"),
    );
    refresh(&source, &folder).map_err(Outcome::Fail)?;
    let stamp = folder.join("node_modules/installed");
    let lock = source.join("package-lock.json");
    let wanted = std::fs::read(&lock).map_err(|e| told(&lock, &e))?;
    if std::fs::read(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    println!("$ npm ci");
    let output = workspace
        .command("npm")
        .arg("ci")
        .current_dir(&folder)
        .output()
        .map_err(|e| Outcome::Fail(format!("npm did not start: {e}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(if is_offline(&words) {
            Outcome::Skip("npm has no network to install its clients".to_owned())
        } else {
            print!("{words}");
            Outcome::Fail(format!("npm ci: {}", output.status))
        });
    }
    std::fs::write(&stamp, wanted).map_err(|e| told(&stamp, &e))?;
    Ok(folder)
}

fn told(path: &Path, error: &std::io::Error) -> Outcome {
    Outcome::Fail(format!("{}: {error}", path.display()))
}

/// Makes `to` what `from` is, but for what was installed there.
fn refresh(from: &Path, to: &Path) -> Result<(), String> {
    let said = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(to).map_err(|e| said(to, e))?;
    for entry in std::fs::read_dir(to).map_err(|e| said(to, e))?.flatten() {
        let path = entry.path();
        if entry.file_name() != "node_modules" {
            let is_dir = path.is_dir();
            let removed = if is_dir {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            removed.map_err(|e| said(&path, e))?;
        }
    }
    for entry in std::fs::read_dir(from)
        .map_err(|e| said(from, e))?
        .flatten()
    {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "node_modules" {
            continue;
        }
        if path.is_dir() {
            refresh(&path, &copy)?;
        } else {
            std::fs::copy(&path, &copy).map_err(|e| said(&path, e))?;
        }
    }
    Ok(())
}

/// Whether npm failed for want of a network, rather than of the package.
fn is_offline(words: &str) -> bool {
    [
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ETIMEDOUT",
        "ENETUNREACH",
        "ERR_SOCKET_TIMEOUT",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_network_counts_as_offline() {
        assert!(is_offline("npm error code EAI_AGAIN"));
        assert!(!is_offline("npm error code ETARGET"));
    }

    #[test]
    fn a_copy_has_what_its_source_has_and_what_was_installed() {
        let dir = std::env::temp_dir().join(format!("farthing-npm-{}", std::process::id()));
        let (from, to) = (dir.join("from"), dir.join("to"));
        let write = |path: PathBuf| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        write(from.join("src/a.js"));
        write(to.join("src/gone.js"));
        write(to.join("node_modules/kept"));
        refresh(&from, &to).unwrap();
        assert!(to.join("src/a.js").is_file() && to.join("node_modules/kept").is_file());
        assert!(!to.join("src/gone.js").exists());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
