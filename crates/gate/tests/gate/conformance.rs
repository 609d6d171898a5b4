//! Checkers that nobody here wrote. What does not apply is listed in docs/protocols/conformance.md.

use crate::stage::Stage;
use std::process::Command;

/// The checker of PyPI's `x402-conformance`; `cargo xtask test clients` installs it.
const CHECKER: &str = "FARTHING_X402_CONFORMANCE";

async fn finds_no_fault(mode: &'static str, path: &str, checks: usize) {
    let Some(program) = std::env::var_os(CHECKER) else {
        println!("skipped: {CHECKER} names no program");
        return;
    };
    let stage = Stage::set().await;
    let mut command = Command::new(program);
    command.args([mode, "--fail-on-error"]).arg(stage.url(path));
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = run.await.unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let done = told["results"][0]["checks"].as_array().unwrap();
    let failed: Vec<_> = done.iter().filter(|one| one["pass"] != true).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(done.len(), checks);
}

#[tokio::test]
async fn the_402_of_a_priced_page_has_no_fault() {
    // P1 to P7.
    finds_no_fault("resource", "/articles/a", 7).await;
}

#[tokio::test]
async fn what_is_supported_is_said_without_fault() {
    // S1 to S4; S0 is that it could be asked.
    finds_no_fault("live", "/.well-known/farthing", 4).await;
}
