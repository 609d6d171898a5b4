//! What is said when all is paid: what came of it, where it is served, what to try next.

use super::play::{Moved, Played};
use crate::failure::Failure;
use serde::Serialize;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use traffic::report::Report;

/// What came of the town.
pub struct Closing<'a> {
    pub seed: u64,
    pub played: &'a Played,
}

/// The summary `replay` prints, and what only a town has.
#[derive(Serialize)]
struct Summary<'a> {
    simulated: bool,
    seed: u64,
    #[serde(flatten)]
    report: &'a Report,
    refunds: &'a Moved,
    top_ups: &'a Moved,
}

impl Closing<'_> {
    pub fn json(&self) -> Result<String, Failure> {
        let Played {
            report,
            refunds,
            top_ups,
        } = self.played;
        let summary = Summary {
            simulated: true,
            seed: self.seed,
            report,
            refunds,
            top_ups,
        };
        serde_json::to_string_pretty(&summary)
            .map_err(|error| Failure::said(format!("the summary could not be written: {error}")))
    }

    pub fn text(&self) -> String {
        let Played {
            report,
            refunds,
            top_ups,
        } = self.played;
        let code = refunds.amount.asset.code;
        let mut out = format!(
            "A simulated town (seed {}). Its people and what they bought are made up; their payments\n\
             went through the HTTP API into a real ledger.\n\n",
            self.seed
        );
        let _ = writeln!(out, "{} requests to pay", report.requests);
        // The first line speaks of a log.
        out += report.text().split_once('\n').map_or("", |(_, rest)| rest);
        let _ = writeln!(
            out,
            "{} refunds gave {} {code} back; {} top-ups of {} {code} were needed on the way\n",
            refunds.count,
            refunds.amount.decimal(),
            top_ups.count,
            top_ups.amount.decimal()
        );
        let (paid, ms) = (report.payments.accepted, report.elapsed_ms);
        let _ = writeln!(out, "{paid} payments in {}.{:03} s", ms / 1_000, ms % 1_000);
        out
    }
}

/// Where it is served.
pub struct Served {
    pub address: SocketAddr,
    /// A key of the test tenant.
    pub key: String,
    pub folder: PathBuf,
    /// Whether the folder stays when the demo ends.
    pub kept: bool,
}

impl Served {
    pub fn text(&self) -> String {
        let Served {
            address,
            key,
            folder,
            kept,
        } = self;
        let folder = folder.display();
        let fate = if *kept {
            "stays"
        } else {
            "goes when the demo ends"
        };
        format!(
            "\n\
             Serving on  http://{address}   (the data in {folder} {fate})\n\
             Docs        http://{address}/docs\n\
             A key       {key}\n\
             \n\
             To try:\n  \
             export KEY={key}\n  \
             curl -H \"Authorization: Bearer $KEY\" http://{address}/v1/ledger/trial-balance\n  \
             curl -H \"Authorization: Bearer $KEY\" \"http://{address}/v1/payments?limit=3\"\n  \
             curl -H \"Authorization: Bearer $KEY\" -H \"Content-Type: application/json\" \\\n       \
             -d '{{\"kind\":\"person\",\"country\":\"FR\",\"tier\":1}}' http://{address}/v1/parties\n\
             \n\
             Ctrl-C ends it.\n"
        )
    }
}
