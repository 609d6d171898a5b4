//! What the steps need from the machine beyond Rust, and the Debian packages that bring it.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Git,
    Linker,
    Maven,
    Node,
    Python,
}

impl Need {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Need::Git => &["git"],
            Need::Linker => &["gcc", "libc6-dev"],
            Need::Maven => &["maven"],
            Need::Node => &["nodejs", "npm"],
            Need::Python => &["python3", "python3-venv"],
        }
    }

    fn is_met(self) -> bool {
        match self {
            Need::Git => succeeds("git", &["--version"]),
            Need::Linker => succeeds("cc", &["--version"]),
            Need::Maven => succeeds("mvn", &["--version"]),
            Need::Node => succeeds("node", &["--version"]) && succeeds("npm", &["--version"]),
            Need::Python => succeeds("python3", &["-c", "import venv, ensurepip"]),
        }
    }
}

/// Installs what is missing, or says what to install.
pub struct Debian {
    is_updated: bool,
}

impl Debian {
    pub fn new() -> Debian {
        Debian { is_updated: false }
    }

    pub fn provide(&mut self, needs: &[Need]) -> Result<(), String> {
        let missing: Vec<Need> = needs
            .iter()
            .copied()
            .filter(|need| !need.is_met())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages()).copied().collect();
        let remedy = remedy(&packages);
        if !is_root() || !succeeds("apt-get", &["--version"]) {
            return Err(remedy);
        }
        if !self.is_updated {
            apt_get(&["update"]).map_err(|why| format!("{why}; {remedy}"))?;
            self.is_updated = true;
        }
        let mut args = vec!["install", "-y", "--no-install-recommends"];
        args.extend(&packages);
        apt_get(&args).map_err(|why| format!("{why}; {remedy}"))?;
        match missing.iter().find(|need| !need.is_met()) {
            Some(need) => Err(format!("{need:?} still missing after installing; {remedy}")),
            None => Ok(()),
        }
    }
}

fn remedy(packages: &[&str]) -> String {
    format!(
        "needs Debian packages; as root: apt-get update && apt-get install -y \
         --no-install-recommends {}",
        packages.join(" ")
    )
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    println!("$ apt-get {}", args.join(" "));
    let status = Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("apt-get did not start: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("apt-get {}: {status}", args[0]))
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedy_names_every_package() {
        let words = remedy(&["gcc", "libc6-dev"]);
        assert!(
            words.ends_with("--no-install-recommends gcc libc6-dev"),
            "{words}"
        );
    }

    #[test]
    fn absent_program_is_not_a_success() {
        assert!(!succeeds("farthing-no-such-program", &[]));
    }
}
