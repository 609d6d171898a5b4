//! `farthing prices check`: what is wrong with definitions of prices, before they are set.

use crate::failure::Failure;
use clap::{Parser, Subcommand};
use money::Asset;
use server::prices::Definition;
use std::path::{Path, PathBuf};

/// Check definitions of prices.
///
/// A definition is a file of JSON: what `POST /v1/prices` takes as `definition`. Segments are checked by
/// the node, which knows the operator's. Exit code 0: all are right; 3: some are not.
///
/// Example: farthing prices check tokens.json fares.json
#[derive(Parser)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Say what is wrong with definitions.
    Check {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Failure> {
    let Action::Check { files } = &args.action;
    let mut wrong = 0;
    for file in files {
        let line = match check(file)? {
            Ok(()) => format!("{}: right", file.display()),
            Err(words) => {
                wrong += 1;
                format!("{}: {words}", file.display())
            }
        };
        outln!("{line}");
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::NotRight("1 price is not right".to_owned())),
        many => Err(Failure::NotRight(format!("{many} prices are not right"))),
    }
}

/// What is wrong with a file's definition.
fn check(file: &Path) -> Result<Result<(), String>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let definition: Definition = match serde_json::from_str(&text) {
        Ok(definition) => definition,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let code = definition.asset.0;
    let Some(asset) = Asset::known(code.as_str()) else {
        return Ok(Err(format!("asset: {code} is not well known")));
    };
    let checked = definition.checked(&asset, &definition.segments());
    Ok(checked
        .map(drop)
        .map_err(|(field, words)| match field.as_str() {
            "" => words,
            field => format!("{field}: {words}"),
        }))
}
