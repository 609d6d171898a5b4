//! Clients that nobody here wrote.

use crate::stage::{PRICE, Stage};
use gate::PublicKey;
use std::path::Path;

/// A Python with the packages `x402`, `httpx` and `cryptography`; `cargo xtask test clients`
/// installs one.
const PYTHON: &str = "FARTHING_X402_PYTHON";

#[tokio::test]
async fn the_official_x402_client_for_python_pays() {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("skipped: {PYTHON} does not name a Python with x402");
        return;
    };
    let stage = Stage::set().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/x402_client.py");
    let origin = stage.url("");
    let run = tokio::task::spawn_blocking(move || {
        std::process::Command::new(python)
            .arg(script)
            .arg(origin)
            .output()
            .unwrap()
    });
    let output = run.await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let key = PublicKey::read(told["publicKey"].as_str().unwrap()).unwrap();
    stage.spent_by(&key, 2 * PRICE).await;
}
