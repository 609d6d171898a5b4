//! Clients that nobody here wrote.

use crate::stage::{PRICE, Stage};
use gate::PublicKey;
use std::path::Path;

/// Each names a Python with what its script imports; `cargo xtask test clients` installs them.
const X402: &str = "FARTHING_X402_PYTHON";
const MPP: &str = "FARTHING_MPP_PYTHON";

async fn pays(python: &str, script: &str) {
    let Some(program) = std::env::var_os(python) else {
        println!("skipped: {python} names no Python");
        return;
    };
    let stage = Stage::set().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let (script, origin) = (folder.join(script), stage.url(""));
    let run = tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new(program);
        // What they share is imported, and nothing of it left behind.
        command.arg("-B").arg(script).arg(origin).output().unwrap()
    });
    let output = run.await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let key = PublicKey::read(told["publicKey"].as_str().unwrap()).unwrap();
    let payments = i128::from(told["payments"].as_u64().unwrap());
    assert!(payments > 1);
    stage.spent_by(&key, payments * PRICE).await;
}

#[tokio::test]
async fn the_official_x402_client_for_python_pays() {
    pays(X402, "x402_client.py").await;
}

#[tokio::test]
async fn the_payment_schemes_client_for_python_pays() {
    pays(MPP, "mpp_client.py").await;
}

#[tokio::test]
async fn the_payment_schemes_client_for_python_pays_in_a_session() {
    pays(MPP, "mpp_session_client.py").await;
}

#[tokio::test]
async fn the_official_x402_client_for_python_pays_in_a_session() {
    pays(X402, "x402_session_client.py").await;
}
