//! The gate paid by clients that nobody here wrote.

use crate::steps::Outcome;
use crate::workspace::Workspace;
use crate::{npm, python};

/// An environment for each, for they disagree on what they need; and the program of it that the
/// variable names.
const ENVIRONMENTS: &[(&str, &str, &str, &[&str])] = &[
    (
        "FARTHING_X402_PYTHON",
        "venv-x402",
        "python",
        &[
            "x402==2.25.0",
            "httpx==0.28.1",
            "cryptography==50.0.2",
            "starlette==1.10.0",
            "uvicorn==0.54.0",
        ],
    ),
    (
        "FARTHING_MPP_PYTHON",
        "venv-mpp",
        "python",
        &["pympp==0.16.0", "httpx==0.28.1", "cryptography==50.0.2"],
    ),
    (
        "FARTHING_X402_CONFORMANCE",
        "venv-x402conf",
        "x402conf",
        &["x402-conformance==1.6.0"],
    ),
];

pub fn run(workspace: &Workspace) -> Outcome {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--locked", "-p", "gate", "--test", "gate", "--"]);
    cargo.args(["clients", "conformance"]);
    for (variable, name, program, packages) in ENVIRONMENTS {
        match python::install(workspace, name, packages) {
            Ok(venv) => cargo.env(variable, venv.join("bin").join(program)),
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
            "paid by x402 and MPP for Python and JavaScript, singly and in sessions; no fault by \
             x402-conformance"
                .to_owned()
        })
        .into()
}
