//! The gate paid by clients that nobody here wrote.

use crate::steps::Outcome;
use crate::workspace::Workspace;
use crate::{npm, python};

/// An environment for each, for they disagree on what they need.
const ENVIRONMENTS: &[(&str, &str, &[&str])] = &[
    (
        "FARTHING_X402_PYTHON",
        "venv-x402",
        &["x402==2.25.0", "httpx==0.28.1", "cryptography==50.0.2"],
    ),
    (
        "FARTHING_MPP_PYTHON",
        "venv-mpp",
        &["pympp==0.16.0", "httpx==0.28.1", "cryptography==50.0.2"],
    ),
];

pub fn run(workspace: &Workspace) -> Outcome {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test", "--locked", "-p", "gate", "--test", "gate", "clients",
    ]);
    for (variable, name, packages) in ENVIRONMENTS {
        match python::install(workspace, name, packages) {
            Ok(venv) => cargo.env(variable, venv.join("bin/python")),
            Err(outcome) => return outcome,
        };
    }
    let folder = match npm::install(workspace) {
        Ok(folder) => folder,
        Err(outcome) => return outcome,
    };
    let mut npm = workspace.command("npm");
    npm.args(["test", "--silent"]).current_dir(&folder);
    cargo.env("FARTHING_NPM_CLIENTS", folder);
    workspace
        .run(&mut npm)
        .and_then(|()| workspace.run(&mut cargo))
        .map(|()| {
            "paid by x402 and MPP for Python and JavaScript, singly and in sessions".to_owned()
        })
        .into()
}
