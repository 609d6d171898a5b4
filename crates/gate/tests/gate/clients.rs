//! Clients that nobody here wrote.

use crate::stage::{PRICE, Stage};
use gate::PublicKey;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each names what runs a script; `cargo xtask test clients` installs them.
const X402: &str = "FARTHING_X402_PYTHON";
const MPP: &str = "FARTHING_MPP_PYTHON";
/// A folder with the npm package and what its tests import.
const NPM: &str = "FARTHING_NPM_CLIENTS";

async fn pays(variable: &str, script: &str) {
    let Some(installed) = std::env::var_os(variable).map(PathBuf::from) else {
        println!("skipped: {variable} names nothing");
        return;
    };
    let stage = Stage::set().await;
    let mut command = if variable == NPM {
        let mut command = Command::new("node");
        command.arg(installed.join("test").join(script));
        command
    } else {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/python");
        let mut command = Command::new(installed);
        // Nothing of what is imported is left behind.
        command.arg("-B").arg(package.join("tests").join(script));
        command.env("PYTHONPATH", package);
        command
    };
    command.arg(stage.url(""));
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
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
    pays(X402, "pay_x402.py").await;
}

#[tokio::test]
async fn the_payment_schemes_client_for_python_pays() {
    pays(MPP, "pay_mpp.py").await;
}

#[tokio::test]
async fn the_payment_schemes_client_for_python_pays_in_a_session() {
    pays(MPP, "pay_mpp_session.py").await;
}

#[tokio::test]
async fn the_official_x402_client_for_python_pays_in_a_session() {
    pays(X402, "pay_x402_session.py").await;
}

#[tokio::test]
async fn the_official_x402_client_for_javascript_pays() {
    pays(NPM, "x402.js").await;
}

#[tokio::test]
async fn the_official_x402_client_for_javascript_pays_in_a_session() {
    pays(NPM, "x402_session.js").await;
}

#[tokio::test]
async fn mppx_pays() {
    pays(NPM, "mppx.js").await;
}

#[tokio::test]
async fn mppx_pays_in_a_session() {
    pays(NPM, "mppx_session.js").await;
}

#[tokio::test]
async fn sellers_in_javascript_that_are_no_gate_are_paid() {
    pays(NPM, "sell.js").await;
}

#[tokio::test]
async fn sellers_in_python_that_are_no_gate_are_paid() {
    pays(X402, "sell_asgi.py").await;
}

#[tokio::test]
async fn a_crawler_that_signs_by_web_bot_auth_pays() {
    pays(NPM, "crawl.js").await;
}
