//! The project's own Python environments, each installed once.

use std::path::PathBuf;

use crate::steps::Outcome;
use crate::workspace::Workspace;

/// An environment with these packages, under the build directory; a skip without a network.
pub fn install(workspace: &Workspace, name: &str, packages: &[&str]) -> Result<PathBuf, Outcome> {
    let venv = workspace.target.join(name);
    let stamp = venv.join("installed");
    let wanted = packages.join(" ");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(venv);
    }
    workspace
        .run(workspace.command("python3").args(["-m", "venv"]).arg(&venv))
        .map_err(Outcome::Fail)?;
    println!("$ pip install {wanted}");
    let output = workspace
        .command(venv.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(packages)
        .output()
        .map_err(|e| Outcome::Fail(format!("pip did not start: {e}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(if is_offline(&words) {
            Outcome::Skip(format!("pip has no network to install {wanted}"))
        } else {
            print!("{words}");
            Outcome::Fail(format!("pip install {wanted}: {}", output.status))
        });
    }
    std::fs::write(&stamp, wanted)
        .map_err(|e| Outcome::Fail(format!("{}: {e}", stamp.display())))?;
    Ok(venv)
}

/// Whether pip failed for want of a network, rather than of the package.
fn is_offline(words: &str) -> bool {
    [
        "NewConnectionError",
        "Failed to establish a new connection",
        "Temporary failure in name resolution",
        "Name or service not known",
        "Network is unreachable",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ProxyError",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_network_counts_as_offline() {
        assert!(is_offline(
            "… NewConnectionError: Temporary failure in name resolution"
        ));
        assert!(!is_offline(
            "ERROR: No matching distribution found for schemathesis==0"
        ));
    }
}
