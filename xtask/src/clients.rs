//! The gate paid by clients that nobody here wrote.

use crate::python;
use crate::steps::Outcome;
use crate::workspace::Workspace;

const PACKAGES: &[&str] = &["x402==2.25.0", "httpx==0.28.1", "cryptography==50.0.2"];

pub fn run(workspace: &Workspace) -> Outcome {
    let venv = match python::install(workspace, "venv-x402", PACKAGES) {
        Ok(venv) => venv,
        Err(outcome) => return outcome,
    };
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "test", "--locked", "-p", "gate", "--test", "gate", "clients",
        ])
        .env("FARTHING_X402_PYTHON", venv.join("bin/python"));
    workspace
        .run(&mut cargo)
        .map(|()| "paid by x402 for Python".to_owned())
        .into()
}
