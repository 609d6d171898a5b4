//! `farthing invoice`: invoices and credit notes of a running server.

use super::ask::{Server, deliver};
use crate::failure::Failure;
use clap::{Parser, Subcommand};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing invoice new --payer wal_… --payee wal_… --asset EUR --product Articles \\
      --from 2026-03-01T00:00:00Z --until 2026-04-01T00:00:00Z --once march-2026
  farthing invoice new --supply fee --issuer par_… --payee wal_… --asset EUR --product Fee \\
      --from 2026-03-01T00:00:00Z --until 2026-04-01T00:00:00Z --once fee-march-2026
  farthing invoice get inv_… --form pdf --out march.pdf
  farthing invoice credit inv_… --reason 'could not be opened'
  farthing invoice list

Exit codes: 0 done; 1 it could not be issued or had, and the message says what to do; 2 the command
  line is wrong.";

/// Issue invoices and credit notes, and fetch them
///
/// Asks a running server. An invoice sums all payments of a payer to a payee in a period, what the
/// platform sold to a payer, or its fee to a payee; a credit note what was refunded of them. Numbers have no gaps, and what was issued never changes.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Issue an invoice over a period's payments
    New(Box<New>),
    /// Issue a credit note over what was refunded of an invoice's payments
    Credit {
        /// The invoice
        invoice: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Issue it once for this key, however often the command is given
        #[arg(long, value_name = "KEY")]
        once: Option<String>,
    },
    /// Fetch an invoice (inv_…) or credit note (crn_…)
    Get {
        /// Which
        id: String,
        /// In which form
        #[arg(long, value_enum, default_value = "json")]
        form: Form,
        /// Where to write it; standard output if not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List invoices, the last issued first
    List {
        /// Credit notes instead
        #[arg(long)]
        credit_notes: bool,
        /// Only those of this seller
        #[arg(long, value_name = "PARTY")]
        seller: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// Go on from here: the `next` of the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    Json,
    Html,
    Xml,
    Pdf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Supplied {
    /// What the payee sold in its own name: the payee to the payer
    Sale,
    /// What the platform sold in its own name: the platform to the payer
    Platform,
    /// The platform's fee: the platform to the payee
    Fee,
}

#[derive(clap::Args)]
struct New {
    /// What it is for
    #[arg(long, value_enum, default_value = "sale")]
    supply: Supplied,
    /// The operator's own party, which issues what the platform supplies
    #[arg(long, value_name = "PARTY", required_if_eq_any([("supply", "platform"), ("supply", "fee")]))]
    issuer: Option<String>,
    /// The wallet that paid; not of a fee
    #[arg(long, value_name = "WALLET", required_if_eq_any([("supply", "sale"), ("supply", "platform")]))]
    payer: Option<String>,
    /// The wallet that was paid; of what the platform supplies, all if not given
    #[arg(long, value_name = "WALLET", required_if_eq_any([("supply", "sale"), ("supply", "fee")]))]
    payee: Option<String>,
    /// The asset, such as EUR
    #[arg(long)]
    asset: String,
    /// Payments not before, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Payments before
    #[arg(long, value_name = "TIME")]
    until: String,
    /// What was supplied, in words for the buyer
    #[arg(long, value_name = "TEXT")]
    product: String,
    /// Only what is outside the scope of tax (true), or only what is not (false)
    #[arg(long, value_name = "BOOL")]
    out_of_scope: Option<bool>,
    /// A simplified one, without a buyer
    #[arg(long)]
    simplified: bool,
    /// The language of its labels: en, ko, ja, de or fr
    #[arg(long, value_name = "LANG", default_value = "en")]
    language: String,
    /// What the buyer wants to find on it
    #[arg(long, value_name = "TEXT")]
    buyer_reference: Option<String>,
    /// The buyer's name, over what is kept
    #[arg(long, value_name = "TEXT")]
    buyer_name: Option<String>,
    /// The buyer's tax number, over what is kept
    #[arg(long, value_name = "NUMBER")]
    buyer_tax_number: Option<String>,
    /// Issue it once for this key, however often the command is given
    #[arg(long, value_name = "KEY")]
    once: Option<String>,
}

impl New {
    fn body(&self) -> Value {
        let kind = match self.simplified {
            true => "simplified_invoice",
            false => "invoice",
        };
        let supply = match self.supply {
            Supplied::Sale => "sale",
            Supplied::Platform => "platform",
            Supplied::Fee => "fee",
        };
        let mut body = json!({
            "supply": supply, "asset": self.asset, "product": self.product,
            "from": self.from, "until": self.until,
            "kind": kind, "language": self.language,
        });
        let mut buyer = Map::new();
        for (field, value) in [
            ("name", &self.buyer_name),
            ("tax_number", &self.buyer_tax_number),
        ] {
            if let Some(value) = value {
                buyer.insert(field.to_owned(), json!(value));
            }
        }
        if !buyer.is_empty() {
            body["buyer"] = Value::Object(buyer);
        }
        for (field, value) in [
            ("issuer", &self.issuer),
            ("payer", &self.payer),
            ("payee", &self.payee),
            ("buyer_reference", &self.buyer_reference),
        ] {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        if let Some(outside) = self.out_of_scope {
            body["out_of_scope"] = json!(outside);
        }
        body
    }
}

pub fn run(args: &Args) -> Result<(), Failure> {
    const JSON: &str = "application/json";
    match &args.command {
        Command::New(new) => {
            let once = new.once.as_deref();
            let body = new.body();
            let bytes = args
                .server
                .ask("POST", "/v1/invoices", JSON, Some(&body), once)?;
            deliver(&line(bytes), None)
        }
        Command::Credit {
            invoice,
            reason,
            once,
        } => {
            let body = json!({"invoice": invoice, "reason": reason});
            let once = once.as_deref();
            let bytes = args
                .server
                .ask("POST", "/v1/credit-notes", JSON, Some(&body), once)?;
            deliver(&line(bytes), None)
        }
        Command::Get { id, form, out } => {
            let list = match id.starts_with("crn_") {
                true => "credit-notes",
                false => "invoices",
            };
            if !id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                return Err(Failure::said(format!("{id} is no id of a paper")));
            }
            let ending = match form {
                Form::Json => "json",
                Form::Html => "html",
                Form::Xml => "xml",
                Form::Pdf => "pdf",
            };
            let path = format!("/v1/{list}/{id}.{ending}");
            let bytes = args.server.ask("GET", &path, "*/*", None, None)?;
            deliver(&bytes, out.as_deref())
        }
        Command::List {
            credit_notes,
            seller,
            limit,
            cursor,
        } => {
            let path = match credit_notes {
                true => "/v1/credit-notes",
                false => "/v1/invoices",
            };
            let mut path = format!("{path}?limit={limit}");
            for (name, value) in [("seller", seller), ("cursor", cursor)] {
                if let Some(value) = value {
                    path += &format!("&{name}={value}");
                }
            }
            deliver(
                &line(args.server.ask("GET", &path, JSON, None, None)?),
                None,
            )
        }
    }
}

/// JSON as a line of its own.
fn line(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(b'\n');
    bytes
}
